//! How far pixels are from those of another picture, in decibels.

use stylegan_media::DynamicImage;

/// The peak signal-to-noise ratio of two pictures of the same size and channels, in dB; infinite where they are equal.
pub fn psnr(a: &DynamicImage, b: &DynamicImage) -> f64 {
    let squares: u64 =
        a.as_bytes().iter().zip(b.as_bytes()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let mean = squares as f64 / a.as_bytes().len().max(1) as f64;
    10.0 * (255.0_f64.powi(2) / mean).log10()
}

#[cfg(test)]
mod tests {
    use stylegan_media::GrayImage;

    use super::*;

    #[test]
    fn a_difference_everywhere_is_its_ratio_to_white() {
        let of = |value: u8| DynamicImage::from(GrayImage::from_pixel(5, 3, [value].into()));
        assert!((psnr(&of(100), &of(110)) - 20.0 * 25.5_f64.log10()).abs() < 1e-9);
        assert_eq!(psnr(&of(7), &of(7)), f64::INFINITY);
    }
}
