//! The convolution itself, which is also its own adjoint when it reads the weight so.

use std::ops::Range;

use rayon::prelude::*;

use super::SHARED_FILTER_BYTES;
use super::filters::{self, Filters};
use super::lanes::Lanes;
use super::layout::{self, FilterLayout, TileLayout};
use super::pixels::{self, Destination, Window};
use super::product::Strip;
use super::scheme::{Cut, Scheme};
use super::smoothing::{self, Source};
use super::tiles::{self, Block};
use crate::conv::Geometry;
use crate::conv::output::{SharedSlice, written};
use crate::conv::scratch::with_scratch;
use crate::finish::Finish;
use crate::loops::Inlined;

/// Bytes of transformed tiles that a task of its own should not exceed.
const BLOCK_BYTES: usize = 256 << 10;

/// Bytes of transformed tiles that are shared by all tasks should not exceed.
const SHARED_TILE_BYTES: usize = 12 << 20;

/// Fewest and most tiles in a block of one task.
const BLOCK_TILES: (usize, usize) = (16, 96);

/// Blocks that there should be at least, so that there is work for all threads.
const MIN_BLOCKS: usize = 16;

/// The convolution that `geometry` describes.
pub(super) fn run<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    x: &[f32],
    filters: Filters<'_>,
    finish: Option<&Finish<&[f32]>>,
) -> Vec<f32> {
    #[expect(unsafe_code, reason = "results are written to fresh memory, which a zeroing pass would cost")]
    // SAFETY: tiles cover every pixel, panels every channel, and rows that are added to were written by patches before.
    unsafe {
        written(geometry.output_len(), |y| write::<S, F>(simd, geometry, x, filters, finish, y))
    }
}

/// Writes the convolution to `y`, all of it.
fn write<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    x: &[f32],
    filters: Filters<'_>,
    finish: Option<&Finish<&[f32]>>,
    y: SharedSlice<'_, f32>,
) {
    let convolution = Convolution {
        geometry,
        filters,
        layout: FilterLayout::new::<S, F>(geometry.input.channels),
        destination: Destination { planes: geometry.output, finish, values: y },
    };
    let panels = layout::panels::<S>(geometry.output.channels);
    let panel_stride = convolution.layout.panel_stride;
    let channel_blocks = layout::blocks::<S>(geometry.input.channels);
    let tile_bytes = F::PRODUCTS * channel_blocks * size_of::<S::f32s>();
    if panels * panel_stride * size_of::<S::f32s>() <= SHARED_FILTER_BYTES {
        // One task for every block of tiles, with all filters.
        let most = tiles::count::<F>(geometry).div_ceil(MIN_BLOCKS);
        let target = (BLOCK_BYTES / tile_bytes).min(most).clamp(BLOCK_TILES.0, BLOCK_TILES.1);
        convolution.with_filters::<S, F>(simd, 0..panels, |all_filters| {
            let run = |block: &Block| {
                let layout = TileLayout::new::<S, F>(block.tiles);
                with_scratch(channel_blocks * layout.block_stride, |input: &mut [S::f32s]| {
                    for (channel_block, input) in input.chunks_exact_mut(layout.block_stride).enumerate() {
                        transform_input::<S, F>(simd, geometry, x, block, layout, channel_block, input);
                    }
                    for (panel, filters) in all_filters.chunks_exact(panel_stride).enumerate() {
                        convolution.finish_panel::<S, F>(simd, block, layout, input, panel, filters);
                    }
                });
            };
            // Blocks share rows with the block before and the one after, but not with the next but one.
            let turns = if F::OUTPUT.overlaps() { 2 } else { 1 };
            let blocks = tiles::blocks_in_turns::<F>(geometry, target, |block| block % turns);
            for turn in 0..turns {
                blocks[turn.min(blocks.len())..].par_iter().step_by(turns).with_max_len(1).for_each(run);
            }
        });
    } else {
        // One task for every panel of output channels, one large block of tiles after another.
        let target = SHARED_TILE_BYTES / tile_bytes;
        for block in tiles::blocks_in_turns::<F>(geometry, target, |block| block) {
            let layout = TileLayout::new::<S, F>(block.tiles);
            with_scratch(channel_blocks * layout.block_stride, |input: &mut [S::f32s]| {
                input.par_chunks_exact_mut(layout.block_stride).enumerate().for_each(
                    |(channel_block, input)| {
                        transform_input::<S, F>(simd, geometry, x, &block, layout, channel_block, input);
                    },
                );
                (0..panels).into_par_iter().with_max_len(1).for_each(|panel| {
                    convolution.with_filters::<S, F>(simd, panel..panel + 1, |filters| {
                        convolution.finish_panel::<S, F>(simd, &block, layout, input, panel, filters);
                    });
                });
            });
        }
    }
}

struct Convolution<'a> {
    geometry: &'a Geometry,
    filters: Filters<'a>,
    layout: FilterLayout,
    destination: Destination<'a>,
}

