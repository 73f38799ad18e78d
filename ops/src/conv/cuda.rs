//! Convolutions on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::cudnn::Operation;
use super::{Convolve, Geometry, Weight};
use crate::cuda::{Argument, Gpu, Value, View};
use crate::feature_layout::FeatureLayout;
use crate::feature_layout::cuda::TILE;
use crate::finish::Finish;
use crate::planes::Planes;
use crate::smooth::{ApplySmooth, Smooth};

impl<T: Value> Convolve for Gpu<T> {
    fn forward(
        &self,
        geometry: &Geometry,
        x: View<'_, T>,
        weight: Weight<'_, View<'_, T>>,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let y = self.with_straight(geometry, weight, |weight| {
            self.with_input(geometry, x, |x| self.convolution(Operation::Forward, geometry, x, weight))
        })?;
        self.finish(y, geometry.output, finish)
    }

    fn transpose(
        &self,
        geometry: &Geometry,
        g: View<'_, T>,
        weight: Weight<'_, View<'_, T>>,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let x = self.with_straight(geometry, weight, |weight| {
            self.convolution(Operation::Transpose, geometry, g, weight)
        })?;
        match geometry.smooth {
            None => self.finish(x, geometry.input, finish),
            Some(smooth) => self.smoothed(smooth.adjoint(), View::of(&x), geometry.input, finish),
        }
    }

    fn weight_grad(&self, geometry: &Geometry, x: View<'_, T>, g: View<'_, T>) -> Result<CudaSlice<T>> {
        self.with_input(geometry, x, |x| self.convolution(Operation::WeightGrad, geometry, x, g))
    }

    fn turned(&self, out: Planes, taps: usize, weight: View<'_, T>) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(weight.len())?;
        let [outs, ins] = [out.channels, weight.len() / (out.channels * taps).max(1)];
        let sizes = [outs, ins, taps].map(Argument::from);
        let arguments: Vec<_> = [weight.into(), (&mut y).into()].into_iter().chain(sizes).collect();
        match out.layout {
            FeatureLayout::Nchw => self.launch_for("turned", weight.len(), 1, &arguments)?,
            FeatureLayout::Nhwc => {
                let blocks = [ins.div_ceil(TILE[0]), outs.div_ceil(TILE[0]), taps];
                self.context.launch::<T>("turned_last", blocks, TILE, &arguments)?;
            }
        }
        Ok(y)
    }
}

impl<T: Value> Gpu<T> {
    /// What the convolution sees of features, which are smoothed first if the geometry says so.
    fn with_input<R>(
        &self,
        geometry: &Geometry,
        x: View<'_, T>,
        run: impl FnOnce(View<'_, T>) -> Result<R>,
    ) -> Result<R> {
        match geometry.smooth {
            None => run(x),
            Some(smooth) => run(View::of(&self.smoothed(smooth, x, geometry.features(), None)?)),
        }
    }

    /// Features of these planes smoothed, and what follows.
    fn smoothed(
        &self,
        smooth: Smooth,
        x: View<'_, T>,
        planes: Planes,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        match planes.layout {
            FeatureLayout::Nchw => self.smooth(smooth, x, [planes.height, planes.width], finish),
            FeatureLayout::Nhwc => self.smoothed_last(smooth, x, planes, finish),
        }
    }
}
