//! The memory of a GPU: how much there is, how much is in use, and whether it was too little. Also what it is.

#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{Device, Error, Result};

/// The memory of a GPU at one moment, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuMemory {
    /// All that the GPU has.
    pub total_bytes: u64,
    /// What tensors of this process can take in all: what nobody uses, and what this process uses or keeps for later.
    pub available_bytes: u64,
    /// What tensors of this process take.
    pub used_bytes: u64,
    /// The most that they took at a time since [`reset_peak`](Self::reset_peak), or since the device was opened.
    pub peak_bytes: u64,
}

impl GpuMemory {
    /// That of a device; none of a CPU.
    ///
    /// # Errors
    /// If the driver does not tell.
    pub fn of(device: &Device) -> Result<Option<Self>> {
        match device {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => cuda::memory(device).map(Some),
            _ => Ok(None),
        }
    }

    /// Lets the peak be what is in use now.
    ///
    /// # Errors
    /// If the driver refuses.
    pub fn reset_peak(device: &Device) -> Result<()> {
        match device {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => cuda::reset_peak_memory(device),
            _ => Ok(()),
        }
    }
}

/// The name that its maker gave a GPU; none of a CPU.
///
/// # Errors
/// If the driver does not tell.
pub fn gpu_name(device: &Device) -> Result<Option<String>> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => cuda::name(device).map(Some),
        _ => Ok(None),
    }
}

/// The compute capability of a GPU, such as 9.0; none of a CPU.
///
/// # Errors
/// If the driver does not tell.
pub fn gpu_capability(device: &Device) -> Result<Option<(u32, u32)>> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => cuda::capability(device).map(Some),
        _ => Ok(None),
    }
}

/// Whether an operation failed because the memory of a GPU was too little for it.
pub fn is_out_of_memory(error: &Error) -> bool {
    match error {
        #[cfg(feature = "cuda")]
        Error::Cuda(error) => crate::cuda::is_out_of_memory(error.as_ref()),
        Error::WithBacktrace { inner, .. } | Error::WithPath { inner, .. } | Error::Context { inner, .. } => {
            is_out_of_memory(inner)
        }
        Error::WrappedContext { wrapped, .. } => wrapped.downcast_ref().is_some_and(is_out_of_memory),
        _ => false,
    }
}
