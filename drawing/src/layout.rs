//! How many pictures stand side by side.

use std::fmt;
use std::str::FromStr;

use stylegan_ops::Resolution;

use crate::{Error, Result};

/// A grid and its copy in the encoder take six bytes for each of these.
pub(crate) const MAX_PIXELS: usize = 1 << 28;

/// How many pictures stand side by side, as text `COLUMNSxROWS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Pictures in a row.
    pub columns: usize,
    /// Pictures in a column.
    pub rows: usize,
}

impl Layout {
    /// A single picture.
    pub const ONE: Self = Self { columns: 1, rows: 1 };

    /// The nearest to a square that holds `count` pictures.
    pub fn square(count: usize) -> Self {
        let mut columns = count.isqrt();
        if columns * columns < count {
            columns += 1;
        }
        let columns = columns.max(1);
        Self { columns, rows: count.div_ceil(columns).max(1) }
    }

    /// Whether there is a place for this many pictures.
    pub fn holds(self, count: usize) -> bool {
        self.columns.saturating_mul(self.rows) >= count
    }

    /// Pixels of the whole, where each picture is of this size.
    pub(crate) fn pixels(self, resolution: Resolution) -> usize {
        self.columns.saturating_mul(self.rows).saturating_mul(resolution.pixels())
    }

    /// Makes sure that the picture of this layout fits into memory.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_size(self, resolution: Resolution) -> Result<()> {
        if self.pixels(resolution) <= MAX_PIXELS {
            return Ok(());
        }
        Err(Error::TooManyPixels { layout: self, resolution })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |text: &str| text.parse().ok().filter(|side| (1..=100_000).contains(side));
        match text.split_once(['x', 'X']).map(|(columns, rows)| (side(columns), side(rows))) {
            Some((Some(columns), Some(rows))) => Ok(Self { columns, rows }),
            _ => Err("a grid is columns x rows, such as `4x3`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        assert_eq!("4x3".parse(), Ok(Layout { columns: 4, rows: 3 }));
        assert_eq!(Layout { columns: 4, rows: 3 }.to_string(), "4x3");
        for text in ["4", "0x3", "4x", "x", "4x3x2", "-1x2", "999999x1"] {
            assert!(text.parse::<Layout>().is_err(), "{text}");
        }
        let square = |count| {
            let Layout { columns, rows } = Layout::square(count);
            (columns, rows)
        };
        assert_eq!([1, 2, 4, 5, 17].map(square), [(1, 1), (2, 1), (2, 2), (3, 2), (5, 4)]);
    }

    #[test]
    fn a_picture_beyond_memory_is_refused() {
        let layout = Layout { columns: 16, rows: 16 };
        layout.check_size(1024.into()).unwrap();
        let error = Layout { columns: 17, ..layout }.check_size(1024.into()).unwrap_err();
        let message =
            "17x16 pictures of 1024x1024 make a picture of 285,212,672 pixels, more than 268,435,456";
        assert_eq!(error.to_string(), message);
        assert!(Layout { columns: 100_000, rows: 100_000 }.check_size(1024.into()).is_err());
    }
}
