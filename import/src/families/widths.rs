//! The formula behind the widths of a network.

use stylegan_ops::Widths;

/// Largest `fmap_base` that is looked for: one less than the largest of all, for the search adds one.
const MAX_BASE: f64 = (Widths::MAX_BASE - 1) as f64;

/// Numbers that give `widths`, of a side and its feature maps each: those told if they do.
pub(super) fn that_give(told: Widths, widths: &[(usize, usize)]) -> Option<Widths> {
    if gives(told, widths) {
        return Some(told);
    }
    let fmap_max = widths.iter().map(|&(_, width)| width).max()?;
    // The smallest number that is large enough for all widths; a width of 1 needs none. A larger one may show.
    let base = |fmap_decay: f64| {
        let needed = widths
            .iter()
            .filter(|&&(_, width)| width > 1)
            .map(|&(side, width)| width as f64 * (f64::from(side.max(2).ilog2() - 1) * fmap_decay).exp2());
        needed.fold(1.0, f64::max).min(MAX_BASE).ceil() as usize
    };
    // Two neighbors are hardly different; the most common decay comes first.
    let decays = (0..=8 << 12).map(|step| f64::from(step) / f64::from(1 << 12));
    std::iter::once(1.0)
        .chain(decays)
        // One to either side of what may have been rounded.
        .flat_map(|fmap_decay| {
            let base = base(fmap_decay);
            [base.max(2) - 1, base, base + 1].map(|fmap_base| Widths { fmap_base, fmap_decay, fmap_max })
        })
        .find(|&found| gives(found, widths))
}

fn gives(formula: Widths, widths: &[(usize, usize)]) -> bool {
    widths.iter().all(|&(side, width)| formula.feature_maps(side) == width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sides(widths: &[usize]) -> Vec<(usize, usize)> {
        widths.iter().enumerate().map(|(index, &width)| (4 << index, width)).collect()
    }

    #[test]
    fn the_papers_numbers_come_first() {
        let found = that_give(Widths::default(), &sides(&[512, 512, 512, 512, 256, 128, 64, 32, 16]));
        assert_eq!(found, Some(Widths::default()));
        let found = that_give(Widths::default(), &sides(&[512, 512]));
        assert_eq!(found, Some(Widths::default()));
    }

    #[test]
    fn widths_that_halve_or_not() {
        for widths in [&[8, 8, 8][..], &[8, 8, 8, 8, 6, 5], &[100, 50, 25, 12], &[7, 3, 1, 1], &[1, 1]] {
            let found = that_give(Widths::default(), &sides(widths)).unwrap();
            assert!(gives(found, &sides(widths)), "{widths:?}: {found:?}");
        }
        for widths in [&[8, 16][..], &[8, 4, 4, 1], &[64, 32, 31, 2]] {
            assert_eq!(that_give(Widths::default(), &sides(widths)), None, "{widths:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn widths_of_the_formula_are_found(
            fmap_base in 1..20_000_usize, decay in 0..40_u32, fmap_max in 1..600_usize, count in 2..10_usize,
        ) {
            let formula = Widths { fmap_base, fmap_decay: f64::from(decay) / 16.0, fmap_max };
            let widths: Vec<_> = (0..count)
                .map(|index| (4 << index, formula.feature_maps(4 << index)))
                .collect();
            let found = that_give(Widths::default(), &widths);
            prop_assert!(found.is_some_and(|found| gives(found, &widths)), "{:?}", widths);
        }
    }
}
