//! Noise in memory, and the gradient behind it.

use candle_core::Result;

use super::AddNoise;
use crate::engine::Cpu;
use crate::float::Float;
use crate::leaky_relu::{SLOPE, bent};
use crate::loops::{append, build, over_batch, sums};
use crate::norm::Normalize;
use crate::planes::NoisePlanes;

impl<T: Float> AddNoise for Cpu<T> {
    fn add_noise(&self, x: &[T], noise: &NoisePlanes<&[T]>, strength: &[T], bias: &[T]) -> Result<Vec<T>> {
        let (channels, area) = (noise.planes.channels, noise.planes.pixels());
        let slope = T::from_f64(SLOPE);
        Ok(build(
            x.len() / area.max(1),
            area,
            0,
            #[inline(always)]
            |planes, out, _| {
                for plane in planes {
                    let (strength, bias) = (strength[plane % channels], bias[plane % channels]);
                    let mut noise = noise.of(plane);
                    out.plane(
                        &x[plane * area..][..area],
                        #[inline(always)]
                        |y, x| {
                            let (noise_block, rest) = noise.split_at(x.len());
                            noise = rest;
                            for ((y, &x), &noise) in y.iter_mut().zip(x).zip(noise_block) {
                                let v = x + noise * strength + bias;
                                *y = bent(v, v, slope);
                            }
                        },
                    );
                }
            },
        ))
    }

    fn epilogue_grad(
        &self,
        g: &[T],
        y: &[T],
        noise: &NoisePlanes<&[T]>,
        style: Option<(&[T], f64)>,
    ) -> Result<Vec<T>> {
        let (len, channels, area) = (y.len(), noise.planes.channels, noise.planes.pixels());
        // The gradient before the norm, then that of the style.
        let behind_norm = style
            .map(|(style, epsilon)| self.normalize_grad(y, Some(style), g, noise.planes, epsilon))
            .transpose()?;
        let (g, style_grad) = match &behind_norm {
            Some(gradients) => gradients.split_at(len),
            None => (g, &[][..]),
        };
        let planes = len / area.max(1);
        // Room for all that stands in it at a time, so that it never moves.
        let mut gradients = Vec::with_capacity(len + 2 * planes.max(channels) + style_grad.len());
        append_masked_and_noise_sums(&mut gradients, g, y, noise, planes);
        let sums = gradients.split_off(len);
        for kind in 0..2 {
            gradients.extend(over_batch(sums.chunks_exact(2).map(|pair| pair[kind]), channels));
        }
        gradients.extend_from_slice(style_grad);
        Ok(gradients)
    }
}

/// The gradient behind a leaky `ReLU`, then for each plane its products with the noise, summed up, and its sum.
fn append_masked_and_noise_sums<T: Float>(
    values: &mut Vec<T>,
    g: &[T],
    y: &[T],
    noise: &NoisePlanes<&[T]>,
    planes: usize,
) {
    let (area, slope) = (noise.planes.pixels(), T::from_f64(SLOPE));
    append(
        values,
        planes,
        area,
        2,
        #[inline(always)]
        |planes, out, plane_sums| {
            for (plane, plane_sums) in planes.zip(plane_sums.chunks_exact_mut(2)) {
                let mut y = &y[plane * area..][..area];
                let mut noise = noise.of(plane);
                let mut totals = [0.; 2];
                out.plane(
                    &g[plane * area..][..area],
                    #[inline(always)]
                    |dx, g| {
                        let (y_block, y_rest) = y.split_at(g.len());
                        let (noise_block, noise_rest) = noise.split_at(g.len());
                        (y, noise) = (y_rest, noise_rest);
                        for ((dx, &g), &y) in dx.iter_mut().zip(g).zip(y_block) {
                            *dx = bent(g, y, slope);
                        }
                        let [dstrength, dbias] = sums(
                            dx,
                            noise_block,
                            #[inline(always)]
                            |dx, noise| [dx * noise, dx],
                        );
                        totals[0] += dstrength;
                        totals[1] += dbias;
                    },
                );
                for (sum, total) in plane_sums.iter_mut().zip(totals) {
                    *sum = T::from_f64(total);
                }
            }
        },
    );
}
