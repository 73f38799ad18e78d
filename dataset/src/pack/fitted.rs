//! From a picture of any size to the rectangle that is packed.

use std::error::Error;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use stylegan_base::{Resolution, printable};

use super::fit::{Filling, Fit};
use super::pixels::Pixels;
use super::sample::Sample;
use crate::channels::Channels;

/// A picture at the resolution it is packed at.
pub(super) struct Fitted<T> {
    /// `[height, width, channels]`
    pub(super) samples: Vec<T>,
    pub(super) is_upscaled: bool,
}

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rectangle {
    left: usize,
    top: usize,
    size: Resolution,
}

/// Makes a rectangle of this resolution of a picture of any shape.
pub(super) fn fitted<T: Sample>(
    pixels: Pixels<T>,
    resolution: Resolution,
    fit: Fit,
    resizer: &mut Resizer,
) -> Result<Fitted<T>, String> {
    let size = Resolution { width: pixels.width, height: pixels.height };
    let whole = Rectangle { left: 0, top: 0, size };
    let samples = match fit {
        Fit::Crop => resize(pixels, middle(size, resolution), resolution, resizer),
        Fit::Stretch => resize(pixels, whole, resolution, resizer),
        Fit::Pad(filling) => {
            let (inner, channels) = (inside(size, resolution), pixels.channels);
            let samples = resize(pixels, whole, inner, resizer);
            samples.map(|samples| pad(&samples, inner, resolution, channels, filling))
        }
    };
    let samples = samples.map_err(|e| printable(&e.to_string()))?;
    Ok(Fitted { samples, is_upscaled: !fit.has_pixels(size, resolution) })
}

/// `length · numerator / denominator`, rounded, at least 1.
fn scaled(length: usize, numerator: usize, denominator: usize) -> usize {
    ((length as f64 * numerator as f64 / denominator as f64).round() as usize).max(1)
}

/// Whether a picture is wider than another one would be of the same height.
fn is_wider(size: Resolution, other: Resolution) -> bool {
    size.width as u64 * other.height as u64 > other.width as u64 * size.height as u64
}

/// The largest part in the middle of a picture that has the ratio of another.
fn middle(size: Resolution, ratio: Resolution) -> Rectangle {
    let Resolution { width, height } = size;
    let part = if is_wider(size, ratio) {
        Resolution { width: scaled(height, ratio.width, ratio.height).min(width), height }
    } else {
        Resolution { width, height: scaled(width, ratio.height, ratio.width).min(height) }
    };
    Rectangle { left: (width - part.width) / 2, top: (height - part.height) / 2, size: part }
}

/// The size of a picture that is scaled to stand inside of another.
fn inside(size: Resolution, outer: Resolution) -> Resolution {
    let Resolution { width, height } = outer;
    if is_wider(size, outer) {
        Resolution { width, height: scaled(width, size.height, size.width).min(height) }
    } else {
        Resolution { width: scaled(height, size.width, size.height).min(width), height }
    }
}

/// Of whatever channels: the filter is compiled for three of them, which takes most of a minute of a build, and one alone
/// goes through it as three equal ones.
fn resize<T: Sample>(
    pixels: Pixels<T>,
    part: Rectangle,
    to: Resolution,
    resizer: &mut Resizer,
) -> Result<Vec<T>, Box<dyn Error>> {
    if part.size == to {
        return Ok(cut(pixels, part));
    }
    let size = Resolution { width: pixels.width, height: pixels.height };
    let mut resize_rgb = |rgb: Vec<T::Rgb>| resize_rgb::<T>(&rgb, size, part, to, resizer);
    let channel = |at: usize| pixels.samples.iter().skip(at).step_by(pixels.channels.count());
    let three_of = |at: usize| channel(at).map(|&value| T::rgb([value; 3])).collect();
    match pixels.channels {
        Channels::Rgb => {
            let colors = pixels.samples.as_chunks().0.iter().map(|&pixel| T::rgb(pixel)).collect();
            Ok(resize_rgb(colors)?.into_flattened())
        }
        Channels::Grey => Ok(resize_rgb(three_of(0))?.into_iter().map(|[value, ..]| value).collect()),
        Channels::Rgba => {
            let rgba = pixels.samples.as_chunks().0.iter();
            let colors = rgba.map(|&[red, green, blue, _]| T::rgb([red, green, blue])).collect();
            let (colors, alphas) = (resize_rgb(colors)?, resize_rgb(three_of(3))?);
            let resized = colors.into_iter().zip(alphas);
            // The filter overshoots, and no color is brighter than its alpha.
            let pixels = resized.flat_map(|(color, [alpha, ..])| {
                color.map(|color| color.min(alpha)).into_iter().chain([alpha])
            });
            Ok(pixels.collect())
        }
    }
}

