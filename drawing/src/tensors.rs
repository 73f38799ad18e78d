//! Tensors in files.

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::Result;

/// A tensor of a safetensors file, on the CPU, or the name of its type, if that is none that is read.
pub(crate) fn read(view: &TensorView<'_>) -> Result<Tensor, String> {
    let dtype = match view.dtype() {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        other => return Err(other.to_string()),
    };
    Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)
        .map_err(|_| view.dtype().to_string())
}

/// Its numbers as f32, as they stand in files.
pub(crate) fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let numbers = tensor.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.flatten_all()?;
    Ok(numbers.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect())
}
