//! Between the planes of a picture and vectors of neighbouring channels.

use pulp::bytemuck;

use super::lanes::{Lanes, MAX_LANES};
use super::scheme::Scheme;
use super::tiles::Patch;
use crate::conv::geometry::Geometry;
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
    /// The pixels that the tiles of `patch` give.
    pub(super) fn outputs<F: Scheme>(patch: &Patch) -> Self {
        Self {
            image: patch.image,
            top: (patch.top * F::OUTPUTS) as isize,
            left: (patch.left * F::OUTPUTS) as isize,
            rows: patch.rows * F::OUTPUTS,
            columns: patch.columns * F::OUTPUTS,
        }
    }

    /// The pixels that the tiles of `patch` look at: one more on every side.
    pub(super) fn inputs<F: Scheme>(patch: &Patch) -> Self {
        let outputs = Self::outputs::<F>(patch);
        Self {
            top: outputs.top - 1,
            left: outputs.left - 1,
            rows: outputs.rows + 2,
            columns: outputs.columns + 2,
            ..outputs
        }
    }

    pub(super) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// The row of the picture that is row `row` of the window.
    fn picture_row(&self, row: usize, geometry: &Geometry) -> Option<usize> {
        let row = usize::try_from(self.top + row as isize).ok()?;
        (row < geometry.height).then_some(row)
    }

    /// First column inside of the picture, in the window and in the picture, and the number of such columns.
    fn picture_columns(&self, geometry: &Geometry) -> (usize, usize, usize) {
        let outside = usize::try_from(-self.left).unwrap_or(0);
        let first = usize::try_from(self.left).unwrap_or(0);
        (outside, first, (self.columns - outside).min(geometry.width - first))
    }
}

/// Copies the pixels of `window` in one block of channels to `[rows][columns]` vectors, zero outside of the
/// picture and beyond the last channel. `values` has `channels` channels and otherwise the sizes of `geometry`.
#[inline(always)]
pub(super) fn gather<S: Lanes>(
    simd: S,
    geometry: &Geometry,
    values: &[f32],
    channels: usize,
    block: usize,
    window: &Window,
    target: &mut [S::f32s],
) {
    let lanes = S::F32_LANES;
    let zero = simd.splat_f32s(0.0);
    let first_channel = block * lanes;
    let present = lanes.min(channels - first_channel);
    let (outside, first, inside) = window.picture_columns(geometry);
    for (row, target) in target.chunks_exact_mut(window.columns).take(window.rows).enumerate() {
        let Some(picture_row) = window.picture_row(row, geometry) else {
            target.fill(zero);
            continue;
        };
        target[..outside].fill(zero);
        target[outside + inside..].fill(zero);
        let start =
            (window.image * channels + first_channel) * geometry.pixels() + picture_row * geometry.width;
        for (chunk, target) in target[outside..outside + inside].chunks_mut(lanes).enumerate() {
            let mut square = [zero; MAX_LANES];
            for (lane, row) in square.iter_mut().enumerate().take(present) {
                let source = &values[start + lane * geometry.pixels() + first + chunk * lanes..];
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

/// Copies `[rows][columns]` vectors of one block of channels to the pixels of `window` inside of the picture.
///
/// No other task may write to them meanwhile.
#[inline(always)]
pub(super) fn scatter<S: Lanes>(
    simd: S,
    geometry: &Geometry,
    source: &[S::f32s],
    channels: usize,
    block: usize,
    window: &Window,
    values: &SharedSlice<f32>,
) {
    let lanes = S::F32_LANES;
    let zero = simd.splat_f32s(0.0);
    let first_channel = block * lanes;
    let present = lanes.min(channels - first_channel);
    let (outside, first, inside) = window.picture_columns(geometry);
    for (row, source) in source.chunks_exact(window.columns).take(window.rows).enumerate() {
        let Some(picture_row) = window.picture_row(row, geometry) else {
            continue;
        };
        let start =
            (window.image * channels + first_channel) * geometry.pixels() + picture_row * geometry.width;
        for (chunk, source) in source[outside..outside + inside].chunks(lanes).enumerate() {
            let mut square = [zero; MAX_LANES];
            square[..source.len()].copy_from_slice(source);
            simd.transpose(&mut square[..lanes]);
            for (lane, row) in square.iter().enumerate().take(present) {
                let offset = start + lane * geometry.pixels() + first + chunk * lanes;
                #[expect(unsafe_code, reason = "tasks write parts of one result that are not contiguous")]
                // SAFETY: every pixel of every channel belongs to one task.
                let target = unsafe { values.part(offset, source.len()) };
                if source.len() == lanes {
                    target.copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(row)));
                } else {
                    simd.partial_store_f32s(target, *row);
                }
            }
        }
    }
}
