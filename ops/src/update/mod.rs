//! What an optimizer does to the weights, in place.

mod adam;
mod average;
mod clamp;
mod finite;
mod steps;
mod tally;

use std::cell::RefCell;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor, WithDType, bail};

pub use adam::{AdamSlot, AdamUpdate, adam_update};
pub use average::ema_update;
pub use clamp::clamp_update;
pub use finite::{all_are_finite, all_finite};
pub use steps::AdamSteps;
pub use tally::tally_update;

/// Values per parallel task.
const TASK: usize = 1 << 14;

/// A number type whose tensors can be changed in place.
trait Float: WithDType {
    fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [Self]>;
    fn sqrt(self) -> Self;
}

macro_rules! impl_float {
    ($T:ident, $Variant:ident) => {
        impl Float for $T {
            fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [Self]> {
                match (storage, layout.contiguous_offsets()) {
                    (CpuStorage::$Variant(values), Some((start, end))) => Ok(&mut values[start..end]),
                    (_, None) => bail!("expected a contiguous tensor to change in place, got {layout:?}"),
                    _ => bail!("expected a tensor of {} to change in place", stringify!($T)),
                }
            }

            fn sqrt(self) -> Self {
                self.sqrt()
            }
        }
    };
}

impl_float!(f32, F32);
impl_float!(f64, F64);

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
