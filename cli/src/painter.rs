//! Seeds to pictures.

use anyhow::Result;
use candle_core::{Device, IndexOp, Tensor};
use rayon::prelude::*;
use stylegan_checkpoint::Checkpoint;
use stylegan_generator::{Generator, Noise, SeedStyle, Truncation};
use stylegan_media::{RgbImage, to_u8};
use stylegan_ops::{Key, Level};

use crate::network::NetworkArgs;
use crate::output;
use crate::report::{Refusal, note};
use crate::style::{NoiseMode, StyleArgs};

/// Draws the pictures of one checkpoint.
///
/// Every picture goes through the network alone, several of them side by side on the cores of a CPU: so it is the
/// same to the last bit whatever else is drawn with it.
pub(crate) struct Painter {
    generator: Generator,
    device: Device,
    lod: f64,
    side: usize,
    truncation: Truncation,
    noise_mode: NoiseMode,
    noise_seed: u64,
    labels: Option<Tensor>,
}

/// One picture to be drawn.
pub(crate) struct Sketch {
    /// `[1, num_layers, w_dim]`
    pub(crate) w_plus: Tensor,
    /// What tells the picture's random noise apart from that of others.
    pub(crate) noise_of: Vec<u64>,
}

impl Painter {
    /// Opens the checkpoint; says so if its pictures are not of full size yet.
    pub(crate) fn open(network: &NetworkArgs, style: &StyleArgs) -> Result<Self> {
        let device = network.device.open()?;
        let checkpoint = Checkpoint::open(&network.checkpoint)?;
        let config = &checkpoint.meta().generator;
        let lod = checkpoint.meta().progress.lod;
        let Level { side, .. } = Level::new(config.resolution, lod)?;
        let labels = labels(network.class, config.label_dim, &device)?;
        if lod > 0.0 {
            note(&format!(
                "`{}` is in the middle of growing: pictures are {side}x{side} (lod {lod:.2} of {full}x{full})",
                checkpoint.path().display(),
                full = config.resolution,
            ));
        }
        Ok(Self {
            generator: checkpoint.generator(&device)?,
            device,
            lod,
            side,
            truncation: style.truncation(),
            noise_mode: style.noise_mode,
            noise_seed: style.noise_seed,
            labels,
        })
    }

    /// Side of the pictures in pixels.
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    /// Layers of the synthesis network.
    pub(crate) fn num_layers(&self) -> usize {
        self.generator.config().num_layers()
    }

    /// The latent of a seed, `[1, z_dim]`.
    pub(crate) fn z(&self, seed: u64) -> Result<Tensor> {
        Ok(self.generator.latents(&[seed], SeedStyle::Native)?)
    }

    /// `[1, z_dim]` to `[1, w_dim]`, not truncated.
    pub(crate) fn w(&self, z: &Tensor) -> Result<Tensor> {
        Ok(self.generator.mapping().forward(z, self.labels.as_ref())?)
    }

    /// `[1, w_dim]` to `[1, num_layers, w_dim]`, truncated.
    pub(crate) fn w_plus(&self, w: &Tensor) -> Result<Tensor> {
        Ok(self.generator.truncate(&self.generator.broadcast(w)?, self.truncation)?)
    }

    /// The picture of a seed.
    pub(crate) fn seed(&self, seed: u64) -> Result<Sketch> {
        Ok(Sketch { w_plus: self.w_plus(&self.w(&self.z(seed)?)?)?, noise_of: vec![seed] })
    }

    /// Draws one picture for each job, in order, a few at a time.
    pub(crate) fn draw<J: Sync>(
        &self,
        jobs: &[J],
        sketch: impl Fn(&J) -> Result<Sketch> + Sync,
        mut sink: impl FnMut(&J, RgbImage) -> Result<()>,
    ) -> Result<()> {
        let bar = output::progress_bar("drawing", jobs.len() as u64);
        for jobs in jobs.chunks(self.at_once()) {
            let draw = |job: &J| self.picture(&sketch(job)?);
            let pictures: Vec<Result<RgbImage>> = match jobs {
                [job] => vec![draw(job)],
                jobs => jobs.par_iter().map(draw).collect(),
            };
            for (job, picture) in jobs.iter().zip(pictures) {
                sink(job, picture?)?;
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// How many pictures are drawn side by side: enough for the cores, and not too many for the memory.
    fn at_once(&self) -> usize {
        match (&self.device, self.side) {
            (Device::Cpu, ..=256) => rayon::current_num_threads(),
            (Device::Cpu, _) => rayon::current_num_threads().min(4),
            _ => 1,
        }
    }

    fn picture(&self, sketch: &Sketch) -> Result<RgbImage> {
        let noise = match self.noise_mode {
            NoiseMode::Const => Noise::Const,
            NoiseMode::None => Noise::None,
            NoiseMode::Random => {
                let numbers: Vec<u64> =
                    [self.noise_seed].into_iter().chain(sketch.noise_of.iter().copied()).collect();
                Noise::Random(Key::new("noise of a picture", &numbers))
            }
        };
        let picture = self.generator.synthesis().forward(&sketch.w_plus, self.lod, &noise)?;
        to_u8(&picture)?.pop().ok_or_else(|| Refusal::new("the network drew no picture").into())
    }
}

/// The label vector that the network wants, `[1, label_dim]`.
fn labels(class: Option<usize>, label_dim: usize, device: &Device) -> Result<Option<Tensor>> {
    match (class, label_dim) {
        (None, 0) => Ok(None),
        (Some(_), 0) => Err(Refusal::usage("`--class` was given, but this network has no labels").into()),
        (None, _) => {
            Err(Refusal::usage(format!("this network has {label_dim} labels, but no `--class` was given"))
                .hint(format!("`--class N` takes a number from 0 to {}", label_dim - 1))
                .into())
        }
        (Some(class), _) if class >= label_dim => {
            Err(Refusal::usage(format!("`--class {class}` is not from 0 to {}", label_dim - 1)).into())
        }
        (Some(class), _) => {
            let one_hot: Vec<f32> =
                (0..label_dim).map(|label| if label == class { 1.0 } else { 0.0 }).collect();
            Ok(Some(Tensor::from_vec(one_hot, (1, label_dim), device)?))
        }
    }
}

/// Row `index` of `[n, dim]`, as `[1, dim]`.
pub(crate) fn row(all: &Tensor, index: usize) -> Result<Tensor> {
    Ok(all.i(index..=index)?.contiguous()?)
}
