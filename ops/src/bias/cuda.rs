//! Biases on a GPU, and the sums that their gradients are.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::AddBias;
use crate::cuda::{Gpu, Value, View};
use crate::planes::Planes;

impl<T: Value> AddBias for Gpu<T> {
    fn add_bias(&self, x: View<'_, T>, bias: View<'_, T>, area: usize, slope: f64) -> Result<CudaSlice<T>> {
        self.activated(x, bias, None, area, slope)
    }

    fn channel_sums(&self, x: View<'_, T>, planes: Planes) -> Result<CudaSlice<T>> {
        self.sums_of_channels(x, planes)
    }
}
