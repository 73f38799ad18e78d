//! Adam, in TensorFlow's form.

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_ops::{AdamSlot, AdamSteps, AdamUpdate, Parameters, adam_update};

use crate::bounds::outside;

/// Adam's constants; the defaults are the original's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the first moment, 0 to below 1.
    pub beta1: f64,
    /// Decay of the second moment, 0 to below 1.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.0, beta2: 0.99, epsilon: 1e-8 }
    }
}

impl AdamConfig {
    /// Everything wrong with it.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (key, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                found.push(format!("`adam.{key}` is {beta}, but must be 0 to below 1"));
            }
        }
        // Far smaller ones are 0 in `f32`, which nothing may be divided by.
        found.extend(outside("adam.epsilon", self.epsilon, 1e-12, 1.0));
        found
    }
}

/// The optimizer of one network (Kingma and Ba 2015).
///
/// `p -= lr · sqrt(1-β₂ᵗ)/(1-β₁ᵗ) · m / (sqrt(v) + ε)`: ε is added before the bias correction, as TensorFlow does it.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    steps: AdamSteps,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Var,
    /// None while `beta1` is 0, where it would be the gradient itself.
    first_moment: Option<Var>,
    second_moment: Var,
}

impl Adam {
    /// An optimizer at its start for those of `parameters` that `trains` by name.
    ///
    /// # Errors
    /// If the device cannot hold the moments.
    pub fn new(config: AdamConfig, parameters: &Parameters, trains: impl Fn(&str) -> bool) -> Result<Self> {
        let slots = parameters
            .vars()
            .into_iter()
            .filter(|(name, _)| trains(name))
            .map(|(name, parameter)| {
                let zeros = || Var::from_tensor(&parameter.zeros_like()?);
                let first_moment = if config.beta1 == 0.0 { None } else { Some(zeros()?) };
                Ok(Slot { name, first_moment, second_moment: zeros()?, parameter })
            })
            .collect::<Result<Vec<Slot>>>()?;
        let device = slots.first().map_or(&Device::Cpu, |slot| slot.parameter.device());
        Ok(Self { config, steps: AdamSteps::new(0, device)?, slots })
    }

    /// Forgets both moments and the number of steps.
    ///
    /// # Errors
    /// If the device fails.
    pub fn reset(&mut self) -> Result<()> {
        self.steps.restart(0)?;
        for slot in &self.slots {
            for moment in slot.first_moment.iter().chain([&slot.second_moment]) {
                moment.zero_set()?;
            }
        }
        Ok(())
    }

    /// One step, unless `loss` or a gradient holds a number that is not finite: then nothing changes. The device sees to
    /// that, and [`Adam::steps`] tells of it; nothing waits.
    ///
    /// A gradient can be finite where its loss is not: a leaky ReLU passes on what its input's sign alone decides.
    ///
    /// A parameter without a gradient plays no part in the network at this level of detail. Its gradient counts as
    /// zero, and since it has been so from the last reset on, its moments and so its step are zero.
    ///
    /// # Errors
    /// If the device fails.
    pub fn step(&mut self, loss: &Tensor, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        let AdamConfig { beta1, beta2, epsilon } = self.config;
        let with_gradient = self.slots.iter().filter_map(|slot| {
            Some(AdamSlot {
                parameter: &slot.parameter,
                first_moment: slot.first_moment.as_ref().map(Var::as_tensor),
                second_moment: &slot.second_moment,
                gradient: gradients.get(&slot.parameter)?,
            })
        });
        let slots: Vec<AdamSlot<'_>> = with_gradient.collect();
        adam_update(&slots, loss, &self.steps, &AdamUpdate { beta1, beta2, epsilon, learning_rate })
    }

    /// The steps done since the last reset, and whether the present one is skipped.
    pub fn steps(&self) -> &AdamSteps {
        &self.steps
    }

    /// Its moments by name, `NAME.second_moment` and, unless `beta1` is 0, `NAME.first_moment`.
    pub fn moments(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.slots.iter().flat_map(|slot| {
            let first = slot.first_moment.iter().map(|var| (format!("{}.first_moment", slot.name), var));
            let second = [(format!("{}.second_moment", slot.name), &slot.second_moment)];
            first.chain(second).map(|(name, var)| (name, var.as_tensor()))
        })
    }

    /// Goes on from `steps` steps and the moments that `moment` gives by their names.
    ///
    /// # Errors
    /// If a moment is missing or its shape differs.
    pub fn restore<'a>(&mut self, steps: u64, moment: impl Fn(&str) -> Option<&'a Tensor>) -> Result<()> {
        for (name, own) in self.moments() {
            match moment(&name) {
                Some(value) if value.dims() == own.dims() => {}
                Some(value) => {
                    bail!("`{name}` has shape {:?} where {:?} is expected", value.dims(), own.dims())
                }
                None => bail!("`{name}` is missing"),
            }
        }
        for slot in &self.slots {
            let moments =
                [("first_moment", slot.first_moment.as_ref()), ("second_moment", Some(&slot.second_moment))];
            for (kind, var) in moments {
                if let (Some(var), Some(value)) = (var, moment(&format!("{}.{kind}", slot.name))) {
                    var.set(&value.to_dtype(var.dtype())?.to_device(var.device())?)?;
                }
            }
        }
        self.steps.restart(steps)
    }

    /// The parameters it trains, by name.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.slots.iter().map(|slot| (slot.name.as_str(), slot.parameter.as_tensor()))
    }
}
