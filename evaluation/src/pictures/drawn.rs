//! Pictures of a generator.

use std::rc::Rc;

use candle_core::{DType, Device, Tensor};
use stylegan_base::{Key, Resolution};
use stylegan_dataset::Skipped;
use stylegan_drawing::{Latent, Painter, Result as DrawingResult, Sample};
use stylegan_generator::mix_styles;
use stylegan_peers::{Alone, Peers};

use super::Pictures;
use super::packed::rgb;
use crate::shared::{joined, own_part};
use crate::{Error, Result};

/// Pictures that are shown at a time.
const AT_ONCE: usize = 32;

/// Pictures that a [`Painter`] draws, of the seeds from 0 on; of a network with labels without a class, of one class after the
/// other, so that each comes equally often.
#[derive(Debug)]
pub struct Drawn<'a> {
    drawing: Drawing<'a>,
    peers: Rc<dyn Peers>,
}

/// What pictures are drawn from.
#[derive(Clone, Copy, Debug)]
struct Drawing<'a> {
    painter: &'a Painter,
    count: usize,
    latents: usize,
}

impl<'a> Drawn<'a> {
    /// So many.
    pub fn new(painter: &'a Painter, count: usize) -> Self {
        Self { drawing: Drawing { painter, count, latents: 1 }, peers: Rc::new(Alone) }
    }

    /// The same by several processes, each of which draws a part of every batch.
    #[must_use]
    pub fn among(self, peers: Rc<dyn Peers>) -> Self {
        Self { peers, ..self }
    }

    /// The same, each of so many latents, whose styles are mixed at random cutoffs (Karras et al. 2019, table 2).
    ///
    /// # Errors
    /// If the network has no styles, or fewer layers.
    pub fn mixing(self, latents: usize) -> Result<Self> {
        let (config, layers) = (self.drawing.painter.config(), self.drawing.layers());
        if latents > 1 && (!config.styles || latents > layers) {
            return Err(Error::NothingToMix { latents, layers: if config.styles { layers } else { 0 } });
        }
        Ok(Self { drawing: Drawing { latents, ..self.drawing }, ..self })
    }

    /// Whether each picture has a class of its own.
    pub fn is_of_all_classes(&self) -> bool {
        self.drawing.is_of_all_classes()
    }
}

impl Drawing<'_> {
    fn is_of_all_classes(self) -> bool {
        self.painter.label().is_none() && self.painter.config().label_dim > 0
    }

    /// What the picture of this number is drawn from by this seed.
    fn of_seed(self, number: u64, seed: u64) -> DrawingResult<Sample> {
        if self.is_of_all_classes() {
            let class = number % self.painter.config().label_dim as u64;
            return self.painter.seed_of_class(seed, class as usize);
        }
        self.painter.seed(seed)
    }

    /// Layers that draw.
    fn layers(self) -> usize {
        self.painter.config().num_layers() - 2 * self.painter.lod().floor() as usize
    }

    /// What a picture is drawn from. Its second latent and those after it are the seeds behind those of all first ones.
    fn sample(self, number: u64) -> DrawingResult<Sample> {
        let first = self.of_seed(number, number)?;
        if self.latents == 1 {
            return Ok(first);
        }
        let mut w_plus = self.painter.w_plus(&first.latent)?;
        for (index, cutoff) in cutoffs(number, self.latents, self.layers()).into_iter().enumerate() {
            let seed = number + (index as u64 + 1) * self.count as u64;
            let next = self.painter.w_plus(&self.of_seed(number, seed)?.latent)?;
            w_plus = mix_styles(&w_plus, &next, cutoff)?;
        }
        Ok(Sample { latent: Latent::WPlus(w_plus), ..first })
    }
}

/// The layers, ascending, from which on a picture's second latent styles it, its third, and so on.
fn cutoffs(number: u64, latents: usize, layers: usize) -> Vec<usize> {
    let key = Key::new("cutoffs of mixed latents", &[number]);
    let mut all: Vec<usize> = (1..layers).collect();
    all.sort_by(|a, b| {
        let [a, b] = [a, b].map(|layer| key.child("layer", *layer as u64).uniform());
        a.total_cmp(&b)
    });
    all.truncate(latents - 1);
    all.sort_unstable();
    all
}

impl Pictures for Drawn<'_> {
    fn count(&self) -> usize {
        self.drawing.count
    }

    fn fingerprint(&self) -> Option<String> {
        None
    }

    fn each(&self, count: usize, visit: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<Vec<Skipped>> {
        let drawing = self.drawing;
        let seeds: Vec<u64> = (0..count.min(drawing.count) as u64).collect();
        if !drawing.is_of_all_classes() {
            drawing.painter.check_seeds(&seeds)?;
        }
        let peers = &*self.peers;
        let batches: Vec<&[u64]> = seeds.chunks(AT_ONCE).collect();
        let own = |batch: &&[u64]| batch[own_part(peers, batch.len())].to_vec();
        let own_seeds: Vec<u64> = batches.iter().flat_map(own).collect();
        let Resolution { width, height } = drawing.painter.resolution();
        let mut show = |batch: &[u64], pictures: &[Tensor]| {
            let own = if pictures.is_empty() { None } else { Some(Tensor::cat(pictures, 0)?) };
            visit(&joined(peers, own, (batch.len(), &[3, height, width]), DType::U8)?)
        };
        let (mut left, mut waiting) = (batches.iter(), Vec::with_capacity(AT_ONCE));
        drawing.painter.draw_all(
            &own_seeds,
            |number| drawing.sample(*number),
            |_, picture| {
                waiting.push(bytes(&picture)?);
                if let Some(batch) = left.as_slice().first().filter(|batch| own(batch).len() == waiting.len())
                {
                    show(batch, &std::mem::take(&mut waiting))?;
                    left.next();
                }
                Ok::<(), crate::Error>(())
            },
        )?;
        // Of the last batch, there may be nothing for this process to draw.
        left.try_for_each(|batch| show(batch, &[]))?;
        Ok(Vec::new())
    }

    fn picked(&self, numbers: &[usize]) -> Result<Vec<Tensor>> {
        let drawing = self.drawing;
        let there = numbers.iter().filter(|number| **number < drawing.count);
        let draw = |number: &usize| {
            let picture = drawing.painter.draw(&drawing.sample(*number as u64)?)?;
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
    fn every_latent_styles_some_layers() {
        let mut seen = [false; 10];
        for number in 0..100 {
            let found = cutoffs(number, 4, 10);
            assert!(
                found.len() == 3 && found.is_sorted() && found.iter().all(|layer| (1..10).contains(layer))
            );
            assert!(found[0] < found[1] && found[1] < found[2]);
            assert_eq!(found, cutoffs(number, 4, 10));
            for layer in found {
                seen[layer] = true;
            }
        }
        assert_eq!(seen.iter().filter(|seen| **seen).count(), 9);
        assert_eq!(cutoffs(3, 10, 10), (1..10).collect::<Vec<_>>());
    }

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
