//! The configuration of a training run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_checkpoint::Meta;
use stylegan_dataset::{Bits, Fit, LabelMode};
use stylegan_discriminator::{CriticConfig, CriticSwitches};
use stylegan_generator::GeneratorConfig;
use stylegan_metrics::{MEASURES, Measure};
use stylegan_ops::{PartialWidths, Resolution};

use crate::bounds::{MOST_KIMG, outside};
use crate::{AdamConfig, Layout, LossConfig, PerSide, Precision, Schedule};

/// The largest seed: TOML has no larger number.
pub const MOST_SEED: u64 = i64::MAX as u64;
/// The most of anything that is counted in a run.
const MOST_COUNT: u64 = 1_000_000_000;
/// The most pixels of a picture grid along a side.
const MOST_GRID_PIXELS: usize = 1 << 15;

/// Everything a training run depends on except its data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// The run folder and what is written there.
    pub run: RunConfig,
    /// The generator's shape.
    pub generator: GeneratorConfig,
    /// The critic's shape, where it differs from the generator's.
    pub discriminator: PartialCriticConfig,
    /// The loss.
    pub loss: LossConfig,
    /// What is trained at which time.
    pub schedule: Schedule,
    /// The optimizer of both networks.
    pub adam: AdamConfig,
    /// What else happens in a step of the generator.
    pub training: TrainingConfig,
    /// How pictures are read.
    pub data: DataConfig,
    /// How the numbers are computed.
    pub device: DeviceConfig,
}

/// The run folder and what is written there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Name of the run; its folder is `NNNNN-NAME`.
    pub name: String,
    /// Seed of everything random in the run, 0 to 9223372036854775807.
    pub seed: u64,
    /// Time between two ticks (a line of statistics, a grid of fakes), in kimg, by side.
    pub tick_kimg: PerSide<f64>,
    /// Ticks between two snapshots of the networks, each with a training state to go on from; there is one at the end
    /// in any case.
    pub snapshot_ticks: u64,
    /// Most minutes between two snapshots: one that the ticks do not ask for is there to go on from alone, and goes when
    /// newer ones are there; 0 for none.
    pub snapshot_minutes: f64,
    /// Newest training states that are kept, 1 or more. One is about as large as `g` and `d` together.
    pub keep_last: usize,
    /// Time between training states that are kept for good, in kimg; 0 for none.
    pub keep_every_kimg: f64,
    /// Snapshots that are kept for good of those that the ticks ask for, evenly spaced over the training; the last one is
    /// kept in any case.
    pub keep_snapshots: u64,
    /// Whether all of them are kept for good.
    pub keep_all_snapshots: bool,
    /// Updates that may be skipped in one tick since a gradient was not finite; more, which is looked at every 32
    /// iterations, take the run back to its last training state, with half the learning rates.
    pub max_skipped: u64,
    /// How often the run is taken back in all before it stops as diverged.
    pub max_rollbacks: u64,
    /// Measures that the run takes of its own pictures, such as `kid-small` and `swd`: `stylegan metrics --list` says which there
    /// are. The networks that are best by the first of them, of those of the present resolution, are kept as
    /// `network-best-NAME.safetensors`.
    pub metrics: Vec<String>,
    /// Time between two measurements, at the ends of ticks, in kimg; 0 to measure with every snapshot that the ticks ask for.
    pub metrics_every_kimg: f64,
    /// Fakes that are measured, and as many reals at most where a measure compares equal counts.
    pub metrics_fakes: usize,
    /// Columns and rows of the picture grids, 0 to fit about 1920x1080 pixels.
    pub grid: [usize; 2],
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            name: "stylegan".to_owned(),
            seed: 0,
            tick_kimg: PerSide::from_sides([
                (4, 160.0),
                (8, 140.0),
                (16, 120.0),
                (32, 100.0),
                (64, 80.0),
                (128, 60.0),
                (256, 40.0),
                (512, 30.0),
                (1024, 20.0),
            ]),
            snapshot_ticks: 10,
            snapshot_minutes: 10.0,
            keep_last: 2,
            keep_every_kimg: 0.0,
            keep_snapshots: 20,
            keep_all_snapshots: false,
            max_skipped: 20,
            max_rollbacks: 3,
            metrics: Vec::new(),
            metrics_every_kimg: 0.0,
            metrics_fakes: 1000,
            grid: [0, 0],
        }
    }
}

