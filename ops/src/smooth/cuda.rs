//! Filters along both axes of pictures, on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::{ApplySmooth, Smooth, Way};
use crate::cuda::{Argument, Gpu, NOTHING, Value, View};
use crate::finish::Finish;
use crate::finish::cuda::noise_arguments;
use crate::leaky_relu::SLOPE;

/// Most rows of a result that one thread computes. With the three more that they are made of, they are read four at a
/// time.
const ROWS: usize = 13;

/// Which filter, of those that `smooth.cu` knows by number.
#[derive(Clone, Copy)]
enum Taps {
    Neighbors = 0,
    BlurThenNeighbors = 1,
    NeighborsThenBlur = 2,
    Blur = 3,
}

impl<T: Value> ApplySmooth for Gpu<T> {
    fn smooth(
        &self,
        smooth: Smooth,
        x: View<'_, T>,
        sides: [usize; 2],
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let (taps, before) = match (smooth.blur, smooth.way) {
            (false, Way::Grow) => (Taps::Neighbors, 2),
            (false, Way::Shrink) => (Taps::Neighbors, 1),
            (true, Way::Grow) => (Taps::BlurThenNeighbors, 2),
            (true, Way::Shrink) => (Taps::NeighborsThenBlur, 1),
        };
        let out = sides.map(|side| smooth.len(side));
        self.filtered(x, sides, out, taps, before, smooth.scale(), finish)
    }
}

impl<T: Value> Gpu<T> {
    /// See [`blur`](crate::blur).
    pub(crate) fn blurred(&self, x: View<'_, T>, sides: [usize; 2]) -> Result<CudaSlice<T>> {
        self.filtered(x, sides, sides, Taps::Blur, 1, 1. / 16., None)
    }

    #[expect(clippy::too_many_arguments, reason = "it says what the kernel is told")]
    fn filtered(
        &self,
        x: View<'_, T>,
        [height, width]: [usize; 2],
        [out_height, out_width]: [usize; 2],
        taps: Taps,
        before: usize,
        scale: f64,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let planes = x.len() / (height * width).max(1);
        let mut y = self.context.allocate(planes * out_height * out_width)?;
        let (bias, noise, mask, slope) = match finish {
            None => (None, None, NOTHING, SLOPE),
            Some(&Finish::Activate { bias, noise, slope }) => (Some(bias), noise, NOTHING, slope),
            Some(&Finish::Mask(y)) => (None, None, y.into(), SLOPE),
        };
        let [strength, noise, noise_stride] = noise_arguments(noise);
        let rows = out_height.div_ceil(out_height.div_ceil(ROWS).max(1)).max(1);
        let sizes = [height, width, out_height, out_width, taps as usize, before, rows].map(Argument::from);
        let finishing = [scale.into(), bias.into(), strength, noise, mask];
        let channels = bias.map_or(1, View::len).into();
        let counts = [channels, planes.into(), noise_stride, slope.into()];
        let arguments: Vec<Argument> =
            [x.into(), (&mut y).into()].into_iter().chain(sizes).chain(finishing).chain(counts).collect();
        let threads = planes * out_height.div_ceil(rows) * out_width.div_ceil(4);
        self.launch_for("filtered", threads, 1, &arguments)?;
        Ok(y)
    }
}
