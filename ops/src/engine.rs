//! The steps that layers are made of, wherever their values lie: in memory here, on an NVIDIA GPU in `cuda/`.

use std::marker::PhantomData;
use std::ops::Range;

use candle_core::{Layout, Result, Storage, bail};

use crate::activation::{Finish, NoisePlanes, channel_sums, masked, masked_and_noise_sums, over_batch};
use crate::conv::geometry::{Geometry, Planes};
use crate::conv::{Convolve, turned};
use crate::norm::{normalize, normalize_grad};

/// Where layers are computed. Values are contiguous, and a sample's planes lie one behind the other.
pub(crate) trait Engine: 'static {
    /// Values that were computed.
    type Values;
    /// Values of somebody else.
    type View<'a>: Copy;
    /// Values of one layer's gradient that are worth having at a time.
    const PART_VALUES: usize;

    /// All values in a storage.
    fn kept<'a>(&self, storage: &'a Storage) -> Result<Self::View<'a>>;
    /// A storage for values.
    fn keep(&self, values: Self::Values) -> Storage;
    fn all<'a>(&self, values: &'a Self::Values) -> Self::View<'a>;
    fn part<'a: 'b, 'b>(&self, view: Self::View<'a>, range: Range<usize>) -> Self::View<'b>;
    fn len(&self, view: Self::View<'_>) -> usize;

    /// The values of a contiguous tensor.
    fn tensor<'a>(&self, storage: &'a Storage, layout: &Layout) -> Result<Self::View<'a>> {
        match layout.contiguous_offsets() {
            Some((start, end)) => Ok(self.part(self.kept(storage)?, start..end)),
            None => bail!("expected a contiguous tensor, got {layout:?}"),
        }
    }

    /// The same values for as long as others are looked at.
    fn shorter<'a: 'b, 'b>(&self, view: Self::View<'a>) -> Self::View<'b> {
        self.part(view, 0..self.len(view))
    }

    fn copy(&self, view: Self::View<'_>) -> Result<Self::Values>;
    fn zeros(&self, len: usize) -> Result<Self::Values>;
    /// All parts, one behind the other.
    fn concat(&self, parts: Vec<Self::Values>) -> Result<Self::Values>;
    fn sum(&self, a: Self::Values, b: Self::Values) -> Result<Self::Values>;

    /// `conv2d`, and what follows it.
    fn forward(
        &self,
        geometry: &Geometry,
        x: Self::View<'_>,
        weight: Self::View<'_>,
        finish: Option<&Finish<Self::View<'_>>>,
    ) -> Result<Self::Values>;
    /// `conv2d_transpose`, and what follows it.
    fn transpose(
        &self,
        geometry: &Geometry,
        g: Self::View<'_>,
        weight: Self::View<'_>,
        finish: Option<&Finish<Self::View<'_>>>,
    ) -> Result<Self::Values>;
    /// `conv2d_weight_grad`
    fn weight_grad(&self, geometry: &Geometry, x: Self::View<'_>, g: Self::View<'_>) -> Result<Self::Values>;
    /// `[in, out, taps]` of `[out, in, taps]`, every kernel turned by half a turn.
    fn turned(&self, out_channels: usize, taps: usize, weight: Self::View<'_>) -> Result<Self::Values>;

    /// The gradient behind a leaky `ReLU` whose output was `y`.
    fn masked(&self, g: Self::View<'_>, y: Self::View<'_>) -> Result<Self::Values>;
    /// The sum over all pixels of each channel.
    fn channel_sums(&self, x: Self::View<'_>, channels: usize, area: usize) -> Result<Self::Values>;
    /// `instance_norm_style`
    fn normalize(
        &self,
        x: Self::View<'_>,
        style: Self::View<'_>,
        planes: Planes,
        epsilon: f64,
    ) -> Result<Self::Values>;
    /// From the gradient behind noise, bias, leaky `ReLU` and, with a style, norm to that before them, and to those of
    /// strength, bias and style, one behind the other. `y` is what the leaky `ReLU` left.
    fn epilogue_grad(
        &self,
        g: Self::View<'_>,
        y: Self::View<'_>,
        noise: &NoisePlanes<Self::View<'_>>,
        style: Option<Self::View<'_>>,
        epsilon: f64,
    ) -> Result<(Self::Values, Self::Values)>;
}

/// The CPU's cores, with values of one type.
pub(crate) struct Cpu<T>(PhantomData<T>);

impl<T> Cpu<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Convolve> Engine for Cpu<T> {
    type Values = Vec<T>;
    type View<'a> = &'a [T];
    /// 24 MiB of `f32`
    const PART_VALUES: usize = 6 << 20;

    fn kept<'a>(&self, storage: &'a Storage) -> Result<&'a [T]> {
        match storage {
            Storage::Cpu(storage) => storage.as_slice(),
            _ => bail!("expected a tensor in memory, got one on {:?}", storage.device().location()),
        }
    }

    fn keep(&self, values: Vec<T>) -> Storage {
        Storage::Cpu(T::to_cpu_storage_owned(values))
    }

    fn all<'a>(&self, values: &'a Vec<T>) -> &'a [T] {
        values
    }

    fn part<'a: 'b, 'b>(&self, view: &'a [T], range: Range<usize>) -> &'b [T] {
        &view[range]
    }

    fn len(&self, view: &[T]) -> usize {
        view.len()
    }

    fn copy(&self, view: &[T]) -> Result<Vec<T>> {
        Ok(view.to_vec())
    }

    fn zeros(&self, len: usize) -> Result<Vec<T>> {
        Ok(vec![T::ZERO; len])
    }

    fn concat(&self, parts: Vec<Vec<T>>) -> Result<Vec<T>> {
        let joined = parts.into_iter().reduce(|mut all, part| {
            all.extend(part);
            all
        });
        Ok(joined.unwrap_or_default())
    }

    fn sum(&self, mut a: Vec<T>, b: Vec<T>) -> Result<Vec<T>> {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        Ok(a)
    }

    fn forward(
        &self,
        geometry: &Geometry,
        x: &[T],
        weight: &[T],
        finish: Option<&Finish<&[T]>>,
    ) -> Result<Vec<T>> {
        Ok(T::forward(geometry, x, weight, finish))
    }

    fn transpose(
        &self,
        geometry: &Geometry,
        g: &[T],
        weight: &[T],
        finish: Option<&Finish<&[T]>>,
    ) -> Result<Vec<T>> {
        Ok(T::transpose(geometry, g, weight, finish))
    }

    fn weight_grad(&self, geometry: &Geometry, x: &[T], g: &[T]) -> Result<Vec<T>> {
        Ok(T::weight_grad(geometry, x, g))
    }

    fn turned(&self, out_channels: usize, taps: usize, weight: &[T]) -> Result<Vec<T>> {
        Ok(turned(out_channels, taps, weight))
    }

    fn masked(&self, g: &[T], y: &[T]) -> Result<Vec<T>> {
        Ok(masked(g, y))
    }

    fn channel_sums(&self, x: &[T], channels: usize, area: usize) -> Result<Vec<T>> {
        Ok(channel_sums(x, channels, area))
    }

    fn normalize(&self, x: &[T], style: &[T], planes: Planes, epsilon: f64) -> Result<Vec<T>> {
        Ok(normalize(x, Some(style), planes.channels, planes.pixels(), epsilon))
    }

    fn epilogue_grad(
        &self,
        g: &[T],
        y: &[T],
        noise: &NoisePlanes<&[T]>,
        style: Option<&[T]>,
        epsilon: f64,
    ) -> Result<(Vec<T>, Vec<T>)> {
        let &NoisePlanes { channels, area, .. } = noise;
        let len = y.len();
        // The gradient before the norm, then those of scale and shift for each plane.
        let normalized = style.map(|_| normalize_grad(y, style, g, channels, area, epsilon));
        let (g, style_grad) = match &normalized {
            Some(normalized) => normalized.split_at(len),
            None => (g, &[][..]),
        };
        let mut masked = masked_and_noise_sums(g, y, noise, len / area.max(1), area);
        let sums = masked.split_off(len);
        let mut parameters = Vec::with_capacity(2 * channels + style_grad.len());
        for kind in 0..2 {
            parameters.extend(over_batch(sums.chunks_exact(2).map(|pair| pair[kind]), channels));
        }
        for sample in style_grad.chunks_exact(2 * channels) {
            for kind in 0..2 {
                parameters.extend(sample.chunks_exact(2).map(|pair| pair[kind]));
            }
        }
        Ok((masked, parameters))
    }
}

