//! What is looked at: pictures as somebody keeps them, or packed before.

use std::path::Path;

use image::{DynamicImage, ImageBuffer};
use stylegan_base::printable;

use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::Error;
use crate::found_labels::FoundLabels;
use crate::left_out::LeftOut;
use crate::pack::Pyramid;
use crate::pack::index::Index;
use crate::pack::sample::Sample;
use crate::planes::interleave;
use crate::readers::{Decoded, Source};

pub(super) enum Pictures {
    Source(Source),
    Pack(Box<Pyramid>),
}

impl Pictures {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let packed = if path.is_dir() { Index::find(path)? } else { None };
        match packed {
            Some(index) => Pyramid::with_index(path.into(), index).map(|pack| Self::Pack(Box::new(pack))),
            None => Source::open(path).map(Self::Source),
        }
    }

    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::Source(source) => source.names(),
            Self::Pack(pyramid) => pyramid.names(),
        }
    }

    pub(super) fn found_labels(&self) -> FoundLabels<'_> {
        match self {
            Self::Source(source) => source.found_labels(),
            Self::Pack(pyramid) => pyramid.found_labels(),
        }
    }

    pub(super) fn left_out(&self) -> LeftOut {
        match self {
            Self::Source(source) => source.left_out().clone(),
            Self::Pack(_) => LeftOut::default(),
        }
    }

    /// A picture as large as it is kept.
    pub(super) fn decode(&self, index: usize) -> Result<Decoded, String> {
        let pyramid = match self {
            Self::Source(source) => return source.reader().decode(index, usize::MAX.into()),
            Self::Pack(pyramid) => pyramid,
        };
        let (resolution, channels) = (pyramid.resolution(), pyramid.channels());
        let mut planes = pyramid.picture(resolution, index).map_err(|error| printable(&error.to_string()))?;
        let shape = [channels.count(), resolution.height, resolution.width].map(|length| length as u32);
        if pyramid.bits() == Bits::Sixteen {
            let mut planes: Vec<u16> = planes.as_chunks().0.iter().copied().map(u16::from_le_bytes).collect();
            if channels == Channels::Rgba {
                divide_by_alpha(&mut planes);
            }
            return deep(shape, &planes).ok_or_else(|| "a picture without pixels".to_owned());
        }
        if channels == Channels::Rgba {
            divide_by_alpha(&mut planes);
        }
        Decoded::from_planes(shape, &planes)
    }
}

/// Gives colors back what packing took of them, `[4, height, width]`.
fn divide_by_alpha<T: Sample>(planes: &mut [T]) {
    let (colors, alphas) = planes.split_at_mut(planes.len() / 4 * 3);
    for plane in colors.chunks_exact_mut(alphas.len().max(1)) {
        for (color, &alpha) in plane.iter_mut().zip(&*alphas) {
            let [value, share] = [*color, alpha].map(Into::into);
            *color = T::of(((value.min(share) * T::MOST + share / 2) / share.max(1)).min(T::MOST));
        }
    }
}

/// A picture of 16 bits of `[channels, height, width]`.
fn deep([channels, height, width]: [u32; 3], planes: &[u16]) -> Option<Decoded> {
    let numbers = interleave(planes, channels as usize);
    let picture = match channels {
        1 => ImageBuffer::from_raw(width, height, numbers).map(DynamicImage::ImageLuma16),
        3 => ImageBuffer::from_raw(width, height, numbers).map(DynamicImage::ImageRgb16),
        _ => ImageBuffer::from_raw(width, height, numbers).map(DynamicImage::ImageRgba16),
    };
    picture.map(Decoded::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_come_back_from_behind_alpha() {
        let mut planes = [100_u8, 20, 0, 50, 20, 0, 0, 20, 0, 255, 51, 0];
        divide_by_alpha(&mut planes);
        assert_eq!(planes, [100, 100, 0, 50, 100, 0, 0, 100, 0, 255, 51, 0]);
        let mut deep = [40_000_u16, 1, 2, 50_000];
        divide_by_alpha(&mut deep);
        assert_eq!(deep, [52_428, 1, 3, 50_000]);
    }
}
