//! What an optimizer does to the weights, in place.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Storage, Tensor, WithDType, bail};
#[cfg(feature = "cuda")]
use candle_core::{CudaStorage, DType, Device, backend::BackendStorage};
use rayon::prelude::*;

#[cfg(feature = "cuda")]
use crate::cuda::{self, Gpu};
use crate::planes::{float_kernel, is_parallel, slice};

/// Values per parallel task.
const TASK: usize = 1 << 14;

/// The numbers of one step of Adam, in TensorFlow's form.
///
/// `v = beta2 v + (1 - beta2) g²`, `m = beta1 m + (1 - beta1) g`, `p -= step_size m / (sqrt(v) + epsilon)`
/// (Kingma and Ba 2015, the form before section 2.1 that needs no corrected moments: epsilon counts before the
/// correction).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamUpdate {
    /// Decay of the first moment; 0 in StyleGAN.
    pub beta1: f64,
    /// Decay of the second moment; 0.99 in StyleGAN.
    pub beta2: f64,
    /// What is added to the root of the second moment; 1e-8 in StyleGAN.
    pub epsilon: f64,
    /// `learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)` at step `t`, counted from 1.
    pub step_size: f64,
}

/// One step of Adam on one parameter: changes it and its moments in one pass.
///
/// # Shapes
/// - all the same, any; `first_moment` may be left out if `beta1` is 0, where it equals the gradient
///
/// # Errors
/// If shapes or types differ, if two of the tensors share memory, if one to be changed is not contiguous, or if
/// `first_moment` is missing though `beta1` is not 0.
pub fn adam_update(
    parameter: &Tensor,
    first_moment: Option<&Tensor>,
    second_moment: &Tensor,
    gradient: &Tensor,
    update: &AdamUpdate,
) -> Result<()> {
    if first_moment.is_none() && update.beta1 != 0. {
        bail!("adam-update: beta1 is {}, which needs a first moment", update.beta1);
    }
    let gradient = gradient.contiguous()?;
    let tensors: Vec<&Tensor> =
        first_moment.into_iter().chain([parameter, second_moment, &gradient]).collect();
    for (i, tensor) in tensors.iter().enumerate() {
        if tensor.dims() != parameter.dims() || tensor.dtype() != parameter.dtype() {
            bail!(
                "adam-update: parameter {:?} {:?} does not match {:?} {:?}",
                parameter.dims(),
                parameter.dtype(),
                tensor.dims(),
                tensor.dtype()
            );
        }
        // Locking one memory twice would never return.
        for other in &tensors[i + 1..] {
            tensor.inplace_op2(other, &CheckDistinct)?;
        }
    }
    #[cfg(feature = "cuda")]
    if parameter.device().is_cuda() {
        return cuda::adam_update(parameter, first_moment, second_moment, &gradient, update);
    }
    in_place("adam-update", parameter, |p, p_layout| {
        in_place("adam-update", second_moment, |v, v_layout| {
            let (g, g_layout) = gradient.storage_and_layout();
            let Storage::Cpu(g) = &*g else {
                bail!("adam-update: the gradient is not on the parameter's device");
            };
            float_kernel!("adam-update", g, T => {
                let (p, v) = (T::slice_mut(p, p_layout)?, T::slice_mut(v, v_layout)?);
                let g = slice::<T>(g, g_layout)?;
                match first_moment {
                    None => {
                        adam_without_first_moment(p, v, g, update);
                        Ok(())
                    }
                    Some(first_moment) => in_place("adam-update", first_moment, |m, m_layout| {
                        adam(p, T::slice_mut(m, m_layout)?, v, g, update);
                        Ok(())
                    }),
                }
            })
        })
    })
}

/// Moves the running average `ema` towards `live`: `ema = live + (ema - live) * beta`.
///
/// # Shapes
/// - both the same, any
///
/// # Errors
/// If shapes or types differ, if they share memory, or if `ema` is not contiguous.
pub fn ema_update(ema: &Tensor, live: &Tensor, beta: f64) -> Result<()> {
    if ema.dims() != live.dims() {
        bail!("ema-update: {:?} and {:?} differ in shape", ema.dims(), live.dims());
    }
    ema.inplace_op2(&live.contiguous()?, &EmaUpdate { beta })
}

