//! Several measures at once: every picture is looked at once.

use std::path::Path;
use std::time::Instant;

use candle_core::Tensor;
use stylegan_dataset::Skipped;
use stylegan_features::FeatureNetwork;
use stylegan_metrics::{LooksAt, Measure, Metric, Set};
use tracing::info;

use crate::looking::{FeatureSource, Looking};
use crate::{Error, Outcome, Pictures, Result};

/// Measures of fakes and, where they ask for them, reals.
///
/// Every picture is decoded or drawn once, and every network looks at it once, however many measures there are. What was shown of the
/// reals serves for several sets of fakes. Features of reals are kept in a folder, if there is one.
pub struct Evaluation<'a> {
    takings: Vec<Taking>,
    networks: &'a [Box<dyn FeatureNetwork>],
    cache: Option<&'a Path>,
}

/// A measure that is being taken.
struct Taking {
    measure: &'static Measure,
    metric: Box<dyn Metric>,
    /// Through which of the networks, if through any.
    network: Option<usize>,
    reals: usize,
    fakes: usize,
    elapsed_secs: f64,
}

impl Taking {
    fn count(&self, set: Set) -> usize {
        match set {
            Set::Reals => self.reals,
            Set::Fakes => self.fakes,
        }
    }

    fn add(&mut self, set: Set, batch: &Tensor) -> Result<()> {
        let start = Instant::now();
        let measure = self.measure.name;
        self.metric.add(set, batch).map_err(|source| Error::Measure { measure, source })?;
        self.elapsed_secs += start.elapsed().as_secs_f64();
        Ok(())
    }

    fn copied(&self) -> Self {
        Self { metric: self.metric.copied(), ..*self }
    }
}

impl<'a> Evaluation<'a> {
    /// Of so many reals, none if there are none, and so many fakes.
    ///
    /// # Errors
    /// If a measure needs what is not there.
    pub fn new(
        measures: &[&'static Measure],
        networks: &'a [Box<dyn FeatureNetwork>],
        cache: Option<&'a Path>,
        reals: usize,
        fakes: usize,
    ) -> Result<Self> {
        let taking = |measure: &&'static Measure| {
            let name = measure.name;
            let not_of_pictures = |what| Error::NotOfPictures { measure: name, what };
            let network = match measure.looks_at {
                LooksAt::Pictures(_) => None,
                LooksAt::Features { network, .. } => {
                    let found = networks.iter().position(|found| found.name() == network);
                    Some(found.ok_or(Error::NoNetwork { measure: name, network })?)
                }
                LooksAt::Paths(_) => return Err(not_of_pictures("neighboring pictures of a generator")),
                LooksAt::Classes => return Err(not_of_pictures("latents and what classifiers say")),
                LooksAt::Factors => return Err(not_of_pictures("latents and true labels")),
            };
            let metric = measure.metric().ok_or(not_of_pictures("something else"))?;
            let needs_reals = measure.counts(1, 1).0 > 0;
            if needs_reals && reals == 0 {
                return Err(Error::NoReals { measure: name });
            }
            let (reals, fakes) = measure.counts(reals, fakes);
            Ok(Taking { measure, metric, network, reals, fakes, elapsed_secs: 0.0 })
        };
        let takings = measures.iter().map(taking).collect::<Result<_>>()?;
        Ok(Self { takings, networks, cache })
    }

    /// Whether any of the measures looks at reals.
    pub fn needs_reals(&self) -> bool {
        self.takings.iter().any(|taking| taking.reals > 0)
    }

    /// Looks at the reals; returns those that could not be read.
    ///
    /// # Errors
    /// If there are none that can be, a measure is not made for them, or a network fails.
    pub fn look_at_reals(&mut self, reals: &dyn Pictures) -> Result<Vec<Skipped>> {
        let Self { takings, networks, cache } = self;
        look(takings, networks, *cache, Set::Reals, reals)
    }

