//! What an optimizer does to the weights, in place.

mod adam;
mod average;
mod clamp;
#[cfg(feature = "cuda")]
mod cuda;
mod finite;
mod steps;
mod tally;

use std::cell::RefCell;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor};

pub use adam::{AdamSlot, AdamUpdate, adam_update};
pub use average::ema_update;
pub use clamp::clamp_update;
pub use finite::{all_are_finite, all_finite};
pub use steps::AdamSteps;
pub use tally::tally_update;

/// Values per parallel task.
const TASK: usize = 1 << 14;

/// Calls `change` with the values of `tensor`. Calls can be nested, so that one pass changes several tensors.
fn in_place(
    name: &'static str,
    tensor: &Tensor,
    change: impl FnMut(&mut CpuStorage, &Layout) -> Result<()>,
) -> Result<()> {
    tensor.inplace_op1(&InPlace { name, change: RefCell::new(change) })
}

struct InPlace<F> {
    name: &'static str,
    change: RefCell<F>,
}

impl<F: FnMut(&mut CpuStorage, &Layout) -> Result<()>> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        (self.change.borrow_mut())(storage, layout)
    }
}

/// Does nothing, but candle refuses to do it to two tensors that share memory: locking it twice would never return.
struct CheckDistinct(&'static str);

impl InplaceOp2 for CheckDistinct {
    fn name(&self) -> &'static str {
        self.0
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<()> {
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, _: &mut CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod testing {
    use candle_core::{DType, Var};

    use crate::testing::normal;

    /// Fewer values than are worth several threads, and more.
    pub(super) const SHAPES: [&[usize]; 2] = [&[5, 7], &[3, 300, 100]];

    pub(super) fn var(name: &str, shape: &[usize], dtype: DType) -> Var {
        Var::from_tensor(&normal(name, shape, dtype)).unwrap()
    }

    /// Every type with every shape.
    pub(super) fn cases() -> impl Iterator<Item = (DType, &'static [usize])> {
        [DType::F32, DType::F64].into_iter().flat_map(|dtype| SHAPES.map(|shape| (dtype, shape)))
    }
}
