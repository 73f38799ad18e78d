//! Several tensors in one, scaled and rounded on their way, in one pass.
//!
//! A network has about a hundred parameters, most of them small. Scaled, rounded and put together one by one they cost more
//! starts of kernels than convolutions do, and as many again for their gradients.

#[cfg(feature = "cuda")]
mod cuda;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Storage, Tensor, WithDType, bail};

use crate::float::{Float, float_kernel, slice};
use crate::gradients::tracked;

/// All values of some tensors, each tensor times its scale, rounded to `dtype`, one behind the other.
pub(crate) fn gathered(parts: Vec<(Tensor, f64)>, dtype: DType) -> Result<Tensor> {
    let len = parts.iter().map(|(part, _)| part.elem_count()).sum::<usize>();
    gathered_as(parts, dtype, len.into())
}

/// A tensor times `scale`, rounded to `dtype`.
pub(crate) fn scaled(x: &Tensor, scale: f64, dtype: DType) -> Result<Tensor> {
    gathered_as(vec![(x.clone(), scale)], dtype, x.shape().clone())
}

fn gathered_as(parts: Vec<(Tensor, f64)>, dtype: DType, shape: Shape) -> Result<Tensor> {
    let parts =
        parts.into_iter().map(|(part, scale)| Ok((part.contiguous()?, scale))).collect::<Result<Vec<_>>>()?;
    let Some((first, _)) = parts.first() else { bail!("gathered: there is nothing to gather") };
    let is_one_pass = match (first.dtype(), dtype) {
        (DType::F32, DType::F32) | (DType::F64, DType::F64) => true,
        (DType::F32, DType::BF16) => first.device().is_cuda(),
        _ => false,
    } && parts.iter().all(|(part, _)| part.dtype() == first.dtype());
    // candle knows of one argument; gradients of variables are collected beside it.
    let others: Vec<usize> =
        (0..parts.len()).filter(|&i| parts[i].0.track_op() && !parts[i].0.is_variable()).collect();
    if others.len() > 1 || !is_one_pass {
        let rounded = |(part, scale): &(Tensor, f64)| (part.flatten_all()? * *scale)?.to_dtype(dtype);
        let parts = parts.iter().map(rounded).collect::<Result<Vec<_>>>()?;
        return Tensor::cat(&parts, 0)?.reshape(shape);
    }
    let variable = || parts.iter().position(|(part, _)| part.track_op());
    let known = others.first().copied().or_else(variable).unwrap_or(0);
    let argument = parts[known].0.clone();
    argument.apply_op1(Gathered { parts, known, dtype, shape })
}

struct Gathered {
    /// With their scales.
    parts: Vec<(Tensor, f64)>,
    /// Number of the one that candle knows.
    known: usize,
    dtype: DType,
    shape: Shape,
}

impl Gathered {
    /// Lengths and scales.
    fn lengths(&self) -> Vec<(usize, f64)> {
        self.parts.iter().map(|(part, scale)| (part.elem_count(), *scale)).collect()
    }

    /// Calls `with` for each part's storage and layout; that of the known one is locked already.
    fn each<S>(
        &self,
        known: (&S, &Layout),
        of: fn(&Storage) -> Result<&S>,
        mut with: impl FnMut(&S, &Layout, f64) -> Result<()>,
    ) -> Result<()> {
        for (index, (part, scale)) in self.parts.iter().enumerate() {
            if index == self.known {
                with(known.0, known.1, *scale)?;
            } else {
                let (storage, layout) = part.storage_and_layout();
                with(of(&storage)?, layout, *scale)?;
            }
        }
        Ok(())
    }
}