/// `cpu_fwd` and `cuda_fwd` of an operation by its method `run(engine, views…)`, which gives values and their shape.
macro_rules! runs_on_every_engine {
    ($first:ident, $first_layout:ident $(, $other:ident, $other_layout:ident)*) => {
        fn cpu_fwd(
            &self,
            $first: &candle_core::CpuStorage,
            $first_layout: &candle_core::Layout,
            $($other: &candle_core::CpuStorage, $other_layout: &candle_core::Layout,)*
        ) -> candle_core::Result<(candle_core::CpuStorage, candle_core::Shape)> {
            use crate::loops::{float_kernel, slice};

            float_kernel!(self.name(), $first, T => {
                let engine = crate::engine::Cpu::<T>::new();
                let (values, shape) = self.run(
                    &engine,
                    slice::<T>($first, $first_layout)?,
                    $(slice::<T>($other, $other_layout)?,)*
                )?;
                Ok((candle_core::WithDType::to_cpu_storage_owned(values), shape))
            })
        }

        #[cfg(feature = "cuda")]
        fn cuda_fwd(
            &self,
            $first: &candle_core::CudaStorage,
            $first_layout: &candle_core::Layout,
            $($other: &candle_core::CudaStorage, $other_layout: &candle_core::Layout,)*
        ) -> candle_core::Result<(candle_core::CudaStorage, candle_core::Shape)> {
            crate::cuda::on_gpu!(self.name(), $first, gpu => self.run(
                &gpu,
                gpu.view($first, $first_layout)?,
                $(gpu.view($other, $other_layout)?,)*
            )?)
        }
    };
}
pub(crate) use runs_on_every_engine;
