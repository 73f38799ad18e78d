//! Loops over tensors in memory, shared by the operations of this crate that are bound by it.
//!
//! Results do not depend on the number of threads: every value is computed by one task, and sums are taken in an
//! order that depends on lengths alone.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::{Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use crate::float::Float;
use crate::vector_unit::arch;

/// Values handled at a time: a block of each of three tensors stays in the first-level cache.
const BLOCK: usize = 2048;
/// Values per parallel task.
const TASK: usize = 1 << 14;
/// Below this many values, waking the other threads costs more than they save.
const PARALLEL: usize = 1 << 16;
/// Sums run side by side, so that the compiler can keep them in vector registers.
const LANES: usize = 16;

/// Whether a pass over `len` values is worth more than one thread.
pub(crate) fn is_parallel(len: usize) -> bool {
    len >= PARALLEL && rayon::current_num_threads() > 1
}

/// Does `work` with the widest vectors of this machine; only what is always inlined into it gets them.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnMut() -> R) -> R {
    arch().dispatch(Inlined(work))
}

/// A closure as work for a vector unit.
///
/// Without this, a closure that does not consume what it captures is called through a function that the compiler makes
/// for `FnOnce`, which is not always inlined and then calls every vector instruction as a function of its own.
pub(crate) struct Inlined<F>(pub(crate) F);

impl<R, F: FnMut() -> R> WithSimd for Inlined<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// The first values, as many as a vector has, or fewer and zeros.
#[inline(always)]
pub(crate) fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    match values.split_at_checked(S::F32_LANES) {
        Some((values, _)) => bytemuck::pod_read_unaligned(bytemuck::cast_slice(values)),
        // A function of its own, in every case.
        None => simd.partial_load_f32s(values),
    }
}

/// Memory to be written from front to back.
pub(crate) struct Output<'a, T> {
    rest: &'a mut [MaybeUninit<T>],
}

impl<T: Float> Output<'_, T> {
    /// The next `len` values, zero to begin with.
    ///
    /// Zeros are written right before the results are, while the memory is in cache, which keeps the
    /// kernels free of uninitialized memory without a second pass.
    #[inline(always)]
    pub(crate) fn take(&mut self, len: usize) -> &mut [T] {
        let (values, rest) = std::mem::take(&mut self.rest).split_at_mut(len);
        self.rest = rest;
        zeroed(values)
    }

    /// Writes as many values as `source` has, a block at a time: `write(output, source)`.
    #[inline(always)]
    pub(crate) fn plane(&mut self, source: &[T], mut write: impl FnMut(&mut [T], &[T])) {
        for source in source.chunks(BLOCK) {
            write(self.take(source.len()), source);
        }
    }
}

#[expect(unsafe_code, reason = "results are written to fresh memory, which a zeroing pass would cost")]
#[inline(always)]
fn zeroed<T: Float>(values: &mut [MaybeUninit<T>]) -> &mut [T] {
    values.fill(MaybeUninit::new(T::zero()));
    // SAFETY: every value has just been written.
    unsafe { values.assume_init_mut() }
}

