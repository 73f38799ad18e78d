//! Leaky `ReLU` on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::{Activate, SLOPE};
use crate::cuda::{Gpu, Value, View};

impl<T: Value> Activate for Gpu<T> {
    fn leaky_relu(&self, x: View<'_, T>) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(x.len())?;
        let arguments = [x.into(), (&mut y).into(), x.len().into(), SLOPE.into()];
        self.launch_for("leaky_relu", x.len(), 4, &arguments)?;
        Ok(y)
    }

    fn leaky_relu_grad(&self, g: View<'_, T>, y: View<'_, T>) -> Result<CudaSlice<T>> {
        let mut dx = self.context.allocate(g.len())?;
        let len = g.len();
        self.launch_for("masked", len, 4, &[g.into(), y.into(), (&mut dx).into(), len.into(), SLOPE.into()])?;
        Ok(dx)
    }

    fn relu_grad(&self, g: View<'_, T>, y: View<'_, T>) -> Result<CudaSlice<T>> {
        let mut dx = self.context.allocate(g.len())?;
        self.launch_for("relu_grad", g.len(), 4, &[g.into(), y.into(), (&mut dx).into(), g.len().into()])?;
        Ok(dx)
    }
}
