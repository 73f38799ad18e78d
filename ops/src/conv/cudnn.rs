//! Convolutions by cuDNN, each shape by the algorithm that was the fastest when it was first asked for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::{Arc, Once};

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::cudnn::{CudnnDataType, CudnnError, result, sys};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaStream, sys::CUdeviceptr};
use candle_core::{DType, Error, Result, WithDType, bail};

use super::Geometry;
use super::kept::{KeptPlan, KeptPlans};
use crate::cuda::{
    Context, Gpu, Scratch, Value, View, address, is_tf32_allowed, out_of_memory, plans_folder,
};
use crate::feature_layout::FeatureLayout;
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

/// All that decides how a convolution is computed: operation, batch, planes, kernel, padding and stride, layout, the type of values,
/// and whether products may be rounded.
type Problem = (Operation, [usize; 12], FeatureLayout, &'static str, bool);

/// cuDNN on one stream.
struct Cudnn {
    handle: sys::cudnnHandle_t,
    /// Memory that each convolution may use while it runs.
    workspace: RefCell<Option<CudaSlice<u8>>>,
    plans: RefCell<HashMap<Problem, Rc<Plan>>>,
    /// Those of earlier starts.
    kept: RefCell<Option<KeptPlans>>,
    /// Which the handle refers to.
    _stream: Arc<CudaStream>,
}

/// How one convolution is computed.
struct Plan {
    descriptors: Descriptors,
    algorithm: Algorithm,
    math: sys::cudnnMathType_t,
    is_deterministic: bool,
    workspace_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    Transpose(sys::cudnnConvolutionBwdDataAlgo_t),
    WeightGrad(sys::cudnnConvolutionBwdFilterAlgo_t),
}

/// All that cuDNN has, to find one by its number.
mod numbered {
    use super::sys::{
        cudnnConvolutionBwdDataAlgo_t as Data, cudnnConvolutionBwdFilterAlgo_t as Filter,
        cudnnConvolutionFwdAlgo_t as Forward, cudnnMathType_t as Math,
    };

    pub(super) const FORWARD: [Forward; 8] = [
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_GEMM,
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_DIRECT,
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_FFT,
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING,
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD,
        Forward::CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED,
    ];
    pub(super) const DATA: [Data; 6] = [
        Data::CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
        Data::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
        Data::CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT,
        Data::CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING,
        Data::CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD,
        Data::CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED,
    ];
    pub(super) const FILTER: [Filter; 7] = [
        Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
        Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
        Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT,
        Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3,
        Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD,
        Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED,
        Filter::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT_TILING,
    ];
    /// Those that round no more than the type of values does, or than was allowed.
    pub(super) const MATH: [Math; 3] =
        [Math::CUDNN_DEFAULT_MATH, Math::CUDNN_TENSOR_OP_MATH, Math::CUDNN_FMA_MATH];
}

impl Algorithm {
    fn of(operation: Operation, number: u32) -> Option<Self> {
        let index = usize::try_from(number).ok()?;
        match operation {
            Operation::Forward => numbered::FORWARD.get(index).copied().map(Self::Forward),
            Operation::Transpose => numbered::DATA.get(index).copied().map(Self::Transpose),
            Operation::WeightGrad => numbered::FILTER.get(index).copied().map(Self::WeightGrad),
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Forward(algorithm) => algorithm as u32,
            Self::Transpose(algorithm) => algorithm as u32,
            Self::WeightGrad(algorithm) => algorithm as u32,
        }
    }
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

/// What decides which way is the fastest: card, driver and library.
fn machine(stream: &CudaStream) -> Result<String> {
    let (name, capability) = (stream.context().name().w()?, stream.context().compute_capability().w()?);
    let driver = std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    let driver = driver.lines().next().unwrap_or_default().trim();
    Ok(format!("{name} {capability:?}, {driver}, cuDNN {}", result::get_version()))
}

fn failed(error: CudnnError) -> Error {
    Error::Cuda(Box::new(error)).context(format!("cuda: cuDNN reports {error}"))
}

impl Cudnn {
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn new(stream: Arc<CudaStream>) -> Result<Self> {
        stream.context().bind_to_thread()?;
        let kept = match plans_folder() {
            Some(folder) => Some(KeptPlans::open(folder, &machine(&stream)?)),
            None => None,
        };
        let handle = result::create_handle().map_err(failed)?;
        // SAFETY: both are alive, and the stream is kept for as long as the handle.
        unsafe { result::set_stream(handle, stream.cu_stream().cast()) }.map_err(failed)?;
        Ok(Self {
            handle,
            workspace: RefCell::default(),
            plans: RefCell::default(),
            kept: RefCell::new(kept),
            _stream: stream,
        })
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
        let &Geometry { batch, input, output, kernel, padding, stride, .. } = geometry;
        let format = match input.layout {
            FeatureLayout::Nchw => sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW,
            FeatureLayout::Nhwc => sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC,
        };
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let dims =
            |Planes { channels, height, width, .. }| [batch, channels, height, width].map(|n| n as i32);
        let weight = [output.channels, input.channels, kernel[0], kernel[1]].map(|n| n as i32);
        let [padding_height, padding_width, stride] = [padding[0], padding[1], stride].map(|n| n as i32);
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
                padding_height,
                padding_width,
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

/// The math that rounds no factor of a product.
const FMA: sys::cudnnMathType_t = sys::cudnnMathType_t::CUDNN_FMA_MATH;

/// How products may be rounded.
fn math_of<T: Value>() -> sys::cudnnMathType_t {
    match T::DTYPE {
        DType::F32 if !is_tf32_allowed() => FMA,
        // Under the default, no algorithm for bf16 uses tensor cores.
        DType::BF16 => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
        _ => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
    }
}

impl Plan {
    /// The one that was found at an earlier start, unless cuDNN knows no such way for this convolution.
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn known<T: Value>(
        handle: sys::cudnnHandle_t,
        operation: Operation,
        geometry: &Geometry,
        kept: KeptPlan,
    ) -> Option<Self> {
        let algorithm = Algorithm::of(operation, kept.algorithm)?;
        let math = numbered::MATH.into_iter().find(|math| *math as u32 == kept.math)?;
        if math_of::<T>() == FMA && math != FMA {
            return None;
        }
        let descriptors = Descriptors::new::<T>(geometry, math).ok()?;
        let Descriptors { input, output, weight, convolution } = descriptors;
        // SAFETY: the descriptors are alive.
        let bytes = unsafe {
            match algorithm {
                Algorithm::Forward(algorithm) => result::get_convolution_forward_workspace_size(
                    handle,
                    input,
                    weight,
                    convolution,
                    output,
                    algorithm,
                ),
                Algorithm::Transpose(algorithm) => result::get_convolution_backward_data_workspace_size(
                    handle,
                    weight,
                    output,
                    convolution,
                    input,
                    algorithm,
                ),
                Algorithm::WeightGrad(algorithm) => result::get_convolution_backward_filter_workspace_size(
                    handle,
                    input,
                    output,
                    convolution,
                    weight,
                    algorithm,
                ),
            }
        };
        Some(Self {
            descriptors,
            algorithm,
            math,
            is_deterministic: kept.is_deterministic,
            workspace_bytes: bytes.ok()?,
        })
    }

    /// What is to be kept of it.
    fn kept(&self) -> KeptPlan {
        let Self { algorithm, math, is_deterministic, .. } = *self;
        KeptPlan { algorithm: algorithm.number(), math: math as u32, is_deterministic }
    }

    /// Measures all algorithms there are, which overwrites the result.
    #[expect(unsafe_code, reason = "cuDNN is a foreign library")]
    fn measured<T: Value>(
        context: &Context,
        handle: sys::cudnnHandle_t,
        operation: Operation,
        geometry: &Geometry,
        operands: Operands,
    ) -> Result<Self> {
        let descriptors = Descriptors::new::<T>(geometry, math_of::<T>()).map_err(failed)?;
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
        // SAFETY: the descriptor is alive.
        unsafe { result::set_convolution_math_type(convolution, report.math) }.map_err(failed)?;
        Ok(Self {
            descriptors,
            algorithm: report.algorithm,
            math: report.math,
            is_deterministic: report.is_deterministic(),
            workspace_bytes: report.bytes,
        })
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

    /// How a convolution is computed: as it was at the last start, or else in the way that is the fastest now.
    fn plan(
        &self,
        cudnn: &Cudnn,
        operation: Operation,
        geometry: &Geometry,
        problem: &str,
        operands: Operands,
    ) -> Result<Plan> {
        let kept = cudnn.kept.borrow().as_ref().and_then(|kept| kept.get(problem));
        let known = kept
            .and_then(|kept| Plan::known::<T>(cudnn.handle, operation, geometry, kept))
            // It may have been found when there was more memory.
            .filter(|plan| cudnn.workspace(&self.context, plan.workspace_bytes).is_ok());
        let is_new = known.is_none();
        let plan = match known {
            Some(plan) => plan,
            None => Plan::measured::<T>(&self.context, cudnn.handle, operation, geometry, operands)?,
        };
        tracing::debug!(
            ?operation,
            ?geometry,
            algorithm = ?plan.algorithm,
            workspace_bytes = plan.workspace_bytes,
            is_new,
            "cuDNN's fastest algorithm"
        );
        if is_new && let Some(kept) = cudnn.kept.borrow_mut().as_mut() {
            kept.insert(problem.to_owned(), plan.kept());
        }
        if !plan.is_deterministic {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                tracing::warn!(
                    "cuDNN has no way to compute {operation:?} of {geometry:?} that gives the same bits each time: a training \
                     that goes on has the same draws as one that was not stopped, but not the same last bits"
                );
            });
        }
        Ok(plan)
    }

    /// The third of input, output and weight from the other two, in the order in which [`Operation`] says them.
    pub(super) fn convolution(
        &self,
        operation: Operation,
        geometry: &Geometry,
        a: View<'_, T>,
        b: View<'_, T>,
    ) -> Result<CudaSlice<T>> {
        let &Geometry { batch, input, output, kernel, padding, stride, .. } = geometry;
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
            kernel[0],
            kernel[1],
            padding[0],
            padding[1],
            stride,
        ];
        let key = (operation, sizes, input.layout, T::NAME, is_tf32_allowed());
        let cudnn = self.context.kept(|context| Cudnn::new(context.device.cuda_stream()))?;
        let known = cudnn.plans.borrow().get(&key).cloned();
        let plan = if let Some(plan) = known {
            plan
        } else {
            let plan = Rc::new(self.plan(&cudnn, operation, geometry, &format!("{key:?}"), operands)?);
            cudnn.plans.borrow_mut().insert(key, Rc::clone(&plan));
            plan
        };
        let workspace = cudnn.workspace(&self.context, plan.workspace_bytes)?;
        plan.run::<T>(cudnn.handle, operands, workspace).map_err(failed)?;
        Ok(result)
    }
}
