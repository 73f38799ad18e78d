//! w to pixels.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;
use stylegan_generator::{GeneratorConfig, NOISE_CONST, Norm, RUNNING_MEAN, RUNNING_VARIANCE};
use stylegan_ops::{EqualizedWeight, GAIN_LEAKY_RELU, Level, Resolution};

use crate::graph::{Graph, Value};

/// A synthesis network being written.
pub(crate) struct Synthesis<'a> {
    pub(crate) config: &'a GeneratorConfig,
    pub(crate) vb: VarBuilder<'a>,
    /// Whether the stored noise images are added.
    pub(crate) noise: bool,
}

impl Synthesis<'_> {
    /// Pictures of this level, as `stylegan_generator::Synthesis`; `w_of` gives the w of a layer.
    pub(crate) fn write<'w>(
        &self,
        graph: &mut Graph,
        level: Level,
        w_of: impl Fn(usize) -> &'w Value,
    ) -> Result<Value> {
        let mut x = self.input(graph, w_of(0))?;
        let mut previous = None;
        let num_layers = 2 * level.resolution.levels().len();
        for index in 0..num_layers {
            if level.fade > 0.0 && index + 2 == num_layers {
                previous = Some(x.clone());
            }
            x = self.layer(graph, index, &x, w_of(index))?;
        }
        let picture = self.to_rgb(graph, level.resolution.side(), &x)?;
        let Some(x) = previous else { return Ok(picture) };
        let previous = self.to_rgb(graph, level.resolution.side() / 2, &x)?;
        let previous = graph.upscale2x(&previous)?;
        let fade = graph.number(level.fade)?;
        Ok(graph.lerp(&picture, &previous, &fade))
    }

    /// The features that enter layer 0, `[batch, channels, height, width]` of the start; the constant has a batch of one, and the style of
    /// layer 0 makes it whole.
    fn input(&self, graph: &mut Graph, w: &Value) -> Result<Value> {
        let start = self.config.resolution.start();
        let channels = self.config.feature_maps(start.side());
        graph.enter(&self.vb);
        if self.config.const_input {
            return graph.tensor(
                &self.vb,
                "const",
                &self.vb.get((1, channels, start.height, start.width), "const")?,
            );
        }
        let vb = self.vb.pp("input");
        graph.enter(&vb);
        let shape = [start.pixels() * channels, self.config.w_dim];
        let weight = EqualizedWeight::new(&shape, GAIN_LEAKY_RELU / 4.0, 1.0, "weight", &vb)?;
        let weight = graph.tensor(&vb, "weight", &weight.effective()?)?;
        let x = graph.dense(w, &weight, None);
        Ok(graph.reshape(&x, [channels, start.height, start.width]))
    }

    fn layer(&self, graph: &mut Graph, index: usize, x: &Value, w: &Value) -> Result<Value> {
        let vb = self.vb.pp(format!("layer{index}"));
        graph.enter(&vb);
        let mut x = self.convolved(graph, index, x, &vb)?;
        if self.config.noise && self.noise {
            let image = self.noise_image(graph, index)?;
            let channels = self.config.feature_maps(self.resolution_of(index).side());
            let strength = vb.get(channels, "noise_strength")?.reshape((channels, 1, 1))?;
            let strength = graph.tensor(&vb, "noise_strength", &strength)?;
            let noise = graph.mul(&image, &strength);
            x = graph.add(&x, &noise);
        }
        x = graph.leaky_relu(&x);
        x = match self.config.norm {
            Norm::Instance => {
                let mean = graph.mean(&x, &[2, 3]);
                let x = graph.sub(&x, &mean);
                let deviation = graph.deviation(&x, &[2, 3], self.config.norm_epsilon)?;
                graph.div(&x, &deviation)
            }
            Norm::Pixel => graph.pixel_norm(&x)?,
            Norm::Batch => {
                let channels = self.config.feature_maps(self.resolution_of(index).side());
                let of_channel = |name| vb.get(channels, name)?.reshape((channels, 1, 1));
                let deviation = (of_channel(RUNNING_VARIANCE)? + self.config.norm_epsilon)?.sqrt()?;
                let mean = graph.tensor(&vb, RUNNING_MEAN, &of_channel(RUNNING_MEAN)?)?;
                let deviation = graph.tensor(&vb, RUNNING_VARIANCE, &deviation)?;
                let x = graph.sub(&x, &mean);
                graph.div(&x, &deviation)
            }
            Norm::None => x,
        };
        if self.config.styles { self.styled(graph, index, &x, w, &vb) } else { Ok(x) }
    }

    /// Convolution, sampling and bias; layer 0 has the bias alone.
    fn convolved(&self, graph: &mut Graph, index: usize, x: &Value, vb: &VarBuilder) -> Result<Value> {
        let side = self.resolution_of(index).side();
        let channels = self.config.feature_maps(side);
        let bias = vb.get(channels, "bias")?;
        if index == 0 {
            let bias = graph.tensor(vb, "bias", &bias.reshape((channels, 1, 1))?)?;
            return Ok(graph.add(x, &bias));
        }
        let bias = graph.tensor(vb, "bias", &bias)?;
        let doubles = index.is_multiple_of(2);
        let inputs = if doubles { self.config.feature_maps(side / 2) } else { channels };
        let weight = EqualizedWeight::new(&[channels, inputs, 3, 3], GAIN_LEAKY_RELU, 1.0, "weight", vb)?;
        let weight = graph.tensor(vb, "weight", &weight.effective()?)?;
        if !doubles {
            return Ok(graph.conv(x, &weight, Some(&bias), 3, 1));
        }
        let x = graph.upscale2x(x)?;
        if !self.config.blur {
            return Ok(graph.conv(&x, &weight, Some(&bias), 3, 1));
        }
        let (before, after) =
            if self.config.bias_before_blur { (Some(&bias), None) } else { (None, Some(&bias)) };
        let x = graph.conv(&x, &weight, before, 3, 1);
        let kernel = graph.tensor(vb, "blur", &blur_kernel(channels)?)?;
        Ok(graph.conv(&x, &kernel, after, 3, channels))
    }

    /// The stored image of a layer, or of the first of its block.
    fn noise_image(&self, graph: &mut Graph, index: usize) -> Result<Value> {
        let Resolution { width, height } = self.resolution_of(index);
        let of_layer = if self.config.noise_per_block { index - index % 2 } else { index };
        let vb = self.vb.pp(format!("layer{of_layer}"));
        graph.tensor(&vb, NOISE_CONST, &vb.get((1, 1, height, width), NOISE_CONST)?)
    }

    /// `x · (scale + 1) + shift`
    fn styled(
        &self,
        graph: &mut Graph,
        index: usize,
        x: &Value,
        w: &Value,
        vb: &VarBuilder,
    ) -> Result<Value> {
        let channels = self.config.feature_maps(self.resolution_of(index).side());
        let weight = EqualizedWeight::new(&[2 * channels, self.config.w_dim], 1.0, 1.0, "style_weight", vb)?;
        let weight = graph.tensor(vb, "style_weight", &weight.effective()?)?;
        // The scales' 1 is in the bias.
        let bias = vb.get(2 * channels, "style_bias")?;
        let (scale, shift) = (bias.narrow(0, 0, channels)?, bias.narrow(0, channels, channels)?);
        let bias = graph.tensor(vb, "style_bias", &Tensor::cat(&[(scale + 1.0)?, shift], 0)?)?;
        let style = graph.dense(w, &weight, Some(&bias));
        let style = graph.reshape(&style, [2 * channels, 1, 1]);
        let [scale, shift] = graph.halves(&style);
        let x = graph.mul(x, &scale);
        Ok(graph.add(&x, &shift))
    }

    /// Width and height of a layer's features.
    fn resolution_of(&self, index: usize) -> Resolution {
        let resolution = self.config.resolution;
        resolution.levels().nth(index / 2).unwrap_or(resolution)
    }

    fn to_rgb(&self, graph: &mut Graph, side: usize, x: &Value) -> Result<Value> {
        let vb = self.vb.pp(format!("to_rgb_{side}"));
        graph.enter(&vb);
        let channels = self.config.num_channels;
        let shape = [channels, self.config.feature_maps(side), 1, 1];
        let weight = EqualizedWeight::new(&shape, 1.0, 1.0, "weight", &vb)?;
        let weight = graph.tensor(&vb, "weight", &weight.effective()?)?;
        let bias = graph.tensor(&vb, "bias", &vb.get(channels, "bias")?)?;
        Ok(graph.conv(x, &weight, Some(&bias), 1, 1))
    }
}

/// `[1, 2, 1]` along both axes, of sum 1, for each channel alone: `[channels, 1, 3, 3]`.
fn blur_kernel(channels: usize) -> Result<Tensor> {
    let line = Tensor::new(&[0.25f32, 0.5, 0.25], &Device::Cpu)?;
    let kernel = line.reshape((3, 1))?.broadcast_mul(&line)?;
    kernel.broadcast_as((channels, 1, 3, 3))?.contiguous()
}
