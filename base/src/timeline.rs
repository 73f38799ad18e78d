//! Numbers over the time of a training, as files of lines tell them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::Resolution;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 28;
/// The longest line, in bytes.
const MAX_LINE_BYTES: u64 = 1 << 16;
/// The most lines.
const MAX_LINES: usize = 1 << 17;
/// The most names of numbers; those of further ones are left out.
const MAX_NAMES: usize = 200;
/// The longest name of a number, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// What one line tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// Real pictures shown, in thousands.
    pub kimg: f64,
    /// Seconds of training, if it tells them.
    pub elapsed_sec: Option<f64>,
    /// Width and height of the pictures, if it tells them.
    pub resolution: Option<Resolution>,
    /// Its numbers by name; what is not finite is none.
    pub numbers: Vec<(String, f64)>,
}

/// Numbers over the time of a training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Real pictures shown, in thousands, going up.
    pub kimg: Vec<f64>,
    /// Seconds of training at each, NaN where they are not told.
    pub elapsed_sec: Vec<f64>,
    /// Width and height of the pictures at each.
    pub resolutions: Vec<Option<Resolution>>,
    /// The numbers of each name, one for each of `kimg`; NaN where there is none.
    pub numbers: BTreeMap<String, Vec<f64>>,
    /// Lines that could not be read, but for a last one that was cut off.
    pub unreadable: usize,
}

impl Timeline {
    /// Reads a file that anyone may have written. `parse` takes a line apart, and gives none if it is not one.
    ///
    /// Lines may come in any order; of several at one time the last counts.
    ///
    /// # Errors
    /// If the file cannot be read, or is longer than any that a training writes.
    pub fn read(path: &Path, parse: impl Fn(&str) -> Option<Moment>) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        if metadata.len() > MAX_BYTES {
            return Err(too_long(&format!("{MAX_BYTES} bytes")));
        }
        Self::of_lines(BufReader::new(file.take(MAX_BYTES)), parse)
    }

    fn of_lines(mut lines: impl BufRead, parse: impl Fn(&str) -> Option<Moment>) -> io::Result<Self> {
        let mut moments = Vec::new();
        let mut unreadable = 0;
        let mut line = Vec::new();
        for count in 0.. {
            line.clear();
            (&mut lines).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                break;
            }
            if count == MAX_LINES {
                return Err(too_long(&format!("{MAX_LINES} lines")));
            }
            let is_whole = line.ends_with(b"\n");
            let is_last = !is_whole && (line.len() as u64) < MAX_LINE_BYTES;
            let text = if is_whole || is_last { str::from_utf8(&line).ok().map(str::trim) } else { None };
            match text.and_then(&parse).filter(|moment| moment.kimg.is_finite() && moment.kimg >= 0.0) {
                Some(moment) => moments.push(moment),
                None => unreadable += usize::from(!is_last && text != Some("")),
            }
            if !is_whole && !is_last {
                lines.skip_until(b'\n')?;
            }
        }
        Ok(Self { unreadable, ..Self::of(moments) })
    }

    /// Of moments in any order.
    fn of(mut moments: Vec<Moment>) -> Self {
        moments.reverse();
        moments.sort_by(|a, b| a.kimg.total_cmp(&b.kimg));
        moments.dedup_by(|a, b| a.kimg == b.kimg);
        let mut timeline = Self::default();
        for (at, moment) in moments.into_iter().enumerate() {
            timeline.kimg.push(moment.kimg);
            timeline.elapsed_sec.push(moment.elapsed_sec.filter(|sec| sec.is_finite()).unwrap_or(f64::NAN));
            timeline.resolutions.push(moment.resolution);
            for (name, value) in moment.numbers {
                let is_known = timeline.numbers.contains_key(&name);
                let is_taken = timeline.numbers.len() < MAX_NAMES && name.len() <= MAX_NAME_BYTES;
                if (is_known || is_taken) && value.is_finite() {
                    let values = timeline.numbers.entry(name).or_default();
                    values.resize(at, f64::NAN);
                    values.push(value);
                }
            }
        }
        for values in timeline.numbers.values_mut() {
            values.resize(timeline.kimg.len(), f64::NAN);
        }
        timeline
    }

    /// What tells the seconds of training at a time in kimg, between those that are told; none outside of them.
    pub fn clock(&self) -> impl Fn(f64) -> Option<f64> + use<> {
        let told = self.kimg.iter().copied().zip(self.elapsed_sec.iter().copied());
        let told: Vec<(f64, f64)> = told.filter(|(_, sec)| !sec.is_nan()).collect();
        move |kimg| {
            let after = told.partition_point(|(at, _)| *at <= kimg);
            let (from, from_sec) = *told.get(after.checked_sub(1)?)?;
            if from == kimg {
                return Some(from_sec);
            }
            let (to, to_sec) = *told.get(after)?;
            Some(from_sec + (to_sec - from_sec) * ((kimg - from) / (to - from)))
        }
    }
}

fn too_long(bound: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {bound}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines `KIMG SECONDS NUMBER`.
    fn parse(line: &str) -> Option<Moment> {
        let mut words = line.split(' ').map(|word| word.parse::<f64>().ok());
        let (kimg, elapsed_sec, value) = (words.next()??, words.next()?, words.next()??);
        Some(Moment { kimg, elapsed_sec, resolution: None, numbers: vec![("x".to_owned(), value)] })
    }

    fn read(text: impl AsRef<[u8]>) -> Timeline {
        Timeline::of_lines(text.as_ref(), parse).unwrap()
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_left_out() {
        let long = "7".repeat(2 * MAX_LINE_BYTES as usize);
        let text = format!("1 10 5\n\nwhat\n-1 0 0\nnan 0 0\ninf 0 0\n{long}\n2 20 6\n3 30 7 and m");
        let timeline = read([text.as_bytes(), b"\n\xff\xff\n4 40 8\n5 5"].concat());
        assert_eq!((timeline.kimg, timeline.unreadable), (vec![1.0, 2.0, 3.0, 4.0], 6));
        assert_eq!(timeline.numbers["x"], [5.0, 6.0, 7.0, 8.0]);
        assert_eq!((read("").kimg.len(), read("\n").unreadable, read("wh").unreadable), (0, 0, 0));
        // One that is too long and the last.
        assert_eq!(read(&long).unreadable, 1);
    }

    #[test]
    fn lines_come_in_any_order_and_the_last_of_a_time_counts() {
        let timeline = read("3 ? 1\n1 10 2\n3 30 4\n2 ? nan\n");
        assert_eq!(timeline.kimg, [1.0, 2.0, 3.0]);
        let values = &timeline.numbers["x"];
        assert!(values[1].is_nan());
        assert_eq!((values[0], values[2], timeline.elapsed_sec[2]), (2.0, 4.0, 30.0));
        let at = timeline.clock();
        assert_eq!(
            (at(0.5), at(1.0), at(2.5), at(3.0), at(3.5)),
            (None, Some(10.0), Some(25.0), Some(30.0), None)
        );
    }

    #[test]
    fn names_and_lines_are_bounded() {
        let many = (0..300).map(|n| (format!("{n:03}"), 1.0)).chain([("n".repeat(65), 1.0)]);
        let moment = Moment { kimg: 1.0, numbers: many.collect(), ..Moment::default() };
        assert_eq!(Timeline::of(vec![moment]).numbers.len(), MAX_NAMES);
        let error = Timeline::of_lines("1 1 1\n".repeat(MAX_LINES + 1).as_bytes(), parse).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 131072 lines");
        assert!(Timeline::read(Path::new("."), parse).is_err());
    }
}
