//! What our tensors are made of.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use stylegan_checkpoint::{ErrorKind, Meta, Network, distinct_dtypes, expected_shapes};
use stylegan_generator::{GeneratorConfig, Mapping, NOISE_CONST};
use stylegan_ops::{Key, RandomTensors};

use tracing::field::Empty;

use crate::Store;
use crate::change::Change;
use crate::names::{Name, side_of};
use crate::refusals::Refusals;
use crate::{ErrorKind as ForeignKind, Result};
use stylegan_arrays::Array;

/// What the networks of a file are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To draw, which `g_ema` does alone.
    Sampling,
    /// To go on training, for which all three networks are taken if the file has them.
    Training,
}

/// The arrays of a network of another program, by its names.
pub(crate) type Arrays = HashMap<String, Array>;

/// Where a tensor of ours comes from.
pub(crate) enum Origin {
    /// Another program's tensor of this name.
    Of(String, Change),
    Zeros,
    /// Normal numbers, which the file does not have; the same ones for the same number.
    Drawn(u64),
    /// The mean of w over many z, computed at the end.
    MeanW,
}

impl Origin {
    #[expect(clippy::unnecessary_wraps, reason = "a name of ours may have no origin, which its callers say")]
    pub(crate) fn of(name: impl Into<String>, change: Change) -> Option<Self> {
        Some(Self::Of(name.into(), change))
    }
}

enum Part {
    Array { name: String, array: Array, change: Change },
    Computed(Origin, Vec<usize>),
}

/// What the networks of a converted file are, and what each of their tensors is made of.
pub struct Conversion {
    meta: Meta,
    parts: BTreeMap<(Network, String), Part>,
}

