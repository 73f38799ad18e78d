//! Where a test computes, and how close it must come.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result};

use crate::Golden;

/// A device, and what may be asked of numbers that were computed there.
#[derive(Clone, Debug)]
pub struct TestDevice {
    /// The device.
    pub device: Device,
    /// Type in which golden tensors are handed out.
    pub dtype: DType,
    /// How close is close.
    pub closeness: Closeness,
}

/// How close a tensor must be to the golden one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Closeness {
    /// Each entry, by so many times the tolerance that is recorded for the tensor.
    Entries(f64),
    /// The tensor as a whole, where factors of products are rounded to TF32: such rounding turns the slope of a leaky
    /// ReLU here and there, and so moves single entries far. Bounds of the difference's length, as shares of the golden
    /// tensor's.
    Length {
        /// Of results.
        values: f64,
        /// Of derivatives.
        derivatives: f64,
    },
}

impl Closeness {
    /// What TF32 may do. With every product of the independent implementation rounded so, all but a few numbers are
    /// less than 2 % off, the worst small scalar 4 %, and the worst derivative (of a bias) 42 %.
    pub const TF32: Self = Self::Length { values: 0.08, derivatives: 0.7 };
}

impl TestDevice {
    /// The CPU.
    pub fn cpu(dtype: DType) -> Self {
        Self { device: Device::Cpu, dtype, closeness: Closeness::Entries(1.0) }
    }

    /// The file of this name, such as `a_gp_fade`, for this device.
    pub fn golden(&self, file: &str) -> Golden {
        Golden::open(file, self)
    }
}

/// Runs a test on the first GPU, in each type with exact products, and in `f32` with those of TF32.
///
/// # Errors
/// If the GPU cannot be opened, or those of the test.
pub fn on_gpu(
    open: fn(usize) -> Result<Device>,
    allow_tf32: fn(bool),
    dtypes: &[DType],
    test: fn(&TestDevice) -> Result<()>,
) -> Result<()> {
    // TF32 is allowed or not for a whole process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let device = open(0)?;
    for &dtype in dtypes {
        allow_tf32(false);
        // GPUs add in other orders.
        test(&TestDevice { device: device.clone(), dtype, closeness: Closeness::Entries(4.0) })?;
        if dtype == DType::F32 {
            allow_tf32(true);
            test(&TestDevice { device: device.clone(), dtype, closeness: Closeness::TF32 })?;
        }
    }
    Ok(())
}

/// Makes tests of functions `fn(&TestDevice) -> Result<()>`: on the CPU, in each of the types named first, and with the
/// feature `cuda`, on the first GPU.
///
/// ```
/// use candle_core::Result;
/// use stylegan_golden::TestDevice;
///
/// fn a_network_computes_its_numbers(on: &TestDevice) -> Result<()> {
///     let golden = on.golden("b_mapping");
///     golden.assert_close("w", &golden.get("w"));
///     Ok(())
/// }
///
/// stylegan_golden::tests! { F32: a_network_computes_its_numbers }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! tests {
    ($($dtype:ident),+: $($test:ident),+ $(,)?) => {
        const DTYPES: &[::candle_core::DType] = &[$(::candle_core::DType::$dtype),+];

        mod on_cpu {
            $(
                #[test]
                fn $test() -> ::candle_core::Result<()> {
                    super::DTYPES.iter().try_for_each(|&dtype| super::$test(&$crate::TestDevice::cpu(dtype)))
                }
            )+
        }

        #[cfg(feature = "cuda")]
        mod on_gpu {
            use ::stylegan_ops::cuda::{allow_tf32, open};

            $(
                #[test]
                #[ignore = "needs a CUDA device"]
                fn $test() -> ::candle_core::Result<()> {
                    $crate::on_gpu(open, allow_tf32, super::DTYPES, super::$test)
                }
            )+
        }
    };
}
