//! Pictures made the size that a network takes.
//!
//! A side is resized by a matrix of as many rows as there will be pixels; both sides are, one after the other. So it can be
//! differentiated and runs wherever matrices are multiplied.

use candle_core::{Device, Result, Tensor};

use crate::network::PixelRange;

/// A way to resize; measures differ by it, and say which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resize {
    /// As `TensorFlow` 1 does it, and with it the original FID: linear between two pixels however far the picture is
    /// shrunk, and without a half pixel at the edge.
    #[default]
    Tf1,
    /// As clean-fid does it (Parmar et al. 2022): PIL's cubic filter, widened where the picture is shrunk, on numbers that
    /// are not rounded.
    Clean,
}

impl Resize {
    /// What it is called where names stand.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tf1 => "tf1",
            Self::Clean => "clean",
        }
    }

    /// Resizes to `side` pixels on both sides.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, channels, height, width]`, `f32`
    /// - returns: `[batch, channels, side, side]`
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn apply(self, pictures: &Tensor, range: PixelRange, side: usize) -> Result<Tensor> {
        let (batch, channels, height, width) = pictures.dims4()?;
        let rows = |x: &Tensor, from: usize| -> Result<Tensor> {
            if from == side {
                return Ok(x.clone());
            }
            let lines = x.contiguous()?.reshape((x.elem_count() / from, from))?;
            let (batch, channels, other, _) = x.dims4()?;
            lines.matmul(&self.matrix(from, side, x.device())?)?.reshape((batch, channels, other, side))
        };
        if (height, width) == (side, side) || batch * channels == 0 {
            return pictures.reshape((batch, channels, height, width));
        }
        let resized =
            rows(&rows(pictures, width)?.transpose(2, 3)?, height)?.transpose(2, 3)?.contiguous()?;
        match self {
            Self::Tf1 => Ok(resized),
            // The cubic filter overshoots at edges, and PIL's pictures end at black and white.
            Self::Clean => {
                let [black, span] = range.black_and_span();
                resized.clamp(black, black + span)
            }
        }
    }

    /// `[from, to]`: how much of each pixel goes into each.
    fn matrix(self, from: usize, to: usize, device: &Device) -> Result<Tensor> {
        let mut values = vec![0.0; from * to];
        for target in 0..to {
            for (source, share) in self.shares(from, to, target) {
                values[source * to + target] += share as f32;
            }
        }
        Tensor::from_vec(values, (from, to), device)
    }

    /// The pixels that make pixel `target`, and their shares.
    fn shares(self, from: usize, to: usize, target: usize) -> Vec<(usize, f64)> {
        let scale = from as f64 / to as f64;
        match self {
            Self::Tf1 => {
                let place = target as f64 * scale;
                let first = (place as usize).min(from - 1);
                let part = place - first as f64;
                vec![(first, 1.0 - part), ((first + 1).min(from - 1), part)]
            }
            Self::Clean => {
                let widened = scale.max(1.0);
                let center = (target as f64 + 0.5) * scale;
                let reach = 2.0 * widened;
                let first = (center - reach + 0.5).max(0.0) as usize;
                let end = ((center + reach + 0.5) as usize).min(from);
                let share = |source: usize| keys((source as f64 + 0.5 - center) / widened);
                let total: f64 = (first..end).map(share).sum();
                (first..end).map(|source| (source, share(source) / total)).collect()
            }
        }
    }
}

/// Keys' cubic kernel with a = -1/2.
fn keys(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{assert_close, pictures};

    fn row(values: &[f32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap().reshape((1, 1, 1, values.len())).unwrap()
    }

    fn resized(resize: Resize, values: &[f32], side: usize) -> Vec<f32> {
        let resized = resize.apply(&row(values), PixelRange::Bytes, side).unwrap();
        assert_eq!(resized.dims(), [1, 1, side, side]);
        resized.narrow(2, 0, 1).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn tensorflow_has_no_half_pixel() {
        assert_eq!(resized(Resize::Tf1, &[0.0, 90.0], 4), [0.0, 45.0, 90.0, 90.0]);
        // Every third pixel, whatever lies between.
        assert_eq!(resized(Resize::Tf1, &[1.0, 200.0, 200.0, 7.0, 200.0, 200.0], 2), [1.0, 7.0]);
    }

    #[test]
    fn the_clean_way_averages_what_it_shrinks_and_ends_at_black_and_white() {
        let shrunk = resized(Resize::Clean, &[0.0, 240.0, 0.0, 240.0, 0.0, 240.0, 0.0, 240.0], 2);
        assert!(shrunk.iter().all(|value| (value - 120.0).abs() < 20.0), "{shrunk:?}");
        let enlarged = resized(Resize::Clean, &[0.0, 0.0, 255.0, 255.0], 16);
        assert_eq!(enlarged.iter().copied().fold(f32::MAX, f32::min), 0.0);
        assert_eq!(enlarged.iter().copied().fold(f32::MIN, f32::max), 255.0);
    }

    #[test]
    fn both_are_what_others_compute() {
        let rows = Tensor::new(&[0_u32, 1, 77, 149, 297, 298], &Device::Cpu).unwrap();
        for (size, height, width) in [("small", 60, 47), ("large", 352, 640)] {
            let bytes = pictures(1, height, width);
            let signed = ((bytes.to_dtype(candle_core::DType::F32).unwrap() / 127.5).unwrap() - 1.0).unwrap();
            for resize in [Resize::Tf1, Resize::Clean] {
                let name = format!("resized.{}.{size}", resize.name());
                let of = |pictures: &Tensor, range: PixelRange| {
                    let resized = resize.apply(&range.rgb(pictures).unwrap(), range, 299).unwrap();
                    resized.squeeze(0).unwrap().index_select(&rows, 1).unwrap()
                };
                // Places of `f32` and of 299 pixels differ by a little.
                assert_close(&name, &of(&bytes, PixelRange::Bytes), 1e-4);
                let signed = of(&signed, PixelRange::Signed);
                assert_close(&name, &((signed + 1.0).unwrap() * 127.5).unwrap(), 1e-4);
            }
        }
    }

    #[test]
    fn shares_are_those_of_a_mean() {
        for resize in [Resize::Tf1, Resize::Clean] {
            for (from, to) in [(1, 5), (64, 299), (1024, 299), (7, 3), (300, 299)] {
                for target in 0..to {
                    let shares = resize.shares(from, to, target);
                    let total: f64 = shares.iter().map(|(_, share)| share).sum();
                    assert!((total - 1.0).abs() < 1e-12, "{resize:?} {from} to {to}: {total}");
                    assert!(shares.iter().all(|&(source, _)| source < from));
                }
            }
        }
    }
}
