//! What frozen networks have in common.

use std::fmt::Debug;

use candle_core::{DType, Result, Tensor, bail};

use crate::tensors::Weights;

/// A network that makes numbers of a picture in which alike pictures are near one another.
pub trait FeatureNetwork: Debug + Send + Sync {
    /// What users call it, such as `inception`.
    fn name(&self) -> &str;

    /// How many numbers it makes of a picture.
    fn width(&self) -> usize;

    /// What tells its numbers from those of the same network with other weights or another resize, for what is kept of them.
    fn fingerprint(&self) -> String;

    /// The features of pictures of any size, on the device of its weights.
    ///
    /// The network works through a large batch in parts; what it needs of memory besides the pictures does not grow with it.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, 3, height, width]` or `[batch, 1, height, width]`, in `range`; `f32`, or `u8` of
    ///   [`PixelRange::Bytes`]
    /// - returns: `[batch, width]`, `f32`
    ///
    /// # Errors
    /// If the pictures have another shape, or the network cannot be computed.
    fn features(&self, pictures: &Tensor, range: PixelRange) -> Result<Tensor>;
}

/// What black and white are in a tensor of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelRange {
    /// 0 and 255, as in files.
    Bytes,
    /// 0 and 1.
    Unit,
    /// -1 and 1, as networks draw them.
    Signed,
}

impl PixelRange {
    /// Black, and the distance from there to white.
    pub(crate) fn black_and_span(self) -> [f64; 2] {
        match self {
            Self::Bytes => [0.0, 255.0],
            Self::Unit => [0.0, 1.0],
            Self::Signed => [-1.0, 2.0],
        }
    }

    /// Pictures in this range as `f32` of three channels; a single one stands for all of them.
    pub(crate) fn rgb(self, pictures: &Tensor) -> Result<Tensor> {
        let (_, channels, height, width) = pictures.dims4()?;
        if !matches!(channels, 1 | 3) || height == 0 || width == 0 {
            bail!("pictures {:?} are not [batch, 3, height, width]", pictures.shape());
        }
        if pictures.dtype() == DType::U8 && self != Self::Bytes {
            bail!("pictures of bytes are in the range 0 to 255 alone");
        }
        let pictures = pictures.to_dtype(DType::F32)?;
        if channels == 1 { pictures.repeat((1, 3, 1, 1)) } else { Ok(pictures) }
    }
}

/// Colors as a network takes them: `(rgb - mean) / deviation`, channel by channel, of red, green, blue from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Colors {
    pub(crate) mean: [f64; 3],
    pub(crate) deviation: [f64; 3],
}

impl Colors {
    /// Those of the networks that torchvision trained on `ImageNet`.
    pub(crate) const TORCHVISION: Self = Self {
        mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
        deviation: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
    };

    /// Those of a network that takes colors from 0 to 1 as they are.
    pub(crate) const UNIT: Self = Self { mean: [0.0; 3], deviation: [255.0; 3] };

    /// Those that stand with the weights.
    pub(crate) fn of(weights: &Weights) -> crate::error::Result<Self> {
        let numbers = |name: &str| -> crate::error::Result<[f64; 3]> {
            let numbers = weights.get(name, &[3])?.to_vec1::<f32>()?;
            Ok([0, 1, 2].map(|channel| f64::from(numbers[channel])))
        };
        let colors = Self { mean: numbers("colors.mean")?, deviation: numbers("colors.deviation")? };
        if colors.deviation.iter().all(|deviation| *deviation > 0.0) {
            Ok(colors)
        } else {
            Err(crate::Error::weight("colors.deviation", "is not positive"))
        }
    }

    /// One factor and one summand for each channel, whatever the range: so no digit is lost to a range in between.
    pub(crate) fn apply(&self, rgb: &Tensor, range: PixelRange) -> Result<Tensor> {
        let [black, span] = range.black_and_span();
        let numbers = |number: &dyn Fn(usize) -> f64| {
            let numbers = [0, 1, 2].map(|channel| number(channel) as f32);
            Tensor::new(&numbers, rgb.device())?.reshape((1, 3, 1, 1))
        };
        let scale = |channel: usize| 255.0 / span / self.deviation[channel];
        let scales = numbers(&scale)?;
        let shifts =
            numbers(&|channel| -black * scale(channel) - self.mean[channel] / self.deviation[channel])?;
        rgb.broadcast_mul(&scales)?.broadcast_add(&shifts)
    }
}

/// The features of a large batch, so many pictures at a time.
pub(crate) fn in_parts(
    pictures: &Tensor,
    at_a_time: usize,
    features: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let batch = pictures.dim(0)?;
    if batch <= at_a_time {
        return features(pictures);
    }
    let firsts = (0..batch).step_by(at_a_time);
    let parts = firsts.map(|first| features(&pictures.narrow(0, first, at_a_time.min(batch - first))?));
    Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn ranges_are_told_apart() {
        let bytes = Tensor::new(&[0_u8, 51, 255], &Device::Cpu).unwrap().reshape((1, 1, 1, 3)).unwrap();
        let signed = Tensor::new(&[-1_f32, -0.6, 1.0], &Device::Cpu).unwrap().reshape((1, 1, 1, 3)).unwrap();
        let colors = Colors { mean: [0.0, 51.0, 255.0], deviation: [255.0, 51.0, 1.0] };
        let expected = [0.0, 0.2, 1.0, -1.0, 0.0, 4.0, -255.0, -204.0, 0.0];
        let unit = Tensor::new(&[0_f32, 0.2, 1.0], &Device::Cpu).unwrap().reshape((1, 1, 1, 3)).unwrap();
        for (pictures, range) in
            [(&bytes, PixelRange::Bytes), (&unit, PixelRange::Unit), (&signed, PixelRange::Signed)]
        {
            let found = values(&colors.apply(&range.rgb(pictures).unwrap(), range).unwrap());
            let error = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 1e-4, "{range:?}: {found:?}");
        }
        assert!(PixelRange::Signed.rgb(&bytes).is_err());
        let two = Tensor::zeros((1, 2, 4, 3), DType::F32, &Device::Cpu).unwrap();
        assert!(PixelRange::Bytes.rgb(&two).is_err());
    }

    #[test]
    fn parts_are_all_there_in_order() {
        let pictures = Tensor::arange(0_f32, 14.0, &Device::Cpu).unwrap().reshape((7, 2, 1, 1)).unwrap();
        let most = std::cell::Cell::new(0);
        let found = in_parts(&pictures, 3, |part| {
            most.set(most.get().max(part.dim(0)?));
            part.flatten_from(1)
        });
        assert_eq!(values(&found.unwrap()), values(&pictures));
        assert_eq!(most.get(), 3);
    }
}
