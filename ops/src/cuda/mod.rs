//! The operations of this crate on NVIDIA GPUs: convolutions by cuDNN, products of matrices by cuBLAS, everything else
//! by kernels of our own (the `.cu` files beside the operations), which NVRTC compiles for the GPU when the first of them
//! is needed.
//!
//! All work of a device goes through one stream and is started by one thread, in the order in which it is asked for.
//! Nothing here waits for the GPU, save what says so, such as [`all_finite`](crate::all_finite), and the first convolution
//! of each shape, which is measured. Only uploads have a stream of their own.

mod context;
mod engine;
mod kernels;
mod lanes;
mod libraries;
mod pool;
mod sums;
#[cfg(test)]
mod tests;
mod values;
mod versions;

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{CudaDevice, CudaStorage, Layout, Result, bail};

pub(crate) use context::Context;
pub(crate) use engine::THREADS;
pub(crate) use lanes::Lanes;
pub(crate) use pool::{Pool, Scratch, is_out_of_memory, out_of_memory};
pub(crate) use sums::{PartialSums, Parts};
pub(crate) use values::{Argument, NOTHING, Row, TABLE_ROWS, Value, View, address, address_of};

pub use context::open;
pub use versions::{Installed, Version, installed};

use crate::engine::Input;

/// A GPU, with values of one type.
pub(crate) struct Gpu<T> {
    pub(crate) context: Rc<Context>,
    values: PhantomData<T>,
}

impl<T: Value> Gpu<T> {
    pub(crate) fn new(device: &CudaDevice) -> Result<Self> {
        Ok(Self { context: Context::of(device)?, values: PhantomData })
    }

    /// A contiguous tensor as an argument.
    pub(crate) fn input<'a>(&self, storage: &'a CudaStorage, layout: &'a Layout) -> Result<Input<'a, Self>> {
        if storage.device.id() != self.context.device.id() {
            bail!(
                "expected a tensor on GPU {:?}, got one on {:?}",
                self.context.device.id(),
                storage.device.id()
            );
        }
        match layout.contiguous_offsets() {
            Some((start, end)) => {
                let values = View::of(storage.as_cuda_slice::<T>()?).part(start..end);
                Ok(Input { values, shape: layout.shape() })
            }
            None => bail!("expected a contiguous tensor, got {layout:?}"),
        }
    }
}

static PLANS: OnceLock<PathBuf> = OnceLock::new();

/// Keeps what is found out about ways to convolve in this folder, from the first call on, for the next start of any
/// program; before, nothing is kept. Which way is the fastest is measured once a shape, card and version of the libraries,
/// and takes most of the first step.
pub fn keep_plans_in(folder: PathBuf) {
    // Whoever came first has decided.
    let _ = PLANS.set(folder);
}

pub(crate) fn plans_folder() -> Option<&'static Path> {
    PLANS.get().map(PathBuf::as_path)
}

static TF32: AtomicBool = AtomicBool::new(false);

/// Whether products of `f32` may round their factors to TF32, with 10 bits behind the point, from now on: several times
/// as fast. At first they may not.
pub fn allow_tf32(allow: bool) {
    TF32.store(allow, Ordering::Relaxed);
    candle_core::cuda::set_gemm_reduced_precision_f32(allow);
}

pub(crate) fn is_tf32_allowed() -> bool {
    TF32.load(Ordering::Relaxed)
}

/// Runs `$body` with `$gpu` standing for the GPU of the values in `$storage`, with values of their type; it gives values
/// and their shape.
macro_rules! on_gpu {
    ($name:expr, $storage:expr, $gpu:ident => $body:expr) => {{
        use candle_core::cuda_backend::CudaStorageSlice;

        let device = &$storage.device;
        match &$storage.slice {
            CudaStorageSlice::F32(_) => {
                let $gpu = crate::cuda::Gpu::<f32>::new(device)?;
                let (values, shape) = $body;
                Ok((candle_core::CudaStorage::wrap_cuda_slice(values, device.clone()), shape))
            }
            CudaStorageSlice::F64(_) => {
                let $gpu = crate::cuda::Gpu::<f64>::new(device)?;
                let (values, shape) = $body;
                Ok((candle_core::CudaStorage::wrap_cuda_slice(values, device.clone()), shape))
            }
            CudaStorageSlice::BF16(_) => {
                let $gpu = crate::cuda::Gpu::<half::bf16>::new(device)?;
                let (values, shape) = $body;
                Ok((candle_core::CudaStorage::wrap_cuda_slice(values, device.clone()), shape))
            }
            _ => candle_core::bail!("{}: only f32, f64 and bf16 are supported", $name),
        }
    }};
}
pub(crate) use on_gpu;
