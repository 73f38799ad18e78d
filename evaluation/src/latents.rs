//! Measures of latents: how well ordered what pictures show is in z and in w.

use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Tensor};
use stylegan_drawing::{LatentSpace, Latents, Painter};
use stylegan_features::FeatureNetwork;
use stylegan_metrics::{Features, LooksAt, Measure, Readout, direction, disentanglement, separability};
use stylegan_peers::Alone;
use tracing::field::Empty;
use tracing::info;

use crate::looking::{FeatureSource, Looking};
use crate::{Attributes, Error, Outcome, Pictures, Result, Seen};

/// Latents that are mapped at a time.
const AT_ONCE: u64 = 256;

/// Reads the attributes of pictures off them: a small classifier, learned from pictures of which they are known.
#[derive(Debug)]
pub struct Classifier {
    readout: Readout,
    /// Of each attribute: half of the pictures have more.
    middle: Vec<f32>,
}

impl Classifier {
    /// Learns from the first `count` of `pictures`, whose names inside their source are `names`, through `network`. Features
    /// are kept in the folder `cache`, if there is one.
    ///
    /// # Errors
    /// If attributes of a picture are not known, a picture cannot be read, or nothing can be learned.
    pub fn learn(
        network: &dyn FeatureNetwork,
        (pictures, names): (&dyn Pictures, &[&String]),
        attributes: &Attributes,
        cache: Option<&Path>,
    ) -> Result<Self> {
        let numbers = attributes.of(names.iter().copied())?;
        let features = features_of(network, pictures, names.len(), cache)?;
        let readout = Readout::fit(&features, &numbers).map_err(|source| Error::Readout { source })?;
        for (name, share) in attributes.names().iter().zip(readout.determination()) {
            info!(attribute = name, determination = share, "attribute learned");
        }
        let middle = (0..numbers.dim()).map(|number| {
            let mut values: Vec<f32> = (0..numbers.len()).map(|row| numbers.row(row)[number]).collect();
            values.sort_by(f32::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        });
        Ok(Self { middle: middle.collect(), readout })
    }

    /// Of each attribute, which share of its variance is told of pictures that were not learned from, up to 1.
    pub fn determination(&self) -> &[f64] {
        self.readout.determination()
    }

    /// How many fakes the measures of latents among `measures` take of so many; none if there are none of them.
    pub fn wanted(measures: &[&'static Measure], fakes: usize) -> usize {
        measures
            .iter()
            .filter(|measure| is_of_latents(measure))
            .map(|measure| measure.fakes.min(fakes))
            .max()
            .unwrap_or(0)
    }

    /// What the measures of latents among `measures` come to, by what the network of the classifier saw of the pictures of the
    /// seeds from 0 on; the other measures are left out.
    ///
    /// # Errors
    /// If latents cannot be mapped, or there are too few.
    pub fn measure(
        &self,
        measures: &[&'static Measure],
        painter: &Painter,
        seen: &Seen,
    ) -> Result<Vec<Outcome>> {
        let start = Instant::now();
        let most = seen.fakes.len();
        let (z, w) = latents(painter, most)?;
        let attributes = self.readout.predict(&seen.fakes)?;
        let seen_secs = seen.elapsed_secs + start.elapsed().as_secs_f64();
        let outcome = |measure: &'static Measure| {
            let start = Instant::now();
            let count = measure.fakes.min(most);
            let rows: Vec<usize> = (0..count).collect();
            let [z, w, shown] = [&z, &w, &attributes].map(|of| of.selected(&rows));
            let numbers = match measure.looks_at {
                LooksAt::Classes => {
                    let logits = self.logits(&shown)?;
                    let score = |latents| separability(latents, &logits).map(|found| found.score());
                    score(&z).and_then(|of_z| Ok(vec![of_z, score(&w)?]))
                }
                _ => disentanglement(&w, &shown).map(|found| {
                    vec![found.disentanglement(), found.completeness(), found.informativeness()]
                }),
            };
            let numbers = numbers.map_err(|source| Error::Measure { measure: measure.name, source })?;
            let names = measure.numbers.iter().map(|suffix| format!("{}{suffix}", measure.name));
            let elapsed_secs = seen_secs + start.elapsed().as_secs_f64();
            Ok(Outcome {
                measure,
                numbers: names.zip(numbers).collect(),
                reals: 0,
                fakes: count,
                elapsed_secs,
            })
        };
        measures.iter().filter(|measure| is_of_latents(measure)).copied().map(outcome).collect()
    }

    /// The direction of w along which each attribute grows, by what the network of the classifier saw of the pictures of the
    /// seeds from 0 on: a row for each, one deviation of w long.
    ///
    /// # Errors
    /// If latents cannot be mapped, or there are fewer than ten.
    pub fn directions(&self, painter: &Painter, seen: &Seen) -> Result<Latents> {
        let (_, w) = latents(painter, seen.fakes.len())?;
        let shown = self.readout.predict(&seen.fakes)?;
        let mut rows = Vec::with_capacity(shown.dim() * w.dim());
        for attribute in 0..shown.dim() {
            let numbers: Vec<f32> = (0..shown.len()).map(|row| shown.row(row)[attribute]).collect();
            rows.extend(direction(&w, &numbers)?);
        }
        let all = Tensor::from_vec(rows, (shown.dim(), w.dim()), &Device::Cpu)?;
        Ok(Latents { space: LatentSpace::W, all })
    }

    /// Below 0 where a picture has more of an attribute than half of those that were learned from.
    fn logits(&self, shown: &Features) -> Result<Features> {
        let rows =
            (0..shown.len()).flat_map(|row| self.middle.iter().zip(shown.row(row)).map(|(m, x)| m - x));
        let rows = Tensor::from_iter(rows, &Device::Cpu)?.reshape((shown.len(), shown.dim()))?;
        Ok(Features::of(&rows)?)
    }
}

fn is_of_latents(measure: &Measure) -> bool {
    matches!(measure.looks_at, LooksAt::Classes | LooksAt::Factors)
}

/// z and w of the seeds from 0 on.
fn latents(painter: &Painter, count: usize) -> Result<(Features, Features)> {
    let span = tracing::info_span!("mapping", total = count as u64, done = Empty).entered();
    let (mut all_z, mut all_w) = (Features::default(), Features::default());
    for first in (0..count as u64).step_by(AT_ONCE as usize) {
        for seed in first..(first + AT_ONCE).min(count as u64) {
            let z = painter.z(seed)?;
            all_w.add(&painter.w(&z)?.to_device(&Device::Cpu)?)?;
            all_z.add(&z.to_device(&Device::Cpu)?)?;
        }
        span.record("done", (first + AT_ONCE).min(count as u64));
    }
    Ok((all_z, all_w))
}

/// Features of the first `count` pictures of a set, kept if they can be.
fn features_of(
    network: &dyn FeatureNetwork,
    pictures: &dyn Pictures,
    count: usize,
    cache: Option<&Path>,
) -> Result<Features> {
    let mut features = Features::default();
    match Looking::begin(network, pictures, count, cache) {
        FeatureSource::Kept(kept) => kept.each(|rows| features.add(rows))?,
        FeatureSource::Computed(mut looking) => {
            pictures.each(count, &mut |batch| {
                let Some(rows) = looking.features(batch, &Alone)? else { return Ok(()) };
                looking.keep(&rows);
                Ok(features.add(&rows)?)
            })?;
            looking.finish();
        }
    }
    Ok(features)
}
