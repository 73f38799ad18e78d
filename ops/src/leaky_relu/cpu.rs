//! Leaky `ReLU` in memory.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

use candle_core::Result;

use super::{Activate, SLOPE};
use crate::engine::Cpu;
use crate::float::Float;
use crate::loops::map;

impl<T: Float> Activate for Cpu<T> {
    fn leaky_relu(&self, x: &[T]) -> Result<Vec<T>> {
        let slope = T::from_f64(SLOPE);
        Ok(map(
            x,
            x,
            #[inline(always)]
            |x, _| bent(x, x, slope),
        ))
    }

    fn leaky_relu_grad(&self, g: &[T], y: &[T]) -> Result<Vec<T>> {
        let slope = T::from_f64(SLOPE);
        Ok(map(
            g,
            y,
            #[inline(always)]
            |g, y| bent(g, y, slope),
        ))
    }

    fn relu_grad(&self, g: &[T], y: &[T]) -> Result<Vec<T>> {
        Ok(map(
            g,
            y,
            #[inline(always)]
            |g, y| g * if y > T::zero() { T::one() } else { T::zero() },
        ))
    }
}

/// `value`, times the slope where `sign` is negative.
///
/// The factor is chosen, not the product: compilers make a branch of the latter, which takes ten times as long.
#[inline(always)]
pub(crate) fn bent<T: Float>(value: T, sign: T, slope: T) -> T {
    value * if sign >= T::zero() { T::one() } else { slope }
}
