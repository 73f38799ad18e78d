//! Checkpoints and painters as a command line asks for them.

use std::path::Path;

use anyhow::Result;
use stylegan_checkpoint::Checkpoint;
use stylegan_drawing::{DrawOptions, LatentSpace, Painter};
use stylegan_import::{Foreign, Purpose, open_any};
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::labels::class_of;
use crate::pretrained;
use crate::report::{Refusal, note};

/// Opens a checkpoint to draw from it, whichever program wrote it, the newest snapshot of a run's folder, or the
/// program's own network.
pub(crate) fn open_checkpoint(path: &Path, resolution: Option<usize>) -> Result<Checkpoint> {
    check_resolution(path, resolution)?;
    let checkpoint = match pretrained::open(path) {
        Some(checkpoint) => checkpoint?,
        None => open_any(path, resolution, Purpose::Sampling)?,
    };
    info!(
        path = %checkpoint.path().display(),
        size_bytes = checkpoint.size_bytes(),
        kimg = checkpoint.meta().progress.kimg(),
        "opened checkpoint"
    );
    Ok(checkpoint)
}

/// Refuses a side for a file that says its own.
pub(crate) fn check_resolution(path: &Path, resolution: Option<usize>) -> Result<()> {
    if resolution.is_some() && !Foreign::is_one(path) {
        return Err(
            Refusal::usage("`--resolution` is for files of other programs, which do not say it").into()
        );
    }
    Ok(())
}

/// The painter of latents of this space.
pub(crate) fn open_painter(network: &NetworkArgs, style: &StyleArgs, space: LatentSpace) -> Result<Painter> {
    open_painter_with(network, space, |options| style.set(space.usual_truncation(), options))
}

/// The same; `set` changes the usual options.
pub(crate) fn open_painter_with(
    network: &NetworkArgs,
    space: LatentSpace,
    set: impl FnOnce(&mut DrawOptions),
) -> Result<Painter> {
    let checkpoint = open_checkpoint(&network.checkpoint, network.resolution)?;
    let class = class_of(network.class.as_deref(), checkpoint.meta(), space)?;
    let mut options = DrawOptions { class, ..DrawOptions::of(&checkpoint) };
    set(&mut options);
    let painter = Painter::new(&checkpoint, options, &network.device.open()?)?;
    painter.check_class(space)?;
    say_if_growing(&checkpoint, &painter);
    Ok(painter)
}

/// Says so if the pictures are not of full size yet.
pub(crate) fn say_if_growing(checkpoint: &Checkpoint, painter: &Painter) {
    let (resolution, lod, full) = (painter.resolution(), painter.lod(), painter.config().resolution);
    if lod > 0.0 {
        note(&format!(
            "`{}` is in the middle of growing: pictures are {resolution} (lod {lod:.2} of {full})",
            checkpoint.path().display(),
        ));
    }
}
