//! Lists of numbers as a person writes them, `0-15,20`.

use std::fmt::{self, Display, Write};
use std::str::FromStr;

use stylegan_base::units::grouped;

use crate::Error;

/// More than anyone draws in one go.
const MAX_NUMBERS: u64 = 1_000_000;

/// Seeds in the order they were given, as text `0-15,20`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// A latent by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatentId {
    /// That of a seed, as text `5`.
    Seed(u64),
    /// A row of a file, from 0, as text `@5`.
    Row(u64),
}

/// Seeds and rows of a file in the order they were given, as text `0-15,20,@0-3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatentIds(pub Vec<LatentId>);

/// Layers in the order they were given, as text `0-3,7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers(pub Vec<usize>);

/// The layers of each row of a figure, as text `0-3/0-3/4-7`, or once for all rows, `0-3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLayers(pub Vec<Layers>);

/// Levels of detail in the order they were given, as text `0,1,2,2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lods(pub Vec<u32>);

/// Values of `truncation_psi`, each from -100 to 100, in the order they were given, as text `1,0.7,-0.5`.
#[derive(Clone, Debug, PartialEq)]
pub struct Psis(pub Vec<f64>);

/// How far to go along a direction, each from -1000 to 1000, in the order they were given, as text `-2,0,1.5`; `-3..3` are seven
/// even steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Strengths(pub Vec<f64>);

/// Steps of a range of strengths.
const STEPS: u32 = 7;

/// The numbers of a label, each from -1000 to 1000, as text `0.5,0.5,0`; a class is 1 in its place and 0 in all others.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelVector(pub Vec<f32>);

impl RowLayers {
    /// The layers of a row, from 0.
    pub fn of_row(&self, row: usize) -> Option<&Layers> {
        match self.0.as_slice() {
            [all] => Some(all),
            rows => rows.get(row),
        }
    }
}

impl Layers {
    /// Makes sure that a network of so many layers has all of these.
    ///
    /// # Errors
    /// If it has not.
    pub fn check(&self, num_layers: usize) -> Result<(), Error> {
        match self.0.iter().find(|&&layer| layer >= num_layers) {
            Some(&layer) => Err(Error::Layer { layer, num_layers }),
            None => Ok(()),
        }
    }
}

impl LatentId {
    /// The number of the seed or row.
    pub fn number(self) -> u64 {
        match self {
            Self::Seed(number) | Self::Row(number) => number,
        }
    }
}

impl LatentIds {
    /// These seeds.
    pub fn seeds(seeds: impl IntoIterator<Item = u64>) -> Self {
        Self(seeds.into_iter().map(LatentId::Seed).collect())
    }

    /// The first rows of a file.
    pub fn rows(count: usize) -> Self {
        Self((0..count as u64).map(LatentId::Row).collect())
    }

    /// Whether a file is needed.
    pub fn has_rows(&self) -> bool {
        self.0.iter().any(|id| matches!(id, LatentId::Row(_)))
    }
}

impl FromStr for LatentId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        Ok(match text.strip_prefix('@') {
            Some(row) => Self::Row(number(row)?),
            None => Self::Seed(number(text)?),
        })
    }
}

impl FromStr for LatentIds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (id, part): (fn(u64) -> LatentId, _) = match part.strip_prefix('@') {
                Some(rows) => (LatentId::Row, rows),
                None => (LatentId::Seed, part),
            };
            all.extend(numbers(part)?.into_iter().map(id));
            if all.len() as u64 > MAX_NUMBERS {
                return Err(format!("more than {} numbers", grouped(MAX_NUMBERS)));
            }
        }
        Ok(Self(all))
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        numbers(text).map(Self)
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        numbers(text)?
            .into_iter()
            .map(|layer| usize::try_from(layer).map_err(|_| format!("there is no layer {layer}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FromStr for RowLayers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split('/').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Lods {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        numbers(text)?
            .into_iter()
            .map(|lod| u32::try_from(lod).map_err(|_| format!("there is no level of detail {lod}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FromStr for LabelVector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| match text.trim().parse::<f32>() {
            Ok(number) if (-1000.0..=1000.0).contains(&number) => Ok(number),
            _ => Err(format!(
                "`{}` is no number of a label, from -1000 to 1000; write `0.5,0.5,0`",
                text.trim()
            )),
        };
        text.split(',').map(number).collect::<Result<_, _>>().map(Self)
    }
}

impl Display for LabelVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, &self.0, ",")
    }
}

