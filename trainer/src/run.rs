//! The training loop: data in, iterations, ticks, snapshots.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};
use stylegan_checkpoint::{Meta, Network, Progress};
use stylegan_dataset::{Batch, BatchRequest, Order, Prefetcher, Pyramid};
use thiserror::Error;

use crate::grid::Grids;
use crate::statistics::Tally;
use crate::{Event, Position, RunFolder, StepProgress, Tick, TrainConfig, Trainer, peak_memory_bytes};

/// Everything a run is given.
pub struct Job {
    /// What to train, and how.
    pub config: TrainConfig,
    /// The pictures, packed at the network's side or larger.
    pub pyramid: Arc<Pyramid>,
    /// The folder of all runs; this one gets its own inside.
    pub runs: PathBuf,
    /// Where the networks live.
    pub device: Device,
    /// Where batches are prepared beside the training.
    pub runtime: tokio::runtime::Handle,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run folder.
    pub run_dir: PathBuf,
    /// The last snapshot.
    pub snapshot: PathBuf,
    /// Whether it ran to the end of the schedule; else a person stopped it.
    pub finished: bool,
}

/// Why a run could not go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// The packed pictures are smaller than the network's.
    #[error("the pictures are packed at {packed}x{packed}, but `generator.resolution` is {wanted}")]
    TooSmall {
        /// Side of the pack.
        packed: usize,
        /// Side of the network.
        wanted: usize,
    },
    /// The labels of the pictures are not those of the networks.
    #[error(
        "`generator.label_dim` is {wanted}, but the pictures' labels have {found} numbers (0 for no labels)"
    )]
    Labels {
        /// Numbers in a label of the data set.
        found: usize,
        /// Numbers in a label of the networks.
        wanted: usize,
    },
    /// The reader of the pictures ended early.
    #[error("the reader of the pictures stopped before the training did")]
    NoMoreData,
    /// The configuration cannot be written.
    #[error("cannot write the configuration")]
    Config(#[from] toml::ser::Error),
    /// The networks or the device failed.
    #[error("the networks failed")]
    Networks(#[from] candle_core::Error),
    /// The file system refused.
    #[error("cannot write to the run folder")]
    Io(#[from] std::io::Error),
    /// The pictures cannot be read.
    #[error("cannot read the pictures")]
    Data(#[from] stylegan_dataset::Error),
    /// A snapshot cannot be written.
    #[error("cannot write a snapshot")]
    Checkpoint(#[from] stylegan_checkpoint::Error),
    /// A picture cannot be written.
    #[error("cannot write a grid of pictures")]
    Media(#[from] stylegan_media::Error),
}

impl RunError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooSmall { packed, .. } => Some(format!(
                "`--set generator.resolution={packed}` trains at that side; a new pack needs larger pictures or \
                 `--allow-upscale`"
            )),
            Self::Labels { found, .. } => {
                Some(format!("`--set generator.label_dim={found}`, or 0 to train without labels"))
            }
            Self::Data(e) => e.hint(),
            Self::Checkpoint(e) => e.hint(),
            Self::Media(e) => e.hint(),
            _ => None,
        }
    }
}

/// Trains from the first iteration to the end of the schedule, or until `stop` is set; then the iteration is finished
/// and a snapshot written.
///
/// # Errors
/// If the data does not fit the configuration, or reading, writing or the device fails.
pub fn run(job: Job, stop: &AtomicBool, on_event: &mut dyn FnMut(&Event)) -> Result<Outcome, RunError> {
    check_data(&job)?;
    let Job { config, pyramid, runs, device, runtime } = job;
    let folder = RunFolder::create(&runs, &config.run.name, &config.to_toml()?)?;
    let trainer = Trainer::new(config, DType::F32, &device)?;
    let grids = Grids::new(trainer.config(), &pyramid, &device)?;
    let mut run = Run::new(trainer, folder, grids, pyramid, device);
    run.train(&runtime, stop, on_event)
}

fn check_data(job: &Job) -> Result<(), RunError> {
    let (packed, wanted) = (job.pyramid.resolution(), job.config.generator.resolution);
    if packed < wanted {
        return Err(RunError::TooSmall { packed, wanted });
    }
    let wanted = job.config.generator.label_dim;
    let found = job.pyramid.labels().map_or(0, stylegan_dataset::Labels::width);
    // A data set's labels may be left unused, but not made up.
    if wanted != 0 && found != wanted {
        return Err(RunError::Labels { found, wanted });
    }
    Ok(())
}

struct Run {
    trainer: Trainer,
    folder: RunFolder,
    grids: Grids,
    pyramid: Arc<Pyramid>,
    device: Device,
    position: Position,
    started: Instant,
    ticks: u64,
    tick_nimg: u64,
    tick_started: Instant,
    maintenance: Duration,
    tally: Tally,
}

impl Run {
    fn new(trainer: Trainer, folder: RunFolder, grids: Grids, pyramid: Arc<Pyramid>, device: Device) -> Self {
        let now = Instant::now();
        Self {
            trainer,
            folder,
            grids,
            pyramid,
            device,
            position: Position::default(),
            started: now,
            ticks: 0,
            tick_nimg: 0,
            tick_started: now,
            maintenance: Duration::ZERO,
            tally: Tally::default(),
        }
    }

    fn train(
        &mut self,
        runtime: &tokio::runtime::Handle,
        stop: &AtomicBool,
        on_event: &mut dyn FnMut(&Event),
    ) -> Result<Outcome, RunError> {
        let config = self.trainer.config().clone();
        let (resolution, schedule) = (config.generator.resolution, &config.schedule);
        let total_nimg = (schedule.total_kimg * 1000.0).ceil() as u64;
        on_event(&Event::Started {
            run_dir: self.folder.path().to_owned(),
            kimg: kimg(self.position.nimg),
            total_kimg: schedule.total_kimg,
        });
        self.grids.save_reals(&self.folder)?;
        self.grids.save_fakes(&self.folder, &self.trainer, 0, schedule.at(resolution, 0).lod)?;
        let mut reader = self.reader(runtime, total_nimg);
        self.tick_started = Instant::now();

        while self.position.nimg < total_nimg && !stop.load(Ordering::Relaxed) {
            let settings = schedule.at(resolution, self.position.round_nimg);
            let batch = reader.next().ok_or(RunError::NoMoreData)??;
            self.tally.waited(reader.last_wait());
            let (pixels, labels) = self.upload(&batch, config.generator.label_dim)?;
            let outcome = self.trainer.step(&pixels, labels.as_ref(), settings, self.position.step)?;
            self.tally.add(&outcome)?;
            self.position = self.position.advanced(settings.batch, schedule.minibatch_repeats);
            on_event(&Event::Step(StepProgress {
                step: self.position.step,
                nimg: self.position.nimg,
                total_nimg,
                resolution: settings.side,
                fade: settings.lod.fract(),
                images_per_sec: (self.position.nimg - self.tick_nimg) as f64
                    / self.tick_started.elapsed().as_secs_f64().max(1e-9),
            }));
            let tick_kimg = config.run.tick_kimg.get(settings.side).unwrap_or(f64::INFINITY);
            if kimg(self.position.nimg - self.tick_nimg) >= tick_kimg {
                let tick = self.tick(on_event)?;
                if tick.is_multiple_of(config.run.snapshot_ticks) {
                    self.snapshot(on_event)?;
                }
            }
        }

        if self.position.nimg > self.tick_nimg {
            self.tick(on_event)?;
        }
        let snapshot = self.snapshot(on_event)?;
        let finished = self.position.nimg >= total_nimg;
        on_event(&Event::Stopped { finished, kimg: kimg(self.position.nimg) });
        Ok(Outcome { run_dir: self.folder.path().to_owned(), snapshot, finished })
    }

    /// Batches from the present position to the end, prepared ahead.
    fn reader(&self, runtime: &tokio::runtime::Handle, total_nimg: u64) -> Prefetcher {
        let TrainConfig { generator, schedule, data, run, .. } = self.trainer.config().clone();
        let mut position = self.position;
        let requests = std::iter::from_fn(move || {
            (position.nimg < total_nimg).then(|| {
                let settings = schedule.at(generator.resolution, position.round_nimg);
                let request = BatchRequest {
                    first_position: position.nimg,
                    batch: settings.batch,
                    resolution: settings.side,
                };
                position = position.advanced(settings.batch, schedule.minibatch_repeats);
                request
            })
        });
        let order = Order::new(run.seed, self.pyramid.len());
        Prefetcher::spawn(runtime, self.pyramid.clone(), order, data.mirror, requests, data.prefetch)
    }

    fn upload(&self, batch: &Batch, label_dim: usize) -> Result<(Tensor, Option<Tensor>), RunError> {
        let BatchRequest { batch: count, resolution: side, .. } = batch.request;
        let pixels = Tensor::from_slice(&batch.pixels_u8, (count, 3, side, side), &self.device)?;
        let labels = match &batch.labels {
            Some(labels) if label_dim > 0 => {
                Some(Tensor::from_slice(labels, (count, label_dim), &self.device)?)
            }
            _ => None,
        };
        Ok((pixels, labels))
    }

    /// Closes a tick: its number.
    fn tick(&mut self, on_event: &mut dyn FnMut(&Event)) -> Result<u64, RunError> {
        let TrainConfig { generator, schedule, .. } = self.trainer.config();
        let settings = schedule.at(generator.resolution, self.position.round_nimg);
        let statistics = self.tally.take()?;
        // Reading the statistics has waited for the device; the clock may be read now.
        let sec_per_tick = self.tick_started.elapsed().as_secs_f64();
        let tick_kimg = kimg(self.position.nimg - self.tick_nimg);
        self.ticks += 1;
        let tick = Tick {
            tick: self.ticks,
            kimg: kimg(self.position.nimg),
            step: self.position.step,
            lod: settings.lod,
            resolution: settings.side,
            batch: settings.batch,
            g_lrate: settings.g_lrate,
            d_lrate: settings.d_lrate,
            g_loss: statistics.g_loss,
            d_loss: statistics.d_loss,
            real_score: statistics.real_score,
            fake_score: statistics.fake_score,
            gradient_norm: statistics.gradient_norm,
            w_avg_norm: f64::from(
                self.trainer
                    .networks()
                    .averaged()
                    .w_avg()
                    .sqr()?
                    .sum_all()?
                    .to_dtype(DType::F32)?
                    .to_scalar::<f32>()?,
            )
            .sqrt(),
            skipped_updates: statistics.skipped,
            images_per_sec: tick_kimg * 1000.0 / sec_per_tick.max(1e-9),
            sec_per_kimg: sec_per_tick / tick_kimg.max(1e-9),
            sec_per_tick,
            maintenance_sec: self.maintenance.as_secs_f64(),
            data_wait_sec: statistics.waited.as_secs_f64(),
            elapsed_sec: self.started.elapsed().as_secs_f64(),
            peak_memory_bytes: peak_memory_bytes().unwrap_or(0),
        };
        let maintenance = Instant::now();
        self.folder.tick(&tick)?;
        if statistics.skipped > 0 {
            let message = format!("{} updates skipped: gradients were not finite", statistics.skipped);
            self.folder.log(&message)?;
            on_event(&Event::Warning { message });
        }
        self.grids.save_fakes(&self.folder, &self.trainer, self.position.nimg, settings.lod)?;
        self.grids.save_reals_at(&self.folder, self.position.nimg, settings.lod)?;
        on_event(&Event::Tick(Box::new(tick)));
        self.tick_nimg = self.position.nimg;
        self.tick_started = Instant::now();
        self.maintenance = maintenance.elapsed();
        Ok(self.ticks)
    }

    fn snapshot(&mut self, on_event: &mut dyn FnMut(&Event)) -> Result<PathBuf, RunError> {
        let started = Instant::now();
        let config = self.trainer.config();
        let path = self.folder.file_at("network-snapshot-", self.position.nimg, "safetensors");
        let meta = Meta {
            generator: config.generator.clone(),
            discriminator: Some(config.critic()),
            progress: Progress {
                nimg: self.position.nimg,
                lod: config.schedule.at(config.generator.resolution, self.position.round_nimg).lod,
            },
            config: Some(config.to_toml()?),
        };
        let networks = self.trainer.networks();
        let parts = [(Network::G, &networks.g), (Network::D, &networks.d), (Network::GEma, &networks.g_ema)];
        stylegan_checkpoint::save(&path, &meta, &parts, false)?;
        on_event(&Event::Snapshot { path: path.clone(), kimg: kimg(self.position.nimg) });
        let took = started.elapsed();
        self.maintenance += took;
        // What maintenance took is not the next tick's training.
        self.tick_started += took;
        Ok(path)
    }
}

fn kimg(nimg: u64) -> f64 {
    nimg as f64 / 1000.0
}
