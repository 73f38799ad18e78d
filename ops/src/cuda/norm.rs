//! Sums over planes, instance norm, and the gradients behind them.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::Gpu;
use super::pointwise::stride;
use super::values::{Argument, Float, NOTHING, View, address, address_of};
use crate::activation::{NoisePlanes, SLOPE};

/// Values of a plane that one block works on, so that a few large planes keep all of the GPU busy.
const PART: usize = 1 << 14;

/// How planes are dealt out to blocks.
#[derive(Clone, Copy)]
struct Parts {
    planes: usize,
    area: usize,
    splits: usize,
}

impl Parts {
    fn of(len: usize, area: usize) -> Self {
        Self { planes: len / area.max(1), area, splits: area.div_ceil(PART) }
    }

    fn blocks(self) -> usize {
        self.planes * self.splits
    }

    /// As many as there is work for, four values each.
    fn threads(self) -> usize {
        (self.area / 4).next_power_of_two().clamp(32, 256)
    }

    fn arguments(self) -> [Argument; 3] {
        [self.area.into(), PART.into(), self.splits.into()]
    }
}

/// What the gradient behind a plane's epilogue is made of.
struct PlaneGrad<'a, T> {
    g: View<'a, T>,
    /// What was normalized, and what the leaky `ReLU` left.
    y: View<'a, T>,
    /// The epsilon of the norm, if there was one, and its style.
    norm: Option<(f64, Option<View<'a, T>>)>,
    /// Whether scale and shift of a plane stand side by side in their gradient, or as in the style.
    is_paired: bool,
    /// Whether there was a leaky `ReLU`, with noise before it.
    noise: Option<NoisePlanes<View<'a, T>>>,
}

/// Sums over the parts of planes.
struct PartialSums {
    partials: CudaSlice<f64>,
    parts: Parts,
    /// Sums of each part.
    kinds: usize,
}

