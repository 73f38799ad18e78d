//! Convolutions in memory, each type in its fastest way.

use std::borrow::Cow;

use candle_core::Result;

use super::{Convolve, Geometry, Weight, direct, winograd};
use crate::engine::Cpu;
use crate::finish::Finish;
use crate::float::Float;
use crate::planes::Planes;
use crate::reflect::framed;

impl Convolve for Cpu<f32> {
    fn forward(
        &self,
        geometry: &Geometry,
        x: &[f32],
        weight: Weight<'_, &[f32]>,
        finish: Option<&Finish<&[f32]>>,
    ) -> Result<Vec<f32>> {
        if winograd::suits(geometry) {
            return Ok(winograd::forward(geometry, x, weight, finish));
        }
        let (geometry, x) = plain(geometry, x);
        let y = self.with_straight(&geometry, weight, |weight| {
            Ok(direct::forward(&geometry, &x, &scaled(&geometry, weight)))
        })?;
        Ok(finished(geometry.output, y, finish))
    }

    fn transpose(
        &self,
        geometry: &Geometry,
        g: &[f32],
        weight: Weight<'_, &[f32]>,
        finish: Option<&Finish<&[f32]>>,
    ) -> Result<Vec<f32>> {
        if winograd::suits(geometry) {
            return Ok(tiled_transpose(geometry, g, weight, finish));
        }
        self.with_straight(geometry, weight, |weight| {
            let weight = &scaled(geometry, weight);
            Ok(transposed(geometry, g, finish, |part, g| direct::transpose(part, g, weight)))
        })
    }

    fn weight_grad(&self, geometry: &Geometry, x: &[f32], g: &[f32]) -> Result<Vec<f32>> {
        Ok(if winograd::suits_weight_grad(geometry) {
            winograd::weight_grad(geometry, x, g)
        } else {
            let (geometry, x) = plain(geometry, x);
            direct::weight_grad(&geometry, &x, g)
        })
    }

    fn turned(&self, out: Planes, taps: usize, weight: &[f32]) -> Result<Vec<f32>> {
        Ok(direct::turned(out.channels, taps, weight))
    }
}

impl Convolve for Cpu<f64> {
    fn forward(
        &self,
        geometry: &Geometry,
        x: &[f64],
        weight: Weight<'_, &[f64]>,
        finish: Option<&Finish<&[f64]>>,
    ) -> Result<Vec<f64>> {
        let (geometry, x) = plain(geometry, x);
        let y = self.with_straight(&geometry, weight, |weight| Ok(direct::forward(&geometry, &x, weight)))?;
        Ok(finished(geometry.output, y, finish))
    }

    fn transpose(
        &self,
        geometry: &Geometry,
        g: &[f64],
        weight: Weight<'_, &[f64]>,
        finish: Option<&Finish<&[f64]>>,
    ) -> Result<Vec<f64>> {
        self.with_straight(geometry, weight, |weight| {
            Ok(transposed(geometry, g, finish, |part, g| direct::transpose(part, g, weight)))
        })
    }

    fn weight_grad(&self, geometry: &Geometry, x: &[f64], g: &[f64]) -> Result<Vec<f64>> {
        let (geometry, x) = plain(geometry, x);
        Ok(direct::weight_grad(&geometry, &x, g))
    }

    fn turned(&self, out: Planes, taps: usize, weight: &[f64]) -> Result<Vec<f64>> {
        Ok(direct::turned(out.channels, taps, weight))
    }
}

/// What the convolution sees of features, and the convolution of that, which has nothing but zeros around it.
fn plain<'a, T: Float>(geometry: &Geometry, x: &'a [T]) -> (Geometry, Cow<'a, [T]>) {
    let Planes { channels, height, width, .. } = geometry.features();
    let count = geometry.batch * channels;
    let input = match geometry.smooth {
        Some(smooth) => {
            let mut input = Vec::new();
            smooth.append(&mut input, count, (height, width), x, None);
            Cow::Owned(input)
        }
        None if geometry.is_mirrored => Cow::Owned(framed(x, count, [height, width])),
        None => Cow::Borrowed(x),
    };
    (geometry.framed(), input)
}

/// The weight as the convolution takes it.
fn scaled<'a>(geometry: &Geometry, weight: &'a [f32]) -> Cow<'a, [f32]> {
    match geometry.weight_scale as f32 {
        1. => Cow::Borrowed(weight),
        scale => Cow::Owned(weight.iter().map(|value| value * scale).collect()),
    }
}

/// `conv2d_transpose` where [`winograd`] does it, and what follows it.
fn tiled_transpose(
    geometry: &Geometry,
    g: &[f32],
    weight: Weight<'_, &[f32]>,
    finish: Option<&Finish<&[f32]>>,
) -> Vec<f32> {
    match geometry.stride {
        1 => winograd::transpose(geometry, g, weight, finish),
        // Tiles that overlap are written in parts, and finished only when all are there.
        _ => transposed(geometry, g, finish, |part, g| winograd::transpose(part, g, weight, None)),
    }
}

/// Bytes of unsmoothed gradients at a time, which should stay in the cache.
const PART_BYTES: usize = 8 << 20;

/// `conv2d_transpose` as `transpose` does it, to the features, and what follows it.
fn transposed<T: Float>(
    geometry: &Geometry,
    g: &[T],
    finish: Option<&Finish<&[T]>>,
    transpose: impl Fn(&Geometry, &[T]) -> Vec<T>,
) -> Vec<T> {
    let Geometry { batch, input, output, .. } = *geometry;
    let Some(smooth) = geometry.smooth else {
        return finished(input, transpose(geometry, g), finish);
    };
    let features = geometry.features();
    let samples = (PART_BYTES / size_of::<f32>() / input.len().max(1)).max(1);
    let mut x = Vec::with_capacity(batch * features.len());
    for first in (0..batch).step_by(samples) {
        let part = Geometry { batch: samples.min(batch - first), smooth: None, ..*geometry };
        let unsmoothed = transpose(&part, &g[first * output.len()..][..part.output_len()]);
        let finish = finish.map(|finish| finish.samples_from(first, features.channels, features.pixels()));
        let planes = part.batch * input.channels;
        smooth.adjoint().append(&mut x, planes, (input.height, input.width), &unsmoothed, finish.as_ref());
    }
    x
}

fn finished<T: Float>(planes: Planes, mut y: Vec<T>, finish: Option<&Finish<&[T]>>) -> Vec<T> {
    if let Some(finish) = finish {
        finish.planes(&mut y, planes.pixels());
    }
    y
}
