//! Photos that are projected side by side.

use candle_core::{DType, Device, Tensor};
use stylegan_base::short_hash;

use crate::Result;

/// Photos, each as large as the network draws.
#[derive(Clone, Debug)]
pub struct Target {
    /// `[batch, channels, height, width]` from -1 to 1
    pub pictures: Tensor,
    /// The number of each photo, by which its draws are its own whatever is beside it.
    pub numbers: Vec<u64>,
}

impl Target {
    /// The first 16 hexadecimal digits of the hash of the pixels.
    pub(crate) fn hash(&self) -> Result<String> {
        let numbers = self.pictures.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.flatten_all()?;
        let bytes: Vec<u8> = numbers.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect();
        Ok(short_hash(&bytes))
    }
}
