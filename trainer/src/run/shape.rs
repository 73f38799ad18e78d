//! Whether saved networks have the shape that a configuration asks for, or can grow to it.

use std::collections::BTreeMap;
use std::path::Path;

use stylegan_checkpoint::{Meta, Network, expected_shapes};
use stylegan_ops::Resolution;

use super::error::RunError;
use crate::{Difference, TrainConfig};

/// Tensors that are named one by one.
const NAMED: usize = 6;

/// Networks that become larger ones: every tensor stays, and those of the new levels are added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    /// Width and height of the pictures before.
    pub(super) from: Resolution,
    /// Width and height of the pictures to come.
    pub(super) to: Resolution,
    /// Levels that are added.
    pub(super) doublings: u32,
    /// Tensors of generator and critic that start afresh.
    pub(super) new_tensors: usize,
    /// Times in kimg at which the first new level starts to fade in and at which its fade ends; none if it never does.
    fade: Option<(f64, f64)>,
    /// The level that the schedule starts at.
    initial: Resolution,
    /// The end of the schedule, in kimg.
    total_kimg: f64,
}

impl Growth {
    /// Pictures shown when the first new level starts to fade in. `place` is where the networks come from, for messages.
    pub(super) fn fade_nimg(&self, place: &Path) -> Result<u64, RunError> {
        let Self { from, fade, initial, total_kimg, .. } = *self;
        let never = || RunError::NeverGrows {
            path: place.to_owned(),
            level: from.doubled(),
            initial,
            total_kimg,
            fade_ends_kimg: fade.map(|(_, ends)| ends),
        };
        let fade_nimg = (fade.ok_or_else(never)?.0 * 1000.0).round() as u64;
        if (total_kimg * 1000.0).ceil() as u64 <= fade_nimg { Err(never()) } else { Ok(fade_nimg) }
    }
}

/// How saved networks differ in shape from those that a configuration asks for.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// One sentence for each key of the configuration, and some of the tensors.
    differences: Vec<String>,
    /// The keys with the values that the networks have, as `--set` takes them.
    keep: Vec<String>,
    /// What the networks can do about it.
    pub(super) growth: Option<Growth>,
}

impl Misfit {
    /// The difference between the networks of a snapshot and those of `config`; none if there is none.
    pub(super) fn between(meta: &Meta, config: &TrainConfig) -> Result<Option<Self>, RunError> {
        let asked =
            Meta { generator: config.generator.clone(), critic: Some(config.critic()), ..Meta::default() };
        let (before, now) = (shapes(meta)?, shapes(&asked)?);
        if before == now {
            return Ok(None);
        }
        let keys = config.differences(&config.of_networks(meta))?;
        let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let tensors: Vec<String> =
            names.into_iter().filter_map(|name| difference(name, before.get(name), now.get(name))).collect();
        let (from, to) = (meta.generator.resolution, config.generator.resolution);
        let all_fit = before.iter().all(|(name, shape)| now.get(name) == Some(shape));
        let doublings = from.doublings_to(to).filter(|&doublings| doublings > 0 && all_fit);
        let schedule = &config.schedule;
        let growth = doublings.map(|doublings| Growth {
            from,
            to,
            doublings,
            new_tensors: tensors.len(),
            fade: schedule.fade_of(to, from.doubled()),
            initial: schedule.first_level(to),
            total_kimg: schedule.total_kimg,
        });
        let more = tensors.len().saturating_sub(NAMED);
        Ok(Some(Self {
            keep: keys
                .iter()
                .filter_map(|key| Some(format!("{}={}", key.key, key.before.as_ref()?)))
                .collect(),
            differences: keys
                .iter()
                .map(ToString::to_string)
                .chain(tensors.into_iter().take(NAMED))
                .chain((more > 0).then(|| format!("and {more} more tensors")))
                .collect(),
            growth,
        }))
    }

    /// Of networks that cannot become others: a sentence for each key, and the assignments that they have.
    pub(crate) fn of_keys(differences: &[Difference]) -> Option<Self> {
        let keep = differences.iter().filter_map(|key| Some(format!("{}={}", key.key, key.before.as_ref()?)));
        (!differences.is_empty()).then(|| Self {
            differences: differences.iter().map(ToString::to_string).collect(),
            keep: keep.collect(),
            growth: None,
        })
    }

    /// The refusal to go on from what lies at `path`.
    pub(super) fn refusal(self, path: &Path) -> RunError {
        RunError::Shape {
            path: path.to_owned(),
            differences: self.differences,
            keep: self.keep,
            grows_to: self.growth.map(|growth| growth.to),
        }
    }
}

/// The shapes of generator and critic by name; the averaged generator has those of the generator.
fn shapes(meta: &Meta) -> Result<BTreeMap<String, Vec<usize>>, RunError> {
    let mut shapes = expected_shapes(meta)?;
    shapes.retain(|name, _| Network::GEma.own_name(name).is_none());
    Ok(shapes)
}

fn difference(name: &str, before: Option<&Vec<usize>>, now: Option<&Vec<usize>>) -> Option<String> {
    match (before, now) {
        (Some(before), Some(now)) if before == now => None,
        (Some(before), Some(now)) => Some(format!("`{name}` is {now:?}, but was {before:?}")),
        (Some(before), None) => Some(format!("`{name}` is not there, but was {before:?}")),
        (None, Some(now)) => Some(format!("`{name}` is {now:?}, but was not there")),
        (None, None) => None,
    }
}
