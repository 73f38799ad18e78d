//! What the pictures of a pack are like.

use stylegan_base::Resolution;

use crate::channels::Channels;

/// What the pictures of a pack are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Width and height of the largest level.
    pub resolution: Resolution,
    /// The channels of each picture.
    pub channels: Channels,
}

impl Format {
    /// How many bytes a picture takes at one level.
    pub(crate) fn bytes_at(self, level: Resolution) -> usize {
        self.channels.count().saturating_mul(level.pixels())
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
        let of = |text: &str, channels| Format { resolution: text.parse().unwrap(), channels }.bytes();
        assert_eq!(of("16", Channels::Rgb), 3 * (16 * 16 + 8 * 8 + 4 * 4));
        assert_eq!(of("16x12", Channels::Rgba), 4 * (16 * 12 + 8 * 6 + 4 * 3));
        assert_eq!(of("8x16", Channels::Grey), 8 * 16 + 4 * 8);
    }
}
