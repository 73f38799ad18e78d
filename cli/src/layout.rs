//! How many pictures stand side by side.

use std::fmt;
use std::str::FromStr;

use anyhow::Result;

use crate::report::Refusal;
use stylegan_base::units::grouped;

/// A grid and its copy in the encoder take six bytes for each of these.
const MOST_PIXELS: usize = 1 << 28;

/// `COLUMNSxROWS`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Layout {
    pub(crate) const ONE: Self = Self { columns: 1, rows: 1 };

    /// The nearest to a square that holds `count` pictures.
    pub(crate) fn square(count: usize) -> Self {
        let mut columns = count.isqrt();
        if columns * columns < count {
            columns += 1;
        }
        let columns = columns.max(1);
        Self { columns, rows: count.div_ceil(columns).max(1) }
    }

    /// Makes sure that the picture of this layout fits into memory.
    pub(crate) fn check_size(self, side: usize, hint: &str) -> Result<()> {
        let pixels = self.columns.saturating_mul(self.rows).saturating_mul(side * side);
        if pixels <= MOST_PIXELS {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "{}x{} pictures of {side}x{side} make a picture of {} pixels, more than {}",
            self.columns,
            self.rows,
            grouped(pixels),
            grouped(MOST_PIXELS)
        ))
        .hint(hint)
        .into())
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
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
        layout.check_size(1024, "").unwrap();
        let error = Layout { columns: 17, ..layout }.check_size(1024, "take fewer").unwrap_err();
        let message =
            "17x16 pictures of 1024x1024 make a picture of 285,212,672 pixels, more than 268,435,456";
        assert_eq!(error.to_string(), message);
        assert!(Layout { columns: 100_000, rows: 100_000 }.check_size(1024, "").is_err());
    }
}
