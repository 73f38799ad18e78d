//! From pictures of bytes to tensors and back.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};
use image::RgbImage;

/// Rows and columns of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// A part of a picture; beyond its edges it goes on as in a mirror.
///
/// # Shapes
/// - returns: `[1, 3, rows, columns]` from 0 to 1
pub(super) fn to_tensor(picture: &RgbImage, area: &Area, device: &Device) -> Result<Tensor> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let columns: Vec<usize> = area.columns.clone().map(|column| 3 * mirrored(column, width)).collect();
    let size = area.rows.len() * columns.len();
    let bytes = picture.as_raw();
    let mut values = vec![0.0_f32; 3 * size];
    for (channel, plane) in values.chunks_exact_mut(size.max(1)).enumerate() {
        for (row, values) in area.rows.clone().zip(plane.chunks_exact_mut(columns.len().max(1))) {
            let row = &bytes[3 * width * mirrored(row, height)..][..3 * width];
            for (value, column) in values.iter_mut().zip(&columns) {
                *value = f32::from(row[column + channel]) / 255.0;
            }
        }
    }
    Tensor::from_vec(values, (1, 3, area.rows.len(), columns.len()), device)
}

/// Writes what was drawn into a picture, `at` row and column; what is beyond its edges is left out.
///
/// # Shapes
/// - `drawn`: `[1, 3, height, width]`, white being 1
pub(super) fn put(picture: &mut RgbImage, drawn: &Tensor, at: (usize, usize)) -> Result<()> {
    let (_, _, drawn_rows, drawn_columns) = drawn.dims4()?;
    let drawn = drawn.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rows = drawn_rows.min(height.saturating_sub(at.0));
    let columns = drawn_columns.min(width.saturating_sub(at.1));
    let bytes: &mut [u8] = picture;
    for (channel, plane) in drawn.chunks_exact((drawn_rows * drawn_columns).max(1)).enumerate() {
        for (row, values) in plane.chunks_exact(drawn_columns).enumerate().take(rows) {
            let bytes = &mut bytes[3 * (width * (at.0 + row) + at.1)..][..3 * columns];
            for (pixel, value) in bytes.chunks_exact_mut(3).zip(values) {
                // NaN becomes black.
                pixel[channel] = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
            }
        }
    }
    Ok(())
}

/// The place within so many pixels that is seen at a place beyond them, the edge not repeated.
fn mirrored(place: usize, len: usize) -> usize {
    if place < len || len < 2 {
        return place.min(len.saturating_sub(1));
    }
    let place = place % (2 * (len - 1));
    if place < len { place } else { 2 * (len - 1) - place }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn beyond_its_edges_a_picture_is_mirrored() {
        let places = |len| (0..8).map(|place| mirrored(place, len)).collect::<Vec<_>>();
        assert_eq!(places(3), [0, 1, 2, 1, 0, 1, 2, 1]);
        assert_eq!(places(1), [0; 8]);
        assert_eq!(places(8), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn parts_come_back_where_they_were() {
        let picture = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8 * 30, y as u8 * 50, (x * y) as u8]));
        let area = Area { rows: 2..8, columns: 3..9 };
        let part = to_tensor(&picture, &area, &Device::Cpu).unwrap();
        assert_eq!(part.dims(), [1, 3, 6, 6]);
        let mut copy = RgbImage::new(7, 5);
        put(&mut copy, &part, (2, 3)).unwrap();
        for (x, y, pixel) in copy.enumerate_pixels() {
            let expected = if x < 3 || y < 2 { Rgb([0; 3]) } else { *picture.get_pixel(x, y) };
            assert_eq!(*pixel, expected, "{x} {y}");
        }
    }
}
