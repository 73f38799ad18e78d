//! `--nearest`: the fakes that look most like reals, beside those.

use std::path::Path;

use anyhow::Result;
use candle_core::Tensor;
use stylegan_evaluation::{Evaluation, Pictures, Seen, suspects};
use stylegan_media::{DynamicImage, RgbImage, row_figure, save_png};
use stylegan_metrics::{LooksAt, Measure};

use crate::output::{Force, Output};
use crate::report::{Refusal, note};

/// Fakes in the picture, and reals beside each.
const ROWS: usize = 10;
const NEIGHBORS: usize = 5;
/// The measures that know neighbors, by whose network pictures are compared.
const MEASURES: [&str; 2] = ["nn", "nn-small"];

/// A picture that is to be made.
pub(super) struct Neighbors<'a> {
    path: &'a Path,
    force: Force,
    measure: &'static Measure,
    network: &'static str,
}

impl<'a> Neighbors<'a> {
    /// At this place, by the network of the first of the measures that knows neighbors.
    pub(super) fn new(path: &'a Path, force: Force, measures: &[&'static Measure]) -> Result<Self> {
        let Output::Png(_) = Output::parse(path)? else {
            return Err(Refusal::usage(format!("`--nearest {}` is no PNG file", path.display()))
                .hint("it is one picture, `--nearest NAME.png`")
                .into());
        };
        Output::check_file(path, force)?;
        let found = measures.iter().find_map(|measure| match measure.looks_at {
            LooksAt::Features { network, .. } if MEASURES.contains(&measure.name) => {
                Some(Self { path, force, measure, network })
            }
            _ => None,
        });
        found.ok_or_else(|| {
            Refusal::usage("`--nearest` is for measures of neighbors")
                .hint("`--metrics nn-small` is one, `--metrics nn` looks through VGG16")
                .into()
        })
    }

    /// The evaluation, which keeps what the network sees.
    pub(super) fn kept_by(&self, evaluation: Evaluation, reals: usize, fakes: usize) -> Result<Evaluation> {
        let (reals, fakes) = self.measure.counts(reals, fakes);
        Ok(evaluation.keeping(self.network, reals, fakes)?)
    }

    /// Writes the picture of what the network has seen.
    pub(super) fn draw(&self, seen: &[Seen], reals: &dyn Pictures, fakes: &dyn Pictures) -> Result<()> {
        // What was kept for others may be of the same network, but of no reals.
        let Some(seen) = seen.iter().rfind(|seen| seen.network == self.network) else { return Ok(()) };
        let suspects = suspects(seen, ROWS, NEIGHBORS)?;
        let numbers: Vec<usize> = suspects.iter().map(|suspect| suspect.fake).collect();
        let neighbors = suspects.iter().flat_map(|suspect| &suspect.neighbors);
        let neighbors: Vec<usize> = neighbors.map(|neighbor| neighbor.index).collect();
        let (fakes, reals) = (fakes.picked(&numbers)?, reals.picked(&neighbors)?);
        let row = |(fake, reals): (&Tensor, &[Tensor])| {
            Ok((image(fake)?, reals.iter().map(image).collect::<Result<_>>()?))
        };
        let beside = (neighbors.len() / numbers.len().max(1)).max(1);
        let rows: Vec<_> = fakes.iter().zip(reals.chunks(beside)).map(row).collect::<Result<_>>()?;
        save_png(self.path, &row_figure(&rows), self.force.force)?;
        let path = self.path.display();
        note(&format!(
            "wrote the {} fakes that are nearest to reals, each beside its nearest, to `{path}`",
            rows.len()
        ));
        Ok(())
    }
}

/// Pixels `[3, height, width]` as a picture.
fn image(pixels: &Tensor) -> Result<DynamicImage> {
    let (_, height, width) = pixels.dims3()?;
    let values = pixels.permute((1, 2, 0))?.flatten_all()?.to_vec1::<u8>()?;
    let picture = RgbImage::from_raw(width as u32, height as u32, values);
    Ok(picture.ok_or_else(|| anyhow::anyhow!("a picture has other channels than three"))?.into())
}
