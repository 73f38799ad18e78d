//! Every measure, by the name that users know.

use std::fmt;

use crate::metric::OfFeatures;
use crate::ssim::MeanSimilarity;
use crate::{
    InceptionScore, Metric, PathLength, PathPart, PathSpace, Swd, frechet, kernel_distance, manifold, nearest,
};

/// What is to be known of a measure before it is taken.
pub struct Measure {
    /// The name that users know, also that of its file, `metric-NAME.jsonl`.
    pub name: &'static str,
    /// What it says, in half a sentence.
    pub about: &'static str,
    /// What it looks at.
    pub looks_at: LooksAt,
    /// How many reals it takes.
    pub reals: Reals,
    /// How many fakes it takes, as its name says or its paper.
    pub fakes: usize,
    /// What stands behind the name in each of its numbers, the one to look at first. Those of `swd` follow the size of the pictures.
    pub numbers: &'static [&'static str],
    /// Which way its first number is better.
    pub better: Better,
    /// No side of its pictures may be shorter, in pixels.
    pub least_side: usize,
    /// Fewer fakes than these move its numbers, whatever the pictures are like.
    pub biased_below: Option<usize>,
}

/// What a measure looks at.
#[derive(Clone, Copy)]
pub enum LooksAt {
    /// Pictures themselves.
    Pictures(fn() -> Box<dyn Metric>),
    /// Features of a network.
    Features {
        /// What the network is called.
        network: &'static str,
        /// The metric before it has seen features.
        new: fn() -> Box<dyn Metric>,
    },
    /// Pairs of neighboring pictures of a generator, by a perceptual distance.
    Paths {
        /// Which pairs.
        length: PathLength,
        /// What the network of the distance is called.
        network: &'static str,
    },
    /// Latents of a generator, and what classifiers say of their pictures.
    Classes,
    /// Latents of a generator, and true numbers of their pictures.
    Factors,
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measure").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How many reals a measure takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reals {
    /// None: it looks at fakes alone.
    None,
    /// As many as there are.
    All,
    /// So many, or all, if there are fewer.
    AtMost(usize),
    /// As many as fakes.
    AsFakes,
}

/// Which way a number is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Smaller.
    Lower,
    /// Larger.
    Higher,
    /// Near that of reals.
    Neither,
}

impl Measure {
    /// The measure of this name.
    pub fn of(name: &str) -> Option<&'static Self> {
        MEASURES.iter().find(|measure| measure.name == name)
    }

    /// The metric before it has seen anything; none of what looks at a generator.
    pub fn metric(&self) -> Option<Box<dyn Metric>> {
        match self.looks_at {
            LooksAt::Pictures(new) | LooksAt::Features { new, .. } => Some(new()),
            LooksAt::Paths { .. } | LooksAt::Classes | LooksAt::Factors => None,
        }
    }

    /// How many reals and fakes it takes of so many.
    pub fn counts(&self, reals: usize, fakes: usize) -> (usize, usize) {
        let fakes = fakes.min(self.fakes);
        match self.reals {
            Reals::None => (0, fakes),
            Reals::All => (reals, fakes),
            Reals::AtMost(most) => (reals.min(most), fakes),
            Reals::AsFakes => (reals.min(fakes), fakes.min(reals)),
        }
    }
}

const INCEPTION: &str = "inception";
const VGG16: &str = "vgg16-fc2";
const LPIPS: &str = "lpips";
const SMALL: &str = "mobilenet";
const ONE: &[&str] = &[""];

const fn paths(name: &'static str, about: &'static str, length: PathLength) -> Measure {
    Measure {
        name,
        about,
        looks_at: LooksAt::Paths { length, network: LPIPS },
        reals: Reals::None,
        fakes: 50_000,
        numbers: ONE,
        better: Better::Lower,
        least_side: 1,
        biased_below: None,
    }
}

const fn small_paths(name: &'static str, about: &'static str, length: PathLength) -> Measure {
    Measure {
        looks_at: LooksAt::Paths { length, network: SMALL },
        fakes: 5_000,
        ..paths(name, about, length)
    }
}

const fn features(
    name: &'static str,
    about: &'static str,
    network: &'static str,
    numbers: &'static [&'static str],
    new: fn() -> Box<dyn Metric>,
) -> Measure {
    Measure {
        name,
        about,
        looks_at: LooksAt::Features { network, new },
        reals: Reals::All,
        fakes: 50_000,
        numbers,
        better: Better::Lower,
        least_side: 1,
        biased_below: None,
    }
}

const FID: Measure =
    features("fid50k_full", "Fréchet distance of Inception's features", INCEPTION, ONE, || {
        Box::new(OfFeatures::new(frechet::numbers))
    });

