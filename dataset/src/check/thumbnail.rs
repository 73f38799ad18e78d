//! A picture of 8x8 pixels, by which pictures are compared.

use std::array;
use std::f32::consts::PI;
use std::sync::LazyLock;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use stylegan_base::printable;

use super::light::luminance;
use crate::pack::pixels::Pixels;

const SIDE: usize = 8;

/// A picture that deviates by less counts as if it deviated by this, as there is noise in everything.
const LEAST_DEVIATION: f32 = 8.0;

/// A coefficient of so little of all of them says nothing and counts as none.
const LEAST_COEFFICIENT: f32 = 0.02;

/// Luminance of 8x8 pixels without its mean, and the color of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thumbnail {
    /// In units of luminance, of which the most is 127.
    pixels: [i8; SIDE * SIDE],
    unit: f32,
    /// The means of red, green and blue.
    color: [u8; 3],
}

impl Thumbnail {
    /// Of a picture of three channels.
    pub(super) fn of(pixels: &Pixels<u8>, resizer: &mut Resizer) -> Result<Self, String> {
        let small = shrunk(pixels, SIDE as u32, SIDE as u32, resizer)?;
        let mut light = [0.0; SIDE * SIDE];
        for (light, pixel) in light.iter_mut().zip(small.pixels()) {
            *light = f32::from(luminance(&pixel.0));
        }
        let mean = light.iter().sum::<f32>() / light.len() as f32;
        let unit = light.iter().map(|light| (light - mean).abs()).fold(f32::EPSILON, f32::max) / 127.0;
        let channel = |at: usize| small.pixels().map(|pixel| u32::from(pixel.0[at])).sum::<u32>();
        Ok(Self {
            pixels: light.map(|light| ((light - mean) / unit).round() as i8),
            unit,
            color: array::from_fn(|at| (channel(at) / (SIDE * SIDE) as u32) as u8),
        })
    }

    /// The same in a mirror.
    pub(super) fn mirrored(&self) -> Self {
        let mut pixels = self.pixels;
        pixels.chunks_exact_mut(SIDE).for_each(<[i8]>::reverse);
        Self { pixels, ..*self }
    }

    /// Whether there is too little in it to be compared.
    pub(super) fn is_blank(&self) -> bool {
        self.deviation() < 1.0
    }

    /// Of luminance, 0 to 255.
    fn deviation(&self) -> f32 {
        self.unit * mean_product(&self.pixels, &self.pixels).sqrt()
    }

    /// How far another is from this one: the root of the mean square of what they differ by, in deviations of the flatter one;
    /// infinite where colors differ.
    pub(super) fn difference(&self, other: &Self) -> f32 {
        /// Most that how much redder, greener and bluer a picture is than its luminance may differ by.
        const SAME_COLOR: i16 = 6;
        let tint = |color: &[u8; 3]| color.map(|value| i16::from(value) - i16::from(luminance(color)));
        let (own, others) = (tint(&self.color), tint(&other.color));
        if own.iter().zip(others).any(|(own, other)| (own - other).abs() > SAME_COLOR) {
            return f32::INFINITY;
        }
        let (a, b) = (self.deviation(), other.deviation());
        let product = self.unit * other.unit * mean_product(&self.pixels, &other.pixels);
        (a * a + b * b - 2.0 * product).max(0.0).sqrt() / a.min(b).max(LEAST_DEVIATION)
    }

    /// Which of the 63 coefficients of the cosine transform are positive, but for the mean's, which is 0: a perceptual hash.
    ///
    /// Of a picture that was compressed, resized or cropped a little, few bits are others.
    pub(super) fn hash(&self) -> u64 {
        static BASIS: LazyLock<[[f32; SIDE]; SIDE]> = LazyLock::new(|| {
            array::from_fn(|frequency| {
                let scale = if frequency == 0 { 1.0 / 8.0_f32 } else { 2.0 / 8.0 }.sqrt();
                array::from_fn(|at| scale * (PI * (2 * at + 1) as f32 * frequency as f32 / 16.0).cos())
            })
        });
        let values = self.pixels.map(f32::from);
        let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        let row = |y: usize| &values[SIDE * y..][..SIDE];
        // Across, then down.
        let across: [[f32; SIDE]; SIDE] = array::from_fn(|y| BASIS.map(|basis| dot(&basis, row(y))));
        let mut hash = 0;
        let mut used = [0; 4];
        for (v, basis) in BASIS.iter().enumerate() {
            for u in 0..SIDE {
                let column = across.map(|row| row[u]);
                // Every quarter of the hash gets low and high frequencies of both directions.
                let quarter = (u + v) % 4;
                let is_positive = dot(basis, &column) > LEAST_COEFFICIENT * norm && (u, v) != (0, 0);
                hash |= u64::from(is_positive) << (16 * quarter + used[quarter]);
                used[quarter] += 1;
            }
        }
        hash
    }
}