    /// Looks at fakes, and says what came of all measures; the reals serve again.
    ///
    /// # Errors
    /// As [`Evaluation::look_at_reals`].
    pub fn measure(&self, fakes: &dyn Pictures) -> Result<(Vec<Outcome>, Vec<Skipped>)> {
        let mut takings: Vec<Taking> = self.takings.iter().map(Taking::copied).collect();
        let skipped = look(&mut takings, self.networks, None, Set::Fakes, fakes)?;
        let outcome = |taking: &Taking| {
            let start = Instant::now();
            let Taking { measure, reals, fakes, .. } = *taking;
            let numbers = taking
                .metric
                .numbers()
                .map_err(|source| Error::Measure { measure: measure.name, source })?
                .into_iter()
                .map(|(suffix, value)| (format!("{}{suffix}", measure.name), value))
                .collect();
            let elapsed_secs = taking.elapsed_secs + start.elapsed().as_secs_f64();
            info!(measure = measure.name, ?numbers, elapsed_secs, "measured");
            Ok(Outcome { measure, numbers, reals, fakes, elapsed_secs })
        };
        Ok((takings.iter().map(outcome).collect::<Result<_>>()?, skipped))
    }
}

/// Shows a set to all measures, each as many pictures as it takes.
fn look(
    takings: &mut [Taking],
    networks: &[Box<dyn FeatureNetwork>],
    cache: Option<&Path>,
    set: Set,
    pictures: &dyn Pictures,
) -> Result<Vec<Skipped>> {
    let mut seen = vec![0; takings.len()];
    let mut looking = Vec::new();
    for (index, network) in networks.iter().enumerate() {
        let through = takings.iter().filter(|taking| taking.network == Some(index));
        let count = through.map(|taking| taking.count(set)).max().unwrap_or(0);
        if count == 0 {
            continue;
        }
        match Looking::begin(network.as_ref(), pictures, count, cache) {
            FeatureSource::Kept(kept) => {
                kept.each(|rows| show(takings, &mut seen, Some(index), set, rows))?;
            }
            FeatureSource::Computed(network) => looking.push((index, network)),
        }
    }
    let of_pictures =
        takings.iter().filter(|taking| taking.network.is_none()).map(|taking| taking.count(set));
    let count = of_pictures.chain(looking.iter().map(|(_, looking)| looking.count)).max().unwrap_or(0);
    let mut look_at = |batch: &Tensor| {
        show(takings, &mut seen, None, set, batch)?;
        for (index, looking) in &mut looking {
            let start = Instant::now();
            let Some(features) = looking.features(batch)? else { continue };
            let elapsed_secs = start.elapsed().as_secs_f64();
            for taking in takings.iter_mut().filter(|taking| taking.network == Some(*index)) {
                taking.elapsed_secs += elapsed_secs;
            }
            looking.keep(&features);
            show(takings, &mut seen, Some(*index), set, &features)?;
        }
        Ok(())
    };
    let skipped = if count > 0 { pictures.each(count, &mut look_at)? } else { Vec::new() };
    for (_, looking) in looking {
        looking.finish();
    }
    for (taking, seen) in takings.iter_mut().zip(seen) {
        match set {
            Set::Reals => taking.reals = seen,
            Set::Fakes => taking.fakes = seen,
        }
    }
    Ok(skipped)
}

