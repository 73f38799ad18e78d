//! Widths and heights of pictures, and how networks grow to them.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Width and height of pictures, in pixels.
///
/// Networks grow to it by doublings from a start of a few pixels. The start is what is left when both sides are halved as
/// long as both are even and the shorter one is longer than 4: 4x4 for squares of a power of two, 4x3 for 512x384, 16x9 for
/// 1024x576. Everything between has the same ratio.
///
/// What goes by side, such as widths of networks, tables of a configuration and names of tensors and files, goes by the
/// longer one.
///
/// In files and as text a square is its side, `512`, and any other `512x384`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resolution {
    /// Pixels in a row.
    pub width: usize,
    /// Pixels in a column.
    pub height: usize,
}

impl Resolution {
    /// Shortest longer side of a network's pictures.
    pub const LEAST_SIDE: usize = 8;
    /// Longest side of a network's pictures.
    pub const MOST_SIDE: usize = 1024;
    /// Longest side of what a network starts from.
    const MOST_START: usize = 16;
    /// The shorter side is halved no further than to this.
    const SHORTEST: usize = 4;

    /// A square.
    pub const fn square(side: usize) -> Self {
        Self { width: side, height: side }
    }

    /// Whether width and height are the same.
    pub const fn is_square(self) -> bool {
        self.width == self.height
    }

    /// The longer side.
    pub fn side(self) -> usize {
        self.width.max(self.height)
    }

    /// The shorter side.
    pub fn shorter_side(self) -> usize {
        self.width.min(self.height)
    }

    /// Pixels of a picture.
    pub const fn pixels(self) -> usize {
        self.width.saturating_mul(self.height)
    }

    /// The level below, half as wide and half as high; none below a start.
    #[must_use]
    pub fn halved(self) -> Option<Self> {
        let Self { width, height } = self;
        let is_halved =
            width.is_multiple_of(2) && height.is_multiple_of(2) && self.shorter_side() > Self::SHORTEST;
        is_halved.then_some(Self { width: width / 2, height: height / 2 })
    }

    /// What a network of this resolution starts from.
    #[must_use]
    pub fn start(self) -> Self {
        std::iter::successors(Some(self), |level| level.halved()).last().unwrap_or(self)
    }

    /// All that networks start from.
    pub fn starts() -> impl Iterator<Item = Self> {
        let sides = 1..=Self::MOST_START;
        let all =
            sides.clone().flat_map(move |height| sides.clone().map(move |width| Self { width, height }));
        all.filter(|small| small.halved().is_none() && small.doubled().halved() == Some(*small))
    }

    /// Twice as wide and twice as high.
    #[must_use]
    pub fn doubled(self) -> Self {
        Self { width: self.width.saturating_mul(2), height: self.height.saturating_mul(2) }
    }

    /// Doublings between the start and this.
    pub fn doublings(self) -> u32 {
        let count = std::iter::successors(self.halved(), |level| level.halved()).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// What a network of this resolution grows through: the start, twice that, and so on up to itself.
    pub fn levels(self) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator + Clone {
        let (count, Self { width, height }) = (self.doublings() as usize + 1, self);
        (0..count).rev().map(move |halvings| Self { width: width >> halvings, height: height >> halvings })
    }

    /// The sizes of the features of a network of this resolution, layer by layer: two at each level.
    pub fn layers(self) -> impl Iterator<Item = Self> + Clone {
        self.levels().flat_map(|level| [level; 2])
    }

    /// How often it is doubled to become `larger`; none if it never does.
    pub fn doublings_to(self, larger: Self) -> Option<u32> {
        let place = larger.levels().rev().position(|level| level == self)?;
        u32::try_from(place).ok()
    }

    /// Whether no network can have it, in words that go on after what it is: it `must be`, and so on.
    pub fn violation(self) -> Option<&'static str> {
        let sides = Self::LEAST_SIDE..=Self::MOST_SIDE;
        let is_possible =
            sides.contains(&self.side()) && self.doublings() > 0 && self.start().side() <= Self::MOST_START;
        (!is_possible).then_some(
            "must be a power of two from 8 to 1024, or a width and a height such as 512x384 that are one power of two times \
             up to 16 each",
        )
    }

    /// As configurations and commands have it: `512` for a square, `512x384` for others.
    pub fn short(self) -> String {
        if self.is_square() { self.width.to_string() } else { self.to_string() }
    }
}

impl From<usize> for Resolution {
    fn from(side: usize) -> Self {
        Self::square(side)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Resolution {
    type Err = String;

    /// `512` or `512x384`, whether a network can have it or not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let sides = match text.split_once(['x', 'X']) {
            Some((width, height)) => side(width).zip(side(height)),
            None => side(text).map(|side| (side, side)),
        };
        let (width, height) =
            sides.ok_or("a resolution is a side such as 512, or a width and a height such as 512x384")?;
        Ok(Self { width, height })
    }
}

impl Serialize for Resolution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_square() { self.width.serialize(serializer) } else { serializer.collect_str(self) }
    }
}

