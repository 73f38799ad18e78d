//! What an optimizer does to the weights, in place: one launch for many tensors.

use std::cell::Cell;

use candle_core::cuda_backend::cudarc::driver::sys::CUdeviceptr;
use candle_core::{CpuStorage, CudaDevice, CudaStorage, DType, InplaceOp1, Layout, Result, Tensor, bail};

use super::{AdamSlot, AdamSteps, AdamUpdate};
use crate::cuda::{Argument, Gpu, Row, TABLE_ROWS, Value, address, address_of};

/// Runs `$body` with `$gpu` standing for the GPU of a tensor, with values of its type.
macro_rules! on_gpu_of {
    ($name:expr, $tensor:expr, $gpu:ident => $body:expr) => {{
        let device = $tensor.device().as_cuda_device()?;
        match $tensor.dtype() {
            DType::F32 => {
                let $gpu = Gpu::<f32>::new(device)?;
                $body
            }
            DType::F64 => {
                let $gpu = Gpu::<f64>::new(device)?;
                $body
            }
            dtype => bail!("{}: {dtype:?} is not supported", $name),
        }
    }};
}

/// One step of Adam, unless a number is not finite; without a first moment, the gradient is it. Gradients are contiguous.
pub(super) fn adam_update(
    slots: &[AdamSlot<'_>],
    loss: &Tensor,
    steps: &AdamSteps,
    update: &AdamUpdate,
) -> Result<()> {
    let dtype = slots.first().map_or(loss.dtype(), |slot| slot.parameter.dtype());
    let loss = loss.to_dtype(dtype)?;
    on_gpu_of!("adam-update", loss, gpu => gpu.adam(slots, &loss, steps, update))
}

/// Limits every value to `-limit ..= limit`, unless the step was skipped.
pub(super) fn clamp_update(parameters: &[&Tensor], limit: f64, steps: &AdamSteps) -> Result<()> {
    let Some(first) = parameters.first() else { return Ok(()) };
    let rows = parameters.iter().map(|&parameter| [Some(parameter)]);
    on_gpu_of!("clamp-update", first, gpu => gpu.launch_rows("clamp", rows, &[state(steps)?, limit.into()]))
}

/// `average = live + (average - live) * beta` for each pair; what lives is contiguous.
pub(super) fn ema_update(pairs: &[(&Tensor, Tensor)], beta: f64) -> Result<()> {
    let Some((first, _)) = pairs.first() else { return Ok(()) };
    let rows = pairs.iter().map(|(average, live)| [Some(*average), Some(live)]);
    on_gpu_of!("ema-update", first, gpu => gpu.launch_rows("ema", rows, &[beta.into()]))
}

/// Adds up, unless a step was skipped.
pub(super) fn tally_update(tally: &Tensor, values: &[&Tensor], adam_steps: [&AdamSteps; 2]) -> Result<()> {
    let Some(first) = values.first() else { return Ok(()) };
    if values.len() > TABLE_ROWS {
        bail!("tally-update: {} numbers are more than a kernel can be told of", values.len());
    }
    let sums = Argument::Address(changed::<f64>(tally)?);
    let rows = values.iter().map(|&value| [Some(value)]);
    let others = [state(adam_steps[0])?, state(adam_steps[1])?, sums];
    on_gpu_of!("tally-update", first, gpu => gpu.launch_rows("tally", rows, &others))
}

/// Whether all values of all tensors are finite, which waits for the GPU to be done.
pub(super) fn all_are_finite(device: &CudaDevice, tensors: &[&Tensor]) -> Result<bool> {
    let mut found = device.alloc_zeros::<f64>(1)?;
    let tensors = tensors.iter().map(|tensor| tensor.contiguous()).collect::<Result<Vec<_>>>()?;
    let (singles, others): (Vec<_>, Vec<_>) = tensors.iter().partition(|tensor| tensor.dtype() == DType::F32);
    Gpu::<f32>::new(device)?.find_not_finite(singles, (&mut found).into())?;
    Gpu::<f64>::new(device)?.find_not_finite(others, (&mut found).into())?;
    Ok(device.clone_dtoh(&found)? == [0.])
}

impl<T: Value> Gpu<T> {
    fn adam(
        &self,
        slots: &[AdamSlot<'_>],
        loss: &Tensor,
        steps: &AdamSteps,
        update: &AdamUpdate,
    ) -> Result<()> {
        let &AdamUpdate { beta1, beta2, epsilon, learning_rate } = update;
        let found = Argument::Address(address_of::<f64>(changed::<f64>(steps.state())?, AdamSteps::FOUND));
        self.find_not_finite(std::iter::once(loss).chain(slots.iter().map(|slot| slot.gradient)), found)?;
        let arguments = [state(steps)?, beta1.into(), beta2.into(), learning_rate.into()];
        self.context.launch::<T>("advance", [1; 3], [1; 2], &arguments)?;
        let rows = slots.iter().map(|slot| {
            [Some(slot.parameter), slot.first_moment, Some(slot.second_moment), Some(slot.gradient)]
        });
        self.launch_rows("adam", rows, &[state(steps)?, beta1.into(), beta2.into(), epsilon.into()])
    }

    /// Sets `found` to one if a value is infinite or no number.
    fn find_not_finite<'a>(
        &self,
        tensors: impl IntoIterator<Item = &'a Tensor>,
        found: Argument,
    ) -> Result<()> {
        self.launch_rows("find_not_finite", tensors.into_iter().map(|x| [Some(x)]), &[found])
    }

    /// Starts a kernel that is told of rows of tensors of the same size.
    fn launch_rows<'a, const N: usize>(
        &self,
        kernel: &'static str,
        rows: impl IntoIterator<Item = [Option<&'a Tensor>; N]>,
        others: &[Argument],
    ) -> Result<()> {
        self.launch_table(kernel, &rows.into_iter().map(row::<T, N>).collect::<Result<Vec<_>>>()?, others)
    }
}

fn row<T: Value, const N: usize>(tensors: [Option<&Tensor>; N]) -> Result<Row> {
    let mut row = Row::default();
    for (index, tensor) in tensors.into_iter().enumerate() {
        let Some(tensor) = tensor else { continue };
        row[index] = changed::<T>(tensor)?;
        row[4] = tensor.elem_count() as u64;
    }
    Ok(row)
}

fn state(steps: &AdamSteps) -> Result<Argument> {
    changed::<f64>(steps.state()).map(Argument::Address)
}

/// Where the values of a contiguous tensor lie, for as long as the tensor is there.
fn changed<T: Value>(tensor: &Tensor) -> Result<CUdeviceptr> {
    let lookup = AddressLookup { find: find_address::<T>, address: Cell::new(0) };
    tensor.inplace_op1(&lookup)?;
    Ok(lookup.address.get())
}

fn find_address<T: Value>(storage: &mut CudaStorage, layout: &Layout) -> Result<CUdeviceptr> {
    match layout.contiguous_offsets() {
        Some((start, _)) => Ok(address_of::<T>(address(storage.as_cuda_slice_mut::<T>()?), start)),
        None => bail!("expected a contiguous tensor to change in place, got {layout:?}"),
    }
}

/// Changes nothing, but tells where it could be done.
struct AddressLookup {
    find: fn(&mut CudaStorage, &Layout) -> Result<CUdeviceptr>,
    address: Cell<CUdeviceptr>,
}

impl InplaceOp1 for AddressLookup {
    fn name(&self) -> &'static str {
        "address-lookup"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        bail!("expected a tensor on a GPU to change in place")
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> Result<()> {
        self.address.set((self.find)(storage, layout)?);
        Ok(())
    }
}