/// A part of a picture as it is.
fn cut<T: Sample>(pixels: Pixels<T>, Rectangle { left, top, size }: Rectangle) -> Vec<T> {
    if (pixels.width, pixels.height) == (size.width, size.height) {
        return pixels.samples;
    }
    let channels = pixels.channels.count();
    let rows = pixels.samples.chunks_exact(pixels.width * channels).skip(top).take(size.height);
    let mut part = Vec::with_capacity(channels * size.pixels());
    rows.for_each(|row| part.extend_from_slice(&row[left * channels..][..size.width * channels]));
    part
}

/// `rgb` is `[height, width]` of a picture of this size.
fn resize_rgb<T: Sample>(
    rgb: &[T::Rgb],
    size: Resolution,
    Rectangle { left, top, size: part }: Rectangle,
    to: Resolution,
    resizer: &mut Resizer,
) -> Result<Vec<[T; 3]>, Box<dyn Error>> {
    let source = TypedImageRef::new(size.width as u32, size.height as u32, rgb)?;
    let mut target = TypedImage::<T::Rgb>::new(to.width as u32, to.height as u32);
    let options = ResizeOptions::new()
        .crop(left as f64, top as f64, part.width as f64, part.height as f64)
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    // `Resizer::resize` would compile this for every type of pixel there is, which takes minutes.
    resizer.resize_typed(&source, &mut target, &options)?;
    Ok(target.pixels().iter().map(T::numbers).collect())
}

/// Sets a picture of the size `inner` into the middle of a larger one.
fn pad<T: Sample>(
    samples: &[T],
    inner: Resolution,
    outer: Resolution,
    channels: Channels,
    filling: Filling,
) -> Vec<T> {
    let (left, top) = ((outer.width - inner.width) / 2, (outer.height - inner.height) / 2);
    let count = channels.count();
    let mut padded = Vec::with_capacity(count * outer.pixels());
    for row in 0..outer.height {
        for column in 0..outer.width {
            let is_inside =
                (left..left + inner.width).contains(&column) && (top..top + inner.height).contains(&row);
            match filling {
                Filling::Color(color) if !is_inside => padded.extend(filled::<T>(color, channels)),
                _ => {
                    let nearest =
                        |at: usize, start: usize, length: usize| at.saturating_sub(start).min(length - 1);
                    let at = count
                        * (nearest(row, top, inner.height) * inner.width
                            + nearest(column, left, inner.width));
                    padded.extend(&samples[at..at + count]);
                }
            }
        }
    }
    padded
}