impl RunConfig {
    /// Columns and rows of the grids of pictures of this size.
    pub(crate) fn grid_of(&self, resolution: Resolution) -> [usize; 2] {
        let [columns, rows] = self.grid;
        // The original's: as many as fit 1920x1080, but at least 3 by 2 and at most 32 by 32.
        [
            if columns > 0 { columns } else { (1920 / resolution.width.max(1)).clamp(3, 32) },
            if rows > 0 { rows } else { (1080 / resolution.height.max(1)).clamp(2, 32) },
        ]
    }
}

/// The critic's shape; widths that are not given are the generator's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PartialCriticConfig {
    /// Feature maps at each side, by keys of their own in this table.
    #[serde(flatten)]
    pub widths: PartialWidths,
    /// What the critic alone has, by keys of their own in this table.
    #[serde(flatten)]
    pub switches: CriticSwitches,
}

impl From<&CriticConfig> for PartialCriticConfig {
    fn from(whole: &CriticConfig) -> Self {
        Self { widths: whole.widths.into(), switches: whole.switches }
    }
}

/// What else happens in a step of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Probability of style mixing in a minibatch, 0 to 1. Table 1: 0 in A to E.
    pub style_mixing_prob: f64,
    /// Decay of the running mean of w per pass of the generator, 0 to 1.
    pub w_avg_beta: f64,
    /// Half-life of the averaged generator, in kimg; 0 for no averaging.
    pub ema_half_life_kimg: f64,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self { style_mixing_prob: 0.9, w_avg_beta: 0.995, ema_half_life_kimg: 10.0 }
    }
}

impl TrainingConfig {
    /// What remains of the average's past after one more minibatch: `0.5^(batch / half-life)`.
    pub fn ema_beta(&self, batch: usize) -> f64 {
        if self.ema_half_life_kimg > 0.0 {
            0.5f64.powf(batch as f64 / (self.ema_half_life_kimg * 1000.0))
        } else {
            0.0
        }
    }
}

/// How pictures are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Whether half of the pictures are shown mirrored, left to right.
    pub mirror: bool,
    /// Which labels of the pictures are trained by, where `generator.label_dim` does not forbid it with a 0 of its own:
    /// `auto` for those of a `dataset.json`, `folders` for a class for each folder, `off` for none.
    #[schemars(with = "String")]
    pub labels: LabelMode,
    /// What becomes of pictures of another ratio than `generator.resolution` when they are packed: `crop` takes their middle, `stretch` and `pad`
    /// keep all of them; `pad:RRGGBB` fills with a color instead of black, `pad:edge` with the pixels at the edge.
    #[schemars(with = "String")]
    pub fit: Fit,
    /// Bits of the numbers that pictures are packed with, 8 or 16; a folder that is packed keeps its own.
    #[schemars(with = "usize")]
    pub bits: Bits,
    /// Whether pictures smaller than the network's are enlarged instead of left out or refused.
    pub allow_upscale: bool,
    /// Share of the files that may be unreadable; more refuses the data set.
    pub max_bad_fraction: f64,
    /// Minibatches prepared ahead of the training.
    pub prefetch: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            mirror: true,
            labels: LabelMode::Auto,
            fit: Fit::Crop,
            bits: Bits::Eight,
            allow_upscale: false,
            max_bad_fraction: 0.01,
            prefetch: 8,
        }
    }
}

/// How the numbers are computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceConfig {
    /// How exactly a GPU computes: `tf32`, `f32`, `bf16`, or `auto` for what it is good at.
    pub precision: Precision,
    /// How features lie in the memory of a GPU: `nchw`, `nhwc` for channels last, or `auto` for what is faster.
    pub layout: Layout,
    /// Whether a GPU records an iteration of a level that does not fade, and does it again as a CUDA graph, so that the host need
    /// not start each kernel. It computes the same bits and takes some more memory; where there is little, it is not done.
    pub graphs: bool,
}

impl Default for DeviceConfig {
    fn default() -> Self {
        Self { precision: Precision::default(), layout: Layout::default(), graphs: true }
    }
}

impl TrainConfig {
    /// The critic's whole shape.
    pub fn critic(&self) -> CriticConfig {
        let GeneratorConfig { resolution, num_channels, label_dim, widths, .. } = self.generator;
        let PartialCriticConfig { widths: own, switches } = self.discriminator;
        CriticConfig { resolution, num_channels, label_dim, widths: own.or(widths), switches }
    }

