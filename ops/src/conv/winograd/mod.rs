//! 3x3, 1x7 and 7x1 convolutions in f32 by Winograd's minimal filtering, up to four times fewer multiplications.
//!
//! A tile of a convolution that halves the sides takes 81 products for 16 outputs, where 16 outputs of a convolution
//! of four times the size, of which only a quarter is wanted, would take 144.
//!
//! Pictures are cut into tiles; tiles and filters are transformed; then each of the 16 or 36 products of a tile
//! is a matrix product over channels, of tiles and filters. Vectors hold neighboring channels throughout.
//!
//! Where all transformed filters fit into the cache, tasks share them and each works through blocks of
//! tiles. Where they do not, tasks share the transformed tiles and each works through panels of output
//! channels, whose filters never leave its cache.
//!
//! No result depends on the number of threads: each value is summed up by one task, or by a number of tasks
//! that depends on the sizes alone.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

mod filters;
mod forward;
mod frozen;
mod lanes;
mod layout;
mod pixels;
mod prefetch;
mod product;
mod scheme;
mod smoothing;
#[cfg(test)]
mod tests;
mod tiles;
mod weight_grad;

use filters::{Filters, Reading};
use frozen::FewPixels;
pub(crate) use frozen::FrozenFilters;
pub use lanes::vector_unit;
use lanes::{Lanes, on_vector_unit};
use scheme::{Across, Down, Four, Half, HalfAdjoint, One, Scheme, Two};

use super::{Geometry, Weight};
use crate::finish::Finish;

/// Transformed filters of at most so many bytes are shared by all tasks.
const SHARED_FILTER_BYTES: usize = 3 << 20;

/// Fewest channels on both sides that are worth the transforms.
const MIN_CHANNELS: usize = 8;

/// Longest side of a picture that is cut into tiles of two pixels.
const SMALL_SIDE: usize = 4;

/// Whether the convolution is one that [`forward`] and [`transpose`] do, and do faster than the plain way.
pub(super) fn suits(geometry: &Geometry) -> bool {
    matches!(geometry.kernel, [3, 3] | [1, 7] | [7, 1])
        && geometry.input.channels.min(geometry.output.channels) >= MIN_CHANNELS
        && geometry.batch > 0
        && geometry.output.height.min(geometry.output.width) >= 2
        && vector_unit().is_some()
}

/// The same for [`weight_grad`].
pub(super) fn suits_weight_grad(geometry: &Geometry) -> bool {
    geometry.kernel == [3, 3] && suits(geometry)
}

/// `conv2d` of contiguous values, and what follows it.
pub(super) fn forward(
    geometry: &Geometry,
    x: &[f32],
    weight: Weight<'_, &[f32]>,
    finish: Option<&Finish<&[f32]>>,
) -> Vec<f32> {
    let reading = Reading::FORWARD;
    let y = on_vector_unit!(simd => match geometry.stride {
        1 => at_every_pixel(simd, geometry, x, weight, reading, finish),
        _ => convolved::<_, Half>(simd, geometry, x, weight, reading, finish),
    });
    y.unwrap_or_default()
}

/// `conv2d_transpose` of contiguous values, and what follows it where tiles do not overlap.
pub(super) fn transpose(
    geometry: &Geometry,
    g: &[f32],
    weight: Weight<'_, &[f32]>,
    finish: Option<&Finish<&[f32]>>,
) -> Vec<f32> {
    let geometry = &geometry.transposed();
    let reading = Reading::adjoint(geometry.stride);
    let x = on_vector_unit!(simd => match geometry.stride {
        1 => at_every_pixel(simd, geometry, g, weight, reading, finish),
        _ => convolved::<_, HalfAdjoint>(simd, geometry, g, weight, reading, finish),
    });
    x.unwrap_or_default()
}

/// `conv2d_weight_grad` of contiguous values.
pub(super) fn weight_grad(geometry: &Geometry, x: &[f32], g: &[f32]) -> Vec<f32> {
    let gradient = on_vector_unit!(simd => match geometry.stride {
        1 if is_small(geometry) => weight_grad::run::<_, Two>(simd, geometry, x, g),
        1 => weight_grad::run::<_, Four>(simd, geometry, x, g),
        _ => weight_grad::run::<_, Half>(simd, geometry, x, g),
    });
    gradient.unwrap_or_default()
}

/// The convolution of stride 1, by the scheme for its kernel and its size.
fn at_every_pixel<S: Lanes>(
    simd: S,
    geometry: &Geometry,
    x: &[f32],
    weight: Weight<'_, &[f32]>,
    reading: Reading,
    finish: Option<&Finish<&[f32]>>,
) -> Vec<f32> {
    let few = weight.frozen.and_then(|frozen| frozen.few_pixels(geometry));
    match (geometry.kernel, few) {
        ([1, _], _) => convolved::<_, Across>(simd, geometry, x, weight, reading, finish),
        ([_, 1], _) => convolved::<_, Down>(simd, geometry, x, weight, reading, finish),
        (_, Some(FewPixels::One)) => convolved::<_, One>(simd, geometry, x, weight, reading, finish),
        (_, Some(FewPixels::Two)) => convolved::<_, Two>(simd, geometry, x, weight, reading, finish),
        _ if is_small(geometry) => convolved::<_, Two>(simd, geometry, x, weight, reading, finish),
        _ => convolved::<_, Four>(simd, geometry, x, weight, reading, finish),
    }
}

/// The convolution by a scheme, its filters transformed, or kept from before.
fn convolved<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    x: &[f32],
    weight: Weight<'_, &[f32]>,
    reading: Reading,
    finish: Option<&Finish<&[f32]>>,
) -> Vec<f32> {
    let reading = if weight.is_turned { reading.turned() } else { reading };
    let kept = weight.frozen.and_then(|frozen| frozen.of::<S, F>(simd, geometry, weight.values, reading));
    let filters = match &kept {
        Some(kept) => Filters::Transformed(kept),
        None => Filters::Of { weight: weight.values, reading },
    };
    forward::run::<S, F>(simd, geometry, x, filters, finish)
}

/// Whether a picture is so small that tiles of four pixels would be mostly empty.
fn is_small(geometry: &Geometry) -> bool {
    geometry.output.height.max(geometry.output.width) <= SMALL_SIDE
}
