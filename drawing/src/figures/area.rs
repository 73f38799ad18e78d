//! A part of a picture.

use std::fmt;
use std::str::FromStr;

use stylegan_ops::Resolution;

use crate::{Error, Result};

/// A part of a picture, as text `WIDTHxHEIGHT+LEFT+TOP`, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// How wide it is.
    pub width: u32,
    /// How high it is.
    pub height: u32,
    /// Columns of pixels to its left.
    pub left: u32,
    /// Rows of pixels above it.
    pub top: u32,
}

impl Area {
    /// What the paper looks at closely, for pictures of this size: a quarter of each side, right of the middle and near the
    /// top, where a face has its hair; of 1024x1024 that is 256x256+650+180.
    pub fn of_paper(resolution: Resolution) -> Self {
        let share = |side: usize, pixels: usize| (side * pixels / 1024) as u32;
        let Resolution { width, height } = resolution;
        Self {
            width: share(width, 256).max(1),
            height: share(height, 256).max(1),
            left: share(width, 650),
            top: share(height, 180),
        }
    }

    /// Makes sure that it lies in pictures of this size.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(self, resolution: Resolution) -> Result<()> {
        let lies_in = |first: u32, count: u32, side: usize| {
            count > 0 && (u64::from(first) + u64::from(count)) as usize <= side
        };
        if lies_in(self.left, self.width, resolution.width)
            && lies_in(self.top, self.height, resolution.height)
        {
            return Ok(());
        }
        Err(Error::Area { area: self, resolution })
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}+{}+{}", self.width, self.height, self.left, self.top)
    }
}

impl FromStr for Area {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let mut numbers = text.splitn(3, '+');
            let (width, height) = numbers.next()?.split_once(['x', 'X'])?;
            let [width, height, left, top] =
                [width, height, numbers.next()?, numbers.next()?].map(|number| number.parse().ok());
            Some(Self { width: width?, height: height?, left: left?, top: top? })
        };
        parse().ok_or_else(|| "a part is width x height + left + top, such as `16x16+40+11`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_as_text() {
        let area = Area { width: 16, height: 12, left: 40, top: 0 };
        assert_eq!("16x12+40+0".parse(), Ok(area));
        assert_eq!(area.to_string(), "16x12+40+0");
        for text in ["", "16x12", "16x12+1", "16+1+2", "16x12+1+2+3", "-1x2+0+0", "4294967296x1+0+0"] {
            assert!(text.parse::<Area>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_papers_part_lies_in_pictures_of_every_size() {
        assert_eq!(Area::of_paper(1024.into()).to_string(), "256x256+650+180");
        for side in 4..=1024 {
            for other in [1, 3, 1024] {
                let resolution = Resolution { width: side, height: other };
                Area::of_paper(resolution).check(resolution).unwrap();
            }
        }
        for text in ["5x3+0+0", "4x4+0+0", "1x1+4+0", "1x1+0+3", "0x1+0+0", "4294967295x1+4294967295+0"] {
            let error = text.parse::<Area>().unwrap().check(Resolution { width: 4, height: 3 }).unwrap_err();
            assert_eq!(error.to_string(), format!("the part {text} does not lie in a picture of 4x3"));
        }
    }
}
