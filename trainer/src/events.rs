//! What a training run says while it goes on: one stream that every window on it listens to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use stylegan_base::units::{format_duration, gibibytes};
use stylegan_ops::Resolution;

/// Something that happened in a run, as a line of JSON that can be read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
        name: String,
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepProgress {
    /// Iterations done.
    pub step: u64,
    /// Real pictures shown.
    pub nimg: u64,
    /// Real pictures to be shown in all.
    pub total_nimg: u64,
    /// Width and height of the pictures; of squares, one number.
    pub resolution: Resolution,
    /// Share of the next smaller side in the pictures, 0 outside of fades.
    pub fade: f64,
    /// Real pictures per second over the last seconds.
    pub images_per_sec: f64,
    /// Seconds to the end of the training, by what each level takes; none before anything is known of that.
    #[serde(default)]
    pub left_sec: Option<f64>,
    /// Seconds to the next snapshot, likewise.
    #[serde(default)]
    pub next_snapshot_sec: Option<f64>,
}

/// The statistics of one tick, a line of `stats.jsonl`. Lines of other versions of the program can be read as well: what
/// they lack is 0, and what they have more is left out unless it is a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tick {
    /// Number of the tick, from 1.
    pub tick: u64,
    /// Real pictures shown, in thousands.
    pub kimg: f64,
    /// Iterations done.
    pub step: u64,
    /// Level of detail.
    pub lod: f64,
    /// Width and height of the pictures; of squares, one number.
    pub resolution: Resolution,
    /// Pictures in a minibatch.
    pub batch: usize,
    /// What the scheduled learning rates were multiplied with: half for every time the run was taken back.
    pub rate_factor: f64,
    /// How often the run has been taken back since its numbers went bad.
    pub rollbacks: u64,
    /// Of a generator and a critic.
    #[serde(flatten, deserialize_with = "adversarial")]
    pub adversarial: Option<Adversarial>,
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
    #[serde(flatten, deserialize_with = "numbers")]
    pub reported: BTreeMap<String, f64>,
}

/// What a tick tells of a generator and a critic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adversarial {
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
    pub texture_distance: Option<f64>,
}

/// Of a line that has any of it.
fn adversarial<'de, D: Deserializer<'de>>(entries: D) -> Result<Option<Adversarial>, D::Error> {
    let found = Adversarial::deserialize(entries)?;
    Ok((found != Adversarial::default()).then_some(found))
}

/// Those of the entries that are numbers.
fn numbers<'de, D: Deserializer<'de>>(entries: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let entries = BTreeMap::<String, serde_json::Value>::deserialize(entries)?;
    Ok(entries.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as programs find it in folders of runs.
    const LINE: &str = r#"{"tick":2,"kimg":0.04,"step":10,"lod":1.0,"resolution":4,"batch":4,"rate_factor":1.0,"rollbacks":0,"g_lrate":0.001,"d_lrate":0.002,"g_loss":-0.015,"d_loss":9.31,"real_score":0.11,"fake_score":0.12,"gradient_norm":0.032,"w_avg_norm":0.13,"fake_distance":0.27,"real_distance":0.62,"texture_distance":null,"skipped_updates":1,"images_per_sec":1800.5,"sec_per_kimg":0.55,"sec_per_tick":0.011,"maintenance_sec":0.007,"data_wait_sec":0.0002,"elapsed_sec":0.06,"peak_memory_bytes":31457280}"#;

    #[test]
    fn a_tick_is_read_back_with_more_and_with_less() {
        let tick: Tick = serde_json::from_str(LINE).unwrap();
        let Adversarial { d_loss, texture_distance, .. } = tick.adversarial.unwrap();
        assert_eq!(
            (tick.tick, d_loss, texture_distance, tick.peak_memory_bytes),
            (2, 9.31, None, 31_457_280)
        );
        assert!(tick.reported.is_empty());
        assert_eq!(serde_json::to_string(&tick).unwrap(), LINE);

        let more = LINE.replace('}', r#","penalty":0.5,"host":"a","more":{"x":1}}"#);
        let read: Tick = serde_json::from_str(&more).unwrap();
        assert_eq!(read, Tick { reported: BTreeMap::from([("penalty".to_owned(), 0.5)]), ..tick });
        // Behind the keys that were there before.
        assert_eq!(serde_json::to_string(&read).unwrap(), LINE.replace('}', r#","penalty":0.5}"#));

        let less: Tick = serde_json::from_str(r#"{"tick":2,"kimg":0.04}"#).unwrap();
        assert_eq!(less, Tick { tick: 2, kimg: 0.04, ..Tick::default() });
        // One of a training without a critic stays without.
        let other = LINE.replace(
            &LINE[LINE.find("\"g_lrate").unwrap()..LINE.find("\"skipped").unwrap()],
            "\"loss\":0.5,",
        );
        let read: Tick = serde_json::from_str(&other).unwrap();
        assert_eq!((read.adversarial, read.reported["loss"]), (None, 0.5));
        assert!(!serde_json::to_string(&read).unwrap().contains("g_loss"));
    }

    #[test]
    fn every_event_is_read_back() {
        let path = || PathBuf::from("runs/00000-x");
        let mut tick: Tick = serde_json::from_str(LINE).unwrap();
        tick.reported.insert("penalty".to_owned(), 0.5);
        for event in [
            Event::Started { run_dir: path(), resumed_from: Some(path()), kimg: 1.5, total_kimg: 7.0 },
            Event::Step(StepProgress {
                step: 3,
                nimg: 12,
                total_nimg: 20,
                resolution: Resolution { width: 8, height: 6 },
                fade: 0.25,
                images_per_sec: 7.5,
                left_sec: Some(1.5),
                next_snapshot_sec: None,
            }),
            Event::Tick(Box::new(tick)),
            Event::Grid { name: "fakes".to_owned(), path: path(), kimg: 1.5 },
            Event::Snapshot { path: path(), kimg: 1.5 },
            Event::RolledBack { reason: "?".to_owned(), to: None, kimg: 1.5, rate_factor: 0.5, rollbacks: 1 },
            Event::Note { message: "a".to_owned() },
            Event::Warning { message: "b".to_owned() },
            Event::Stopped { finished: true, kimg: 1.5 },
        ] {
            let line = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "{line}");
        }
    }
}
