//! Where a run starts: in a new folder, or where it was.

use std::path::Path;

use stylegan_base::files::folder_of;
use stylegan_checkpoint::{Error, ErrorKind, Pair, State};
use tracing::info;

use super::configuration::Configuration;
use super::data::Data;
use super::error::RunError;
use super::folder::{RunFolder, newest_run};
use super::job::{Resume, Work};
use super::pictures::Comparison;
use super::saved::{Saved, newest_good};
use super::shape::Growth;
use super::trained::Trained;

/// Where a run starts. Nothing is written before [`Place::open`].
pub(super) struct Start<T: Trained> {
    pub(super) place: Place,
    pub(super) saved: Option<Saved<T>>,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// The folder of a run.
pub(super) enum Place {
    /// One that is to be made.
    New,
    /// One in which the run goes on.
    There(RunFolder),
}

impl Place {
    /// The folder with the configuration in it, and whether there is nothing else in it yet. `nimg` is the time at which
    /// the run starts.
    pub(super) fn open<T: Trained>(self, job: &Work<T>, nimg: u64) -> Result<(RunFolder, bool), RunError> {
        match self {
            Self::New => Ok((RunFolder::create(&job.runs, &job.config, job.files.as_ref())?, true)),
            Self::There(folder) => {
                folder.replace_config(job.files.as_ref(), &job.config, nimg)?;
                Ok((folder, false))
            }
        }
    }
}

impl<T: Trained> Start<T> {
    pub(super) fn find(job: &Work<T>) -> Result<Self, RunError> {
        let start = match &job.resume {
            Resume::No => Self::anew(Vec::new()),
            Resume::Auto => match newest_run(&job.runs, &job.config.run().name)? {
                None => Self::anew(Vec::new()),
                Some(path) => Self::newest(job, &path)?,
            },
            Resume::From(path) if path.is_dir() => Self::from_folder(job, path)?,
            Resume::From(path) => Self::from_file(job, path)?,
        };
        if let Some(Saved { path, clock, .. }) = &start.saved {
            info!(from = %path.display(), kimg = clock.kimg(), "going on");
        } else {
            info!("from the beginning");
        }
        Ok(start)
    }

    /// In a new folder, from the beginning.
    fn anew(notes: Vec<String>) -> Self {
        Self { place: Place::New, saved: None, notes, warnings: Vec::new() }
    }

    /// In the newest folder of this name, unless there is nothing to go on with.
    fn newest(job: &Work<T>, path: &Path) -> Result<Self, RunError> {
        let folder = RunFolder::open(path, &job.config)?;
        let (saved, damages) = newest_good(path)?;
        let Some(saved) = saved else {
            if !damages.is_empty() {
                return Err(nothing_good(path, damages));
            }
            let note = format!("`{}` has no training state yet; a new run starts", path.display());
            return Ok(Self::anew(vec![note]));
        };
        if saved.is_finished() && saved.clock.is_over(&job.config) {
            let kimg = saved.clock.kimg();
            let note = format!("`{}` is finished at {kimg} kimg; a new run starts", path.display());
            return Ok(Self::anew(vec![note]));
        }
        if let Some(misfit) = saved.misfit(&job.config)? {
            return Err(misfit.refusal(path));
        }
        Self::going_on(job, folder, saved, &damages)
    }

    fn from_folder(job: &Work<T>, path: &Path) -> Result<Self, RunError> {
        let folder = RunFolder::open(path, &job.config);
        let (saved, damages) = newest_good(path)?;
        let Some(saved) = saved else { return Err(nothing_good(path, damages)) };
        Self::there_or_forked(job, folder, saved, path, &damages)
    }

    /// In the folder of what was saved; in a new one, if the networks are to grow or the folder may be read alone.
    fn there_or_forked(
        job: &Work<T>,
        folder: Result<RunFolder, RunError>,
        saved: Saved<T>,
        path: &Path,
        damages: &[String],
    ) -> Result<Self, RunError> {
        let mut warnings = skipped(damages, &saved);
        if saved.misfit(&job.config)?.is_some() {
            return Self::forked(job, saved, path, warnings);
        }
        match folder {
            Err(error) if error.is_read_only() => {
                warnings.push(format!(
                    "`{}` cannot be written: it is left as it is, and a new run goes on from `{}`",
                    folder_of(&saved.path).display(),
                    saved.path.display()
                ));
                Self::forked(job, saved, path, warnings)
            }
            folder => Self::going_on(job, folder?, saved, damages),
        }
    }