/// A pixel of this color. Black, which is what fills where no color is chosen, is nothing where there is transparency.
fn filled<T: Sample>(color: [u8; 3], channels: Channels) -> Vec<T> {
    let [red, green, blue] = color;
    let numbers = match channels {
        Channels::Grey => image::Pixel::to_luma(&image::Rgb(color)).0.to_vec(),
        Channels::Rgb => color.to_vec(),
        Channels::Rgba if color == [0; 3] => vec![0; 4],
        Channels::Rgba => vec![red, green, blue, 255],
    };
    // 257 times as much of 65,535 as of 255.
    numbers.into_iter().map(|number| T::of(u32::from(number) * (T::MOST / 255))).collect()
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn pixels<T: Sample>(picture: impl Into<DynamicImage>, channels: Channels) -> Pixels<T> {
        Pixels::of(picture.into().into(), channels).0
    }

    fn fitted(picture: &RgbImage, resolution: &str, fit: &str) -> Fitted<u8> {
        let pixels = pixels::<u8>(picture.clone(), Channels::Rgb);
        let (resolution, fit) = (resolution.parse().unwrap(), fit.parse().unwrap());
        super::fitted(pixels, resolution, fit, &mut Resizer::new()).unwrap()
    }

    #[test]
    fn the_square_in_the_middle_is_taken() {
        // 5 columns of blue, 8 of red, 5 of blue.
        let picture = RgbImage::from_fn(18, 8, |x, _| {
            if (5..13).contains(&x) { Rgb([200, 10, 20]) } else { Rgb([0, 0, 255]) }
        });
        let square = fitted(&picture, "8", "crop");
        assert!(square.samples.chunks(3).all(|pixel| pixel == [200, 10, 20]));
        assert!(!square.is_upscaled && fitted(&picture, "16", "crop").is_upscaled);
    }

    #[test]
    fn the_largest_part_of_a_ratio_is_taken() {
        let of = |size: &str, ratio: &str| {
            let Rectangle { left, top, size } = middle(size.parse().unwrap(), ratio.parse().unwrap());
            (left, top, size.to_string())
        };
        assert_eq!(of("640x480", "512x384"), (0, 0, "640x480".to_owned()));
        assert_eq!(of("1000x300", "16x12"), (300, 0, "400x300".to_owned()));
        assert_eq!(of("300x1000", "16x12"), (0, 387, "300x225".to_owned()));
        assert_eq!(of("300x1000", "12x16"), (0, 300, "300x400".to_owned()));
        assert_eq!(of("1x5000", "16x8"), (0, 2499, "1x1".to_owned()));
        let left_half = RgbImage::from_fn(40, 12, |x, _| Rgb([if x < 20 { 0 } else { 250 }, 7, 7]));
        let wide = fitted(&left_half, "16x12", "crop");
        assert_eq!(wide.samples.len(), 3 * 16 * 12);
        // Nothing is resized, and both halves are seen.
        assert_eq!((wide.samples[3 * 7], wide.samples[3 * 8]), (0, 250));
        assert!(!wide.is_upscaled && fitted(&left_half, "32x24", "crop").is_upscaled);
    }

    #[test]
    fn shrinking_averages_what_it_leaves_out() {
        let board = RgbImage::from_fn(64, 64, |x, y| Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
        let square = fitted(&board, "16", "crop");
        // The edges are not the mean, as the filter is cut off there.
        for row in 2..14 {
            for value in &square.samples[(row * 16 + 2) * 3..(row * 16 + 14) * 3] {
                assert!((126..=129).contains(value), "{value}");
            }
        }
    }

    #[test]
    fn all_of_a_picture_is_kept_if_asked_for() {
        // Two thirds of red, one of blue, side by side.
        let picture =
            RgbImage::from_fn(24, 8, |x, _| if x < 16 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
        let pixels = |fit: &str, side: usize| {
            let square = fitted(&picture, &side.to_string(), fit);
            assert_eq!(square.samples.len(), 3 * side * side);
            square.samples.chunks(3).map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let padded = pixels("pad:010203", 24);
        assert_eq!((&padded[7 * 24 + 3][..], &padded[16 * 24 + 20][..]), (&[1, 2, 3][..], &[1, 2, 3][..]));
        assert_eq!(
            (&padded[8 * 24 + 15][..], &padded[15 * 24 + 16][..]),
            (&[255, 0, 0][..], &[0, 0, 255][..])
        );
        assert_eq!(pixels("pad", 24)[0], [0, 0, 0]);
        let edge = pixels("pad:edge", 24);
        assert_eq!((&edge[0][..], &edge[575][..]), (&[255, 0, 0][..], &[0, 0, 255][..]));
        let stretched = pixels("stretch", 8);
        // The filter reaches over the edge between the colors.
        assert!(stretched[24][0] > 245 && stretched[31][2] > 245, "{stretched:?}");
        // The longer side is what has to be enlarged, or not.
        assert!(fitted(&picture, "16", "crop").is_upscaled);
        assert!(!fitted(&picture, "16", "pad:edge").is_upscaled);
        // A line stays one pixel wide.
        let line = RgbImage::from_pixel(100, 1, Rgb([9; 3]));
        let line = fitted(&line, "8", "pad").samples;
        assert_eq!(line.iter().map(|&value| usize::from(value == 9)).sum::<usize>(), 3 * 8);
    }

    #[test]
    fn a_picture_is_padded_where_the_rectangle_is_longer() {
        let picture = RgbImage::from_pixel(30, 30, Rgb([200; 3]));
        let wide = fitted(&picture, "16x12", "pad:010203");
        let is_filled = |row: usize, column: usize| wide.samples[3 * (16 * row + column)] == 1;
        for row in 0..12 {
            assert!((0..16).all(|column| is_filled(row, column) != (2..14).contains(&column)));
        }
        let high = fitted(&picture, "12x16", "pad:010203");
        assert!((0..16).all(|row| (high.samples[3 * 12 * row] == 1) != (2..14).contains(&row)));
    }

    #[test]
    fn grey_and_transparent_pictures_are_resized_as_they_are() {
        let grey = GrayImage::from_fn(32, 24, |x, _| Luma([if x < 16 { 40 } else { 90 }]));
        let resolution = "16x12".parse().unwrap();
        let grey = pixels::<u8>(grey, Channels::Grey);
        let grey = super::fitted(grey, resolution, Fit::Crop, &mut Resizer::new()).unwrap();
        assert_eq!((grey.samples.len(), grey.samples[2], grey.samples[13]), (16 * 12, 40, 90));

        // An orange disk on nothing, which files like to keep as transparent white or green.
        let [on_white, on_green] = [[255; 3], [0, 255, 0]].map(|[red, green, blue]| {
            let disk = RgbaImage::from_fn(64, 48, |x, y| {
                let (x, y) = (f64::from(x) - 31.5, f64::from(y) - 23.5);
                if x.hypot(y) < 17.0 { Rgba([240, 120, 0, 255]) } else { Rgba([red, green, blue, 0]) }
            });
            let disk = pixels::<u8>(disk, Channels::Rgba);
            super::fitted(disk, resolution, Fit::Crop, &mut Resizer::new()).unwrap().samples
        });
        assert_eq!(on_white, on_green);
        let mut edges = 0;
        for pixel in on_white.chunks(4) {
            let [red, green, blue, alpha] = [0, 1, 2, 3].map(|channel| f64::from(pixel[channel]));
            edges += u32::from(alpha > 20.0 && alpha < 235.0);
            // No halo: every pixel is orange, as much as there is of it, or a little brighter where the filter overshoots.
            assert!((red - (2.0 * green).min(255.0)).abs() <= 3.0 && blue == 0.0, "{pixel:?}");
            assert!(red >= alpha * 240.0 / 255.0 - 2.0 && red <= alpha, "{pixel:?}");
        }
        assert!(edges > 8, "{edges}");
    }

    #[test]
    fn sixteen_bits_are_resized_as_eight_are_but_finer() {
        // A slope that eight bits show as a few steps.
        let slope =
            ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(64, 48, |x, _| Luma([20_000 + 10 * x as u16]));
        let deep = pixels::<u16>(slope, Channels::Grey);
        let fitted = super::fitted(deep, "16x12".parse().unwrap(), Fit::Crop, &mut Resizer::new()).unwrap();
        assert_eq!(fitted.samples.len(), 16 * 12);
        for (column, &value) in fitted.samples[6 * 16..7 * 16].iter().enumerate().take(14).skip(2) {
            // The middle of four pixels.
            let expected = 20_000.0 + 10.0 * (4.0 * column as f64 + 1.5);
            assert!((f64::from(value) - expected).abs() <= 1.0, "{column}: {value} for {expected}");
        }
    }

    #[test]
    fn what_fills_has_the_channels_of_the_picture() {
        assert_eq!(filled::<u8>([255, 0, 0], Channels::Rgb), [255, 0, 0]);
        assert_eq!(filled::<u8>([9, 9, 9], Channels::Grey), [9]);
        assert_eq!(filled::<u8>([0, 0, 0], Channels::Rgba), [0; 4]);
        assert_eq!(filled::<u8>([255, 0, 0], Channels::Rgba), [255, 0, 0, 255]);
        assert_eq!(filled::<u16>([255, 1, 0], Channels::Rgba), [65_535, 257, 0, 65_535]);
    }
}
