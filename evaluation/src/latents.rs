//! Measures of latents: how well ordered what pictures show is in z and in w.

use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Tensor};
use stylegan_drawing::Painter;
use stylegan_features::FeatureNetwork;
use stylegan_metrics::{Features, LooksAt, Measure, Readout, disentanglement, separability};
use tracing::field::Empty;
use tracing::info;

use crate::looking::{FeatureSource, Looking};
use crate::{Attributes, Drawn, Error, Outcome, Pictures, Result};

/// Latents that are mapped at a time.
const AT_ONCE: u64 = 256;

/// Reads the attributes of pictures off them: a small classifier, learned from pictures of which they are known.
#[derive(Debug)]
pub struct Classifier<'a> {
    network: &'a dyn FeatureNetwork,
    readout: Readout,
    /// Of each attribute: half of the pictures have more.
    middle: Vec<f32>,
}

impl<'a> Classifier<'a> {
    /// Learns from the first `count` of `pictures`, whose names inside their source are `names`, through `network`. Features
    /// are kept in the folder `cache`, if there is one.
    ///
    /// # Errors
    /// If attributes of a picture are not known, a picture cannot be read, or nothing can be learned.
    pub fn learn(
        network: &'a dyn FeatureNetwork,
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
        Ok(Self { network, middle: middle.collect(), readout })
    }

    /// Of each attribute, which share of its variance is told of pictures that were not learned from, up to 1.
    pub fn determination(&self) -> &[f64] {
        self.readout.determination()
    }

    /// Draws the seeds from 0 on, and says what the measures of latents among `measures` come to; the others are left out.
    ///
    /// # Errors
    /// If pictures cannot be drawn, or there are too few.
    pub fn measure(
        &self,
        measures: &[&'static Measure],
        painter: &Painter,
        fakes: usize,
    ) -> Result<Vec<Outcome>> {
        let asked =
            |measure: &&&'static Measure| matches!(measure.looks_at, LooksAt::Classes | LooksAt::Factors);
        let asked: Vec<&'static Measure> = measures.iter().filter(asked).copied().collect();
        let Some(most) = asked.iter().map(|measure| measure.fakes.min(fakes)).max() else {
            return Ok(Vec::new());
        };
        let start = Instant::now();
        let (z, w) = latents(painter, most)?;
        let features = features_of(self.network, &Drawn::new(painter, most), most, None)?;
        let seen = self.readout.predict(&features)?;
        let drawn_secs = start.elapsed().as_secs_f64();
        let outcome = |measure: &'static Measure| {
            let start = Instant::now();
            let count = measure.fakes.min(most);
            let rows: Vec<usize> = (0..count).collect();
            let [z, w, seen] = [&z, &w, &seen].map(|of| of.selected(&rows));
            let numbers = match measure.looks_at {
                LooksAt::Classes => {
                    let logits = self.logits(&seen)?;
                    let score = |latents| separability(latents, &logits).map(|found| found.score());
                    score(&z).and_then(|of_z| Ok(vec![of_z, score(&w)?]))
                }
                _ => disentanglement(&w, &seen).map(|found| {
                    vec![found.disentanglement(), found.completeness(), found.informativeness()]
                }),
            };
            let numbers = numbers.map_err(|source| Error::Measure { measure: measure.name, source })?;
            let names = measure.numbers.iter().map(|suffix| format!("{}{suffix}", measure.name));
            let elapsed_secs = drawn_secs + start.elapsed().as_secs_f64();
            Ok(Outcome {
                measure,
                numbers: names.zip(numbers).collect(),
                reals: 0,
                fakes: count,
                elapsed_secs,
            })
        };
        asked.into_iter().map(outcome).collect()
    }

    /// Below 0 where a picture has more of an attribute than half of those that were learned from.
    fn logits(&self, seen: &Features) -> Result<Features> {
        let rows = (0..seen.len()).flat_map(|row| self.middle.iter().zip(seen.row(row)).map(|(m, x)| m - x));
        let rows = Tensor::from_iter(rows, &Device::Cpu)?.reshape((seen.len(), seen.dim()))?;
        Ok(Features::of(&rows)?)
    }
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
                let Some(rows) = looking.features(batch)? else { return Ok(()) };
                looking.keep(&rows);
                Ok(features.add(&rows)?)
            })?;
            looking.finish();
        }
    }
    Ok(features)
}
