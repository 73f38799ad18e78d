//! Frames of mirrored pixels in memory.

use crate::float::Float;
use crate::loops::build;

/// `count` planes of this height and width with their frames.
pub(crate) fn framed<T: Float>(x: &[T], count: usize, [height, width]: [usize; 2]) -> Vec<T> {
    let area = height * width;
    build(
        count,
        (height + 2) * (width + 2),
        0,
        #[inline(always)]
        |planes, out, _| {
            for x in planes.map(|plane| &x[plane * area..][..area]) {
                let rows = [1].into_iter().chain(0..height).chain([height - 2]);
                for x in rows.map(|row| &x[row * width..][..width]) {
                    let out = out.take(width + 2);
                    out[0] = x[1];
                    out[1..=width].copy_from_slice(x);
                    out[width + 1] = x[width - 2];
                }
            }
        },
    )
}

/// From the gradients of `count` planes with frames to those of the planes, of this height and width.
pub(super) fn unframed<T: Float>(g: &[T], count: usize, [height, width]: [usize; 2]) -> Vec<T> {
    let (columns, area) = (width + 2, (height + 2) * (width + 2));
    build(
        count,
        height * width,
        0,
        #[inline(always)]
        |planes, out, _| {
            for g in planes.map(|plane| &g[plane * area..][..area]) {
                for row in 0..height {
                    let out = out.take(width);
                    let above = (row == 1).then_some(0);
                    let below = (row + 2 == height).then_some(height + 1);
                    for from in [Some(row + 1), above, below].into_iter().flatten() {
                        let g = &g[from * columns..][..columns];
                        for (out, g) in out.iter_mut().zip(&g[1..=width]) {
                            *out += *g;
                        }
                        out[1] += g[0];
                        out[width - 2] += g[width + 1];
                    }
                }
            }
        },
    )
}