impl Conversion {
    /// Finds a tensor for each of those that `meta` asks for, of the right shape.
    pub(crate) fn new(
        store: &Store,
        meta: Meta,
        networks: &[(Network, &Arrays)],
        origin: impl Fn(Name<'_>) -> Option<Origin>,
    ) -> Result<Self> {
        let violations = meta.violations();
        if !violations.is_empty() {
            return Err(store.wrong(ErrorKind::Config { violations }));
        }
        let mut parts = BTreeMap::new();
        let mut size_bytes = 0_u64;
        for (full_name, expected) in expected_shapes(&meta).map_err(|error| store.wrong(error))? {
            let own = networks
                .iter()
                .find_map(|(network, arrays)| Some((*network, *arrays, network.own_name(&full_name)?)));
            let origin = own.and_then(|(.., own)| origin(Name::parse(own)?));
            let (Some((network, arrays, own)), Some(origin)) = (own, origin) else {
                return Err(store.lacks(full_name));
            };
            let part = match origin {
                Origin::Of(name, change) => {
                    let Some(array) = arrays.get(&name) else {
                        return Err(store.lacks(name));
                    };
                    let found = change.shape(array.shape()).unwrap_or_else(|| array.shape().to_vec());
                    if let Some(channels) = other_channels(own, &found, &expected) {
                        return Err(store.refused(ForeignKind::Channels { channels }));
                    }
                    if found != expected {
                        let name = format!("{name}` for `{full_name}");
                        return Err(store.wrong(ErrorKind::Shape { name, found, expected }));
                    }
                    if array.dtype().is_none() {
                        let found = format!("{:?}", array.number());
                        return Err(store.wrong(ErrorKind::Type { name, found }));
                    }
                    size_bytes = size_bytes.saturating_add(array.size_bytes());
                    Part::Array { name, array: array.clone(), change }
                }
                origin => Part::Computed(origin, expected),
            };
            parts.insert((network, own.to_owned()), part);
        }
        if size_bytes > store.limit_bytes() {
            let reason = format!("its {} bytes hold tensors of {size_bytes}", store.length());
            return Err(store.damaged(reason));
        }
        Ok(Self { meta, parts })
    }

    /// What the converted file will say about itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Name and shape of every tensor of a network, sorted by name.
    pub fn shapes(&self, network: Network) -> Vec<(String, Vec<usize>)> {
        let shape = |part: &Part| match part {
            Part::Array { array, change, .. } => change.shape(array.shape()).unwrap_or_default(),
            Part::Computed(_, shape) => shape.clone(),
        };
        self.of(network).map(|(name, part)| (name.to_owned(), shape(part))).collect()
    }

    /// The types of a network's numbers in the file.
    pub fn dtypes(&self, network: Network) -> Vec<DType> {
        let dtypes = self.of(network).filter_map(|(_, part)| match part {
            Part::Array { array, .. } => array.dtype(),
            Part::Computed(..) => None,
        });
        distinct_dtypes(dtypes)
    }

    fn of(&self, network: Network) -> impl Iterator<Item = (&str, &Part)> {
        let parts = self.parts.iter().filter(move |((of, _), _)| *of == network);
        parts.map(|((_, name), part)| (name.as_str(), part))
    }

    /// Makes the tensors of a network.
    pub(crate) fn read(&self, network: Network, store: &mut Store) -> Result<HashMap<String, Tensor>> {
        let total = self.of(network).count() as u64;
        let span = tracing::info_span!("converting", %network, total, done = Empty).entered();
        let mut tensors = HashMap::new();
        let mut mean_w = None;
        for (name, part) in self.of(network) {
            let tensor = match part {
                Part::Array { name, array, change } => change.apply(array.tensor(name, store)?),
                Part::Computed(Origin::Zeros, shape) => Tensor::zeros(&shape[..], DType::F32, &Device::Cpu),
                Part::Computed(Origin::Drawn(number), shape) => {
                    let key = Key::new("noise of a converted network", &[*number]);
                    key.normal(&shape[..], DType::F32, &Device::Cpu)
                }
                Part::Computed(..) => {
                    mean_w = Some(name);
                    continue;
                }
            };
            tensors.insert(name.to_owned(), tensor.map_err(|error| store.wrong(error))?);
            span.record("done", tensors.len() as u64);
        }
        if let Some(name) = mean_w {
            let mean = mean_of_w(&self.meta.generator, &tensors).map_err(|error| store.wrong(error))?;
            tensors.insert(name.to_owned(), mean);
        }
        Ok(tensors)
    }
}

/// Channels of the pictures, if they are what makes a tensor another one than expected.
fn other_channels(name: &str, found: &[usize], expected: &[usize]) -> Option<usize> {
    let axis = match Name::parse(name)? {
        Name::ToRgb { .. } => 0,
        Name::FromRgb { part: "weight", .. } => 1,
        _ => return None,
    };
    let channels = *found.get(axis)?;
    let mut as_found = expected.to_vec();
    as_found[axis] = channels;
    (channels != expected[axis] && as_found == found).then_some(channels)
}

/// The mean w of ten times 1024 z, of all labels alike.
fn mean_of_w(config: &GeneratorConfig, tensors: &HashMap<String, Tensor>) -> candle_core::Result<Tensor> {
    let vb = VarBuilder::from_tensors(tensors.clone(), DType::F32, &Device::Cpu);
    let mapping = Mapping::new(config, &vb.pp("mapping"))?;
    let key = Key::new("w_avg of a converted network", &[]);
    let labels = match config.label_dim {
        0 => None,
        count => {
            let is_class = |place: usize| place / count % count == place % count;
            let one_hot = (0..1024 * count).map(|place| if is_class(place) { 1_f32 } else { 0.0 });
            Some(Tensor::from_iter(one_hot, &Device::Cpu)?.reshape((1024, count))?)
        }
    };
    let means = (0..10).map(|number| {
        let z = key.child("z", number).normal((1024, config.z_dim), DType::F32, &Device::Cpu)?;
        mapping.forward(&z, labels.as_ref())?.mean(0)
    });
    Tensor::stack(&means.collect::<candle_core::Result<Vec<_>>>()?, 0)?.mean(0)
}

/// The origin of a buffer that the file does not have, if it is one of those. Both layers of a side have one noise image
/// in networks with `noise_per_block`.
pub(crate) fn computed(name: Name<'_>, noise_per_block: bool) -> Option<Origin> {
    match name {
        Name::WAvg => Some(Origin::MeanW),
        Name::Layer { index, part: NOISE_CONST } => {
            Some(Origin::Drawn(if noise_per_block { side_of(index) } else { index } as u64))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_channels_are_told_from_other_shapes() {
        for (name, found, expected, channels) in [
            ("synthesis.to_rgb_8.weight", &[1, 5, 1, 1][..], &[3, 5, 1, 1][..], Some(1)),
            ("synthesis.to_rgb_8.bias", &[4], &[3], Some(4)),
            ("from_rgb_8.weight", &[5, 4, 1, 1], &[5, 3, 1, 1], Some(4)),
            ("synthesis.to_rgb_8.weight", &[3, 5, 1, 1], &[3, 5, 1, 1], None),
            ("synthesis.to_rgb_8.weight", &[1, 6, 1, 1], &[3, 5, 1, 1], None),
            ("synthesis.to_rgb_8.weight", &[], &[3, 5, 1, 1], None),
            ("block_8.conv0.weight", &[4, 5, 3, 3], &[3, 5, 3, 3], None),
        ] {
            assert_eq!(other_channels(name, found, expected), channels, "{name} {found:?}");
        }
    }
}