impl FromStr for Psis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let psi = |text: &str| match text.trim().parse::<f64>() {
            Ok(psi) if (-100.0..=100.0).contains(&psi) => Ok(psi),
            _ => Err(format!("`{}` is no psi, a number from -100 to 100; write `1,0.7,0`", text.trim())),
        };
        text.split(',').map(psi).collect::<Result<_, _>>().map(Self)
    }
}

impl Display for LatentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(f, "{seed}"),
            Self::Row(row) => write!(f, "@{row}"),
        }
    }
}

impl Display for LatentIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alike =
            |a: &LatentId, b: &LatentId| matches!(a, LatentId::Row(_)) == matches!(b, LatentId::Row(_));
        for (index, ids) in self.0.chunk_by(alike).enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            let mut numbers = String::new();
            write_numbers(&mut numbers, ids.iter().map(|id| id.number()))?;
            match ids {
                [LatentId::Row(_), ..] => write!(f, "@{}", numbers.replace(',', ",@"))?,
                _ => f.write_str(&numbers)?,
            }
        }
        Ok(())
    }
}

impl Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_numbers(f, self.0.iter().copied())
    }
}

impl Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_numbers(f, self.0.iter().map(|&layer| layer as u64))
    }
}

impl Display for RowLayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, &self.0, "/")
    }
}

impl Display for Lods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, &self.0, ",")
    }
}

impl FromStr for Strengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let strength = |text: &str| match text.trim().parse::<f64>() {
            Ok(strength) if (-1000.0..=1000.0).contains(&strength) => Ok(strength),
            _ => Err(format!(
                "`{}` is no strength, a number from -1000 to 1000; write `-3..3` or `-1,0,1`",
                text.trim()
            )),
        };
        match text.split_once("..") {
            None => text.split(',').map(strength).collect::<Result<_, _>>().map(Self),
            Some((first, last)) => {
                let (first, last) = (strength(first)?, strength(last)?);
                let share = |step| f64::from(step) / f64::from(STEPS - 1);
                Ok(Self((0..STEPS).map(|step| first * (1.0 - share(step)) + last * share(step)).collect()))
            }
        }
    }
}

impl Display for Strengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, &self.0, ",")
    }
}

impl Display for Psis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, &self.0, ",")
    }
}

fn write_all(f: &mut fmt::Formatter<'_>, all: &[impl Display], between: &str) -> fmt::Result {
    for (index, one) in all.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { between })?;
        write!(f, "{one}")?;
    }
    Ok(())
}

/// Writes a list as short as it can be read.
fn write_numbers(f: &mut impl Write, numbers: impl IntoIterator<Item = u64>) -> fmt::Result {
    let mut numbers = numbers.into_iter().peekable();
    while let Some(first) = numbers.next() {
        let mut last = first;
        while let Some(next) = numbers.next_if(|&next| Some(next) == last.checked_add(1)) {
            last = next;
        }
        match last - first {
            0 => write!(f, "{first}")?,
            _ => write!(f, "{first}-{last}")?,
        }
        if numbers.peek().is_some() {
            f.write_str(",")?;
        }
    }
    Ok(())
}

fn numbers(text: &str) -> Result<Vec<u64>, String> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = match part.split_once('-') {
            _ if part.is_empty() => return Err("a number is missing; write `0-15,20`".to_owned()),
            None => {
                let number = number(part)?;
                (number, number)
            }
            Some((first, last)) => (number(first)?, number(last)?),
        };
        if first > last {
            return Err(format!("`{part}` runs backwards; write `{last}-{first}`"));
        }
        if last - first >= MAX_NUMBERS - all.len() as u64 {
            return Err(format!("more than {} numbers", grouped(MAX_NUMBERS)));
        }
        all.extend(first..=last);
    }
    Ok(all)
}

