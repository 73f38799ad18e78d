//! How large pictures are, and of which shape.

use std::collections::BTreeMap;

use serde::Serialize;
use stylegan_base::Resolution;

use crate::pack::sizes::has_ratio;

/// The ratios that cameras and screens have.
const RATIOS: [(&str, usize, usize); 7] = [
    ("1:1", 1, 1),
    ("4:3", 4, 3),
    ("3:2", 3, 2),
    ("16:9", 16, 9),
    ("3:4", 3, 4),
    ("2:3", 2, 3),
    ("9:16", 9, 16),
];

/// How large pictures are, and of which shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shapes {
    /// Pictures by their shorter side, from one power of two to the next, smallest first.
    pub sides: Vec<SideCount>,
    /// Pictures by width and height, most first; within a hundredth of a ratio they have it.
    pub ratios: Vec<RatioCount>,
    /// The size that most of them have, `512x384`.
    pub commonest: String,
    /// How many have that size.
    pub of_commonest: usize,
}

/// Pictures of about one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SideCount {
    /// Pixels of the shorter side at least, a power of two.
    pub from: usize,
    /// Pixels of the shorter side at most.
    pub to: usize,
    /// How many there are.
    pub pictures: usize,
}

/// Pictures of one ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RatioCount {
    /// Width to height, `4:3`, or `other`.
    pub ratio: &'static str,
    /// How many there are.
    pub pictures: usize,
}

impl Shapes {
    pub(super) fn of(sizes: impl Iterator<Item = Resolution>) -> Self {
        let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for Resolution { width, height } in sizes {
            *counts.entry((width, height)).or_default() += 1;
        }
        let (mut sides, mut ratios) = (BTreeMap::<usize, usize>::new(), BTreeMap::<&str, usize>::new());
        for (&(width, height), count) in &counts {
            let size = Resolution { width, height };
            *sides.entry(1 << size.shorter_side().max(1).ilog2()).or_default() += count;
            *ratios.entry(ratio(size)).or_default() += count;
        }
        let mut ratios: Vec<_> =
            ratios.into_iter().map(|(ratio, pictures)| RatioCount { ratio, pictures }).collect();
        ratios.sort_by_key(|count| (count.ratio == "other", std::cmp::Reverse(count.pictures)));
        let commonest = counts.iter().max_by_key(|&(size, count)| (count, size));
        let ((width, height), of_commonest) = commonest.map_or(((0, 0), 0), |(size, count)| (*size, *count));
        Self {
            sides: sides
                .into_iter()
                .map(|(from, pictures)| SideCount { from, to: 2 * from - 1, pictures })
                .collect(),
            ratios,
            commonest: Resolution { width, height }.to_string(),
            of_commonest,
        }
    }
}

fn ratio(size: Resolution) -> &'static str {
    let is_it = |&&(_, width, height): &&(&str, usize, usize)| has_ratio(size, Resolution { width, height });
    RATIOS.iter().find(is_it).map_or("other", |(name, ..)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_grouped() {
        let sizes =
            ["64", "100x80", "127x128", "640x480", "640x480", "640x480", "481x640", "1920x1080", "5x300"];
        let shapes = Shapes::of(sizes.iter().map(|size| size.parse().unwrap()));
        let sides: Vec<_> = shapes.sides.iter().map(|side| [side.from, side.to, side.pictures]).collect();
        assert_eq!(sides, [[4, 7, 1], [64, 127, 3], [256, 511, 4], [1024, 2047, 1]]);
        let ratios: Vec<_> = shapes.ratios.iter().map(|ratio| (ratio.ratio, ratio.pictures)).collect();
        assert_eq!(ratios, [("4:3", 3), ("1:1", 2), ("16:9", 1), ("3:4", 1), ("other", 2)]);
        assert_eq!((shapes.commonest.as_str(), shapes.of_commonest), ("640x480", 3));
        assert_eq!(Shapes::of([].into_iter()).sides, []);
    }
}
