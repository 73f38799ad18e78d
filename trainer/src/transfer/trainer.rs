//! One iteration of a decoder's training.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};
use stylegan_ops::{AdamSteps, Key, Parameters, backward};
use stylegan_transfer::{Decoder, Encoder, Losses};

use super::config::{TransferConfig, TransferLoss};
use super::data::unit;
use crate::{Adam, Report};

/// A decoder in training, its optimizer, and the encoder that it is trained for.
#[derive(Debug)]
pub struct TransferTrainer {
    config: TransferConfig,
    encoder: Arc<Encoder>,
    /// Variables of the decoder.
    parameters: Parameters,
    decoder: Decoder,
    /// The same without gradients, to draw with.
    frozen_decoder: Decoder,
    pub(crate) adam: Adam,
    /// What there would be of a second optimizer, which never skips a step.
    idle: AdamSteps,
    device: Device,
}

impl TransferTrainer {
    /// A decoder at its first values, a function of `config.run.seed`, on the encoder's device.
    ///
    /// # Errors
    /// If the device cannot hold it.
    pub fn new(config: TransferConfig, encoder: Arc<Encoder>) -> Result<Self> {
        let device = encoder.device().clone();
        let parameters = Parameters::new(Key::new("first values of decoder", &[config.run.seed]));
        let decoder = Decoder::new(config.decoder(), &parameters.builder(DType::F32, &device))?;
        let frozen_decoder = Decoder::new(config.decoder(), &parameters.frozen(DType::F32, &device))?;
        Ok(Self {
            adam: Adam::new(config.adam.into(), &parameters, |_| true)?,
            idle: AdamSteps::new(0, &device)?,
            config,
            encoder,
            parameters,
            decoder,
            frozen_decoder,
            device,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &TransferConfig {
        &self.config
    }

    /// The encoder.
    pub fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    /// The decoder's variables.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The decoder as it is, without gradients.
    pub fn frozen_decoder(&self) -> &Decoder {
        &self.frozen_decoder
    }

    /// Where it is computed.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How far the optimizer is, and what stands for a second one.
    pub(crate) fn adam_steps(&self) -> [&AdamSteps; 2] {
        [self.adam.steps(), &self.idle]
    }

    /// What an iteration computes before it changes anything.
    ///
    /// # Shapes
    /// - `contents`, `styles`: `[batch, 3, crop, crop]` of bytes
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn losses(&self, contents: &Tensor, styles: &Tensor) -> Result<Losses> {
        Losses::of(&self.encoder, &self.decoder, &unit(contents)?, &unit(styles)?)
    }

    /// The mean squared distance of contents, from 0 to 1, to what is decoded of their own features: a number.
    ///
    /// # Shapes
    /// - `contents`: as in [`TransferTrainer::losses`]
    ///
    /// # Errors
    /// If the shape differs or the device fails.
    pub fn pixel_loss(&self, contents: &Tensor) -> Result<Tensor> {
        let contents = unit(contents)?;
        let features = self.encoder.features(&contents)?.detach();
        (self.decoder.forward(&features)? - contents)?.sqr()?.mean_all()
    }

    /// One iteration. Reports `loss` and, as far as they have weights, `content_loss`, `style_loss` and `pixel_loss`, a number
    /// each.
    ///
    /// # Shapes
    /// - `contents`, `styles`: as in [`TransferTrainer::losses`]
    ///
    /// # Errors
    /// As [`TransferTrainer::losses`].
    pub fn step(&mut self, contents: &Tensor, styles: &Tensor, lrate: f64) -> Result<Report> {
        let TransferLoss { content_weight, style_weight, pixel_weight } = self.config.loss;
        let mut report = Report::default();
        let mut terms = Vec::new();
        if self.config.loss.draws_in_styles() {
            let losses = self.losses(contents, styles)?;
            report.add("content_loss", &losses.content);
            report.add("style_loss", &losses.style()?);
            terms.push(losses.total(content_weight, style_weight)?);
        }
        if pixel_weight > 0.0 {
            let loss = self.pixel_loss(contents)?;
            report.add("pixel_loss", &loss);
            terms.push((loss * pixel_weight)?);
        }
        let total = Tensor::stack(&terms, 0)?.sum_all()?;
        let gradients = backward(&total)?;
        report.add("loss", &total);
        self.adam.step(&total.detach(), &gradients, lrate)?;
        report.means()
    }
}
