//! What follows a convolution, on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::Finish;
use crate::cuda::{Argument, Gpu, NOTHING, Value, View};
use crate::leaky_relu::SLOPE;
use crate::planes::NoisePlanes;

impl<T: Value> Gpu<T> {
    /// `x + noise * strength + bias`, then a leaky `ReLU`, or what else multiplies negative values by `slope`.
    pub(crate) fn activated(
        &self,
        x: View<'_, T>,
        bias: View<'_, T>,
        noise: Option<(View<'_, T>, NoisePlanes<View<'_, T>>)>,
        area: usize,
        slope: f64,
    ) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(x.len())?;
        self.activate(x, bias, noise, (&mut y).into(), area, slope)?;
        Ok(y)
    }

    fn activate(
        &self,
        x: View<'_, T>,
        bias: View<'_, T>,
        noise: Option<(View<'_, T>, NoisePlanes<View<'_, T>>)>,
        y: Argument,
        area: usize,
        slope: f64,
    ) -> Result<()> {
        let [strength, values, stride] = noise_arguments(noise);
        let (len, channels) = (x.len(), bias.len());
        self.launch_for(
            "activate",
            len,
            4,
            &[
                x.into(),
                bias.into(),
                strength,
                values,
                y,
                len.into(),
                channels.into(),
                area.into(),
                stride,
                slope.into(),
            ],
        )
    }

    /// Finishes planes of `area` pixels in place.
    pub(crate) fn finish(
        &self,
        mut features: CudaSlice<T>,
        area: usize,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let len = features.len();
        let target = Argument::from(&mut features);
        let source = View::of(&features);
        match finish {
            None => {}
            Some(&Finish::Activate { bias, noise }) => {
                self.activate(source, bias, noise, target, area, SLOPE)?;
            }
            Some(&Finish::Mask(y)) => {
                let arguments = [source.into(), y.into(), target, len.into(), SLOPE.into()];
                self.launch_for("masked", len, 4, &arguments)?;
            }
        }
        Ok(features)
    }
}

/// Strength, values, and how far the noise of neighboring samples lies apart.
pub(crate) fn noise_arguments<T>(noise: Option<(View<'_, T>, NoisePlanes<View<'_, T>>)>) -> [Argument; 3] {
    match noise {
        None => [NOTHING, NOTHING, 0.into()],
        Some((strength, planes)) => [strength.into(), planes.noise.into(), planes.stride().into()],
    }
}
