//! Convolutions by cuDNN, each shape by the algorithm that was the fastest when it was first asked for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::{Arc, Once};

use candle_core::cuda_backend::cudarc::cudnn::{CudnnDataType, CudnnError, result, sys};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaStream, sys::CUdeviceptr};
use candle_core::{DType, Error, Result, WithDType, bail};

use super::Geometry;
use crate::cuda::{Context, Gpu, Scratch, Value, View, address, is_tf32_allowed, out_of_memory};
use crate::planes::Planes;

/// Where cuDNN's tensors should start, in bytes; they may start elsewhere, but not for all of its algorithms.
const ALIGNMENT: CUdeviceptr = 16;
/// Bytes that algorithms may need besides their arguments in order to be tried: the most if there are so many, at least
/// the fewest. Those with tensor cores hold a copy of input and output, 800 MiB at 256 pixels.
const TRIAL_BYTES: RangeInclusive<usize> = 1 << 20..=4096 << 20;
/// Algorithms that cuDNN reports on at most.
const ALGORITHMS: usize = 16;

/// Which two of input, output and weight a convolution is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    /// The output.
    Forward,
    /// The input, by the adjoint.
    Transpose,
    /// The weight, by the other adjoint.
    WeightGrad,
}

/// All that decides how a convolution is computed: operation, batch, planes, kernel and stride, the type of values, and
/// whether products may be rounded.
type Problem = (Operation, [usize; 9], &'static str, bool);

/// cuDNN on one stream.
struct Cudnn {
    handle: sys::cudnnHandle_t,
    /// Memory that each convolution may use while it runs.
    workspace: RefCell<Option<CudaSlice<u8>>>,
    plans: RefCell<HashMap<Problem, Rc<Plan>>>,
    /// Which the handle refers to.
    _stream: Arc<CudaStream>,
}

/// How one convolution is computed.
struct Plan {
    descriptors: Descriptors,
    algorithm: Algorithm,
    workspace_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    Transpose(sys::cudnnConvolutionBwdDataAlgo_t),
    WeightGrad(sys::cudnnConvolutionBwdFilterAlgo_t),
}

/// What cuDNN knows about the sizes.
struct Descriptors {
    input: sys::cudnnTensorDescriptor_t,
    output: sys::cudnnTensorDescriptor_t,
    weight: sys::cudnnFilterDescriptor_t,
    convolution: sys::cudnnConvolutionDescriptor_t,
}

/// Where input, output and weight are.
#[derive(Clone, Copy)]
struct Operands {
    input: CUdeviceptr,
    output: CUdeviceptr,
    weight: CUdeviceptr,
}

fn failed(error: CudnnError) -> Error {
    Error::Cuda(Box::new(error)).context(format!("cuda: cuDNN reports {error}"))
}

impl Cudnn {
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn new(stream: Arc<CudaStream>) -> Result<Self> {
        stream.context().bind_to_thread()?;
        let handle = result::create_handle().map_err(failed)?;
        // SAFETY: both are alive, and the stream is kept for as long as the handle.
        unsafe { result::set_stream(handle, stream.cu_stream().cast()) }.map_err(failed)?;
        Ok(Self { handle, workspace: RefCell::default(), plans: RefCell::default(), _stream: stream })
    }

    /// The address of so many bytes for a convolution that is started next.
    fn workspace(&self, context: &Context, bytes: usize) -> Result<CUdeviceptr> {
        if bytes == 0 {
            return Ok(0);
        }
        let mut workspace = self.workspace.borrow_mut();
        if workspace.as_ref().is_none_or(|workspace| workspace.len() < bytes) {
            // Given back first, so that not both are needed at a time.
            *workspace = None;
            *workspace = Some(context.allocate(bytes)?);
        }
        Ok(workspace.as_mut().map_or(0, address))
    }
}

impl Drop for Cudnn {
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn drop(&mut self) {
        self.plans.borrow_mut().clear();
        // SAFETY: nobody else has the handle. That it cannot be given back is nothing to act upon.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

impl Descriptors {
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn new<T: Value>(
        geometry: &Geometry,
        math: sys::cudnnMathType_t,
    ) -> std::result::Result<Self, CudnnError> {
        let &Geometry { batch, input, output, kernel, stride, .. } = geometry;
        let format = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW;
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let dims = |Planes { channels, height, width }| [batch, channels, height, width].map(|n| n as i32);
        let weight = [output.channels, input.channels, kernel, kernel].map(|n| n as i32);
        let [padding, stride] = [geometry.padding(), stride].map(|n| n as i32);
        let made = Self {
            input: result::create_tensor_descriptor()?,
            output: result::create_tensor_descriptor()?,
            weight: result::create_filter_descriptor()?,
            convolution: result::create_convolution_descriptor()?,
        };
        // SAFETY: the descriptors have just been made.
        unsafe {
            result::set_tensor4d_descriptor(made.input, format, T::DATA_TYPE, dims(input))?;
            result::set_tensor4d_descriptor(made.output, format, T::DATA_TYPE, dims(output))?;
            result::set_filter4d_descriptor(made.weight, T::DATA_TYPE, format, weight)?;
            result::set_convolution2d_descriptor(
                made.convolution,
                padding,
                padding,
                stride,
                stride,
                1,
                1,
                mode,
                T::Real::DATA_TYPE,
            )?;
            result::set_convolution_math_type(made.convolution, math)?;
        }
        Ok(made)
    }
}

impl Drop for Descriptors {
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn drop(&mut self) {
        // SAFETY: nobody else has them. That one cannot be given back is nothing to act upon.
        unsafe {
            let _ = result::destroy_tensor_descriptor(self.input);
            let _ = result::destroy_tensor_descriptor(self.output);
            let _ = result::destroy_filter_descriptor(self.weight);
            let _ = result::destroy_convolution_descriptor(self.convolution);
        }
    }
}

/// What cuDNN reports on one algorithm.
struct Report {
    algorithm: Algorithm,
    status: sys::cudnnStatus_t,
    bytes: usize,
    determinism: sys::cudnnDeterminism_t,
    math: sys::cudnnMathType_t,
}

impl Report {
    fn is_deterministic(&self) -> bool {
        self.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC
    }
}

/// The same of each kind of report that cuDNN has.
macro_rules! report {
    ($algorithm:path) => {
        |report| Report {
            algorithm: $algorithm(report.algo),
            status: report.status,
            bytes: report.memory,
            determinism: report.determinism,
            math: report.mathType,
        }
    };
}

/// The fastest algorithm that gives the same bits each time, of those that `find(count, reports)` writes from the fastest on;
/// if none does, the fastest of all.
#[expect(unsafe_code, reason = "cuDNN writes reports to memory that we lend it")]
fn fastest<R>(
    find: impl FnOnce(*mut i32, *mut R) -> sys::cudnnStatus_t,
    read: impl Fn(&R) -> Report,
) -> Result<Option<Report>> {
    let mut count = 0;
    // SAFETY: reports are numbers, and zero is one that each of them can be.
    let mut reports: [R; ALGORITHMS] = unsafe { std::mem::zeroed() };
    find(&raw mut count, reports.as_mut_ptr()).result().map_err(failed)?;
    let usable = || {
        let all = reports.iter().take(usize::try_from(count).unwrap_or(0)).map(&read);
        all.filter(|report| report.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS)
    };
    Ok(usable().find(Report::is_deterministic).or_else(|| usable().next()))
}

impl Plan {
    /// Measures all algorithms there are, which overwrites the result.
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn measured<T: Value>(
        context: &Context,
        handle: sys::cudnnHandle_t,
        operation: Operation,
        geometry: &Geometry,
        operands: Operands,
    ) -> Result<Self> {
        let math = match T::DTYPE {
            DType::F32 if !is_tf32_allowed() => sys::cudnnMathType_t::CUDNN_FMA_MATH,
            // Under the default, no algorithm for bf16 uses tensor cores.
            DType::BF16 => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
            _ => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
        };
        let descriptors = Descriptors::new::<T>(geometry, math).map_err(failed)?;
        let Descriptors { input, output, weight, convolution } = descriptors;
        let [x, y, w] = [operands.input, operands.output, operands.weight].map(|address| address as *mut _);
        let scratch = Scratch::new(&context.device, *TRIAL_BYTES.start(), *TRIAL_BYTES.end())?;
        let (space, bytes) = (scratch.address() as *mut _, scratch.len());
        let most = ALGORITHMS as i32;
        // SAFETY: descriptors and operands are those of this convolution; `count` and `reports` hold what is asked for.
        let report = unsafe {
            match operation {
                Operation::Forward => fastest(
                    |count, reports| {
                        sys::cudnnFindConvolutionForwardAlgorithmEx(
                            handle,
                            input,
                            x,
                            weight,
                            w,
                            convolution,
                            output,
                            y,
                            most,
                            count,
                            reports,
                            space,
                            bytes,
                        )
                    },
                    report!(Algorithm::Forward),
                ),
                Operation::Transpose => fastest(
                    |count, reports| {
                        sys::cudnnFindConvolutionBackwardDataAlgorithmEx(
                            handle,
                            weight,
                            w,
                            output,
                            y,
                            convolution,
                            input,
                            x,
                            most,
                            count,
                            reports,
                            space,
                            bytes,
                        )
                    },
                    report!(Algorithm::Transpose),
                ),
                Operation::WeightGrad => fastest(
                    |count, reports| {
                        sys::cudnnFindConvolutionBackwardFilterAlgorithmEx(
                            handle,
                            input,
                            x,
                            output,
                            y,
                            convolution,
                            weight,
                            w,
                            most,
                            count,
                            reports,
                            space,
                            bytes,
                        )
                    },
                    report!(Algorithm::WeightGrad),
                ),
            }
        }?;
        let Some(report) = report else {
            if bytes < *TRIAL_BYTES.end() {
                return Err(out_of_memory());
            }
            bail!("cuda: cuDNN has no way to compute a convolution of {geometry:?}");
        };
        if !report.is_deterministic() {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                tracing::warn!(
                    "cuDNN has no way to compute {operation:?} of {geometry:?} that gives the same bits each time: a training \
                     that goes on has the same draws as one that was not stopped, but not the same last bits"
                );
            });
        }
        // SAFETY: the descriptor is alive.
        unsafe { result::set_convolution_math_type(convolution, report.math) }.map_err(failed)?;
        Ok(Self { descriptors, algorithm: report.algorithm, workspace_bytes: report.bytes })
    }

    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn run<T: Value>(
        &self,
        handle: sys::cudnnHandle_t,
        operands: Operands,
        workspace: CUdeviceptr,
    ) -> std::result::Result<(), CudnnError> {
        let Descriptors { input, output, weight, convolution } = self.descriptors;
        let [x, y, w] = [operands.input, operands.output, operands.weight].map(|address| address as *mut _);
        let (space, bytes) = (workspace as *mut _, self.workspace_bytes);
        let [one, zero] = [1., 0.].map(T::Real::from_f64);
        let (one, zero) = ((&raw const one).cast(), (&raw const zero).cast());
        // SAFETY: descriptors, operands and workspace are those of this convolution.
        unsafe {
            match self.algorithm {
                Algorithm::Forward(algorithm) => result::convolution_forward(
                    handle,
                    one,
                    input,
                    x,
                    weight,
                    w,
                    convolution,
                    algorithm,
                    space,
                    bytes,
                    zero,
                    output,
                    y,
                ),
                Algorithm::Transpose(algorithm) => result::convolution_backward_data(
                    handle,
                    one,
                    weight,
                    w,
                    output,
                    y,
                    convolution,
                    algorithm,
                    space,
                    bytes,
                    zero,
                    input,
                    x,
                ),
                Algorithm::WeightGrad(algorithm) => result::convolution_backward_filter(
                    handle,
                    one,
                    input,
                    x,
                    output,
                    y,
                    convolution,
                    algorithm,
                    space,
                    bytes,
                    zero,
                    weight,
                    w,
                ),
            }
        }
    }
}

impl<T: Value> Gpu<T> {
    /// A copy of values that start where cuDNN's fastest algorithms cannot read them; none if it is not needed.
    fn aligned(&self, view: View<'_, T>) -> Result<Option<CudaSlice<T>>> {
        if view.address.is_multiple_of(ALIGNMENT) { Ok(None) } else { self.joined(&[view]).map(Some) }
    }

    /// The third of input, output and weight from the other two, in the order in which [`Operation`] says them.
    pub(super) fn convolution(
        &self,
        operation: Operation,
        geometry: &Geometry,
        a: View<'_, T>,
        b: View<'_, T>,
    ) -> Result<CudaSlice<T>> {
        let &Geometry { batch, input, output, kernel, stride, .. } = geometry;
        let len = match operation {
            Operation::Forward => geometry.output_len(),
            Operation::Transpose => batch * input.len(),
            Operation::WeightGrad => geometry.weight_len(),
        };
        if a.len() == 0 || b.len() == 0 {
            return self.context.device.alloc_zeros(len);
        }
        let mut result = self.context.allocate(len)?;
        let copies = [self.aligned(a)?, self.aligned(b)?];
        let [a, b] =
            [(a, &copies[0]), (b, &copies[1])].map(|(view, copy)| copy.as_ref().map_or(view, View::of));
        let (a, b, target) = (a.address, b.address, address(&mut result));
        let operands = match operation {
            Operation::Forward => Operands { input: a, weight: b, output: target },
            Operation::Transpose => Operands { output: a, weight: b, input: target },
            Operation::WeightGrad => Operands { input: a, output: b, weight: target },
        };
        let sizes = [
            batch,
            input.channels,
            input.height,
            input.width,
            output.channels,
            output.height,
            output.width,
            kernel,
            stride,
        ];
        let key = (operation, sizes, T::NAME, is_tf32_allowed());
        let cudnn = self.context.kept(|context| Cudnn::new(context.device.cuda_stream()))?;
        let known = cudnn.plans.borrow().get(&key).cloned();
        let plan = if let Some(plan) = known {
            plan
        } else {
            let plan = Plan::measured::<T>(&self.context, cudnn.handle, operation, geometry, operands)?;
            tracing::debug!(
                ?operation,
                ?geometry,
                algorithm = ?plan.algorithm,
                workspace_bytes = plan.workspace_bytes,
                "cuDNN's fastest algorithm"
            );
            let plan = Rc::new(plan);
            cudnn.plans.borrow_mut().insert(key, Rc::clone(&plan));
            plan
        };
        let workspace = cudnn.workspace(&self.context, plan.workspace_bytes)?;
        plan.run::<T>(cudnn.handle, operands, workspace).map_err(failed)?;
        Ok(result)
    }
}
