//! The pool that the memory of all tensors of a GPU is from, memory beside it, and how its exhaustion is told.

use std::error::Error;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::cublas::sys::cublasStatus_t;
use candle_core::cuda_backend::cudarc::cudnn::CudnnError;
use candle_core::cuda_backend::cudarc::driver::sys::{CUgraphMem_attribute, CUmemPool_attribute, CUresult};
use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError, result, sys};
use candle_core::cuda_backend::{CudaError, WrapErr};
use candle_core::{CudaDevice, Result};

/// cuDNN's numbers for memory that was not there, on the device or the host; which of their names exist depends on the
/// version.
const CUDNN_ALLOC_FAILED: [u32; 3] = [2, 4003, 4004];

/// Where the memory of all tensors of a device is from.
pub(crate) struct Pool {
    pool: sys::CUmemoryPool,
    /// Without which there is no pool.
    pub(crate) context: Arc<CudaContext>,
}

impl Pool {
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn of(device: &CudaDevice) -> Result<Self> {
        let context = device.cuda_stream().context().clone();
        context.bind_to_thread().w()?;
        // SAFETY: the context's device is one that the driver knows.
        let pool = unsafe { result::device::get_default_mem_pool(context.cu_device()) }.w()?;
        Ok(Self { pool, context })
    }

    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn set(&self, attribute: CUmemPool_attribute, mut value: u64) -> Result<()> {
        // SAFETY: the pool is alive, and all attributes that we know are numbers of 64 bits.
        unsafe { result::mem_pool::set_attribute(self.pool, attribute, (&raw mut value).cast()) }.w()
    }

    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn get(&self, attribute: CUmemPool_attribute) -> Result<u64> {
        let mut value = 0u64;
        // SAFETY: as above.
        unsafe { result::mem_pool::get_attribute(self.pool, attribute, (&raw mut value).cast()) }.w()?;
        Ok(value)
    }

    /// The same of the memory of graphs, which lies beside the pool.
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn get_of_graphs(&self, attribute: CUgraphMem_attribute) -> Result<u64> {
        let mut value = 0u64;
        let device = self.context.cu_device();
        // SAFETY: the device is one that the driver knows, and all attributes are numbers of 64 bits.
        unsafe { sys::cuDeviceGetGraphMemAttribute(device, attribute, (&raw mut value).cast()) }
            .result()
            .w()?;
        Ok(value)
    }

    /// Lets the high mark of the memory of graphs be what they take now.
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn reset_peak_of_graphs(&self) -> Result<()> {
        let (device, mut value) = (self.context.cu_device(), 0u64);
        let attribute = CUgraphMem_attribute::CU_GRAPH_MEM_ATTR_USED_MEM_HIGH;
        // SAFETY: as above; zero is the one value that may be set.
        unsafe { sys::cuDeviceSetGraphMemAttribute(device, attribute, (&raw mut value).cast()) }.result().w()
    }

    /// Gives back what no tensor uses.
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn trim(&self) -> Result<()> {
        // What was freed counts as used until the stream comes to it.
        self.context.synchronize().w()?;
        // SAFETY: the pool is alive.
        unsafe { result::mem_pool::trim_to(self.pool, 0) }.w()
    }
}

/// Memory of a GPU beside the pool, for a moment: no tensor settles in the middle of where it was.
pub(crate) struct Scratch {
    address: sys::CUdeviceptr,
    len: usize,
    /// Without which the address is nothing.
    _context: Arc<CudaContext>,
}

impl Scratch {
    /// `most` bytes, or as many as there are, at least `least`. What the pool holds and no tensor uses may go for it.
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn new(device: &CudaDevice, least: usize, most: usize) -> Result<Self> {
        let pool = Pool::of(device)?;
        if pool.context.mem_get_info().w()?.0 < most {
            pool.trim()?;
        }
        let context = pool.context;
        let mut len = most;
        loop {
            // SAFETY: what is not given is an error.
            match unsafe { result::malloc_sync(len) } {
                Ok(address) => return Ok(Self { address, len, _context: context }),
                Err(_) if len > least => len = (len / 2).max(least),
                Err(error) => return Err(error).w(),
            }
        }
    }

    pub(crate) fn address(&self) -> sys::CUdeviceptr {
        self.address
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Scratch {
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    fn drop(&mut self) {
        // SAFETY: the address is ours, and the driver waits for what still uses it. That it cannot be given back is nothing
        // to act upon.
        let _ = unsafe { result::free_sync(self.address) };
    }
}

/// What the driver would say where we know it before.
pub(crate) fn out_of_memory() -> candle_core::Error {
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