const KID: Measure = features(
    "kid50k_full",
    "kernel distance of Inception's features, which few pictures do not move",
    INCEPTION,
    &["", "_std"],
    || Box::new(OfFeatures::new(kernel_distance::numbers)),
);

const NN: Measure = Measure {
    fakes: 1_000,
    better: Better::Neither,
    ..features(
        "nn",
        "how much nearer fakes are to reals than reals to one another: well below 1 is repeating",
        VGG16,
        &["", "_fakes", "_reals"],
        || Box::new(OfFeatures::new(nearest::numbers)),
    )
};

/// All of them.
pub const MEASURES: &[Measure] = &[
    Measure { biased_below: Some(crate::UNBIASED_FROM), ..FID },
    Measure { name: "fid50k", reals: Reals::AtMost(50_000), biased_below: Some(crate::UNBIASED_FROM), ..FID },
    KID,
    Measure {
        name: "kid-small",
        about: "kernel distance of a small network's features, which is no KID",
        looks_at: LooksAt::Features {
            network: SMALL,
            new: || Box::new(OfFeatures::new(kernel_distance::numbers)),
        },
        reals: Reals::AtMost(5_000),
        fakes: 5_000,
        ..KID
    },
    Measure {
        reals: Reals::AtMost(200_000),
        better: Better::Higher,
        ..features(
            "pr50k3_full",
            "precision and recall: share of fakes that look real, of reals that might be drawn",
            VGG16,
            &["_precision", "_recall"],
            || Box::new(OfFeatures::new(manifold::precision_recall_numbers)),
        )
    },
    Measure {
        reals: Reals::AtMost(200_000),
        better: Better::Higher,
        ..features(
            "dc50k5_full",
            "density and coverage, of which single outliers move little",
            VGG16,
            &["_density", "_coverage"],
            || Box::new(OfFeatures::new(manifold::density_coverage_numbers)),
        )
    },
    Measure {
        reals: Reals::None,
        better: Better::Higher,
        ..features(
            "is50k",
            "Inception Score, for pictures of ImageNet's classes",
            "inception-classes",
            &["_mean", "_std"],
            || Box::<InceptionScore>::default(),
        )
    },
    paths("ppl_zfull", "perceptual path length in z", PathLength::new(PathSpace::Z, PathPart::Full)),
    paths("ppl_wfull", "perceptual path length in w", PathLength::new(PathSpace::W, PathPart::Full)),
    paths(
        "ppl_zend",
        "perceptual path length at the ends of paths in z",
        PathLength::new(PathSpace::Z, PathPart::End),
    ),
    paths(
        "ppl_wend",
        "perceptual path length at the ends of paths in w",
        PathLength::new(PathSpace::W, PathPart::End),
    ),
    paths(
        "ppl2_wend",
        "the same of whole pictures, as StyleGAN2 has it",
        PathLength { crop: false, ..PathLength::new(PathSpace::W, PathPart::End) },
    ),
    small_paths(
        "ppl-small_zfull",
        "path length in z by a small network's features, which is no PPL",
        PathLength::new(PathSpace::Z, PathPart::Full),
    ),
    small_paths("ppl-small_wfull", "the same in w", PathLength::new(PathSpace::W, PathPart::Full)),
    small_paths(
        "ppl-small_zend",
        "the same at the ends of paths in z",
        PathLength::new(PathSpace::Z, PathPart::End),
    ),
    small_paths(
        "ppl-small_wend",
        "the same at the ends of paths in w",
        PathLength::new(PathSpace::W, PathPart::End),
    ),
    Measure {
        name: "ls",
        about: "linear separability of latents by classifiers",
        looks_at: LooksAt::Classes,
        reals: Reals::None,
        fakes: 200_000,
        numbers: &["_z", "_w"],
        better: Better::Lower,
        least_side: 1,
        // A plane parts nearly any twice as many points as there are dimensions (Cover 1965). Of so many the surest half is ten
        // times as many as those of the paper's w.
        biased_below: Some(10_000),
    },
    Measure {
        name: "swd",
        about: "sliced Wasserstein distance of patches, times 1000",
        looks_at: LooksAt::Pictures(|| Box::<Swd>::default()),
        reals: Reals::AsFakes,
        fakes: 8192,
        numbers: ONE,
        better: Better::Lower,
        least_side: 16,
        biased_below: None,
    },
    Measure {
        name: "ms_ssim",
        about: "similarity of fakes to one another: lower is more varied",
        looks_at: LooksAt::Pictures(|| Box::<MeanSimilarity>::default()),
        reals: Reals::None,
        fakes: 20_000,
        numbers: &["", "_std"],
        better: Better::Neither,
        least_side: 16,
        biased_below: None,
    },
    NN,
    Measure {
        name: "nn-small",
        about: "the same by a small network's features",
        looks_at: LooksAt::Features { network: SMALL, new: || Box::new(OfFeatures::new(nearest::numbers)) },
        ..NN
    },
    Measure {
        name: "dci",
        about: "disentanglement, completeness and informativeness of w by true labels",
        looks_at: LooksAt::Factors,
        reals: Reals::None,
        fakes: 10_000,
        numbers: &["_disentanglement", "_completeness", "_informativeness"],
        better: Better::Higher,
        least_side: 1,
        biased_below: None,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use candle_core::{Result, Tensor};

    use super::*;
    use crate::Set;
    use crate::draws::normal;

    /// Something of the shape that a measure looks at.
    fn batch(measure: &Measure, seed: u64, count: usize) -> Result<Tensor> {
        match measure.looks_at {
            LooksAt::Pictures(_) => (normal("pictures", &[seed], (count, 3, 32, 24))? * 50.0)? + 128.0,
            _ if measure.name == "is50k" => {
                let odds = normal("odds", &[seed], (count, 4))?.exp()?;
                odds.broadcast_div(&odds.sum_keepdim(1)?)
            }
            _ => normal("features", &[seed], (count, 5)),
        }
    }

    #[test]
    fn names_are_those_of_files_and_numbers_those_that_come() -> Result<()> {
        let names: HashSet<_> = MEASURES.iter().map(|measure| measure.name).collect();
        assert_eq!(names.len(), MEASURES.len());
        assert!(Measure::of("fid").is_none());
        for measure in MEASURES {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
            assert!(measure.name.chars().all(is_plain), "{}", measure.name);
            let Some(mut metric) = Measure::of(measure.name).and_then(Measure::metric) else { continue };
            assert!(metric.numbers().is_err(), "{} of nothing", measure.name);
            let (reals, fakes) = measure.counts(40, 40);
            if reals > 0 {
                metric.add(Set::Reals, &batch(measure, 1, reals)?)?;
            }
            metric.add(Set::Fakes, &batch(measure, 2, fakes)?)?;
            let numbers = metric.numbers()?;
            let found: Vec<&str> = numbers.iter().map(|(name, _)| name.as_str()).collect();
            let expected = if measure.name == "swd" { vec!["", "_32"] } else { measure.numbers.to_vec() };
            assert_eq!(found[..expected.len().min(found.len())], expected, "{}", measure.name);
            assert!(numbers.iter().all(|(_, value)| value.is_finite()), "{}: {numbers:?}", measure.name);
        }
        Ok(())
    }

    #[test]
    fn batches_do_not_matter_and_reals_serve_again() -> Result<()> {
        for measure in MEASURES {
            let Some(mut whole) = measure.metric() else { continue };
            let mut batches = whole.copied();
            let (count_of_reals, count) = measure.counts(12, 12);
            let fakes = batch(measure, 2, count)?;
            if count_of_reals > 0 {
                let reals = batch(measure, 1, count_of_reals)?;
                whole.add(Set::Reals, &reals)?;
                for first in [0, 4, 8] {
                    batches.add(Set::Reals, &reals.narrow(0, first, 4)?)?;
                }
            }
            let mut again = whole.copied();
            whole.add(Set::Fakes, &fakes)?;
            for (first, length) in [(0, 3), (3, 1), (4, 8)] {
                batches.add(Set::Fakes, &fakes.narrow(0, first, length)?)?;
            }
            again.add(Set::Fakes, &fakes)?;
            assert_eq!(whole.numbers()?, again.numbers()?, "{}", measure.name);
            for ((name, whole), (_, parts)) in whole.numbers()?.into_iter().zip(batches.numbers()?) {
                assert!(
                    (whole - parts).abs() <= 1e-9 * whole.abs(),
                    "{}{name}: {whole}, {parts}",
                    measure.name
                );
            }
        }
        Ok(())
    }

    #[test]
    fn measures_take_no_more_than_there_is() {
        let counts = |name: &str, reals, fakes| Measure::of(name).unwrap().counts(reals, fakes);
        assert_eq!(counts("fid50k_full", 70_000, 100_000), (70_000, 50_000));
        assert_eq!(counts("fid50k", 70_000, 9), (50_000, 9));
        assert_eq!(counts("swd", 5_000, 9_000), (5_000, 5_000));
        assert_eq!(counts("swd", 9_000, 100), (100, 100));
        assert_eq!(counts("is50k", 10, 20), (0, 20));
    }
}
