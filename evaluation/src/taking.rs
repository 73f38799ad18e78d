//! What is shown of both sets, on its way into a measure.

use std::time::Instant;

use candle_core::Tensor;
use stylegan_features::FeatureNetwork;
use stylegan_metrics::{Features, LooksAt, Measure, Metric, Set};
use tracing::info;

use crate::{Error, Outcome, Result, Seen};

/// A measure that is being taken, or features that are kept.
pub(crate) struct Taking {
    taker: Taker,
    /// Through which of the networks, if through any.
    pub(crate) network: Option<usize>,
    reals: usize,
    fakes: usize,
    pub(crate) elapsed_secs: f64,
}

enum Taker {
    Measure(&'static Measure, Box<dyn Metric>),
    /// Of a network of this name, of both sets.
    Features(String, Features, Features),
}

impl Taking {
    /// A measure of so many reals and fakes at most.
    pub(crate) fn of_measure(
        measure: &'static Measure,
        networks: &[Box<dyn FeatureNetwork>],
        reals: usize,
        fakes: usize,
    ) -> Result<Self> {
        let name = measure.name;
        let not_of_pictures = |what| Error::NotOfPictures { measure: name, what };
        let network = match measure.looks_at {
            LooksAt::Pictures(_) => None,
            LooksAt::Features { network, .. } => {
                let found = networks.iter().position(|found| found.name() == network);
                Some(found.ok_or(Error::NoNetwork { measure: name, network })?)
            }
            LooksAt::Paths { .. } => return Err(not_of_pictures("neighboring pictures of a generator")),
            LooksAt::Classes => return Err(not_of_pictures("latents and what classifiers say")),
            LooksAt::Factors => return Err(not_of_pictures("latents and true labels")),
        };
        let metric = measure.metric().ok_or(not_of_pictures("something else"))?;
        let needs_reals = measure.counts(1, 1).0 > 0;
        if needs_reals && reals == 0 {
            return Err(Error::NoReals { measure: name });
        }
        let (reals, fakes) = measure.counts(reals, fakes);
        Ok(Self { taker: Taker::Measure(measure, metric), network, reals, fakes, elapsed_secs: 0.0 })
    }

    /// The features of so many reals and fakes.
    pub(crate) fn of_features(network: usize, name: &str, reals: usize, fakes: usize) -> Self {
        let taker = Taker::Features(name.to_owned(), Features::default(), Features::default());
        Self { taker, network: Some(network), reals, fakes, elapsed_secs: 0.0 }
    }

    /// How many it takes, or after [`Taking::was_shown`], has taken.
    pub(crate) fn count(&self, set: Set) -> usize {
        match set {
            Set::Reals => self.reals,
            Set::Fakes => self.fakes,
        }
    }

    /// There were no more than so many.
    pub(crate) fn was_shown(&mut self, set: Set, count: usize) {
        match set {
            Set::Reals => self.reals = count,
            Set::Fakes => self.fakes = count,
        }
    }

    pub(crate) fn add(&mut self, set: Set, batch: &Tensor) -> Result<()> {
        let start = Instant::now();
        match (&mut self.taker, set) {
            (Taker::Measure(Measure { name: measure, .. }, metric), _) => {
                metric.add(set, batch).map_err(|source| Error::Measure { measure, source })?;
            }
            (Taker::Features(_, reals, _), Set::Reals) => reals.add(batch)?,
            (Taker::Features(_, _, fakes), Set::Fakes) => fakes.add(batch)?,
        }
        self.elapsed_secs += start.elapsed().as_secs_f64();
        Ok(())
    }

    /// With all that it was shown.
    pub(crate) fn copied(&self) -> Self {
        let taker = match &self.taker {
            Taker::Measure(measure, metric) => Taker::Measure(measure, metric.copied()),
            Taker::Features(name, reals, fakes) => {
                Taker::Features(name.clone(), reals.clone(), fakes.clone())
            }
        };
        Self { taker, ..*self }
    }

    /// What came of it.
    pub(crate) fn finish(self) -> Result<Taken> {
        let start = Instant::now();
        let Self { taker, reals, fakes, elapsed_secs, .. } = self;
        match taker {
            Taker::Measure(measure, metric) => {
                let numbers = metric
                    .numbers()
                    .map_err(|source| Error::Measure { measure: measure.name, source })?
                    .into_iter()
                    .map(|(suffix, value)| (format!("{}{suffix}", measure.name), value))
                    .collect();
                let elapsed_secs = elapsed_secs + start.elapsed().as_secs_f64();
                info!(measure = measure.name, ?numbers, elapsed_secs, "measured");
                Ok(Taken::Outcome(Outcome { measure, numbers, reals, fakes, elapsed_secs }))
            }
            Taker::Features(network, reals, fakes) => {
                Ok(Taken::Features(Seen { network, reals, fakes, elapsed_secs }))
            }
        }
    }
}

/// What came of a [`Taking`].
pub(crate) enum Taken {
    Outcome(Outcome),
    Features(Seen),
}
