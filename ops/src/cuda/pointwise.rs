//! One value from one value of each argument.

use candle_core::Result;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::cuda_backend::cudarc::driver::result::memcpy_dtod_async;

use super::Gpu;
use super::values::{Argument, Float, NOTHING, View, address, address_of};
use crate::activation::{Finish, NoisePlanes, SLOPE};

/// Threads of a block, where it does not matter.
pub(super) const THREADS: usize = 256;

impl<T: Float> Gpu<T> {
    /// Starts a kernel with a thread for every `each` of `len` values.
    pub(super) fn launch_for(
        &self,
        kernel: &'static str,
        len: usize,
        each: usize,
        arguments: &[Argument],
    ) -> Result<()> {
        let blocks = len.div_ceil(each * THREADS);
        self.context.launch::<T>(kernel, [blocks, 1, 1], [THREADS, 1], arguments)
    }

    pub(crate) fn leaky_relu(&self, x: View<'_, T>) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(x.len())?;
        self.launch_for(
            "leaky_relu",
            x.len(),
            4,
            &[x.into(), (&mut y).into(), x.len().into(), SLOPE.into()],
        )?;
        Ok(y)
    }

    /// The values of [`leaky_relu_grad`](crate::leaky_relu_grad).
    pub(crate) fn masked(&self, g: View<'_, T>, y: View<'_, T>) -> Result<CudaSlice<T>> {
        let mut dx = self.context.allocate(g.len())?;
        let len = g.len();
        self.launch_for("masked", len, 4, &[g.into(), y.into(), (&mut dx).into(), len.into(), SLOPE.into()])?;
        Ok(dx)
    }

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
    pub(super) fn finish(
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

    /// `a + (b - a) * t`
    pub(crate) fn blend(&self, a: View<'_, T>, b: View<'_, T>, t: f64) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(a.len())?;
        self.launch_for(
            "blend",
            a.len(),
            4,
            &[a.into(), b.into(), (&mut y).into(), a.len().into(), t.into()],
        )?;
        Ok(y)
    }

    /// `a + b`, in the memory of `a`.
    pub(super) fn added(&self, mut a: CudaSlice<T>, b: &CudaSlice<T>) -> Result<CudaSlice<T>> {
        let len = a.len().min(b.len());
        self.launch_for("add_to", len, 4, &[(&mut a).into(), View::of(b).into(), len.into()])?;
        Ok(a)
    }

    /// Copies, one behind the other.
    #[expect(unsafe_code, reason = "the driver's functions are foreign")]
    pub(super) fn joined(&self, parts: &[View<'_, T>]) -> Result<CudaSlice<T>> {
        let mut all = self.context.allocate::<T>(parts.iter().map(|part| part.len()).sum())?;
        let (stream, mut target) = (self.context.device.cuda_stream(), address(&mut all));
        for part in parts.iter().filter(|part| part.len() > 0) {
            let bytes = part.len() * size_of::<T>();
            // SAFETY: the parts fill the memory that has been allocated for them.
            unsafe { memcpy_dtod_async(target, part.address, bytes, stream.cu_stream()) }.w()?;
            target = address_of::<T>(target, part.len());
        }
        Ok(all)
    }

    /// `[in, out, taps]` of `[out, in, taps]`, every kernel turned by half a turn.
    pub(crate) fn turned(
        &self,
        out_channels: usize,
        taps: usize,
        weight: View<'_, T>,
    ) -> Result<CudaSlice<T>> {
        let mut y = self.context.allocate(weight.len())?;
        let in_channels = weight.len() / (out_channels * taps).max(1);
        let sizes = [out_channels, in_channels, taps].map(Argument::from);
        let arguments: Vec<_> = [weight.into(), (&mut y).into()].into_iter().chain(sizes).collect();
        self.launch_for("turned", weight.len(), 1, &arguments)?;
        Ok(y)
    }
}

/// Strength, values, and how far the noise of neighboring samples lies apart.
pub(super) fn noise_arguments<T>(noise: Option<(View<'_, T>, NoisePlanes<View<'_, T>>)>) -> [Argument; 3] {
    match noise {
        None => [NOTHING, NOTHING, 0.into()],
        Some((strength, planes)) => [strength.into(), planes.noise.into(), stride(&planes).into()],
    }
}

/// How far the noise of neighboring samples lies apart.
pub(super) fn stride<V>(noise: &NoisePlanes<V>) -> usize {
    if noise.is_shared { 0 } else { noise.area }
}
