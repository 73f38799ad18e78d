//! The tensors of a network, by their names.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// Weights by their names.
#[derive(Clone, Debug)]
pub struct Weights {
    tensors: HashMap<String, Tensor>,
    fingerprint: String,
}

impl Weights {
    /// These tensors; `fingerprint` is what tells them from others.
    pub fn new(tensors: HashMap<String, Tensor>, fingerprint: impl Into<String>) -> Self {
        Self { tensors, fingerprint: fingerprint.into() }
    }

    /// The weight of this name and shape.
    ///
    /// # Errors
    /// If there is none, or it has another shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        match self.tensors.get(name) {
            None => Err(Error::weight(name, "is missing")),
            Some(tensor) if tensor.dims() != shape => {
                Err(Error::weight(name, format!("has the shape {:?}, not {shape:?}", tensor.dims())))
            }
            Some(tensor) => Ok(tensor.clone()),
        }
    }

    /// Whether there is a weight of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The first digits of the SHA-256 of the file that they came from.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// All of them as `f32` on a device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        let moved = self
            .tensors
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_dtype(DType::F32)?.to_device(device)?)));
        let tensors = moved.collect::<candle_core::Result<_>>()?;
        Ok(Self { tensors, fingerprint: self.fingerprint.clone() })
    }
}

/// A convolution and what it is called in files.
pub(crate) struct Layer {
    /// Our name of it.
    pub(crate) name: String,
    /// `[out_channels, in_channels, height, width]`
    pub(crate) shape: [usize; 4],
    /// In files of PyTorch that have the numbers of its modules: of the convolution, and of the batch norm behind it.
    pub(crate) torchvision: (String, Option<String>),
}

/// A fully connected layer and what it is called in files.
#[derive(Clone, Debug)]
pub(crate) struct LinearLayer {
    /// Our name of it.
    pub(crate) name: &'static str,
    /// Outputs and inputs.
    pub(crate) shape: [usize; 2],
    /// Whether its bias counts.
    pub(crate) has_bias: bool,
    /// In files of torchvision and those that follow its names.
    pub(crate) torchvision: &'static str,
    /// In the programs of `TorchScript` that NVIDIA's metrics download.
    pub(crate) graph: &'static str,
}