impl<'de> Deserialize<'de> for Resolution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SideOrSides;
        impl Visitor<'_> for SideOrSides {
            type Value = Resolution;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a side such as 512, or a width and a height such as \"512x384\"")
            }

            fn visit_u64<E: Error>(self, side: u64) -> Result<Resolution, E> {
                let side = usize::try_from(side);
                side.map(Resolution::square).map_err(|_| E::custom("too large a side"))
            }

            fn visit_i64<E: Error>(self, side: i64) -> Result<Resolution, E> {
                match u64::try_from(side) {
                    Ok(side) => self.visit_u64(side),
                    Err(_) => Err(E::invalid_value(Unexpected::Signed(side), &self)),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Resolution, E> {
                text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(SideOrSides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Resolution {
        text.parse().unwrap()
    }

    fn levels(text: &str) -> String {
        of(text).levels().map(|level| level.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn networks_grow_by_doublings_from_a_few_pixels() {
        for (resolution, expected) in [
            ("4", "4x4"),
            ("32", "4x4 8x8 16x16 32x32"),
            ("16x12", "4x3 8x6 16x12"),
            ("40x32", "5x4 10x8 20x16 40x32"),
            ("12x16", "3x4 6x8 12x16"),
            ("32x16", "8x4 16x8 32x16"),
            ("24x16", "6x4 12x8 24x16"),
            ("64x36", "16x9 32x18 64x36"),
            ("96", "3x3 6x6 12x12 24x24 48x48 96x96"),
            ("7x3", "7x3"),
            ("0", "0x0"),
        ] {
            assert_eq!(levels(resolution), expected);
            let resolution = of(resolution);
            assert_eq!(resolution.levels().len() as u32, resolution.doublings() + 1);
            assert_eq!(resolution.levels().next(), Some(resolution.start()));
            assert_eq!(resolution.levels().next_back(), Some(resolution));
        }
        assert_eq!((of("512x384").start(), of("512x384").doublings()), (of("4x3"), 7));
        assert_eq!((of("512x384").side(), of("384x512").shorter_side()), (512, 384));
    }

    #[test]
    fn every_start_is_the_start_of_its_double() {
        let starts: Vec<Resolution> = Resolution::starts().collect();
        for (start, expected) in [
            ("4", true),
            ("3", true),
            ("4x3", true),
            ("3x4", true),
            ("6x4", true),
            ("16x9", true),
            ("8x4", true),
            ("2", false),
            ("8", false),
            ("8x6", false),
            ("17x4", false),
            ("4x2", false),
            ("16x12", false),
        ] {
            assert_eq!(starts.contains(&of(start)), expected, "{start}");
        }
        for start in starts {
            let larger = start.doubled().doubled();
            assert_eq!((larger.start(), larger.doublings(), larger.violation()), (start, 2, None), "{start}");
        }
    }

    #[test]
    fn levels_know_each_other() {
        assert_eq!(of("8x6").doublings_to(of("32x24")), Some(2));
        assert_eq!(of("32x24").doublings_to(of("32x24")), Some(0));
        for (small, large) in [("32x24", "8x6"), ("8", "32x24"), ("2x2", "8")] {
            assert_eq!(of(small).doublings_to(of(large)), None, "{small} {large}");
        }
    }

    #[test]
    fn what_a_network_can_have() {
        for possible in
            ["8", "64", "1024", "96", "8x6", "512x384", "384x512", "1024x576", "640x512", "1024x256"]
        {
            assert_eq!(of(possible).violation(), None, "{possible}");
        }
        for impossible in [
            "0",
            "1",
            "4",
            "7",
            "9",
            "100",
            "1000",
            "1023",
            "2048",
            "8x0",
            "4x3",
            "8x4",
            "511x384",
            "512x383",
            "1920x1080",
            "1024x128",
            "2048x1536",
            "18446744073709551615",
        ] {
            assert!(
                of(impossible).violation().unwrap().starts_with("must be a power of two"),
                "{impossible}"
            );
        }
    }

    #[test]
    fn texts_and_files() {
        assert_eq!(of("512"), Resolution::square(512));
        assert_eq!(of("512X384"), Resolution { width: 512, height: 384 });
        assert_eq!((of("512").to_string(), of("512").short()), ("512x512".to_owned(), "512".to_owned()));
        assert_eq!(of("512x384").short(), "512x384");
        for text in ["", "x", "512x", "x384", "512x384x3", "-8", "+8", "8.0", " 8", "18446744073709551616"] {
            assert!(text.parse::<Resolution>().unwrap_err().contains("such as 512x384"), "{text}");
        }
        for (json, resolution) in [("512", "512"), ("\"512x384\"", "512x384")] {
            assert_eq!(serde_json::from_str::<Resolution>(json).unwrap(), of(resolution));
            assert_eq!(serde_json::to_string(&of(resolution)).unwrap(), json);
        }
        assert_eq!(serde_json::from_str::<Resolution>("\"512x512\"").unwrap(), of("512"));
        for json in ["-8", "8.5", "null", "[8,6]", "\"wide\"", "true"] {
            let error = serde_json::from_str::<Resolution>(json).unwrap_err().to_string();
            assert!(error.contains("such as \"512x384\""), "{json}: {error}");
        }
    }
}
