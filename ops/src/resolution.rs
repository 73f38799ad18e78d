//! Resolutions and levels of detail.

use candle_core::{Result, bail};

/// A level of detail taken apart: the side of the pictures it shows, and how far the level below still shows through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Side of the pictures in pixels, `resolution / 2^floor(lod)`.
    pub side: usize,
    /// Share of the next smaller side in the picture, `lod - floor(lod)`, in `[0, 1)`.
    pub fade: f64,
    /// Full-size pixels along one pixel of this side, `2^floor(lod)`.
    pub pixel_repeat: usize,
}

impl Level {
    /// The level of a network of `resolution` at `lod` (0 is full size, each +1 halves the side).
    ///
    /// # Errors
    /// If `lod` is negative, not a number, or asks for a side below 4 (or a fade from below 4).
    pub fn new(resolution: usize, lod: f64) -> Result<Self> {
        let levels = f64::from(resolution.max(4).ilog2() - 2);
        if !(0.0..=levels).contains(&lod) {
            bail!("level of detail {lod} is outside 0 to {levels} of a network of {resolution}x{resolution}")
        }
        let pixel_repeat = 1 << lod.floor() as usize;
        Ok(Self { side: resolution / pixel_repeat, fade: lod.fract(), pixel_repeat })
    }
}

/// The sides of a network's blocks: 4, 8, ... `resolution`.
pub fn sides(resolution: usize) -> impl DoubleEndedIterator<Item = usize> + Clone {
    (2..=resolution.max(1).ilog2()).map(|log2| 1 << log2)
}

/// What makes a network of this resolution impossible, one sentence; `table` is that of the configuration it is in.
pub fn resolution_violation(table: &str, resolution: usize) -> Option<String> {
    let is_possible = resolution.is_power_of_two() && (8..=1024).contains(&resolution);
    (!is_possible)
        .then(|| format!("`{table}.resolution` is {resolution}, but must be a power of two from 8 to 1024"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_a_network_of_32() -> Result<()> {
        assert_eq!(Level::new(32, 0.0)?, Level { side: 32, fade: 0.0, pixel_repeat: 1 });
        assert_eq!(Level::new(32, 1.25)?, Level { side: 16, fade: 0.25, pixel_repeat: 2 });
        assert_eq!(Level::new(32, 3.0)?, Level { side: 4, fade: 0.0, pixel_repeat: 8 });
        for lod in [-0.1, 3.1, f64::NAN, f64::INFINITY] {
            assert!(Level::new(32, lod).is_err(), "{lod}");
        }
        Ok(())
    }

    #[test]
    fn a_resolution_is_a_power_of_two_in_bounds() {
        for resolution in [8, 64, 1024] {
            assert_eq!(resolution_violation("generator", resolution), None);
        }
        for resolution in [0, 4, 100, 2048] {
            assert_eq!(
                resolution_violation("generator", resolution).unwrap(),
                format!("`generator.resolution` is {resolution}, but must be a power of two from 8 to 1024")
            );
        }
    }
}
