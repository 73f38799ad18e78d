//! Norms on a GPU, and the gradients behind them and behind what precedes them in a layer.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::Normalize;
use crate::cuda::{Argument, Gpu, Lanes, NOTHING, PartialSums, Parts, Value, View, address, address_of};
use crate::feature_layout::FeatureLayout;
use crate::leaky_relu::SLOPE;
use crate::planes::{NoisePlanes, Planes};

/// What the gradient behind a plane's epilogue is made of.
pub(crate) struct PlaneGrad<'a, T> {
    pub(crate) g: View<'a, T>,
    /// What was normalized, and what the leaky `ReLU` left.
    pub(crate) y: View<'a, T>,
    /// The epsilon of the norm, if there was one, and its style.
    pub(crate) norm: Option<(f64, Option<View<'a, T>>)>,
    /// Whether there was a leaky `ReLU`, with noise before it.
    pub(crate) noise: Option<NoisePlanes<View<'a, T>>>,
}

impl<T: Value> Normalize for Gpu<T> {
    fn normalize(
        &self,
        x: View<'_, T>,
        style: Option<View<'_, T>>,
        planes: Planes,
        epsilon: f64,
    ) -> Result<CudaSlice<T>> {
        if planes.layout == FeatureLayout::Nhwc {
            return self.normalized_last(x, style, planes, epsilon);
        }
        let parts = Parts::of(x.len(), planes.pixels());
        let partials = self.moments(x, None, parts)?;
        let mut y = self.context.allocate(x.len())?;
        let values =
            [x.into(), View::of(&partials).into(), style.into(), (&mut y).into(), planes.channels.into()];
        let arguments = values.into_iter().chain(parts.arguments()).chain([epsilon.into()]);
        self.launch_parts("normalized", parts, arguments)?;
        Ok(y)
    }

    fn normalize_grad(
        &self,
        x: View<'_, T>,
        style: Option<View<'_, T>>,
        g: View<'_, T>,
        planes: Planes,
        epsilon: f64,
    ) -> Result<CudaSlice<T>> {
        let step = PlaneGrad { g, y: x, norm: Some((epsilon, style)), noise: None };
        let (len, style_len) = (g.len(), style.map_or(0, View::len));
        let mut gradients = self.context.allocate::<T>(len + style_len)?;
        let target = address(&mut gradients);
        let style_grad = Argument::Address(address_of::<T>(target, len));
        self.plane_grad(&step, planes, Argument::Address(target), style_grad)?;
        Ok(gradients)
    }
}

impl<T: Value> Gpu<T> {
    /// What `normalized` and `plane_grad` need to know of each part of a plane.
    fn moments(&self, x: View<'_, T>, g: Option<View<'_, T>>, parts: Parts) -> Result<CudaSlice<f64>> {
        let mut partials = self.context.allocate(4 * parts.blocks())?;
        let arguments = [x.into(), g.into(), (&mut partials).into()].into_iter().chain(parts.arguments());
        self.launch_parts("moments", parts, arguments)?;
        Ok(partials)
    }

    /// The step itself, and the sums that it leaves beside noise.
    pub(crate) fn plane_grad(
        &self,
        step: &PlaneGrad<'_, T>,
        planes: Planes,
        dx: Argument,
        style_grad: Argument,
    ) -> Result<PartialSums> {
        if planes.layout == FeatureLayout::Nhwc {
            return self.grad_last(step, planes, dx, style_grad);
        }
        let &PlaneGrad { g, y, norm, noise } = step;
        let parts = Parts::of(g.len(), planes.pixels());
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
            planes.channels.into(),
        ];
        // Scale and shift stand in their gradient as in the style, not side by side.
        let is_paired = 0usize;
        let rest = [
            noise.as_ref().map_or(0, NoisePlanes::stride).into(),
            is_paired.into(),
            epsilon.into(),
            noise.as_ref().map_or(1., |_| SLOPE).into(),
        ];
        self.launch_parts("plane_grad", parts, values.into_iter().chain(parts.arguments()).chain(rest))?;
        Ok(PartialSums { partials, planes: parts.planes(), splits: parts.splits(), kinds })
    }
}

/// The same of channels that lie one behind the other.
impl<T: Value> Gpu<T> {
    fn normalized_last(
        &self,
        x: View<'_, T>,
        style: Option<View<'_, T>>,
        planes: Planes,
        epsilon: f64,
    ) -> Result<CudaSlice<T>> {
        let lanes = Lanes::of::<T>(x.len() / planes.len().max(1), planes.channels, planes.pixels());
        let numbers = self.plane_numbers(x, None, (epsilon, style), NOTHING, lanes)?;
        let mut y = self.context.allocate(x.len())?;
        let values = [x.into(), View::of(&numbers).into(), (&mut y).into()];
        self.launch_planes("normalized_last", lanes, values, [])?;
        Ok(y)
    }

    fn grad_last(
        &self,
        &PlaneGrad { g, y, norm, noise }: &PlaneGrad<'_, T>,
        planes: Planes,
        dx: Argument,
        style_grad: Argument,
    ) -> Result<PartialSums> {
        let lanes = Lanes::of::<T>(g.len() / planes.len().max(1), planes.channels, planes.pixels());
        let numbers = norm
            .map(|norm| {
                let style_grad = if norm.1.is_some() { style_grad } else { NOTHING };
                self.plane_numbers(y, Some(g), norm, style_grad, lanes)
            })
            .transpose()?;
        let mut sums = self.partial_sums(lanes, if noise.is_some() { 2 } else { 0 })?;
        let values = [
            g.into(),
            y.into(),
            numbers.as_ref().map(View::of).into(),
            noise.as_ref().map(|noise| noise.noise).into(),
            dx,
            (&mut sums.partials).into(),
        ];
        let stride = noise.as_ref().map_or(0, NoisePlanes::stride).into();
        let slope = noise.as_ref().map_or(1., |_| SLOPE).into();
        self.launch_planes("grad_last", lanes, values, [stride, slope])?;
        Ok(sums)
    }
}