/// Shows a batch to the measures that look through this network, or through none, as far as they take more.
fn show(
    takings: &mut [Taking],
    seen: &mut [usize],
    network: Option<usize>,
    set: Set,
    batch: &Tensor,
) -> Result<()> {
    for (taking, seen) in takings.iter_mut().zip(seen).filter(|(taking, _)| taking.network == network) {
        let wanted = batch.dim(0)?.min(taking.count(set) - *seen);
        if wanted > 0 {
            taking.add(set, &batch.narrow(0, 0, wanted)?)?;
            *seen += wanted;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use candle_core::{DType, Device};

    use super::*;
    use crate::testing::Means;

    /// Plain pictures of a size each, whose shades are a function of their number.
    struct Plain {
        count: usize,
        offset: usize,
        looked_at: Cell<usize>,
    }

    impl Plain {
        fn new(count: usize, offset: usize) -> Self {
            Self { count, offset, looked_at: Cell::new(0) }
        }
    }

    impl Pictures for Plain {
        fn count(&self) -> usize {
            self.count
        }

        fn fingerprint(&self) -> Option<String> {
            Some(format!("plain {} {}", self.count, self.offset))
        }

        fn each(&self, count: usize, visit: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<Vec<Skipped>> {
            for first in (0..count).step_by(7) {
                let batch = 7.min(count - first);
                self.looked_at.set(self.looked_at.get() + batch);
                let shades = (first..first + batch).flat_map(|number| {
                    let number = number + self.offset;
                    [number * 37 % 101, number * 53 % 89, number * 11 % 97].map(|shade| shade as u8)
                });
                let shades = Tensor::from_iter(shades, &Device::Cpu)?.reshape((batch, 3, 1, 1))?;
                visit(&shades.broadcast_as((batch, 3, 16, 24))?.contiguous()?)?;
            }
            Ok(Vec::new())
        }
    }

    fn measures(names: &[&str]) -> Vec<&'static Measure> {
        names.iter().map(|name| Measure::of(name).unwrap()).collect()
    }

    #[test]
    fn every_measure_takes_what_it_takes_and_reals_are_looked_at_once() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let networks: Vec<Box<dyn FeatureNetwork>> = vec![Box::new(Means)];
        let measures = measures(&["fid50k_full", "kid50k_full", "swd", "ms_ssim"]);
        let (reals, fakes) = (Plain::new(60, 0), Plain::new(25, 1000));
        let mut all: Vec<Vec<(String, f64)>> = Vec::new();
        for _ in 0..2 {
            let mut evaluation = Evaluation::new(&measures, &networks, Some(folder.path()), 60, 25)?;
            evaluation.look_at_reals(&reals)?;
            for _ in 0..2 {
                let (outcomes, skipped) = evaluation.measure(&fakes)?;
                assert!(skipped.is_empty());
                let counts: Vec<_> = outcomes.iter().map(|outcome| (outcome.reals, outcome.fakes)).collect();
                assert_eq!(counts, [(60, 25), (60, 25), (25, 25), (0, 25)]);
                all.push(outcomes.into_iter().flat_map(|outcome| outcome.numbers).collect());
            }
        }
        // All 60 the first time, and then those alone that `swd` takes.
        assert_eq!(reals.looked_at.get(), 60 + 25);
        assert!(all.iter().all(|numbers| *numbers == all[0]));
        let names: Vec<&str> = all[0].iter().map(|(name, _)| name.as_str()).collect();
        let expected =
            ["fid50k_full", "kid50k_full", "kid50k_full_std", "swd", "swd_24", "ms_ssim", "ms_ssim_std"];
        assert_eq!(names, expected);

        // By hand.
        let mut moments = [stylegan_metrics::Moments::default(), stylegan_metrics::Moments::default()];
        for (moments, pictures) in moments.iter_mut().zip([&reals, &fakes]) {
            pictures.each(pictures.count, &mut |batch| {
                Ok(moments.add(&batch.to_dtype(DType::F32)?.mean((2, 3))?)?)
            })?;
        }
        let expected = stylegan_metrics::frechet_distance(&moments[0], &moments[1])?.distance();
        assert!((all[0][0].1 - expected).abs() < 1e-6 * expected, "{} against {expected}", all[0][0].1);
        Ok(())
    }

    #[test]
    fn what_is_not_there_is_named() {
        let refusal = |name: &str, reals| {
            let evaluation = Evaluation::new(&measures(&[name]), &[], None, reals, 10);
            evaluation.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(
            refusal("fid50k_full", 10),
            "`fid50k_full` looks through the network `inception`, which is not there"
        );
        assert_eq!(refusal("swd", 0), "`swd` compares with real pictures, of which none were given");
        assert!(refusal("ppl_wend", 10).contains("looks at neighboring pictures of a generator"));
        assert_eq!(refusal("ms_ssim", 0), "");
    }
}
