//! Values on their way to a GPU.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::driver::{
    CudaEvent, CudaSlice, CudaStream, DeviceRepr, PinnedHostSlice, ValidAsZeroBits,
};
use candle_core::cuda_backend::{CudaStorageSlice, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{
    CpuStorageRef, CudaDevice, CudaStorage, Device, Result, Shape, Storage, Tensor, WithDType,
};

use crate::cuda::Context;

/// Buffers of one length: so many uploads may be on their way before the host waits for the first of them.
const BUFFERS: usize = 3;

/// Copies from pinned memory, beside what the GPU computes.
struct Uploads {
    stream: Arc<CudaStream>,
    bytes: Buffers<u8>,
    floats: Buffers<f32>,
}

/// Buffers by their length, the one that was used least lately first.
type Buffers<T> = RefCell<HashMap<usize, VecDeque<Buffer<T>>>>;

/// Pinned memory, and when what was last in it will have been copied.
struct Buffer<T> {
    memory: PinnedHostSlice<T>,
    copied: CudaEvent,
}

/// A tensor of these values, which the host need not keep.
pub(super) fn upload<T: WithDType>(values: &[T], shape: Shape, device: &CudaDevice) -> Result<Tensor> {
    let uploads = || Context::of(device)?.kept(|context| Uploads::new(&context.device));
    let slice = match T::cpu_storage_ref(values) {
        CpuStorageRef::U8(values) => CudaStorageSlice::U8(uploads()?.start(values, device, |u| &u.bytes)?),
        CpuStorageRef::F32(values) => CudaStorageSlice::F32(uploads()?.start(values, device, |u| &u.floats)?),
        _ => return Tensor::from_slice(values, shape, &Device::Cuda(device.clone())),
    };
    let storage = Storage::Cuda(CudaStorage { slice, device: device.clone() });
    Ok(Tensor::from_storage(storage, shape, BackpropOp::none(), false))
}

impl Uploads {
    fn new(device: &CudaDevice) -> Result<Self> {
        let stream = device.cuda_stream().context().new_stream().w()?;
        Ok(Self { stream, bytes: Buffers::default(), floats: Buffers::default() })
    }

    /// Starts to copy; what the device computes from here on finds the values.
    #[expect(unsafe_code, reason = "pinned memory comes as it is, and memory changes its owner")]
    fn start<T: DeviceRepr + ValidAsZeroBits + Copy>(
        &self,
        values: &[T],
        device: &CudaDevice,
        buffers: impl Fn(&Self) -> &Buffers<T>,
    ) -> Result<CudaSlice<T>> {
        let compute = device.cuda_stream();
        let mut buffers = buffers(self).borrow_mut();
        let buffers = buffers.entry(values.len()).or_default();
        let mut buffer = if buffers.len() < BUFFERS { None } else { buffers.pop_front() };
        let Buffer { memory, copied: last } = match &mut buffer {
            Some(buffer) => buffer,
            none => none.insert(Buffer {
                // SAFETY: all of it is written before it is read.
                memory: unsafe { compute.context().alloc_pinned::<T>(values.len()) }.w()?,
                copied: self.stream.record_event(None).w()?,
            }),
        };
        // The memory's own event is not recorded while tracking is disabled.
        last.synchronize().w()?;
        memory.as_mut_slice().w()?.copy_from_slice(values);
        // Memory of the copies' stream, so that no copy waits for what is being computed.
        let copied = self.stream.clone_htod(&*memory).w()?;
        last.record(&self.stream).w()?;
        buffers.extend(buffer);
        compute.join(&self.stream).w()?;
        // SAFETY: the address and length are those of memory that nobody else has any more. From here on it belongs to the
        // stream that computes, which has just been told to wait for the copy, and gives it back after its last use.
        Ok(unsafe { compute.upgrade_device_ptr(copied.leak(), values.len()) })
    }
}
