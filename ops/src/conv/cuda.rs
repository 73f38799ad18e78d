//! Convolutions on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::cudnn::Operation;
use super::{Convolve, Geometry};
use crate::cuda::{Argument, Gpu, Value, View};
use crate::finish::Finish;
use crate::planes::Planes;
use crate::smooth::ApplySmooth;

impl<T: Value> Convolve for Gpu<T> {
    fn forward(
        &self,
        geometry: &Geometry,
        x: View<'_, T>,
        weight: View<'_, T>,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let y =
            self.with_input(geometry, x, |x| self.convolution(Operation::Forward, geometry, x, weight))?;
        self.finish(y, geometry.output.pixels(), finish)
    }

    fn transpose(
        &self,
        geometry: &Geometry,
        g: View<'_, T>,
        weight: View<'_, T>,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let Planes { height, width, .. } = geometry.input;
        let x = self.convolution(Operation::Transpose, geometry, g, weight)?;
        match geometry.smooth {
            None => self.finish(x, height * width, finish),
            Some(smooth) => self.smooth(smooth.adjoint(), View::of(&x), [height, width], finish),
        }
    }

    fn weight_grad(&self, geometry: &Geometry, x: View<'_, T>, g: View<'_, T>) -> Result<CudaSlice<T>> {
        self.with_input(geometry, x, |x| self.convolution(Operation::WeightGrad, geometry, x, g))
    }

    fn turned(&self, out_channels: usize, taps: usize, weight: View<'_, T>) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(weight.len())?;
        let in_channels = weight.len() / (out_channels * taps).max(1);
        let sizes = [out_channels, in_channels, taps].map(Argument::from);
        let arguments: Vec<_> = [weight.into(), (&mut y).into()].into_iter().chain(sizes).collect();
        self.launch_for("turned", weight.len(), 1, &arguments)?;
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
        let Planes { height, width, .. } = geometry.features();
        match geometry.smooth {
            None => run(x),
            Some(smooth) => run(View::of(&self.smooth(smooth, x, [height, width], None)?)),
        }
    }
}
