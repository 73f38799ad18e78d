//! Noise on a GPU, and the gradient behind it.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::AddNoise;
use crate::cuda::{Argument, Gpu, Value, View, address, address_of};
use crate::leaky_relu::SLOPE;
use crate::norm::cuda::PlaneGrad;
use crate::planes::NoisePlanes;

impl<T: Value> AddNoise for Gpu<T> {
    fn add_noise(
        &self,
        x: View<'_, T>,
        noise: &NoisePlanes<View<'_, T>>,
        strength: View<'_, T>,
        bias: View<'_, T>,
    ) -> Result<CudaSlice<T>> {
        self.activated(x, bias, Some((strength, *noise)), noise.planes.pixels(), SLOPE)
    }

    fn epilogue_grad(
        &self,
        g: View<'_, T>,
        y: View<'_, T>,
        noise: &NoisePlanes<View<'_, T>>,
        style: Option<(View<'_, T>, f64)>,
    ) -> Result<CudaSlice<T>> {
        let channels = noise.planes.channels;
        let norm = style.map(|(style, epsilon)| (epsilon, Some(style)));
        let step = PlaneGrad { g, y, norm, noise: Some(*noise) };
        let (len, style_len) = (g.len(), style.map_or(0, |(style, _)| style.len()));
        let mut gradients = self.context.allocate::<T>(len + 2 * channels + style_len)?;
        let target = address(&mut gradients);
        let part = |start| Argument::Address(address_of::<T>(target, start));
        let sums = self.plane_grad(&step, noise.planes, part(0), part(len + 2 * channels))?;
        self.totals(&sums, channels, part(len))?;
        Ok(gradients)
    }
}