    /// In its own folder, with networks of the same shape.
    fn going_on(
        job: &Work<T>,
        folder: RunFolder,
        saved: Saved<T>,
        damages: &[String],
    ) -> Result<Self, RunError> {
        let mut warnings = check_changes(job, &saved, folder.path())?;
        warnings.extend(skipped(damages, &saved));
        let notes = Vec::from_iter(new_end(job, &saved, folder.path()));
        Ok(Self { place: Place::There(folder), saved: Some(saved), notes, warnings })
    }

    fn from_file(job: &Work<T>, path: &Path) -> Result<Self, RunError> {
        let folder = folder_of(path);
        let pairs = stylegan_checkpoint::pairs(folder).map_err(RunError::Resume)?;
        let same = |other: &Path| other.file_name() == path.file_name();
        let index = pairs.iter().position(|Pair { snapshot, state, .. }| same(snapshot) || same(state));
        let mut warnings = Vec::new();
        if let Some(index) = index {
            let pair = &pairs[index];
            match Saved::open(pair) {
                Ok(saved) if index == 0 => {
                    let folder = RunFolder::open(folder, &job.config);
                    return Self::there_or_forked(job, folder, saved, path, &[]);
                }
                Ok(saved) => return Self::forked(job, saved, path, warnings),
                // Of a damaged state the networks are left.
                Err(error) if same(&pair.snapshot) => {
                    warnings.push(match error {
                        RunError::Resume(error) => error.to_string(),
                        error => error.to_string(),
                    });
                }
                Err(error) => return Err(error),
            }
        } else if !T::is_foreign(path)
            && !matches!(State::open(path), Err(Error { kind: ErrorKind::NoState, .. }))
        {
            // A state without its snapshot, or nothing that can be read.
            let snapshot = path.with_file_name(
                path.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .replace("training-state-", "network-snapshot-"),
            );
            let pair = Pair { nimg: 0, is_exact: true, is_recent: false, snapshot, state: path.to_owned() };
            return Self::forked(job, Saved::open(&pair)?, path, warnings);
        }
        let saved = Saved::networks_alone(path, &job.config)?;
        warnings.push(format!(
            "`{}` has no training state: its networks go on, the optimizers start afresh",
            path.display()
        ));
        if let Some(lod) = saved.placed_by_lod {
            warnings.push(format!(
                "`{}` does not tell how long it was trained: it goes on at {} kimg, where the schedule comes to its level of \
                 detail, {lod}",
                path.display(),
                saved.clock.kimg()
            ));
        }
        Self::forked(job, saved, path, warnings)
    }

    /// In a new folder, from a state of another; the networks may grow.
    fn forked(
        job: &Work<T>,
        mut saved: Saved<T>,
        path: &Path,
        mut warnings: Vec<String>,
    ) -> Result<Self, RunError> {
        let mut notes = Vec::new();
        if let Some(misfit) = saved.misfit(&job.config)? {
            let Some(growth) = misfit.growth else { return Err(misfit.refusal(path)) };
            let before = saved.clock.kimg();
            saved.grow(growth, path)?;
            notes.push(grown(path, growth, before, saved.clock.kimg()));
        }
        warnings.extend(check_changes(job, &saved, path)?);
        if let Some(begun) = Self::begun(job, &saved, path)? {
            return Ok(begun);
        }
        Ok(Self { place: Place::New, saved: Some(saved), notes, warnings })
    }

