//! What an optimizer does to the weights, in place.

use std::cell::Cell;

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, sys::CUdeviceptr};
use candle_core::{
    CpuStorage, CudaDevice, CudaStorage, DType, InplaceOp1, Layout, Result, Storage, Tensor, bail,
};

use super::Gpu;
use super::values::{Argument, Float, NOTHING, address, address_of};
use crate::update::AdamUpdate;

/// One step of Adam; without a first moment, the gradient is it. The gradient is contiguous.
pub(crate) fn adam_update(
    parameter: &Tensor,
    first_moment: Option<&Tensor>,
    second_moment: &Tensor,
    gradient: &Tensor,
    update: &AdamUpdate,
) -> Result<()> {
    match parameter.dtype() {
        DType::F32 => adam::<f32>(parameter, first_moment, second_moment, gradient, update),
        DType::F64 => adam::<f64>(parameter, first_moment, second_moment, gradient, update),
        dtype => bail!("adam-update: {dtype:?} is not supported"),
    }
}

fn adam<T: Float>(
    parameter: &Tensor,
    first_moment: Option<&Tensor>,
    second_moment: &Tensor,
    gradient: &Tensor,
    update: &AdamUpdate,
) -> Result<()> {
    let gpu = Gpu::<T>::new(parameter.device().as_cuda_device()?)?;
    let len = parameter.elem_count();
    let first_moment = first_moment.map(changed::<T>).transpose()?;
    gpu.launch_for(
        "adam",
        len,
        4,
        &[
            changed::<T>(parameter)?,
            first_moment.unwrap_or(NOTHING),
            changed::<T>(second_moment)?,
            changed::<T>(gradient)?,
            len.into(),
            update.beta1.into(),
            update.beta2.into(),
            update.epsilon.into(),
            update.step_size.into(),
        ],
    )
}

/// Limits every value to `-limit ..= limit`.
pub(crate) fn clamp_update(parameter: &Tensor, limit: f64) -> Result<()> {
    match parameter.dtype() {
        DType::F32 => clamp::<f32>(parameter, limit),
        DType::F64 => clamp::<f64>(parameter, limit),
        dtype => bail!("clamp-update: {dtype:?} is not supported"),
    }
}

fn clamp<T: Float>(parameter: &Tensor, limit: f64) -> Result<()> {
    let gpu = Gpu::<T>::new(parameter.device().as_cuda_device()?)?;
    let len = parameter.elem_count();
    gpu.launch_for("clamp", len, 4, &[changed::<T>(parameter)?, len.into(), limit.into()])
}

impl<T: Float> Gpu<T> {
    /// `average = live + (average - live) * beta`
    pub(crate) fn ema(
        &self,
        average: &mut CudaStorage,
        layout: &Layout,
        live: &CudaStorage,
        live_layout: &Layout,
        beta: f64,
    ) -> Result<()> {
        let live = self.view(live, live_layout)?;
        let target = Argument::Address(place::<T>(average, layout)?);
        self.launch_for("ema", live.len(), 4, &[target, live.into(), live.len().into(), beta.into()])
    }

    /// Sets `found` to one if a value is infinite or no number.
    fn find_not_finite(&self, x: &CudaStorage, layout: &Layout, found: &mut CudaSlice<u32>) -> Result<()> {
        let x = self.view(x, layout)?;
        self.launch_for("find_not_finite", x.len(), 4, &[x.into(), x.len().into(), found.into()])
    }
}

/// Whether all values of all tensors are finite, which waits for the GPU to be done.
pub(crate) fn all_are_finite<'a>(
    device: &CudaDevice,
    tensors: impl IntoIterator<Item = &'a Tensor>,
) -> Result<bool> {
    let mut found = device.alloc_zeros::<u32>(1)?;
    for tensor in tensors {
        let tensor = tensor.contiguous()?;
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else { bail!("all-finite: expected tensors on one GPU") };
        match tensor.dtype() {
            DType::F32 => Gpu::<f32>::new(device)?.find_not_finite(storage, layout, &mut found)?,
            DType::F64 => Gpu::<f64>::new(device)?.find_not_finite(storage, layout, &mut found)?,
            dtype => bail!("all-finite: {dtype:?} is not supported"),
        }
    }
    Ok(device.clone_dtoh(&found)? == [0])
}

/// The values of a tensor, which are there for as long as the tensor is.
fn changed<T: Float>(tensor: &Tensor) -> Result<Argument> {
    let place = Place { find: place::<T>, address: Cell::new(0) };
    tensor.inplace_op1(&place)?;
    Ok(Argument::Address(place.address.get()))
}

fn place<T: Float>(storage: &mut CudaStorage, layout: &Layout) -> Result<CUdeviceptr> {
    match layout.contiguous_offsets() {
        Some((start, _)) => Ok(address_of::<T>(address(storage.as_cuda_slice_mut::<T>()?), start)),
        None => bail!("expected a contiguous tensor to change in place, got {layout:?}"),
    }
}

/// Changes nothing, but tells where it could be done.
struct Place {
    find: fn(&mut CudaStorage, &Layout) -> Result<CUdeviceptr>,
    address: Cell<CUdeviceptr>,
}

impl InplaceOp1 for Place {
    fn name(&self) -> &'static str {
        "place"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        bail!("expected a tensor on a GPU to change in place")
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> Result<()> {
        self.address.set((self.find)(storage, layout)?);
        Ok(())
    }
}
