//! Several pictures in one.

use image::imageops::FilterType;
use image::{ColorType, DynamicImage, GrayImage, Luma, Rgb, RgbImage, RgbaImage, imageops};

/// Pictures side by side, row after row; cells without a picture stay white, or transparent.
///
/// A cell is as large as the largest picture; pictures past the last cell are left out.
pub fn grid(images: &[DynamicImage], columns: usize, rows: usize) -> DynamicImage {
    let (width, height) = cell_size(images);
    let mut picture = empty(columns as u32 * width, rows as u32 * height, images);
    for (i, image) in images.iter().take(columns * rows).enumerate() {
        let (column, row) = ((i % columns) as i64, (i / columns) as i64);
        replace(&mut picture, image, column * i64::from(width), row * i64::from(height));
    }
    picture
}

/// The style-mixing figure: sources along the left and the top edge, and where a row and a column meet, their mix.
///
/// `cells[row][column]` is the mix of `rows[row]` and `columns[column]`. A small white gap sets the sources apart.
pub fn mix_figure(
    rows: &[DynamicImage],
    columns: &[DynamicImage],
    cells: &[Vec<DynamicImage>],
) -> DynamicImage {
    let (width, height) = cell_size(rows.iter().chain(columns).chain(cells.iter().flatten()));
    let gap = (width.min(height) / 16).max(2);
    let left = |column: usize| i64::from(width + gap) + column as i64 * i64::from(width);
    let top = |row: usize| i64::from(height + gap) + row as i64 * i64::from(height);
    let all = rows.iter().chain(columns);
    let mut picture = empty(left(columns.len()) as u32, top(rows.len()) as u32, all);
    for (column, image) in columns.iter().enumerate() {
        replace(&mut picture, image, left(column), 0);
    }
    for (row, image) in rows.iter().enumerate() {
        replace(&mut picture, image, 0, top(row));
        for (column, image) in cells.get(row).into_iter().flatten().take(columns.len()).enumerate() {
            replace(&mut picture, image, left(column), top(row));
        }
    }
    picture
}

/// Pictures below one another, and beside each, behind a small white gap, those that belong to it.
pub fn row_figure(rows: &[(DynamicImage, Vec<DynamicImage>)]) -> DynamicImage {
    let all = || rows.iter().flat_map(|(first, others)| [first].into_iter().chain(others));
    let (width, height) = cell_size(all());
    let gap = (width.min(height) / 16).max(2);
    let left = |column: usize| i64::from(width + gap) + column as i64 * i64::from(width);
    let columns = rows.iter().map(|(_, others)| others.len()).max().unwrap_or(0);
    let mut picture = empty(left(columns) as u32, rows.len() as u32 * height, all());
    for (row, (first, others)) in rows.iter().enumerate() {
        let top = row as i64 * i64::from(height);
        replace(&mut picture, first, 0, top);
        for (column, image) in others.iter().enumerate() {
            replace(&mut picture, image, left(column), top);
        }
    }
    picture
}

/// Pictures of any sizes from left to right, their upper edges in line.
pub fn beside(images: &[DynamicImage]) -> DynamicImage {
    let (_, height) = cell_size(images);
    let mut picture = empty(images.iter().map(DynamicImage::width).sum(), height, images);
    let mut left = 0;
    for image in images {
        replace(&mut picture, image, left, 0);
        left += i64::from(image.width());
    }
    picture
}

/// A part of a picture, from `left` and `top` on, as wide and as high as `part`, with repeated pixels at the size of `to`.
pub fn zoom(
    picture: &DynamicImage,
    (left, top): (u32, u32),
    part: (u32, u32),
    to: (u32, u32),
) -> DynamicImage {
    picture.crop_imm(left, top, part.0, part.1).resize_exact(to.0, to.1, FilterType::Nearest)
}

/// A picture of nothing for these to stand on, of their channels: white, or transparent.
fn empty<'a>(width: u32, height: u32, images: impl IntoIterator<Item = &'a DynamicImage>) -> DynamicImage {
    match images.into_iter().next().map(DynamicImage::color) {
        Some(ColorType::L8) => GrayImage::from_pixel(width, height, Luma([255])).into(),
        Some(ColorType::Rgba8) => RgbaImage::new(width, height).into(),
        _ => RgbImage::from_pixel(width, height, Rgb([255; 3])).into(),
    }
}

/// Sets a picture into a larger one.
fn replace(picture: &mut DynamicImage, image: &DynamicImage, left: i64, top: i64) {
    use DynamicImage::{ImageLuma8, ImageRgb8, ImageRgba8};
    match (picture, image) {
        (ImageLuma8(picture), ImageLuma8(image)) => imageops::replace(picture, image, left, top),
        (ImageRgb8(picture), ImageRgb8(image)) => imageops::replace(picture, image, left, top),
        (ImageRgba8(picture), ImageRgba8(image)) => imageops::replace(picture, image, left, top),
        (picture, image) => imageops::replace(picture, image, left, top),
    }
}