    /// In the newest folder, if that is of this very run and not at its end: the same command goes on.
    fn begun(job: &Work<T>, from: &Saved<T>, path: &Path) -> Result<Option<Self>, RunError> {
        let (Some(origin), Some(newest)) =
            (from.begun_from(true), newest_run(&job.runs, &job.config.run().name)?)
        else {
            return Ok(None);
        };
        let is_of_this_run = |saved: &Saved<T>| -> Result<bool, RunError> {
            let is_begun = saved.begun_from(false).as_deref() == Some(&origin);
            let before = saved.config.as_ref().filter(|_| is_begun);
            let is_same = before.map(|config| job.config.differences(config)).transpose()?;
            Ok(is_same.is_some_and(|found| found.is_empty()) && !saved.clock.is_over(&job.config))
        };
        match newest_good(&newest)? {
            (Some(saved), damages) if is_of_this_run(&saved)? => {
                let folder = RunFolder::open(&newest, &job.config)?;
                let mut start = Self::going_on(job, folder, saved, &damages)?;
                let (newest, path) = (newest.display(), path.display());
                start.notes.push(format!("`{newest}` was begun from `{path}` and goes on"));
                Ok(Some(start))
            }
            _ => Ok(None),
        }
    }
}

/// What is said of damaged states that are newer.
fn skipped<T: Trained>(damages: &[String], saved: &Saved<T>) -> Vec<String> {
    damages.iter().map(|damage| format!("{damage}; going on from `{}`", saved.path.display())).collect()
}

/// What is said of networks that grow.
fn grown(path: &Path, growth: Growth, before_kimg: f64, kimg: f64) -> String {
    let Growth { from, to, new_tensors, .. } = growth;
    let path = path.display();
    let time = if kimg < before_kimg {
        format!("from {before_kimg} kimg back to {kimg}, where {} fades in", from.doubled())
    } else {
        format!("at {kimg} kimg")
    };
    format!("`{path}` grows from {from} to {to}, {new_tensors} tensors start afresh, the time goes {time}")
}

/// What is said of a training that is to end at another time than before.
fn new_end<T: Trained>(job: &Work<T>, saved: &Saved<T>, place: &Path) -> Option<String> {
    let (before, now) = (saved.config.as_ref()?.total_kimg(), job.config.total_kimg());
    let place = place.display();
    if before == now {
        None
    } else if saved.is_finished() {
        Some(format!("`{place}` was finished at {before} kimg and goes on to {now} kimg"))
    } else {
        Some(format!("`{place}` goes on to {now} kimg instead of {before} kimg"))
    }
}

fn nothing_good(folder: &Path, damages: Vec<String>) -> RunError {
    let folder = folder.to_owned();
    if damages.is_empty() {
        RunError::NothingToResume { path: folder }
    } else {
        RunError::AllDamaged { folder, damages }
    }
}

/// Refuses another configuration or other pictures, unless that was allowed; and an end that is past. Returns warnings.
/// Networks that grow need another side, and so other pixels.
fn check_changes<T: Trained>(job: &Work<T>, saved: &Saved<T>, place: &Path) -> Result<Vec<String>, RunError> {
    let mut warnings = Vec::new();
    if !job.allow_changes {
        let mut differences = match &saved.config {
            Some(config) => job.config.differences(config)?,
            None => Vec::new(),
        };
        if saved.grows() {
            differences.retain(|difference| difference.key != "generator.resolution");
        }
        let compared = match &saved.data_fingerprint {
            Some(fingerprint) if !saved.grows() => {
                job.data.compare(&job.config, fingerprint, &saved.path, saved.config.as_ref())?
            }
            _ => Comparison::Same,
        };
        let pictures = match compared {
            Comparison::Same => Vec::new(),
            Comparison::Different(sentences) => sentences,
            Comparison::Untold => {
                warnings.push(format!(
                    "`{}` was saved by an earlier version, which knew pictures by the times of their files; these have \
                     others, so whether they are the same pictures cannot be told",
                    saved.path.display()
                ));
                Vec::new()
            }
        };
        if !differences.is_empty() || !pictures.is_empty() {
            return Err(RunError::changed(place.to_owned(), &differences, pictures));
        }
    }
    let total_nimg = job.config.total_nimg();
    if saved.clock.position.nimg >= total_nimg {
        let (path, kimg) = (place.to_owned(), saved.clock.kimg());
        return Err(RunError::Finished { path, kimg, total_kimg: job.config.total_kimg() });
    }
    Ok(warnings)
}
