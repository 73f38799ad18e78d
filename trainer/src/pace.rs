//! How long a training takes: measured where it was measured, else in proportion to what is computed.

use std::time::{Duration, Instant};

use candle_core::{DType, Device, Result, Tensor};
use stylegan_ops::{Resolution, is_out_of_memory};
use tracing::field::{Empty, display};
use tracing::{debug, info_span};

use crate::memory::{estimate_bytes, machine_memory_bytes};
use crate::schedule::is_batch_possible;
use crate::{LevelPlan, Settings, TrainConfig, Trainer};

/// About how long an iteration may take that is timed, and how long all of them.
const STEP_SECS: f64 = 2.0;
const ALL_SECS: f64 = 8.0;
/// No single picture is timed that is expected to take longer.
const MOST_SECS: f64 = 3.0;

/// Passes of a picture through each network in an iteration, backward ones counted as two, and the penalty's as four.
const GENERATOR_PASSES: f64 = 4.0;
const CRITIC_PASSES: f64 = 14.0;
/// What is done to a value between two convolutions, in multiplications that take as long.
const BETWEEN: f64 = 60.0;

/// What each level of a training takes.
///
/// A level that was not measured takes what those next to it take for the same amount of work.
#[derive(Clone, Debug)]
pub struct Pace {
    levels: Vec<LevelPace>,
    /// Seconds between the last two ticks.
    maintenance_secs: f64,
    /// What the tick had taken when its level began.
    level_began: Sample,
    /// The level of the last iteration; none before any.
    resolution: Option<Resolution>,
}

#[derive(Clone, Debug)]
struct LevelPace {
    plan: LevelPlan,
    tick_kimg: f64,
    /// About how many multiplications a picture takes.
    work: f64,
    /// What was measured before this tick, the older the less of it.
    before: Sample,
    /// And in it.
    tick: Sample,
}

/// Pictures shown in a time.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    images: f64,
    secs: f64,
}

impl Pace {
    /// Of a training of which nothing was measured yet.
    pub fn new(config: &TrainConfig) -> Self {
        let resolution = config.generator.resolution;
        let level = |plan: LevelPlan| LevelPace {
            work: work(config, plan.resolution),
            tick_kimg: config.run.tick_kimg.get(plan.resolution.side()).unwrap_or(f64::INFINITY),
            before: Sample::default(),
            tick: Sample::default(),
            plan,
        };
        Self {
            levels: config.schedule.levels(resolution).into_iter().map(level).collect(),
            maintenance_secs: 0.0,
            level_began: Sample::default(),
            resolution: None,
        }
    }

    /// The same of a training at one size from its start to its end.
    pub(crate) fn of_one(resolution: Resolution, batch: usize, total_kimg: f64, tick_kimg: f64) -> Self {
        let plan = LevelPlan {
            resolution,
            starts_kimg: 0.0,
            steady_kimg: 0.0,
            ends_kimg: total_kimg,
            batch,
            g_lrate: 0.0,
            d_lrate: 0.0,
        };
        let level =
            LevelPace { plan, tick_kimg, work: 1.0, before: Sample::default(), tick: Sample::default() };
        Self { levels: vec![level], maintenance_secs: 0.0, level_began: Sample::default(), resolution: None }
    }

