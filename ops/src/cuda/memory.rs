//! How much memory a GPU has, and how much of it is in use.

use std::error::Error;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::cublas::sys::cublasStatus_t;
use candle_core::cuda_backend::cudarc::cudnn::CudnnError;
use candle_core::cuda_backend::cudarc::driver::sys::{CUmemPool_attribute, CUresult};
use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError, result, sys};
use candle_core::cuda_backend::{CudaError, WrapErr};
use candle_core::{CudaDevice, Result};

use crate::memory::GpuMemory;

/// cuDNN's numbers for memory that was not there, on the device or the host; which of their names exist depends on the
/// version.
const CUDNN_ALLOC_FAILED: [u32; 3] = [2, 4003, 4004];

/// Where the memory of all tensors of a device is from.
pub(super) struct Pool {
    pool: sys::CUmemoryPool,
    /// Without which there is no pool.
    context: Arc<CudaContext>,
}

impl Pool {
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(super) fn of(device: &CudaDevice) -> Result<Self> {
        let context = device.cuda_stream().context().clone();
        context.bind_to_thread().w()?;
        // SAFETY: the context's device is one that the driver knows.
        let pool = unsafe { result::device::get_default_mem_pool(context.cu_device()) }.w()?;
        Ok(Self { pool, context })
    }

    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(super) fn set(&self, attribute: CUmemPool_attribute, mut value: u64) -> Result<()> {
        // SAFETY: the pool is alive, and all attributes that we know are numbers of 64 bits.
        unsafe { result::mem_pool::set_attribute(self.pool, attribute, (&raw mut value).cast()) }.w()
    }

    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    fn get(&self, attribute: CUmemPool_attribute) -> Result<u64> {
        let mut value = 0u64;
        // SAFETY: as above.
        unsafe { result::mem_pool::get_attribute(self.pool, attribute, (&raw mut value).cast()) }.w()?;
        Ok(value)
    }
}

/// See [`GpuMemory::of`].
pub(crate) fn memory(device: &CudaDevice) -> Result<GpuMemory> {
    let pool = Pool::of(device)?;
    let (free, total) = pool.context.mem_get_info().w()?;
    let reserved = pool.get(CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)?;
    let used = pool.get(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT)?;
    let peak = pool.get(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH)?;
    Ok(GpuMemory {
        total_bytes: total as u64,
        available_bytes: (free as u64 + reserved).min(total as u64),
        used_bytes: used,
        // A mark that was reset stays at zero until more is taken.
        peak_bytes: peak.max(used),
    })
}

/// See [`GpuMemory::reset_peak`].
pub(crate) fn reset_peak_memory(device: &CudaDevice) -> Result<()> {
    Pool::of(device)?.set(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH, 0)
}

/// See [`gpu_name`](crate::gpu_name).
pub(crate) fn name(device: &CudaDevice) -> Result<String> {
    device.cuda_stream().context().name().w()
}

/// What the driver would say where we know it before.
pub(super) fn out_of_memory() -> candle_core::Error {
    CudaError::Cuda(DriverError(CUresult::CUDA_ERROR_OUT_OF_MEMORY)).into()
}

/// Whether one of the libraries says that there is not enough memory.
pub(crate) fn is_out_of_memory(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    if let Some(CudnnError(status)) = error.downcast_ref() {
        return CUDNN_ALLOC_FAILED.contains(&(*status as u32));
    }
    match error.downcast_ref::<CudaError>() {
        Some(CudaError::Cuda(error) | CudaError::Load { cuda: error, .. }) => {
            error.0 == CUresult::CUDA_ERROR_OUT_OF_MEMORY
        }
        Some(CudaError::Cublas(error)) => error.0 == cublasStatus_t::CUBLAS_STATUS_ALLOC_FAILED,
        _ => false,
    }
}
