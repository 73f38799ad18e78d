//! Channels of pictures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The channels of a picture; as a number and as a text, how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub enum Channels {
    /// One: light.
    Grey,
    /// Three: red, green and blue.
    #[default]
    Rgb,
    /// Four: red, green and blue times alpha, and alpha, the share of the picture in what is seen.
    ///
    /// Times alpha, so that a mean of pixels is the color of what is seen of them: what is behind them in a file, and not
    /// seen, gives no halo.
    Rgba,
}

impl Channels {
    const ALL: [Self; 3] = [Self::Grey, Self::Rgb, Self::Rgba];

    /// How many there are.
    pub const fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// With the word, `1 channel`.
    pub(crate) fn counted(self) -> String {
        format!("{self} channel{}", if self == Self::Grey { "" } else { "s" })
    }
}

impl TryFrom<usize> for Channels {
    type Error = String;

    fn try_from(count: usize) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|channels| channels.count() == count);
        found.ok_or_else(|| format!("pictures have 1, 3 or 4 channels, not {count}"))
    }
}

impl From<Channels> for usize {
    fn from(channels: Channels) -> Self {
        channels.count()
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count().fmt(f)
    }
}

impl FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|channels| channels.to_string() == text);
        found.ok_or_else(|| {
            "pictures have 1 channel (grey), 3 (color) or 4 (color and transparency)".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_told_by_their_number() {
        for (text, channels) in [("1", Channels::Grey), ("3", Channels::Rgb), ("4", Channels::Rgba)] {
            assert_eq!((text.parse(), channels.to_string()), (Ok(channels), text.to_owned()));
            assert_eq!(serde_json::to_string(&channels).unwrap(), text);
            assert_eq!(serde_json::from_str::<Channels>(text).unwrap(), channels);
        }
        for text in ["", "0", "2", "5", "rgb", "+3"] {
            assert!(text.parse::<Channels>().unwrap_err().contains("1 channel"), "{text}");
        }
        assert!(serde_json::from_str::<Channels>("2").unwrap_err().to_string().contains("not 2"));
    }
}