impl<T: Float> Gpu<T> {
    fn launch_parts(
        &self,
        kernel: &'static str,
        parts: Parts,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Result<()> {
        let arguments: Vec<Argument> = arguments.into_iter().collect();
        self.context.launch::<T>(kernel, [parts.blocks(), 1, 1], [parts.threads(), 1], &arguments)
    }

    /// Sums over all planes of a group: of each plane, if there are as many groups as planes, or of each channel.
    ///
    /// They go to `y`, the kinds of a group, or the groups of a kind, side by side.
    fn totals(&self, sums: &PartialSums, groups: usize, is_paired: bool, y: Argument) -> Result<()> {
        let PartialSums { partials, parts, kinds } = sums;
        let members = parts.planes / groups.max(1);
        let strides = if is_paired { [*kinds, 1] } else { [1, groups] };
        let sizes = [groups, members, parts.splits, *kinds].into_iter().chain(strides).map(Argument::from);
        let arguments: Vec<Argument> = [View::of(partials).into(), y].into_iter().chain(sizes).collect();
        self.context.launch::<T>("totals", [groups, 1, 1], [32, 1], &arguments)
    }

    /// The sum over each plane if there are as many groups as planes, or over all planes of each channel.
    pub(crate) fn plane_sums(&self, x: View<'_, T>, groups: usize, area: usize) -> Result<CudaSlice<T>> {
        let parts = Parts::of(x.len(), area);
        let mut partials = self.context.allocate(parts.blocks())?;
        let arguments = [x.into(), (&mut partials).into()].into_iter().chain(parts.arguments());
        self.launch_parts("plane_sums", parts, arguments)?;
        let mut y = self.context.allocate(groups)?;
        self.totals(&PartialSums { partials, parts, kinds: 1 }, groups, true, (&mut y).into())?;
        Ok(y)
    }

    /// What `normalized` and `plane_grad` need to know of each part of a plane.
    fn moments(&self, x: View<'_, T>, g: Option<View<'_, T>>, parts: Parts) -> Result<CudaSlice<f64>> {
        let mut partials = self.context.allocate(4 * parts.blocks())?;
        let arguments = [x.into(), g.into(), (&mut partials).into()].into_iter().chain(parts.arguments());
        self.launch_parts("moments", parts, arguments)?;
        Ok(partials)
    }

    /// `instance_norm_style`, or `instance_norm` without style.
    pub(crate) fn normalized(
        &self,
        x: View<'_, T>,
        style: Option<View<'_, T>>,
        channels: usize,
        area: usize,
        epsilon: f64,
    ) -> Result<CudaSlice<T>> {
        let parts = Parts::of(x.len(), area);
        let partials = self.moments(x, None, parts)?;
        let mut y = self.context.allocate(x.len())?;
        let values = [x.into(), View::of(&partials).into(), style.into(), (&mut y).into(), channels.into()];
        let arguments = values.into_iter().chain(parts.arguments()).chain([epsilon.into()]);
        self.launch_parts("normalized", parts, arguments)?;
        Ok(y)
    }

    /// The gradient behind a norm, then those of scale and shift for each plane if there is a style.
    pub(crate) fn normalized_grad(
        &self,
        x: View<'_, T>,
        style: Option<View<'_, T>>,
        g: View<'_, T>,
        channels: usize,
        area: usize,
        epsilon: f64,
    ) -> Result<CudaSlice<T>> {
        let step = PlaneGrad { g, y: x, norm: Some((epsilon, style)), is_paired: true, noise: None };
        let (len, style_len) = (g.len(), style.map_or(0, View::len));
        let mut packed = self.context.allocate::<T>(len + style_len)?;
        let target = address(&mut packed);
        let style_grad = Argument::Address(address_of::<T>(target, len));
        self.plane_grad(&step, channels, area, Argument::Address(target), style_grad)?;
        Ok(packed)
    }

    /// The gradient behind a leaky `ReLU`, then for each plane its products with the noise, summed up, and its sum.
    pub(crate) fn masked_and_noise_sums(
        &self,
        g: View<'_, T>,
        y: View<'_, T>,
        noise: NoisePlanes<View<'_, T>>,
    ) -> Result<CudaSlice<T>> {
        let NoisePlanes { channels, area, .. } = noise;
        let step = PlaneGrad { g, y, norm: None, is_paired: true, noise: Some(noise) };
        let (len, planes) = (g.len(), g.len() / area.max(1));
        let mut packed = self.context.allocate::<T>(len + 2 * planes)?;
        let target = address(&mut packed);
        let sums = self.plane_grad(&step, channels, area, Argument::Address(target), NOTHING)?;
        let pairs = Argument::Address(address_of::<T>(target, len));
        self.totals(&sums, planes, true, pairs)?;
        Ok(packed)
    }

    /// The gradient behind a layer's epilogue, and those of strength, bias and style, one behind the other.
    pub(super) fn layer_grad(
        &self,
        g: View<'_, T>,
        y: View<'_, T>,
        noise: NoisePlanes<View<'_, T>>,
        style: Option<View<'_, T>>,
        epsilon: f64,
    ) -> Result<(CudaSlice<T>, CudaSlice<T>)> {
        let NoisePlanes { channels, area, .. } = noise;
        let norm = style.map(|style| (epsilon, Some(style)));
        let step = PlaneGrad { g, y, norm, is_paired: false, noise: Some(noise) };
        let style_len = style.map_or(0, View::len);
        let mut dx = self.context.allocate(g.len())?;
        let mut parameters = self.context.allocate::<T>(2 * channels + style_len)?;
        let target = address(&mut parameters);
        let style_grad = Argument::Address(address_of::<T>(target, 2 * channels));
        let sums = self.plane_grad(&step, channels, area, (&mut dx).into(), style_grad)?;
        self.totals(&sums, channels, false, Argument::Address(target))?;
        Ok((dx, parameters))
    }

    /// The step itself, and the sums that it leaves beside noise.
    fn plane_grad(
        &self,
        step: &PlaneGrad<'_, T>,
        channels: usize,
        area: usize,
        dx: Argument,
        style_grad: Argument,
    ) -> Result<PartialSums> {
        let &PlaneGrad { g, y, norm, is_paired, noise } = step;
        let parts = Parts::of(g.len(), area);
        let moments = norm.map(|_| self.moments(y, Some(g), parts)).transpose()?;
        let (epsilon, style) = norm.unwrap_or((0., None));
        let kinds = if noise.is_some() { 2 } else { 0 };
        let mut partials = self.context.allocate((kinds * parts.blocks()).max(1))?;
        let values = [
            g.into(),
            y.into(),
            moments.as_ref().map(View::of).into(),
            style.into(),
            noise.as_ref().map(|noise| noise.noise).into(),
            dx,
            style_grad,
            (&mut partials).into(),
            channels.into(),
        ];
        let rest = [
            noise.as_ref().map_or(0, stride).into(),
            usize::from(is_paired).into(),
            epsilon.into(),
            noise.as_ref().map_or(1., |_| SLOPE).into(),
        ];
        self.launch_parts("plane_grad", parts, values.into_iter().chain(parts.arguments()).chain(rest))?;
        Ok(PartialSums { partials, parts, kinds })
    }
}
