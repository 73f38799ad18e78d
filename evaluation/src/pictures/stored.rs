//! Pictures as somebody keeps them, each at its own size.

use candle_core::{Device, Tensor};
use image::RgbImage;
use rayon::prelude::*;
use stylegan_dataset::{Order, Skipped, Source};
use tracing::field::Empty;

use super::Pictures;
use crate::{Error, Result};

/// Pictures that are decoded at a time.
const AT_ONCE: usize = 32;

/// The pictures of a [`Source`], shuffled, in RGB and at their own sizes.
#[derive(Debug)]
pub struct Stored {
    source: Source,
    order: Order,
}

impl Stored {
    /// Those of a source.
    pub fn new(source: Source) -> Self {
        Self { order: Order::new(0, source.len()), source }
    }
}

impl Pictures for Stored {
    fn count(&self) -> usize {
        self.source.len()
    }

    fn fingerprint(&self) -> Option<String> {
        Some(self.source.fingerprint().to_owned())
    }

    fn each(&self, count: usize, visit: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<Vec<Skipped>> {
        let count = count.min(self.count());
        let span = tracing::info_span!("reading", total = count as u64, done = Empty).entered();
        let mut skipped = Vec::new();
        let positions: Vec<u64> = (0..count as u64).collect();
        for positions in positions.chunks(AT_ONCE) {
            let decoded: Vec<_> = positions
                .par_iter()
                .map(|&position| {
                    let index = self.order.index(position);
                    (index, self.source.decode(index))
                })
                .collect();
            let mut pictures = Vec::with_capacity(decoded.len());
            for (index, decoded) in decoded {
                match decoded {
                    Ok(picture) => pictures.push(picture),
                    Err(reason) => skipped.push(Skipped { name: self.source.names()[index].clone(), reason }),
                }
            }
            for alike in pictures.chunk_by(|a, b| a.dimensions() == b.dimensions()) {
                visit(&batch(alike)?)?;
            }
            span.record("done", positions.last().map_or(0, |last| last + 1));
        }
        match skipped.first() {
            Some(Skipped { name, reason }) if skipped.len() == count => {
                Err(Error::NothingReadable { count, name: name.clone(), reason: reason.clone() })
            }
            _ => Ok(skipped),
        }
    }
}

/// Pictures of one size as `[batch, 3, height, width]`.
fn batch(pictures: &[RgbImage]) -> Result<Tensor> {
    let tensors = pictures.iter().map(|picture| {
        let shape = (picture.height() as usize, picture.width() as usize, 3);
        Tensor::from_slice(picture.as_raw(), shape, &Device::Cpu)?.permute((2, 0, 1))
    });
    Ok(Tensor::stack(&tensors.collect::<candle_core::Result<Vec<_>>>()?, 0)?.contiguous()?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::Rgb;

    use super::*;

    #[test]
    fn sizes_are_kept_apart_and_what_is_damaged_is_left_out() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        for (number, side) in [(0, 5), (1, 5), (2, 9), (3, 5)] {
            let picture = RgbImage::from_fn(side, 4, |x, _| Rgb([x as u8, number, 200]));
            picture.save(folder.path().join(format!("{number}.png")))?;
        }
        fs::write(folder.path().join("4.png"), "not a picture")?;
        let pictures = Stored::new(Source::open(folder.path())?);
        assert_eq!(pictures.count(), 5);
        let (mut numbers, mut widths) = (Vec::new(), Vec::new());
        let skipped = pictures.each(99, &mut |batch| {
            let (count, channels, height, width) = batch.dims4()?;
            assert_eq!((channels, height, batch.dtype()), (3, 4, candle_core::DType::U8));
            for picture in 0..count {
                let pixels = batch.get(picture)?.flatten_all()?.to_vec1::<u8>()?;
                // Red counts columns, green is the number of the picture.
                assert_eq!((pixels[1], pixels[8 * width]), (1, 200));
                numbers.push(pixels[4 * width]);
                widths.push(width);
            }
            Ok(())
        })?;
        assert_eq!((skipped.len(), skipped[0].name.as_str()), (1, "4.png"));
        let picked = pictures.picked(&[3, 0, 4])?;
        let picked: Vec<u8> = picked
            .iter()
            .map(|picture| Ok(picture.get(1)?.flatten_all()?.to_vec1::<u8>()?[0]))
            .collect::<Result<_>>()?;
        assert_eq!(picked, [numbers[3], numbers[0]]);
        let mut pairs: Vec<_> = numbers.iter().zip(widths).collect();
        pairs.sort();
        assert_eq!(pairs, [(&0, 5), (&1, 5), (&2, 9), (&3, 5)]);
        Ok(())
    }

    #[test]
    fn a_folder_of_nothing_readable_is_an_error() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("a.png"), "text")?;
        let pictures = Stored::new(Source::open(folder.path())?);
        let error = pictures.each(1, &mut |_| Ok(())).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("none of 1 pictures could be read; the first, `a.png`: not a picture")
        );
        Ok(())
    }
}