impl Convolution<'_> {
    /// Calls `work` with the transformed filters of some panels of output channels.
    fn with_filters<S: Lanes, F: Scheme>(
        &self,
        simd: S,
        panels: Range<usize>,
        work: impl FnOnce(&[S::f32s]),
    ) {
        let stride = self.layout.panel_stride;
        match self.filters {
            Filters::Of { weight, reading } => with_scratch(panels.len() * stride, |target| {
                filters::transform::<S, F>(simd, self.geometry, weight, reading, panels, target);
                work(target);
            }),
            Filters::Transformed(all) => {
                work(&all.values()[panels.start * stride..panels.end * stride]);
            }
        }
    }

    /// Multiplies, transforms back and writes one panel of output channels of `block`.
    fn finish_panel<S: Lanes, F: Scheme>(
        &self,
        simd: S,
        block: &Block,
        layout: TileLayout,
        input: &[S::f32s],
        panel: usize,
        filters: &[S::f32s],
    ) {
        with_scratch(S::VECTORS * layout.block_stride, |products: &mut [S::f32s]| {
            simd.vectorize(Inlined(
                #[inline(always)]
                || {
                    for product in 0..F::PRODUCTS {
                        let filters = &filters[F::filter_of(product) * self.layout.product_stride..]
                            [..self.layout.product_len];
                        let mut tile = 0;
                        while tile < block.tiles {
                            let start = product * layout.product_stride + tile;
                            let strip = Strip {
                                input: &input[start..],
                                input_stride: layout.block_stride,
                                filters,
                                output: &mut products[start..],
                                output_stride: layout.block_stride,
                            };
                            tile += simd.strip(strip, block.tiles - tile);
                        }
                    }
                },
            ));
            for (vector, products) in products.chunks_exact(layout.block_stride).enumerate() {
                let channel_block = panel * S::VECTORS + vector;
                if channel_block * S::F32_LANES < self.geometry.output.channels {
                    self.transform_output::<S, F>(simd, block, layout, channel_block, products);
                }
            }
        });
    }

    fn transform_output<S: Lanes, F: Scheme>(
        &self,
        simd: S,
        block: &Block,
        layout: TileLayout,
        channel_block: usize,
        products: &[S::f32s],
    ) {
        for (first_tile, patch) in block.numbered() {
            let window = Window::new(F::OUTPUT, &patch);
            with_scratch(window.pixels(), |buffer: &mut [S::f32s]| {
                simd.vectorize(Inlined(
                    #[inline(always)]
                    || {
                        if F::OUTPUT.overlaps() {
                            // All else is written before anything is added to it.
                            let zero = simd.splat_f32s(0.0);
                            buffer[..window.columns].fill(zero);
                            buffer.iter_mut().step_by(window.columns).for_each(|value| *value = zero);
                        }
                        for tile in 0..patch.tiles() {
                            let source = &products[first_tile + tile..];
                            let target = &mut buffer[window.corner(F::OUTPUT, &patch, tile)..];
                            F::output(simd, source, layout.product_stride, target, window.columns);
                        }
                        pixels::scatter(simd, &self.destination, buffer, channel_block, &window, patch.after);
                    },
                ));
            });
        }
    }
}

/// How tiles are cut out of this input: schemes of stride 1 count on a pixel of zeros around it, of which there may be more or
/// none.
fn input_cut<F: Scheme>(geometry: &Geometry) -> Cut {
    match geometry.stride {
        1 => Cut { before: geometry.padding, ..F::INPUT },
        _ => F::INPUT,
    }
}

/// Transforms all tiles of `block` in one block of input channels: `[products][tiles]`.
pub(super) fn transform_input<S: Lanes, F: Scheme>(
    simd: S,
    geometry: &Geometry,
    x: &[f32],
    block: &Block,
    layout: TileLayout,
    channel_block: usize,
    target: &mut [S::f32s],
) {
    for (first_tile, patch) in block.numbered() {
        let window = Window::new(input_cut::<F>(geometry), &patch);
        let working = geometry.smooth.map_or(0, |_| smoothing::working_len(&window));
        with_scratch(window.pixels() + working, |buffer: &mut [S::f32s]| {
            simd.vectorize(Inlined(
                #[inline(always)]
                || {
                    let (buffer, working) = buffer.split_at_mut(window.pixels());
                    if let Some(smooth) = geometry.smooth {
                        let source = Source { planes: geometry.features(), values: x, block: channel_block };
                        smoothing::gather(simd, smooth, &source, &window, working, buffer);
                    } else {
                        pixels::gather(simd, &geometry.input, x, channel_block, &window, buffer);
                        if geometry.is_mirrored {
                            pixels::mirror(&geometry.input, &window, buffer);
                        }
                    }
                    for tile in 0..patch.tiles() {
                        let source = &buffer[window.corner(F::INPUT, &patch, tile)..];
                        let target = &mut target[first_tile + tile..];
                        F::input(simd, source, window.columns, target, layout.product_stride);
                    }
                },
            ));
        });
    }
}