    /// The same with the shape of the networks of a snapshot.
    pub(crate) fn of_networks(&self, meta: &Meta) -> Self {
        let mut config = Self { generator: meta.generator.clone(), ..self.clone() };
        if let Some(critic) = &meta.critic
            && *critic != config.critic()
        {
            config.discriminator = critic.into();
        }
        config
    }

    /// Everything that makes a training with it impossible, one sentence each; empty if nothing does.
    pub fn violations(&self) -> Vec<String> {
        let mut found = self.generator.violations();
        if found.is_empty() {
            // The critic shares the numbers just looked at; to report them twice would help nobody.
            found.extend(self.critic().violations());
            let group_size = self.discriminator.switches.mbstd_group_size;
            found.extend(self.schedule.violations(self.generator.resolution, group_size));
        }
        found.extend(self.loss.violations());
        found.extend(self.adam.violations());
        found.extend(run_violations(&self.run));
        for (key, value, most) in [
            ("training.style_mixing_prob", self.training.style_mixing_prob, 1.0),
            ("training.w_avg_beta", self.training.w_avg_beta, 1.0),
            ("training.ema_half_life_kimg", self.training.ema_half_life_kimg, MOST_KIMG),
            ("data.max_bad_fraction", self.data.max_bad_fraction, 1.0),
        ] {
            found.extend(outside(key, value, 0.0, most));
        }
        found.extend(outside("data.prefetch", self.data.prefetch, 1, 4096));
        // Sides that cannot be are reported above.
        let most = (MOST_GRID_PIXELS / self.generator.resolution.side().clamp(8, 1024)).min(256);
        if self.run.grid.iter().any(|&count| count > most) {
            let [columns, rows] = self.run.grid;
            found.push(format!(
                "`run.grid` is [{columns}, {rows}], but may have at most {most} columns and rows at this side"
            ));
        }
        found
    }
}

/// Everything wrong with what is said of the run alone, one sentence each.
pub(crate) fn run_violations(run: &RunConfig) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(run.tick_kimg.violations("run.tick_kimg"));
    found.extend(run.tick_kimg.values().find_map(|kimg| {
        let is_within = kimg > 0.0 && kimg <= MOST_KIMG;
        (!is_within)
            .then(|| format!("`run.tick_kimg` is {kimg}, but must be above 0 and at most {MOST_KIMG}"))
    }));
    for (key, value, most) in [
        ("run.metrics_every_kimg", run.metrics_every_kimg, MOST_KIMG),
        ("run.keep_every_kimg", run.keep_every_kimg, MOST_KIMG),
        ("run.snapshot_minutes", run.snapshot_minutes, 1e6),
    ] {
        found.extend(outside(key, value, 0.0, most));
    }
    for (key, value, least, most) in [
        ("run.seed", run.seed, 0, MOST_SEED),
        ("run.snapshot_ticks", run.snapshot_ticks, 1, MOST_COUNT),
        ("run.keep_last", run.keep_last as u64, 1, MOST_COUNT),
        ("run.keep_snapshots", run.keep_snapshots, 0, MOST_COUNT),
        ("run.metrics_fakes", run.metrics_fakes as u64, 10, 1_000_000),
        ("run.max_skipped", run.max_skipped, 0, MOST_COUNT),
        ("run.max_rollbacks", run.max_rollbacks, 0, MOST_COUNT),
    ] {
        found.extend(outside(key, value, least, most));
    }
    for name in &run.metrics {
        match Measure::of(name) {
            Some(measure) if measure.metric().is_some() => {}
            Some(_) => {
                found.push(format!("`run.metrics` has `{name}`, which looks at more than pictures"));
            }
            None => {
                let known = MEASURES.iter().map(|measure| measure.name);
                let meant = crate::nearest(name, known).map(|name| format!("; did you mean `{name}`?"));
                found.push(format!(
                    "`run.metrics` has `{name}`, which is no measure{}",
                    meant.unwrap_or_default()
                ));
            }
        }
    }
    let name = &run.name;
    if name.is_empty() || name.len() > 100 || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
        found.push(format!("`run.name` is `{name}`, but must be a file name of 1 to 100 bytes"));
    }
    found
}
