//! Sums over planes, each of which may keep several blocks busy.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::{Argument, Gpu, Value, View};
use crate::feature_layout::FeatureLayout;
use crate::planes::Planes;

/// Values of a plane that one block works on, so that a few large planes keep all of the GPU busy.
const PART: usize = 1 << 14;

/// How planes are dealt out to blocks.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    planes: usize,
    area: usize,
    splits: usize,
}

impl Parts {
    pub(crate) fn of(len: usize, area: usize) -> Self {
        Self { planes: len / area.max(1), area, splits: area.div_ceil(PART) }
    }

    pub(crate) fn planes(self) -> usize {
        self.planes
    }

    pub(crate) fn splits(self) -> usize {
        self.splits
    }

    pub(crate) fn blocks(self) -> usize {
        self.planes * self.splits
    }

    /// As many as there is work for, four values each.
    fn threads(self) -> usize {
        (self.area / 4).next_power_of_two().clamp(32, 256)
    }

    pub(crate) fn arguments(self) -> [Argument; 3] {
        [self.area.into(), PART.into(), self.splits.into()]
    }
}

/// Sums over the parts of planes.
pub(crate) struct PartialSums {
    pub(crate) partials: CudaSlice<f64>,
    pub(crate) planes: usize,
    /// Parts of each plane.
    pub(crate) splits: usize,
    /// Sums of each part.
    pub(crate) kinds: usize,
}

impl<T: Value> Gpu<T> {
    pub(crate) fn launch_parts(
        &self,
        kernel: &'static str,
        parts: Parts,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Result<()> {
        let arguments: Vec<Argument> = arguments.into_iter().collect();
        self.context.launch::<T>(kernel, [parts.blocks(), 1, 1], [parts.threads(), 1], &arguments)
    }

    /// The sums over all planes of each channel go to `y`, one kind behind the other.
    pub(crate) fn totals(&self, sums: &PartialSums, channels: usize, y: Argument) -> Result<()> {
        let PartialSums { partials, planes, splits, kinds } = sums;
        let samples = planes / channels.max(1);
        let sizes = [channels, samples, *splits, *kinds, 1, channels].map(Argument::from);
        let arguments: Vec<Argument> = [View::of(partials).into(), y].into_iter().chain(sizes).collect();
        self.context.launch::<T>("totals", [channels, 1, 1], [32, 1], &arguments)
    }

    /// The sum over all pixels of each channel.
    pub(crate) fn sums_of_channels(&self, x: View<'_, T>, planes: Planes) -> Result<CudaSlice<T>> {
        let sums = match planes.layout {
            FeatureLayout::Nchw => self.sums_of_planes(x, planes.pixels())?,
            FeatureLayout::Nhwc => self.sums_last(x, planes.channels)?,
        };
        let mut y = self.context.allocate(planes.channels)?;
        self.totals(&sums, planes.channels, (&mut y).into())?;
        Ok(y)
    }

    fn sums_of_planes(&self, x: View<'_, T>, area: usize) -> Result<PartialSums> {
        let parts = Parts::of(x.len(), area);
        let mut partials = self.context.allocate(parts.blocks())?;
        let arguments = [x.into(), (&mut partials).into()].into_iter().chain(parts.arguments());
        self.launch_parts("plane_sums", parts, arguments)?;
        Ok(PartialSums { partials, planes: parts.planes, splits: parts.splits, kinds: 1 })
    }
}
