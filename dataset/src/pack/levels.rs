//! One picture at every side of the pyramid.

/// The smallest level, where growing networks end and stored data sets always have.
pub(crate) const SMALLEST_SIDE: usize = 4;

/// The largest side of a network.
pub(crate) const MAX_RESOLUTION: usize = 1024;

/// Whether a network can have that side.
pub(crate) fn is_resolution(resolution: usize) -> bool {
    resolution.is_power_of_two() && (8..=MAX_RESOLUTION).contains(&resolution)
}

/// The largest power of two that is at most `number`, if a network can have that side.
pub(crate) fn floor_power_of_two(number: usize) -> Option<usize> {
    (number >= 8).then(|| 1 << number.ilog2())
}

/// What the level of that side is called.
pub(crate) fn level_file_name(side: usize) -> String {
    format!("level-{side:04}.bin")
}

/// The sides of a pyramid, from `resolution` down.
pub(crate) fn sides(resolution: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(resolution), |side| Some(side / 2)).take_while(|&side| side >= SMALLEST_SIDE)
}

/// How many bytes the levels of one picture take together.
pub(crate) fn bytes_per_picture(resolution: usize) -> usize {
    sides(resolution).map(|side| 3 * side * side).sum()
}

/// All levels of one picture, one after the other, largest first.
///
/// Each level is the mean of 2x2 pixels of the level above before that was rounded, so that errors do not add up.
///
/// # Shapes
/// - `rgb`: `[side, side, 3]`
/// - returns: for each level `[3, side, side]`
pub(crate) fn all_levels(rgb: &[u8], side: usize) -> Vec<u8> {
    debug_assert_eq!(rgb.len(), 3 * side * side);
    let mut levels = Vec::with_capacity(bytes_per_picture(side));
    let mut plane: Vec<f32> = (0..3)
        .flat_map(|channel| rgb.iter().skip(channel).step_by(3).map(|&value| f32::from(value)))
        .collect();
    for side in sides(side) {
        levels.extend(plane.iter().map(|value| (value + 0.5) as u8));
        // The three planes stacked are one of three times the height.
        plane = halve(&plane, side);
    }
    levels
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
    fn box_mean(rgb: &[u8], full: usize, side: usize, channel: usize, row: usize, column: usize) -> f64 {
        let factor = full / side;
        let mut sum = 0.0;
        for y in 0..factor {
            for x in 0..factor {
                sum += f64::from(rgb[((row * factor + y) * full + column * factor + x) * 3 + channel]);
            }
        }
        sum / (factor * factor) as f64
    }

    #[test]
    fn every_level_is_the_rounded_mean_of_the_full_picture() {
        let full = 64;
        let mut state = 1u32;
        let rgb: Vec<u8> = (0..3 * full * full)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let levels = all_levels(&rgb, full);
        let mut values = levels.iter();
        for side in [64, 32, 16, 8, 4] {
            for channel in 0..3 {
                for row in 0..side {
                    for column in 0..side {
                        let mean = box_mean(&rgb, full, side, channel, row, column);
                        let value = f64::from(*values.next().unwrap());
                        assert!((value - mean).abs() <= 0.501, "{side} {channel} {row} {column}");
                    }
                }
            }
        }
        assert_eq!(values.next(), None);
        assert_eq!(levels.len(), bytes_per_picture(full));
    }

    #[test]
    fn the_ends_of_the_range_stay() {
        assert!(all_levels(&[255; 3 * 16 * 16], 16).iter().all(|&value| value == 255));
        assert!(all_levels(&[0; 3 * 16 * 16], 16).iter().all(|&value| value == 0));
    }
}
