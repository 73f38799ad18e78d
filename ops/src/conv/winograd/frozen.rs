//! Convolutions by a weight that never changes, whose transforms are kept from one use to the next.
//!
//! To transform a filter takes as long as some dozens of its products. Where a picture has thousands of pixels that is nothing;
//! where a network of others looks at one small picture again and again, it is most of the time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::filters::{self, Filters, Reading};
use super::forward;
use super::lanes::{Lanes, on_vector_unit};
use super::scheme::{Four, One, Scheme, Two};
use crate::conv::Geometry;
use crate::conv::scratch::Lines;
use crate::finish::Finish;

/// Most pixels in a batch for tiles of a single one, and for those of two. Larger tiles take fewer products; but their filters are
/// 1.8 and 4 times as large as the weight, and all of them are read for the few tiles that there are.
const MOST_PIXELS_OF_ONE: usize = 32;
const MOST_PIXELS_OF_TWO: usize = 128;

/// The transforms of one weight, for the convolution and for its adjoint, of the last scheme that each was done by: at most eight
/// times as large as the weight.
#[derive(Debug, Default)]
pub(crate) struct FrozenFilters([Mutex<Option<Kept>>; 2]);

#[derive(Debug)]
struct Kept {
    /// Of the scheme's tiles, which tells it from others.
    products: usize,
    filters: Arc<Lines>,
}

/// The 3x3 convolution of stride 1 that [`forward`](super::forward) does with this weight, or its `adjoint`, which
/// [`transpose`](super::transpose) does; `filters` are those of this weight alone.
pub(in crate::conv) fn frozen(
    geometry: &Geometry,
    adjoint: bool,
    x: &[f32],
    weight: &[f32],
    filters: &FrozenFilters,
    finish: Option<&Finish<&[f32]>>,
) -> Vec<f32> {
    let (geometry, reading) =
        if adjoint { (geometry.transposed(), Reading::adjoint(1)) } else { (*geometry, Reading::FORWARD) };
    let pixels = geometry.batch * geometry.output.pixels();
    let y = on_vector_unit!(simd => if pixels <= MOST_PIXELS_OF_ONE {
        filters.convolve::<_, One>(simd, &geometry, x, weight, reading, finish)
    } else if pixels <= MOST_PIXELS_OF_TWO {
        filters.convolve::<_, Two>(simd, &geometry, x, weight, reading, finish)
    } else {
        filters.convolve::<_, Four>(simd, &geometry, x, weight, reading, finish)
    });
    y.unwrap_or_default()
}

impl FrozenFilters {
    fn convolve<S: Lanes, F: Scheme>(
        &self,
        simd: S,
        geometry: &Geometry,
        x: &[f32],
        weight: &[f32],
        reading: Reading,
        finish: Option<&Finish<&[f32]>>,
    ) -> Vec<f32> {
        let before = self.of(reading).as_ref().filter(|kept| kept.products == F::PRODUCTS).map(Kept::share);
        let filters = before.unwrap_or_else(|| {
            // Not under the lock: a thread that waits for others' panels may take up another convolution meanwhile.
            let filters = Arc::new(filters::transformed::<S, F>(simd, geometry, weight, reading));
            *self.of(reading) = Some(Kept { products: F::PRODUCTS, filters: Arc::clone(&filters) });
            filters
        });
        forward::run::<S, F>(simd, geometry, x, Filters::Transformed(&filters), finish)
    }

    fn of(&self, reading: Reading) -> MutexGuard<'_, Option<Kept>> {
        self.0[usize::from(reading != Reading::FORWARD)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn share(&self) -> Arc<Lines> {
        Arc::clone(&self.filters)
    }
}
