//! Smoothing in memory.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

use candle_core::Result;

use super::{ApplySmooth, Smooth, Way};
use crate::engine::Cpu;
use crate::finish::Finish;
use crate::float::Float;
use crate::loops::append;

impl<T: Float> ApplySmooth for Cpu<T> {
    fn smooth(
        &self,
        smooth: Smooth,
        x: &[T],
        [height, width]: [usize; 2],
        finish: Option<&Finish<&[T]>>,
    ) -> Result<Vec<T>> {
        let mut y = Vec::new();
        smooth.append(&mut y, x.len() / (height * width).max(1), (height, width), x, finish);
        Ok(y)
    }
}

impl Smooth {
    /// The filters on contiguous planes of these sides, and what follows them, behind what `y` holds already.
    pub(crate) fn append<T: Float>(
        self,
        y: &mut Vec<T>,
        planes: usize,
        (height, width): (usize, usize),
        x: &[T],
        finish: Option<&Finish<&[T]>>,
    ) {
        let (out_height, out_width) = (self.len(height), self.len(width));
        let scale = T::from_f64(self.scale());
        append(
            y,
            planes * out_height,
            out_width,
            0,
            #[inline(always)]
            |rows, out, _| {
                let zeros = vec![T::zero(); width];
                // Summed over the column, with zeros for what lies beyond the ends.
                let mut padded = vec![T::zero(); out_width + 3];
                for row in rows {
                    let (index, row) = (row / out_height, row % out_height);
                    let plane = &x[index * height * width..][..height * width];
                    let taps: [T; 4] = self.taps(row, out_height);
                    let neighbors = std::array::from_fn(|index| {
                        match usize::try_from(self.first(row) + index as isize) {
                            Ok(source) if source < height => (&plane[source * width..][..width], taps[index]),
                            _ => (&zeros[..], taps[index]),
                        }
                    });
                    let target = out.take(out_width);
                    self.row(neighbors, &mut padded, target, scale);
                    if let Some(finish) = finish {
                        finish.part(index, out_height * out_width, row * out_width, target);
                    }
                }
            },
        );
    }

    /// Where the four neighbors of `position` start.
    #[inline(always)]
    fn first(self, position: usize) -> isize {
        match self.way {
            Way::Grow => position as isize - 2,
            Way::Shrink => position as isize - 1,
        }
    }

    /// One row of the result from its four neighbors, with their taps.
    #[inline(always)]
    fn row<T: Float>(self, rows: [(&[T], T); 4], padded: &mut [T], target: &mut [T], scale: T) {
        let [(r0, t0), (r1, t1), (r2, t2), (r3, t3)] = rows;
        let margin = usize::try_from(-self.first(0)).unwrap_or(0);
        let inner = &mut padded[margin..][..r0.len()];
        for ((((sum, &a), &b), &c), &d) in inner.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
            *sum = ((a * t0 + d * t3) + (b * t1 + c * t2)) * scale;
        }
        let last = target.len() - 1;
        let [outer, inner, ..] = self.inner_taps::<T>();
        for (y, around) in target.iter_mut().zip(padded.windows(4)) {
            *y = (around[0] + around[3]) * outer + (around[1] + around[2]) * inner;
        }
        for position in [0, last] {
            let taps: [T; 4] = self.taps(position, last + 1);
            let mut sum = T::zero();
            for (&value, tap) in padded[position..][..4].iter().zip(taps) {
                sum += value * tap;
            }
            target[position] = sum;
        }
    }
}
