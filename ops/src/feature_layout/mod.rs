//! How features lie in memory, and the way from pictures to them and back.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;

use std::fmt;

use candle_core::{CustomOp1, Result, Shape, Tensor, bail};

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::gradients::tracked;

/// How the features between the layers of a network lie in memory.
///
/// A tensor has its axes in the order in which they lie: what is not told of the layout is wrong in shape, not silently in
/// values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FeatureLayout {
    /// `[batch, channels, height, width]`, one plane behind the other.
    #[default]
    Nchw,
    /// `[batch, height, width, channels]`, all channels of a pixel side by side: what tensor cores of a GPU multiply. Only
    /// what a network is made of can work with it: [`synthesis_layer`](crate::synthesis_layer), [`Chain`](crate::Chain) and
    /// all that looks at each value alone.
    Nhwc,
}

impl FeatureLayout {
    /// Planes `[batch, channels, height, width]` in this layout; weights, too, whose batch is that of the filters.
    ///
    /// # Errors
    /// If `x` does not have four axes.
    pub fn of_planes(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Nchw => Ok(x.clone()),
            Self::Nhwc => Exchange { to: Self::Nhwc }.apply(x),
        }
    }

    /// Planes `[batch, channels, height, width]` of what lies in this layout.
    ///
    /// # Errors
    /// If `x` does not have four axes.
    pub fn to_planes(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Nchw => Ok(x.clone()),
            Self::Nhwc => Exchange { to: Self::Nchw }.apply(x),
        }
    }

    /// Checks that the operation called so works with it on the device of `x`.
    pub(crate) fn check(self, operation: &str, x: &Tensor) -> Result<()> {
        if self == Self::Nhwc && !x.device().is_cuda() {
            bail!("{operation}: channels lie one behind the other on a GPU only")
        }
        Ok(())
    }
}

impl fmt::Display for FeatureLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nchw => "nchw",
            Self::Nhwc => "nhwc",
        })
    }
}

pub(crate) trait ExchangeAxes: Engine {
    /// Each of the matrices of so many rows and columns, which lie one behind the other, with both exchanged.
    fn exchanged(&self, x: Self::View<'_>, rows: usize, columns: usize) -> Result<Self::Values>;
}

/// From one layout to the other.
struct Exchange {
    to: FeatureLayout,
}

impl Exchange {
    fn apply(self, x: &Tensor) -> Result<Tensor> {
        let (batch, a, b, c) = x.dims4()?;
        let (channels, pixels, shape) = match self.to {
            FeatureLayout::Nhwc => (a, b * c, (batch, b, c, a)),
            FeatureLayout::Nchw => (c, a * b, (batch, c, a, b)),
        };
        let x = x.contiguous()?;
        // One row or column lies the same way in both.
        if channels == 1 || pixels == 1 { x.reshape(shape) } else { x.apply_op1(self) }
    }

    fn run<E: ExchangeAxes>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (batch, a, b, c) = x.shape.dims4()?;
        Ok(match self.to {
            FeatureLayout::Nhwc => (engine.exchanged(x.values, a, b * c)?, (batch, b, c, a).into()),
            FeatureLayout::Nchw => (engine.exchanged(x.values, a * b, c)?, (batch, c, a, b).into()),
        })
    }
}

impl CustomOp1 for Exchange {
    fn name(&self) -> &'static str {
        "exchange"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || match self.to {
            FeatureLayout::Nhwc => FeatureLayout::Nhwc.to_planes(g),
            FeatureLayout::Nchw => FeatureLayout::Nhwc.of_planes(g),
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{
        LARGE, PICTURE, assert_gradients, assert_independent_of_threads, assert_same_as, normal,
    };

    #[test]
    fn layouts_are_permutations() {
        for shape in [PICTURE, LARGE, &[2, 1, 3, 5], &[3, 7, 1, 1]] {
            let (to, from) = (FeatureLayout::of_planes, FeatureLayout::to_planes);
            let nhwc = FeatureLayout::Nhwc;
            assert_same_as(&[shape], 1, |v| to(nhwc, &v[0]), |v| v[0].permute((0, 2, 3, 1)));
            assert_same_as(&[shape], 1, |v| from(nhwc, &v[0]), |v| v[0].permute((0, 3, 1, 2)));
            assert_same_as(&[shape], 1, |v| to(FeatureLayout::Nchw, &v[0]), |v| Ok(v[0].clone()));
        }
        assert_gradients(&[PICTURE], |v| FeatureLayout::Nhwc.of_planes(&v[0])?.sqr());
    }

    #[test]
    fn threads_make_no_difference() {
        let x = normal("x", LARGE, DType::F32);
        assert_independent_of_threads(|| vec![FeatureLayout::Nhwc.of_planes(&x).unwrap()]);
    }

    #[test]
    fn layouts_are_called_by_their_axes() {
        assert_eq!(
            [FeatureLayout::Nchw, FeatureLayout::Nhwc].map(|layout| layout.to_string()),
            ["nchw", "nhwc"]
        );
    }

    #[test]
    fn a_cpu_has_planes_only() {
        let x = normal("x", PICTURE, DType::F32);
        let refused = FeatureLayout::Nhwc.check("layer", &x).unwrap_err().to_string();
        assert!(refused.contains("on a GPU only"), "{refused}");
        FeatureLayout::Nchw.check("layer", &x).unwrap();
        assert!(FeatureLayout::Nhwc.of_planes(&x.flatten_all().unwrap()).is_err());
    }
}
