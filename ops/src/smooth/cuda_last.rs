//! Filters along both axes of features whose channels lie one behind the other, on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::{Smooth, Way};
use crate::cuda::{Argument, Gpu, Lanes, NOTHING, Value, View};
use crate::finish::Finish;
use crate::finish::cuda::noise_arguments;
use crate::leaky_relu::SLOPE;
use crate::planes::Planes;

/// Rows for each thread, as `smooth_last.cu` has it.
const STRIP: usize = 8;
/// Most samples that a launch has blocks for; the blocks take turns beyond.
const SAMPLES: usize = 1 << 15;

impl<T: Value> Gpu<T> {
    /// The filters on features of these planes, and what follows them.
    pub(crate) fn smoothed_last(
        &self,
        smooth: Smooth,
        x: View<'_, T>,
        planes: Planes,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let Planes { channels, height, width, .. } = planes;
        let samples = x.len() / planes.len().max(1);
        let (kind, before) = match (smooth.blur, smooth.way) {
            (false, Way::Grow) => (0, 2),
            (false, Way::Shrink) => (0, 1),
            (true, Way::Grow) => (1, 2),
            (true, Way::Shrink) => (2, 1),
        };
        let [out_height, out_width] = [height, width].map(|side| smooth.len(side));
        let mut y = self.context.allocate(samples * channels * out_height * out_width)?;
        let (bias, noise, mask, slope) = match finish {
            None => (None, None, NOTHING, SLOPE),
            Some(&Finish::Activate { bias, noise, slope }) => (Some(bias), noise, NOTHING, slope),
            Some(&Finish::Mask(y)) => (None, None, y.into(), SLOPE),
        };
        let [strength, noise, noise_stride] = noise_arguments(noise);
        let ([across, along], groups) = Lanes::of::<T>(samples, channels, planes.pixels()).threads();
        // Half as many as elsewhere, since each holds many values.
        let threads = [across, (along / 2).max(1)];
        let sizes = [height, width, out_height, out_width, kind, before].map(Argument::from);
        let finishing = [smooth.scale().into(), bias.into(), strength, noise, mask];
        let counts = [channels.into(), samples.into(), groups.into(), noise_stride, slope.into()];
        let arguments: Vec<Argument> =
            [x.into(), (&mut y).into()].into_iter().chain(sizes).chain(finishing).chain(counts).collect();
        let blocks =
            [groups * out_width.div_ceil(threads[1]), out_height.div_ceil(STRIP), samples.min(SAMPLES)];
        self.context.launch::<T>("filtered_last", blocks, threads, &arguments)?;
        Ok(y)
    }
}
