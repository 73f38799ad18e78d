//! What a training run says while it goes on: one stream that every window on it listens to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use stylegan_base::units::{format_duration, gibibytes};

/// Something that happened in a run.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Training starts, or goes on.
    Started {
        /// The run folder.
        run_dir: PathBuf,
        /// The training state or network that it goes on from; none from the beginning.
        resumed_from: Option<PathBuf>,
        /// Time at which it starts, in kimg.
        kimg: f64,
        /// Time at which it ends, in kimg.
        total_kimg: f64,
    },
    /// An iteration is done.
    Step(StepProgress),
    /// A tick is done.
    Tick(Box<Tick>),
    /// A grid of pictures is on the disk.
    Grid {
        /// What it shows, `fakes` or `reals`.
        name: &'static str,
        /// The PNG file.
        path: PathBuf,
        /// Time of the pictures, in kimg.
        kimg: f64,
    },
    /// A snapshot of the networks and the training state beside it are on the disk.
    Snapshot {
        /// The file of the networks.
        path: PathBuf,
        /// Time of the snapshot, in kimg.
        kimg: f64,
    },
    /// The numbers went bad, and the run was taken back to a state where they were good.
    RolledBack {
        /// What went bad.
        reason: String,
        /// The training state; none for the beginning.
        to: Option<PathBuf>,
        /// Time of that state, in kimg.
        kimg: f64,
        /// What the scheduled learning rates are multiplied with from now on.
        rate_factor: f64,
        /// How often the run has been taken back.
        rollbacks: u64,
    },
    /// Something a person may want to know.
    Note {
        /// One sentence.
        message: String,
    },
    /// Something a person should know.
    Warning {
        /// One sentence.
        message: String,
    },
    /// Training ended, the last snapshot is on the disk.
    Stopped {
        /// Whether it ran to the end of the schedule; else a person stopped it.
        finished: bool,
        /// Time at which it ended, in kimg.
        kimg: f64,
    },
}

impl Event {
    /// The event in a sentence, for those that people read as one.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Note { message } | Self::Warning { message } => Some(message.clone()),
            Self::RolledBack { reason, to, kimg, rate_factor, .. } => {
                let to = match to {
                    Some(path) => format!("`{}`", path.display()),
                    None => "the beginning".to_owned(),
                };
                Some(format!("{reason}; back to {to} at {kimg} kimg, with learning rates x {rate_factor}"))
            }
            _ => None,
        }
    }
}

/// Where a run is after an iteration.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StepProgress {
    /// Iterations done.
    pub step: u64,
    /// Real pictures shown.
    pub nimg: u64,
    /// Real pictures to be shown in all.
    pub total_nimg: u64,
    /// Side of the pictures, in pixels.
    pub resolution: usize,
    /// Share of the next smaller side in the pictures, 0 outside of fades.
    pub fade: f64,
    /// Real pictures per second over the last seconds.
    pub images_per_sec: f64,
}

/// The statistics of one tick, a line of `stats.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct Tick {
    /// Number of the tick, from 1.
    pub tick: u64,
    /// Real pictures shown, in thousands.
    pub kimg: f64,
    /// Iterations done.
    pub step: u64,
    /// Level of detail.
    pub lod: f64,
    /// Side of the pictures, in pixels.
    pub resolution: usize,
    /// Pictures in a minibatch.
    pub batch: usize,
    /// What the scheduled learning rates were multiplied with: half for every time the run was taken back.
    pub rate_factor: f64,
    /// How often the run has been taken back since its numbers went bad.
    pub rollbacks: u64,
    /// Learning rate of the generator.
    pub g_lrate: f64,
    /// Learning rate of the critic.
    pub d_lrate: f64,
    /// Mean loss of the generator over the tick.
    pub g_loss: f64,
    /// Mean loss of the critic over the tick.
    pub d_loss: f64,
    /// Mean score of reals over the tick.
    pub real_score: f64,
    /// Mean score of fakes over the tick.
    pub fake_score: f64,
    /// Mean norm of the scores' gradient per full-size pixel over the tick; 0 where the loss looks at none.
    pub gradient_norm: f64,
    /// Length of the running mean of w.
    pub w_avg_norm: f64,
    /// Mean distance between two fakes, root mean square per channel and pixel.
    pub fake_distance: f64,
    /// The same of reals. Fakes much closer to one another than reals have collapsed.
    pub real_distance: f64,
    /// Sliced Wasserstein distance of a few fakes to a few reals, times 1000, mean over the sides; none below 16x16.
    pub swd: Option<f64>,
    /// Updates skipped in this tick since a gradient was not finite.
    pub skipped_updates: u64,
    /// Real pictures per second, without maintenance.
    pub images_per_sec: f64,
    /// Seconds per thousand real pictures, without maintenance.
    pub sec_per_kimg: f64,
    /// Seconds of training in this tick.
    pub sec_per_tick: f64,
    /// Seconds between the last tick's training and this one's: pictures and snapshots.
    pub maintenance_sec: f64,
    /// Seconds that steps waited for data in this tick.
    pub data_wait_sec: f64,
    /// Seconds since the run started.
    pub elapsed_sec: f64,
    /// Most memory held so far, in bytes: of a GPU, by tensors since the run started or came to this level of detail; else
    /// by the process. 0 where the system does not say.
    pub peak_memory_bytes: u64,
    /// Whether that is the memory of a GPU.
    #[serde(skip)]
    pub on_gpu: bool,
    /// Means over the tick of what else the loss reports, by name.
    #[serde(flatten)]
    pub reported: BTreeMap<String, f64>,
}

impl Tick {
    /// The line that every `StyleGAN` user knows.
    pub fn line(&self) -> String {
        format!(
            "tick {:<5} kimg {:<8.1} lod {:<5.2} minibatch {:<4} time {:<12} sec/tick {:<7.1} sec/kimg {:<7.2} \
             maintenance {:<6.1} {} {:.1}",
            self.tick,
            self.kimg,
            self.lod,
            self.batch,
            format_duration(Duration::from_secs_f64(self.elapsed_sec.max(0.0))),
            self.sec_per_tick,
            self.sec_per_kimg,
            self.maintenance_sec,
            if self.on_gpu { "gpumem" } else { "mem" },
            gibibytes(self.peak_memory_bytes),
        )
    }
}
