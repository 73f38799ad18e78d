//! Resampling in memory.

use candle_core::Result;

use super::Resample;
use crate::engine::Cpu;
use crate::float::Float;
use crate::loops::{build, map};
use crate::planes::Planes;

impl<T: Float> Resample for Cpu<T> {
    fn repeat2x(&self, x: &[T], width: usize, scale: f64) -> Result<Vec<T>> {
        let scale = T::from_f64(scale);
        Ok(build(
            x.len() / width.max(1),
            4 * width,
            0,
            #[inline(always)]
            |rows, out, _| {
                for row in rows {
                    let (first, second) = out.take(4 * width).split_at_mut(2 * width);
                    let pairs = first.as_chunks_mut::<2>().0;
                    for (pair, &x) in pairs.iter_mut().zip(&x[row * width..][..width]) {
                        *pair = [x * scale; 2];
                    }
                    second.copy_from_slice(first);
                }
            },
        ))
    }

    fn sum2x2(&self, x: &[T], width: usize, scale: f64) -> Result<Vec<T>> {
        let (out_width, scale) = (width / 2, T::from_f64(scale));
        Ok(build(
            x.len() / (2 * width).max(1),
            out_width,
            0,
            #[inline(always)]
            |rows, out, _| {
                for row in rows {
                    let (above, below) = x[row * 2 * width..][..2 * width].split_at(width);
                    let (above, below) = (above.as_chunks::<2>().0, below.as_chunks::<2>().0);
                    for ((y, above), below) in out.take(out_width).iter_mut().zip(above).zip(below) {
                        *y = ((above[0] + above[1]) + (below[0] + below[1])) * scale;
                    }
                }
            },
        ))
    }

    fn blur(&self, x: &[T], planes: Planes) -> Result<Vec<T>> {
        let Planes { height, width, .. } = planes;
        let (two, sixteenth) = (T::from_f64(2.), T::from_f64(1. / 16.));
        Ok(build(
            x.len() / width.max(1),
            width,
            0,
            #[inline(always)]
            |rows, out, _| {
                let zeros = vec![T::zero(); width];
                // One row smoothed vertically, with a zero at either end.
                let mut smooth = vec![T::zero(); width + 2];
                for row in rows {
                    let here = &x[row * width..][..width];
                    let is_first = row % height == 0;
                    let is_last = row % height == height - 1;
                    let above = if is_first { &zeros } else { &x[(row - 1) * width..][..width] };
                    let below = if is_last { &zeros } else { &x[(row + 1) * width..][..width] };
                    let neighbors = above.iter().zip(below);
                    for ((sum, &here), (&above, &below)) in smooth[1..].iter_mut().zip(here).zip(neighbors) {
                        *sum = (above + below) + two * here;
                    }
                    let sides = smooth.iter().zip(&smooth[2..]);
                    for ((y, &here), (&left, &right)) in
                        out.take(width).iter_mut().zip(&smooth[1..]).zip(sides)
                    {
                        *y = ((left + right) + two * here) * sixteenth;
                    }
                }
            },
        ))
    }

    fn blend(&self, a: &[T], b: &[T], t: f64) -> Result<Vec<T>> {
        let t = T::from_f64(t);
        Ok(map(
            a,
            b,
            #[inline(always)]
            |a, b| a + (b - a) * t,
        ))
    }
}