    /// Measures iterations of networks made for that: of the largest level, and of the others while it takes only seconds.
    ///
    /// Where whole minibatches would take too long, smaller ones are timed. A level whose memory is not there is left out.
    ///
    /// # Errors
    /// If the device fails for another reason than lack of memory.
    pub fn rehearsed(config: &TrainConfig, device: &Device) -> Result<Self> {
        let mut pace = Self::new(config);
        let total = pace.levels.len() as u64;
        let span = info_span!("timing", total, done = Empty, resolution = Empty).entered();
        let started = Instant::now();
        let mut trainer = match Trainer::new(config.clone(), DType::F32, device) {
            Err(error) if is_out_of_memory(&error) => return Ok(pace),
            trainer => trainer?,
        };
        let [g, d] = trainer.networks().parameter_counts();
        // The smallest tells what can be afforded of the largest, on which it all depends.
        let all = 0..pace.levels.len();
        for (done, index) in all.clone().take(1).chain(all.skip(1).rev()).enumerate() {
            let resolution = pace.levels[index].plan.resolution;
            span.record("resolution", display(resolution));
            let fits = |batch: &usize| {
                !device.is_cpu()
                    || machine_memory_bytes().is_none_or(|(_, available)| {
                        estimate_bytes(config, resolution, *batch, g, d) <= available
                    })
            };
            // Small minibatches take more for a picture than large ones: they only tell what can be afforded.
            let mut timed = 0;
            while let Some(batch) =
                pace.affordable_batch(index, config, timed).filter(|&batch| batch > timed && fits(&batch))
            {
                timed = batch;
                match time_level(&mut trainer, config, pace.levels[index].plan.steady(config, batch)) {
                    Err(error) if is_out_of_memory(&error) => break,
                    sample => pace.levels[index].before = sample?,
                }
                debug!(%resolution, batch, secs = pace.levels[index].before.secs, "level timed");
            }
            span.record("done", done as u64 + 1);
            if done > 0 && started.elapsed().as_secs_f64() > ALL_SECS {
                break;
            }
        }
        span.record("done", total);
        Ok(pace)
    }

    /// What was measured, of a training of the same networks whose levels begin and end at other times.
    #[must_use]
    pub fn with_schedule_of(&self, config: &TrainConfig) -> Self {
        let mut pace = Self::new(config);
        for level in &mut pace.levels {
            let is_same = |measured: &&LevelPace| measured.plan.resolution == level.plan.resolution;
            level.before = self.levels.iter().find(is_same).map_or(level.before, |measured| measured.before);
        }
        pace
    }

    /// The largest minibatch of which an iteration is expected to take no longer than one may, a single picture before
    /// any was `timed`; none if that takes by far too long.
    fn affordable_batch(&self, index: usize, config: &TrainConfig, timed: usize) -> Option<usize> {
        let group_size = config.discriminator.switches.mbstd_group_size;
        let most = match self.secs_per_image(index) {
            Some(secs) if secs > MOST_SECS => return None,
            Some(secs) if timed > 0 => (STEP_SECS / secs.max(1e-9)) as usize,
            _ => 1,
        };
        let most = most.clamp(1, self.levels[index].plan.batch);
        (1..=most).rev().find(|&batch| is_batch_possible(batch, group_size))
    }

    /// Takes notice of what a tick has taken so far, up to an iteration at `resolution`.
    pub(crate) fn observe(&mut self, resolution: Resolution, images: u64, secs: f64) {
        let so_far = Sample { images: images as f64, secs };
        if self.resolution != Some(resolution) {
            let ended = self.levels.iter().find(|level| Some(level.plan.resolution) == self.resolution);
            // The first picture of the level is in it by now.
            self.level_began = match ended {
                Some(level) => level.tick.plus(self.level_began),
                None => Sample::default(),
            };
            self.resolution = Some(resolution);
        }
        let began = self.level_began;
        if let Some(level) = self.levels.iter_mut().find(|level| level.plan.resolution == resolution) {
            level.tick = Sample { images: so_far.images - began.images, secs: so_far.secs - began.secs };
        }
    }

    /// A tick ends that has taken so long, and it takes so long until the next one begins.
    pub(crate) fn close_tick(&mut self, secs: f64, maintenance: Duration) {
        if let Some(level) =
            self.levels.iter_mut().find(|level| Some(level.plan.resolution) == self.resolution)
        {
            level.tick.secs = secs - self.level_began.secs;
        }
        self.maintenance_secs = maintenance.as_secs_f64();
        self.begin_tick();
    }

    /// What was observed is of the past, and what was of the past before that counts half.
    pub(crate) fn begin_tick(&mut self) {
        for level in &mut self.levels {
            if level.tick.images > 0.0 {
                let Sample { images, secs } = level.before;
                level.before = Sample { images: images / 2.0, secs: secs / 2.0 }.plus(level.tick);
                level.tick = Sample::default();
            }
        }
        self.level_began = Sample::default();
    }

