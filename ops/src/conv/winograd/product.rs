//! The innermost products: small matrices of sums that stay in registers.

use std::array;

use pulp::{Simd, bytemuck};

use super::prefetch::prefetch;

/// Bytes of filters that are asked for before they are needed: a page, beyond which processors do not look by themselves.
const AHEAD: usize = 4096;

/// Some tiles of one product, times the filters of as many output channels as registers hold.
pub(super) struct Strip<'a, S: Simd> {
    /// `[channel blocks][tiles][lanes]`, from the first tile of the strip on.
    pub(super) input: &'a [S::f32s],
    /// Vectors between blocks of channels in `input`.
    pub(super) input_stride: usize,
    /// `[input channels][vectors]`
    pub(super) filters: &'a [S::f32s],
    /// `[vectors][tiles]`, from the first tile of the strip on.
    pub(super) output: &'a mut [S::f32s],
    /// Vectors between vectors of channels in `output`.
    pub(super) output_stride: usize,
}

impl<S: Simd> Strip<'_, S> {
    /// `output[vector][tile] = sum of input[channel][tile] * filters[channel][vector]` for `TILES` tiles; returns
    /// their number.
    #[inline(always)]
    pub(super) fn multiply<const TILES: usize, const VECTORS: usize>(self, simd: S) -> usize {
        let lanes = S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; TILES];
        for (block, filters) in self.filters.chunks_exact(lanes * VECTORS).enumerate() {
            let input = &self.input[block * self.input_stride..][..TILES];
            // Those of the next block, which lies far away.
            prefetch(input.as_ptr().wrapping_add(self.input_stride), TILES);
            let input: &[f32] = bytemuck::cast_slice(input);
            for channel in 0..lanes {
                let filters = &filters[channel * VECTORS..][..VECTORS];
                prefetch(filters.as_ptr().wrapping_byte_add(AHEAD), VECTORS);
                for (tile, sums) in sums.iter_mut().enumerate() {
                    let input = simd.splat_f32s(input[tile * lanes + channel]);
                    for (sum, filter) in sums.iter_mut().zip(filters) {
                        *sum = simd.mul_add_f32s(input, *filter, *sum);
                    }
                }
            }
        }
        for vector in 0..VECTORS {
            let output = &mut self.output[vector * self.output_stride..][..TILES];
            for (output, sums) in output.iter_mut().zip(&sums) {
                *output = sums[vector];
            }
        }
        TILES
    }
}

/// Some input channels of one product, times the gradients of as many output channels as registers hold.
pub(super) struct Corner<'a, S: Simd> {
    /// `[tiles][lanes]` of one block of input channels.
    pub(super) input: &'a [S::f32s],
    /// First lane of `input` to take.
    pub(super) lane: usize,
    /// `[vectors][tiles]` of the gradients.
    pub(super) gradient: &'a [S::f32s],
    /// Vectors between vectors of channels in `gradient`.
    pub(super) gradient_stride: usize,
    /// `[channels][vectors]`, from the first channel of the corner on.
    pub(super) sums: &'a mut [S::f32s],
    /// Whether `sums` holds sums already, or anything.
    pub(super) adds: bool,
}

impl<S: Simd> Corner<'_, S> {
    /// `sums[channel][vector] (+)= sum of input[tile][channel] * gradient[vector][tile]` for `CHANNELS` channels.
    ///
    /// The sum over the tiles is complete before it is added: sums of sums round less than one long sum.
    #[inline(always)]
    pub(super) fn multiply<const CHANNELS: usize, const VECTORS: usize>(self, simd: S) {
        let lanes = S::F32_LANES;
        let tiles = self.input.len();
        let gradient: [&[S::f32s]; VECTORS] =
            array::from_fn(|vector| &self.gradient[vector * self.gradient_stride..][..tiles]);
        let input: &[f32] = bytemuck::cast_slice(self.input);
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; CHANNELS];
        for (tile, input) in input.chunks_exact(lanes).enumerate() {
            let input = &input[self.lane..][..CHANNELS];
            let gradient: [S::f32s; VECTORS] = array::from_fn(|vector| gradient[vector][tile]);
            for (input, sums) in input.iter().zip(&mut sums) {
                let input = simd.splat_f32s(*input);
                for (sum, gradient) in sums.iter_mut().zip(gradient) {
                    *sum = simd.mul_add_f32s(input, gradient, *sum);
                }
            }
        }
        for (total, sum) in self.sums.iter_mut().zip(sums.as_flattened()) {
            *total = if self.adds { simd.add_f32s(*total, *sum) } else { *sum };
        }
    }
}
