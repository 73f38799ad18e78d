//! The gradient with respect to the weight.

use std::ops::Range;

use rayon::prelude::*;

use super::SHARED_FILTER_BYTES;
use super::filters;
use super::forward::transform_input;
use super::lanes::Lanes;
use super::layout::{self, FilterLayout, TileLayout};
use super::pixels::{self, Window};
use super::product::Corner;
use super::scheme::GradientScheme;
use super::tiles::{self, Block};
use crate::conv::Geometry;
use crate::conv::output::SharedSlice;
use crate::conv::scratch::with_scratch;
use crate::loops::{Inlined, total, zeros};

/// Bytes of transformed tiles that a task of its own should not exceed.
const BLOCK_BYTES: usize = 512 << 10;

/// Bytes of transformed tiles that are shared by all tasks should not exceed.
const SHARED_TILE_BYTES: usize = 16 << 20;

/// Fewest and most tiles in a block of one task.
const BLOCK_TILES: (usize, usize) = (32, 128);

/// Most partial sums, each of which covers a fixed share of the blocks.
const MAX_PARTIALS: usize = 16;

/// Input channels of a task that shares its tiles.
const SHARED_CHANNELS: usize = 64;

/// The gradient of the convolution that `geometry` describes.
pub(super) fn run<S: Lanes, F: GradientScheme>(
    simd: S,
    geometry: &Geometry,
    x: &[f32],
    g: &[f32],
) -> Vec<f32> {
    let gradient = WeightGradient { geometry, x, g, panels: layout::panels::<S>(geometry.output.channels) };
    let sum_bytes = gradient.panels
        * FilterLayout::new::<S, F>(geometry.input.channels).panel_stride
        * size_of::<S::f32s>();
    if sum_bytes <= SHARED_FILTER_BYTES {
        gradient.in_partials::<S, F>(simd)
    } else {
        gradient.sharing_tiles::<S, F>(simd)
    }
}

struct WeightGradient<'a> {
    geometry: &'a Geometry,
    x: &'a [f32],
    g: &'a [f32],
    panels: usize,
}