/// Limits every value to `-limit ..= limit`. Values that are not a number stay so.
///
/// # Errors
/// If `limit` is negative or not a number, or if `parameter` is not contiguous.
pub fn clamp_update(parameter: &Tensor, limit: f64) -> Result<()> {
    if limit.is_nan() || limit < 0. {
        bail!("clamp-update: the limit must not be negative, got {limit}");
    }
    #[cfg(feature = "cuda")]
    if parameter.device().is_cuda() {
        return cuda::clamp_update(parameter, limit);
    }
    in_place("clamp-update", parameter, |p, p_layout| {
        float_kernel!("clamp-update", p, T => {
            let limit = T::from_f64(limit);
            let p = T::slice_mut(p, p_layout)?;
            let kernel = |p: &mut [T]| p.iter_mut().for_each(|p| *p = p.clamp(-limit, limit));
            if is_parallel(p.len()) { p.par_chunks_mut(TASK).for_each(kernel) } else { kernel(p) }
            Ok(())
        })
    })
}

/// Whether every value of `x` is finite.
///
/// # Errors
/// If `x` is neither `f32` nor `f64`.
pub fn all_finite(x: &Tensor) -> Result<bool> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = x.device() {
        return cuda::all_are_finite(device, [x]);
    }
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        bail!("all-finite: no implementation for {:?}", x.device().location());
    };
    float_kernel!("all-finite", storage, T => {
        let x = slice::<T>(storage, layout)?;
        // No early exit within a chunk, so that the scan runs in vector registers.
        let is_finite = |chunk: &[T]| chunk.iter().fold(true, |all, v| all & v.is_finite());
        Ok(if is_parallel(x.len()) { x.par_chunks(TASK).all(is_finite) } else { x.chunks(TASK).all(is_finite) })
    })
}

/// Whether every value of all tensors, on one device, is finite. A GPU is waited for once, not for each of them.
///
/// # Errors
/// If one of them is neither `f32` nor `f64`.
pub fn all_are_finite<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<bool> {
    let mut tensors = tensors.into_iter().peekable();
    #[cfg(feature = "cuda")]
    if let Some(Device::Cuda(device)) = tensors.peek().map(|tensor| tensor.device()) {
        return cuda::all_are_finite(device, tensors);
    }
    tensors.try_fold(true, |all, tensor| Ok(all && all_finite(tensor)?))
}

fn adam<T: Float>(p: &mut [T], m: &mut [T], v: &mut [T], g: &[T], update: &AdamUpdate) {
    let [beta1, beta2] = [update.beta1, update.beta2].map(T::from_f64);
    let [rest1, rest2] = [1. - update.beta1, 1. - update.beta2].map(T::from_f64);
    let [epsilon, step_size] = [update.epsilon, update.step_size].map(T::from_f64);
    let kernel = |p: &mut [T], m: &mut [T], v: &mut [T], g: &[T]| {
        for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(g) {
            *v = beta2 * *v + rest2 * (g * g);
            *m = beta1 * *m + rest1 * g;
            *p -= step_size * *m / (v.sqrt() + epsilon);
        }
    };
    if is_parallel(p.len()) {
        let moments = p.par_chunks_mut(TASK).zip(m.par_chunks_mut(TASK)).zip(v.par_chunks_mut(TASK));
        moments.zip(g.par_chunks(TASK)).for_each(|(((p, m), v), g)| kernel(p, m, v, g));
    } else {
        kernel(p, m, v, g);
    }
}

/// As [`adam`] with `beta1` 0, where the first moment is the gradient.
fn adam_without_first_moment<T: Float>(p: &mut [T], v: &mut [T], g: &[T], update: &AdamUpdate) {
    let [beta2, rest2] = [update.beta2, 1. - update.beta2].map(T::from_f64);
    let [epsilon, step_size] = [update.epsilon, update.step_size].map(T::from_f64);
    let kernel = |((p, v), g): ((&mut [T], &mut [T]), &[T])| {
        for ((p, v), &g) in p.iter_mut().zip(v).zip(g) {
            *v = beta2 * *v + rest2 * (g * g);
            *p -= step_size * g / (v.sqrt() + epsilon);
        }
    };
    if is_parallel(p.len()) {
        p.par_chunks_mut(TASK).zip(v.par_chunks_mut(TASK)).zip(g.par_chunks(TASK)).for_each(kernel);
    } else {
        kernel(((p, v), g));
    }
}

/// A number type whose tensors can be changed in place.
trait Float: WithDType {
    fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [Self]>;
    fn sqrt(self) -> Self;
}

macro_rules! impl_float {
    ($T:ident, $Variant:ident) => {
        impl Float for $T {
            fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [Self]> {
                match (storage, layout.contiguous_offsets()) {
                    (CpuStorage::$Variant(values), Some((start, end))) => Ok(&mut values[start..end]),
                    (_, None) => bail!("expected a contiguous tensor to change in place, got {layout:?}"),
                    _ => bail!("expected a tensor of {} to change in place", stringify!($T)),
                }
            }

            fn sqrt(self) -> Self {
                self.sqrt()
            }
        }
    };
}

