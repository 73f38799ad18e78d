//! What follows a convolution, on a GPU.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::Finish;
use crate::cuda::{Argument, Gpu, Lanes, NOTHING, Value, View};
use crate::feature_layout::FeatureLayout;
use crate::leaky_relu::SLOPE;
use crate::planes::{NoisePlanes, Planes};

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

    fn activate_last(
        &self,
        x: View<'_, T>,
        bias: View<'_, T>,
        noise: Option<(View<'_, T>, NoisePlanes<View<'_, T>>)>,
        y: Argument,
        planes: Planes,
        slope: f64,
    ) -> Result<()> {
        let lanes = Lanes::of::<T>(x.len() / planes.len().max(1), planes.channels, planes.pixels());
        let [strength, values, stride] = noise_arguments(noise);
        let arguments = [x.into(), bias.into(), strength, values, y].into_iter().chain(lanes.arguments());
        self.launch_lanes("activate_last", lanes, arguments.chain([stride, slope.into()]))
    }

    /// Finishes planes in place.
    pub(crate) fn finish(
        &self,
        mut features: CudaSlice<T>,
        planes: Planes,
        finish: Option<&Finish<View<'_, T>>>,
    ) -> Result<CudaSlice<T>> {
        let len = features.len();
        let target = Argument::from(&mut features);
        let source = View::of(&features);
        match finish {
            None => {}
            Some(&Finish::Activate { bias, noise, slope }) => match planes.layout {
                FeatureLayout::Nchw => self.activate(source, bias, noise, target, planes.pixels(), slope)?,
                FeatureLayout::Nhwc => self.activate_last(source, bias, noise, target, planes, slope)?,
            },
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
