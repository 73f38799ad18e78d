//! Whether saved networks have the shape that a configuration asks for, or can grow to it.

use std::collections::BTreeMap;

use stylegan_checkpoint::{Meta, Network, expected_shapes};
use stylegan_ops::Resolution;

use super::error::RunError;
use crate::TrainConfig;

/// Tensors that are named one by one.
const NAMED: usize = 6;

/// Networks that become larger ones: every tensor stays, and those of the new levels are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    /// Width and height of the pictures before.
    pub(super) from: Resolution,
    /// Width and height of the pictures to come.
    pub(super) to: Resolution,
    /// Levels that are added.
    pub(super) doublings: u32,
    /// Tensors of generator and critic that start afresh.
    pub(super) new_tensors: usize,
}

/// How saved networks differ in shape from those that a configuration asks for.
#[derive(Debug)]
pub(super) struct Misfit {
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
        let growth = doublings.map(|doublings| Growth { from, to, doublings, new_tensors: tensors.len() });
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

    /// The refusal to go on from what lies at `path`.
    pub(super) fn refusal(self, path: &std::path::Path) -> RunError {
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
