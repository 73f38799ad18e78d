//! What a thread keeps of a GPU between operations.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::driver::sys::{CUmemPool_attribute, CUresult};
use candle_core::cuda_backend::cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaSlice, DeviceRepr, DriverError, LaunchConfig, PushKernelArg,
};
use candle_core::cuda_backend::{DeviceId, WrapErr};
use candle_core::{CudaDevice, Device, Result, bail};

use super::kernels::{compile, parameters};
use super::libraries;
use super::pool::Pool;
use super::values::{Argument, Value};

thread_local! {
    static CONTEXTS: RefCell<HashMap<DeviceId, Rc<Context>>> = RefCell::default();
}

/// Our kernels, compiled for a GPU, and what operations keep.
pub(crate) struct Context {
    pub(crate) device: CudaDevice,
    modules: RefCell<HashMap<&'static str, Arc<CudaModule>>>,
    functions: RefCell<HashMap<(&'static str, &'static str), CudaFunction>>,
    kept: RefCell<HashMap<TypeId, Rc<dyn Any>>>,
}

/// The GPU with this number, ready for one thread that computes.
///
/// # Errors
/// If there is no such GPU, or a library that CUDA consists of is missing.
pub fn open(ordinal: usize) -> Result<Device> {
    libraries::check()?;
    check_ordinal(ordinal)?;
    let device = Device::new_cuda(ordinal)?;
    prepare(device.as_cuda_device()?)?;
    Ok(device)
}

/// How many GPUs there are.
pub(super) fn count() -> Result<usize> {
    match CudaContext::device_count() {
        Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => Ok(0),
        count => Ok(count.w()? as usize),
    }
}

/// Checks that there is a GPU of this number.
fn check_ordinal(ordinal: usize) -> Result<()> {
    match count()?.checked_sub(1) {
        None => bail!("cuda: this machine has no NVIDIA GPU"),
        Some(last) if ordinal > last => bail!("cuda: there is no GPU {ordinal}, the last one is {last}"),
        Some(_) => Ok(()),
    }
}

/// Lets the device keep memory that is given back, and spares it what several streams would need.
#[expect(unsafe_code, reason = "what several streams need is ours to know")]
fn prepare(device: &CudaDevice) -> Result<()> {
    // SAFETY: all tensors are used on one stream only; uploads, which are made on another, order the two themselves.
    unsafe { device.disable_event_tracking() };
    Pool::of(device)?.set(CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, u64::MAX)
}

impl Context {
    /// That of this thread, made when it is first asked for.
    pub(crate) fn of(device: &CudaDevice) -> Result<Rc<Self>> {
        CONTEXTS.with_borrow_mut(|contexts| {
            let context = contexts.entry(device.id()).or_insert_with(|| {
                Rc::new(Self {
                    device: device.clone(),
                    modules: RefCell::default(),
                    functions: RefCell::default(),
                    kept: RefCell::default(),
                })
            });
            Ok(Rc::clone(context))
        })
    }

    /// What an operation keeps of this type, made when it is first asked for.
    pub(crate) fn kept<K: 'static>(&self, make: impl FnOnce(&Self) -> Result<K>) -> Result<Rc<K>> {
        let known = self.kept.borrow().get(&TypeId::of::<K>()).cloned();
        if let Some(Ok(known)) = known.map(Rc::downcast) {
            return Ok(known);
        }
        let made = Rc::new(make(self)?);
        self.kept.borrow_mut().insert(TypeId::of::<K>(), Rc::clone(&made) as Rc<dyn Any>);
        Ok(made)
    }

    /// Memory for so many values, which the caller must write all of.
    #[expect(unsafe_code, reason = "zeroing memory that is about to be written would cost a pass")]
    pub(crate) fn allocate<T: DeviceRepr>(&self, len: usize) -> Result<CudaSlice<T>> {
        // Kernels count with 32 bits.
        if len > i32::MAX as usize {
            bail!("cuda: a tensor of {len} values is more than a kernel can count");
        }
        // SAFETY: all values of our types are valid, and each operation writes all of its result.
        unsafe { self.device.alloc::<T>(len) }
    }

    /// Starts a kernel for values of type `T`, with so many blocks of so many threads, along up to three axes.
    ///
    /// What is passed must be as the kernel's source has it.
    #[expect(unsafe_code, reason = "kernels are foreign functions")]
    pub(crate) fn launch<T: Value>(
        &self,
        kernel: &'static str,
        blocks: [usize; 3],
        threads: [usize; 2],
        arguments: &[Argument],
    ) -> Result<()> {
        if blocks.contains(&0) {
            return Ok(());
        }
        debug_assert_eq!(
            parameters(kernel),
            Some(arguments.iter().map(Argument::kind).collect()),
            "what `{kernel}` asks for, and what it is told"
        );
        let function = self.function::<T>(kernel)?;
        let stream = self.device.cuda_stream();
        let mut launch = stream.launch_builder(&function);
        for argument in arguments {
            match argument {
                Argument::Address(address) => launch.arg(address),
                Argument::Size(size) => launch.arg(size),
                Argument::Fraction(fraction) => launch.arg(fraction),
                Argument::Table(table) => launch.arg(table.as_ref()),
            };
        }
        let config = LaunchConfig {
            grid_dim: blocks.map(|count| count as u32).into(),
            block_dim: (threads[0] as u32, threads[1] as u32, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: callers pass what the kernel asks for, and memory that is as large as it expects.
        unsafe { launch.launch(config) }.w()?;
        Ok(())
    }

    fn function<T: Value>(&self, kernel: &'static str) -> Result<CudaFunction> {
        match self.functions.borrow_mut().entry((T::NAME, kernel)) {
            Entry::Occupied(entry) => Ok(entry.get().clone()),
            Entry::Vacant(entry) => {
                let function = self.module::<T>()?.load_function(kernel).w()?;
                Ok(entry.insert(function).clone())
            }
        }
    }

    fn module<T: Value>(&self) -> Result<Arc<CudaModule>> {
        match self.modules.borrow_mut().entry(T::NAME) {
            Entry::Occupied(entry) => Ok(Arc::clone(entry.get())),
            Entry::Vacant(entry) => {
                let context = self.device.cuda_stream().context().clone();
                let ptx = compile(T::NAME, context.compute_capability().w()?)?;
                Ok(Arc::clone(entry.insert(context.load_module(ptx).w()?)))
            }
        }
    }
}
