//! The page of text.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use stylegan_base::units::{Bytes, format_duration, grouped};
use stylegan_dataset::{
    CheckReport, ClassCount, Classes, Colors, Forecast, LabelFile, LabelFileState, Oddity, Shapes, SheetRow,
};

use super::lines::{listed, name, wrapped};
use super::next::Next;
use super::{findings, lines};

/// Where values begin.
const MARGIN: usize = 11;

/// Characters of the longest bar of a histogram.
const BAR: usize = 40;

/// What there is to say, for people; no line is longer than a hundred characters but for paths.
pub(super) fn page(report: &CheckReport, next: Option<&Next>, sheet: Option<&Path>) -> String {
    let mut text = String::new();
    let pictures = if report.pictures == 1 { "picture" } else { "pictures" };
    let packed = if report.is_pack { " packed" } else { "" };
    let source = name(&report.source);
    let _ = write!(text, "{}{packed} {pictures} in {source}", grouped(report.pictures));
    let _ = match report.readable {
        all if all == report.pictures => writeln!(text),
        readable => writeln!(text, ", {} of them readable", grouped(readable)),
    };

    let findings = findings::lines(report);
    if findings.is_empty() {
        text += "\nNothing stands out\n\n";
    } else {
        let _ = writeln!(text, "\nWorth a look, most important first\n{}\n", findings.join("\n"));
    }

    let mut say = |title: &str, value: &str| {
        for (number, line) in wrapped(value, MARGIN).iter().enumerate() {
            let title = if number == 0 { title } else { "" };
            let _ = writeln!(text, "{title:<MARGIN$}{}", &line[MARGIN..]);
        }
    };
    if report.readable > 0 {
        say("Pictures", &kinds(report));
        say("Ratios", &ratios(&report.shapes));
        say("Sides", &sides(&report.shapes));
        for bar in histogram(&report.shapes) {
            say("", &bar);
        }
    }
    say("Labels", &labels(&report.classes));
    let titles = [if report.is_pack { "Packed" } else { "Packing" }, ""];
    for (title, line) in titles.into_iter().zip(forecast(report)) {
        say(title, &line);
    }
    let (secs, rate) = (duration(report.elapsed_secs), grouped(report.pictures_per_sec.round()));
    say("Time", &format!("looked at in {secs}, {rate} pictures a second"));
    if let Some(sheet) = sheet.filter(|_| !report.sheet.is_empty()) {
        say("Sheet", &format!("{}, a row each:", name(&sheet.display().to_string())));
        for row in &report.sheet {
            say("", &sheet_row(row));
        }
    }

    text += "\nNext\n";
    match next {
        Some(Next { command, command_uncropped, .. }) => {
            let _ = writeln!(text, "  {command}");
            if let Some(command) = command_uncropped {
                let _ = writeln!(text, "or, for pictures of their own ratio\n  {command}");
            }
        }
        None => text += "  mend or remove what is named above, then look again\n",
    }
    text
}

/// `1,020 in color, 12 grey; 8 bits; 900 JPEG, 132 PNG`.
fn kinds(report: &CheckReport) -> String {
    let Colors { grey, color, colorless, transparent } = report.colors;
    let mut parts = Vec::new();
    for (count, what) in [
        (color - colorless, "in color"),
        (colorless, "with channels for colors, but none in them"),
        (grey, "grey"),
        (transparent, "transparent"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", grouped(count)));
        }
    }
    let mut text = parts.join(", ");
    let mut join = |parts: Vec<String>| {
        if !parts.is_empty() {
            let _ = write!(text, "; {}", parts.join(", "));
        }
    };
    join(match report.bits.iter().collect::<Vec<_>>().as_slice() {
        [(bits, _)] => vec![format!("{bits} bits")],
        several => several.iter().map(|(bits, count)| format!("{} of {bits} bits", grouped(count))).collect(),
    });
    join(
        report
            .formats
            .iter()
            .map(|(format, count)| format!("{} {}", grouped(count), format.to_uppercase()))
            .collect(),
    );
    text
}

