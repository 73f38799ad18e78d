//! Where a run starts: in a new folder, or where it was.

use std::path::Path;

use stylegan_base::files::folder_of;
use stylegan_checkpoint::{Error, ErrorKind, Pair, State};
use stylegan_import::Foreign;
use tracing::info;

use super::error::RunError;
use super::folder::{RunFolder, newest_run};
use super::job::{Job, Resume};
use super::pictures::{self, Comparison};
use super::saved::{Saved, newest_good};

/// Where a run starts.
pub(super) struct Start {
    pub(super) folder: RunFolder,
    pub(super) saved: Option<Saved>,
    /// Whether the folder has nothing in it yet.
    pub(super) is_new: bool,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Start {
    pub(super) fn find(job: &Job) -> Result<Self, RunError> {
        let start = Self::choose(job)?;
        let Self { folder, saved, .. } = &start;
        let folder = folder.path().display();
        if let Some(Saved { path, clock, .. }) = saved {
            info!(%folder, from = %path.display(), kimg = clock.kimg(), "going on");
        } else {
            info!(%folder, "from the beginning");
        }
        Ok(start)
    }

    fn choose(job: &Job) -> Result<Self, RunError> {
        match &job.resume {
            Resume::No => Self::anew(job, Vec::new()),
            Resume::Auto => match newest_run(&job.runs, &job.config.run.name)? {
                None => Self::anew(job, Vec::new()),
                Some(path) => Self::newest(job, &path),
            },
            Resume::From(path) if path.is_dir() => {
                let folder = RunFolder::open(path, &job.config);
                let (saved, damages) = newest_good(path)?;
                let Some(saved) = saved else { return Err(nothing_good(path, damages)) };
                Self::going_on_or_forked(job, folder, saved, damages)
            }
            Resume::From(path) => Self::from_file(job, path),
        }
    }

    /// In a new folder, from the beginning.
    fn anew(job: &Job, notes: Vec<String>) -> Result<Self, RunError> {
        let folder = RunFolder::create(&job.runs, &job.config, job.files.as_ref())?;
        Ok(Self { folder, saved: None, is_new: true, notes, warnings: Vec::new() })
    }

    /// In the newest folder of this name, unless there is nothing to go on with.
    fn newest(job: &Job, path: &Path) -> Result<Self, RunError> {
        let folder = RunFolder::open(path, &job.config)?;
        let (saved, damages) = newest_good(path)?;
        let Some(saved) = saved else {
            if !damages.is_empty() {
                return Err(nothing_good(path, damages));
            }
            let note = format!("`{}` has no training state yet; a new run starts", path.display());
            return Self::anew(job, vec![note]);
        };
        if saved.is_finished() {
            let kimg = saved.clock.kimg();
            let note = format!("`{}` is finished at {kimg} kimg; a new run starts", path.display());
            return Self::anew(job, vec![note]);
        }
        Self::going_on(job, folder, saved, damages)
    }

    /// In the folder of what was saved; in a new one, if that may be read alone.
    fn going_on_or_forked(
        job: &Job,
        folder: Result<RunFolder, RunError>,
        saved: Saved,
        damages: Vec<String>,
    ) -> Result<Self, RunError> {
        match folder {
            Err(error) if error.is_read_only() => {
                let path = saved.path.clone();
                let mut warnings = damages;
                warnings.push(format!(
                    "`{}` cannot be written: it is left as it is, and a new run goes on from `{}`",
                    folder_of(&path).display(),
                    path.display()
                ));
                Self::forked(job, saved, &path, warnings)
            }
            folder => Self::going_on(job, folder?, saved, damages),
        }
    }

    fn going_on(job: &Job, folder: RunFolder, saved: Saved, damages: Vec<String>) -> Result<Self, RunError> {
        let mut warnings = check_changes(job, &saved, folder.path())?;
        folder.replace_config(job.files.as_ref(), &job.config, saved.clock.position.nimg)?;
        warnings.extend(
            damages.into_iter().map(|damage| format!("{damage}; going on from `{}`", saved.path.display())),
        );
        Ok(Self { folder, saved: Some(saved), is_new: false, notes: Vec::new(), warnings })
    }

    fn from_file(job: &Job, path: &Path) -> Result<Self, RunError> {
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
                    return Self::going_on_or_forked(job, folder, saved, Vec::new());
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
        } else if !Foreign::is_one(path)
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

    /// In a new folder, from a state of another.
    fn forked(job: &Job, saved: Saved, path: &Path, mut warnings: Vec<String>) -> Result<Self, RunError> {
        warnings.extend(check_changes(job, &saved, path)?);
        Ok(Self { saved: Some(saved), warnings, ..Self::anew(job, Vec::new())? })
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
fn check_changes(job: &Job, saved: &Saved, place: &Path) -> Result<Vec<String>, RunError> {
    let mut warnings = Vec::new();
    if !job.allow_changes {
        let differences = match &saved.config {
            Some(config) => job.config.differences(config)?,
            None => Vec::new(),
        };
        let pictures = match pictures::compare(&job.pyramid, &job.config, saved)? {
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
    let total_nimg = job.config.schedule.total_nimg();
    if saved.clock.position.nimg >= total_nimg {
        return Err(RunError::Finished { path: place.to_owned(), kimg: total_nimg as f64 / 1000.0 });
    }
    Ok(warnings)
}
