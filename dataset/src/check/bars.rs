//! Bars of one color, as films have them that were made for another screen.

use stylegan_base::Resolution;

/// Samples of one bar differ by no more than this, which a JPEG makes of one color.
const SAME: u8 = 12;

/// A bar takes at least a fiftieth of its side.
const LEAST_SHARE: usize = 50;

/// The share of a picture, of 255, that two bars of one color take at opposite edges; 0 if there are none.
///
/// A bar ends along its whole length at once; what is shown before a background reaches into it somewhere. Where the other two
/// edges are of one color as well, there is a background all around.
///
/// # Shapes
/// - `rgb`: `[height, width, 3]`
pub(super) fn bars(rgb: &[u8], Resolution { width, height }: Resolution) -> u8 {
    if rgb.len() < 3 * width * height {
        return 0;
    }
    let pixel = |x: usize, y: usize| [0, 1, 2].map(|channel| rgb[3 * (y * width + x) + channel]);
    let rows = Bars::of(height, |row| (0..width).map(move |x| pixel(x, row)));
    let columns = Bars::of(width, |column| (0..height).map(move |y| pixel(column, y)));
    match (rows.is_there, columns.is_there) {
        (true, false) => rows.share,
        (false, true) => columns.share,
        _ => 0,
    }
}

/// What two opposite edges are like.
struct Bars {
    /// Whether one of them is of one color.
    is_there: bool,
    /// What bars take of the picture, of 255.
    share: u8,
}

impl Bars {
    /// Of so many lines of pixels.
    fn of<Line: Iterator<Item = [u8; 3]>>(count: usize, line: impl Fn(usize) -> Line) -> Self {
        let bar = |numbers: &mut dyn Iterator<Item = usize>| {
            let (mut length, mut all) = (0, Spread::NONE);
            for number in numbers {
                let with = all.with(Spread::of(line(number)));
                if !with.is_narrow() {
                    break;
                }
                (length, all) = (length + 1, with);
            }
            (length, all)
        };
        let (first, first_color) = bar(&mut (0..count));
        let (last, last_color) = bar(&mut (0..count).rev());
        let is_bar = |length: usize| length > 0 && length * LEAST_SHARE >= count;
        // The line beside a bar may be mixed with it; in the one behind that, three of four pixels are others.
        let ends = |color: Spread, number: usize| {
            let (mut all, mut others) = (0, 0);
            for pixel in line(number) {
                all += 1;
                others += usize::from(!color.with(Spread::of([pixel].into_iter())).is_narrow());
            }
            4 * others > 3 * all
        };
        let are_bars = is_bar(first)
            && is_bar(last)
            && first + last + 4 < count
            && first_color.with(last_color).is_narrow()
            && ends(first_color, first + 1)
            && ends(last_color, count - last - 2);
        let share = if are_bars { (first + last) * 255 / count } else { 0 };
        Self { is_there: first > 0 || last > 0, share: share as u8 }
    }
}

/// The least and the most of each channel.
#[derive(Clone, Copy)]
struct Spread {
    least: [u8; 3],
    most: [u8; 3],
}

impl Spread {
    const NONE: Self = Self { least: [255; 3], most: [0; 3] };

    /// Of pixels up to the first that does not belong to the others.
    fn of(pixels: impl Iterator<Item = [u8; 3]>) -> Self {
        let mut spread = Self::NONE;
        for color in pixels {
            spread = spread.with(Self { least: color, most: color });
            if !spread.is_narrow() {
                break;
            }
        }
        spread
    }

    fn with(self, other: Self) -> Self {
        Self {
            least: [0, 1, 2].map(|channel| self.least[channel].min(other.least[channel])),
            most: [0, 1, 2].map(|channel| self.most[channel].max(other.most[channel])),
        }
    }

    fn is_narrow(self) -> bool {
        self.least.iter().zip(self.most).all(|(&least, most)| most.saturating_sub(least) <= SAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40x50 pixels, each different from its neighbors but in the parts `[left, top, right, bottom]` of a color.
    fn picture(parts: &[([usize; 4], u8)]) -> u8 {
        let (width, height) = (40, 50);
        let mut rgb = Vec::new();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let is_in = |[left, top, right, bottom]: [usize; 4]| {
                (left..right).contains(&x) && (top..bottom).contains(&y)
            };
            let shade = parts.iter().find(|(part, _)| is_in(*part)).map(|(_, shade)| *shade);
            rgb.extend(shade.map_or([(x * 7 + y * 13) as u8; 3], |shade| [shade, shade + (x % 5) as u8, 9]));
        }
        bars(&rgb, Resolution { width, height })
    }

    #[test]
    fn bars_stand_at_opposite_edges() {
        assert_eq!(picture(&[]), 0);
        assert_eq!(picture(&[([0, 0, 40, 6], 0), ([0, 43, 40, 50], 3)]), (13 * 255 / 50) as u8);
        assert_eq!(picture(&[([0, 0, 4, 50], 90), ([37, 0, 40, 50], 90)]), (7 * 255 / 40) as u8);
        // One alone, two of different colors, less than a fiftieth of 150 rows would be.
        assert_eq!(picture(&[([0, 0, 40, 6], 0)]), 0);
        assert_eq!(picture(&[([0, 0, 40, 6], 0), ([0, 43, 40, 50], 200)]), 0);
    }

    #[test]
    fn a_background_is_no_bar() {
        let around = [([0, 0, 40, 6], 9), ([0, 44, 40, 50], 9), ([0, 0, 5, 50], 9), ([35, 0, 40, 50], 9)];
        assert_eq!(picture(&around), 0);
        // Of a head whose shoulders reach the lower edge.
        assert_eq!(picture(&[around[0], around[2], around[3]]), 0);
        // All of one color.
        assert_eq!(picture(&[([0, 0, 40, 50], 9)]), 0);
        assert_eq!(bars(&[], Resolution { width: 0, height: 9 }), 0);
    }
}