fn mean_product(a: &[i8; SIDE * SIDE], b: &[i8; SIDE * SIDE]) -> f32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>() as f32 / (SIDE * SIDE) as f32
}

fn dot(a: &[f32; SIDE], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A picture of three channels in another size; each pixel is a mean of those it stands for.
pub(super) fn shrunk(
    pixels: &Pixels<u8>,
    width: u32,
    height: u32,
    resizer: &mut Resizer,
) -> Result<RgbImage, String> {
    let mut picture = RgbImage::new(width, height);
    let mut resize = || -> Result<(), Box<dyn std::error::Error>> {
        let (from_width, from_height) = (pixels.width as u32, pixels.height as u32);
        let source = TypedImageRef::<U8x3>::from_buffer(from_width, from_height, &pixels.samples)?;
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut picture)?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Ok(resizer.resize_typed(&source, &mut target, &options)?)
    };
    resize().map_err(|error| printable(&error.to_string()))?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::channels::Channels;

    fn thumbnail(width: u32, height: u32, color: impl Fn(f64, f64) -> [f64; 3]) -> Thumbnail {
        let picture = RgbImage::from_fn(width, height, |x, y| {
            let [x, y] = [(x, width), (y, height)].map(|(at, side)| (f64::from(at) + 0.5) / f64::from(side));
            Rgb(color(x, y).map(|value| value.round() as u8))
        });
        let (width, height) = (width as usize, height as usize);
        let pixels = Pixels { width, height, channels: Channels::Rgb, samples: picture.into_raw() };
        Thumbnail::of(&pixels, &mut Resizer::new()).unwrap()
    }

    fn scene(x: f64, y: f64) -> [f64; 3] {
        let light = 110.0 + 60.0 * (5.0 * x + 1.0).sin() * (4.0 * y).cos() + 40.0 * (9.0 * x * y).sin();
        [light + 20.0, light, light - 10.0]
    }

    #[test]
    fn size_and_brightness_change_little() {
        let small = thumbnail(40, 30, scene);
        let large = thumbnail(200, 150, scene);
        let brighter = thumbnail(200, 150, |x, y| scene(x, y).map(|value| value + 15.0));
        for other in [large, brighter] {
            assert!(small.difference(&other) < 0.05, "{}", small.difference(&other));
            assert!((small.hash() ^ other.hash()).count_ones() <= 3);
        }
        let reversed = thumbnail(200, 150, |x, y| scene(1.0 - x, y));
        assert!(large.difference(&reversed) > 0.5);
        assert!(large.mirrored().difference(&reversed) < 0.02);
        assert!((large.mirrored().hash() ^ reversed.hash()).count_ones() <= 2);
    }

    #[test]
    fn differences_are_in_deviations() {
        // Half of the picture 80 lighter, and 100 lighter: deviations 40 and 50, 10 apart.
        let half = |step: f64| thumbnail(16, 24, move |x, _| [100.0 + if x < 0.5 { 0.0 } else { step }; 3]);
        let difference = half(80.0).difference(&half(100.0));
        assert!((difference - 0.25).abs() < 0.01, "{difference}");
        // Of the same light, but in other colors.
        let red = thumbnail(16, 24, |x, _| [120.0 + if x < 0.5 { 0.0 } else { 80.0 }, 95.0, 95.0]);
        assert_eq!(half(80.0).difference(&red), f32::INFINITY);
        assert!(half(0.0).is_blank() && !half(8.0).is_blank());
    }

    #[test]
    fn what_is_nearly_nothing_gives_no_bits() {
        // Varies from left to right alone, whose higher frequencies are rounding.
        let slope = thumbnail(64, 64, |x, _| [60.0 + 100.0 * x; 3]);
        assert!(slope.hash().count_ones() <= 2, "{:064b}", slope.hash());
        assert_eq!(slope.hash() & 1, 0);
    }
}
