//! The oddest pictures, to be looked at.

use fast_image_resize::Resizer;
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use serde::Serialize;

use super::alike::{Alike, Likeness};
use super::look::Look;
use super::pictures::Pictures;
use super::thumbnail::shrunk;
use crate::channels::Channels;
use crate::pack::pixels::Pixels;

/// Pictures in a row.
const COLUMNS: usize = 8;

/// The oddest pictures in one way.
#[derive(Clone, Debug, Serialize)]
pub struct SheetRow {
    /// In which way.
    pub oddity: Oddity,
    /// Their names, the oddest first; of those that look alike, two by two.
    pub names: Vec<String>,
    /// No larger than was asked for, in the order of the names; a white one for what cannot be read any more.
    #[serde(skip)]
    pub pictures: Vec<RgbImage>,
}

/// A way in which pictures are odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// The least mean of luminance.
    Darkest,
    /// The greatest mean of luminance.
    Brightest,
    /// The least deviation of luminance.
    Flattest,
    /// The greatest ratio of the longer side to the shorter one.
    Longest,
    /// Nearly duplicates, those that differ most first.
    Alike,
    /// The same in a mirror.
    Mirrored,
}

/// Draws the oddest pictures, no wider and no higher than `side`.
pub(super) fn sheet(pictures: &Pictures, looks: &[Option<Look>], alike: &Alike, side: u32) -> Vec<SheetRow> {
    let most = |oddness: &dyn Fn(&Look) -> f32| {
        let seen =
            looks.iter().enumerate().filter_map(|(number, look)| Some((oddness(look.as_ref()?), number)));
        let mut all: Vec<(f32, usize)> = seen.collect();
        all.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(first.cmp(second)));
        all.into_iter().take(COLUMNS).map(|(_, number)| number).collect::<Vec<_>>()
    };
    let pairs = |like: &[Option<Likeness>]| {
        let found = like.iter().enumerate().filter_map(|(number, like)| Some(((*like)?, number)));
        let mut all: Vec<(Likeness, usize)> = found.collect();
        all.sort_by(|(a, first), (b, second)| b.difference.total_cmp(&a.difference).then(first.cmp(second)));
        all.into_iter().take(COLUMNS / 2).flat_map(|(like, number)| [like.earlier as usize, number]).collect()
    };
    let rows: [(Oddity, Vec<usize>); 6] = [
        (Oddity::Darkest, most(&|look| -look.light.mean)),
        (Oddity::Brightest, most(&|look| look.light.mean)),
        (Oddity::Flattest, most(&|look| -look.light.deviation)),
        (Oddity::Longest, most(&Look::elongation)),
        (Oddity::Alike, pairs(&alike.as_they_are)),
        (Oddity::Mirrored, pairs(&alike.mirrored)),
    ];
    // Where all have one shape, none has an odd one.
    let is_shown = |(oddity, numbers): &(Oddity, Vec<usize>)| {
        let longest =
            || numbers.first().and_then(|&first| looks[first].as_ref()).map_or(1.0, Look::elongation);
        !numbers.is_empty() && (*oddity != Oddity::Longest || longest() > 1.01)
    };
    let drawn = |(oddity, numbers): (Oddity, Vec<usize>)| SheetRow {
        oddity,
        names: numbers.iter().map(|&number| pictures.names()[number].clone()).collect(),
        pictures: numbers
            .par_iter()
            .map(|&number| {
                let picture = draw(pictures, number, side);
                picture.unwrap_or_else(|_| RgbImage::from_pixel(side, side, Rgb([255; 3])))
            })
            .collect(),
    };
    rows.into_iter().filter(is_shown).map(drawn).collect()
}

fn draw(pictures: &Pictures, number: usize, side: u32) -> Result<RgbImage, String> {
    let (pixels, _) = Pixels::of(pictures.decode(number)?, Channels::Rgb);
    let scale = (f64::from(side) / pixels.width.max(pixels.height) as f64).min(1.0);
    let [width, height] =
        [pixels.width, pixels.height].map(|length| ((length as f64 * scale).round() as u32).max(1));
    shrunk(&pixels, width, height, &mut Resizer::new())
}
