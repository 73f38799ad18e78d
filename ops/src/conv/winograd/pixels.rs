//! Between the planes of a picture and vectors of neighboring channels.

use std::ops::Range;

use pulp::bytemuck;

use super::lanes::{Lanes, MAX_LANES};
use super::scheme::Cut;
use super::tiles::Patch;
use crate::conv::output::SharedSlice;
use crate::finish::Finish;
use crate::leaky_relu::SLOPE;
use crate::loops::load;
use crate::planes::Planes;

/// A rectangle of pixels, some of which may lie outside of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    image: usize,
    top: isize,
    left: isize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Window {
    /// The pixels that the tiles of `patch` cover.
    pub(super) fn new(cut: Cut, patch: &Patch) -> Self {
        Self {
            image: patch.image,
            top: (patch.top * cut.step[0]) as isize - cut.before[0] as isize,
            left: (patch.left * cut.step[1]) as isize - cut.before[1] as isize,
            rows: (patch.rows - 1) * cut.step[0] + cut.side[0],
            columns: (patch.columns - 1) * cut.step[1] + cut.side[1],
        }
    }

    /// With so many pixels more before and after it, along both axes.
    pub(super) fn with_margin(&self, before: usize, after: usize) -> Self {
        Self {
            top: self.top - before as isize,
            left: self.left - before as isize,
            rows: before + self.rows + after,
            columns: before + self.columns + after,
            ..*self
        }
    }

    pub(super) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Where tile `tile` of `patch` begins.
    pub(super) fn corner(&self, cut: Cut, patch: &Patch, tile: usize) -> usize {
        let (row, column) = (tile / patch.columns, tile % patch.columns);
        row * cut.step[0] * self.columns + column * cut.step[1]
    }

    /// The row of the picture that is row `row` of the window.
    pub(super) fn picture_row(&self, row: usize, planes: &Planes) -> Option<usize> {
        let row = usize::try_from(self.top + row as isize).ok()?;
        (row < planes.height).then_some(row)
    }

    /// The rows inside of the picture, if they are whole and shorter than `lanes` pixels.
    fn narrow_rows(&self, planes: &Planes, lanes: usize) -> Option<NarrowRows> {
        let (outside, _, inside) = self.picture_columns(planes);
        if inside != planes.width || planes.width >= lanes {
            return None;
        }
        let row = |row: isize| usize::try_from(row).unwrap_or(0).min(planes.height);
        let (top, bottom) = (row(self.top), row(self.top + self.rows as isize));
        Some(NarrowRows {
            pixels: top * planes.width..bottom * planes.width,
            width: planes.width,
            columns: self.columns,
            origin: outside as isize - self.top * self.columns as isize,
        })
    }

    /// First column inside of the picture, in the window and in the picture, and the number of such columns.
    pub(super) fn picture_columns(&self, planes: &Planes) -> (usize, usize, usize) {
        let outside = usize::try_from(-self.left).unwrap_or(0);
        let first = usize::try_from(self.left).unwrap_or(0);
        (outside, first, (self.columns - outside).min(planes.width - first))
    }
}

/// Whole rows of a picture that are shorter than a vector, so that several are handled at a time.
struct NarrowRows {
    /// Within the picture, one row behind the other.
    pixels: Range<usize>,
    width: usize,
    /// Columns of the window, and where the picture's first pixel is in it, counted from the window's first or before it.
    columns: usize,
    origin: isize,
}

impl NarrowRows {
    /// Where a pixel of the picture is in the window.
    #[inline(always)]
    fn position(&self, pixel: usize) -> usize {
        (self.origin + (pixel / self.width * self.columns + pixel % self.width) as isize) as usize
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
    let first_plane = window.image * planes.channels + first_channel;
    if let Some(run) = window.narrow_rows(planes, lanes) {
        target[..window.pixels()].fill(zero);
        for pixel in run.pixels.clone().step_by(lanes) {
            let start = first_plane * planes.pixels() + pixel;
            let square = read_square(simd, &values[start..], planes.pixels(), present);
            for (pixel, vector) in (pixel..run.pixels.end).zip(&square[..lanes]) {
                target[run.position(pixel)] = *vector;
            }
        }
        return;
    }
    let (outside, first, inside) = window.picture_columns(planes);
    for (row, target) in target.chunks_exact_mut(window.columns).take(window.rows).enumerate() {
        let Some(picture_row) = window.picture_row(row, planes) else {
            target.fill(zero);
            continue;
        };
        target[..outside].fill(zero);
        target[outside + inside..].fill(zero);
        let start = first_plane * planes.pixels() + picture_row * planes.width + first;
        for (chunk, target) in target[outside..outside + inside].chunks_mut(lanes).enumerate() {
            let square = read_square(simd, &values[start + chunk * lanes..], planes.pixels(), present);
            // A loop, for a copy of a few vectors whose number is not known is a call.
            for (target, vector) in target.iter_mut().zip(&square[..lanes]) {
                *target = *vector;
            }
        }
    }
}

/// Continues the picture in `pixels` of `window` by one row and one column on each side, as in a mirror whose edge is not
/// repeated.
#[inline(always)]
pub(super) fn mirror<V: Copy>(planes: &Planes, window: &Window, pixels: &mut [V]) {
    let (outside, first, inside) = window.picture_columns(planes);
    let columns = outside + inside;
    for row in pixels.chunks_exact_mut(window.columns).take(window.rows) {
        if outside > 0 {
            row[outside - 1] = row[outside + 1];
        }
        if first + inside == planes.width && columns < window.columns {
            row[columns] = row[columns - 2];
        }
    }
    let row_at = |row: isize| usize::try_from(row - window.top).ok().filter(|row| *row < window.rows);
    let height = planes.height as isize;
    for (to, from) in [(-1, 1), (height, height - 2)] {
        if let (Some(to), Some(from)) = (row_at(to), row_at(from)) {
            pixels.copy_within(from * window.columns..(from + 1) * window.columns, to * window.columns);
        }
    }
}

/// One vector of neighboring pixels for each of `channels` planes, turned to vectors of channels.
#[inline(always)]
fn read_square<S: Lanes>(simd: S, values: &[f32], distance: usize, channels: usize) -> [S::f32s; MAX_LANES] {
    let mut square = [simd.splat_f32s(0.0); MAX_LANES];
    for (lane, row) in square.iter_mut().enumerate().take(channels) {
        // What lies beyond the pixels asked for is loaded along where it can be, and not looked at.
        let source = &values[lane * distance..];
        *row = load(simd, source);
    }
    simd.transpose(&mut square[..S::F32_LANES]);
    square
}

/// Where features are written to, and what happens to them there.
pub(super) struct Destination<'a> {
    pub(super) planes: Planes,
    pub(super) finish: Option<&'a Finish<&'a [f32]>>,
    pub(super) values: SharedSlice<'a, f32>,
}

