//! Adam, in TensorFlow's form.

use candle_core::{Result, Storage, Tensor, bail};
use rayon::prelude::*;

#[cfg(feature = "cuda")]
use super::cuda;
use super::{AdamSteps, CheckDistinct, TASK, all_are_finite, in_place};
use crate::float::{Float, float_kernel, slice};
use crate::loops::is_parallel;

/// The numbers of a step of Adam, in TensorFlow's form.
///
/// `v = beta2 v + (1 - beta2) g²`, `m = beta1 m + (1 - beta1) g`, `p -= step_size m / (sqrt(v) + epsilon)` with
/// `step_size = learning_rate sqrt(1 - beta2^t) / (1 - beta1^t)` at step `t`, counted from 1 (Kingma and Ba 2015, the form
/// before section 2.1 that needs no corrected moments: epsilon counts before the correction).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamUpdate {
    /// Decay of the first moment; 0 in StyleGAN.
    pub beta1: f64,
    /// Decay of the second moment; 0.99 in StyleGAN.
    pub beta2: f64,
    /// What is added to the root of the second moment; 1e-8 in StyleGAN.
    pub epsilon: f64,
    /// Learning rate.
    pub learning_rate: f64,
}

impl AdamUpdate {
    /// The step size at step `t`.
    pub(super) fn step_size(&self, t: f64) -> f64 {
        self.learning_rate * ((1. - self.beta2.powf(t)).sqrt() / (1. - self.beta1.powf(t)))
    }
}

/// A parameter with its moments and its gradient, all of the same shape.
#[derive(Clone, Copy, Debug)]
pub struct AdamSlot<'a> {
    /// What is to be changed.
    pub parameter: &'a Tensor,
    /// May be left out if `beta1` is 0, where it equals the gradient.
    pub first_moment: Option<&'a Tensor>,
    /// Running mean of the squared gradient.
    pub second_moment: &'a Tensor,
    /// The gradient.
    pub gradient: &'a Tensor,
}

/// One step of Adam on all parameters: changes each and its moments in one pass, and counts in `steps`.
///
/// If `loss` or a gradient holds a number that is not finite, nothing changes, and `steps` tells that the step was skipped.
/// A GPU decides that by itself; nothing waits for it.
///
/// # Errors
/// If in a slot shapes or types differ, two of the tensors share memory, one to be changed is not contiguous, or
/// `first_moment` is missing though `beta1` is not 0.
pub fn adam_update(
    slots: &[AdamSlot<'_>],
    loss: &Tensor,
    steps: &AdamSteps,
    update: &AdamUpdate,
) -> Result<()> {
    let gradients =
        slots.iter().map(|slot| slot.checked_gradient(update)).collect::<Result<Vec<Tensor>>>()?;
    let slots: Vec<AdamSlot<'_>> =
        slots.iter().zip(&gradients).map(|(&slot, gradient)| AdamSlot { gradient, ..slot }).collect();
    #[cfg(feature = "cuda")]
    if steps.state().device().is_cuda() {
        return cuda::adam_update(&slots, loss, steps, update);
    }
    let is_finite = all_are_finite(std::iter::once(loss).chain(&gradients))?;
    let Some(step_size) = steps.advance(is_finite, update)? else { return Ok(()) };
    slots.iter().try_for_each(|slot| slot.step(step_size, update))
}

impl AdamSlot<'_> {
    /// The gradient, contiguous, of a slot in which all fits.
    fn checked_gradient(&self, update: &AdamUpdate) -> Result<Tensor> {
        let Self { parameter, first_moment, second_moment, gradient } = *self;
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
            for other in &tensors[i + 1..] {
                tensor.inplace_op2(other, &CheckDistinct("adam-update"))?;
            }
        }
        Ok(gradient)
    }

    fn step(&self, step_size: f64, update: &AdamUpdate) -> Result<()> {
        in_place("adam-update", self.parameter, |p, p_layout| {
            in_place("adam-update", self.second_moment, |v, v_layout| {
                let (g, g_layout) = self.gradient.storage_and_layout();
                let Storage::Cpu(g) = &*g else {
                    bail!("adam-update: the gradient is not on the parameter's device");
                };
                float_kernel!("adam-update", g, T => {
                    let (p, v) = (T::slice_mut(p, p_layout)?, T::slice_mut(v, v_layout)?);
                    let g = slice::<T>(g, g_layout)?;
                    match self.first_moment {
                        None => {
                            adam_without_first_moment(p, v, g, step_size, update);
                            Ok(())
                        }
                        Some(first_moment) => in_place("adam-update", first_moment, |m, m_layout| {
                            adam(p, T::slice_mut(m, m_layout)?, v, g, step_size, update);
                            Ok(())
                        }),
                    }
                })
            })
        })
    }
}

