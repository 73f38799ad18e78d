//! Resampling on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::Resample;
use crate::cuda::{Gpu, Value, View};
use crate::planes::Planes;

impl<T: Value> Resample for Gpu<T> {
    fn repeat2x(&self, x: View<'_, T>, width: usize, scale: f64) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(4 * x.len())?;
        let arguments = [x.into(), (&mut y).into(), x.len().into(), width.into(), scale.into()];
        self.launch_for("repeat2x", x.len(), 1, &arguments)?;
        Ok(y)
    }

    fn sum2x2(&self, x: View<'_, T>, width: usize, scale: f64) -> Result<CudaSlice<T>> {
        let len = x.len() / 4;
        let mut y = self.context.allocate(len)?;
        let arguments = [x.into(), (&mut y).into(), len.into(), (width / 2).into(), scale.into()];
        self.launch_for("sum2x2", len, 1, &arguments)?;
        Ok(y)
    }

    fn blur(&self, x: View<'_, T>, planes: Planes) -> Result<CudaSlice<T>> {
        self.blurred(x, [planes.height, planes.width])
    }

    fn blend(&self, a: View<'_, T>, b: View<'_, T>, t: f64) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(a.len())?;
        let arguments = [a.into(), b.into(), (&mut y).into(), a.len().into(), t.into()];
        self.launch_for("blend", a.len(), 4, &arguments)?;
        Ok(y)
    }
}
