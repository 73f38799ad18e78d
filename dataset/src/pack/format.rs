//! What the pictures of a pack are like.

use stylegan_base::Resolution;

use crate::bits::Bits;
use crate::channels::Channels;

/// What the pictures of a pack are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Width and height of the largest level.
    pub resolution: Resolution,
    /// The channels of each picture.
    pub channels: Channels,
    /// The bits of each number.
    pub bits: Bits,
}

impl Format {
    /// How many numbers a picture has at one level.
    pub(crate) fn numbers_at(self, level: Resolution) -> usize {
        self.channels.count().saturating_mul(level.pixels())
    }

    /// How many bytes a picture takes at one level.
    pub(crate) fn bytes_at(self, level: Resolution) -> usize {
        self.numbers_at(level).saturating_mul(self.bits.bytes())
    }

    /// How many bytes all levels of a picture take together.
    pub(crate) fn bytes(self) -> usize {
        self.resolution.levels().map(|level| self.bytes_at(level)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_all_levels() {
        let with = |bits, text: &str, channels| Format { resolution: text.parse().unwrap(), channels, bits };
        let of = |text: &str, channels| with(Bits::Eight, text, channels).bytes();
        assert_eq!(of("16", Channels::Rgb), 3 * (16 * 16 + 8 * 8 + 4 * 4));
        assert_eq!(of("16x12", Channels::Rgba), 4 * (16 * 12 + 8 * 6 + 4 * 3));
        assert_eq!(of("8x16", Channels::Grey), 8 * 16 + 4 * 8);
        assert_eq!(with(Bits::Sixteen, "8x16", Channels::Grey).bytes(), 2 * (8 * 16 + 4 * 8));
    }
}