fn cell_size<'a>(images: impl IntoIterator<Item = &'a DynamicImage>) -> (u32, u32) {
    images
        .into_iter()
        .fold((0, 0), |(width, height), image| (width.max(image.width()), height.max(image.height())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(shade: u8) -> DynamicImage {
        RgbImage::from_pixel(5, 3, Rgb([shade; 3])).into()
    }

    #[test]
    fn a_grid_is_filled_row_by_row() {
        let picture = grid(&[plain(0), plain(1), plain(2), plain(3), plain(4)], 2, 3);
        let picture = picture.into_rgb8();
        assert_eq!(picture.dimensions(), (10, 9));
        for (x, y, pixel) in picture.enumerate_pixels() {
            let cell = (x / 5 + y / 3 * 2) as u8;
            assert_eq!(pixel.0, [if cell < 5 { cell } else { 255 }; 3], "{x} {y}");
        }
        assert_eq!(grid(&[plain(0), plain(1)], 1, 1), plain(0));
        assert_eq!(grid(&[], 3, 2).into_rgb8().dimensions(), (0, 0));
        assert_eq!(grid(&[plain(0)], 0, 2).into_rgb8().dimensions(), (0, 6));
    }

    #[test]
    fn a_mix_figure_has_its_sources_along_the_edges() {
        let rows = [plain(10), plain(20)];
        let columns = [plain(1), plain(2), plain(3)];
        let cells = [vec![plain(11), plain(12), plain(13)], vec![plain(21), plain(22), plain(23)]];
        let picture = mix_figure(&rows, &columns, &cells).into_rgb8();
        assert_eq!(picture.dimensions(), (5 + 2 + 3 * 5, 3 + 2 + 2 * 3));
        for (x, y, pixel) in picture.enumerate_pixels() {
            let column = if x < 5 { Some(0) } else { x.checked_sub(7).map(|x| x / 5 + 1) };
            let row = if y < 3 { Some(0) } else { y.checked_sub(5).map(|y| y / 3 + 1) };
            let expected = match (row, column) {
                (None, _) | (_, None) | (Some(0), Some(0)) => 255,
                (Some(row), Some(column)) => (row * 10 + column) as u8,
            };
            assert_eq!(pixel.0, [expected; 3], "{x} {y}");
        }
        // Missing mixes leave white, and surplus ones nothing.
        let picture = mix_figure(&rows, &columns[..1], &cells[..1]).into_rgb8();
        assert_eq!(picture.dimensions(), (12, 11));
        assert_eq!((picture.get_pixel(8, 6).0[0], picture.get_pixel(8, 10).0[0]), (11, 255));
    }

    #[test]
    fn a_row_figure_has_the_others_beside_each() {
        let rows = [(plain(10), vec![plain(11), plain(12)]), (plain(20), vec![plain(21)])];
        let picture = row_figure(&rows).into_rgb8();
        assert_eq!(picture.dimensions(), (5 + 2 + 2 * 5, 2 * 3));
        for (x, y, pixel) in picture.enumerate_pixels() {
            let column = if x < 5 { Some(0) } else { x.checked_sub(7).map(|x| x / 5 + 1) };
            let expected = match (y / 3 + 1, column) {
                (_, None) | (2, Some(2)) => 255,
                (row, Some(column)) => (row * 10 + column) as u8,
            };
            assert_eq!(pixel.0, [expected; 3], "{x} {y}");
        }
        assert_eq!(row_figure(&[]).into_rgb8().height(), 0);
    }

    #[test]
    fn pictures_of_any_size_stand_beside_one_another() {
        let small = DynamicImage::from(RgbImage::from_pixel(2, 1, Rgb([9; 3])));
        let picture = beside(&[plain(7), small, plain(8)]).into_rgb8();
        assert_eq!(picture.dimensions(), (12, 3));
        for (x, y, pixel) in picture.enumerate_pixels() {
            let expected = match (x, y) {
                (0..5, _) => 7,
                (5..7, 0) => 9,
                (5..7, _) => 255,
                _ => 8,
            };
            assert_eq!(pixel.0, [expected; 3], "{x} {y}");
        }
        assert_eq!(beside(&[]).width(), 0);
    }

    #[test]
    fn a_part_is_shown_by_repeated_pixels() {
        let picture = GrayImage::from_fn(7, 5, |x, y| Luma([(10 * y + x) as u8])).into();
        let part = zoom(&picture, (3, 1), (2, 3), (4, 9));
        assert_eq!(part.color(), ColorType::L8);
        let part = part.into_luma8();
        assert_eq!(part.dimensions(), (4, 9));
        for (x, y, pixel) in part.enumerate_pixels() {
            assert_eq!(u32::from(pixel.0[0]), 10 * (1 + y / 3) + 3 + x / 2, "{x} {y}");
        }
    }

    #[test]
    fn pictures_keep_their_channels() {
        let grey = |shade| DynamicImage::from(GrayImage::from_pixel(2, 3, Luma([shade])));
        let picture = grid(&[grey(7), grey(9), grey(11)], 2, 2);
        assert_eq!(picture.color(), ColorType::L8);
        assert_eq!(picture.as_bytes()[10..16], [9, 9, 11, 11, 255, 255]);
        let rgba = |alpha| DynamicImage::from(RgbaImage::from_pixel(2, 3, image::Rgba([5, 6, 7, alpha])));
        let picture = mix_figure(&[rgba(100)], &[rgba(200)], &[vec![rgba(0)]]);
        assert_eq!(picture.color(), ColorType::Rgba8);
        let picture = picture.into_rgba8();
        let at = |x, y| picture.get_pixel(x, y).0;
        assert_eq!((at(0, 0), at(5, 2), at(1, 7)), ([0; 4], [5, 6, 7, 200], [5, 6, 7, 100]));
        // What is not seen of a picture stays in it.
        assert_eq!(at(5, 7), [5, 6, 7, 0]);
    }
}
