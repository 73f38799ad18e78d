//! How light and how varied a picture is.

use serde::Serialize;

/// Shares of a picture's pixels, in a hundred, of which the darkest and the lightest may be anything.
const FEW: usize = 5;
const FEWEST: usize = 1;

/// Luminance of a picture's pixels, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Light {
    pub(super) mean: f32,
    /// Standard deviation.
    pub(super) deviation: f32,
    /// All but a hundredth of the pixels are as light as this, and as dark as that.
    pub(super) range: [u8; 2],
    /// The same of a twentieth.
    pub(super) most: [u8; 2],
}

/// What is wrong with the light of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It shows next to nothing: luminance deviates by less than 2 of 255.
    Blank,
    /// Nineteen of twenty pixels are darker than 40 of 255.
    Dark,
    /// Nineteen of twenty pixels are lighter than 215 of 255.
    Bright,
    /// All but a fiftieth of the pixels lie within 40 of 255.
    Faint,
}

impl Light {
    /// `rgb` is `[height, width, 3]`.
    pub(super) fn of(rgb: &[u8]) -> Self {
        let mut counts = [0_usize; 256];
        for pixel in rgb.chunks_exact(3) {
            counts[usize::from(luminance(pixel))] += 1;
        }
        let pixels = counts.iter().sum::<usize>().max(1);
        let moment = |power: i32| {
            let sum: f64 = counts
                .iter()
                .zip(0..)
                .map(|(&count, value)| count as f64 * f64::from(value).powi(power))
                .sum();
            sum / pixels as f64
        };
        let mean = moment(1);
        // The least luminance that so many pixels in a hundred do not exceed.
        let quantile = |percent: usize| {
            let rank = (pixels * percent).div_ceil(100).max(1);
            let mut below = 0;
            let reached = counts.iter().position(|count| {
                below += count;
                below >= rank
            });
            reached.unwrap_or(255) as u8
        };
        Self {
            mean: mean as f32,
            deviation: (moment(2) - mean * mean).max(0.0).sqrt() as f32,
            range: [quantile(FEWEST), quantile(100 - FEWEST)],
            most: [quantile(FEW), quantile(100 - FEW)],
        }
    }

    /// The worst that is wrong with it.
    pub(super) fn fault(&self) -> Option<Fault> {
        let [darkest, lightest] = self.range;
        if self.deviation < 2.0 {
            Some(Fault::Blank)
        } else if self.most[1] < 40 {
            Some(Fault::Dark)
        } else if self.most[0] > 215 {
            Some(Fault::Bright)
        } else {
            (lightest - darkest < 40).then_some(Fault::Faint)
        }
    }
}

/// That of Rec. 709, rounded down.
pub(super) fn luminance(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|at| pixel.get(at).map_or(0, |&value| u32::from(value)));
    ((54 * red + 183 * green + 19 * blue) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred grey pixels, `[value, how many]`.
    fn light(parts: &[[u8; 2]]) -> Light {
        let values = parts.iter().flat_map(|&[value, count]| vec![value; 3 * usize::from(count)]);
        Light::of(&values.collect::<Vec<_>>())
    }

    #[test]
    fn moments_and_quantiles_are_those_of_luminance() {
        let Light { mean, deviation, range, most } = light(&[[10, 2], [50, 48], [150, 48], [250, 2]]);
        assert!((mean - 101.2).abs() < 1e-3 && (deviation - 54.87).abs() < 0.01, "{mean} {deviation}");
        assert_eq!((range, most), ([10, 250], [50, 150]));
        assert_eq!(
            [[255; 3], [0; 3], [255, 0, 0], [0, 255, 0]].map(|pixel| luminance(&pixel)),
            [255, 0, 53, 182]
        );
    }

    #[test]
    fn each_fault_is_told_at_its_bound() {
        let fault = |parts: &[[u8; 2]]| light(parts).fault();
        assert_eq!(fault(&[[200, 100]]), Some(Fault::Blank));
        assert_eq!(fault(&[[200, 50], [203, 50]]), Some(Fault::Blank));
        assert_eq!(fault(&[[200, 50], [204, 50]]), Some(Fault::Faint));
        assert_eq!(fault(&[[0, 60], [39, 35], [250, 5]]), Some(Fault::Dark));
        assert_eq!(fault(&[[0, 60], [40, 35], [250, 5]]), None);
        assert_eq!(fault(&[[0, 4], [216, 60], [255, 36]]), Some(Fault::Bright));
        assert_eq!(fault(&[[0, 4], [215, 60], [255, 36]]), None);
        assert_eq!(fault(&[[100, 50], [139, 50]]), Some(Fault::Faint));
        assert_eq!(fault(&[[100, 50], [140, 50]]), None);
        assert_eq!(Light::of(&[]).fault(), Some(Fault::Blank));
    }
}
