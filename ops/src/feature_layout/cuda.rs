//! Layouts on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::ExchangeAxes;
use crate::cuda::{Gpu, Value, View};

/// Rows and columns that a block exchanges, and rows of its threads.
pub(crate) const TILE: [usize; 2] = [32, 8];
/// Most matrices that a launch has blocks for; the blocks take turns beyond.
const MATRICES: usize = 1 << 15;

impl<T: Value> ExchangeAxes for Gpu<T> {
    fn exchanged(&self, x: View<'_, T>, rows: usize, columns: usize) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(x.len())?;
        let count = x.len() / (rows * columns).max(1);
        let blocks = [columns.div_ceil(TILE[0]), rows.div_ceil(TILE[0]), count.min(MATRICES)];
        let arguments = [x.into(), (&mut y).into(), count.into(), rows.into(), columns.into()];
        self.context.launch::<T>("exchanged", blocks, TILE, &arguments)?;
        Ok(y)
    }
}
