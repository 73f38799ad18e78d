//! Features whose channels lie one behind the other, and how they are dealt out to threads.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::{Argument, Gpu, PartialSums, THREADS, Value, View};

/// Bytes that a thread reads at once.
const BYTES: usize = 16;
/// Pixels that a thread works on, so that what it knows of its channels serves many.
const PIXELS: usize = 16;
/// The same where there are few.
const FEW_PIXELS: usize = 4;
/// The same where they are summed up: to add up the sums of the threads of a block takes as long as some dozens of pixels.
const SUMMED_PIXELS: usize = 64;
/// Blocks that keep a large GPU busy.
const BLOCKS: usize = 512;

/// How samples are dealt out to blocks, see `last.cu`.
#[derive(Clone, Copy)]
pub(crate) struct Lanes {
    samples: usize,
    channels: usize,
    area: usize,
    /// Threads for neighboring channels and for neighboring pixels.
    threads: [usize; 2],
    /// Blocks for neighboring channels.
    groups: usize,
    /// Pixels of a part, and parts of a sample.
    part: usize,
    splits: usize,
}

impl Lanes {
    /// Of so many samples of so many channels of `area` pixels.
    pub(crate) fn of<T>(samples: usize, channels: usize, area: usize) -> Self {
        Self::with_most::<T>(PIXELS, samples, channels, area)
    }

    /// The same for sums over all pixels.
    fn summed<T>(self) -> Self {
        Self::with_most::<T>(SUMMED_PIXELS, self.samples, self.channels, self.area)
    }

    /// With so many pixels for a thread, or half as many again and again, until there are enough blocks.
    fn with_most<T>(most: usize, samples: usize, channels: usize, area: usize) -> Self {
        let lanes = (channels * size_of::<T>()).div_ceil(BYTES).max(1);
        let width = lanes.next_power_of_two().min(THREADS / 2);
        let threads = [width, THREADS / width];
        let groups = lanes.div_ceil(width);
        let splits = |pixels: usize| area.div_ceil(threads[1] * pixels);
        let mut pixels = most;
        while pixels > FEW_PIXELS && samples * groups * splits(pixels) < BLOCKS {
            pixels /= 2;
        }
        let (part, splits) = (threads[1] * pixels, splits(pixels));
        Self { samples, channels, area, threads, groups, part, splits }
    }

    /// Threads of a block, for neighboring channels and for neighboring pixels, and blocks for neighboring channels.
    pub(crate) fn threads(self) -> ([usize; 2], usize) {
        (self.threads, self.groups)
    }

    fn planes(self) -> usize {
        self.samples * self.channels
    }

    /// What the kernels are told of it.
    pub(crate) fn arguments(self) -> [Argument; 4] {
        [self.channels, self.area, self.part, self.splits].map(Argument::from)
    }

    /// The same for kernels that need to know how many planes there are.
    fn with_planes(self) -> impl Iterator<Item = Argument> {
        std::iter::once(self.planes().into()).chain(self.arguments())
    }
}

impl<T: Value> Gpu<T> {
    pub(crate) fn launch_lanes(
        &self,
        kernel: &'static str,
        lanes: Lanes,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Result<()> {
        let arguments: Vec<Argument> = arguments.into_iter().collect();
        let blocks = [lanes.samples * lanes.splits, lanes.groups, 1];
        self.context.launch::<T>(kernel, blocks, lanes.threads, &arguments)
    }

    /// The sums over parts of all pixels, for each channel.
    pub(crate) fn sums_last(&self, x: View<'_, T>, channels: usize) -> Result<PartialSums> {
        // Whose pixels they are does not matter.
        let lanes = Lanes::of::<T>(1, channels, x.len() / channels.max(1)).summed::<T>();
        let mut partials = self.context.allocate(channels * lanes.splits)?;
        let arguments = [x.into(), (&mut partials).into()].into_iter().chain(lanes.arguments());
        self.launch_lanes("sums_last", lanes, arguments)?;
        Ok(PartialSums { partials, planes: channels, splits: lanes.splits, kinds: 1 })
    }

    /// Room for so many sums of each part of each plane.
    pub(crate) fn partial_sums(&self, lanes: Lanes, kinds: usize) -> Result<PartialSums> {
        let partials = self.context.allocate((lanes.planes() * lanes.splits * kinds).max(1))?;
        Ok(PartialSums { partials, planes: lanes.planes(), splits: lanes.splits, kinds })
    }

    /// What a norm needs to know of each plane, `[6, planes]`; see `norm_last.cu`.
    pub(crate) fn plane_numbers(
        &self,
        x: View<'_, T>,
        g: Option<View<'_, T>>,
        (epsilon, style): (f64, Option<View<'_, T>>),
        style_grad: Argument,
        lanes: Lanes,
    ) -> Result<CudaSlice<T::Real>> {
        let lanes = lanes.summed::<T>();
        let mut moments = self.partial_sums(lanes, 4)?.partials;
        let arguments = [x.into(), g.into(), (&mut moments).into()].into_iter().chain(lanes.arguments());
        self.launch_lanes("moments_last", lanes, arguments)?;
        let mut numbers = self.context.allocate::<T::Real>(6 * lanes.planes())?;
        // Scale and shift stand in their gradient as in the style, not side by side.
        let is_paired = 0usize;
        let values = [View::of(&moments).into(), style.into(), (&mut numbers).into(), style_grad];
        let rest = [is_paired.into(), epsilon.into()];
        let arguments: Vec<_> = values.into_iter().chain(lanes.with_planes()).chain(rest).collect();
        self.context.launch::<T>("plane_numbers", [lanes.planes(), 1, 1], [32, 1], &arguments)?;
        Ok(numbers)
    }

    pub(crate) fn launch_planes(
        &self,
        kernel: &'static str,
        lanes: Lanes,
        values: impl IntoIterator<Item = Argument>,
        rest: impl IntoIterator<Item = Argument>,
    ) -> Result<()> {
        self.launch_lanes(kernel, lanes, values.into_iter().chain(lanes.with_planes()).chain(rest))
    }
}
