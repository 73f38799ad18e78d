//! One picture at every level of the pyramid.

use pulp::Arch;
use stylegan_base::Resolution;

use super::format::Format;
use super::sample::Sample;
use crate::planes::planes_into;

/// The largest power of two that is at most `number`, if a network can have that side.
pub(crate) fn floor_power_of_two(number: usize) -> Option<usize> {
    (number >= Resolution::LEAST_SIDE).then(|| 1 << number.ilog2())
}

/// What a level is called: by its longer side.
pub(crate) fn level_file_name(level: Resolution) -> String {
    format!("level-{:04}.bin", level.side())
}

/// The levels of a pyramid, from `resolution` down to what networks of it start from.
pub(crate) fn levels(resolution: Resolution) -> impl Iterator<Item = Resolution> {
    resolution.levels().rev()
}

/// Makes the levels of one picture after the other, in memory that it keeps: what is new has to be cleared by the system, which
/// takes longer than the sums do.
#[derive(Default)]
pub(super) struct LevelMaker<T> {
    planes: Vec<T>,
    sums: Vec<u32>,
    sums_below: Vec<u32>,
}

impl<T: Sample> LevelMaker<T> {
    /// All levels of one picture, one after the other, largest first, as bytes in place of those in `all`.
    ///
    /// Each level is the mean of 2x2 pixels of the level above before that was rounded, so that errors do not add up.
    ///
    /// # Shapes
    /// - `samples`: `[height, width, channels]`
    /// - `all`: for each level `[channels, height, width]`
    pub(super) fn make(&mut self, samples: &[T], format: Format, all: &mut Vec<u8>) {
        debug_assert_eq!(size_of_val(samples), format.bytes_at(format.resolution));
        let Self { planes, sums, sums_below } = self;
        all.clear();
        all.reserve_exact(format.bytes());
        let mut levels = levels(format.resolution);
        let Some(full) = levels.next() else { return };
        planes_into(samples, format.channels, planes);
        T::append(planes.iter().copied(), all);
        // The planes stacked are one of several times the height. Sums of four times as many samples at each level: of 8
        // levels below the first they fit 32 bits.
        halve(planes, full.width, sums);
        for (level, below) in levels.zip(1_u32..) {
            let (half, shift) = (1 << (2 * below - 1), 2 * below);
            Arch::new().dispatch(|| T::append(sums.iter().map(|sum| T::of((sum + half) >> shift)), all));
            halve(sums, level.width, sums_below);
            std::mem::swap(sums, sums_below);
        }
    }
}

/// The sum of each 2x2 pixels.
fn halve<T: Copy + Into<u32>>(plane: &[T], width: usize, half: &mut Vec<u32>) {
    half.resize(plane.len() / 4, 0);
    Arch::new().dispatch(|| {
        for (rows, sums) in plane.chunks_exact(2 * width).zip(half.chunks_exact_mut(width / 2)) {
            let (upper, lower) = rows.split_at(width);
            let squares = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            for (sum, (&[a, b], &[c, d])) in sums.iter_mut().zip(squares) {
                *sum = a.into() + b.into() + c.into() + d.into();
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::Bits;
    use crate::channels::Channels;

    /// The mean over the square of the full picture that a pixel covers, by the definition.
    fn box_mean<T: Sample>(
        samples: &[T],
        format: Format,
        level: Resolution,
        [channel, row, column]: [usize; 3],
    ) -> f64 {
        let (full, channels) = (format.resolution, format.channels.count());
        let factor = full.width / level.width;
        let mut sum = 0.0;
        for y in 0..factor {
            for x in 0..factor {
                let pixel = (row * factor + y) * full.width + column * factor + x;
                sum += f64::from(samples[pixel * channels + channel].into());
            }
        }
        sum / (factor * factor) as f64
    }

    fn all_levels<T: Sample>(samples: &[T], format: Format) -> Vec<u8> {
        let mut all = vec![1, 2, 3];
        LevelMaker::default().make(samples, format, &mut all);
        all
    }

    /// Compares all levels of a random picture with the definition; `read` takes the numbers of the bytes.
    fn check<T: Sample>(format: Format, read: impl Fn(&[u8]) -> Vec<f64>) {
        let mut state = 1u32;
        let samples: Vec<T> = (0..format.numbers_at(format.resolution))
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                T::of((state >> 16) * T::MOST / 65_535)
            })
            .collect();
        let all = all_levels(&samples, format);
        assert_eq!(all.len(), format.bytes());
        let mut values = read(&all).into_iter();
        for level in levels(format.resolution) {
            for channel in 0..format.channels.count() {
                for row in 0..level.height {
                    for column in 0..level.width {
                        let mean = box_mean(&samples, format, level, [channel, row, column]);
                        let value = values.next().unwrap();
                        assert!((value - mean).abs() <= 0.51, "{level} {channel} {row} {column}");
                    }
                }
            }
        }
        assert_eq!(values.next(), None);
    }

    #[test]
    fn every_level_is_the_rounded_mean_of_the_full_picture() {
        for (resolution, channels) in [
            ("64", Channels::Rgb),
            ("40x64", Channels::Grey),
            ("64x48", Channels::Rgba),
            ("96x96", Channels::Rgb),
        ] {
            let format = |bits| Format { resolution: resolution.parse().unwrap(), channels, bits };
            check::<u8>(format(Bits::Eight), |bytes| bytes.iter().map(|&byte| byte.into()).collect());
            check::<u16>(format(Bits::Sixteen), |bytes| {
                bytes.as_chunks().0.iter().map(|&pair| u16::from_le_bytes(pair).into()).collect()
            });
        }
    }

    #[test]
    fn the_ends_of_the_range_stay() {
        let format = |bits| Format { resolution: 16.into(), channels: Channels::Rgb, bits };
        assert!(all_levels(&[255_u8; 3 * 16 * 16], format(Bits::Eight)).iter().all(|&value| value == 255));
        assert!(all_levels(&[0_u8; 3 * 16 * 16], format(Bits::Eight)).iter().all(|&value| value == 0));
        let lightest = all_levels(&[u16::MAX; 3 * 16 * 16], format(Bits::Sixteen));
        assert!(lightest.iter().all(|&byte| byte == 255));
    }
}
