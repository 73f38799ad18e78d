//! The projection of all photos, so many of them side by side, from states that may be there.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use stylegan_checkpoint::ProjectionFile;
use stylegan_drawing::Painter;
use stylegan_projector::{
    Error, MeanW, Perception, Photo, ProjectOptions, Projected, Projection, Results, Target, run,
};

use super::photos::{self, Prepared};
use super::state_path;
use crate::report::Refusal;

/// All that there is to do.
pub(super) struct Work<'a> {
    pub(super) painter: &'a Painter,
    pub(super) perception: &'a Perception,
    pub(super) mean: &'a MeanW,
    pub(super) options: ProjectOptions,
    pub(super) prepared: Vec<Prepared>,
    pub(super) batch: usize,
    pub(super) out: &'a Path,
    pub(super) force: bool,
}

impl Work<'_> {
    /// Makes sure that the first photos can be begun or gone on with.
    pub(super) fn check(&self) -> Result<()> {
        match self.prepared.chunks(self.batch).next() {
            Some(part) => self.projection(0, part).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Some photos, where their state says they are, or at their start.
    fn projection(&self, first: usize, part: &[Prepared]) -> Result<Projection<'_>> {
        let begin = || -> Result<Projection<'_>> {
            let pictures = photos::tensor(part, self.painter)?;
            let numbers = (first..first + part.len()).map(|number| number as u64).collect();
            let target = Target { pictures, numbers };
            Ok(Projection::new(self.painter, self.perception, self.mean, &self.options, target)?)
        };
        let path = state_path(self.out, first);
        let mut projection = begin()?;
        if path.symlink_metadata().is_err() {
            return Ok(projection);
        }
        let restored = ProjectionFile::open(&path)
            .map_err(Error::from)
            .and_then(|file| projection.restore(&file, &path));
        match restored {
            Ok(()) => Ok(projection),
            Err(_) if self.force => begin(),
            Err(error @ (Error::OtherJob { .. } | Error::State { .. } | Error::Checkpoint(_))) => {
                Err(Refusal::new(error.to_string())
                    .hint("`--force` starts anew, and so does another folder")
                    .into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Each of the photos side by side, with the number of the first of them.
    fn parts(&self) -> impl Iterator<Item = (usize, &[Prepared])> {
        self.prepared.chunks(self.batch).enumerate().map(|(part, photos)| (part * self.batch, photos))
    }

    /// Finds all latents and leaves them in states; returns whether nobody stopped it.
    pub(super) fn find(&self, is_stopped: &dyn Fn() -> bool) -> Result<bool> {
        for (first, part) in self.parts() {
            let path = state_path(self.out, first);
            let mut projection = self.projection(first, part)?;
            if !run(&mut projection, is_stopped, &mut |projection| Ok(projection.state()?.save(&path)?))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes what was found, and takes the states away.
    pub(super) fn write(&self, film: bool) -> Result<Vec<Projected>> {
        let mut results = Results::new(self.out, self.prepared.len(), film, self.force);
        for (first, part) in self.parts() {
            let photos: Vec<Photo> = part.iter().map(|prepared| prepared.photo.clone()).collect();
            results.add(&self.projection(first, part)?, photos)?;
        }
        let projected = results.finish()?;
        for (first, _) in self.parts() {
            let path = state_path(self.out, first);
            fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
        Ok(projected)
    }
}
