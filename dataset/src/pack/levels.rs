//! One picture at every level of the pyramid.

use stylegan_base::Resolution;

use super::format::Format;
use crate::channels::Channels;

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

/// All levels of one picture, one after the other, largest first.
///
/// Each level is the mean of 2x2 pixels of the level above before that was rounded, so that errors do not add up.
///
/// # Shapes
/// - `samples`: `[height, width, channels]`
/// - returns: for each level `[channels, height, width]`
pub(crate) fn all_levels(samples: &[u8], format: Format) -> Vec<u8> {
    debug_assert_eq!(samples.len(), format.bytes_at(format.resolution));
    let channels = format.channels.count();
    let mut all = Vec::with_capacity(format.bytes());
    let mut plane: Vec<f32> = (0..channels)
        .flat_map(|channel| samples.iter().skip(channel).step_by(channels).map(|&value| f32::from(value)))
        .collect();
    for level in levels(format.resolution) {
        all.extend(plane.iter().map(|value| (value + 0.5) as u8));
        // The planes stacked are one of several times the height.
        plane = halve(&plane, level.width);
    }
    all
}

/// Sets channels apart: `[height, width, channels]` into `[channels, height, width]`.
pub(crate) fn to_planes(samples: &[u8], channels: Channels, planes: &mut [u8]) {
    let count = channels.count();
    for (channel, plane) in planes.chunks_exact_mut((samples.len() / count).max(1)).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(samples.chunks_exact(count)) {
            *value = pixel[channel];
        }
    }
}

/// The opposite: `[channels, height, width]` to `[height, width, channels]`.
pub(crate) fn interleave(planes: &[u8], channels: Channels) -> Vec<u8> {
    let count = channels.count();
    let mut samples = vec![0; planes.len()];
    for (channel, plane) in planes.chunks_exact((planes.len() / count).max(1)).enumerate() {
        for (value, pixel) in plane.iter().zip(samples.chunks_exact_mut(count)) {
            pixel[channel] = *value;
        }
    }
    samples
}

/// The mean of each 2x2 pixels.
fn halve(plane: &[f32], width: usize) -> Vec<f32> {
    plane
        .chunks_exact(2 * width)
        .flat_map(|rows| {
            let (upper, lower) = rows.split_at(width);
            upper
                .chunks_exact(2)
                .zip(lower.chunks_exact(2))
                .map(|(upper, lower)| (upper[0] + upper[1] + lower[0] + lower[1]) * 0.25)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean over the square of the full picture that a pixel covers, by the definition.
    fn box_mean(
        samples: &[u8],
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
                sum += f64::from(samples[pixel * channels + channel]);
            }
        }
        sum / (factor * factor) as f64
    }

    #[test]
    fn every_level_is_the_rounded_mean_of_the_full_picture() {
        for (resolution, channels) in [
            ("64", Channels::Rgb),
            ("40x64", Channels::Grey),
            ("64x48", Channels::Rgba),
            ("96x96", Channels::Rgb),
        ] {
            let format = Format { resolution: resolution.parse().unwrap(), channels };
            let mut state = 1u32;
            let samples: Vec<u8> = (0..format.bytes_at(format.resolution))
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            let all = all_levels(&samples, format);
            let mut values = all.iter();
            for level in levels(format.resolution) {
                for channel in 0..channels.count() {
                    for row in 0..level.height {
                        for column in 0..level.width {
                            let mean = box_mean(&samples, format, level, [channel, row, column]);
                            let value = f64::from(*values.next().unwrap());
                            assert!((value - mean).abs() <= 0.501, "{level} {channel} {row} {column}");
                        }
                    }
                }
            }
            assert_eq!(values.next(), None);
            assert_eq!(all.len(), format.bytes());
        }
    }

    #[test]
    fn the_ends_of_the_range_stay() {
        let format = Format { resolution: 16.into(), channels: Channels::Rgb };
        assert!(all_levels(&[255; 3 * 16 * 16], format).iter().all(|&value| value == 255));
        assert!(all_levels(&[0; 3 * 16 * 16], format).iter().all(|&value| value == 0));
    }
}
