//! Labels in words: what is trained by, and what a person types for a class.

use std::fmt::Write as _;

use anyhow::Result;
use stylegan_base::units::grouped;
use stylegan_checkpoint::Meta;
use stylegan_dataset::{FoundLabels, LabelFile, LabelFileState, LabelMode, Labels};
use stylegan_drawing::LatentSpace;
use stylegan_trainer::{LabelDecision, nearest};

use crate::report::Refusal;

/// More names than these are not listed.
const LISTED: usize = 8;

/// What was found beside pictures that are packed for later, if there is something to say.
pub(crate) fn found(found: &FoundLabels<'_>) -> Option<String> {
    let LabelFile { name, state } = found.file?;
    Some(match (state, found.labels) {
        (LabelFileState::Faulty { reason }, _) => {
            format!("warning: the labels were left out: `{name}` {reason}")
        }
        (LabelFileState::Read { strangers }, Some(labels)) => {
            format!("labels: {}, from `{name}`{}", kinds(labels), left_over(*strangers))
        }
        _ => format!("labels: {}", none(found)),
    })
}

/// What became of the labels of a training, for its first screen.
pub(crate) fn decided(decision: &LabelDecision, found: &FoundLabels<'_>) -> String {
    // Packs of earlier versions do not tell the name.
    let name = found.file.map_or("dataset.json", |file| &file.name);
    let unused =
        || found.labels.map_or_else(String::new, |labels| format!("; `{name}` has {}", kinds(labels)));
    let text = match decision {
        LabelDecision::Used { mode: LabelMode::Folders, labels } => format!("{}, by folder", kinds(labels)),
        LabelDecision::Used { labels, .. } => {
            let strangers = match found.file.map(|file| &file.state) {
                Some(LabelFileState::Read { strangers }) => *strangers,
                _ => 0,
            };
            format!("{}, from `{name}`{}; `--labels off` trains without", kinds(labels), left_over(strangers))
        }
        LabelDecision::NoneFound => none(found),
        LabelDecision::Unwanted => format!("not used, as asked for{}", unused()),
        LabelDecision::OneClass => format!("not used, since there is one class alone{}", unused()),
        LabelDecision::AsBefore => format!("not used, as before in this run{}", unused()),
    };
    format!("Labels    {text}")
}

/// Why there are none, and what could be.
fn none(found: &FoundLabels<'_>) -> String {
    match found.file {
        Some(LabelFile { name, state: LabelFileState::Misplaced }) => {
            format!("none; `{name}` is not used, since its folder does not hold all pictures")
        }
        Some(LabelFile { name, .. }) => format!("none in `{name}`"),
        None => match found.of_folders() {
            Ok(folders) => format!("none; `--labels folders` makes {}", kinds(&folders)),
            Err(_) => "none".to_owned(),
        },
    }
}

/// `3 classes of 4 to 9 pictures (birds, cats, dogs)`.
fn kinds(labels: &Labels) -> String {
    let Some(sizes) = labels.class_sizes() else {
        return format!("{} for each picture", counted(labels.width(), "number", "numbers"));
    };
    let filled = || sizes.iter().copied().filter(|&size| size > 0);
    let (least, most) = (filled().min().unwrap_or(0), filled().max().unwrap_or(0));
    let mut text = format!("{} of ", counted(sizes.len(), "class", "classes"));
    if least < most {
        let _ = write!(text, "{} to ", grouped(least));
    }
    text += &counted(most, "picture", "pictures");
    let empty = sizes.len() - filled().count();
    if empty > 0 {
        let _ = write!(text, ", {} of them without any", grouped(empty));
    }
    if labels.class_names().is_empty() { text } else { format!("{text} ({})", listed(labels.class_names())) }
}

fn left_over(strangers: usize) -> String {
    match strangers {
        0 => String::new(),
        1 => ", which has one more of a picture that is not there".to_owned(),
        many => format!(", which has {} more of pictures that are not there", grouped(many)),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text += ", …";
    }
    text
}

/// The class that `--class` names, for latents of this space.
pub(crate) fn class_of(name: Option<&str>, meta: &Meta, space: LatentSpace) -> Result<Option<usize>> {
    let (names, label_dim) = (&meta.class_names, meta.generator.label_dim);
    let Some(name) = name else {
        if space == LatentSpace::Z && !names.is_empty() {
            let message = format!(
                "this network has {}, but no `--class` was given",
                counted(label_dim, "class", "classes")
            );
            return Err(Refusal::usage(message)
                .hint(format!("`--class NAME` takes one of {}", listed(names)))
                .into());
        }
        return Ok(None);
    };
    class_named("--class", name, meta).map(Some)
}

/// The classes of these names or numbers, which a flag lists.
pub(crate) fn classes_of(flag: &str, names: &[String], meta: &Meta) -> Result<Vec<usize>> {
    names.iter().map(|name| class_named(flag, name, meta)).collect()
}

/// The class of a name or a number, as a flag gives it.
fn class_named(flag: &str, name: &str, meta: &Meta) -> Result<usize> {
    let (names, label_dim) = (&meta.class_names, meta.generator.label_dim);
    if label_dim == 0 {
        return Err(Refusal::usage(format!("`{flag}` was given, but this network has no labels")).into());
    }
    if let Some(class) = meta.class(name) {
        return Ok(class);
    }
    Err(if names.is_empty() {
        Refusal::usage(format!("`{flag} {name}` is not from 0 to {}", label_dim - 1))
            .hint("the classes of this network have numbers and no names")
    } else {
        let all = listed(names);
        Refusal::usage(format!("there is no class `{name}` in this network")).hint(
            match nearest(name, names.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`? the classes are {all}"),
                None => format!("the classes are {all}"),
            },
        )
    }
    .into())
}
