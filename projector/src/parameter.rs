//! What the optimizer changes.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var, bail};
use stylegan_ops::AdamSlot;

/// A variable with its moments.
#[derive(Debug)]
pub(crate) struct Parameter {
    name: String,
    pub(crate) value: Var,
    first_moment: Tensor,
    second_moment: Tensor,
}

impl Parameter {
    pub(crate) fn new(name: impl Into<String>, start: &Tensor) -> Result<Self> {
        Ok(Self {
            name: name.into(),
            value: Var::from_tensor(&start.contiguous()?.copy()?)?,
            first_moment: start.zeros_like()?,
            second_moment: start.zeros_like()?,
        })
    }

    /// What a step of Adam takes, where the loss depends on it.
    pub(crate) fn slot<'a>(&'a self, gradients: &'a GradStore) -> Option<AdamSlot<'a>> {
        Some(AdamSlot {
            parameter: self.value.as_tensor(),
            first_moment: Some(&self.first_moment),
            second_moment: &self.second_moment,
            gradient: gradients.get(&self.value)?,
        })
    }

    fn tensors(&self) -> [(String, &Tensor); 3] {
        [
            (self.name.clone(), self.value.as_tensor()),
            (format!("{}.first_moment", self.name), &self.first_moment),
            (format!("{}.second_moment", self.name), &self.second_moment),
        ]
    }

    /// Adds value and moments to what is saved.
    pub(crate) fn save(&self, tensors: &mut BTreeMap<String, Tensor>) {
        tensors.extend(self.tensors().map(|(name, tensor)| (name, tensor.detach())));
    }

    /// Goes on from what was saved.
    pub(crate) fn restore(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        let mut found = Vec::new();
        for (name, own) in self.tensors() {
            match tensors.get(&name) {
                Some(tensor) if tensor.dims() == own.dims() => {
                    found.push(tensor.to_dtype(own.dtype())?.to_device(own.device())?.copy()?);
                }
                Some(tensor) => {
                    bail!("`{name}` has shape {:?} where {:?} is expected", tensor.dims(), own.dims())
                }
                None => bail!("`{name}` is missing"),
            }
        }
        if let Ok([value, first_moment, second_moment]) = <[Tensor; 3]>::try_from(found) {
            self.value.set(&value)?;
            (self.first_moment, self.second_moment) = (first_moment, second_moment);
        }
        Ok(())
    }
}
