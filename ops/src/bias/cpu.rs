//! Biases in memory, and the sums that their gradients are.

use candle_core::Result;

use super::AddBias;
use crate::engine::Cpu;
use crate::float::Float;
use crate::leaky_relu::bent;
use crate::loops::{build, over_batch, reduce, sums};
use crate::planes::Planes;

impl<T: Float> AddBias for Cpu<T> {
    fn add_bias(&self, x: &[T], bias: &[T], area: usize, slope: f64) -> Result<Vec<T>> {
        let (channels, slope) = (bias.len(), T::from_f64(slope));
        if area == 1 {
            return Ok(build(
                x.len() / channels.max(1),
                channels,
                0,
                #[inline(always)]
                |rows, out, _| {
                    for row in rows {
                        let x = &x[row * channels..][..channels];
                        for ((y, &x), &bias) in out.take(channels).iter_mut().zip(x).zip(bias) {
                            *y = bent(x + bias, x + bias, slope);
                        }
                    }
                },
            ));
        }
        Ok(build(
            x.len() / area.max(1),
            area,
            0,
            #[inline(always)]
            |planes, out, _| {
                for plane in planes {
                    let bias = bias[plane % channels];
                    out.plane(
                        &x[plane * area..][..area],
                        #[inline(always)]
                        |y, x| {
                            for (y, &x) in y.iter_mut().zip(x) {
                                *y = bent(x + bias, x + bias, slope);
                            }
                        },
                    );
                }
            },
        ))
    }

    fn channel_sums(&self, x: &[T], planes: Planes) -> Result<Vec<T>> {
        let area = planes.pixels();
        Ok(over_batch(plane_sums(x, x.len() / area.max(1), area), planes.channels))
    }
}

/// The sum over each plane of `area` pixels.
fn plane_sums<T: Float>(x: &[T], planes: usize, area: usize) -> Vec<T> {
    reduce(
        planes,
        area,
        #[inline(always)]
        |plane| {
            let x = &x[plane * area..][..area];
            let [sum] = sums(
                x,
                x,
                #[inline(always)]
                |x, _| [x],
            );
            T::from_f64(sum)
        },
    )
}
