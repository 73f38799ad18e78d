//! What helps against an error, in the words of this program: its flags and commands, ordered by room.
//!
//! What is not worded here is what the room itself says.

use std::error::Error;

use stylegan_base::{FileKind, Hint};
use stylegan_checkpoint::ErrorKind as CheckpointKind;
use stylegan_dataset::ErrorKind as DatasetKind;
use stylegan_import::{Error as ImportError, ErrorKind as ImportKind};
use stylegan_media::{FileError, FileErrorKind};
use stylegan_peers::Error as PeersError;
use stylegan_trainer::{ConfigError, OutOfMemory, Remedy, RunError};

use stylegan_base::shell::quoted;

/// What helps against one error of a chain.
pub(crate) fn hint_of(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = checkpoint_error(error) {
        return of_checkpoint(error);
    }
    if let Some(error) = error.downcast_ref::<ImportError>() {
        return of_import(error);
    }
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return of_config(error);
    }
    if let Some(error) = error.downcast_ref::<RunError>() {
        return of_run(error);
    }
    if let Some(error) = error.downcast_ref::<OutOfMemory>() {
        return of_out_of_memory(error);
    }
    if let Some(error) = error.downcast_ref::<stylegan_dataset::Error>() {
        return of_dataset(error);
    }
    if let Some(error) = media_error(error) {
        return of_media(error);
    }
    if let Some(error) = error.downcast_ref::<stylegan_evaluation::Error>() {
        return of_evaluation(error);
    }
    if let Some(error) = error.downcast_ref::<stylegan_alignment::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<stylegan_features::WeightsError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<stylegan_transfer::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<stylegan_projector::Error>() {
        return of_projector(error);
    }
    error.downcast_ref::<stylegan_drawing::Error>()?.hint()
}