impl CustomOp1 for Gathered {
    fn name(&self) -> &'static str {
        "gathered"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        float_kernel!(self.name(), storage, T => {
            let mut all = Vec::with_capacity(self.shape.elem_count());
            self.each((storage, layout), in_memory, |storage, layout, scale| {
                append_scaled(&mut all, slice::<T>(storage, layout)?, scale);
                Ok(())
            })?;
            Ok((T::to_cpu_storage_owned(all), self.shape.clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, storage: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::gathered(self, storage, layout)?, self.shape.clone()))
    }

    fn bwd(&self, known: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let g = g.contiguous()?.flatten_all()?;
        let is_same = known.dtype() == self.dtype && self.parts.iter().all(|(_, scale)| *scale == 1.);
        let g = if is_same {
            g
        } else {
            g.apply_op1_no_bwd(&Scattered { from: self.dtype, parts: self.lengths() })?
        };
        let mut of_known = None;
        let mut start = 0;
        for (index, (part, _)) in self.parts.iter().enumerate() {
            let len = part.elem_count();
            let gradient = || g.narrow(0, start, len)?.reshape(part.shape());
            if index == self.known {
                of_known = tracked(known, gradient)?;
            } else if tracked(part, gradient)?.is_some() {
                bail!("gathered: its gradients are found by `stylegan_ops::backward` alone");
            }
            start += len;
        }
        Ok(of_known)
    }
}

/// From the gradient of what was gathered to those of the parts, one behind the other.
struct Scattered {
    /// The type of the gradient; the parts have the one that it is computed in.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "in memory all types are the same"))]
    from: DType,
    /// Lengths and scales.
    parts: Vec<(usize, f64)>,
}

impl CustomOp1 for Scattered {
    fn name(&self) -> &'static str {
        "scattered"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        float_kernel!(self.name(), storage, T => {
            let mut rest = slice::<T>(storage, layout)?;
            let mut all = Vec::with_capacity(rest.len());
            for &(len, scale) in &self.parts {
                let (part, behind) = rest.split_at(len);
                append_scaled(&mut all, part, scale);
                rest = behind;
            }
            Ok((T::to_cpu_storage_owned(all), layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, storage: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::scattered(self, storage, layout)?, layout.shape().clone()))
    }
}

fn in_memory(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => bail!("gathered: the tensors are on different devices"),
    }
}

fn append_scaled<T: Float>(all: &mut Vec<T>, part: &[T], scale: f64) {
    let scale = T::from_f64(scale);
    all.extend(part.iter().map(|&value| value * scale));
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::backward;
    use crate::testing::{assert_close, normal};

    /// Two variables, one that is neither tracked nor a variable, and what is made of another variable.
    #[test]
    fn gathering_is_scaling_and_joining() -> Result<()> {
        for dtype in [DType::F32, DType::F64] {
            let var = |name: &str, shape: &[usize]| Var::from_tensor(&normal(name, shape, dtype));
            let vars = [var("a", &[3, 5])?, var("b", &[7])?, var("c", &[2, 2])?];
            let plain = normal("d", &[4], dtype);
            let made = (vars[2].as_tensor() * 2.)?;
            let [a, b, _] = vars.each_ref().map(|var| var.as_tensor().clone());
            let parts = vec![(a, 0.3), (plain, 0.5), (made.clone(), 1.), (b, -2.)];
            let y = gathered(parts.clone(), dtype)?;
            let flat =
                parts.iter().map(|(x, scale)| x.flatten_all()? * *scale).collect::<Result<Vec<_>>>()?;
            let expected = Tensor::cat(&flat, 0)?;
            assert_close("gathered", &y, &expected);
            let (gradients, plain) =
                (backward(&y.sqr()?.sum_all()?)?, expected.sqr()?.sum_all()?.backward()?);
            for var in &vars {
                assert_close("gradient", gradients.get(var).unwrap(), plain.get(var).unwrap());
            }
            // Two that candle has to know.
            let other = (vars[1].as_tensor() * 3.)?;
            let (y, expected) = (gathered(vec![(made, 1.), (other.clone(), 2.)], dtype)?, (&other * 2.)?);
            assert_close("gathered", &y.narrow(0, 4, 7)?, &expected);
            assert!(backward(&y.sum_all()?)?.get(&vars[1]).is_some());
        }
        Ok(())
    }

    #[test]
    fn one_tensor_keeps_its_shape() -> Result<()> {
        let x = Var::from_tensor(&normal("x", &[3, 5], DType::F32))?;
        let y = scaled(&x, 0.3, DType::F64)?;
        assert_eq!((y.dims(), y.dtype()), (x.dims(), DType::F64));
        let y = scaled(&x, 0.3, DType::F32)?;
        assert_close("scaled", &y, &(x.as_tensor() * 0.3)?);
        // candle's own pass finds it too.
        assert_eq!(y.sum_all()?.backward()?.get(&x).unwrap().dims(), x.dims());
        Ok(())
    }

    #[test]
    fn gradients_that_candle_would_miss_are_an_error() -> Result<()> {
        let var = |name: &str| -> Result<_> {
            Ok((Var::from_tensor(&normal(name, &[3], DType::F32))?.into_inner(), 1.))
        };
        let y = gathered(vec![var("a")?, var("b")?], DType::F32)?.sum_all()?;
        assert!(y.backward().unwrap_err().to_string().contains("stylegan_ops::backward"));
        assert!(backward(&y).is_ok());
        Ok(())
    }
}
