//! The variables of one network, by name, and their seeded first values.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Error, Result, Shape, Tensor, Var, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use crate::{Key, RandomTensors};

/// The variables of one network in the order of their names.
///
/// A network built from [`Parameters::builder`] creates its variables here. The first value of each is a function
/// of the key and its name alone, so neither the order of creation nor a layer more or less changes the others.
/// A network built from [`Parameters::frozen`] sees the same storage, and gets no gradients.
///
/// candle's own `VarMap` lists its variables in the order of a hash map and draws from a generator that has no
/// seed on the CPU.
///
/// ```
/// use candle_core::{DType, Device};
/// use stylegan_ops::{Key, RandomTensors, Parameters};
/// let parameters = Parameters::new(Key::new("init", &[0]));
/// let builder = parameters.builder(DType::F32, &Device::Cpu);
/// builder.pp("layer").get_with_hints((2, 3), "weight", candle_nn::init::DEFAULT_KAIMING_NORMAL).unwrap_err();
/// builder.pp("layer").get_with_hints((2, 3), "weight", candle_nn::Init::Randn { mean: 0.0, stdev: 1.0 })?;
/// assert_eq!(parameters.names(), ["layer.weight"]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parameters {
    key: Key,
    vars: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Parameters {
    /// No variables yet; those to come start at values drawn from `key`.
    pub fn new(key: Key) -> Self {
        Self { key, vars: Arc::default() }
    }

    /// Gives a network the variables it asks for by name, created where they do not exist.
    pub fn builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(View { of: self.clone(), frozen: false }), dtype, device.clone())
    }

    /// Gives a network detached views of variables that exist: it follows every update and takes no gradient.
    pub fn frozen(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(View { of: self.clone(), frozen: true }), dtype, device.clone())
    }

    /// Every name, sorted.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Every variable with its name, sorted by name.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.lock().iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// Overwrites every variable by the tensor of the same name.
    ///
    /// # Errors
    /// If a name is missing, unknown, or a shape differs; then nothing was written.
    pub fn assign(&self, values: &HashMap<String, Tensor>) -> Result<()> {
        let vars = self.lock();
        if let Some(name) = values.keys().filter(|name| !vars.contains_key(*name)).min() {
            bail!("there is no parameter `{name}` in this network")
        }
        for (name, var) in vars.iter() {
            match values.get(name) {
                None => bail!("the value of `{name}` is missing"),
                Some(value) if value.dims() != var.dims() => {
                    bail!("`{name}` has shape {:?} where {:?} is expected", value.dims(), var.dims())
                }
                Some(_) => {}
            }
        }
        for (name, var) in vars.iter() {
            var.set(&values[name].to_dtype(var.dtype())?.to_device(var.device())?)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        // A map of handles is whole even if a holder of the lock panicked.
        self.vars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first_value(
        &self,
        name: &str,
        shape: Shape,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        match init {
            Init::Const(value) => Tensor::full(value, shape, device)?.to_dtype(dtype),
            Init::Randn { mean, stdev } => {
                self.key.child(name, 0).normal(shape, dtype, device)?.affine(stdev, mean)
            }
            _ => bail!("`{name}` asks for a kind of first value that is not supported: {init:?}"),
        }
    }
}

struct View {
    of: Parameters,
    frozen: bool,
}

impl SimpleBackend for View {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let var = self.of.lock().get(name).cloned();
        let var = match var {
            Some(var) if var.shape() != &shape => {
                return Err(Error::UnexpectedShape {
                    msg: format!("`{name}` was created with another shape"),
                    expected: shape,
                    got: var.shape().clone(),
                });
            }
            Some(var) => var,
            None if self.frozen => bail!("there is no parameter `{name}` to look at"),
            None => {
                let var = Var::from_tensor(&self.of.first_value(name, shape, init, dtype, device)?)?;
                self.of.lock().insert(name.to_owned(), var.clone());
                var
            }
        };
        Ok(if self.frozen { var.as_detached_tensor() } else { var.as_tensor().clone() })
    }

    fn get_unchecked(&self, name: &str, _dtype: DType, _device: &Device) -> Result<Tensor> {
        match self.of.lock().get(name) {
            Some(var) if self.frozen => Ok(var.as_detached_tensor()),
            Some(var) => Ok(var.as_tensor().clone()),
            None => bail!("there is no parameter `{name}`"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.of.lock().contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: Init = Init::Randn { mean: 0.0, stdev: 2.0 };

    #[test]
    fn first_values_do_not_depend_on_the_order_of_creation() -> Result<()> {
        let values = |names: [&str; 2]| -> Result<Vec<Vec<f32>>> {
            let parameters = Parameters::new(Key::new("init", &[3]));
            let builder = parameters.builder(DType::F32, &Device::Cpu);
            for name in names {
                builder.get_with_hints(5, name, NORMAL)?;
            }
            parameters.vars().iter().map(|(_, var)| var.to_vec1()).collect()
        };
        assert_eq!(values(["a", "b"])?, values(["b", "a"])?);
        let both = values(["a", "b"])?;
        assert_ne!(both[0], both[1]);
        Ok(())
    }

    #[test]
    fn a_frozen_view_follows_the_variable_and_takes_no_gradient() -> Result<()> {
        let parameters = Parameters::new(Key::new("init", &[3]));
        let live = parameters.builder(DType::F32, &Device::Cpu).get_with_hints(5, "a", NORMAL)?;
        let frozen = parameters.frozen(DType::F32, &Device::Cpu).get(5, "a")?;
        assert!(live.track_op() && !frozen.track_op());
        parameters.vars()[0].1.set(&Tensor::ones(5, DType::F32, &Device::Cpu)?)?;
        assert_eq!(frozen.to_vec1::<f32>()?, [1.0; 5]);
        Ok(())
    }

    #[test]
    fn assign_refuses_what_does_not_fit() -> Result<()> {
        let parameters = Parameters::new(Key::new("init", &[3]));
        parameters.builder(DType::F32, &Device::Cpu).get_with_hints(5, "a", NORMAL)?;
        let tensor = |n: usize| Tensor::zeros(n, DType::F32, &Device::Cpu);
        let assign = |values: &[(&str, usize)]| {
            let values =
                values.iter().map(|&(name, n)| Ok((name.to_owned(), tensor(n)?))).collect::<Result<_>>()?;
            parameters.assign(&values)
        };
        assert!(assign(&[]).unwrap_err().to_string().contains("`a` is missing"));
        assert!(assign(&[("a", 4)]).unwrap_err().to_string().contains("[4] where [5]"));
        assert!(assign(&[("a", 5), ("b", 5)]).unwrap_err().to_string().contains("no parameter `b`"));
        assign(&[("a", 5)])
    }
}
