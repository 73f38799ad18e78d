//! The steps that layers are made of, on a GPU.

use std::ops::Range;

use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::{CudaStorage, Result, Storage, bail};

use super::Gpu;
use super::convolution::Operation;
use super::values::{Float, View};
use crate::activation::{Finish, NoisePlanes};
use crate::conv::geometry::{Geometry, Planes};
use crate::engine::Engine;

impl<T: Float> Gpu<T> {
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
            Some(smooth) => run(View::of(&self.smoothed(smooth, x, [height, width], None)?)),
        }
    }
}

impl<T: Float> Engine for Gpu<T> {
    type Values = CudaSlice<T>;
    type View<'a> = View<'a, T>;
    const PART_VALUES: usize = usize::MAX;

    fn kept<'a>(&self, storage: &'a Storage) -> Result<View<'a, T>> {
        match storage {
            Storage::Cuda(storage) => Ok(View::of(storage.as_cuda_slice()?)),
            _ => bail!("expected a tensor on a GPU, got one on {:?}", storage.device().location()),
        }
    }

    fn keep(&self, values: CudaSlice<T>) -> Storage {
        Storage::Cuda(CudaStorage::wrap_cuda_slice(values, self.context.device.clone()))
    }

    fn all<'a>(&self, values: &'a CudaSlice<T>) -> View<'a, T> {
        View::of(values)
    }

    fn part<'a: 'b, 'b>(&self, view: View<'a, T>, range: Range<usize>) -> View<'b, T> {
        view.part(range)
    }

    fn len(&self, view: View<'_, T>) -> usize {
        view.len()
    }

    fn copy(&self, view: View<'_, T>) -> Result<CudaSlice<T>> {
        self.joined(&[view])
    }

    fn zeros(&self, len: usize) -> Result<CudaSlice<T>> {
        self.context.device.alloc_zeros(len)
    }

    fn concat(&self, mut parts: Vec<CudaSlice<T>>) -> Result<CudaSlice<T>> {
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        self.joined(&parts.iter().map(View::of).collect::<Vec<_>>())
    }

    fn sum(&self, a: CudaSlice<T>, b: CudaSlice<T>) -> Result<CudaSlice<T>> {
        self.added(a, &b)
    }

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
            Some(smooth) => self.smoothed(smooth.adjoint(), View::of(&x), [height, width], finish),
        }
    }

    fn weight_grad(&self, geometry: &Geometry, x: View<'_, T>, g: View<'_, T>) -> Result<CudaSlice<T>> {
        self.with_input(geometry, x, |x| self.convolution(Operation::WeightGrad, geometry, x, g))
    }

    fn turned(&self, out_channels: usize, taps: usize, weight: View<'_, T>) -> Result<CudaSlice<T>> {
        Gpu::turned(self, out_channels, taps, weight)
    }

    fn masked(&self, g: View<'_, T>, y: View<'_, T>) -> Result<CudaSlice<T>> {
        Gpu::masked(self, g, y)
    }

    fn channel_sums(&self, x: View<'_, T>, channels: usize, area: usize) -> Result<CudaSlice<T>> {
        self.plane_sums(x, channels, area)
    }

    fn normalize(
        &self,
        x: View<'_, T>,
        style: View<'_, T>,
        planes: Planes,
        epsilon: f64,
    ) -> Result<CudaSlice<T>> {
        self.normalized(x, Some(style), planes.channels, planes.pixels(), epsilon)
    }

    fn epilogue_grad(
        &self,
        g: View<'_, T>,
        y: View<'_, T>,
        noise: &NoisePlanes<View<'_, T>>,
        style: Option<View<'_, T>>,
        epsilon: f64,
    ) -> Result<(CudaSlice<T>, CudaSlice<T>)> {
        self.layer_grad(g, y, *noise, style, epsilon)
    }
}
