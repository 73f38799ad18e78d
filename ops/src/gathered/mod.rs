//! Several tensors in one, scaled, rounded and laid out on their way, in one pass.
//!
//! A network has about a hundred parameters, most of them small. Scaled, rounded and put together one by one they cost more
//! starts of kernels than convolutions do, and as many again for their gradients.

#[cfg(feature = "cuda")]
mod cuda;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Storage, Tensor, WithDType, bail};

use crate::feature_layout::FeatureLayout;
use crate::float::{Float, float_kernel, slice};
use crate::gradients::tracked;

/// A tensor to be gathered.
#[derive(Clone)]
pub(crate) struct Part {
    tensor: Tensor,
    scale: f64,
    exchange: Exchange,
}

/// Input channels and places of a kernel whose order is exchanged: `[out, in, kernel, kernel]` becomes
/// `[out, kernel, kernel, in]`. With one of either, all stays where it is.
type Exchange = [usize; 2];

/// Nothing is exchanged.
const AS_IT_IS: Exchange = [1, 1];

impl Part {
    /// A tensor as it lies, times `scale`.
    pub(crate) fn new(tensor: &Tensor, scale: f64) -> Self {
        Self { tensor: tensor.clone(), scale, exchange: AS_IT_IS }
    }

    /// The weight of a convolution `[out, in, kernel, kernel]`, times `scale`, as `layout` has it.
    pub(crate) fn weight(tensor: &Tensor, scale: f64, layout: FeatureLayout) -> Result<Self> {
        let (_, ins, height, width) = tensor.dims4()?;
        let exchange = if layout == FeatureLayout::Nhwc { [ins, height * width] } else { AS_IT_IS };
        Ok(Self { tensor: tensor.clone(), scale, exchange })
    }
}

/// All values of some tensors, rounded to `dtype`, one behind the other.
pub(crate) fn gathered(parts: Vec<Part>, dtype: DType) -> Result<Tensor> {
    let len = parts.iter().map(|part| part.tensor.elem_count()).sum::<usize>();
    gathered_as(parts, dtype, len.into())
}

/// A tensor times `scale`, rounded to `dtype`.
pub(crate) fn scaled(x: &Tensor, scale: f64, dtype: DType) -> Result<Tensor> {
    gathered_as(vec![Part::new(x, scale)], dtype, x.shape().clone())
}

/// The weight of a convolution times `scale`, rounded to `dtype`, as `layout` has it.
pub(crate) fn laid_out(weight: &Tensor, scale: f64, dtype: DType, layout: FeatureLayout) -> Result<Tensor> {
    let (outs, ins, height, width) = weight.dims4()?;
    let shape = match layout {
        FeatureLayout::Nchw => [outs, ins, height, width],
        FeatureLayout::Nhwc => [outs, height, width, ins],
    };
    gathered_as(vec![Part::weight(weight, scale, layout)?], dtype, shape.as_slice().into())
}

fn gathered_as(mut parts: Vec<Part>, dtype: DType, shape: Shape) -> Result<Tensor> {
    for part in &mut parts {
        part.tensor = part.tensor.contiguous()?;
    }
    let Some(Part { tensor: first, .. }) = parts.first() else {
        bail!("gathered: there is nothing to gather")
    };
    let is_one_pass = match (first.dtype(), dtype) {
        (DType::F32, DType::F32) | (DType::F64, DType::F64) => true,
        (DType::F32, DType::BF16) => first.device().is_cuda(),
        _ => false,
    } && parts.iter().all(|part| part.tensor.dtype() == first.dtype());
    // candle knows of one argument; gradients of variables are collected beside it.
    let is_other = |part: &Part| part.tensor.track_op() && !part.tensor.is_variable();
    let others: Vec<usize> = (0..parts.len()).filter(|&i| is_other(&parts[i])).collect();
    if others.len() > 1 || !is_one_pass {
        let rounded = |Part { tensor, scale, exchange: [ins, taps] }: &Part| {
            let tensor = if ins * taps > 1 {
                tensor.reshape(((), *ins, *taps))?.transpose(1, 2)?
            } else {
                tensor.clone()
            };
            (tensor.flatten_all()? * *scale)?.to_dtype(dtype)
        };
        let parts = parts.iter().map(rounded).collect::<Result<Vec<_>>>()?;
        return Tensor::cat(&parts, 0)?.reshape(shape);
    }
    let variable = || parts.iter().position(|part| part.tensor.track_op());
    let known = others.first().copied().or_else(variable).unwrap_or(0);
    let argument = parts[known].tensor.clone();
    argument.apply_op1(Gathered { parts, known, dtype, shape })
}

struct Gathered {
    parts: Vec<Part>,
    /// Number of the one that candle knows.
    known: usize,
    dtype: DType,
    shape: Shape,
}

impl Gathered {
    /// Where gradients go.
    fn ways_back(&self) -> Vec<WayBack> {
        let way = |part: &Part| WayBack {
            len: part.tensor.elem_count(),
            scale: part.scale,
            exchange: part.exchange,
        };
        self.parts.iter().map(way).collect()
    }

