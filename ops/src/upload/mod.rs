//! Values on their way to a device.

#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{Device, Result, Shape, Tensor, WithDType};

/// A tensor of `values`.
///
/// A GPU gets `u8` and `f32` from pinned memory, beside what it computes at the time: neither does the host wait for the
/// copy, nor what was asked of the GPU before.
///
/// # Errors
/// If `shape` has not as many values, or the device fails.
pub fn upload<T: WithDType>(values: &[T], shape: impl Into<Shape>, device: &Device) -> Result<Tensor> {
    let shape = shape.into();
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = device
        && shape.elem_count() == values.len()
    {
        return cuda::upload(values, shape, device);
    }
    Tensor::from_slice(values, shape, device)
}

/// Does `work`, which does the same to tensors of the same shapes again and again.
///
/// What candle's operations on a GPU are told of sizes and strides is uploaded once and kept, where else it would be
/// uploaded each time, from memory that is not pinned. So is anything small that `work` uploads by candle; what differs
/// each time must get there by [`upload`].
pub fn repeatedly<R>(device: &Device, work: impl FnOnce() -> R) -> R {
    #[cfg(feature = "cuda")]
    let _kept = device.as_cuda_device().ok().map(candle_core::CudaDevice::enable_cuda_graph_htod_cache);
    #[cfg(not(feature = "cuda"))]
    let _ = device;
    work()
}
