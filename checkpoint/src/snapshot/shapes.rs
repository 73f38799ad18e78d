//! The tensors that a network of a given configuration has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use stylegan_discriminator::Critic;
use stylegan_generator::Generator;

use super::Meta;
use crate::Network;

/// The shape of every tensor of every network that `meta` describes, by its name in the file.
///
/// The networks themselves say so: they are built once from numbers that take no memory.
///
/// # Errors
/// If the configurations describe no network.
pub fn expected_shapes(meta: &Meta) -> Result<BTreeMap<String, Vec<usize>>> {
    let mut all = BTreeMap::new();
    for &network in meta.networks() {
        let shapes = Shapes::default();
        let builder = VarBuilder::from_backend(Box::new(shapes.clone()), DType::F32, Device::Cpu);
        match (network, &meta.critic) {
            (Network::G | Network::GEma, _) => {
                Generator::new(&meta.generator, &builder)?;
            }
            (Network::D, Some(config)) => {
                Critic::new(config, &builder)?;
            }
            (Network::D, None) => bail!("metadata without a critic lists one"),
        }
        let shapes = std::mem::take(&mut *shapes.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.extend(shapes.into_iter().map(|(name, shape)| (network.full_name(&name), shape)));
    }
    Ok(all)
}

/// Notes the shapes that it is asked for.
#[derive(Clone, Default)]
struct Shapes(Arc<Mutex<BTreeMap<String, Vec<usize>>>>);

impl SimpleBackend for Shapes {
    fn get(&self, shape: Shape, name: &str, _init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), shape.dims().to_vec());
        // One number, seen as many times as the shape asks for.
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _dtype: DType, _device: &Device) -> Result<Tensor> {
        bail!("the shape of `{name}` is not given")
    }

    fn contains_tensor(&self, _name: &str) -> bool {
        true
    }
}