fn adam<T: Float>(p: &mut [T], m: &mut [T], v: &mut [T], g: &[T], step_size: f64, update: &AdamUpdate) {
    let [beta1, beta2] = [update.beta1, update.beta2].map(T::from_f64);
    let [rest1, rest2] = [1. - update.beta1, 1. - update.beta2].map(T::from_f64);
    let [epsilon, step_size] = [update.epsilon, step_size].map(T::from_f64);
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
fn adam_without_first_moment<T: Float>(
    p: &mut [T],
    v: &mut [T],
    g: &[T],
    step_size: f64,
    update: &AdamUpdate,
) {
    let [beta2, rest2] = [update.beta2, 1. - update.beta2].map(T::from_f64);
    let [epsilon, step_size] = [update.epsilon, step_size].map(T::from_f64);
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

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::super::testing::{SHAPES, cases, var};
    use super::*;
    use crate::testing::{assert_close, assert_independent_of_threads, normal, values};

    fn update(beta1: f64) -> AdamUpdate {
        AdamUpdate { beta1, beta2: 0.99, epsilon: 1e-3, learning_rate: 0.1 }
    }

    /// One step on one parameter.
    fn step(p: &Tensor, m: Option<&Tensor>, v: &Tensor, g: &Tensor, beta1: f64) -> Result<()> {
        let slot = AdamSlot { parameter: p, first_moment: m, second_moment: v, gradient: g };
        adam_update(
            &[slot],
            &Tensor::new(1f32, &Device::Cpu)?,
            &AdamSteps::new(2, &Device::Cpu)?,
            &update(beta1),
        )
    }

    #[test]
    fn adam_is_its_definition() {
        for (dtype, shape) in cases() {
            for (beta1, keeps_first_moment) in [(0., false), (0., true), (0.5, true)] {
                let (p, m) = (var("p", shape, dtype), var("m", shape, dtype));
                let v = Var::from_tensor(&normal("v", shape, dtype).sqr().unwrap()).unwrap();
                let g = normal("g", shape, dtype);
                let next_v = ((&*v * 0.99).unwrap() + (g.sqr().unwrap() * (1. - 0.99)).unwrap()).unwrap();
                let next_m = ((&*m * beta1).unwrap() + (&g * (1. - beta1)).unwrap()).unwrap();
                let direction = (&next_m / (next_v.sqrt().unwrap() + 1e-3).unwrap()).unwrap();
                // The third step.
                let step_size = 0.1 * (1. - 0.99_f64.powi(3)).sqrt() / (1. - f64::powi(beta1, 3));
                let next_p = (&*p - (direction * step_size).unwrap()).unwrap();
                let first_moment = keeps_first_moment.then_some(m.as_tensor());
                step(&p, first_moment, &v, &g, beta1).unwrap();
                assert_close("parameter", &p, &next_p);
                assert_close("second moment", &v, &next_v);
                if keeps_first_moment {
                    assert_close("first moment", &m, &next_m);
                }
            }
        }
    }

    #[test]
    fn a_number_that_is_not_finite_anywhere_changes_nothing() {
        let steps = AdamSteps::new(2, &Device::Cpu).unwrap();
        let [p, q] = ["p", "q"].map(|name| var(name, &[5, 7], DType::F32));
        let [v, w, m, n] = [&p, &q, &p, &q].map(|p| Var::from_tensor(&p.sqr().unwrap()).unwrap());
        let all = || [&p, &q, &v, &w, &m, &n].map(|var| values(var));
        let before = all();
        let finite = normal("g", &[5, 7], DType::F32);
        let infinite = finite.affine(f64::MAX, 0.).unwrap();
        let step = |loss: f64, last: &Tensor| {
            let slots = [(&p, &m, &v, &finite), (&q, &n, &w, last)].map(|(p, m, v, gradient)| AdamSlot {
                parameter: p,
                first_moment: Some(m),
                second_moment: v,
                gradient,
            });
            adam_update(&slots, &Tensor::new(loss, &Device::Cpu).unwrap(), &steps, &update(0.5)).unwrap();
            (steps.done().unwrap(), steps.is_skipped().unwrap())
        };
        assert_eq!([step(f64::NAN, &finite), step(1., &infinite)], [(2, true); 2]);
        assert_eq!(all(), before);
        assert_eq!(step(1., &finite), (3, false));
        assert!(all().iter().zip(&before).all(|(now, before)| now != before));
    }

    #[test]
    fn strided_gradients_are_read_in_order() {
        let [p, other_p] = [0; 2].map(|_| var("p", &[5, 7], DType::F32));
        let [v, other_v] = [0; 2].map(|_| p.sqr().unwrap());
        let g = normal("g", &[7, 5], DType::F32).t().unwrap();
        step(&p, None, &v, &g, 0.).unwrap();
        step(&other_p, None, &other_v, &g.contiguous().unwrap(), 0.).unwrap();
        assert_close("parameter", &p, &other_p);
    }

    #[test]
    fn adam_refuses_what_does_not_fit() {
        let (p, v) = (var("p", &[5, 7], DType::F32), var("v", &[5, 7], DType::F32));
        let g = normal("g", &[5, 7], DType::F32);
        let missing = step(&p, None, &v, &g, 0.5).unwrap_err().to_string();
        assert!(missing.contains("beta1 is 0.5, which needs a first moment"), "{missing}");
        let shapes = step(&p, None, &v, &g.t().unwrap(), 0.).unwrap_err().to_string();
        assert!(shapes.contains("does not match"), "{shapes}");
        assert!(step(&p, None, &v, &g.to_dtype(DType::F64).unwrap(), 0.).is_err());
        // Each of these would wait for itself.
        assert!(step(&p, None, &p, &g, 0.).is_err());
        assert!(step(&p, None, &v, &p, 0.).is_err());
        assert!(step(&p, None, &v, &v.as_detached_tensor(), 0.).is_err());
        assert!(step(&p, Some(&v), &v, &g, 0.5).is_err());
    }

    #[test]
    fn threads_make_no_difference() {
        let (p, v) = (normal("p", SHAPES[1], DType::F32), normal("v", SHAPES[1], DType::F32));
        assert_independent_of_threads(|| {
            let (p, v) = (Var::from_tensor(&p).unwrap(), Var::from_tensor(&v.sqr().unwrap()).unwrap());
            step(&p, None, &v, &(&*p * 0.3).unwrap(), 0.).unwrap();
            vec![p.as_tensor().clone(), v.as_tensor().clone()]
        });
    }
}