    /// Calls `with` for each part's storage and layout; that of the known one is locked already.
    fn each<S>(
        &self,
        known: (&S, &Layout),
        of: fn(&Storage) -> Result<&S>,
        mut with: impl FnMut(&S, &Layout, f64, Exchange) -> Result<()>,
    ) -> Result<()> {
        for (index, Part { tensor, scale, exchange }) in self.parts.iter().enumerate() {
            if index == self.known {
                with(known.0, known.1, *scale, *exchange)?;
            } else {
                let (storage, layout) = tensor.storage_and_layout();
                with(of(&storage)?, layout, *scale, *exchange)?;
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
            self.each((storage, layout), in_memory, |storage, layout, scale, exchange| {
                append_scaled(&mut all, slice::<T>(storage, layout)?, scale, exchange);
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
        let is_same = |part: &Part| part.scale == 1. && part.exchange.contains(&1);
        let is_same = known.dtype() == self.dtype && self.parts.iter().all(is_same);
        let g = if is_same {
            g
        } else {
            g.apply_op1_no_bwd(&Scattered { from: self.dtype, ways: self.ways_back() })?
        };
        let mut of_known = None;
        let mut start = 0;
        for (index, Part { tensor, .. }) in self.parts.iter().enumerate() {
            let len = tensor.elem_count();
            let gradient = || g.narrow(0, start, len)?.reshape(tensor.shape());
            if index == self.known {
                of_known = tracked(known, gradient)?;
            } else if tracked(tensor, gradient)?.is_some() {
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
    ways: Vec<WayBack>,
}

/// What a gradient of so many values is multiplied by, and what is exchanged back in it.
struct WayBack {
    len: usize,
    scale: f64,
    exchange: Exchange,
}

impl CustomOp1 for Scattered {
    fn name(&self) -> &'static str {
        "scattered"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        float_kernel!(self.name(), storage, T => {
            let mut rest = slice::<T>(storage, layout)?;
            let mut all = Vec::with_capacity(rest.len());
            for &WayBack { len, scale, exchange: [ins, taps] } in &self.ways {
                let (part, behind) = rest.split_at(len);
                append_scaled(&mut all, part, scale, [taps, ins]);
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

/// Values times `scale`; those of matrices of so many rows and columns with both exchanged.
fn append_scaled<T: Float>(all: &mut Vec<T>, part: &[T], scale: f64, [rows, columns]: [usize; 2]) {
    let scale = T::from_f64(scale);
    if rows == 1 || columns == 1 {
        all.extend(part.iter().map(|&value| value * scale));
        return;
    }
    for matrix in part.chunks_exact(rows * columns) {
        for column in 0..columns {
            all.extend(matrix[column..].iter().step_by(columns).map(|&value| value * scale));
        }
    }
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
            let parts = [(a, 0.3), (plain, 0.5), (made.clone(), 1.), (b, -2.)];
            let y = gathered(parts.iter().map(|(x, scale)| Part::new(x, *scale)).collect(), dtype)?;
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
            let y = gathered(vec![Part::new(&made, 1.), Part::new(&other, 2.)], dtype)?;
            let expected = (&other * 2.)?;
            assert_close("gathered", &y.narrow(0, 4, 7)?, &expected);
            assert!(backward(&y.sum_all()?)?.get(&vars[1]).is_some());
        }
        Ok(())
    }

    /// One weight alone, two that candle does not know of, and one of those that it has to.
    #[test]
    fn weights_are_laid_out() -> Result<()> {
        let dtype = DType::F64;
        let weight = |name: &str, kernel| Var::from_tensor(&normal(name, &[4, 5, kernel, kernel], dtype));
        let vars = [weight("a", 3)?, weight("b", 1)?, weight("c", 3)?];
        let last = FeatureLayout::Nhwc;
        let permuted = |x: &Tensor, scale: f64| x.permute((0, 2, 3, 1))?.contiguous()? * scale;
        let y = laid_out(&vars[0], 0.5, dtype, last)?;
        let expected = permuted(&vars[0], 0.5)?;
        assert_close("laid out", &y, &expected);
        let of =
            |loss: Tensor, var: &Var| Ok::<_, candle_core::Error>(backward(&loss)?.get(var).unwrap().clone());
        let probe = normal("probe", y.dims(), dtype);
        let by = |y: &Tensor| (y * &probe)?.sum_all();
        assert_close("gradient", &of(by(&y)?, &vars[0])?, &of(by(&expected)?, &vars[0])?);
        for made in [false, true] {
            let tensors = vars
                .each_ref()
                .map(|var| if made { (var.as_tensor() * 2.).unwrap() } else { var.as_tensor().clone() });
            let parts = tensors.iter().map(|x| Part::weight(x, 0.3, last)).collect::<Result<Vec<_>>>()?;
            let y = gathered(parts, dtype)?;
            let flat = tensors.iter().map(|x| permuted(x, 0.3)?.flatten_all()).collect::<Result<Vec<_>>>()?;
            let expected = Tensor::cat(&flat, 0)?;
            assert_close("gathered weights", &y, &expected);
            for var in &vars {
                let square = |y: &Tensor| y.powf(3.)?.sum_all();
                assert_close("gradient", &of(square(&y)?, var)?, &of(square(&expected)?, var)?);
            }
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
            Ok(Part::new(&Var::from_tensor(&normal(name, &[3], DType::F32))?.into_inner(), 1.))
        };
        let y = gathered(vec![var("a")?, var("b")?], DType::F32)?.sum_all()?;
        assert!(y.backward().unwrap_err().to_string().contains("stylegan_ops::backward"));
        assert!(backward(&y).is_ok());
        Ok(())
    }
}
