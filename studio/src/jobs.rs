//! Long work: films, and photos that are projected. It goes on when the page is closed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde::Serialize;
use stylegan_media::DynamicImage;
use tokio::sync::watch;

use crate::explanation::Explanation;
use crate::numbered::Numbered;
use crate::{Error, Result};

/// Jobs that run at a time.
const MOST_RUNNING: usize = 2;
/// Jobs that are remembered; of more, the oldest that are over go.
const MOST_KEPT: usize = 32;

/// Where a job is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Progress {
    pub(crate) state: State,
    pub(crate) done: u64,
    pub(crate) total: u64,
    /// Of a projection, how far the picture is from the photo.
    pub(crate) loss: Option<f64>,
    /// Of a projection that is done, in dB.
    pub(crate) psnr: Option<f64>,
    /// How many pictures there have been.
    pub(crate) pictures: u64,
    pub(crate) error: Option<Explanation>,
    /// What a projection found.
    pub(crate) latents: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Running,
    Done,
    Stopped,
    Failed,
}

/// Work that goes on by itself.
#[derive(Debug)]
pub(crate) struct Job {
    progress: watch::Sender<Progress>,
    is_stopped: AtomicBool,
    /// The film.
    pub(crate) path: Option<PathBuf>,
    /// What the film is called where it is saved.
    pub(crate) file_name: String,
    /// The photo, as it is projected.
    pub(crate) target: Option<DynamicImage>,
    /// How it looks now.
    picture: Mutex<Option<DynamicImage>>,
}

impl Job {
    pub(crate) fn new(
        total: u64,
        path: Option<PathBuf>,
        file_name: String,
        target: Option<DynamicImage>,
    ) -> Self {
        let progress = Progress {
            state: State::Running,
            done: 0,
            total,
            loss: None,
            psnr: None,
            pictures: 0,
            error: None,
            latents: None,
        };
        Self {
            progress: watch::channel(progress).0,
            is_stopped: AtomicBool::new(false),
            path,
            file_name,
            target,
            picture: Mutex::default(),
        }
    }

    /// Where it is, and is from then on.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    fn is_running(&self) -> bool {
        self.progress.borrow().state == State::Running
    }

    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    pub(crate) fn show(&self, picture: DynamicImage) {
        *self.picture.lock().unwrap_or_else(PoisonError::into_inner) = Some(picture);
    }

    pub(crate) fn picture(&self) -> Option<DynamicImage> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The file of a film goes with its job.
impl Drop for Job {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Jobs by number.
#[derive(Debug)]
pub(crate) struct Jobs(Numbered<Arc<Job>>);

impl Default for Jobs {
    fn default() -> Self {
        Self(Numbered::new("job", MOST_KEPT, |job| !job.is_running()))
    }
}

impl Jobs {
    /// Starts a thread for a job; `panicked` is said if `work` panics.
    ///
    /// # Errors
    /// If enough are running.
    pub(crate) fn start(
        &self,
        job: Job,
        work: impl FnOnce(&Job) -> Result<State, Explanation> + Send + 'static,
        panicked: Explanation,
    ) -> Result<u64> {
        if self.0.count(|job| job.is_running()) >= MOST_RUNNING {
            return Err(Error::Busy);
        }
        let job = Arc::new(job);
        let number = self.0.add(job.clone());
        thread::spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| work(&job))).unwrap_or(Err(panicked));
            job.tell(|progress| match ended {
                Ok(state) => progress.state = state,
                Err(error) => {
                    progress.state = State::Failed;
                    progress.error = Some(error);
                }
            });
        });
        Ok(number)
    }

    pub(crate) fn get(&self, id: u64) -> Result<Arc<Job>> {
        self.0.get(id)
    }
}
