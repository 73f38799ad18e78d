//! What is worth a look, most important first.

use std::fmt::Write as _;

use stylegan_base::units::grouped;
use stylegan_dataset::{
    CheckReport, ClassCount, Colors, Fault, Group, LabelFile, LabelFileState, Odd, Skipped,
};

use super::lines::{listed, name, wrapped};

/// Classes of fewer pictures are told.
const FEW_PICTURES: usize = 10;

/// Margins of a finding and of what is listed below it.
const MARGIN: usize = 2;
const INNER_MARGIN: usize = 4;

/// All findings as lines, most important first.
#[expect(clippy::too_many_lines, reason = "one finding after the other")]
pub(super) fn lines(report: &CheckReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |finding: &str, list: String| {
        lines.extend(wrapped(finding, MARGIN));
        if !list.is_empty() {
            lines.push(format!("{:INNER_MARGIN$}{list}", ""));
        }
    };
    if let Some(refusal) = &report.pack.refusal {
        add(&format!("packing would refuse them: {refusal}"), String::new());
    }
    let unreadable = &report.unreadable;
    if !unreadable.is_empty() {
        add(&counted(unreadable.len(), "cannot be read", "cannot be read"), skipped(unreadable));
    }
    if let Some(LabelFile { name, state: LabelFileState::Faulty { reason } }) = &report.classes.file {
        add(&format!("the labels cannot be used: `{name}` {reason}"), String::new());
    }
    for (groups, one, many) in [
        (
            &report.duplicates,
            "is an earlier one once more, pixel for pixel",
            "are earlier ones once more, pixel for pixel",
        ),
        (
            &report.near_duplicates,
            "is nearly an earlier one, such as compressed, resized or cropped",
            "are nearly earlier ones, such as compressed, resized or cropped",
        ),
        (
            &report.mirrored,
            "is the mirror image of an earlier one, which `--mirror on` makes by itself",
            "are mirror images of earlier ones, which `--mirror on` makes by itself",
        ),
    ] {
        let again: usize = groups.iter().map(|group| group.names.len() - 1).sum();
        if again > 0 {
            add(&counted(again, one, many), alike(groups));
        }
    }
    if !report.is_compared {
        add(
            "there may be more that look alike: too many are of one kind to compare all of them",
            String::new(),
        );
    }
    for (fault, one, many) in [
        (Fault::Blank, "shows next to nothing", "show next to nothing"),
        (Fault::Dark, "is nearly black", "are nearly black"),
        (Fault::Bright, "is nearly white", "are nearly white"),
        (Fault::Faint, "has very little contrast", "have very little contrast"),
    ] {
        let names: Vec<String> = report.of_fault(fault).map(|faulty| name(&faulty.name)).collect();
        if !names.is_empty() {
            add(&counted(names.len(), one, many), listed(names.into_iter(), ", ", INNER_MARGIN));
        }
    }
    if !report.bars.is_empty() {
        let share = |share: f32| format!("{:.0} % of it", 100.0 * share);
        add(
            &counted(report.bars.len(), "has bars at two edges", "have bars at two edges"),
            odd(&report.bars, share),
        );
    }
    let small = &report.pack.too_small;
    if !small.is_empty() && report.pack.refusal.is_none() {
        let resolution = report.pack.resolution;
        let finding = counted(small.len(), "is smaller than", "are smaller than");
        let becomes = if report.is_pack { "and left out of the pack" } else { "and would be left out" };
        let hint = if report.is_pack { "" } else { " (`--allow-upscale` enlarges them)" };
        add(&format!("{finding} {resolution} {becomes}{hint}"), skipped(small));
    }
    if !report.elongated.is_empty() {
        let times = |times: f32| format!("{times:.1} times");
        add(
            &counted(
                report.elongated.len(),
                "is three times as long as wide or more",
                "are three times as long as wide or more",
            ),
            odd(&report.elongated, times),
        );
    }
    let is_small = |class: &&ClassCount| class.pictures < FEW_PICTURES;
    let classes: Vec<String> = report.classes.of_labels.iter().filter(is_small).map(of_class).collect();
    if !classes.is_empty() {
        let count = classes.len();
        let (noun, has) = if count == 1 { ("class", "has") } else { ("classes", "have") };
        add(
            &format!("{} {noun} {has} fewer than {FEW_PICTURES} pictures", grouped(count)),
            listed(classes.into_iter(), ", ", INNER_MARGIN),
        );
    }
    let Colors { grey, colorless, .. } = report.colors;
    let without = grey + colorless;
    if without > 0 && without < report.readable {
        add(&counted(without, "has no colors, others do", "have no colors, others do"), String::new());
    }
    if !report.left_out.other_pictures.is_empty() {
        let counted = report.left_out.counted_pictures();
        add(
            &format!("pictures of kinds that are not read: {counted} (convert them to PNG or JPEG)"),
            String::new(),
        );
    }
    lines
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

fn skipped(skipped: &[Skipped]) -> String {
    let part = |Skipped { name: of, reason }: &Skipped| {
        // A reason may quote what a file says.
        let reason: String = reason.chars().take(50).collect();
        format!("{} ({reason})", name(of))
    };
    listed(skipped.iter().map(part), ", ", INNER_MARGIN)
}

fn odd(odd: &[Odd], shown: impl Fn(f32) -> String) -> String {
    let part = |Odd { name: of, value }: &Odd| format!("{} ({})", name(of), shown(*value));
    listed(odd.iter().map(part), ", ", INNER_MARGIN)
}

/// `a` = `b` = `c`.
fn alike(groups: &[Group]) -> String {
    let part = |Group { names, .. }: &Group| {
        let mut text = names.iter().take(2).map(|of| name(of)).collect::<Vec<_>>().join(" = ");
        if names.len() > 2 {
            let _ = write!(text, " = {} more", grouped(names.len() - 2));
        }
        text
    };
    listed(groups.iter().map(part), "; ", INNER_MARGIN)
}

pub(super) fn of_class(class: &ClassCount) -> String {
    format!("{} ({})", name(&class.name), grouped(class.pictures))
}
