//! Axes: where they begin and end, and the numbers beside them.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// Larger values have no place on any axis: what is between two of them would not be a number.
const MOST: f64 = 1e300;
/// Shares of a power of ten that steps between numbers may be.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// An axis. Places on it are numbers of their own: on a logarithmic one, the logarithms of the values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    /// Place at which it begins.
    pub(crate) from: f64,
    /// Place at which it ends, behind that.
    pub(crate) to: f64,
    /// Places with numbers, and these.
    pub(crate) ticks: Vec<(f64, String)>,
    log: bool,
}

impl Axis {
    /// Holds all `values`, with `room` at either end as a share of its length; none if there are no values.
    pub(crate) fn new(
        values: impl Iterator<Item = f64>,
        log: bool,
        room: f64,
        most_ticks: usize,
    ) -> Option<Self> {
        let places = values.filter_map(|value| place(value, log));
        let (least, most) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), place| {
            (least.min(place), most.max(place))
        });
        if least > most {
            return None;
        }
        // What differs by less than its own digits tell is one value.
        let (least, most) = if most - least > most.abs().max(least.abs()) * 1e-9 {
            (least, most)
        } else if log {
            (least - 0.5, most + 0.5)
        } else {
            let around = if least == 0.0 { 1.0 } else { least.abs() / 2.0 };
            (least - around, most + around)
        };
        let room = (most - least) * room;
        let (from, to) = (least - room, most + room);
        let ticks = if log { log_ticks(from, to, most_ticks) } else { ticks(from, to, most_ticks) };
        Some(Self { from, to, ticks, log })
    }

    /// The same from zero on, if it begins near there.
    pub(crate) fn from_zero(mut values: Vec<f64>, most_ticks: usize) -> Option<Self> {
        let (least, most) = values
            .iter()
            .filter_map(|value| place(*value, false))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        if least > 0.0 && least < most / 4.0 {
            values.push(0.0);
        }
        Self::new(values.into_iter(), false, 0.0, most_ticks)
    }

    /// Where a value is; none if it has no place on such an axis.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        place(value, self.log)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (place - self.from) / (self.to - self.from);
        (f64::from(from) + share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // There are no lines without numbers.
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|(place, _)| *place).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        self.ticks.iter().find(|(at, _)| at == place).map(|(_, text)| text.clone()).unwrap_or_default()
    }
}

fn place(value: f64, log: bool) -> Option<f64> {
    if log {
        (value > 0.0 && value < MOST).then(|| value.log10())
    } else {
        (value.abs() < MOST).then_some(value)
    }
}

/// Steps of 1, 2 or 5 times a power of ten.
fn ticks(from: f64, to: f64, most: usize) -> Vec<(f64, String)> {
    let least = (to - from) / most.max(1) as f64;
    let power = 10f64.powf(least.log10().floor());
    let step = STEPS.iter().map(|share| share * power).find(|step| *step >= least).unwrap_or(least);
    let first = (from / step).ceil();
    let last = (to / step).floor();
    let count = ((last - first).max(0.0) as usize + 1).min(most + 1);
    let largest = from.abs().max(to.abs());
    let values = (0..count).map(|number| (first + number as f64) * step);
    values
        .filter(|value| (from..=to).contains(value))
        .map(|value| (value, number(value, step, largest)))
        .collect()
}

/// Powers of ten; between near ones, twice and five times these as well.
fn log_ticks(from: f64, to: f64, most: usize) -> Vec<(f64, String)> {
    let decades = (to.floor() - from.ceil()) as i64 + 1;
    let within = |place: &f64| (from..=to).contains(place);
    let shares: &[f64] = if decades * 3 <= most as i64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = ((decades.max(1) as usize).div_ceil(most.max(1))) as i64;
    let powers = (from.floor() as i64..=to.ceil() as i64).filter(|power| power.rem_euclid(every) == 0);
    let found: Vec<(f64, String)> = powers
        .flat_map(|power| shares.iter().map(move |share| (power, share)))
        .map(|(power, share)| (power as f64 + share.log10(), *share, 10f64.powi(power as i32)))
        .filter(|(place, ..)| within(place))
        .map(|(place, share, power)| (place, number(share * power, power, share * power)))
        .collect();
    if found.len() >= 2 {
        return found;
    }
    // Less than a decade: even steps of the values.
    let values = ticks(10f64.powf(from), 10f64.powf(to), most);
    values.into_iter().map(|(value, text)| (value.log10(), text)).filter(|(place, _)| within(place)).collect()
}

