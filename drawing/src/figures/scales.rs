//! Coarse, middle and fine layers.

use std::ops::Range;

use stylegan_ops::Resolution;

/// The layers of a network by the size of what they decide, as the paper parts them (Karras et al. 2019, figure 3).
///
/// Coarse are the first two levels (4x4 and 8x8 of a square of a power of two), middle the next two (16x16 and 32x32), fine
/// all others. Networks of fewer than five levels have one level of fine layers, one of middle ones if there is a third, and
/// what is left is coarse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scales {
    /// From layer 0 on: pose and shape.
    pub coarse: Range<usize>,
    /// What follows; none in a network of fewer than three levels.
    pub middle: Range<usize>,
    /// Up to the last layer: colors and small things.
    pub fine: Range<usize>,
}

impl Scales {
    /// Those of a network that draws pictures of this size.
    pub fn of(resolution: Resolution) -> Self {
        let levels = resolution.levels().len();
        let coarse = levels.saturating_sub(2).clamp(1, 2);
        let middle = levels.saturating_sub(coarse + 1).min(2);
        // Two layers a level.
        let (middle, fine) = (2 * coarse, 2 * (coarse + middle));
        Self { coarse: 0..middle, middle: middle..fine, fine: fine..2 * levels }
    }

    /// Shares out the rows of a figure, as the paper does: half of them to the coarse layers, a third to the middle ones, a
    /// sixth to the fine ones. Where a network has none of one kind, the others share its rows.
    pub fn of_rows(&self, rows: usize) -> Vec<Range<usize>> {
        let shares = [(&self.coarse, 3), (&self.middle, 2), (&self.fine, 1)];
        let kinds: Vec<_> = shares
            .into_iter()
            .filter(|(layers, _)| !layers.is_empty())
            .flat_map(|(layers, share)| std::iter::repeat_n(layers, share))
            .collect();
        (0..rows).map(|row| kinds[(2 * row + 1) * kinds.len() / (2 * rows)].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_networks_have_the_papers_layers_and_small_ones_a_share() {
        for (resolution, middle, fine, num_layers) in [
            (Resolution::square(1024), 4, 8, 18),
            (Resolution::square(64), 4, 8, 10),
            (Resolution { width: 512, height: 384 }, 4, 8, 16),
            (Resolution::square(32), 4, 6, 8),
            (Resolution::square(16), 2, 4, 6),
            (Resolution::square(8), 2, 2, 4),
            (Resolution::square(4), 2, 2, 2),
        ] {
            let expected = Scales { coarse: 0..middle, middle: middle..fine, fine: fine..num_layers };
            assert_eq!(Scales::of(resolution), expected, "{resolution}");
        }
    }

    #[test]
    fn rows_are_shared_out() {
        let starts = |side: usize, rows: usize| -> Vec<usize> {
            Scales::of(side.into()).of_rows(rows).iter().map(|layers| layers.start).collect()
        };
        assert_eq!(starts(1024, 6), [0, 0, 0, 4, 4, 8]);
        assert_eq!(starts(64, 3), [0, 4, 8]);
        assert_eq!(starts(64, 4), [0, 0, 4, 8]);
        assert_eq!(starts(16, 7), [0, 0, 0, 2, 2, 2, 4]);
        // No middle ones.
        assert_eq!(starts(8, 4), [0, 0, 0, 2]);
        assert_eq!(starts(4, 2), [0, 0]);
        assert_eq!(starts(64, 0), [0; 0]);
    }
}
