//! Filters to their transforms, and gradients of transforms to gradients of filters.

use std::ops::Range;

use pulp::bytemuck;

use super::lanes::{Lanes, MAX_LANES};
use super::layout::FilterLayout;
use super::scheme::{GradientScheme, MAX_TAPS, Scheme};
use crate::conv::Geometry;
use crate::conv::output::SharedSlice;

/// Which convolution a weight is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// `[out_channels, in_channels, height, width]`
    Forward,
    /// For the adjoint: `[in_channels, out_channels, height, width]`.
    Transposed,
    /// The same, kernels turned by half a turn.
    Rotated,
}

/// Transforms the filters of one panel of output channels. `geometry` is that of the convolution to be done,
/// so its input channels are the weight's output channels where the weight is read for the adjoint.
#[inline(always)]
pub(super) fn transform_panel<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    weight: &[f32],
    reading: Reading,
    panel: usize,
    target: &mut [S::f32s],
) {
    let lanes = S::F32_LANES;
    let layout = FilterLayout::new::<S, F>(geometry.input.channels);
    let zero = simd.splat_f32s(0.0);
    for first_in in (0..geometry.input.channels).step_by(lanes) {
        let ins = lanes.min(geometry.input.channels - first_in);
        for vector in 0..S::VECTORS {
            let first_out = (panel * S::VECTORS + vector) * lanes;
            let outs = lanes.min(geometry.output.channels.saturating_sub(first_out));
            let mut taps = [zero; MAX_TAPS * MAX_LANES];
            let ins = first_in..first_in + ins;
            match reading {
                Reading::Forward => {
                    read_forward::<S, F>(simd, geometry, weight, ins, first_out, outs, &mut taps);
                }
                Reading::Transposed | Reading::Rotated => {
                    read_adjoint::<S, F>(geometry, weight, reading, ins, first_out, outs, &mut taps);
                }
            }
            for (index, taps) in taps.chunks_exact(F::TAPS).enumerate().take(lanes) {
                let start = (first_in + index) * S::VECTORS + vector;
                F::filter(simd, taps, &mut target[start..], layout.product_stride);
            }
        }
    }
}

/// `taps[input channel][tap]`, one output channel in each lane.
#[inline(always)]
fn read_forward<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    weight: &[f32],
    ins: Range<usize>,
    first_out: usize,
    outs: usize,
    taps: &mut [S::f32s],
) {
    let lanes = S::F32_LANES;
    let len = ins.len() * F::TAPS;
    for (chunk, square) in taps.chunks_exact_mut(lanes).enumerate().take(F::TAPS) {
        let start = chunk * lanes;
        if start >= len {
            break;
        }
        for (lane, row) in square.iter_mut().enumerate().take(outs) {
            let filter =
                &weight[((first_out + lane) * geometry.input.channels + ins.start) * F::TAPS..][..len];
            *row = match filter[start..].split_at_checked(lanes) {
                Some((filter, _)) => bytemuck::pod_read_unaligned(bytemuck::cast_slice(filter)),
                None => simd.partial_load_f32s(&filter[start..]),
            };
        }
        simd.transpose(square);
    }
}

/// As [`read_forward`], of a weight whose first axis is the input channels.
#[inline(always)]
fn read_adjoint<S: Lanes, F: Scheme>(
    geometry: &Geometry,
    weight: &[f32],
    reading: Reading,
    ins: Range<usize>,
    first_out: usize,
    outs: usize,
    taps: &mut [S::f32s],
) {
    let lanes = S::F32_LANES;
    let taps: &mut [f32] = bytemuck::cast_slice_mut(taps);
    for (in_channel, taps) in ins.zip(taps.chunks_exact_mut(F::TAPS * lanes)) {
        let filters = &weight
            [(in_channel * geometry.output.channels + first_out.min(geometry.output.channels)) * F::TAPS..];
        for (lane, filter) in filters.chunks_exact(F::TAPS).enumerate().take(outs) {
            for (tap, value) in filter.iter().enumerate() {
                let tap = if reading == Reading::Rotated { F::TAPS - 1 - tap } else { tap };
                taps[tap * lanes + lane] = *value;
            }
        }
    }
}

/// Adds to (or writes to) a weight gradient what the gradient of the transforms of one panel amounts to.
///
/// `source` holds the input channels `ins`, which start at a full block. No other task may touch these input
/// channels of this panel meanwhile.
#[inline(always)]
pub(super) fn finish_panel<S: Lanes, F: GradientScheme>(
    simd: S,
    geometry: &Geometry,
    source: &[S::f32s],
    ins: &Range<usize>,
    panel: usize,
    add: bool,
    target: &SharedSlice<f32>,
) {
    let lanes = S::F32_LANES;
    let layout = FilterLayout::new::<S, F>(ins.len());
    let zero = simd.splat_f32s(0.0);
    for first_in in ins.clone().step_by(lanes) {
        let len = lanes.min(ins.end - first_in) * F::TAPS;
        for vector in 0..S::VECTORS {
            let first_out = (panel * S::VECTORS + vector) * lanes;
            let outs = lanes.min(geometry.output.channels.saturating_sub(first_out));
            let mut taps = [zero; MAX_TAPS * MAX_LANES];
            for (index, taps) in taps.chunks_exact_mut(F::TAPS).enumerate().take(lanes) {
                let start = (first_in - ins.start + index) * S::VECTORS + vector;
                F::filter_adjoint(simd, &source[start..], layout.product_stride, taps);
            }
            for (chunk, square) in taps.chunks_exact_mut(lanes).enumerate().take(F::TAPS) {
                let start = chunk * lanes;
                if start >= len {
                    break;
                }
                let count = lanes.min(len - start);
                simd.transpose(square);
                for (lane, row) in square.iter().enumerate().take(outs) {
                    let filter = ((first_out + lane) * geometry.input.channels + first_in) * F::TAPS;
                    #[expect(unsafe_code, reason = "tasks write parts of one result that are not contiguous")]
                    // SAFETY: the caller vouches that no other task touches these channels.
                    let target = unsafe { target.part(filter + start, count) };
                    let before = if add { simd.partial_load_f32s(target) } else { zero };
                    simd.partial_store_f32s(target, simd.add_f32s(before, *row));
                }
            }
        }
    }
}