    /// Seconds that a picture takes at a level; none before anything was measured.
    fn secs_per_image(&self, index: usize) -> Option<f64> {
        let per_work = |level: &LevelPace| Some(level.measured()? / level.work);
        let measured = self.levels[index].measured();
        measured.or_else(|| {
            let below = self.levels[..index].iter().rev().find_map(per_work);
            let above = self.levels[index + 1..].iter().find_map(per_work);
            let per_work = match (below, above) {
                (Some(below), Some(above)) => (below * above).sqrt(),
                (found, None) | (None, found) => found?,
            };
            Some(per_work * self.levels[index].work)
        })
    }

    /// Seconds that each level takes from `kimg` on; none before anything was measured.
    pub(crate) fn level_secs(&self, kimg: f64) -> Option<Vec<f64>> {
        let left = |(index, level): (usize, &LevelPace)| {
            let kimg = level.plan.ends_kimg - kimg.max(level.plan.starts_kimg);
            let ticks = kimg / level.tick_kimg.max(level.plan.batch as f64 / 1000.0);
            let secs = kimg * 1000.0 * self.secs_per_image(index)? + ticks * self.maintenance_secs;
            Some(secs.max(0.0))
        };
        self.levels.iter().enumerate().map(left).collect()
    }

    /// Seconds to the end of the training from `kimg` on; none before anything was measured.
    pub fn left_secs(&self, kimg: f64) -> Option<f64> {
        self.level_secs(kimg).map(|secs| secs.iter().sum())
    }

    /// Seconds that a picture takes at `resolution`; none before anything was measured.
    pub(crate) fn secs_per_image_at(&self, resolution: Resolution) -> Option<f64> {
        self.secs_per_image(self.levels.iter().position(|level| level.plan.resolution == resolution)?)
    }
}

impl LevelPace {
    /// Seconds that a picture was measured to take.
    fn measured(&self) -> Option<f64> {
        let Sample { images, secs } = self.before.plus(self.tick);
        (images > 0.0 && secs > 0.0).then_some(secs / images)
    }
}

impl Sample {
    fn plus(self, other: Self) -> Self {
        Self { images: self.images + other.images, secs: self.secs + other.secs }
    }
}

impl LevelPlan {
    /// Its settings once it is faded in, with minibatches of so many pictures, and rates that change nothing.
    fn steady(&self, config: &TrainConfig, batch: usize) -> Settings {
        let lod = self.resolution.doublings_to(config.generator.resolution).unwrap_or(0);
        Settings { lod: lod.into(), resolution: self.resolution, batch, g_lrate: 0.0, d_lrate: 0.0 }
    }
}

/// Times iterations, after one that is not: as many as fit into the time of one, three at most.
fn time_level(trainer: &mut Trainer, config: &TrainConfig, settings: Settings) -> Result<Sample> {
    let Settings { resolution: Resolution { width, height }, batch, .. } = settings;
    let device = trainer.device().clone();
    let pixels = Tensor::zeros((batch, config.generator.num_channels, height, width), DType::U8, &device)?;
    let labels = match config.generator.label_dim {
        0 => None,
        label_dim => Some(Tensor::zeros((batch, label_dim), DType::F32, &device)?),
    };
    let mut step = |number: u64| -> Result<()> {
        trainer.step(&pixels, labels.as_ref(), settings, number)?;
        device.synchronize()
    };
    step(0)?;
    let (started, mut steps) = (Instant::now(), 0);
    while steps == 0 || steps < 3 && started.elapsed().as_secs_f64() < STEP_SECS {
        steps += 1;
        step(steps)?;
    }
    Ok(Sample { images: (steps as usize * batch) as f64, secs: started.elapsed().as_secs_f64() })
}

