//! Laplacian pyramids: what of a picture is at which scale.

use stylegan_base::Resolution;

/// A low-pass filter, along one axis.
const FILTER: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];

/// A picture at one scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level {
    pub(crate) size: Resolution,
    /// `[channels, height, width]`
    pub(crate) values: Vec<f32>,
}

/// The details at each size from the full one down, the last level with all that is left.
///
/// `L_i = G_i − up(G_{i+1})` (Burt and Adelson 1983, as in Karras et al. 2018), `G` smoothed by a filter of 5x5 and halved by keeping
/// even rows and columns. Pixels outside mirror those inside, the edge not repeated. A side is halved while it is even and `smallest`
/// is left.
pub(crate) fn laplacian_pyramid(mut current: Level, smallest: usize) -> Vec<Level> {
    let is_halved = |side: usize| side.is_multiple_of(2) && side / 2 >= smallest;
    let mut levels = Vec::new();
    while is_halved(current.size.height) && is_halved(current.size.width) {
        let smaller = down(&current);
        let blurred = up(&smaller);
        current.values.iter_mut().zip(&blurred.values).for_each(|(value, blurred)| *value -= blurred);
        levels.push(std::mem::replace(&mut current, smaller));
    }
    levels.push(current);
    levels
}

/// Smoothed, every second row and column of it.
fn down(level: &Level) -> Level {
    let Level { size: Resolution { width, height }, .. } = *level;
    let smooth = smooth(&level.values, level.size, 1.0);
    let rows = smooth.chunks_exact(width).enumerate().filter(|(row, _)| (row % height).is_multiple_of(2));
    let values = rows.flat_map(|(_, row)| row.iter().step_by(2).copied()).collect();
    Level { size: Resolution { width: width / 2, height: height / 2 }, values }
}

/// Zeros between all pixels, smoothed; the inverse of [`down`] for pictures without details.
fn up(level: &Level) -> Level {
    let Resolution { width, height } = level.size;
    let size = Resolution { width: 2 * width, height: 2 * height };
    let mut apart = vec![0.0; 4 * level.values.len()];
    for (row, values) in level.values.chunks_exact(width).enumerate() {
        let to = &mut apart[2 * row * size.width..][..size.width];
        to.iter_mut().step_by(2).zip(values).for_each(|(to, value)| *to = *value);
    }
    Level { size, values: smooth(&apart, size, 4.0) }
}

/// The filter along both axes, times `gain`.
fn smooth(values: &[f32], Resolution { width, height }: Resolution, gain: f32) -> Vec<f32> {
    let mut along_rows = vec![0.0; values.len()];
    for (to, row) in along_rows.chunks_exact_mut(width).zip(values.chunks_exact(width)) {
        for (column, to) in to.iter_mut().enumerate() {
            *to = (0..5).map(|tap| FILTER[tap] * row[mirrored(column, tap, width)]).sum();
        }
    }
    let mut smooth = vec![0.0; values.len()];
    let planes = smooth.chunks_exact_mut(width * height).zip(along_rows.chunks_exact(width * height));
    for (to, plane) in planes {
        for (row, to) in to.chunks_exact_mut(width).enumerate() {
            for tap in 0..5 {
                let from = &plane[mirrored(row, tap, height) * width..][..width];
                to.iter_mut().zip(from).for_each(|(to, from)| *to += gain * FILTER[tap] * from);
            }
        }
    }
    smooth
}

/// The pixel two before `at` and `tap` after that, inside of `length` pixels.
fn mirrored(at: usize, tap: usize, length: usize) -> usize {
    let place = (at + tap).abs_diff(2);
    if place < length { place } else { 2 * length - 2 - place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, pictures, values};

    #[test]
    fn of_a_picture() {
        let golden = Golden::open("swd");
        let picture = pictures("a").get(0).unwrap();
        let values = values(&picture).into_iter().map(|value| value as f32).collect();
        let levels = laplacian_pyramid(Level { size: 64.into(), values }, 16);
        assert_eq!(levels.len(), 3);
        for Level { size, values } in levels {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            golden.assert_close(&format!("pyramid.a0.{}", size.side()), &values, 1e-3);
        }
    }

    #[test]
    fn a_plain_picture_has_no_details() {
        let size = Resolution { width: 24, height: 48 };
        let plain = Level { size, values: [vec![7.0; 24 * 48], vec![-2.0; 24 * 48]].concat() };
        let levels = laplacian_pyramid(plain, 6);
        let sizes: Vec<String> = levels.iter().map(|level| level.size.to_string()).collect();
        assert_eq!(sizes, ["24x48", "12x24", "6x12"]);
        for level in &levels[..2] {
            assert!(level.values.iter().all(|value| value.abs() < 1e-5), "{:?}", level.size);
        }
        let rest = &levels[2].values;
        assert!((rest[0] - 7.0).abs() < 1e-5 && (rest[6 * 12] + 2.0).abs() < 1e-5);
    }
}