fn ratios(shapes: &Shapes) -> String {
    let part = |ratio: &stylegan_dataset::RatioCount| {
        let shown = if ratio.ratio == "1:1" { "square" } else { ratio.ratio };
        format!("{} {shown}", grouped(ratio.pictures))
    };
    shapes.ratios.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn sides(shapes: &Shapes) -> String {
    format!("{} is most common ({}); by the shorter side", shapes.commonest, grouped(shapes.of_commonest))
}

/// A line for each power of two.
fn histogram(shapes: &Shapes) -> Vec<String> {
    let most = shapes.sides.iter().map(|side| side.pictures).max().unwrap_or(1).max(1);
    let line = |side: &stylegan_dataset::SideCount| {
        // The least is still a mark.
        let bar = "#".repeat((side.pictures * BAR).div_ceil(most));
        let range = format!("{} to {}", side.from, side.to);
        format!("{range:<14} {:>9}  {bar}", grouped(side.pictures))
    };
    shapes.sides.iter().map(line).collect()
}

fn labels(classes: &Classes) -> String {
    let Classes { file, numbers, of_labels, of_folders } = classes;
    match file {
        Some(LabelFile { name, state: LabelFileState::Faulty { .. } }) => {
            return format!("none; `{name}` cannot be used");
        }
        Some(LabelFile { name, state: LabelFileState::Misplaced }) => {
            return format!("none; `{name}` is not used, since its folder does not hold all pictures");
        }
        _ => {}
    }
    if let Some(numbers) = numbers {
        format!(
            "{} for each picture",
            if *numbers == 1 { "1 number".to_owned() } else { format!("{numbers} numbers") }
        )
    } else if !of_labels.is_empty() {
        sizes(of_labels)
    } else if of_folders.is_empty() {
        "none".to_owned()
    } else {
        format!("none; `--labels folders` makes {}", sizes(of_folders))
    }
}

/// `3 classes of 4 to 9 pictures: birds (4), …`, the largest first.
fn sizes(classes: &[ClassCount]) -> String {
    let mut by_size: Vec<&ClassCount> = classes.iter().collect();
    by_size.sort_by_key(|class| std::cmp::Reverse(class.pictures));
    let most = by_size.first().map_or(0, |class| class.pictures);
    let least = by_size.last().map_or(0, |class| class.pictures);
    let (count, noun) = (grouped(classes.len()), if classes.len() == 1 { "class" } else { "classes" });
    let range = if least < most { format!("{} to {}", grouped(least), grouped(most)) } else { grouped(most) };
    // In a line of its own, whatever stands before it.
    let list = listed(by_size.into_iter().map(findings::of_class), ", ", MARGIN);
    format!("{count} {noun} of {range} pictures: {list}")
}

/// What packing would come to, and what else there is to know of it.
fn forecast(report: &CheckReport) -> Vec<String> {
    let Forecast { resolution, pictures, cropped, bytes, secs, uncropped, refusal, .. } = &report.pack;
    if refusal.is_some() {
        return Vec::new();
    }
    let mut line = format!("{} of {resolution}", grouped(pictures));
    if *cropped > 0 {
        let _ = write!(line, ", {} of them cropped", grouped(cropped));
    }
    let left_out = report.pictures.saturating_sub(*pictures);
    if left_out > 0 && !report.is_pack {
        let _ = write!(line, ", {} left out", grouped(left_out));
    }
    let _ = write!(line, "; {} on the disk", Bytes(*bytes));
    if !report.is_pack {
        let _ = write!(line, ", made in about {}", duration(*secs));
    }
    let start = uncropped.filter(|_| *cropped > 0).map(stylegan_ops::Resolution::start);
    let ratio = start.map(|start| format!("nearly all have a ratio of {}:{}", start.width, start.height));
    std::iter::once(line).chain(ratio).collect()
}

fn sheet_row(SheetRow { oddity, names, .. }: &SheetRow) -> String {
    let title = match oddity {
        Oddity::Darkest => "darkest",
        Oddity::Brightest => "brightest",
        Oddity::Flattest => "flattest",
        Oddity::Longest => "longest",
        Oddity::Alike => "alike, by twos",
        Oddity::Mirrored => "mirrored, by twos",
    };
    let margin = MARGIN + title.len() + 2;
    format!("{title}: {}", listed(names.iter().map(|of| lines::name(of)), ", ", margin))
}

fn duration(secs: f64) -> String {
    if secs < 10.0 {
        return format!("{secs:.1}s");
    }
    format_duration(Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX))
}
