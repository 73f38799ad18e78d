//! The configuration of a training of a style transfer's decoder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_base::Resolution;
use stylegan_transfer::{DecoderConfig, ENCODER_WIDTHS, EncoderConfig};

use crate::bounds::{MOST_KIMG, outside};
use crate::config::run_violations;
use crate::{AdamConfig, PerSide, RunConfig};

/// Everything that the training of a decoder depends on, except the encoder's weights and the pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransferConfig {
    /// The run folder and what is written there.
    pub run: RunConfig,
    /// What the pictures are looked at with; it is not trained.
    #[schemars(with = "EncoderKeys")]
    pub encoder: EncoderConfig,
    /// The decoder's shape.
    pub decoder: DecoderWidths,
    /// The loss.
    pub loss: TransferLoss,
    /// How long is trained, and how fast.
    pub schedule: TransferSchedule,
    /// The optimizer.
    pub adam: TransferAdam,
    /// How pictures are read.
    pub data: TransferData,
}

/// The keys of [`EncoderConfig`], for those who list them.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct EncoderKeys {
    /// Its weights: `vgg19`, or `vgg19-normalized` for the authors' own.
    weights: String,
    /// What is around pictures and features: `zero`, or `reflect` for their mirror images.
    padding: String,
    /// What becomes of odd sides when they are halved: `floor`, or `ceil` to keep the last row and column.
    pooling: String,
    /// Whether the features of plain weights are divided so that they average to one.
    unit_means: bool,
}

/// The decoder's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecoderWidths {
    /// Channels at full size, at half of it and at a quarter of it, 1 to 4096 each; narrow ones train faster and draw less well.
    pub widths: [usize; 3],
}

impl Default for DecoderWidths {
    fn default() -> Self {
        Self { widths: DecoderConfig::default().widths }
    }
}

/// What is made small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransferLoss {
    /// Weight of the content's loss, how far the drawn picture's features are from those that were decoded; 1 in the paper.
    pub content_weight: f64,
    /// Weight of the style's loss, the paper's lambda.
    pub style_weight: f64,
    /// Weight of the mean squared distance between contents, from 0 to 1, and what is decoded of their own features; 0 in the
    /// paper. Alone it trains for reconstruction, which is learned in a hundredth of the time.
    pub pixel_weight: f64,
}

impl Default for TransferLoss {
    fn default() -> Self {
        Self { content_weight: 1.0, style_weight: 10.0, pixel_weight: 0.0 }
    }
}

impl TransferLoss {
    /// Whether contents are drawn in styles at all.
    pub(super) fn draws_in_styles(&self) -> bool {
        self.content_weight > 0.0 || self.style_weight > 0.0
    }
}

/// How long is trained, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransferSchedule {
    /// Length of the whole training, in thousands of contents shown.
    pub total_kimg: f64,
    /// Contents in a minibatch, and as many styles.
    pub batch: usize,
    /// Learning rate at the start.
    pub lrate: f64,
    /// How fast it falls: after `n` iterations it is `lrate / (1 + lrate_decay * n)`.
    pub lrate_decay: f64,
}

impl Default for TransferSchedule {
    fn default() -> Self {
        Self { total_kimg: 1280.0, batch: 8, lrate: 1e-4, lrate_decay: 5e-5 }
    }
}

/// Adam's constants.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransferAdam {
    /// Decay of the first moment, 0 to below 1.
    pub beta1: f64,
    /// Decay of the second moment, 0 to below 1.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl Default for TransferAdam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl From<TransferAdam> for AdamConfig {
    fn from(TransferAdam { beta1, beta2, epsilon }: TransferAdam) -> Self {
        Self { beta1, beta2, epsilon }
    }
}

/// How pictures are read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransferData {
    /// Side at which pictures are packed, in pixels, a power of two from 16 to 1024: their middle, resized to it.
    pub side: usize,
    /// Side of the squares that are cut out of them at random, in pixels, a multiple of 8.
    pub crop: usize,
    /// Whether pictures smaller than `side` are enlarged instead of left out or refused.
    pub allow_upscale: bool,
    /// Share of the files that may be unreadable; more refuses the data set.
    pub max_bad_fraction: f64,
    /// Minibatches prepared ahead of the training.
    pub prefetch: usize,
}

impl Default for TransferData {
    fn default() -> Self {
        Self { side: 512, crop: 256, allow_upscale: false, max_bad_fraction: 0.01, prefetch: 8 }
    }
}

