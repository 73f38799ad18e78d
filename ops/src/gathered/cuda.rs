//! Several tensors in one, on a GPU: one launch for all of them.

use candle_core::cuda_backend::CudaDType;
use candle_core::{CudaStorage, DType, Layout, Result, Storage, bail};
use half::bf16;

use super::{Exchange, Gathered, Scattered, WayBack};
use crate::cuda::{Gpu, Row, Value, View, address, address_of};

pub(super) fn gathered(op: &Gathered, storage: &CudaStorage, layout: &Layout) -> Result<CudaStorage> {
    match op.dtype {
        DType::F32 => Gpu::<f32>::new(&storage.device)?.gathered(op, storage, layout),
        DType::F64 => Gpu::<f64>::new(&storage.device)?.gathered(op, storage, layout),
        DType::BF16 => Gpu::<bf16>::new(&storage.device)?.gathered(op, storage, layout),
        dtype => bail!("gathered: {dtype:?} is not supported"),
    }
}

pub(super) fn scattered(op: &Scattered, storage: &CudaStorage, layout: &Layout) -> Result<CudaStorage> {
    match op.from {
        DType::F32 => Gpu::<f32>::new(&storage.device)?.scattered(op, storage, layout),
        DType::F64 => Gpu::<f64>::new(&storage.device)?.scattered(op, storage, layout),
        DType::BF16 => Gpu::<bf16>::new(&storage.device)?.scattered(op, storage, layout),
        dtype => bail!("scattered: {dtype:?} is not supported"),
    }
}

impl<T: Value> Gpu<T> {
    fn gathered(&self, op: &Gathered, storage: &CudaStorage, layout: &Layout) -> Result<CudaStorage> {
        let mut y = self.context.allocate::<T>(op.shape.elem_count())?;
        let mut to = address(&mut y);
        let mut rows = Vec::with_capacity(op.parts.len());
        op.each((storage, layout), on_gpu, |storage, layout, scale, exchange| {
            let from = view::<T::Real>(storage, layout)?;
            rows.push(row(from.address, to, scale, exchange, from.len()));
            to = address_of::<T>(to, from.len());
            Ok(())
        })?;
        self.launch_table("gathered", &rows, &[])?;
        Ok(CudaStorage::wrap_cuda_slice(y, self.context.device.clone()))
    }

    fn scattered(&self, op: &Scattered, storage: &CudaStorage, layout: &Layout) -> Result<CudaStorage> {
        let mut from = view::<T>(storage, layout)?.address;
        let mut y = self.context.allocate::<T::Real>(layout.shape().elem_count())?;
        let mut to = address(&mut y);
        let mut rows = Vec::with_capacity(op.ways.len());
        for &WayBack { len, scale, exchange } in &op.ways {
            rows.push(row(from, to, scale, exchange, len));
            (from, to) = (address_of::<T>(from, len), address_of::<T::Real>(to, len));
        }
        self.launch_table("scattered", &rows, &[])?;
        Ok(CudaStorage::wrap_cuda_slice(y, self.context.device.clone()))
    }
}

fn on_gpu(storage: &Storage) -> Result<&CudaStorage> {
    match storage {
        Storage::Cuda(storage) => Ok(storage),
        _ => bail!("gathered: the tensors are on different devices"),
    }
}

/// As `gathered.cu` has it.
fn row(from: u64, to: u64, scale: f64, [ins, taps]: Exchange, len: usize) -> Row {
    let sizes = if ins == 1 { 1 } else { (ins as u64) << 32 | taps as u64 };
    [from, to, scale.to_bits(), sizes, len as u64]
}

fn view<'a, T: CudaDType>(storage: &'a CudaStorage, layout: &Layout) -> Result<View<'a, T>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(View::of(storage.as_cuda_slice::<T>()?).part(start..end)),
        None => bail!("expected a contiguous tensor, got {layout:?}"),
    }
}
