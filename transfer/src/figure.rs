//! Several pictures in one.

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

/// What is around pictures that are smaller than their cell.
const BACKGROUND: Rgb<u8> = Rgb([255; 3]);
/// Pixels between cells.
const GAP: u32 = 4;

/// Contents in styles: the styles along the top, the contents along the left, and where a row and a column meet, one in the
/// other. Cells are as large as the largest content, but have no more than `most` pixels along a side; what is larger is scaled
/// down, what is of another ratio stands in the middle.
///
/// `cells` are row by row; there may be no styles to show, and no contents.
pub fn figure(styles: &[RgbImage], contents: &[RgbImage], cells: &[RgbImage], most: u32) -> RgbImage {
    let largest = if contents.is_empty() { cells } else { contents };
    let along =
        |side: fn(&RgbImage) -> u32| largest.iter().map(side).max().unwrap_or(1).clamp(1, most.max(1));
    let (width, height) = (along(RgbImage::width), along(RgbImage::height));
    let columns = cells.len() / contents.len().max(1);
    let (left, top) = (u32::from(!contents.is_empty()), u32::from(!styles.is_empty()));
    let rows = cells.len().checked_div(columns).unwrap_or(0);
    let size = |count: u32, side: u32| count * (side + GAP) - GAP.min(count * GAP);
    let mut figure =
        RgbImage::from_pixel(size(columns as u32 + left, width), size(rows as u32 + top, height), BACKGROUND);
    let mut put = |picture: &RgbImage, column: u32, row: u32| {
        let picture = fitted(picture, width, height);
        let x = column * (width + GAP) + (width - picture.width()) / 2;
        let y = row * (height + GAP) + (height - picture.height()) / 2;
        replace(&mut figure, &picture, i64::from(x), i64::from(y));
    };
    for (column, style) in styles.iter().take(columns).enumerate() {
        put(style, column as u32 + left, 0);
    }
    for (row, content) in contents.iter().enumerate() {
        put(content, 0, row as u32 + top);
    }
    for (place, cell) in cells.iter().enumerate() {
        put(cell, (place % columns) as u32 + left, (place / columns) as u32 + top);
    }
    figure
}

/// The picture, no larger than so many pixels, its ratio kept.
fn fitted(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let scale = [(width, picture.width()), (height, picture.height())]
        .into_iter()
        .map(|(most, side)| f64::from(most) / f64::from(side.max(1)))
        .fold(1.0, f64::min);
    if scale >= 1.0 {
        return picture.clone();
    }
    let scaled = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most);
    resize(picture, scaled(picture.width(), width), scaled(picture.height(), height), FilterType::CatmullRom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_where_they_belong() {
        let picture = |width, height, shade| RgbImage::from_pixel(width, height, Rgb([shade; 3]));
        let contents = [picture(8, 6, 10), picture(4, 6, 20)];
        let styles = [picture(16, 6, 30)];
        let cells = [picture(8, 6, 40), picture(4, 6, 50)];
        let drawn = figure(&styles, &contents, &cells, 100);
        assert_eq!(drawn.dimensions(), (20, 26));
        let at = |x, y| drawn.get_pixel(x, y)[0];
        // Above the content there is nothing, and beside it the style, scaled down, in the middle.
        assert_eq!([at(0, 0), at(12, 0), at(12, 2)], [255, 255, 30]);
        assert_eq!([at(0, 10), at(12, 10), at(9, 10)], [10, 40, 255]);
        assert_eq!([at(0, 20), at(2, 20), at(14, 20), at(19, 20)], [255, 20, 50, 255]);
        assert_eq!(figure(&[], &[], &cells[..1], 4).dimensions(), (4, 4));
        assert_eq!(figure(&[], &[], &cells, 100).dimensions(), (20, 6));
    }
}
