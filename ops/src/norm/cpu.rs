//! Norms in memory.

use candle_core::Result;

use super::Normalize;
use crate::engine::Cpu;
use crate::float::Float;
use crate::loops::{build, sums};
use crate::moments::Moments;
use crate::planes::Planes;

impl<T: Float> Normalize for Cpu<T> {
    /// Normalizes planes while they are in cache.
    fn normalize(&self, x: &[T], style: Option<&[T]>, planes: Planes, epsilon: f64) -> Result<Vec<T>> {
        let (channels, area) = (planes.channels, planes.pixels());
        Ok(build(
            x.len() / area.max(1),
            area,
            0,
            #[inline(always)]
            |planes, out, _| {
                for plane in planes {
                    let x = &x[plane * area..][..area];
                    let moments = Moments::of(x);
                    let (scale, shift) = style_of(style, channels, plane);
                    let factor = T::from_f64(scale * moments.inverse_deviation(epsilon));
                    out.plane(
                        x,
                        #[inline(always)]
                        |y, x| {
                            for (y, &x) in y.iter_mut().zip(x) {
                                *y = moments.center(x) * factor + shift;
                            }
                        },
                    );
                }
            },
        ))
    }

    fn normalize_grad(
        &self,
        x: &[T],
        style: Option<&[T]>,
        g: &[T],
        planes: Planes,
        epsilon: f64,
    ) -> Result<Vec<T>> {
        let (channels, area) = (planes.channels, planes.pixels());
        let mut gradients = grad_and_sums(x, style, g, channels, area, epsilon);
        // Scale and shift of each plane stand side by side.
        let pairs = gradients.split_off(x.len());
        for sample in pairs.chunks_exact(2 * channels.max(1)) {
            for kind in 0..2 {
                gradients.extend(sample.chunks_exact(2).map(|pair| pair[kind]));
            }
        }
        Ok(gradients)
    }
}

/// The gradient of the picture, then the gradients of scale and shift for each plane if there is a `style`.
fn grad_and_sums<T: Float>(
    x: &[T],
    style: Option<&[T]>,
    g: &[T],
    channels: usize,
    area: usize,
    epsilon: f64,
) -> Vec<T> {
    let sums_per_plane = if style.is_some() { 2 } else { 0 };
    build(
        x.len() / area.max(1),
        area,
        sums_per_plane,
        #[inline(always)]
        |planes, out, dstyle| {
            let mut dstyle = dstyle.chunks_exact_mut(2);
            for plane in planes {
                let (x, mut g) = (&x[plane * area..][..area], &g[plane * area..][..area]);
                let moments = Moments::of(x);
                let inverse_deviation = moments.inverse_deviation(epsilon);
                let [g_sum, g_centered_sum] = sums(
                    x,
                    g,
                    #[inline(always)]
                    |x, g| [g, g * moments.center(x)],
                );
                if let Some(dstyle) = dstyle.next() {
                    dstyle[0] = T::from_f64(g_centered_sum * inverse_deviation);
                    dstyle[1] = T::from_f64(g_sum);
                }
                let (scale, _shift) = style_of(style, channels, plane);
                let len = area as f64;
                let factor = T::from_f64(scale * inverse_deviation);
                let g_mean = T::from_f64(g_sum / len);
                let slope = T::from_f64(g_centered_sum / len * inverse_deviation.powi(2));
                out.plane(
                    x,
                    #[inline(always)]
                    |dx, x| {
                        let (g_block, rest) = g.split_at(x.len());
                        g = rest;
                        for ((dx, &x), &g) in dx.iter_mut().zip(x).zip(g_block) {
                            *dx = ((g - g_mean) - moments.center(x) * slope) * factor;
                        }
                    },
                );
            }
        },
    )
}

/// Scale (plus one) and shift of one plane; the identity without `style`.
fn style_of<T: Float>(style: Option<&[T]>, channels: usize, plane: usize) -> (f64, T) {
    match style {
        None => (1., T::zero()),
        Some(style) => {
            let sample = &style[plane / channels * 2 * channels..][..2 * channels];
            (sample[plane % channels].to_f64() + 1., sample[channels + plane % channels])
        }
    }
}
