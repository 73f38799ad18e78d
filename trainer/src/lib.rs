//! Losses, growing schedule, Adam, EMA, the training loop, run folders, events.
//!
//! [`run`] trains; it knows neither console nor signals, but says what happens as a stream of [`Event`]s, and saves or
//! ends when its [`Signals`] say so. [`Trainer::step`] is one iteration, for those who bring their own loop.

mod adam;
mod changes;
mod config;
mod events;
mod listeners;
mod losses;
mod memory;
mod networks;
mod per_side;
mod plan;
mod presets;
mod run;
mod schedule;
mod statistics;
mod step;

pub use adam::{Adam, AdamConfig};
pub use changes::Difference;
pub use config::{CriticConfig, DataConfig, RunConfig, TrainConfig, TrainingConfig};
pub use events::{Event, StepProgress, Tick, format_duration};
pub use losses::{CriticBatch, CriticLoss, Loss, LossKind};
pub use memory::peak_memory_bytes;
pub use networks::Networks;
pub use per_side::PerSide;
pub use plan::Plan;
pub use presets::{ConfigError, nearest, preset_names};
pub use run::{BeforeStep, Job, Outcome, Resume, RunError, Signals, run};
pub use schedule::{LevelPlan, Position, Schedule, Settings};
pub use step::{Draws, StepOutcome, Trainer, process_reals};
