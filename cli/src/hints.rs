//! What helps against an error, in the words of this program: its flags and commands, ordered by room.
//!
//! What is not worded here is what the room itself says.

use std::error::Error;

use stylegan_base::Hint;
use stylegan_checkpoint::ErrorKind as CheckpointKind;
use stylegan_import::{Error as ImportError, ErrorKind as ImportKind};
use stylegan_trainer::{ConfigError, OutOfMemory, RunError};

/// What helps against one error of a chain.
pub(crate) fn hint_of(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = checkpoint_error(error) {
        return of_checkpoint(error);
    }
    if let Some(error) = error.downcast_ref::<ImportError>() {
        return of_import(error);
    }
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<RunError>() {
        return match error {
            // The cause comes next.
            RunError::Resume(_) | RunError::Snapshots { .. } | RunError::LastSnapshot(_) => None,
            error => error.hint(),
        };
    }
    if let Some(error) = error.downcast_ref::<OutOfMemory>() {
        return Some(error.hint());
    }
    if let Some(error) = error.downcast_ref::<stylegan_dataset::Error>() {
        return error.hint();
    }
    error.downcast_ref::<stylegan_media::Error>()?.hint()
}

/// An error of a checkpoint, also of one that another room hands on as its own.
pub(crate) fn checkpoint_error<'a>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a stylegan_checkpoint::Error> {
    match error.downcast_ref::<ImportError>() {
        Some(ImportError::Checkpoint(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

fn of_checkpoint(error: &stylegan_checkpoint::Error) -> Option<String> {
    let hint = match &error.kind {
        CheckpointKind::NotSafetensors { .. } | CheckpointKind::OtherKind => {
            "checkpoints are written by `stylegan train` as `network-snapshot-*.safetensors`"
        }
        CheckpointKind::NoState => {
            "training states are written by `stylegan train` as `training-state-*.safetensors`"
        }
        CheckpointKind::OutOfRange { .. } => "`--dtype f32` holds them",
        CheckpointKind::Exists => "give another name, or `--force` to overwrite it",
        _ => return error.hint(),
    };
    Some(hint.to_owned())
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
