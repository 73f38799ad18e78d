//! The plain way: unfold the neighborhoods into columns and multiply matrices.
//!
//! It serves every size and dtype, and is what the faster ways are measured against. A picture is unfolded in
//! strips of rows, so that the columns stay in the cache, and strips are independent of each other.

use gemm::Parallelism;
use rayon::prelude::*;

use super::Geometry;
use super::output::SharedSlice;
use super::scratch::with_scratch;
use crate::float::Float;
use crate::loops::{total, zeros};
use crate::planes::Planes;

/// Bytes that the columns of one strip should not exceed.
const STRIP_BYTES: usize = 1 << 19;

/// Values of all partial sums that a weight gradient may hold at a time.
const PARTIAL_VALUES: usize = 1 << 24;

/// Most partial sums of a weight gradient.
const MAX_PARTIALS: usize = 16;

/// `conv2d` of contiguous values.
pub(super) fn forward<T: Float>(geometry: &Geometry, x: &[T], weight: &[T]) -> Vec<T> {
    let Geometry { output, .. } = geometry;
    let mut y = zeros(geometry.output_len());
    if geometry.taps() == 0 {
        return y;
    }
    let shared = SharedSlice::new(&mut y);
    strips(geometry).into_par_iter().with_max_len(1).for_each(|strip| {
        with_columns(geometry, x, strip, |columns, row_stride| {
            let product = Product {
                rows: output.channels,
                columns: strip.rows * output.width,
                depth: geometry.taps(),
                left: Matrix { values: weight, row_stride: geometry.taps(), column_stride: 1 },
                right: Matrix { values: columns, row_stride, column_stride: 1 },
            };
            let first = strip.image * output.len() + strip.top * output.width;
            product.store(&shared, first, output.pixels(), false);
        });
    });
    y
}

/// `conv2d_transpose` of contiguous values: the convolution by the turned weight, of pixels set apart by zeros
/// where the stride is 2.
pub(super) fn transpose<T: Float>(geometry: &Geometry, g: &[T], weight: &[T]) -> Vec<T> {
    let weight = turned(geometry.output.channels, geometry.window(), weight);
    if geometry.stride == 1 {
        return forward(&geometry.transposed(), g, &weight);
    }
    let Geometry { batch, input, output, .. } = *geometry;
    let apart = Planes { channels: output.channels, ..input };
    forward(&Geometry::same(batch, apart, input.channels, 3), &spread(output, apart, g), &weight)
}

/// `conv2d_weight_grad` of contiguous values.
///
/// The strips are dealt out to partial sums whose number depends on the sizes alone, so the result does not
/// depend on the number of threads.
pub(super) fn weight_grad<T: Float>(geometry: &Geometry, x: &[T], g: &[T]) -> Vec<T> {
    let Geometry { output, .. } = geometry;
    let len = geometry.weight_len();
    let strips = strips(geometry);
    if len == 0 || strips.is_empty() {
        return vec![T::zero(); len];
    }
    let partials = strips.len().min((PARTIAL_VALUES / len).clamp(1, MAX_PARTIALS));
    let mut sums = zeros(partials * len);
    let dealt = sums.par_chunks_mut(len).zip(strips.par_chunks(strips.len().div_ceil(partials)));
    dealt.for_each(|(sum, strips)| {
        let sum = SharedSlice::new(sum);
        for &strip in strips {
            let first = strip.image * output.len() + strip.top * output.width;
            with_columns(geometry, x, strip, |columns, column_stride| {
                let product = Product {
                    rows: output.channels,
                    columns: geometry.taps(),
                    depth: strip.rows * output.width,
                    left: Matrix { values: &g[first..], row_stride: output.pixels(), column_stride: 1 },
                    right: Matrix { values: columns, row_stride: 1, column_stride },
                };
                product.store(&sum, 0, geometry.taps(), true);
            });
        }
    });
    total(sums, len)
}

/// Some rows of one picture of the output.
#[derive(Clone, Copy, Debug)]
struct Strip {
    image: usize,
    top: usize,
    rows: usize,
}

fn strips(geometry: &Geometry) -> Vec<Strip> {
    let Planes { height, width, .. } = geometry.output;
    let row_bytes = geometry.taps() * width * size_of::<f32>();
    let rows = (STRIP_BYTES / row_bytes.max(1)).clamp(1, height.max(1));
    let tops = (0..height).step_by(rows);
    (0..geometry.batch)
        .flat_map(|image| tops.clone().map(move |top| Strip { image, top, rows: rows.min(height - top) }))
        .collect()
}