fn number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` is no number from 0 on; write `0-15,20`"));
    }
    text.parse().map_err(|_| format!("{text} is larger than {}", u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_numbers_keep_their_order() {
        assert_eq!("0-3,20, 7,7".parse(), Ok(Seeds(vec![0, 1, 2, 3, 20, 7, 7])));
        assert_eq!("18446744073709551615".parse(), Ok(Seeds(vec![u64::MAX])));
        assert_eq!(
            "18446744073709551614-18446744073709551615".parse(),
            Ok(Seeds(vec![u64::MAX - 1, u64::MAX]))
        );
        assert_eq!("5-5".parse(), Ok(Layers(vec![5])));
        assert_eq!("0-999999".parse::<Seeds>().map(|seeds| seeds.0.len()), Ok(1_000_000));
    }

    #[test]
    fn lists_are_written_as_they_are_read() {
        for text in ["0-3,20,7,7", "5", "1-2", "3,2,1", "18446744073709551614-18446744073709551615,0"] {
            assert_eq!(text.parse::<Seeds>().unwrap().to_string(), text);
        }
        assert_eq!("0,1,2,2,3".parse::<Layers>().unwrap().to_string(), "0-2,2-3");
        assert_eq!("0-2,2, 3".parse::<Lods>().unwrap().to_string(), "0,1,2,2,3");
        assert_eq!("1, 0.70,-.5,-0".parse::<Psis>().unwrap().to_string(), "1,0.7,-0.5,-0");
    }

    #[test]
    fn seeds_and_rows_keep_their_order() {
        use LatentId::{Row, Seed};
        let ids: LatentIds = "7, @0-1,@5,8-9".parse().unwrap();
        assert_eq!(ids.0, [Seed(7), Row(0), Row(1), Row(5), Seed(8), Seed(9)]);
        assert_eq!(ids.to_string(), "7,@0-1,@5,8-9");
        assert!(ids.has_rows() && !LatentIds::seeds([3]).has_rows());
        assert_eq!(LatentIds::rows(3).to_string(), "@0-2");
        for (text, reason) in [
            ("@", "a number is missing; write `0-15,20`"),
            ("@@1", "`@1` is no number from 0 on; write `0-15,20`"),
            ("0-999999,@1", "more than 1,000,000 numbers"),
        ] {
            assert_eq!(text.parse::<LatentIds>(), Err(reason.to_owned()), "{text}");
        }
    }

    #[test]
    fn strengths_are_a_range_or_a_list() {
        let strengths = |text: &str| text.parse::<Strengths>();
        assert_eq!(strengths("-3..3").unwrap().to_string(), "-3,-2,-1,0,1,2,3");
        assert_eq!(strengths("-1, 0.5").unwrap().to_string(), "-1,0.5");
        for text in ["", "..", "1..", "1001", "nan", "1..2..3", "-inf..1"] {
            let reason = strengths(text).unwrap_err();
            assert!(reason.contains("is no strength, a number from -1000 to 1000"), "{reason}");
        }
    }

    #[test]
    fn each_row_has_its_layers() {
        let layers = |text: &str| text.parse::<Layers>().unwrap();
        let rows: RowLayers = "0-3/4,5".parse().unwrap();
        assert_eq!(rows.to_string(), "0-3/4-5");
        assert_eq!(
            [0, 1, 2].map(|row| rows.of_row(row).cloned()),
            [Some(layers("0-3")), Some(layers("4-5")), None]
        );
        let all: RowLayers = "7".parse().unwrap();
        assert_eq!(all.of_row(5), Some(&layers("7")));
        assert!("0//1".parse::<RowLayers>().is_err());
    }

    #[test]
    fn what_is_no_list_says_why() {
        for (text, reason) in [
            ("", "a number is missing; write `0-15,20`"),
            ("1,,2", "a number is missing; write `0-15,20`"),
            ("a", "`a` is no number from 0 on; write `0-15,20`"),
            ("-1", "`` is no number from 0 on; write `0-15,20`"),
            ("+1", "`+1` is no number from 0 on; write `0-15,20`"),
            ("1-2-3", "`2-3` is no number from 0 on; write `0-15,20`"),
            ("3-1", "`3-1` runs backwards; write `1-3`"),
            ("18446744073709551616", "18446744073709551616 is larger than 18446744073709551615"),
            ("0-1000000", "more than 1,000,000 numbers"),
            ("0-18446744073709551615", "more than 1,000,000 numbers"),
            ("0-999999,5", "more than 1,000,000 numbers"),
        ] {
            assert_eq!(text.parse::<Seeds>(), Err(reason.to_owned()), "{text}");
        }
        for text in ["", "1,", "nan", "inf", "100.1", "1;0", "1-2"] {
            let reason = text.parse::<Psis>().unwrap_err();
            assert!(reason.ends_with(" is no psi, a number from -100 to 100; write `1,0.7,0`"), "{reason}");
        }
        assert_eq!("4294967296".parse::<Lods>(), Err("there is no level of detail 4294967296".to_owned()));
    }
}
