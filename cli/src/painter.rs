//! Checkpoints and painters as a command line asks for them.

use std::path::Path;

use anyhow::Result;
use stylegan_checkpoint::{Checkpoint, Meta};
use stylegan_drawing::{DrawOptions, LabelVector, LatentSpace, Painter};
use stylegan_import::{Foreign, Purpose, open_any};
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::labels::{class_of, classes_of};
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

/// The same, where `look` sees what the checkpoint says of itself.
pub(crate) fn open_painter_and(
    network: &NetworkArgs,
    style: &StyleArgs,
    space: LatentSpace,
    look: impl FnOnce(&Meta) -> Result<()>,
) -> Result<Painter> {
    open_and(network, space, look, |options| style.set(space.usual_truncation(), options))
}

/// The same; `set` changes the usual options.
pub(crate) fn open_painter_with(
    network: &NetworkArgs,
    space: LatentSpace,
    set: impl FnOnce(&mut DrawOptions),
) -> Result<Painter> {
    open_and(network, space, |_| Ok(()), set)
}

fn open_and(
    network: &NetworkArgs,
    space: LatentSpace,
    look: impl FnOnce(&Meta) -> Result<()>,
    set: impl FnOnce(&mut DrawOptions),
) -> Result<Painter> {
    let checkpoint = open_checkpoint(&network.checkpoint, network.resolution)?;
    look(checkpoint.meta())?;
    let mut options = DrawOptions::of(&checkpoint);
    match (&network.label, network.class.as_deref()) {
        (Some(label), _) => options.label = Some(label.clone()),
        (None, Some(several)) if checkpoint.meta().class(several).is_none() && several.contains(',') => {
            let names: Vec<String> = several.split(',').map(|name| name.trim().to_owned()).collect();
            options.label =
                Some(between(&classes_of("--class", &names, checkpoint.meta())?, checkpoint.meta()));
        }
        (None, class) => options.class = class_of(class, checkpoint.meta(), space)?,
    }
    set(&mut options);
    let painter = Painter::new(&checkpoint, options, &network.device.open()?)?;
    painter.check_class(space)?;
    say_if_growing(&checkpoint, &painter);
    Ok(painter)
}

/// The label in the middle of classes.
fn between(classes: &[usize], meta: &Meta) -> LabelVector {
    let mut label = vec![0.0; meta.generator.label_dim];
    for &class in classes {
        label[class] += 1.0 / classes.len() as f32;
    }
    LabelVector(label)
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