/// Calls `work` with the matrix `[taps, strip pixels]` and the distance between its rows.
fn with_columns<T: Float>(geometry: &Geometry, x: &[T], strip: Strip, work: impl FnOnce(&[T], usize)) {
    let Geometry { input, output, stride, .. } = *geometry;
    let image = &x[strip.image * input.len()..][..input.len()];
    if geometry.kernel == [1, 1] {
        return work(&image[strip.top * input.width..], input.pixels());
    }
    let (window, [_, kernel_width], [above, left]) = (geometry.window(), geometry.kernel, geometry.padding);
    let row_stride = strip.rows * output.width;
    with_scratch(geometry.taps() * row_stride, |columns: &mut [T]| {
        for (tap, column) in columns.chunks_exact_mut(row_stride).enumerate() {
            let plane = &image[tap / window * input.pixels()..][..input.pixels()];
            let (dy, dx) = (tap % window / kernel_width, tap % kernel_width);
            for (row, target) in column.chunks_exact_mut(output.width).enumerate() {
                let source_row = ((strip.top + row) * stride + dy).checked_sub(above);
                match source_row.filter(|&source_row| source_row < input.height) {
                    None => target.fill(T::zero()),
                    Some(source_row) => {
                        let source = &plane[source_row * input.width..][..input.width];
                        if stride == 1 {
                            shift_row(source, dx, left, target);
                        } else {
                            for (target, source) in target.iter_mut().zip(source[dx..].iter().step_by(2)) {
                                *target = *source;
                            }
                        }
                    }
                }
            }
        }
        work(columns, row_stride);
    });
}

/// `target[x] = source[x + dx - left]`, zero outside.
fn shift_row<T: Float>(source: &[T], dx: usize, left: usize, target: &mut [T]) {
    let (width, last) = (source.len(), target.len());
    let start = left.saturating_sub(dx).min(last);
    let end = (width + left).saturating_sub(dx).clamp(start, last);
    target[..start].fill(T::zero());
    target[end..].fill(T::zero());
    if start < end {
        target[start..end].copy_from_slice(&source[start + dx - left..][..end - start]);
    }
}

/// Pixel `n` of `g` at `2 n + 1` among zeros.
fn spread<T: Float>(from: Planes, to: Planes, g: &[T]) -> Vec<T> {
    let mut apart = vec![T::zero(); g.len() / from.pixels().max(1) * to.pixels()];
    for (row, source) in g.chunks_exact(from.width.max(1)).enumerate() {
        let (plane, row) = (row / from.height, row % from.height);
        let target = &mut apart[plane * to.pixels() + (2 * row + 1) * to.width..][..to.width];
        for (target, source) in target[1..].iter_mut().step_by(2).zip(source) {
            *target = *source;
        }
    }
    apart
}

/// `[in, out, k, k]` of `[out, in, k, k]`, every kernel, of `taps` values, turned by half a turn.
pub(super) fn turned<T: Float>(out_channels: usize, taps: usize, weight: &[T]) -> Vec<T> {
    let mut result = vec![T::zero(); weight.len()];
    if weight.is_empty() {
        return result;
    }
    let in_channels = weight.len() / (out_channels * taps);
    result.par_chunks_exact_mut(out_channels * taps).enumerate().for_each(|(in_channel, filters)| {
        for (out_channel, target) in filters.chunks_exact_mut(taps).enumerate() {
            let source = &weight[(out_channel * in_channels + in_channel) * taps..][..taps];
            for (target, source) in target.iter_mut().zip(source.iter().rev()) {
                *target = *source;
            }
        }
    });
    result
}

/// A strided view of `values`.
struct Matrix<'a, T> {
    values: &'a [T],
    row_stride: usize,
    column_stride: usize,
}

impl<T> Matrix<'_, T> {
    fn check(&self, rows: usize, columns: usize) {
        let last = (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
        assert!(last < self.values.len(), "matrix larger than its values");
    }
}

/// `left [rows, depth] * right [depth, columns]`.
struct Product<'a, T> {
    rows: usize,
    columns: usize,
    depth: usize,
    left: Matrix<'a, T>,
    right: Matrix<'a, T>,
}

impl<T: Float> Product<'_, T> {
    /// Writes (or adds) the product to the rows of `columns` values that start at `first`, `row_stride` apart.
    /// No other task may touch them meanwhile.
    fn store(&self, target: &SharedSlice<T>, first: usize, row_stride: usize, add: bool) {
        self.left.check(self.rows, self.depth);
        self.right.check(self.depth, self.columns);
        let target = target.rows(first, row_stride, self.rows, self.columns);
        #[expect(unsafe_code, reason = "`gemm` takes pointers")]
        // SAFETY: both factors were checked to lie inside of their slices, `rows` checked the target, and
        // the strips that tasks work on are disjoint.
        unsafe {
            gemm::gemm(
                self.rows,
                self.columns,
                self.depth,
                target,
                1,
                row_stride as isize,
                add,
                self.left.values.as_ptr(),
                self.left.column_stride as isize,
                self.left.row_stride as isize,
                self.right.values.as_ptr(),
                self.right.column_stride as isize,
                self.right.row_stride as isize,
                T::one(),
                T::one(),
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}
