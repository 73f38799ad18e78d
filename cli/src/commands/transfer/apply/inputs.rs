//! Contents, styles and masks, as a command line names them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use candle_core::Device;
use stylegan_dataset::read_picture;
use stylegan_drawing::{DrawOptions, Painter, Seeds, pixels};
use stylegan_media::{GrayImage, RgbImage};
use stylegan_transfer::{Seen, Statistics};

use super::Args;
use crate::painter::open_checkpoint;
use crate::report::Refusal;

/// Pictures to be drawn in styles: files, or those of seeds.
pub(super) enum Contents<'a> {
    Files(&'a [PathBuf]),
    Seeds { checkpoint: &'a Path, seeds: &'a Seeds, truncation_psi: Option<f64> },
}

impl<'a> Contents<'a> {
    /// What the command line asks for; nothing is opened yet.
    pub(super) fn named(args: &'a Args) -> Self {
        match (&args.content_checkpoint, &args.seeds) {
            (Some(checkpoint), Some(seeds)) => {
                Self::Seeds { checkpoint, seeds, truncation_psi: args.truncation_psi }
            }
            _ => Self::Files(&args.content),
        }
    }

    /// What they are called.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Files(paths) => paths.iter().map(|path| stem(path)).collect(),
            Self::Seeds { seeds, .. } => seeds.0.iter().map(|seed| format!("seed{seed:04}")).collect(),
        }
    }

    /// Reads or draws one after the other.
    pub(super) fn each(
        &self,
        device: &Device,
        take: &mut dyn FnMut(&RgbImage, &Seen) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Files(paths) => {
                for path in *paths {
                    let (picture, file) = read_picture(path)?;
                    take(&picture.into_rgb8(), &Seen::File { file })?;
                }
            }
            Self::Seeds { checkpoint, seeds, truncation_psi } => {
                let checkpoint = open_checkpoint(checkpoint, None)?;
                let mut options = DrawOptions::of(&checkpoint);
                options.truncation_psi = truncation_psi.unwrap_or(options.truncation_psi);
                let painter = Painter::new(&checkpoint, options, device)?;
                for &seed in &seeds.0 {
                    let drawn = painter.draw(&painter.seed(seed)?)?;
                    let seen = Seen::Seed {
                        checkpoint: painter.origin().hash().to_owned(),
                        seed,
                        options: serde_json::to_value(painter.options())?,
                    };
                    take(&pixels(&drawn)?.into_rgb8(), &seen)?;
                }
            }
        }
        Ok(())
    }
}

/// Pictures whose style is taken, and how: each by itself, all in one, or each where its mask is white.
pub(super) struct Styles<'a> {
    args: &'a Args,
}

/// One style of results, or one for each mask.
pub(super) struct Column {
    /// Which of the style pictures are in it.
    pub(super) styles: Vec<usize>,
    pub(super) statistics: Vec<Statistics>,
}

/// What was read of masks.
pub(super) struct Masks {
    pub(super) pictures: Vec<GrayImage>,
    pub(super) hashes: Vec<String>,
}

impl<'a> Styles<'a> {
    /// What the command line asks for; nothing is opened yet.
    pub(super) fn named(args: &'a Args) -> Result<Self> {
        let styles = args.style.len();
        for (flag, count) in [("style-weights", args.style_weights.len()), ("mask", args.mask.len())] {
            if count > 0 && count != styles {
                let message = format!("`--{flag}` has {count} values, but `--style` {styles}");
                return Err(Refusal::usage(message).hint("give one for each style, in their order").into());
            }
        }
        if !args.style_weights.is_empty() && args.style_weights.iter().sum::<f64>() <= 0.0 {
            return Err(Refusal::usage("`--style-weights` are all 0").into());
        }
        Ok(Self { args })
    }

    /// What the columns of results are called.
    pub(super) fn columns(&self) -> Vec<String> {
        let names: Vec<String> = self.args.style.iter().map(|path| stem(path)).collect();
        if self.is_one() { vec![names.join("+")] } else { names }
    }

    /// Whether all styles are in one result.
    fn is_one(&self) -> bool {
        !self.args.style_weights.is_empty() || !self.args.mask.is_empty()
    }

    /// The columns of the styles' statistics.
    pub(super) fn columns_of(&self, statistics: &[Statistics]) -> Result<Vec<Column>> {
        let all = (0..statistics.len()).collect();
        if !self.args.mask.is_empty() {
            return Ok(vec![Column { styles: all, statistics: statistics.to_vec() }]);
        }
        if !self.args.style_weights.is_empty() {
            let sum: f64 = self.args.style_weights.iter().sum();
            let shares = self.args.style_weights.iter().map(|weight| weight / sum);
            let weighted: Vec<_> = statistics.iter().cloned().zip(shares).collect();
            return Ok(vec![Column { styles: all, statistics: vec![Statistics::blend(&weighted)?] }]);
        }
        let alone = |(style, statistics): (usize, &Statistics)| Column {
            styles: vec![style],
            statistics: vec![statistics.clone()],
        };
        Ok(statistics.iter().enumerate().map(alone).collect())
    }

    /// The pictures and their files' hashes.
    pub(super) fn read(&self) -> Result<Vec<(RgbImage, String)>> {
        let read = |path: &PathBuf| -> Result<_> {
            let (picture, hash) = read_picture(path)?;
            Ok((picture.into_rgb8(), hash))
        };
        self.args.style.iter().map(read).collect()
    }

    pub(super) fn read_masks(&self) -> Result<Masks> {
        let mut masks = Masks { pictures: Vec::new(), hashes: Vec::new() };
        for path in &self.args.mask {
            let (picture, hash) = read_picture(path).context("cannot read a mask")?;
            masks.pictures.push(picture.into_luma8());
            masks.hashes.push(hash);
        }
        Ok(masks)
    }
}

/// A file's name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