impl Destination<'_> {
    /// Writes neighboring pixels, one in each vector of `square`, to as many planes as there are `channels` from
    /// `first_plane` on; adds them to what is there if they are only a part.
    #[inline(always)]
    fn write<S: Lanes>(
        &self,
        simd: S,
        square: &mut [S::f32s; MAX_LANES],
        (first_plane, channels): (usize, usize),
        pixels: &Range<usize>,
        adds: bool,
    ) {
        let area = self.planes.pixels();
        simd.transpose(&mut square[..S::F32_LANES]);
        for (lane, row) in square.iter().enumerate().take(channels) {
            let plane = first_plane + lane;
            #[expect(unsafe_code, reason = "tasks write parts of one result that are not contiguous")]
            // SAFETY: the caller of `scatter` vouches that no other task touches these pixels.
            let target = unsafe { self.values.part(plane * area + pixels.start, pixels.len()) };
            let mut row = *row;
            if adds {
                row = simd.add_f32s(simd.partial_load_f32s(target), row);
            }
            if let Some(finish) = self.finish {
                row = finished(simd, finish, plane, area, pixels, row);
            }
            if target.len() == S::F32_LANES {
                target.copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(&row)));
            } else {
                simd.partial_store_f32s(target, row);
            }
        }
    }
}

/// Copies `[rows][columns]` vectors of one block of channels to the pixels of `window` inside of the picture; the first
/// and the last row are added to what is there if they overlap those of windows above and below, `after` which they are written.
///
/// No other task may write to these pixels meanwhile.
#[inline(always)]
pub(super) fn scatter<S: Lanes>(
    simd: S,
    destination: &Destination<'_>,
    source: &[S::f32s],
    block: usize,
    window: &Window,
    after: [bool; 2],
) {
    let planes = &destination.planes;
    let lanes = S::F32_LANES;
    let zero = simd.splat_f32s(0.0);
    let first_channel = block * lanes;
    let channels =
        (window.image * planes.channels + first_channel, lanes.min(planes.channels - first_channel));
    if let Some(run) = window.narrow_rows(planes, lanes).filter(|_| after == [false; 2]) {
        for pixel in run.pixels.clone().step_by(lanes) {
            let pixels = pixel..run.pixels.end.min(pixel + lanes);
            let mut square = [zero; MAX_LANES];
            for (pixel, vector) in pixels.clone().zip(&mut square[..lanes]) {
                *vector = source[run.position(pixel)];
            }
            destination.write(simd, &mut square, channels, &pixels, false);
        }
        return;
    }
    let (outside, first, inside) = window.picture_columns(planes);
    for (row, source) in source.chunks_exact(window.columns).take(window.rows).enumerate() {
        let Some(picture_row) = window.picture_row(row, planes) else {
            continue;
        };
        let adds = (after[0] && row == 0) || (after[1] && row == window.rows - 1);
        for (chunk, source) in source[outside..outside + inside].chunks(lanes).enumerate() {
            let mut square = [zero; MAX_LANES];
            for (vector, source) in square[..lanes].iter_mut().zip(source) {
                *vector = *source;
            }
            let pixel = picture_row * planes.width + first + chunk * lanes;
            destination.write(simd, &mut square, channels, &(pixel..pixel + source.len()), adds);
        }
    }
}

/// Finishes some neighboring values of a plane, from its pixel `first` on, as [`Finish::part`] does.
#[inline(always)]
fn finished<S: Lanes>(
    simd: S,
    finish: &Finish<&[f32]>,
    plane: usize,
    area: usize,
    pixels: &Range<usize>,
    values: S::f32s,
) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let (signs, values, slope) = match finish {
        Finish::Activate { bias, noise, slope } => {
            let bias = simd.splat_f32s(bias[plane % bias.len()]);
            let values = match noise {
                None => simd.add_f32s(values, bias),
                Some((strength, noise)) => {
                    let strength = simd.splat_f32s(strength[plane % strength.len()]);
                    let noise = load(simd, &noise.of(plane)[pixels.clone()]);
                    simd.add_f32s(simd.mul_add_f32s(noise, strength, values), bias)
                }
            };
            (values, values, *slope)
        }
        Finish::Mask(y) => (load(simd, &y[plane * area..][pixels.clone()]), values, SLOPE),
    };
    let is_positive = simd.greater_than_or_equal_f32s(signs, zero);
    simd.select_f32s(is_positive, values, simd.mul_f32s(values, simd.splat_f32s(slope as f32)))
}