/// A value that is a multiple of `step`, with as many digits as tell it from its neighbors, the largest of which say whether all
/// have exponents.
fn number(value: f64, step: f64, largest: f64) -> String {
    let of_step = (step.log10() + 1e-9).floor();
    // Rounding leaves a little of what is zero.
    if value.abs() < step / 2.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs();
    let text = if (1e-4..1e6).contains(&largest) && of_step >= -9.0 {
        format!("{magnitude:.*}", (-of_step).max(0.0) as usize)
    } else {
        let digits = (magnitude.log10() + 1e-9).floor() - of_step;
        format!("{magnitude:.*e}", digits.clamp(0.0, 15.0) as usize)
    };
    if value < 0.0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(values: &[f64], log: bool) -> Vec<String> {
        let axis = Axis::new(values.iter().copied(), log, 0.0, 6).unwrap();
        axis.ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn numbers_are_round_and_no_longer_than_needed() {
        assert_eq!(texts(&[0.0, 25_000.0], false), ["0", "5000", "10000", "15000", "20000", "25000"]);
        assert_eq!(texts(&[-0.31, 0.62], false), ["−0.2", "0", "0.2", "0.4", "0.6"]);
        assert_eq!(texts(&[1.001, 1.0042], false), ["1.001", "1.002", "1.003", "1.004"]);
        assert_eq!(texts(&[0.0, 3e6], false), ["0", "5e5", "1.0e6", "1.5e6", "2.0e6", "2.5e6", "3.0e6"]);
        assert_eq!(texts(&[0.0, 4e-5], false), ["0", "1e-5", "2e-5", "3e-5", "4e-5"]);
        assert_eq!(texts(&[7.0], false), ["4", "6", "8", "10"]);
        assert_eq!(texts(&[0.0], false), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
    }

    #[test]
    fn logarithmic_axes_have_powers_of_ten() {
        assert_eq!(texts(&[0.003, 4000.0], true), ["0.01", "0.1", "1", "10", "100", "1000"]);
        assert_eq!(texts(&[1e-12, 1e12], true), ["1e-10", "1e-5", "1", "100000", "1e10"]);
        assert_eq!(texts(&[0.8, 30.0], true), ["1", "2", "5", "10", "20"]);
        assert_eq!(texts(&[21.0, 43.0], true), ["25", "30", "35", "40"]);
        assert_eq!(texts(&[5.0, 0.0, -3.0, f64::NAN, f64::INFINITY], true), ["2", "5", "10"]);
        assert_eq!(Axis::new([0.0, -1.0].into_iter(), true, 0.0, 6), None);
    }

    #[test]
    fn the_time_begins_at_zero_unless_it_is_far_away() {
        let from = |values: &[f64]| Axis::from_zero(values.to_vec(), 6).unwrap().from;
        assert_eq!((from(&[1.0, 100.0]), from(&[60.0, 100.0])), (0.0, 60.0));
        assert_eq!(Axis::from_zero(vec![f64::NAN], 6), None);
    }

    proptest! {
        #[test]
        fn any_values_have_an_axis(values in prop::collection::vec(any::<f64>(), 0..5), log: bool) {
            let Some(axis) = Axis::new(values.iter().copied(), log, 0.04, 6) else {
                prop_assert!(values.iter().all(|value| place(*value, log).is_none()));
                return Ok(());
            };
            prop_assert!(axis.from < axis.to && axis.from.is_finite() && axis.to.is_finite(), "{axis:?}");
            prop_assert!(axis.ticks.len() <= 14, "{axis:?}");
            for (place, text) in &axis.ticks {
                prop_assert!((axis.from..=axis.to).contains(place) && text.len() < 30, "{axis:?}");
            }
            for value in values {
                prop_assert!(axis.place(value).is_none_or(|place| (axis.from..=axis.to).contains(&place)));
            }
        }
    }
}
