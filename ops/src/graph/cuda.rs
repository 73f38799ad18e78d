//! Graphs of CUDA's driver.

use std::fmt;
use std::sync::Arc;

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::sys::{self, CUgraphInstantiate_flags, CUstreamCaptureMode};
use candle_core::cuda_backend::cudarc::driver::{CudaContext, CudaGraph};
use candle_core::{CudaDevice, Error, Result};

use crate::cuda::Pool;

/// See [`Graph`](super::Graph).
pub(super) struct Graph {
    /// There until it is dropped.
    graph: Option<CudaGraph>,
    context: Arc<CudaContext>,
}

impl Graph {
    /// See [`Graph::record`](super::Graph::record).
    pub(super) fn record(device: &CudaDevice, work: impl FnOnce() -> Result<()>) -> Result<Self> {
        // A graph's memory is its own: what the same work took before is of no use any more.
        Pool::of(device)?.trim()?;
        let stream = device.cuda_stream();
        // Other threads may do whatever they like meanwhile.
        stream.begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED).w()?;
        let worked = work();
        // Whatever became of the work, the stream must do again what it is asked for.
        let graph = stream.end_capture(CUgraphInstantiate_flags(0)).w();
        let context = stream.context().clone();
        match worked.and(graph) {
            Ok(Some(graph)) => Ok(Self { graph: Some(graph), context }),
            Ok(None) => Err(Error::msg("graph: nothing was asked of the GPU")),
            Err(error) => {
                // Memory that was never there could not be given back, which is nothing that anybody has to hear of.
                let _ = context.check_err();
                Err(error)
            }
        }
    }

    /// See [`Graph::start`](super::Graph::start).
    pub(super) fn start(&self) -> Result<()> {
        self.graph.iter().try_for_each(CudaGraph::launch).w()
    }
}

impl Drop for Graph {
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    fn drop(&mut self) {
        self.graph = None;
        // SAFETY: the device is one that the driver knows. Memory that is not given back is there for the next graph.
        let _ = unsafe { sys::cuDeviceGraphMemTrim(self.context.cu_device()) };
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").finish_non_exhaustive()
    }
}
