//! The three networks of a training, and how they see one another.

use candle_core::{DType, Device, Result, Tensor, bail};
use stylegan_discriminator::Critic;
use stylegan_generator::{Generator, Noise, Truncation, is_buffer, is_running_statistic};
use stylegan_ops::{FeatureLayout, Key, Parameters, ema_update};

use crate::TrainConfig;

/// Generator, critic and averaged generator with their variables.
///
/// The frozen networks share the storage of the live ones and take no gradient: the critic's step draws its fakes from
/// the frozen generator without keeping a graph, and the generator's step is judged by the frozen critic without
/// computing a gradient for any of the critic's weights.
#[derive(Debug)]
pub struct Networks {
    /// Variables of the generator.
    pub g: Parameters,
    /// Variables of the critic.
    pub d: Parameters,
    /// Variables of the averaged generator.
    pub g_ema: Parameters,
    pub(crate) generator: Generator,
    pub(crate) frozen_generator: Generator,
    pub(crate) critic: Critic,
    pub(crate) frozen_critic: Critic,
    averaged: Generator,
}

impl Networks {
    /// Networks at their first values, a function of `config.run.seed`.
    ///
    /// # Errors
    /// If the configuration is impossible or the device cannot hold them.
    pub fn new(config: &TrainConfig, dtype: DType, device: &Device) -> Result<Self> {
        let seed = config.run.seed;
        let precision = config.device.precision;
        precision.prepare(device)?;
        let (features, layout) = (precision.features(dtype), config.device.layout.on(device, precision)?);
        if layout == FeatureLayout::Nhwc && !device.is_cuda() {
            bail!("the layout is nhwc, which needs a GPU")
        }
        let g = Parameters::new(Key::new("first values of g", &[seed]));
        let d = Parameters::new(Key::new("first values of d", &[seed]));
        let g_ema = Parameters::new(Key::new("first values of g", &[seed]));
        Ok(Self {
            generator: Generator::new(&config.generator, &g.builder(dtype, device))?
                .with_features_in(features)
                .with_layout(layout)
                .in_training(),
            frozen_generator: Generator::new(&config.generator, &g.frozen(dtype, device))?
                .with_features_in(features)
                .with_layout(layout)
                .in_training(),
            critic: Critic::new(&config.critic(), &d.builder(dtype, device))?
                .with_features_in(features)
                .with_layout(layout),
            frozen_critic: Critic::new(&config.critic(), &d.frozen(dtype, device))?
                .with_features_in(features)
                .with_layout(layout),
            averaged: {
                // Built twice so that sampling from it keeps no graph.
                Generator::new(&config.generator, &g_ema.builder(dtype, device))?;
                Generator::new(&config.generator, &g_ema.frozen(dtype, device))?
            },
            g,
            d,
            g_ema,
        })
    }

    /// The averaged generator, which is the one to sample from.
    pub fn averaged(&self) -> &Generator {
        &self.averaged
    }

    /// Pictures of the averaged generator of the size of `lod`, not truncated, with the stored noise: what a training is
    /// looked at by.
    ///
    /// # Shapes
    /// - `z`: `[batch, z_dim]`
    /// - `labels`: `[batch, label_dim]`, for a network with labels
    /// - returns: `[batch, num_channels, height, width]` in -1..1 (not clamped)
    pub(crate) fn draw_averaged(&self, z: &Tensor, labels: Option<&Tensor>, lod: f64) -> Result<Tensor> {
        self.averaged.draw(z, labels, lod, Truncation::OFF, &Noise::Const)
    }

    /// Trained numbers of generator and critic.
    pub(crate) fn parameter_counts(&self) -> [u64; 2] {
        [&self.g, &self.d].map(parameter_count)
    }

    /// Moves the averaged generator towards the live one: `ema <- live + (ema - live) · beta`; buffers are copied, but
    /// for batch norm's running statistics, which belong to weights.
    ///
    /// # Errors
    /// If the device fails.
    pub fn update_average(&self, beta: f64) -> Result<()> {
        let (averages, live) = (self.g_ema.vars(), self.g.vars());
        let is_copied = |name: &str| is_buffer(name) && !is_running_statistic(name);
        let pairs = averages
            .iter()
            .zip(&live)
            .map(|((name, average), (_, live))| (is_copied(name), (average.as_tensor(), live.as_tensor())));
        let (copied, averaged): (Vec<_>, Vec<_>) = pairs.partition(|(is_copied, _)| *is_copied);
        for (pairs, beta) in [(copied, 0.0), (averaged, beta)] {
            ema_update(&pairs.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>(), beta)?;
        }
        Ok(())
    }
}

/// Trained numbers of a network.
pub(crate) fn parameter_count(parameters: &Parameters) -> u64 {
    let vars = parameters.vars();
    vars.iter().filter(|(name, _)| !is_buffer(name)).map(|(_, var)| var.elem_count() as u64).sum()
}