impl Default for TransferConfig {
    fn default() -> Self {
        let run = RunConfig {
            name: "transfer".to_owned(),
            tick_kimg: PerSide::same(8.0),
            snapshot_ticks: 5,
            grid: [4, 4],
            ..RunConfig::default()
        };
        Self {
            run,
            encoder: EncoderConfig::default(),
            decoder: DecoderWidths::default(),
            loss: TransferLoss::default(),
            schedule: TransferSchedule::default(),
            adam: TransferAdam::default(),
            data: TransferData::default(),
        }
    }
}

impl TransferConfig {
    /// The decoder's whole shape.
    pub fn decoder(&self) -> DecoderConfig {
        DecoderConfig { features: ENCODER_WIDTHS[3], widths: self.decoder.widths }
    }

    /// The size of what is cut out of pictures.
    pub fn crop(&self) -> Resolution {
        Resolution::square(self.data.crop)
    }

    /// Everything that makes a training with it impossible, one sentence each; empty if nothing does.
    pub fn violations(&self) -> Vec<String> {
        let mut found = self.decoder().violations();
        found.extend(AdamConfig::from(self.adam).violations());
        found.extend(run_violations(&self.run));
        if !self.run.metrics.is_empty() {
            found.push("`run.metrics` are of what a generator draws, not of pictures in styles".to_owned());
        }
        let TransferData { side, crop, max_bad_fraction, prefetch, .. } = self.data;
        if !side.is_power_of_two() || !(16..=Resolution::MOST_SIDE).contains(&side) {
            let most = Resolution::MOST_SIDE;
            found.push(format!("`data.side` is {side}, but must be a power of two from 16 to {most}"));
        }
        if !crop.is_multiple_of(8) || !(16..=side.max(16)).contains(&crop) {
            found.push(format!(
                "`data.crop` is {crop}, but must be a multiple of 8 from 16 to `data.side`, {side}"
            ));
        }
        for (key, value, least, most) in [
            ("loss.content_weight", self.loss.content_weight, 0.0, 1e6),
            ("loss.style_weight", self.loss.style_weight, 0.0, 1e6),
            ("loss.pixel_weight", self.loss.pixel_weight, 0.0, 1e6),
            ("schedule.total_kimg", self.schedule.total_kimg, 0.0, MOST_KIMG),
            ("schedule.lrate", self.schedule.lrate, 0.0, 1.0),
            ("schedule.lrate_decay", self.schedule.lrate_decay, 0.0, 1.0),
            ("data.max_bad_fraction", max_bad_fraction, 0.0, 1.0),
        ] {
            found.extend(outside(key, value, least, most));
        }
        for (key, value, least, most) in
            [("schedule.batch", self.schedule.batch, 1, 4096), ("data.prefetch", prefetch, 1, 4096)]
        {
            found.extend(outside(key, value, least, most));
        }
        if !self.loss.draws_in_styles() && self.loss.pixel_weight == 0.0 {
            found.push("all weights of `loss` are 0, so there is nothing to learn".to_owned());
        }
        let most = (1 << 15) / crop.max(16);
        if self.run.grid.iter().any(|count| !(1..=most).contains(count)) {
            let [styles, contents] = self.run.grid;
            found.push(format!(
                "`run.grid` is [{styles}, {contents}], but must have 1 to {most} styles and contents at this side"
            ));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_authors() {
        let config = TransferConfig::default();
        assert_eq!(config.violations(), [""; 0]);
        let TransferSchedule { total_kimg, batch, lrate, lrate_decay } = config.schedule;
        // 160,000 iterations of 8 pictures.
        assert_eq!((total_kimg * 1000.0 / batch as f64, lrate, lrate_decay), (160_000.0, 1e-4, 5e-5));
        assert_eq!((config.data.side, config.data.crop, config.loss.style_weight), (512, 256, 10.0));
        assert_eq!(config.decoder(), DecoderConfig { features: 512, widths: [64, 128, 256] });
    }

    #[test]
    fn all_that_is_impossible_is_told_at_once() {
        let mut config = TransferConfig::default();
        config.data.side = 100;
        config.data.crop = 20;
        config.schedule.batch = 0;
        config.adam.beta2 = 1.0;
        config.decoder.widths[1] = 0;
        config.run.metrics = vec!["swd".to_owned()];
        config.run.keep_last = 0;
        config.loss = TransferLoss { content_weight: 0.0, style_weight: 0.0, pixel_weight: 0.0 };
        let found = config.violations().join("\n");
        for key in [
            "loss",
            "data.side",
            "data.crop",
            "schedule.batch",
            "adam.beta2",
            "decoder.widths",
            "run.metrics",
            "run.keep_last",
        ] {
            assert!(found.contains(&format!("`{key}`")), "{key}: {found}");
        }
    }
}
