//! Noise images that belong to latents.

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use stylegan_ops::{Resolution, all_finite};

use crate::{FileErrorKind, Result, tensors};

/// A noise image for each layer in use, of each of many latents: a projection finds them together.
#[derive(Clone, Debug)]
pub struct NoiseImages(Vec<Tensor>);

impl NoiseImages {
    /// Those of all latents by layer, `[n, 1, height, width]` each.
    pub fn new(layers: Vec<Tensor>) -> Self {
        Self(layers)
    }

    /// Those of `count` latents of a file, if it has some.
    pub(crate) fn read(file: &SafeTensors<'_>, count: usize) -> Result<Option<Self>, FileErrorKind> {
        let mut layers = Vec::new();
        while let Ok(view) = file.tensor(&Self::name(layers.len())) {
            let refused = || FileErrorKind::Noise { layer: layers.len(), shape: view.shape().to_vec() };
            if !matches!(view.shape(), [rows, 1, _, _] if *rows == count) {
                return Err(refused());
            }
            let images = tensors::read(&view).map_err(|_| refused())?;
            let images =
                images.to_dtype(DType::F32).ok().filter(|images| all_finite(images).unwrap_or(false));
            layers.push(images.ok_or_else(refused)?);
        }
        Ok((!layers.is_empty()).then_some(Self(layers)))
    }

    /// Those of some latents, in this order.
    pub(crate) fn rows(&self, rows: &[u64]) -> candle_core::Result<Self> {
        let rows = rows.iter().map(|&row| row as u32).collect::<Vec<_>>();
        let rows = Tensor::new(rows, &Device::Cpu)?;
        self.0
            .iter()
            .map(|images| images.index_select(&rows, 0))
            .collect::<candle_core::Result<_>>()
            .map(Self)
    }

    /// What those of a layer are called in a file.
    pub fn name(layer: usize) -> String {
        format!("noise.layer{layer}")
    }

    /// Each layer's by its name in a file.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.0.iter().enumerate().map(|(layer, images)| (Self::name(layer), images))
    }

    /// Those of one latent, on this device.
    pub(crate) fn row(&self, row: usize, device: &Device) -> Result<Vec<Tensor>> {
        let images = self.0.iter().map(|images| images.narrow(0, row, 1)?.to_device(device));
        Ok(images.collect::<candle_core::Result<_>>()?)
    }

    /// Whether they are large enough, and of the right sizes, for pictures of this size.
    pub(crate) fn fit(&self, resolution: Resolution) -> bool {
        resolution.layers().enumerate().all(|(layer, size)| {
            self.0.get(layer).is_some_and(|images| images.dims()[2..] == [size.height, size.width])
        })
    }
}
