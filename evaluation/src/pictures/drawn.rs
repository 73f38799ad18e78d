//! Pictures of a generator.

use candle_core::{DType, Device, Tensor};
use stylegan_dataset::Skipped;
use stylegan_drawing::Painter;

use super::Pictures;
use super::packed::rgb;
use crate::Result;

/// Pictures that are shown at a time.
const AT_ONCE: usize = 32;

/// Pictures that a [`Painter`] draws, of the seeds from 0 on.
#[derive(Debug)]
pub struct Drawn<'a> {
    painter: &'a Painter,
    count: usize,
}

impl<'a> Drawn<'a> {
    /// So many.
    pub fn new(painter: &'a Painter, count: usize) -> Self {
        Self { painter, count }
    }
}

impl Pictures for Drawn<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn fingerprint(&self) -> Option<String> {
        None
    }

    fn each(&self, count: usize, visit: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<Vec<Skipped>> {
        let seeds: Vec<u64> = (0..count.min(self.count) as u64).collect();
        self.painter.check_seeds(&seeds)?;
        let mut waiting = Vec::with_capacity(AT_ONCE);
        self.painter.draw_all(
            &seeds,
            |seed| self.painter.seed(*seed),
            |_, picture| {
                waiting.push(bytes(&picture)?);
                if waiting.len() == AT_ONCE {
                    visit(&Tensor::cat(&std::mem::take(&mut waiting), 0)?)?;
                }
                Ok::<(), crate::Error>(())
            },
        )?;
        if !waiting.is_empty() {
            visit(&Tensor::cat(&waiting, 0)?)?;
        }
        Ok(Vec::new())
    }

    fn picked(&self, numbers: &[usize]) -> Result<Vec<Tensor>> {
        let there = numbers.iter().filter(|number| **number < self.count);
        let draw = |number: &usize| {
            let picture = self.painter.draw(&self.painter.seed(*number as u64)?)?;
            Ok(bytes(&picture)?.squeeze(0)?)
        };
        there.map(draw).collect()
    }
}

/// Pixels as a file would hold them, `trunc(clamp(127.5 x + 128))`, on the CPU.
///
/// # Shapes
/// - `picture`: `[batch, channels, height, width]`, mostly in -1..1
/// - returns: `u8 [batch, 3, height, width]`
///
/// # Errors
/// If the device fails, or the channels are none of a picture.
pub fn bytes(picture: &Tensor) -> candle_core::Result<Tensor> {
    let pixels = rgb(picture)?.to_dtype(DType::F32)?.affine(127.5, 128.0)?.clamp(0f32, 255f32)?;
    pixels.to_device(&Device::Cpu)?.to_dtype(DType::U8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_those_of_files() -> candle_core::Result<()> {
        let values = [-7.0f32, -1.0, -0.623_662_9, 0.0, 0.356_381_2, 0.999, 1.0, 3.0];
        let picture = Tensor::new(&values, &Device::Cpu)?.reshape((1, 1, 2, 4))?;
        let got = bytes(&picture)?;
        assert_eq!(got.dims(), [1, 3, 2, 4]);
        let first: Vec<u8> = got.flatten_all()?.to_vec1::<u8>()?[..8].to_vec();
        assert_eq!(first, [0, 0, 48, 128, 173, 255, 255, 255]);
        let files = stylegan_drawing::pixels(&picture).map(|picture| picture.into_luma8().into_raw());
        assert_eq!(files.ok(), Some(first));
        Ok(())
    }
}
