//! What becomes of a picture that is not square.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stylegan_base::Resolution;

/// What becomes of a picture that has another ratio of width and height than it is packed at.
///
/// As a text it is `crop`, `stretch`, `pad` (with black), `pad:RRGGBB` (with a color) or `pad:edge`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fit {
    /// Its middle is taken, as much as there is of the ratio.
    #[default]
    Crop,
    /// All of it is kept, and the rest is filled.
    Pad(Filling),
    /// All of it is kept, out of proportion.
    Stretch,
}

/// What fills the rest beside a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// A color, RGB; black is transparent where there is transparency.
    Color([u8; 3]),
    /// The pixels at the picture's edge.
    Edge,
}

impl Fit {
    /// How many pixels of a picture become a side of a square, in the direction in which there are fewest.
    pub(crate) fn side_of(self, size: Resolution) -> usize {
        match self {
            Self::Crop | Self::Stretch => size.shorter_side(),
            Self::Pad(_) => size.side(),
        }
    }

    /// Whether a picture of this size has the pixels for a resolution, and needs not be enlarged.
    pub(crate) fn has_pixels(self, size: Resolution, resolution: Resolution) -> bool {
        let (is_wide, is_high) = (size.width >= resolution.width, size.height >= resolution.height);
        match self {
            Self::Crop | Self::Stretch => is_wide && is_high,
            Self::Pad(_) => is_wide || is_high,
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crop => f.write_str("crop"),
            Self::Stretch => f.write_str("stretch"),
            Self::Pad(Filling::Color([0, 0, 0])) => f.write_str("pad"),
            Self::Pad(Filling::Color([red, green, blue])) => write!(f, "pad:{red:02x}{green:02x}{blue:02x}"),
            Self::Pad(Filling::Edge) => f.write_str("pad:edge"),
        }
    }
}

impl FromStr for Fit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let filling = match text {
            "crop" => return Ok(Self::Crop),
            "stretch" => return Ok(Self::Stretch),
            "pad" => Some(Filling::Color([0; 3])),
            "pad:edge" => Some(Filling::Edge),
            _ => text.strip_prefix("pad:").and_then(color).map(Filling::Color),
        };
        filling.map(Self::Pad).ok_or_else(|| {
            format!("`{text}` is none of `crop`, `stretch`, `pad`, `pad:RRGGBB` and `pad:edge`")
        })
    }
}

/// `RRGGBB`
fn color(digits: &str) -> Option<[u8; 3]> {
    let is_hexadecimal = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let [_, red, green, blue] =
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)?.to_be_bytes();
    Some([red, green, blue])
}

impl TryFrom<String> for Fit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fit> for String {
    fn from(fit: Fit) -> Self {
        fit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_back() {
        for text in ["crop", "stretch", "pad", "pad:edge", "pad:ff8000"] {
            assert_eq!(text.parse::<Fit>().unwrap().to_string(), text);
        }
        assert_eq!("pad:FF8000".parse(), Ok(Fit::Pad(Filling::Color([255, 128, 0]))));
        for text in ["", "Crop", "pad:", "pad:white", "pad:+12345", "pad:1234567", "pad:ä0000"] {
            assert!(text.parse::<Fit>().unwrap_err().contains("is none of"), "{text}");
        }
    }
}
