//! Between the planes of a picture and vectors of neighbouring channels.

use std::ops::Range;

use pulp::bytemuck;

use super::lanes::{Lanes, MAX_LANES};
use super::scheme::Cut;
use super::tiles::Patch;
use crate::activation::{Finish, SLOPE};
use crate::conv::geometry::Planes;
use crate::conv::output::SharedSlice;

/// A rectangle of pixels, some of which may lie outside of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    image: usize,
    top: isize,
    left: isize,
    rows: usize,
    pub(super) columns: usize,
}

impl Window {
    /// The pixels that the tiles of `patch` cover.
    pub(super) fn new(cut: Cut, patch: &Patch) -> Self {
        Self {
            image: patch.image,
            top: (patch.top * cut.step) as isize - cut.before as isize,
            left: (patch.left * cut.step) as isize - cut.before as isize,
            rows: (patch.rows - 1) * cut.step + cut.side,
            columns: (patch.columns - 1) * cut.step + cut.side,
        }
    }

    pub(super) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// The row of the picture that is row `row` of the window.
    fn picture_row(&self, row: usize, planes: &Planes) -> Option<usize> {
        let row = usize::try_from(self.top + row as isize).ok()?;
        (row < planes.height).then_some(row)
    }

    /// First column inside of the picture, in the window and in the picture, and the number of such columns.
    fn picture_columns(&self, planes: &Planes) -> (usize, usize, usize) {
        let outside = usize::try_from(-self.left).unwrap_or(0);
        let first = usize::try_from(self.left).unwrap_or(0);
        (outside, first, (self.columns - outside).min(planes.width - first))
    }
}

/// Copies the pixels of `window` in one block of channels of `values` to `[rows][columns]` vectors, zero outside of
/// the picture and beyond the last channel.
#[inline(always)]
pub(super) fn gather<S: Lanes>(
    simd: S,
    planes: &Planes,
    values: &[f32],
    block: usize,
    window: &Window,
    target: &mut [S::f32s],
) {
    let lanes = S::F32_LANES;
    let zero = simd.splat_f32s(0.0);
    let first_channel = block * lanes;
    let present = lanes.min(planes.channels - first_channel);
    let (outside, first, inside) = window.picture_columns(planes);
    for (row, target) in target.chunks_exact_mut(window.columns).take(window.rows).enumerate() {
        let Some(picture_row) = window.picture_row(row, planes) else {
            target.fill(zero);
            continue;
        };
        target[..outside].fill(zero);
        target[outside + inside..].fill(zero);
        let start =
            (window.image * planes.channels + first_channel) * planes.pixels() + picture_row * planes.width;
        for (chunk, target) in target[outside..outside + inside].chunks_mut(lanes).enumerate() {
            let mut square = [zero; MAX_LANES];
            for (lane, row) in square.iter_mut().enumerate().take(present) {
                let source = &values[start + lane * planes.pixels() + first + chunk * lanes..];
                // What lies beyond the window is loaded along where it can be, and not looked at.
                *row = match source.split_at_checked(lanes) {
                    Some((source, _)) => bytemuck::pod_read_unaligned(bytemuck::cast_slice(source)),
                    None => simd.partial_load_f32s(source),
                };
            }
            simd.transpose(&mut square[..lanes]);
            target.copy_from_slice(&square[..target.len()]);
        }
    }
}

/// Copies `[rows][columns]` vectors of one block of channels to the pixels of `window` inside of the picture, finished;
/// the first and the last row are added to what is there if they `overlap` those of the windows above and below.
///
/// No other task may write to these pixels meanwhile.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "what a write needs, passed through from one caller")]
pub(super) fn scatter<S: Lanes>(
    simd: S,
    planes: &Planes,
    source: &[S::f32s],
    block: usize,
    window: &Window,
    overlap: bool,
    finish: Option<&Finish<'_, f32>>,
    values: &SharedSlice<f32>,
) {
    let lanes = S::F32_LANES;
    let zero = simd.splat_f32s(0.0);
    let first_channel = block * lanes;
    let present = lanes.min(planes.channels - first_channel);
    let (outside, first, inside) = window.picture_columns(planes);
    let first_plane = window.image * planes.channels + first_channel;
    for (row, source) in source.chunks_exact(window.columns).take(window.rows).enumerate() {
        let Some(picture_row) = window.picture_row(row, planes) else {
            continue;
        };
        let adds = overlap && (row == 0 || row == window.rows - 1);
        for (chunk, source) in source[outside..outside + inside].chunks(lanes).enumerate() {
            let mut square = [zero; MAX_LANES];
            square[..source.len()].copy_from_slice(source);
            simd.transpose(&mut square[..lanes]);
            let pixel = picture_row * planes.width + first + chunk * lanes;
            for (lane, row) in square.iter().enumerate().take(present) {
                let plane = first_plane + lane;
                #[expect(unsafe_code, reason = "tasks write parts of one result that are not contiguous")]
                // SAFETY: the caller vouches that no other task touches these pixels.
                let target = unsafe { values.part(plane * planes.pixels() + pixel, source.len()) };
                let mut row = *row;
                if adds {
                    row = simd.add_f32s(simd.partial_load_f32s(target), row);
                }
                if let Some(finish) = finish {
                    let pixels = pixel..pixel + source.len();
                    row = finished(simd, finish, plane, planes.pixels(), pixels, row);
                }
                if source.len() == lanes {
                    target.copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(&row)));
                } else {
                    simd.partial_store_f32s(target, row);
                }
            }
        }
    }
}

/// Finishes some neighboring values of a plane, from its pixel `first` on, as [`Finish::part`] does.
#[inline(always)]
fn finished<S: Lanes>(
    simd: S,
    finish: &Finish<'_, f32>,
    plane: usize,
    area: usize,
    pixels: Range<usize>,
    values: S::f32s,
) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let (signs, values) = match finish {
        Finish::Activate { bias, noise } => {
            let bias = simd.splat_f32s(bias[plane % bias.len()]);
            let values = match noise {
                None => simd.add_f32s(values, bias),
                Some((strength, noise)) => {
                    let strength = simd.splat_f32s(strength[plane % strength.len()]);
                    let noise = load(simd, &noise.of(plane)[pixels]);
                    simd.add_f32s(simd.mul_add_f32s(noise, strength, values), bias)
                }
            };
            (values, values)
        }
        Finish::Mask(y) => (load(simd, &y[plane * area..][pixels]), values),
    };
    let is_positive = simd.greater_than_or_equal_f32s(signs, zero);
    simd.select_f32s(is_positive, values, simd.mul_f32s(values, simd.splat_f32s(SLOPE as f32)))
}

/// As many values as a vector has, or fewer and zeros.
#[inline(always)]
fn load<S: Lanes>(simd: S, values: &[f32]) -> S::f32s {
    if values.len() == S::F32_LANES {
        bytemuck::pod_read_unaligned(bytemuck::cast_slice(values))
    } else {
        simd.partial_load_f32s(values)
    }
}
