//! What a decoder is trained by.

use candle_core::{Result, Tensor};

use crate::{Decoder, Encoder, Statistics, adain};

/// The terms of the loss, a number each, and what was drawn for them.
#[derive(Clone, Debug)]
pub struct Losses {
    /// Mean squared distance of the picture's features at `relu4_1` to those that were decoded.
    pub content: Tensor,
    /// Mean squared distance of the channels' means between picture and style, for each of the four layers.
    pub means: [Tensor; 4],
    /// The same of their deviations.
    pub deviations: [Tensor; 4],
    /// What was drawn, as [`Decoder::forward`] gives it.
    pub pictures: Tensor,
}

impl Losses {
    /// Those of drawing contents in styles (Huang and Belongie 2017, eq. 12 and 13). The features that are decoded are
    /// constants, so that gradients get to the decoder alone.
    ///
    /// # Shapes
    /// - `contents`: `[batch, 3, height, width]` from 0 to 1, both sides multiples of 8
    /// - `styles`: `[batch, 3, height, width]` from 0 to 1, of any size
    ///
    /// # Errors
    /// If the shapes do not fit together, or the device fails.
    pub fn of(encoder: &Encoder, decoder: &Decoder, contents: &Tensor, styles: &Tensor) -> Result<Self> {
        let styles = statistics(&encoder.layers(styles)?)?;
        let decoded = adain(&encoder.features(contents)?, &styles[3])?.detach();
        Self::of_pictures(encoder, decoder.forward(&decoded)?, &decoded, &styles)
    }

    /// Those of pictures, whoever drew them: how far their features at `relu4_1` are from `decoded`, and their statistics from
    /// those of the styles in the four layers.
    ///
    /// # Errors
    /// As [`Losses::of`].
    pub fn of_pictures(
        encoder: &Encoder,
        pictures: Tensor,
        decoded: &Tensor,
        styles: &[Statistics; 4],
    ) -> Result<Self> {
        let drawn = encoder.layers(&pictures)?;
        let content = (&drawn[3] - decoded)?.sqr()?.mean_all()?;
        let drawn = statistics(&drawn)?;
        let distances = |part: fn(&Statistics) -> &Tensor| {
            let mut distances = Vec::new();
            for (drawn, style) in drawn.iter().zip(styles) {
                distances.push((part(drawn) - part(style))?.sqr()?.mean_all()?);
            }
            four(distances)
        };
        Ok(Self {
            content,
            means: distances(|statistics| &statistics.mean)?,
            deviations: distances(|statistics| &statistics.deviation)?,
            pictures,
        })
    }

    /// The sum of all distances of means and deviations.
    ///
    /// # Errors
    /// If the device fails.
    pub fn style(&self) -> Result<Tensor> {
        let [first, rest @ ..] = &self.means;
        rest.iter().chain(&self.deviations).try_fold(first.clone(), |sum, term| sum + term)
    }

    /// What is made small: `content_weight * content + style_weight * style`, in the paper with a weight of 1 for contents.
    ///
    /// # Errors
    /// If the device fails.
    pub fn total(&self, content_weight: f64, style_weight: f64) -> Result<Tensor> {
        self.content.affine(content_weight, 0.0)? + self.style()?.affine(style_weight, 0.0)?
    }
}

fn statistics(layers: &[Tensor; 4]) -> Result<[Statistics; 4]> {
    four(layers.iter().map(Statistics::of).collect::<Result<_>>()?)
}

fn four<T>(all: Vec<T>) -> Result<[T; 4]> {
    all.try_into().map_err(|_| candle_core::Error::Msg("expected four layers".to_owned()))
}
