//! One picture made as those of a pack are.

use fast_image_resize::Resizer;
use image::DynamicImage;
use stylegan_base::Resolution;

use super::fit::Fit;
use super::fitted::fitted;
use super::pixels::Pixels;
use crate::channels::Channels;

/// The pixels of a picture at a resolution, `[height, width, channels]` of bytes, as a pack has them.
///
/// # Errors
/// If the picture cannot be resized: why, in words.
pub fn fit_picture(
    picture: DynamicImage,
    resolution: Resolution,
    channels: Channels,
    fit: Fit,
) -> Result<Vec<u8>, String> {
    let (pixels, _) = Pixels::<u8>::of(picture.into(), channels);
    Ok(fitted(pixels, resolution, fit, &mut Resizer::new())?.samples)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn a_wide_picture_loses_its_sides() {
        let picture = RgbImage::from_fn(12, 4, |x, _| Rgb([if x < 6 { 10 } else { 200 }, 50, x as u8]));
        let resolution = Resolution { width: 4, height: 4 };
        let fit = |channels| {
            fit_picture(DynamicImage::from(picture.clone()), resolution, channels, Fit::Crop).unwrap()
        };
        let first_row: Vec<[u8; 3]> = fit(Channels::Rgb).as_chunks().0[..4].to_vec();
        assert_eq!(first_row, [[10, 50, 4], [10, 50, 5], [200, 50, 6], [200, 50, 7]]);
        assert_eq!([Channels::Grey, Channels::Rgba].map(|channels| fit(channels).len()), [16, 64]);
    }
}