impl_float!(f32, F32);
impl_float!(f64, F64);

/// Calls `change` with the values of `tensor`. Calls can be nested, so that one pass changes several tensors.
fn in_place(
    name: &'static str,
    tensor: &Tensor,
    change: impl FnMut(&mut CpuStorage, &Layout) -> Result<()>,
) -> Result<()> {
    tensor.inplace_op1(&InPlace { name, change: RefCell::new(change) })
}

struct InPlace<F> {
    name: &'static str,
    change: RefCell<F>,
}

impl<F: FnMut(&mut CpuStorage, &Layout) -> Result<()>> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        (self.change.borrow_mut())(storage, layout)
    }
}

/// Does nothing, but candle refuses to do it to two tensors that share memory.
struct CheckDistinct;

impl InplaceOp2 for CheckDistinct {
    fn name(&self) -> &'static str {
        "adam-update"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<()> {
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, _: &mut CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> Result<()> {
        Ok(())
    }
}

struct EmaUpdate {
    beta: f64,
}

impl InplaceOp2 for EmaUpdate {
    fn name(&self) -> &'static str {
        "ema-update"
    }

    fn cpu_fwd(
        &self,
        ema: &mut CpuStorage,
        ema_layout: &Layout,
        live: &CpuStorage,
        live_layout: &Layout,
    ) -> Result<()> {
        float_kernel!("ema-update", live, T => {
            let beta = T::from_f64(self.beta);
            let live = slice::<T>(live, live_layout)?;
            let ema = T::slice_mut(ema, ema_layout)?;
            let kernel = |(ema, live): (&mut [T], &[T])| {
                for (ema, &live) in ema.iter_mut().zip(live) {
                    *ema = live + (*ema - live) * beta;
                }
            };
            if is_parallel(ema.len()) {
                ema.par_chunks_mut(TASK).zip(live.par_chunks(TASK)).for_each(kernel);
            } else {
                kernel((ema, live));
            }
            Ok(())
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        ema: &mut CudaStorage,
        ema_layout: &Layout,
        live: &CudaStorage,
        live_layout: &Layout,
    ) -> Result<()> {
        match live.dtype() {
            DType::F32 => Gpu::<f32>::new(&live.device)?.ema(ema, ema_layout, live, live_layout, self.beta),
            DType::F64 => Gpu::<f64>::new(&live.device)?.ema(ema, ema_layout, live, live_layout, self.beta),
            dtype => bail!("ema-update: {dtype:?} is not supported"),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::testing::{assert_close, assert_independent_of_threads, normal};

    const SHAPES: [&[usize]; 2] = [&[5, 7], &[3, 300, 100]];

    fn var(name: &str, shape: &[usize], dtype: DType) -> Var {
        Var::from_tensor(&normal(name, shape, dtype)).unwrap()
    }

    fn update(beta1: f64) -> AdamUpdate {
        AdamUpdate { beta1, beta2: 0.99, epsilon: 1e-3, step_size: 0.1 }
    }

    #[test]
    fn adam_is_its_definition() {
        for (dtype, shape) in [DType::F32, DType::F64].into_iter().flat_map(|d| SHAPES.map(|s| (d, s))) {
            for (beta1, keeps_first_moment) in [(0., false), (0., true), (0.5, true)] {
                let (p, m) = (var("p", shape, dtype), var("m", shape, dtype));
                let v = Var::from_tensor(&normal("v", shape, dtype).sqr().unwrap()).unwrap();
                let g = normal("g", shape, dtype);
                let next_v = ((&*v * 0.99).unwrap() + (g.sqr().unwrap() * (1. - 0.99)).unwrap()).unwrap();
                let next_m = ((&*m * beta1).unwrap() + (&g * (1. - beta1)).unwrap()).unwrap();
                let step = (&next_m / (next_v.sqrt().unwrap() + 1e-3).unwrap()).unwrap();
                let next_p = (&*p - (step * 0.1).unwrap()).unwrap();
                let first_moment = keeps_first_moment.then_some(m.as_tensor());
                adam_update(&p, first_moment, &v, &g, &update(beta1)).unwrap();
                assert_close("parameter", &p, &next_p);
                assert_close("second moment", &v, &next_v);
                if keeps_first_moment {
                    assert_close("first moment", &m, &next_m);
                }
            }
        }
    }

    #[test]
    fn strided_gradients_are_read_in_order() {
        let [p, other_p] = [0; 2].map(|_| var("p", &[5, 7], DType::F32));
        let [v, other_v] = [0; 2].map(|_| p.sqr().unwrap());
        let g = normal("g", &[7, 5], DType::F32).t().unwrap();
        adam_update(&p, None, &v, &g, &update(0.)).unwrap();
        adam_update(&other_p, None, &other_v, &g.contiguous().unwrap(), &update(0.)).unwrap();
        assert_close("parameter", &p, &other_p);
    }

    #[test]
    fn adam_refuses_what_does_not_fit() {
        let (p, v) = (var("p", &[5, 7], DType::F32), var("v", &[5, 7], DType::F32));
        let g = normal("g", &[5, 7], DType::F32);
        let step = |p: &Tensor, v: &Tensor, g: &Tensor, beta1| adam_update(p, None, v, g, &update(beta1));
        let missing = step(&p, &v, &g, 0.5).unwrap_err().to_string();
        assert!(missing.contains("beta1 is 0.5, which needs a first moment"), "{missing}");
        assert!(step(&p, &v, &g.t().unwrap(), 0.).unwrap_err().to_string().contains("does not match"));
        assert!(step(&p, &v, &g.to_dtype(DType::F64).unwrap(), 0.).is_err());
        // Each of these would wait for itself.
        assert!(step(&p, &p, &g, 0.).is_err());
        assert!(step(&p, &v, &p, 0.).is_err());
        assert!(step(&p, &v, &v.as_detached_tensor(), 0.).is_err());
        assert!(adam_update(&p, Some(&v), &v, &g, &update(0.5)).is_err());
    }

    #[test]
    fn running_average_is_its_definition() {
        for (dtype, shape) in [DType::F32, DType::F64].into_iter().flat_map(|d| SHAPES.map(|s| (d, s))) {
            let (ema, live) = (var("ema", shape, dtype), var("live", shape, dtype));
            let next = ((&*ema * 0.9).unwrap() + (&*live * 0.1).unwrap()).unwrap();
            ema_update(&ema, &live, 0.9).unwrap();
            assert_close("average", &ema, &next);
            assert!(ema_update(&ema, &ema, 0.9).is_err());
            assert!(ema_update(&ema, &live.flatten_all().unwrap(), 0.9).is_err());
        }
    }

    #[test]
    fn clamp_limits_both_sides() {
        for (dtype, shape) in [DType::F32, DType::F64].into_iter().flat_map(|d| SHAPES.map(|s| (d, s))) {
            let p = var("p", shape, dtype);
            let next = p.clamp(-0.5, 0.5).unwrap();
            clamp_update(&p, 0.5).unwrap();
            assert_close("clamped", &p, &next);
        }
        let p = var("p", &[5, 7], DType::F32);
        assert!(clamp_update(&p, -1.).is_err() && clamp_update(&p, f64::NAN).is_err());
        assert!(clamp_update(&p.t().unwrap(), 1.).unwrap_err().to_string().contains("contiguous"));
    }

    #[test]
    fn one_value_that_is_not_finite_is_found_anywhere() {
        for len in [1, 35, 90_001] {
            let finite = vec![f32::MAX; len];
            let check = |values: Vec<f32>| {
                let x = Tensor::from_vec(values, len, &Device::Cpu).unwrap();
                let double = all_finite(&x.to_dtype(DType::F64).unwrap()).unwrap();
                assert_eq!(all_finite(&x).unwrap(), double);
                double
            };
            assert!(check(finite.clone()));
            let [one, other] = [1., f32::NAN].map(|value| Tensor::new(value, &Device::Cpu).unwrap());
            assert!(all_are_finite([&one, &one]).unwrap() && !all_are_finite([&one, &other]).unwrap());
            for (place, value) in
                [(0, f32::NAN), (len / 2, f32::INFINITY), (len - 1, f32::NEG_INFINITY), (len - 1, f32::NAN)]
            {
                let mut values = finite.clone();
                values[place] = value;
                assert!(!check(values), "{value} at {place} of {len}");
            }
        }
    }

    #[test]
    fn threads_make_no_difference() {
        let (p, v) = (normal("p", SHAPES[1], DType::F32), normal("v", SHAPES[1], DType::F32));
        assert_independent_of_threads(|| {
            let (p, v) = (Var::from_tensor(&p).unwrap(), Var::from_tensor(&v.sqr().unwrap()).unwrap());
            let g = (&*p * 0.3).unwrap();
            adam_update(&p, None, &v, &g, &update(0.)).unwrap();
            vec![p.as_tensor().clone(), v.as_tensor().clone()]
        });
    }
}
