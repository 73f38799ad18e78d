//! What the driver knows of a GPU's memory.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::sys::{CUgraphMem_attribute, CUmemPool_attribute};
use candle_core::{CudaDevice, Result};

use super::GpuMemory;
use crate::cuda::Pool;

/// See [`GpuMemory::of`].
pub(super) fn memory(device: &CudaDevice) -> Result<GpuMemory> {
    let pool = Pool::of(device)?;
    let (free, total) = pool.context.mem_get_info().w()?;
    let reserved = pool.get(CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)?;
    let used = pool.get(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT)?;
    let peak = pool.get(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH)?;
    let reserved_of_graphs =
        pool.get_of_graphs(CUgraphMem_attribute::CU_GRAPH_MEM_ATTR_RESERVED_MEM_CURRENT)?;
    let used_by_graphs = pool.get_of_graphs(CUgraphMem_attribute::CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT)?;
    let peak_of_graphs = pool.get_of_graphs(CUgraphMem_attribute::CU_GRAPH_MEM_ATTR_USED_MEM_HIGH)?;
    Ok(GpuMemory {
        total_bytes: total as u64,
        available_bytes: (free as u64 + reserved + reserved_of_graphs).min(total as u64),
        used_bytes: used + used_by_graphs,
        // A mark that was reset stays at zero until more is taken.
        peak_bytes: peak.max(used) + peak_of_graphs.max(used_by_graphs),
    })
}

/// See [`GpuMemory::reset_peak`].
pub(super) fn reset_peak_memory(device: &CudaDevice) -> Result<()> {
    let pool = Pool::of(device)?;
    pool.reset_peak_of_graphs()?;
    pool.set(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH, 0)
}

/// See [`gpu_name`](crate::gpu_name).
pub(super) fn name(device: &CudaDevice) -> Result<String> {
    device.cuda_stream().context().name().w()
}

/// See [`gpu_capability`](crate::gpu_capability).
pub(super) fn capability(device: &CudaDevice) -> Result<(u32, u32)> {
    let (major, minor) = device.cuda_stream().context().compute_capability().w()?;
    Ok((major.unsigned_abs(), minor.unsigned_abs()))
}
