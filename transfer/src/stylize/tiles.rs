//! A picture in tiles, each with so much around it that it comes out as if it had not been cut.

use std::ops::Range;

use super::pixels::Area;
use crate::encoder::STRIDE;

/// Features around those of a tile that what it draws depends on, and likewise around features that are to be exact: 30 pixels
/// in the encoder as in the decoder, by the sizes of their kernels.
const HALO: usize = 4;

/// The features of a picture, cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tiles {
    /// Rows and columns of features.
    pub(super) features: [usize; 2],
    /// Features along a tile; all of them where the picture is drawn whole.
    side: Option<usize>,
}

/// A tile, in features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
    of: [usize; 2],
}

/// Features along one axis: those that are computed, and which of them are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Of the picture.
    pub(super) all: Range<usize>,
    /// Of those.
    pub(super) wanted: Range<usize>,
}

impl Tiles {
    /// Those of a picture of this width and height, with `side` pixels along a tile. One of at most four tiles' pixels is drawn
    /// whole.
    pub(super) fn new([width, height]: [usize; 2], side: usize) -> Self {
        // A mirror image takes two features.
        let features = [height, width].map(|pixels| pixels.div_ceil(STRIDE).max(2));
        let is_whole = features[0] * features[1] * STRIDE * STRIDE <= 4 * side * side;
        Self { features, side: (!is_whole).then_some((side / STRIDE).max(1)) }
    }

    /// Whether there is one tile.
    pub(super) fn is_whole(&self) -> bool {
        self.side.is_none()
    }

    /// All of them, from top to bottom and from left to right.
    pub(super) fn all(&self) -> Vec<Tile> {
        let [rows, columns] = self.features.map(|count| {
            let side = self.side.unwrap_or(count);
            // None is left that is too narrow for a mirror image.
            let tiles = (count / side).max(1);
            (0..tiles)
                .map(|tile| tile * side..if tile + 1 == tiles { count } else { (tile + 1) * side })
                .collect::<Vec<_>>()
        });
        let tile = |rows: &Range<usize>, columns: &Range<usize>| Tile {
            rows: rows.clone(),
            columns: columns.clone(),
            of: self.features,
        };
        rows.iter().flat_map(|rows| columns.iter().map(move |columns| tile(rows, columns))).collect()
    }
}

impl Tile {
    /// The pixels from which all of its features follow, and where in what the encoder gives they are.
    pub(super) fn to_measure(&self) -> (Area, [Part; 2]) {
        self.around(0)
    }

    /// The same of those features that what it draws depends on.
    pub(super) fn to_draw(&self) -> (Area, [Part; 2]) {
        self.around(HALO)
    }

    /// Where in the decoded of [`Tile::to_draw`] its own pixels are, in rows and columns.
    pub(super) fn drawn(&self) -> [Range<usize>; 2] {
        let range = |own: &Range<usize>, of: usize| {
            let first = grown(own, HALO, of).start;
            (own.start - first) * STRIDE..(own.end - first) * STRIDE
        };
        [range(&self.rows, self.of[0]), range(&self.columns, self.of[1])]
    }

    /// Row and column of its first pixel in the picture.
    pub(super) fn at(&self) -> (usize, usize) {
        (self.rows.start * STRIDE, self.columns.start * STRIDE)
    }

    fn around(&self, halo: usize) -> (Area, [Part; 2]) {
        let part = |own: &Range<usize>, of: usize| {
            let wanted = grown(own, halo, of);
            let all = grown(&wanted, HALO, of);
            Part { wanted: wanted.start - all.start..wanted.end - all.start, all }
        };
        let parts = [part(&self.rows, self.of[0]), part(&self.columns, self.of[1])];
        let pixels = |part: &Part| part.all.start * STRIDE..part.all.end * STRIDE;
        (Area { rows: pixels(&parts[0]), columns: pixels(&parts[1]) }, parts)
    }
}

impl Part {
    /// The wanted ones, by their places in the picture.
    pub(super) fn places(&self) -> Range<usize> {
        self.all.start + self.wanted.start..self.all.start + self.wanted.end
    }
}

/// A range with so many more on both sides, as far as there are some.
fn grown(range: &Range<usize>, by: usize, of: usize) -> Range<usize> {
    range.start.saturating_sub(by)..(range.end + by).min(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_are_one_tile() {
        let tiles = Tiles::new([61, 40], 32);
        assert!(tiles.is_whole());
        let [tile] = &tiles.all()[..] else { panic!("{tiles:?}") };
        assert_eq!(tile.to_draw().0, Area { rows: 0..40, columns: 0..64 });
        assert_eq!(tile.drawn(), [0..40, 0..64]);
        // Too small for a mirror image by itself.
        assert_eq!(Tiles::new([1, 5], 32).features, [2, 2]);
    }

    #[test]
    fn tiles_cover_a_picture_once() {
        for (width, height, side) in [(300, 200, 64), (1000, 17, 8), (256, 256, 64), (999, 501, 100)] {
            let tiles = Tiles::new([width, height], side);
            let [rows, columns] = tiles.features;
            let mut seen = vec![0; rows * columns];
            for tile in tiles.all() {
                let (area, parts) = tile.to_measure();
                for row in parts[0].places() {
                    for column in parts[1].places() {
                        seen[row * columns + column] += 1;
                    }
                }
                assert!(area.rows.end <= rows * STRIDE && area.columns.end <= columns * STRIDE);
                let drawn = tile.drawn().map(|range| range.len());
                assert_eq!(drawn, [&parts[0], &parts[1]].map(|part| part.wanted.len() * STRIDE));
            }
            assert!(seen.iter().all(|count| *count == 1), "{width}x{height} in {side}");
        }
    }
}
