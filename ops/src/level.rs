//! Levels of detail.

use candle_core::{Result, bail};
use stylegan_base::Resolution;

/// A level of detail taken apart: the pictures it shows, and how far the level below still shows through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Width and height of the pictures, those of the network `/ 2^floor(lod)`.
    pub resolution: Resolution,
    /// Share of the next smaller level in the picture, `lod - floor(lod)`, in `[0, 1)`.
    pub fade: f64,
    /// Full-size pixels along one pixel of this level, `2^floor(lod)`.
    pub pixel_repeat: usize,
}

impl Level {
    /// The level of a network of `resolution` at `lod` (0 is full size, each +1 halves width and height).
    ///
    /// # Errors
    /// If `lod` is negative, not a number, or asks for less than the network starts from (or a fade from there).
    pub fn new(resolution: Resolution, lod: f64) -> Result<Self> {
        let doublings = f64::from(resolution.doublings());
        if !(0.0..=doublings).contains(&lod) {
            bail!("level of detail {lod} is outside 0 to {doublings} of a network of {resolution}")
        }
        let pixel_repeat = 1 << lod.floor() as usize;
        let Resolution { width, height } = resolution;
        let resolution = Resolution { width: width / pixel_repeat, height: height / pixel_repeat };
        Ok(Self { resolution, fade: lod.fract(), pixel_repeat })
    }
}

/// What makes a network of this resolution impossible, one sentence; `table` is that of the configuration it is in.
pub fn resolution_violation(table: &str, resolution: Resolution) -> Option<String> {
    let violation = resolution.violation()?;
    Some(format!("`{table}.resolution` is {}, but {violation}", resolution.short()))
}

/// What makes pictures with so many channels impossible, one sentence; `table` is that of the configuration it is in.
pub fn channels_violation(table: &str, num_channels: usize) -> Option<String> {
    let is_possible = matches!(num_channels, 1 | 3 | 4);
    (!is_possible).then(|| format!("`{table}.num_channels` is {num_channels}, but must be 1, 3 or 4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_a_network_of_32() -> Result<()> {
        let of = |side: usize| Resolution::square(side);
        let level = |resolution, fade, pixel_repeat| Level { resolution, fade, pixel_repeat };
        assert_eq!(Level::new(of(32), 0.0)?, level(of(32), 0.0, 1));
        assert_eq!(Level::new(of(32), 1.25)?, level(of(16), 0.25, 2));
        assert_eq!(Level::new(of(32), 3.0)?, level(of(4), 0.0, 8));
        for lod in [-0.1, 3.1, f64::NAN, f64::INFINITY] {
            assert!(Level::new(of(32), lod).is_err(), "{lod}");
        }
        Ok(())
    }

    #[test]
    fn levels_keep_the_ratio() -> Result<()> {
        let [full, half, start] =
            [(20, 16), (10, 8), (5, 4)].map(|(width, height)| Resolution { width, height });
        for (lod, resolution, pixel_repeat) in [(0.5, full, 1), (1.5, half, 2), (2.0, start, 4)] {
            let level = Level::new(full, lod)?;
            assert_eq!((level.resolution, level.pixel_repeat), (resolution, pixel_repeat));
        }
        let error = Level::new(full, 2.5).unwrap_err().to_string();
        assert!(error.starts_with("level of detail 2.5 is outside 0 to 2 of a network of 20x16"), "{error}");
        Ok(())
    }

    #[test]
    fn impossible_pictures_are_named_with_their_table() {
        assert_eq!(resolution_violation("generator", 64.into()), None);
        assert_eq!([1, 3, 4].map(|count| channels_violation("generator", count)), [None, None, None]);
        let sentence = channels_violation("generator", 2).unwrap();
        assert_eq!(sentence, "`generator.num_channels` is 2, but must be 1, 3 or 4");
        let sentence = resolution_violation("generator", 100.into()).unwrap();
        assert!(
            sentence.starts_with("`generator.resolution` is 100, but must be a power of two from 8 to 1024")
        );
    }
}
