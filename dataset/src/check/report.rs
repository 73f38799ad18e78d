//! What there is to say about pictures.

use std::collections::BTreeMap;

use serde::Serialize;

use super::alike::Likeness;
use super::classes::Classes;
use super::forecast::Forecast;
use super::light::Fault;
use super::look::Look;
use super::shapes::Shapes;
use super::sheet::SheetRow;
use crate::left_out::LeftOut;
use crate::skipped::Skipped;

/// What there is to say about the pictures of a source, or of a pack.
///
/// Lists are complete, and in the order of the source. Values of light are luminance from 0 to 255.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// Where they lie.
    pub source: String,
    /// Whether they are packed already.
    pub is_pack: bool,
    /// How many there are by their names.
    pub pictures: usize,
    /// How many of them can be read; all that follows is said of these.
    pub readable: usize,
    /// How many are of which format, `jpeg` and so on; none that are kept as plain pixels.
    pub formats: BTreeMap<String, usize>,
    /// What their channels hold.
    pub colors: Colors,
    /// How many have so many bits a sample; fewer than 8 count as 8.
    pub bits: BTreeMap<u8, usize>,
    /// How large they are.
    pub shapes: Shapes,
    /// Which classes they are of.
    pub classes: Classes,
    /// Those that cannot be read, and why; of a pack, what was left out for that when it was made.
    pub unreadable: Vec<Skipped>,
    /// Pictures with the same pixels.
    pub duplicates: Vec<Group>,
    /// Pictures that look alike, as after compressing, resizing or cropping a little.
    pub near_duplicates: Vec<Group>,
    /// Pictures that look like the mirror image of the first.
    pub mirrored: Vec<Group>,
    /// Whether everything was compared; else there may be more that look alike.
    pub is_compared: bool,
    /// Pictures that show too little; each is named for the worst that is wrong with it.
    pub faults: Vec<Faulty>,
    /// Pictures with bars of one color at two opposite edges, and the share of them that these take, 0 to 1.
    pub bars: Vec<Odd>,
    /// Pictures three times as long as wide or more, and how many times.
    pub elongated: Vec<Odd>,
    /// What else the source holds.
    pub left_out: LeftOut,
    /// What packing would make of them.
    pub pack: Forecast,
    /// The oddest of them, as drawn; empty unless asked for.
    pub sheet: Vec<SheetRow>,
    /// How long looking at them took.
    pub elapsed_secs: f64,
    /// Pictures looked at in a second.
    pub pictures_per_sec: f64,
}

/// What the channels of pictures hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Colors {
    /// Pictures of grey channels alone.
    pub grey: usize,
    /// Pictures with channels for colors.
    pub color: usize,
    /// Of these, pictures in which all pixels are grey.
    pub colorless: usize,
    /// Pictures through which something can be seen.
    pub transparent: usize,
}

/// Pictures that are alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Their names, at least two, in the order of the source.
    pub names: Vec<String>,
    /// The most that one differs from an earlier one, in standard deviations of 8x8 pixels.
    pub difference: f32,
}

/// A picture and a number that makes it odd.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Odd {
    /// Its name.
    pub name: String,
    /// The number.
    pub value: f32,
}

/// A picture that shows too little.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Faulty {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub fault: Fault,
    /// Its mean.
    pub mean: f32,
    /// Its standard deviation.
    pub deviation: f32,
}

impl CheckReport {
    /// How many pictures have that fault.
    pub fn of_fault(&self, fault: Fault) -> impl Iterator<Item = &Faulty> {
        self.faults.iter().filter(move |faulty| faulty.fault == fault)
    }
}

/// Groups of pictures of which each but the first is like an earlier one.
pub(super) fn groups(names: &[String], like: &[Option<Likeness>]) -> Vec<Group> {
    let mut firsts: Vec<u32> = (0..).take(like.len()).collect();
    let mut members: BTreeMap<u32, (Vec<u32>, f32)> = BTreeMap::new();
    for (like, number) in like.iter().zip(0_u32..) {
        let Some(Likeness { earlier, difference }) = *like else { continue };
        let first = firsts[earlier as usize];
        firsts[number as usize] = first;
        let (group, most) = members.entry(first).or_insert_with(|| (vec![first], 0.0));
        group.push(number);
        *most = most.max(difference);
    }
    let named = |numbers: Vec<u32>| numbers.iter().map(|&number| names[number as usize].clone()).collect();
    members.into_values().map(|(numbers, difference)| Group { names: named(numbers), difference }).collect()
}

/// What is counted of single pictures.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) formats: BTreeMap<String, usize>,
    pub(super) colors: Colors,
    pub(super) bits: BTreeMap<u8, usize>,
    pub(super) faults: Vec<Faulty>,
    pub(super) bars: Vec<Odd>,
    pub(super) elongated: Vec<Odd>,
}

impl Counts {
    pub(super) fn add(&mut self, name: &str, look: &Look) {
        if let Some(format) = look.format {
            *self.formats.entry(format!("{format:?}").to_lowercase()).or_default() += 1;
        }
        *self.bits.entry(look.bits).or_default() += 1;
        let colors = &mut self.colors;
        *if look.has_color_channels { &mut colors.color } else { &mut colors.grey } += 1;
        colors.colorless += usize::from(look.has_color_channels && !look.has_color);
        colors.transparent += usize::from(look.is_transparent);
        let name = || name.to_owned();
        if let Some(fault) = look.light.fault() {
            let (mean, deviation) = (look.light.mean, look.light.deviation);
            self.faults.push(Faulty { name: name(), fault, mean, deviation });
        }
        if look.bars > 0 {
            self.bars.push(Odd { name: name(), value: f32::from(look.bars) / 255.0 });
        }
        if look.elongation() >= 3.0 {
            self.elongated.push(Odd { name: name(), value: look.elongation() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_follow_likeness_to_the_first() {
        let names: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).into();
        let like = |earlier, difference| Some(Likeness { earlier, difference });
        let found = groups(&names, &[None, None, like(0, 0.1), like(1, 0.02), like(2, 0.05), None]);
        let group = |names: &[&str], difference| Group {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            difference,
        };
        assert_eq!(found, [group(&["a", "c", "e"], 0.1), group(&["b", "d"], 0.02)]);
    }
}
