//! What was found in a photo, drawn into it.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{Rgb, RgbImage};

use crate::find_faces::FoundFace;
use crate::square::CropSquare;

const BOX: Rgb<u8> = Rgb([255, 210, 0]);
const SQUARE: Rgb<u8> = Rgb([255, 255, 255]);
const POINT: Rgb<u8> = Rgb([0, 255, 80]);

/// A photo, no wider and no higher than `side`, with boxes, points, and the squares that are cut out.
pub(crate) fn marked(photo: &RgbImage, faces: &[FoundFace], side: u32) -> Option<RgbImage> {
    let scale = (f64::from(side) / f64::from(photo.width().max(photo.height()))).min(1.0);
    let shown = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let mut picture = RgbImage::new(shown(photo.width()), shown(photo.height()));
    let (width, height) = picture.dimensions();
    let source = TypedImageRef::<U8x3>::from_buffer(photo.width(), photo.height(), photo.as_raw()).ok()?;
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut picture).ok()?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&source, &mut target, &options).ok()?;
    drop(target);

    let place = |point: [f64; 2]| point.map(|place| (place + 0.5) * scale - 0.5);
    let radius = f64::from(width.max(height)) / 2000.0;
    for FoundFace { points, bounds, .. } in faces {
        if let Some([left, top, width, height]) = *bounds {
            let (right, bottom) = (left + width, top + height);
            outline(
                &mut picture,
                [[left, top], [left, bottom], [right, bottom], [right, top]].map(place),
                BOX,
            );
        }
        if let Some(square) = CropSquare::of(points) {
            outline(&mut picture, square.corners().map(place), SQUARE);
        }
        for point in points.points() {
            dot(&mut picture, place(*point), radius, POINT);
        }
    }
    Some(picture)
}

fn outline(picture: &mut RgbImage, corners: [[f64; 2]; 4], color: Rgb<u8>) {
    for (from, to) in corners.into_iter().zip(corners.into_iter().cycle().skip(1)) {
        line(picture, from, to, color);
    }
}

fn line(picture: &mut RgbImage, from: [f64; 2], to: [f64; 2], color: Rgb<u8>) {
    /// Longer than any side of a sheet; what begins or ends farther away is not drawn.
    const FAR: f64 = 20_000.0;
    if from.iter().chain(&to).all(|place| place.abs() < FAR) {
        let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0);
        for step in 0..=steps as u32 {
            let part = f64::from(step) / steps;
            dot(picture, [0, 1].map(|axis| from[axis] + part * (to[axis] - from[axis])), 0.0, color);
        }
    }
}

/// A small square around a point.
fn dot(picture: &mut RgbImage, [x, y]: [f64; 2], radius: f64, color: Rgb<u8>) {
    let range = |place: f64, length: u32| {
        let (from, to) = ((place - radius).round(), (place + radius).round());
        from.max(0.0) as u32..(to + 1.0).clamp(0.0, f64::from(length)) as u32
    };
    for row in range(y, picture.height()) {
        for column in range(x, picture.width()) {
            picture.put_pixel(column, row, color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::FacePoints;

    #[test]
    fn boxes_points_and_squares_are_drawn_where_they_are() {
        let photo = RgbImage::from_pixel(400, 300, Rgb([1, 2, 3]));
        let points = [[130.0, 110.0], [170.0, 110.0], [150.0, 130.0], [135.0, 155.0], [165.0, 155.0]];
        let face = FoundFace {
            points: FacePoints::Five(points),
            bounds: Some([110.5, 80.5, 80.0, 100.0]),
            confidence: Some(0.9),
        };
        let picture = marked(&photo, &[face], 200).unwrap();
        assert_eq!(picture.dimensions(), (200, 150));
        assert_eq!(picture.get_pixel(65, 55), &POINT);
        assert_eq!((picture.get_pixel(55, 60), picture.get_pixel(95, 60)), (&BOX, &BOX));
        // The square of these points is 162 wide, around 150, 114.5.
        assert_eq!(picture.get_pixel(34, 57), &SQUARE);
        assert_eq!(picture.get_pixel(5, 5).0, [1, 2, 3]);
    }

    #[test]
    fn what_is_far_away_is_not_drawn() {
        let photo = RgbImage::new(40, 30);
        let far = FoundFace {
            points: FacePoints::Five([[-1e300, 5.0], [1e9, 5.0], [50.0, 5.0], [3.0, 1e12], [1e12, 9.0]]),
            bounds: Some([-1e9, 5.0, 1e12, f64::MAX]),
            confidence: None,
        };
        let picture = marked(&photo, &[far], 400).unwrap();
        assert!(picture.pixels().all(|pixel| pixel.0 == [0; 3]));
    }
}
