//! How a photo of any size is shown to a network that sees 416x416 pixels.
//!
//! The photo is shown at several scales, each half of the one before. At the finest, the smallest faces that are asked for
//! are as large as the network needs them; at the coarsest, the whole photo is a part of what it sees. Where a photo is larger
//! than that, it is cut into tiles that overlap, so that each face is as a whole in one of them.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{Rgb, RgbImage, imageops};

use super::detector::SIDE;

/// Side of the smallest face, in pixels of the network's, that it finds as a rule.
///
/// Of the 29 faces of the crowd in `docs/alignment.md` it finds all at 54 to 71 pixels, and 5 at half of that.
const LEAST_FACE: f64 = 48.0;

/// By how much tiles overlap: twice the smallest face, since larger ones are found at the next scale.
const OVERLAP: f64 = 104.0;

/// At the coarsest scale a photo is no larger than this, so that a face which fills it is seen with something around it.
const COARSEST: f64 = 312.0;

/// Photos are enlarged by no more than this.
const MAX_SCALE: f64 = 4.0;

/// What is shown beside the photo: grey, the mean of the pictures that the network was trained with.
const BESIDE: Rgb<u8> = Rgb([117, 115, 97]);

/// A square of the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tile {
    pub(super) left: f64,
    pub(super) top: f64,
    /// In pixels of the photo.
    pub(super) side: f64,
    /// Whether all of the photo is in it.
    pub(super) is_whole: bool,
}

/// The tiles of a photo, such that faces from `min_size` pixels on are found, from the coarsest scale to the finest.
pub(super) fn tiles((width, height): (u32, u32), min_size: f64) -> Vec<Tile> {
    let (width, height) = (f64::from(width), f64::from(height));
    let mut scales = vec![(LEAST_FACE / min_size).min(MAX_SCALE)];
    while let Some(scale) = scales.last()
        && width.max(height) * scale > COARSEST
    {
        scales.push(scale / 2.0);
    }
    scales.reverse();
    let mut tiles = Vec::new();
    for scale in scales {
        let side = SIDE as f64 / scale;
        let (lefts, tops) = (starts(width, side, scale), starts(height, side, scale));
        let is_whole = lefts.len() == 1 && tops.len() == 1;
        for &top in &tops {
            tiles.extend(lefts.iter().map(|&left| Tile { left, top, side, is_whole }));
        }
    }
    tiles
}

/// Where tiles begin along a length, evenly spaced.
fn starts(length: f64, side: f64, scale: f64) -> Vec<f64> {
    let rest = length - side;
    if rest <= 0.0 {
        return vec![0.0];
    }
    let steps = (rest / (side - OVERLAP / scale)).ceil().max(1.0) as usize;
    (0..=steps).map(|step| rest * step as f64 / steps as f64).collect()
}

impl Tile {
    /// What the network is shown of it.
    ///
    /// # Errors
    /// If the tile lies beside the photo.
    pub(super) fn cut(
        &self,
        photo: &RgbImage,
        resizer: &mut Resizer,
    ) -> Result<RgbImage, Box<dyn std::error::Error>> {
        let inside = |start: f64, length: u32| (f64::from(length) - start).min(self.side);
        let (width, height) = (inside(self.left, photo.width()), inside(self.top, photo.height()));
        let shown = |length: f64| ((length * SIDE as f64 / self.side).round() as u32).clamp(1, SIDE as u32);
        let mut part = RgbImage::new(shown(width), shown(height));
        let source = TypedImageRef::<U8x3>::from_buffer(photo.width(), photo.height(), photo.as_raw())?;
        let (part_width, part_height) = part.dimensions();
        let mut target = TypedImage::<U8x3>::from_buffer(part_width, part_height, &mut part)?;
        let options = ResizeOptions::new()
            .crop(self.left, self.top, width, height)
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        resizer.resize_typed(&source, &mut target, &options)?;
        drop(target);
        let mut tile = RgbImage::from_pixel(SIDE as u32, SIDE as u32, BESIDE);
        imageops::replace(&mut tile, &part, 0, 0);
        Ok(tile)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_large_photo_is_seen_at_several_scales() {
        let count = |size, min_size| tiles(size, min_size).len();
        assert_eq!(count((1024, 1024), 512.0), 1);
        assert_eq!(count((2126, 1463), 64.0), 1 + 1 + 3 * 2 + 5 * 4);
        assert!(count((4000, 3000), 64.0) < 110);
        assert_eq!(
            tiles((100, 60), 64.0)[0],
            Tile { left: 0.0, top: 0.0, side: 416.0 / 0.75, is_whole: true }
        );
    }

    #[test]
    fn what_is_beside_the_photo_is_grey() {
        let photo = RgbImage::from_pixel(100, 50, Rgb([200, 10, 20]));
        let tile = Tile { left: 0.0, top: 0.0, side: 200.0, is_whole: true };
        let cut = tile.cut(&photo, &mut Resizer::new()).unwrap();
        assert_eq!(cut.dimensions(), (416, 416));
        for (x, y, color) in
            [(0, 0, [200, 10, 20]), (207, 103, [200, 10, 20]), (208, 0, BESIDE.0), (0, 104, BESIDE.0)]
        {
            assert_eq!(cut.get_pixel(x, y).0, color, "{x} {y}");
        }
    }

    proptest! {
        #[test]
        fn every_face_is_as_a_whole_in_some_tile_at_a_good_size(
            size in (1_u32..6000, 1_u32..6000),
            min_size in 12.0_f64..400.0,
            at in (0.0_f64..1.0, 0.0_f64..1.0, 0.0_f64..1.0),
        ) {
            let shorter = f64::from(size.0.min(size.1));
            let face = min_size + at.2 * (shorter - min_size);
            prop_assume!(face >= min_size && face <= shorter);
            let place = |length: u32, at: f64| (f64::from(length) - face) * at;
            let (left, top) = (place(size.0, at.0), place(size.1, at.1));
            let found = tiles(size, min_size).into_iter().any(|tile| {
                let in_tile = |start: f64, from: f64| start >= from - 1e-6 && start + face <= from + tile.side + 1e-6;
                let shown = face * 416.0 / tile.side;
                in_tile(left, tile.left) && in_tile(top, tile.top) && (47.9..=312.1).contains(&shown)
            });
            prop_assert!(found);
        }
    }
}
