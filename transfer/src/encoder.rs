//! The encoder: VGG19 up to `relu4_1`, which is not trained.

use candle_core::{Device, Result as TensorResult, Tensor};
use stylegan_features::{Depth, Padding, Pooling, Vgg, Weights};

use crate::encoder_config::{EncoderConfig, EncoderWeights};
use crate::error::{Error, Result};

/// Channels of the four blocks, of the last of which there is the first layer alone.
pub const ENCODER_WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// The layers whose statistics are compared; the last of them is what is decoded.
pub const LAYERS: [&str; 4] = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"];

/// What VGG19 gives in the four [`LAYERS`], mean over channels and pixels of a photo.
const MEANS: [f64; 4] = [15.2, 88.2, 102.8, 395.1];

/// Pixels along one feature.
pub const STRIDE: usize = 8;

/// VGG19 up to `relu4_1` (Simonyan and Zisserman 2015).
#[derive(Debug)]
pub struct Encoder {
    network: Vgg,
    config: EncoderConfig,
    channels: usize,
    fingerprint: String,
    device: Device,
}

impl Encoder {
    /// The encoder of these weights, on their device.
    ///
    /// # Errors
    /// If a weight is missing or has another shape, or the weights are others than the configuration asks for.
    pub fn new(weights: &Weights, config: EncoderConfig) -> Result<Self> {
        Self::with_widths(weights, config, ENCODER_WIDTHS)
    }

    /// The same with other numbers of channels.
    ///
    /// # Errors
    /// As [`Encoder::new`].
    pub fn with_widths(weights: &Weights, config: EncoderConfig, widths: [usize; 4]) -> Result<Self> {
        let network = Vgg::with_widths(weights, Depth::Nineteen, widths)?;
        let found =
            if network.converts_colors() { EncoderWeights::Normalized } else { EncoderWeights::Plain };
        if found != config.weights {
            return Err(Error::OtherEncoder { expected: config.weights, found });
        }
        let scales = if config.unit_means && found == EncoderWeights::Plain {
            &MEANS[..]
        } else {
            // Those of others have means of one already.
            &[]
        };
        let scales = LAYERS.into_iter().zip(scales).map(|(layer, mean)| (layer, 1.0 / mean));
        Ok(Self {
            network: network.with_padding(config.padding).with_pooling(config.pooling).with_scales(scales)?,
            config,
            channels: widths[3],
            fingerprint: weights.fingerprint().to_owned(),
            device: weights.get("conv1_1.bias", &[widths[0]])?.device().clone(),
        })
    }

    /// What it is like.
    pub fn config(&self) -> EncoderConfig {
        self.config
    }

    /// Channels of `relu4_1`.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// What tells its weights from others.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The features that are changed and decoded.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, 3, height, width]` from 0 to 1, both sides [`Encoder::least_side`] at least
    /// - returns: `[batch, channels, height / 8, width / 8]`, rounded as the pooling has it
    ///
    /// # Errors
    /// If the pictures have another shape or are too small, or the device fails.
    pub fn features(&self, pictures: &Tensor) -> TensorResult<Tensor> {
        let [features] = self.taps(pictures, ["relu4_1"])?;
        Ok(features)
    }

    /// What the four [`LAYERS`] give, as [`Encoder::features`] does.
    ///
    /// # Errors
    /// As [`Encoder::features`].
    pub fn layers(&self, pictures: &Tensor) -> TensorResult<[Tensor; 4]> {
        self.taps(pictures, LAYERS)
    }

    /// The least side of a picture, in pixels.
    pub fn least_side(&self) -> usize {
        // A mirror image takes two features along each side.
        let features = if self.config.padding == Padding::Reflect { 2 } else { 1 };
        match self.config.pooling {
            Pooling::Floor => features * STRIDE,
            Pooling::Ceil => (features - 1) * STRIDE + 1,
        }
    }

    fn taps<const N: usize>(&self, pictures: &Tensor, layers: [&str; N]) -> TensorResult<[Tensor; N]> {
        let (_, _, height, width) = pictures.dims4()?;
        let least = self.least_side();
        if height.min(width) < least {
            candle_core::bail!(
                "a picture of {width}x{height} is too small, {least} along each side is the least"
            );
        }
        let found = self.network.taps(pictures, stylegan_features::PixelRange::Unit, &layers)?;
        found.try_into().map_err(|_| candle_core::Error::Msg("the encoder lacks a layer".to_owned()))
    }
}