/// About how many multiplications a picture takes in an iteration at `resolution`, in whatever unit.
fn work(config: &TrainConfig, resolution: Resolution) -> f64 {
    let critic = config.critic();
    let convolutions = |channels: usize, below: usize| {
        let (channels, below) = (channels as f64, below as f64);
        9.0 * channels * (channels + below) + BETWEEN * (channels + below)
    };
    resolution
        .levels()
        .map(|level| {
            let side = level.side();
            let g =
                convolutions(config.generator.feature_maps(side), config.generator.feature_maps(side / 2));
            let d = convolutions(critic.feature_maps(side), critic.feature_maps(side / 2));
            level.pixels() as f64 * (GENERATOR_PASSES * g + CRITIC_PASSES * d)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 8x8 for 100 kimg, 16x16 for 300, 32x32 for 600.
    fn pace() -> Pace {
        let assignments = [
            "schedule.initial_resolution=8",
            "generator.resolution=32",
            "schedule.steady_kimg=100.0",
            "schedule.fade_kimg=200.0",
            "schedule.total_kimg=1000.0",
            "run.tick_kimg=50.0",
        ];
        let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
        Pace::new(&TrainConfig::load(None, &assignments).unwrap())
    }

    #[test]
    fn what_was_measured_serves_a_longer_training() {
        let mut pace = pace();
        pace.levels[2].before = Sample { images: 1000.0, secs: 8.0 };
        let assignments = [
            "schedule.initial_resolution=8",
            "generator.resolution=32",
            "schedule.steady_kimg=1.0",
            "schedule.fade_kimg=2.0",
            "schedule.total_kimg=10.0",
        ];
        let config = TrainConfig::load(None, &assignments.map(str::to_owned)).unwrap();
        let short = pace.with_schedule_of(&config);
        let ratio = short.left_secs(0.0).unwrap() / pace.left_secs(0.0).unwrap();
        assert!((ratio - 0.01).abs() < 1e-9, "{ratio}");
    }

    #[test]
    fn what_is_left_is_the_sum_over_the_levels_to_come() {
        let mut pace = pace();
        assert_eq!(pace.left_secs(0.0), None);
        for (level, secs) in pace.levels.iter_mut().zip([1.0, 2.0, 8.0]) {
            level.before = Sample { images: 1000.0, secs };
        }
        let left = |pace: &Pace, kimg| pace.left_secs(kimg).unwrap().round();
        assert_eq!(left(&pace, 0.0), 100.0 + 600.0 + 4800.0);
        assert_eq!(left(&pace, 250.0), 300.0 + 4800.0);
        assert_eq!(left(&pace, 900.0), 800.0);
        assert_eq!(left(&pace, 1000.5), 0.0);
        // Ten seconds for each of 20 ticks.
        pace.close_tick(0.0, Duration::from_secs(10));
        assert_eq!(left(&pace, 0.0), 5700.0);
    }

    #[test]
    fn a_level_that_was_not_measured_takes_what_its_work_says() {
        let mut pace = pace();
        let work: Vec<f64> = pace.levels.iter().map(|level| level.work).collect();
        assert!(work[1] > 2.0 * work[0] && work[2] > 2.0 * work[1], "{work:?}");
        pace.levels[0].before = Sample { images: 4.0, secs: 4.0 * work[0] };
        let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-9;
        assert!(close(pace.secs_per_image(2).unwrap(), work[2]));
        pace.levels[2].before = Sample { images: 1.0, secs: 4.0 * work[2] };
        assert!(close(pace.secs_per_image(1).unwrap(), 2.0 * work[1]));
    }

    #[test]
    fn a_tick_that_spans_two_levels_is_told_apart() {
        let mut pace = pace();
        pace.observe(8.into(), 100, 1.0);
        pace.observe(8.into(), 200, 2.0);
        pace.observe(16.into(), 300, 6.0);
        pace.observe(16.into(), 400, 10.0);
        assert_eq!(pace.secs_per_image_at(8.into()), Some(0.01));
        assert_eq!(pace.secs_per_image_at(16.into()), Some(0.04));
        // The device was waited for at the end.
        pace.close_tick(12.0, Duration::ZERO);
        assert_eq!(pace.secs_per_image_at(16.into()), Some(0.05));
        // Slower than before: new counts more than old.
        pace.observe(16.into(), 200, 16.0);
        pace.close_tick(16.0, Duration::ZERO);
        let secs = pace.secs_per_image_at(16.into()).unwrap();
        assert_eq!(secs, (5.0 + 16.0) / (100.0 + 200.0));
    }
}
