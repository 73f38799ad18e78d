//! Where the intermediate values lie.
//!
//! All buffers are of vectors. The products of a tile lie far apart, and powers of two are common among the
//! sizes: without odd distances (counted in cache lines) they would all compete for the same few places in
//! the cache.

use pulp::Simd;

use super::lanes::Lanes;
use super::scheme::Scheme;

/// Vectors in a cache line of 64 bytes, at least one.
const fn line<S: Simd>() -> usize {
    16_usize.div_ceil(S::F32_LANES)
}

/// `vectors`, rounded up to an odd number of cache lines.
fn odd_lines<S: Simd>(vectors: usize) -> usize {
    (vectors.div_ceil(line::<S>()) | 1) * line::<S>()
}

/// Blocks of channels, one vector wide, that hold `channels`.
pub(super) fn blocks<S: Simd>(channels: usize) -> usize {
    channels.div_ceil(S::F32_LANES)
}

/// Panels of channels, one product wide, that hold `channels`.
pub(super) fn panels<S: Lanes>(channels: usize) -> usize {
    channels.div_ceil(S::PANEL)
}

/// Transformed tiles: `[blocks of channels][products][tiles]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileLayout {
    pub(super) product_stride: usize,
    pub(super) block_stride: usize,
}

impl TileLayout {
    pub(super) fn new<S: Simd, F: Scheme>(tiles: usize) -> Self {
        let product_stride = odd_lines::<S>(tiles);
        Self { product_stride, block_stride: odd_lines::<S>(F::PRODUCTS * product_stride) }
    }
}

/// Transformed filters, or the gradient of them: `[panels][values of a filter][input channels][vectors]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilterLayout {
    pub(super) product_stride: usize,
    pub(super) panel_stride: usize,
    /// Vectors in one value of the filters of one panel.
    pub(super) product_len: usize,
}

impl FilterLayout {
    pub(super) fn new<S: Lanes, F: Scheme>(in_channels: usize) -> Self {
        let product_len = blocks::<S>(in_channels) * S::PANEL;
        let product_stride = odd_lines::<S>(product_len);
        Self { product_stride, panel_stride: F::FILTERS * product_stride, product_len }
    }
}
