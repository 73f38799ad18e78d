//! A part of a source, packed by itself.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More parts than anybody has machines.
const MOST: usize = 100_000;

/// One of several parts of about the same number of pictures, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which of them, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// Which of `count` pictures are in it.
    pub(crate) fn range(self, count: usize) -> Range<usize> {
        let end_of = |number: usize| (count as u128 * number as u128 / self.of as u128) as usize;
        end_of(self.number - 1)..end_of(self.number)
    }

    pub(crate) fn is_valid(self) -> bool {
        (1..=MOST).contains(&self.of) && (1..=self.of).contains(&self.number)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let parts = text.split_once('/').and_then(|(number, of)| Some((digits(number)?, digits(of)?)));
        let shard = parts.map(|(number, of)| Self { number, of }).filter(|shard| shard.is_valid());
        shard.ok_or_else(|| {
            format!("a part is its number and how many there are, from 1/1 to {MOST}/{MOST}, such as 2/4")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_is_in_one_part() {
        for (count, of) in [(10, 3), (3, 3), (2, 5), (70_000, 7), (usize::MAX, 100_000)] {
            let mut end = 0;
            for number in 1..=of {
                let range = Shard { number, of }.range(count);
                assert_eq!(range.start, end);
                assert!(range.len() == count / of || range.len() == count / of + 1);
                end = range.end;
            }
            assert_eq!(end, count);
        }
    }

    #[test]
    fn parts_are_told_by_their_numbers() {
        let shard = Shard { number: 2, of: 4 };
        assert_eq!(("2/4".parse(), shard.to_string()), (Ok(shard), "2/4".to_owned()));
        for text in ["", "2", "/", "0/4", "5/4", "1/0", "-1/4", "+1/4", "1/100001", "1/4/2", "1 / 4"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
