//! Losses, growing schedule, Adam, EMA, the training loop, run folders, events.
//!
//! [`run`] trains; it knows neither console nor signals, but tells [`Listener`]s what happens as a stream of [`Event`]s,
//! and saves or ends when its [`Signals`] say so. [`Trainer::step`] is one iteration, for those who bring their own loop.
//!
//! A preset, one of its numbers changed, and what training it will do:
//!
//! ```
//! use stylegan_trainer::{TrainConfig, TrainPlan};
//!
//! let config = TrainConfig::load(Some("demo"), &["schedule.total_kimg=100".to_owned()])?;
//! let plan = TrainPlan::new(&config)?;
//! println!("{plan}");
//! assert_eq!(plan.levels.iter().map(|level| level.resolution.side()).collect::<Vec<_>>(), [8, 16, 32]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adam;
mod bounds;
mod changes;
mod config;
mod disk;
mod draws;
mod events;
mod explain;
mod fit;
mod keys;
mod labels;
mod layout;
mod listeners;
mod losses;
mod memory;
mod networks;
mod pace;
mod per_side;
mod pixels;
mod plan;
mod precision;
mod presets;
mod rehearsal;
mod replay;
mod report;
mod rewrite;
mod run;
mod schedule;
mod statistics;
mod step;
mod transfer;

pub use adam::{Adam, AdamConfig};
pub use changes::Difference;
pub use config::{
    DataConfig, DeviceConfig, MOST_SEED, PartialCriticConfig, RunConfig, TrainConfig, TrainingConfig,
};
pub use disk::DiskPlan;
pub use draws::Draws;
pub use events::{Adversarial, Event, StepProgress, Tick};
pub use fit::{OutOfMemory, OversizedLevel, Remedy};
pub use labels::LabelDecision;
pub use layout::Layout;
pub use listeners::{Listener, read_stats};
pub use losses::{Constant, CriticBatch, LogisticR1, Loss, LossConfig, LossKind, WganClip, WganGp};
pub use memory::{machine_memory_bytes, peak_memory_bytes};
pub use networks::Networks;
pub use pace::Pace;
pub use per_side::PerSide;
pub use pixels::pixels_of;
pub use plan::{Measured, TrainPlan};
pub use precision::Precision;
pub use presets::{ConfigError, nearest, preset_for, preset_names};
pub use report::Report;
pub use run::{
    BeforeStep, Job, Outcome, Resume, RunError, Signals, is_being_trained, newest_run, run, trained_before,
};
pub use schedule::{LevelPlan, Position, Schedule, Settings};
pub use step::{Trainer, process_reals};
pub use transfer::{
    BeforeTransferStep, DecoderWidths, TransferAdam, TransferConfig, TransferData, TransferJob, TransferLoss,
    TransferSchedule, TransferTrainer, run_transfer,
};
