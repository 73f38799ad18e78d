//! Work on a GPU that is recorded once, and from then on done again by one call.
//!
//! To start a kernel takes the host about as long as a small kernel takes the GPU, and an iteration of a training starts
//! thousands. As one graph, they follow one another without the host.

#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{Device, Result, bail};

/// What a GPU does for some work, with the memory that it takes meanwhile.
#[derive(Debug)]
pub struct Graph {
    #[cfg(feature = "cuda")]
    graph: cuda::Graph,
}

impl Graph {
    /// Records what `work` asks of a GPU, and does nothing of it.
    ///
    /// It will be done to the same memory each time: what differs must be written before into tensors that `work` reads, and
    /// what is to be looked at must be written by `work` into tensors that were there before. Nothing else that `work` makes may
    /// outlive it, and none of what was there before may be given back by it. The same work must have been done once before,
    /// so that kernels are loaded, and ways to convolve are known.
    ///
    /// # Errors
    /// If `work` fails, waits for the GPU, or gives it values of the host; if the device is no GPU, or the driver refuses.
    pub fn record(device: &Device, work: impl FnOnce() -> Result<()>) -> Result<Self> {
        match device {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => Ok(Self { graph: cuda::Graph::record(device, work)? }),
            _ => {
                let _ = work;
                bail!("graph: work is recorded for GPUs only")
            }
        }
    }

    /// Starts all of it, behind what was asked of the GPU before.
    ///
    /// # Errors
    /// If the driver refuses, such as for lack of memory.
    pub fn start(&self) -> Result<()> {
        #[cfg(feature = "cuda")]
        return self.graph.start();
        #[cfg(not(feature = "cuda"))]
        Ok(())
    }
}