/// An error of a checkpoint, also of one that another room hands on as its own.
pub(crate) fn checkpoint_error<'a>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a stylegan_checkpoint::Error> {
    if let Some(ImportError::Checkpoint(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(stylegan_transfer::Error::Checkpoint(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(stylegan_projector::Error::Checkpoint(error)) = error.downcast_ref() {
        return Some(error);
    }
    match error.downcast_ref() {
        Some(stylegan_drawing::Error::Checkpoint(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

/// The same of a picture.
pub(crate) fn media_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a stylegan_media::Error> {
    if let Some(stylegan_drawing::Error::Media(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(stylegan_transfer::Error::Media(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(stylegan_projector::Error::Media(error)) = error.downcast_ref() {
        return Some(error);
    }
    match error.downcast_ref() {
        Some(stylegan_alignment::Error::Media(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

const CHECKPOINTS: &str = "checkpoints are written by `stylegan train` as `network-snapshot-*.safetensors`";

fn of_checkpoint(error: &stylegan_checkpoint::Error) -> Option<String> {
    let hint = match &error.kind {
        CheckpointKind::NotSafetensors { found: Some(kind) } => match kind {
            FileKind::LfsPointer => "`git lfs pull` fetches the file itself",
            FileKind::Numpy => "`stylegan sample --latents` draws from latents of NumPy",
            FileKind::Packed("gzip") => {
                return Some(format!("`gunzip -k {}` unpacks it", quoted(&error.path)));
            }
            FileKind::Empty | FileKind::WebPage | FileKind::Packed(_) => return error.hint(),
            _ => CHECKPOINTS,
        },
        CheckpointKind::NotSafetensors { found: None } | CheckpointKind::OtherKind => CHECKPOINTS,
        CheckpointKind::NoState => {
            "training states are written by `stylegan train` as `training-state-*.safetensors`"
        }
        CheckpointKind::IsDecoder => {
            return Some(format!(
                "`stylegan transfer apply --checkpoint {} --content A --style B --out C.png` draws with it",
                quoted(&error.path)
            ));
        }
        CheckpointKind::NoDecoder => {
            "decoders are written by `stylegan transfer train`, and `decoder.pth` of others is read as well"
        }
        CheckpointKind::OutOfRange { .. } => "`--dtype f32` holds them",
        CheckpointKind::Exists => "give another name, or `--force` to overwrite it",
        _ => return error.hint(),
    };
    Some(hint.to_owned())
}

fn of_dataset(error: &stylegan_dataset::Error) -> Option<String> {
    Some(match error.kind {
        DatasetKind::TooManyBad { .. } => {
            "mend or remove these files, or let more of them be left out, `--max-bad-fraction F`".to_owned()
        }
        DatasetKind::TooSmall { fitting: Some(fitting), .. } => {
            let fitting = fitting.short();
            format!("`--resolution {fitting}` fits, `--allow-upscale` enlarges the small ones")
        }
        DatasetKind::TooSmall { fitting: None, .. } => {
            "remove the small ones, or enlarge them with `--allow-upscale`".to_owned()
        }
        DatasetKind::PackChannels { found, .. } => {
            format!("pack the original pictures anew with these channels, or train with `--channels {found}`")
        }
        DatasetKind::PackTooSmall { resolution, .. } => format!(
            "pack the original pictures anew at that resolution, or train with `--resolution {}`",
            resolution.short()
        ),
        DatasetKind::Labels { .. } => "mend the file, or leave its labels alone, `--labels off`".to_owned(),
        DatasetKind::ClassFolders { .. } => "leave the folders alone, `--labels off`".to_owned(),
        _ => return error.hint(),
    })
}

fn of_evaluation(error: &stylegan_evaluation::Error) -> Option<String> {
    use stylegan_evaluation::Error;

    match error {
        Error::NoNetwork { .. } => Some("`--metrics swd,ms_ssim` need no network".to_owned()),
        Error::NoReals { .. } => Some("`--reals FOLDER` gives them".to_owned()),
        Error::NotOfPictures { .. } => {
            Some("`stylegan metrics --list` says what each measure needs".to_owned())
        }
        Error::Drawing(error) => error.hint(),
        Error::Dataset(error) => of_dataset(error),
        Error::Weights(error) => error.hint(),
        _ => None,
    }
}

fn of_projector(error: &stylegan_projector::Error) -> Option<String> {
    use stylegan_projector::Error;

    match error {
        Error::NoNoise => Some("leave `--optimize-noise` out".to_owned()),
        Error::TooSmall { .. } => Some("`--perceptual pixels` compares pixels alone".to_owned()),
        Error::Diverged { .. } => Some("a smaller `--learning-rate` may hold".to_owned()),
        error => error.hint(),
    }
}

fn of_import(error: &ImportError) -> Option<String> {
    match error {
        ImportError::Foreign {
            kind: ImportKind::UntoldResolution { .. } | ImportKind::NoSuchResolution { .. },
            ..
        } => Some("`--resolution N` says it, such as 256".to_owned()),
        error => error.hint(),
    }
}

fn of_media(error: &stylegan_media::Error) -> Option<String> {
    match error {
        stylegan_media::Error::File(FileError { kind: FileErrorKind::Exists, .. }) => {
            Some("`--force` overwrites it".to_owned())
        }
        stylegan_media::Error::File(FileError { kind: FileErrorKind::NeedsFfmpeg, .. }) => Some(
            "`--ffmpeg` has it do so where it is installed; `.mp4`, `.apng` and `.gif` need nothing"
                .to_owned(),
        ),
        stylegan_media::Error::File(FileError { kind: FileErrorKind::NoFfmpeg, .. }) => {
            Some("install it, or leave `--ffmpeg` out: `.mp4`, `.apng` and `.gif` need nothing".to_owned())
        }
        error => error.hint(),
    }
}

fn of_config(error: &ConfigError) -> Option<String> {
    match error {
        ConfigError::NoAssignment { .. } => Some("for instance `--set schedule.total_kimg=5000`".to_owned()),
        ConfigError::UnknownKey { .. } => {
            let list = "`stylegan config` lists every key";
            Some(error.hint().map_or(list.to_owned(), |hint| format!("{hint} {list}")))
        }
        error => error.hint(),
    }
}

fn of_run(error: &RunError) -> Option<String> {
    let hint = match error {
        RunError::TooSmall { packed, .. } => {
            return Some(format!(
                "`--resolution {}` trains at that size; a new pack needs larger pictures or `--allow-upscale`",
                packed.short()
            ));
        }
        RunError::Channels { found, .. } => {
            return Some(format!("`--channels {found}` trains with these; others need a new pack"));
        }
        RunError::Labels { found: 0, .. } => {
            "leave `generator.label_dim` out; `--labels folders` makes a class of each folder"
        }
        RunError::Labels { .. } => {
            "leave `generator.label_dim` out, as it follows from the pictures; `--labels off` trains without labels"
        }
        RunError::Locked { .. } => {
            "wait for it, or start a run beside it with `--resume no` or another `run.name`"
        }
        RunError::Changed { .. } => {
            "`--allow-changes` goes on with what is asked for now, `--resume no` starts a new run"
        }
        RunError::Shape { path, grows_to: Some(to), .. } => {
            return Some(format!(
                "`--resume {}` grows them to {to} in a new run folder, `--resume no` starts a new run",
                path.display()
            ));
        }
        RunError::Shape { keep, .. } => {
            let keep: Vec<String> = keep.iter().map(|assignment| format!("--set {assignment}")).collect();
            return Some(format!(
                "`{}` goes on with the shape that they have, `--resume no` starts a new run",
                keep.join(" ")
            ));
        }
        RunError::NeverGrows { fade_ends_kimg: Some(end), .. } => {
            return Some(format!("a longer `--kimg`, of more than {end}, trains the new side"));
        }
        RunError::NothingToResume { .. } => {
            "`--resume no` starts a new run; `--resume SNAPSHOT` goes on from networks alone"
        }
        RunError::AllDamaged { .. } => {
            "`--resume SNAPSHOT` goes on from the networks of a good snapshot, `--resume no` starts a new run"
        }
        RunError::Finished { .. } => "a longer `--kimg` trains on, `--resume no` starts a new run",
        RunError::Diverged { .. } => {
            "go on from it with smaller `schedule.g_lrate` and `schedule.d_lrate` and `--allow-changes`"
        }
        RunError::OutOfMemory(error) => return of_out_of_memory(error),
        RunError::Peers(PeersError::Minibatch { .. }) => {
            "`--batch-table 8` takes the original's minibatches for 8 GPUs, `--set 'schedule.batch=64'` any"
        }
        // The cause comes next.
        RunError::Import(_)
        | RunError::Resume(_)
        | RunError::Snapshots { .. }
        | RunError::LastSnapshot(_)
        | RunError::Data(_) => {
            return None;
        }
        error => return error.hint(),
    };
    Some(hint.to_owned())
}

fn of_out_of_memory(error: &OutOfMemory) -> Option<String> {
    Some(match error.remedy() {
        Remedy::SmallerNetworks => return error.hint(),
        Remedy::ShouldFit(batch) => format!("`--set '{batch}'` should fit"),
        Remedy::Fits(batch) => format!("`--set '{batch}'` fits"),
        Remedy::GoOn => "the same command goes on".to_owned(),
        Remedy::GoOnLaterOrWith(batch) => format!(
            "the same command goes on when there is more memory; with `--set '{batch}'` and `--allow-changes` it does now"
        ),
    })
}
