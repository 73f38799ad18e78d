//! Pictures as a training sees them.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use stylegan_base::Resolution;
use stylegan_dataset::{BatchRequest, Order, Pyramid, Skipped, assemble};
use tracing::field::Empty;

use super::Pictures;
use crate::Result;

/// Pictures that are read at a time.
const AT_ONCE: usize = 32;

/// The pictures of a pack at one level, shuffled, as a training sees them: what a network is to draw.
#[derive(Debug)]
pub struct Packed {
    pyramid: Arc<Pyramid>,
    resolution: Resolution,
    fingerprint: String,
    order: Order,
}

impl Packed {
    /// Those of a pack, at a level that it has.
    ///
    /// # Errors
    /// If the digests of its pictures cannot be read.
    pub fn new(pyramid: Arc<Pyramid>, resolution: Resolution) -> Result<Self> {
        let contents = pyramid.contents(false)?.fingerprint();
        let fingerprint = format!("{contents} at {resolution}");
        Ok(Self { order: Order::new(0, pyramid.len()), pyramid, resolution, fingerprint })
    }
}

impl Packed {
    /// The names of the first `count` pictures, in the order in which they are shown.
    pub fn names(&self, count: usize) -> Vec<&String> {
        let numbers = (0..count.min(self.pyramid.len()) as u64).map(|position| self.order.index(position));
        numbers.filter_map(|number| self.pyramid.names().get(number)).collect()
    }
}

impl Pictures for Packed {
    fn count(&self) -> usize {
        self.pyramid.len()
    }

    fn fingerprint(&self) -> Option<String> {
        Some(self.fingerprint.clone())
    }

    fn each(&self, count: usize, visit: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<Vec<Skipped>> {
        let count = count.min(self.count());
        let span = tracing::info_span!("reading", total = count as u64, done = Empty).entered();
        let Resolution { width, height } = self.resolution;
        for first in (0..count).step_by(AT_ONCE) {
            let batch = AT_ONCE.min(count - first);
            let request = BatchRequest { first_position: first as u64, batch, resolution: self.resolution };
            let read = assemble(&self.pyramid, &self.order, false, &request)?;
            let shape = (batch, read.channels, height, width);
            visit(&rgb(&Tensor::from_vec(read.pixels_u8(), shape, &Device::Cpu)?)?)?;
            span.record("done", (first + batch) as u64);
        }
        Ok(Vec::new())
    }

    fn picked(&self, numbers: &[usize]) -> Result<Vec<Tensor>> {
        let there = numbers.iter().filter(|number| **number < self.count());
        let read = |number: &usize| {
            let Resolution { width, height } = self.resolution;
            let first_position = *number as u64;
            let request = BatchRequest { first_position, batch: 1, resolution: self.resolution };
            let read = assemble(&self.pyramid, &self.order, false, &request)?;
            let shape = (1, read.channels, height, width);
            Ok(rgb(&Tensor::from_vec(read.pixels_u8(), shape, &Device::Cpu)?)?.squeeze(0)?)
        };
        there.map(read).collect()
    }
}

/// Three channels of pictures of one, three, or colors times alpha and alpha, which are pictures on black.
pub(super) fn rgb(pictures: &Tensor) -> candle_core::Result<Tensor> {
    match pictures.dim(1)? {
        1 => pictures.repeat((1, 3, 1, 1)),
        3 => Ok(pictures.clone()),
        _ => pictures.narrow(1, 0, 3)?.contiguous(),
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};
    use stylegan_dataset::{PackOptions, pack};

    use super::*;

    #[test]
    fn pictures_are_those_of_the_level() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let photos = folder.path().join("photos");
        std::fs::create_dir(&photos)?;
        for number in 0..40_u8 {
            GrayImage::from_pixel(20, 16, Luma([number])).save(photos.join(format!("{number:02}.png")))?;
        }
        let packed = folder.path().join("photos.sgd");
        let options =
            PackOptions { channels: "1".parse().map_err(anyhow::Error::msg)?, ..PackOptions::default() };
        let (pyramid, _) = pack(&photos, &packed, &options, &mut |_| ())?;
        let pictures = Packed::new(Arc::new(pyramid), 8.into())?;
        let mut shades = Vec::new();
        let skipped = pictures.each(1000, &mut |batch| {
            assert_eq!(batch.dims()[1..], [3, 8, 8]);
            for picture in 0..batch.dim(0)? {
                let pixels = batch.get(picture)?.flatten_all()?.to_vec1::<u8>()?;
                assert!(pixels.iter().all(|pixel| *pixel == pixels[0]));
                shades.push(pixels[0]);
            }
            Ok(())
        })?;
        let picked = pictures.picked(&[39, 2, 2, 40])?;
        let picked: Vec<u8> = picked
            .iter()
            .map(|picture| Ok(picture.flatten_all()?.to_vec1::<u8>()?[0]))
            .collect::<Result<_>>()?;
        assert_eq!(picked, [shades[39], shades[2], shades[2]]);
        // In no order of theirs.
        assert!(skipped.is_empty() && !shades.is_sorted());
        shades.sort_unstable();
        assert_eq!(shades, (0..40).collect::<Vec<u8>>());
        assert!(pictures.fingerprint().is_some_and(|fingerprint| fingerprint.ends_with("at 8x8")));
        Ok(())
    }
}
