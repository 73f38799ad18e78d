//! A convolution as a layer of a network that is not trained.

use std::sync::Arc;

use candle_core::{CustomOp2, Result, Shape, Tensor, bail};

use super::{Convolve, FrozenFilters, Geometry, Weight, apply, weight_dims};
use crate::custom_op::runs_on_every_engine;
use crate::engine::Input;
use crate::gradients::tracked;
use crate::planes::Planes;

/// [`conv2d`](crate::conv2d) by a weight that never changes, and has no gradient.
///
/// On a CPU it keeps what uses of the weight, and gradients through it, make of it, from the second on: up to eight times its
/// size. That pays where few pixels are looked at many times, as by a perceptual loss on one picture.
#[derive(Debug)]
pub struct FrozenConv {
    pub(super) weight: Tensor,
    pub(super) filters: Arc<FrozenFilters>,
}

impl FrozenConv {
    /// That by `weight [out_channels, in_channels, 3, 3]`.
    ///
    /// # Errors
    /// If the weight has another shape, or is a variable.
    pub fn new(weight: &Tensor) -> Result<Self> {
        if weight_dims("frozen-conv", weight)?.2 != 3 {
            bail!("frozen-conv: the kernel of weight {:?} is not 3x3", weight.shape());
        }
        if weight.is_variable() {
            bail!("frozen-conv: weight is a variable, which may change");
        }
        Ok(Self { weight: weight.detach().contiguous()?, filters: Arc::new(FrozenFilters::of_few_pixels()) })
    }

    /// The convolution, which can be differentiated by `x` as often as one likes.
    ///
    /// # Shapes
    /// - `x`: `[batch, in_channels, height, width]`
    /// - returns: `[batch, out_channels, height, width]`
    ///
    /// # Errors
    /// If `x` has another shape, or another type than the weight.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let op = Frozen { geometry: self.geometry(x)?, adjoint: false, filters: Arc::clone(&self.filters) };
        apply(op, x, &self.weight)
    }

    pub(super) fn geometry(&self, x: &Tensor) -> Result<Geometry> {
        let (batch, input) = Planes::of(x.shape())?;
        let (out_channels, in_channels, kernel) = weight_dims("frozen-conv", &self.weight)?;
        if input.channels != in_channels {
            bail!("frozen-conv: x {:?} does not have the {in_channels} channels of the weight", x.shape());
        }
        Ok(Geometry::same(batch, input, out_channels, kernel))
    }
}

pub(super) struct Frozen {
    pub(super) geometry: Geometry,
    pub(super) adjoint: bool,
    pub(super) filters: Arc<FrozenFilters>,
}

impl Frozen {
    fn run<E: Convolve>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        weight: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let Self { geometry, adjoint, filters } = self;
        let weight = Weight::new(weight.values).frozen(Some(filters));
        let (y, planes) = if *adjoint {
            (engine.transpose(geometry, x.values, weight, None)?, geometry.input)
        } else {
            (engine.forward(geometry, x.values, weight, None)?, geometry.output)
        };
        Ok((y, planes.shape(geometry.batch)))
    }
}

impl CustomOp2 for Frozen {
    fn name(&self) -> &'static str {
        "frozen-conv"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let Self { geometry, adjoint, filters } = self;
        let other = Self { geometry: *geometry, adjoint: !adjoint, filters: Arc::clone(filters) };
        Ok((tracked(x, || apply(other, grad, weight))?, None))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::conv2d;
    use crate::gradients::backward;
    use crate::testing::{assert_independent_of_threads, assert_same_as, normal};

    /// So few pixels that a tile is one of them, more, many, and few again.
    const SHAPES: [&[usize]; 4] = [&[2, 9, 4, 3], &[3, 9, 5, 6], &[3, 9, 8, 13], &[1, 9, 4, 7]];

    #[test]
    fn is_the_convolution_by_its_weight_at_every_size() {
        let weight = normal("weight", &[17, 9, 3, 3], DType::F64);
        let weight = |dtype| weight.to_dtype(dtype).unwrap();
        let frozen = [DType::F32, DType::F64].map(|dtype| FrozenConv::new(&weight(dtype)).unwrap());
        let forward = |x: &Tensor| frozen[usize::from(x.dtype() == DType::F64)].forward(x);
        // What is kept is made the second time.
        for shape in SHAPES.into_iter().flat_map(|shape| [shape; 3]) {
            let plain = |x: &Tensor| conv2d(x, &weight(x.dtype()));
            assert_same_as(&[shape], 1, |inputs| forward(&inputs[0]), |inputs| plain(&inputs[0]));
        }
    }

    #[test]
    fn few_channels_are_convolved_the_plain_way() {
        let weight = normal("weight", &[5, 3, 3, 3], DType::F32);
        let forward =
            |inputs: &[Tensor]| FrozenConv::new(&weight.to_dtype(inputs[0].dtype())?)?.forward(&inputs[0]);
        let plain = |inputs: &[Tensor]| conv2d(&inputs[0], &weight.to_dtype(inputs[0].dtype())?);
        assert_same_as(&[&[2, 3, 8, 4]], 1, forward, plain);
    }

    /// With filters that all tasks share, and more of them.
    #[test]
    fn results_do_not_depend_on_threads() {
        assert_independent_of_threads(|| {
            let mut found = Vec::new();
            for ([outs, ins], [height, width]) in
                [([40, 24], [21, 17]), ([290, 300], [4, 5]), ([513, 400], [9, 6])]
            {
                let conv = FrozenConv::new(&normal("weight", &[outs, ins, 3, 3], DType::F32)).unwrap();
                let x = Var::from_tensor(&normal("x", &[1, ins, height, width], DType::F32)).unwrap();
                let y = conv.forward(&x).unwrap();
                let gradients = backward(&y.sqr().unwrap().sum_all().unwrap()).unwrap();
                found.extend([y.detach(), gradients.get(&x).unwrap().clone()]);
            }
            found
        });
    }

    #[test]
    fn wrong_arguments_are_errors() -> Result<()> {
        let weight = |shape: (usize, usize, usize, usize)| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let refused = |weight: &Tensor| FrozenConv::new(weight).unwrap_err().to_string();
        assert!(refused(&weight((7, 4, 1, 1))?).contains("not 3x3"));
        assert!(refused(Var::from_tensor(&weight((7, 4, 3, 3))?)?.as_tensor()).contains("variable"));
        let conv = FrozenConv::new(&weight((7, 4, 3, 3))?)?;
        let refused = |x: &Tensor| conv.forward(x).unwrap_err().to_string();
        let x = Tensor::zeros((2, 4, 8, 5), DType::F32, &Device::Cpu)?;
        assert!(refused(&x.to_dtype(DType::F64)?).contains("dtypes"));
        assert!(refused(&x.narrow(1, 0, 3)?).contains("4 channels"));
        Ok(())
    }
}
