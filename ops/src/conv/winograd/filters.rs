//! Filters to their transforms, and gradients of transforms to gradients of filters.

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::{Lanes, MAX_LANES};
use super::layout::{self, FilterLayout};
use super::scheme::{GradientScheme, MAX_TAPS, Scheme};
use crate::conv::Geometry;
use crate::conv::output::SharedSlice;
use crate::conv::scratch::Lines;
use crate::loops::{Inlined, load};

/// How the weight of a convolution lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether it is `[in_channels, out_channels, height, width]`, in the place of `[out_channels, in_channels, height, width]`.
    pub(super) is_transposed: bool,
    /// Whether kernels are turned by half a turn.
    pub(super) is_rotated: bool,
}

impl Reading {
    pub(super) const FORWARD: Self = Self { is_transposed: false, is_rotated: false };

    /// For the adjoint of a convolution of this stride.
    pub(super) fn adjoint(stride: usize) -> Self {
        Self { is_transposed: true, is_rotated: stride == 1 }
    }

    /// For a weight that lies turned.
    pub(super) fn turned(self) -> Self {
        Self { is_transposed: !self.is_transposed, is_rotated: !self.is_rotated }
    }
}

/// Where a convolution has its filters from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filters<'a> {
    /// They are transformed for it.
    Of { weight: &'a [f32], reading: Reading },
    /// They were transformed before, all of them, by its scheme.
    Transformed(&'a Lines),
}

/// All filters, transformed.
pub(super) fn transformed<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    weight: &[f32],
    reading: Reading,
) -> Lines {
    let panels = layout::panels::<S>(geometry.output.channels);
    let len = panels * FilterLayout::new::<S, F>(geometry.input.channels).panel_stride;
    let mut lines = Lines::zeros::<S::f32s>(len);
    let target = &mut lines.values_mut()[..len];
    transform::<S, F>(simd, geometry, weight, reading, 0..panels, target);
    lines
}

/// Transforms the filters of some panels of output channels. `geometry` is that of the convolution to be done,
/// so its input channels are the weight's output channels where the weight is read for the adjoint.
pub(super) fn transform<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    weight: &[f32],
    reading: Reading,
    panels: Range<usize>,
    target: &mut [S::f32s],
) {
    let stride = FilterLayout::new::<S, F>(geometry.input.channels).panel_stride;
    target.par_chunks_exact_mut(stride).zip(panels).for_each(|(target, panel)| {
        simd.vectorize(Inlined(
            #[inline(always)]
            || transform_panel::<S, F>(simd, geometry, weight, reading, panel, target),
        ));
    });
}

#[inline(always)]
fn transform_panel<S: Lanes, F: Scheme>(
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
            let outs = first_out..first_out + outs;
            if reading.is_transposed {
                read_transposed::<S, F>(simd, geometry, weight, ins, outs, &mut taps);
            } else {
                read_forward::<S, F>(simd, geometry, weight, ins, outs, &mut taps);
            }
            if reading.is_rotated {
                taps.chunks_exact_mut(F::TAPS).take(lanes).for_each(<[S::f32s]>::reverse);
            }
            if geometry.weight_scale != 1. {
                let scale = simd.splat_f32s(geometry.weight_scale as f32);
                taps[..F::TAPS * lanes].iter_mut().for_each(|tap| *tap = simd.mul_f32s(*tap, scale));
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
    outs: Range<usize>,
    taps: &mut [S::f32s],
) {
    let lanes = S::F32_LANES;
    let len = ins.len() * F::TAPS;
    for (chunk, square) in taps.chunks_exact_mut(lanes).enumerate().take(F::TAPS) {
        let start = chunk * lanes;
        if start >= len {
            break;
        }
        for (lane, row) in square.iter_mut().enumerate().take(outs.len()) {
            let filter =
                &weight[((outs.start + lane) * geometry.input.channels + ins.start) * F::TAPS..][..len];
            *row = load(simd, &filter[start..]);
        }
        simd.transpose(square);
    }
}

/// As [`read_forward`], of a weight whose first axis is the input channels.
#[inline(always)]
fn read_transposed<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    weight: &[f32],
    ins: Range<usize>,
    outs: Range<usize>,
    taps: &mut [S::f32s],
) {
    let lanes = S::F32_LANES;
    for (in_channel, taps) in ins.zip(taps.chunks_exact_mut(F::TAPS)) {
        for first_tap in (0..F::TAPS).step_by(lanes) {
            let mut square = [simd.splat_f32s(0.0); MAX_LANES];
            for (lane, row) in square.iter_mut().enumerate().take(outs.len()) {
                let filter = (in_channel * geometry.output.channels + outs.start + lane) * F::TAPS;
                // Of the last taps, those of the next filter are loaded along where they can be, and not looked at.
                *row = load(simd, &weight[filter + first_tap..]);
            }
            simd.transpose(&mut square[..lanes]);
            for (index, vector) in square.iter().enumerate().take(lanes.min(F::TAPS - first_tap)) {
                taps[first_tap + index] = *vector;
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
