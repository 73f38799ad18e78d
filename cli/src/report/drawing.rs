//! What has to do with flags when pictures cannot be drawn.

use stylegan_base::Hint;
use stylegan_drawing::{Error, FileError, FileErrorKind};

use super::Refusal;

/// The error in the words of the command line, if flags have to do with it.
pub(super) fn refusal(error: &Error) -> Option<Refusal> {
    Some(match error {
        Error::NoLabels => Refusal::usage("`--class` was given, but this network has no labels"),
        Error::NoClass { label_dim } => {
            Refusal::usage(format!("this network has {label_dim} labels, but no `--class` was given"))
                .hint(format!("`--class N` takes a number from 0 to {}", label_dim - 1))
        }
        Error::Class { class, label_dim } => {
            Refusal::usage(format!("`--class {class}` is not from 0 to {}", label_dim - 1))
        }
        Error::LabelLength { count, label_dim } => Refusal::usage(format!(
            "`--label` has {count} numbers, but labels of this network have {label_dim}"
        )),
        Error::ClassBehindMapping { space } => Refusal::usage(format!(
            "`--class` was given, but `{space}` is behind the labels' place in the network"
        )),
        Error::Seed { .. } => Refusal::usage(error.to_string())
            .hint("`--seed-style native` takes it, but other seeds draw other pictures then"),
        Error::Layer { layer, num_layers } => Refusal::usage(format!(
            "layer {layer} is asked for, but the network has {num_layers} layers"
        ))
        .hint(error.hint().unwrap_or_default()),
        Error::RowCount { styles, rows } => {
            Refusal::usage(format!("`--styles` has layers for {styles} rows, but there are {rows} rows"))
                .hint("`--styles 0-3` is for all rows, `--styles 0-3/4-7` for two")
        }
        Error::NoStyles => Refusal::new(error.to_string())
            .hint("it is a row of the ablation without them, such as `ablation/a`"),
        Error::NoNoise => Refusal::new(error.to_string())
            .hint("it is a row of the ablation without it, such as `ablation/d`"),
        Error::Lod { lod, resolution } => Refusal::usage(format!(
            "`--lods` names level {lod}, but pictures of {resolution} are halved at most {} times",
            resolution.doublings()
        )),
        Error::Area { area, resolution } => {
            Refusal::usage(format!("`--area {area}` does not lie in a picture of {resolution}"))
        }
        Error::OneSeed => {
            Refusal::usage(error.to_string()).hint("`--seeds 0,1` walks from seed 0 to seed 1")
        }
        Error::NoLatentFile => {
            Refusal::usage("`@` stands for rows of a file of latents, but none was given").hint("`--latents FILE` names it")
        }
        Error::NeedlessLatents => {
            Refusal::usage("`--latents` was given, but no row of it is drawn").hint("`@0` stands for its first row where seeds are listed")
        }
        Error::BehindSpace { found, asked } => Refusal::usage(format!(
            "`--latent-space {asked}` is asked for, but `{found}` of the file is behind it in the network"
        )),
        Error::Row { .. } | Error::DirectionCount { .. } | Error::Walk(_) | Error::TooManySeeds { .. } | Error::Frames { .. } | Error::Draws { .. } => Refusal::usage(error.to_string()),
        Error::File(FileError { kind: FileErrorKind::NoRecipe, .. }) => Refusal::new(error.to_string()).hint(
            "`stylegan sample`, `mix`, `figure` and `interpolate` write one into every PNG; most programs that change a \
             picture leave it out",
        ),
        _ => return None,
    })
}
