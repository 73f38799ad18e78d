//! Values on a GPU, and how work on them is started.

use std::ops::Range;

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::cuda_backend::cudarc::driver::result::memcpy_dtod_async;
use candle_core::{CudaStorage, Result, Storage, bail};

use super::Gpu;
use super::values::{Argument, Row, TABLE_ROWS, Value, View, address, address_of};
use crate::engine::Engine;

/// Threads of a block, where it does not matter.
pub(crate) const THREADS: usize = 256;
/// Blocks of a launch that share the values of one row of a table, at most.
const MOST_BLOCKS: usize = 256;

impl<T: Value> Engine for Gpu<T> {
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

    fn sum(&self, mut a: CudaSlice<T>, b: CudaSlice<T>) -> Result<CudaSlice<T>> {
        let len = a.len().min(b.len());
        self.launch_for("add_to", len, 4, &[(&mut a).into(), View::of(&b).into(), len.into()])?;
        Ok(a)
    }
}

impl<T: Value> Gpu<T> {
    /// Starts a kernel with a thread for every `each` of `len` values.
    pub(crate) fn launch_for(
        &self,
        kernel: &'static str,
        len: usize,
        each: usize,
        arguments: &[Argument],
    ) -> Result<()> {
        let blocks = len.div_ceil(each * THREADS);
        self.context.launch::<T>(kernel, [blocks, 1, 1], [THREADS, 1], arguments)
    }

    /// Starts a kernel that is told of the rows of a table, as often as it takes to tell it of all of them.
    pub(crate) fn launch_table(&self, kernel: &'static str, rows: &[Row], others: &[Argument]) -> Result<()> {
        for rows in rows.chunks(TABLE_ROWS) {
            let longest = rows.iter().map(|row| row[4] as usize).max().unwrap_or(0);
            let blocks = longest.div_ceil(4 * THREADS).min(MOST_BLOCKS);
            let mut table = Box::new([Row::default(); TABLE_ROWS]);
            table[..rows.len()].copy_from_slice(rows);
            let arguments: Vec<_> =
                std::iter::once(Argument::Table(table)).chain(others.iter().cloned()).collect();
            self.context.launch::<T>(kernel, [blocks, rows.len(), 1], [THREADS, 1], &arguments)?;
        }
        Ok(())
    }

    /// Copies, one behind the other.
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(crate) fn joined(&self, parts: &[View<'_, T>]) -> Result<CudaSlice<T>> {
        let mut all = self.context.allocate::<T>(parts.iter().map(|part| part.len()).sum())?;
        let (stream, mut target) = (self.context.device.cuda_stream(), address(&mut all));
        for part in parts.iter().filter(|part| part.len() > 0) {
            let bytes = part.len() * size_of::<T>();
            // SAFETY: the parts fill the memory that has been allocated for them.
            unsafe { memcpy_dtod_async(target, part.address, bytes, stream.cu_stream()) }.w()?;
            target = address_of::<T>(target, part.len());
        }
        Ok(all)
    }
}
