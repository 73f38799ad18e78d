//! Transforms of a weight that never changes, kept from one use to the next.
//!
//! To transform a filter takes as long as some dozens of its products. Where a picture has thousands of pixels that is nothing;
//! where a network draws one picture after the other, or looks at one again and again, it is most of the time of its small sides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::filters::{self, Reading};
use super::lanes::Lanes;
use super::scheme::Scheme;
use crate::conv::Geometry;
use crate::conv::scratch::Lines;

/// Most pixels in a batch for tiles of a single one, and for those of two. Larger tiles take fewer products; but their filters are
/// 1.8 and 4 times as large as the weight, and all of them are read for the few tiles that there are.
const MOST_PIXELS_OF_ONE: usize = 32;
const MOST_PIXELS_OF_TWO: usize = 128;

/// The transforms of one weight, as it lies and transposed, of the scheme that each was done by at least twice and last: each at
/// most four times as large as the weight.
#[derive(Debug, Default)]
pub(crate) struct FrozenFilters {
    /// Whether few pixels are convolved by smaller tiles than otherwise, which round otherwise.
    is_of_few_pixels: bool,
    last: [Mutex<Last>; 2],
}

/// The last use of a weight.
#[derive(Debug, Default)]
struct Last {
    /// Of the scheme's tiles, which tells it from others.
    products: usize,
    /// None after the first use, which may be the only one.
    filters: Option<Arc<Lines>>,
}

/// A scheme whose filters are smaller.
pub(super) enum FewPixels {
    One,
    Two,
}

impl FrozenFilters {
    /// Those of a network that looks at few pixels, which it convolves by smaller tiles than otherwise.
    pub(in crate::conv) fn of_few_pixels() -> Self {
        Self { is_of_few_pixels: true, ..Self::default() }
    }

    /// The scheme, if it is another than otherwise.
    pub(super) fn few_pixels(&self, geometry: &Geometry) -> Option<FewPixels> {
        let pixels = geometry.batch * geometry.output.pixels();
        if !self.is_of_few_pixels || pixels > MOST_PIXELS_OF_TWO {
            None
        } else if pixels > MOST_PIXELS_OF_ONE {
            Some(FewPixels::Two)
        } else {
            Some(FewPixels::One)
        }
    }

    /// The transforms of this weight, which is always the same; none the first time.
    pub(super) fn of<S: Lanes, F: Scheme>(
        &self,
        simd: S,
        geometry: &Geometry,
        weight: &[f32],
        reading: Reading,
    ) -> Option<Arc<Lines>> {
        {
            let mut last = self.last(reading);
            if last.products != F::PRODUCTS {
                *last = Last { products: F::PRODUCTS, filters: None };
                return None;
            }
            if let Some(filters) = &last.filters {
                return Some(Arc::clone(filters));
            }
        }
        // Not under the lock: a thread that waits for others' panels may take up another convolution meanwhile.
        let filters = Arc::new(filters::transformed::<S, F>(simd, geometry, weight, reading));
        *self.last(reading) = Last { products: F::PRODUCTS, filters: Some(Arc::clone(&filters)) };
        Some(filters)
    }

    fn last(&self, reading: Reading) -> MutexGuard<'_, Last> {
        self.last[usize::from(reading.is_transposed)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
