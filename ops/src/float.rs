//! The types that values in memory have, and how an operation gets at them.

use candle_core::{CpuStorage, Layout, Result, WithDType, bail};
use pulp::bytemuck::Pod;

/// `f32` or `f64`.
pub(crate) trait Float: WithDType + Pod {
    fn sqrt(self) -> Self;

    /// The values of a contiguous tensor, to be changed.
    fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [Self]>;
}

macro_rules! impl_float {
    ($T:ident, $Variant:ident) => {
        impl Float for $T {
            fn sqrt(self) -> Self {
                self.sqrt()
            }

            fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [Self]> {
                match (storage, layout.contiguous_offsets()) {
                    (CpuStorage::$Variant(values), Some((start, end))) => Ok(&mut values[start..end]),
                    (_, None) => bail!("expected a contiguous tensor to change in place, got {layout:?}"),
                    _ => bail!("expected a tensor of {} to change in place", stringify!($T)),
                }
            }
        }
    };
}

impl_float!(f32, F32);
impl_float!(f64, F64);

/// The values of a contiguous tensor.
pub(crate) fn slice<'a, T: Float>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<T>()?[start..end]),
        None => bail!("expected a contiguous tensor, got {layout:?}"),
    }
}

/// Runs `$body` with `$T` standing for the type of the values in `$storage`.
macro_rules! float_kernel {
    ($name:expr, $storage:expr, $T:ident => $body:expr) => {
        match $storage {
            candle_core::CpuStorage::F32(_) => {
                type $T = f32;
                $body
            }
            candle_core::CpuStorage::F64(_) => {
                type $T = f64;
                $body
            }
            _ => candle_core::bail!("{}: only f32 and f64 are supported", $name),
        }
    };
}
pub(crate) use float_kernel;
