//! Layouts in memory.

use candle_core::Result;

use super::ExchangeAxes;
use crate::engine::Cpu;
use crate::float::Float;

impl<T: Float> ExchangeAxes for Cpu<T> {
    fn exchanged(&self, x: &[T], rows: usize, columns: usize) -> Result<Vec<T>> {
        let matrices = x.chunks_exact((rows * columns).max(1));
        Ok(matrices
            .flat_map(|matrix| {
                (0..columns).flat_map(move |column| matrix[column..].iter().step_by(columns).copied())
            })
            .collect())
    }
}