/// A vector of `units` runs of `unit_len` values, followed by `sums_per_unit` values for each of them.
///
/// `kernel(units, output, sums)` writes the units of one task, in order; what it leaves out is zero.
pub(crate) fn build<T: Float>(
    units: usize,
    unit_len: usize,
    sums_per_unit: usize,
    kernel: impl Fn(Range<usize>, &mut Output<'_, T>, &mut [T]) + Sync,
) -> Vec<T> {
    let mut values = Vec::new();
    append(&mut values, units, unit_len, sums_per_unit, kernel);
    values
}

/// What [`build`] makes, behind what `values` holds already.
#[expect(unsafe_code, reason = "results are written to fresh memory, which a zeroing pass would cost")]
pub(crate) fn append<T: Float>(
    values: &mut Vec<T>,
    units: usize,
    unit_len: usize,
    sums_per_unit: usize,
    kernel: impl Fn(Range<usize>, &mut Output<'_, T>, &mut [T]) + Sync,
) {
    let len = units * unit_len;
    let total = len + units * sums_per_unit;
    let before = values.len();
    values.reserve_exact(total);
    let (mut rest, sums) = values.spare_capacity_mut()[..total].split_at_mut(len);
    let mut sums_rest = zeroed(sums);
    let units_per_task = (TASK / unit_len.max(1)).max(1);
    let mut tasks = Vec::with_capacity(units.div_ceil(units_per_task));
    for first in (0..units).step_by(units_per_task) {
        let range = first..units.min(first + units_per_task);
        let (output, output_rest) = rest.split_at_mut(range.len() * unit_len);
        let (sums, rest_of_sums) = sums_rest.split_at_mut(range.len() * sums_per_unit);
        (rest, sums_rest) = (output_rest, rest_of_sums);
        tasks.push((range, output, sums));
    }
    let run = |(range, output, sums): (Range<usize>, &mut [MaybeUninit<T>], &mut [T])| {
        let mut output = Output { rest: output };
        vectorized(
            #[inline(always)]
            || kernel(range.clone(), &mut output, sums),
        );
        zeroed(output.rest);
    };
    if is_parallel(len) {
        tasks.into_par_iter().for_each(run);
    } else {
        tasks.into_iter().for_each(run);
    }
    // SAFETY: the tasks cover `len` values, and `run` initializes those that its kernel did not take; the
    // sums behind them were set to zero at the start.
    unsafe { values.set_len(before + total) };
}

/// So many zeros, written by all threads.
pub(crate) fn zeros<T: Float>(len: usize) -> Vec<T> {
    build(len, 1, 0, |_, _, _| {})
}

/// The sum of partial sums of `len` values each, which lie one behind the other.
pub(crate) fn total<T: Float>(partials: Vec<T>, len: usize) -> Vec<T> {
    if partials.len() <= len {
        return partials;
    }
    build(
        len,
        1,
        0,
        #[inline(always)]
        |range, output, _| {
            let sums = output.take(range.len());
            for partial in partials.chunks_exact(len) {
                for (sum, &partial) in sums.iter_mut().zip(&partial[range.clone()]) {
                    *sum += partial;
                }
            }
        },
    )
}

/// One value from each of `units` runs of `unit_len` values.
pub(crate) fn reduce<T: Float>(
    units: usize,
    unit_len: usize,
    value: impl Fn(usize) -> T + Sync + Send,
) -> Vec<T> {
    let value = |unit| {
        vectorized(
            #[inline(always)]
            || value(unit),
        )
    };
    if is_parallel(units * unit_len) {
        (0..units).into_par_iter().map(value).collect()
    } else {
        (0..units).map(value).collect()
    }
}

/// `f(a, b)` for each pair of values.
pub(crate) fn map<T: Float>(a: &[T], b: &[T], f: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    build(
        a.len().min(b.len()),
        1,
        0,
        #[inline(always)]
        |range, output, _| {
            for (a, b) in a[range.clone()].chunks(BLOCK).zip(b[range].chunks(BLOCK)) {
                for ((out, &a), &b) in output.take(a.len()).iter_mut().zip(a).zip(b) {
                    *out = f(a, b);
                }
            }
        },
    )
}

/// Sums of `terms(a, b)` over all pairs of values.
///
/// Short runs are summed in the type of the values, and the runs in `f64`, so the error does not grow with the
/// length.
#[inline(always)]
pub(crate) fn sums<T: Float, const N: usize>(a: &[T], b: &[T], terms: impl Fn(T, T) -> [T; N]) -> [f64; N] {
    let mut totals = [0.; N];
    for (a, b) in a.chunks(16 * LANES).zip(b.chunks(16 * LANES)) {
        let mut lanes = [[T::zero(); LANES]; N];
        let (a_rows, a_rest) = a.as_chunks::<LANES>();
        let (b_rows, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a_rows.iter().zip(b_rows) {
            for lane in 0..LANES {
                for (sums, term) in lanes.iter_mut().zip(terms(a[lane], b[lane])) {
                    sums[lane] += term;
                }
            }
        }
        for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
            for (sums, term) in lanes.iter_mut().zip(terms(a, b)) {
                sums[lane] += term;
            }
        }
        for (total, sums) in totals.iter_mut().zip(lanes) {
            *total += sums.into_iter().map(T::to_f64).sum::<f64>();
        }
    }
    totals
}

/// One value for each channel from one for each plane: their sum over the samples.
pub(crate) fn over_batch<T: Float>(of_planes: impl IntoIterator<Item = T>, channels: usize) -> Vec<T> {
    let mut sums = vec![T::zero(); channels];
    for (plane, value) in of_planes.into_iter().enumerate() {
        sums[plane % channels] += value;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_many_values_stay_exact() {
        let ones = vec![0.1_f32; 1 << 20];
        let [sum] = sums(
            &ones,
            &ones,
            #[inline(always)]
            |a, _| [a],
        );
        let expected = f64::from(0.1_f32) * f64::from(1 << 20);
        assert!((sum / expected - 1.).abs() < 1e-6, "{sum} and should be {expected}");
    }
}