impl WeightGradient<'_> {
    /// Bytes of one transformed tile of both factors.
    fn tile_bytes<S: Lanes, F: GradientScheme>(&self) -> usize {
        let channel_blocks = layout::blocks::<S>(self.geometry.input.channels) + self.panels * S::VECTORS;
        F::PRODUCTS * channel_blocks * size_of::<S::f32s>()
    }

    /// One task for every share of the blocks of tiles, each with a sum of its own.
    fn in_partials<S: Lanes, F: GradientScheme>(&self, simd: S) -> Vec<f32> {
        let geometry = self.geometry;
        let len = geometry.weight_len();
        let most = tiles::count::<F>(geometry).div_ceil(MAX_PARTIALS);
        let target = (BLOCK_BYTES / self.tile_bytes::<S, F>()).min(most).clamp(BLOCK_TILES.0, BLOCK_TILES.1);
        let blocks = tiles::blocks::<F>(geometry, target);
        let share = blocks.len().div_ceil(MAX_PARTIALS);
        let mut partials = zeros(blocks.len().div_ceil(share) * len);
        partials
            .par_chunks_exact_mut(len)
            .zip(blocks.par_chunks(share))
            .with_max_len(1)
            .for_each(|(partial, blocks)| self.partial::<S, F>(simd, blocks, &SharedSlice::new(partial)));
        total(partials, len)
    }

    /// The gradient of some blocks of tiles.
    fn partial<S: Lanes, F: GradientScheme>(&self, simd: S, blocks: &[Block], target: &SharedSlice<f32>) {
        let in_channels = self.geometry.input.channels;
        let filter_layout = FilterLayout::new::<S, F>(in_channels);
        let in_blocks = layout::blocks::<S>(in_channels);
        with_scratch(self.panels * filter_layout.panel_stride, |sums: &mut [S::f32s]| {
            for (number, block) in blocks.iter().enumerate() {
                let layout = TileLayout::new::<S, F>(block.tiles);
                let len = (in_blocks + self.panels * S::VECTORS) * layout.block_stride;
                with_scratch(len, |factors: &mut [S::f32s]| {
                    for (index, target) in factors.chunks_exact_mut(layout.block_stride).enumerate() {
                        self.transform::<S, F>(simd, block, layout, index, target);
                    }
                    let (input, gradient) = factors.split_at(in_blocks * layout.block_stride);
                    let panels = gradient.chunks_exact(S::VECTORS * layout.block_stride);
                    for (gradient, sums) in panels.zip(sums.chunks_exact_mut(filter_layout.panel_stride)) {
                        multiply::<S, F>(simd, block, input, gradient, in_channels, sums, number > 0);
                    }
                });
            }
            for (panel, sums) in sums.chunks_exact(filter_layout.panel_stride).enumerate() {
                self.finish::<S, F>(simd, sums, 0..in_channels, panel, false, target);
            }
        });
    }

    /// One task for every panel of output channels and some input channels, one large block of tiles after
    /// another.
    fn sharing_tiles<S: Lanes, F: GradientScheme>(&self, simd: S) -> Vec<f32> {
        let geometry = self.geometry;
        let mut result = zeros(geometry.weight_len());
        let shared = SharedSlice::new(&mut result);
        let in_blocks = layout::blocks::<S>(geometry.input.channels);
        let target = SHARED_TILE_BYTES / self.tile_bytes::<S, F>();
        for (number, block) in tiles::blocks::<F>(geometry, target).iter().enumerate() {
            let layout = TileLayout::new::<S, F>(block.tiles);
            let len = (in_blocks + self.panels * S::VECTORS) * layout.block_stride;
            with_scratch(len, |factors: &mut [S::f32s]| {
                factors.par_chunks_exact_mut(layout.block_stride).enumerate().for_each(|(index, target)| {
                    self.transform::<S, F>(simd, block, layout, index, target);
                });
                let (input, gradient) = factors.split_at(in_blocks * layout.block_stride);
                let slices = geometry.input.channels.div_ceil(SHARED_CHANNELS);
                (0..self.panels * slices).into_par_iter().with_max_len(1).for_each(|task| {
                    let (panel, slice) = (task / slices, task % slices);
                    let ins =
                        slice * SHARED_CHANNELS..((slice + 1) * SHARED_CHANNELS).min(geometry.input.channels);
                    let filter_layout = FilterLayout::new::<S, F>(ins.len());
                    with_scratch(filter_layout.panel_stride, |sums: &mut [S::f32s]| {
                        let first_block = ins.start / S::F32_LANES;
                        let used = layout::blocks::<S>(ins.len()) * layout.block_stride;
                        let input = &input[first_block * layout.block_stride..][..used];
                        let gradient = &gradient[panel * S::VECTORS * layout.block_stride..];
                        multiply::<S, F>(simd, block, input, gradient, ins.len(), sums, false);
                        self.finish::<S, F>(simd, sums, ins, panel, number > 0, &shared);
                    });
                });
            });
        }
        result
    }

    /// Transforms one block of input channels, or, after these, of output channels.
    fn transform<S: Lanes, F: GradientScheme>(
        &self,
        simd: S,
        block: &Block,
        layout: TileLayout,
        index: usize,
        target: &mut [S::f32s],
    ) {
        match index.checked_sub(layout::blocks::<S>(self.geometry.input.channels)) {
            None => transform_input::<S, F>(simd, self.geometry, self.x, block, layout, index, target),
            Some(channel_block) if channel_block * S::F32_LANES < self.geometry.output.channels => {
                self.transform_gradient::<S, F>(simd, block, layout, channel_block, target);
            }
            Some(_) => target.fill(simd.splat_f32s(0.0)),
        }
    }

    fn transform_gradient<S: Lanes, F: GradientScheme>(
        &self,
        simd: S,
        block: &Block,
        layout: TileLayout,
        channel_block: usize,
        target: &mut [S::f32s],
    ) {
        for (first_tile, patch) in block.numbered() {
            let window = Window::new(F::OUTPUT, &patch);
            with_scratch(window.pixels(), |buffer: &mut [S::f32s]| {
                simd.vectorize(Inlined(
                    #[inline(always)]
                    || {
                        pixels::gather(simd, &self.geometry.output, self.g, channel_block, &window, buffer);
                        for tile in 0..patch.tiles() {
                            let source = &buffer[window.corner(F::OUTPUT, &patch, tile)..];
                            let target = &mut target[first_tile + tile..];
                            F::output_adjoint(simd, source, window.columns, target, layout.product_stride);
                        }
                    },
                ));
            });
        }
    }

    fn finish<S: Lanes, F: GradientScheme>(
        &self,
        simd: S,
        sums: &[S::f32s],
        ins: Range<usize>,
        panel: usize,
        add: bool,
        target: &SharedSlice<f32>,
    ) {
        simd.vectorize(Inlined(
            #[inline(always)]
            || filters::finish_panel::<S, F>(simd, self.geometry, sums, &ins, panel, add, target),
        ));
    }
}

/// The products of some input channels of a block of tiles with one panel of gradients, `[values of a
/// filter][channels][vectors]`, which may be added to what `sums` holds.
fn multiply<S: Lanes, F: GradientScheme>(
    simd: S,
    block: &Block,
    input: &[S::f32s],
    gradient: &[S::f32s],
    in_channels: usize,
    sums: &mut [S::f32s],
    adds: bool,
) {
    let (tiles, layout) = (block.tiles, TileLayout::new::<S, F>(block.tiles));
    let filter_layout = FilterLayout::new::<S, F>(in_channels);
    simd.vectorize(Inlined(
        #[inline(always)]
        || {
            for product in 0..F::PRODUCTS {
                let is_first = (0..product).all(|earlier| F::filter_of(earlier) != F::filter_of(product));
                let sums = &mut sums[F::filter_of(product) * filter_layout.product_stride..]
                    [..filter_layout.product_len];
                for (corner, sums) in sums.chunks_exact_mut(S::CORNER * S::VECTORS).enumerate() {
                    let channel = corner * S::CORNER;
                    let block = channel / S::F32_LANES * layout.block_stride;
                    simd.corner(Corner {
                        input: &input[block + product * layout.product_stride..][..tiles],
                        lane: channel % S::F32_LANES,
                        gradient: &gradient[product * layout.product_stride..],
                        gradient_stride: layout.block_stride,
                        sums,
                        adds: adds || !is_first,
                    });
                }
            }
        },
    ));
}
