//! Networks and trainings, looked into from a browser.
//!
//! A [`Studio`] serves one page, which is part of the program, and the requests that the page makes: pictures are drawn by
//! `stylegan-drawing`, photos projected by `stylegan-projector`, and what is shown of a training is read from its run folder. The
//! process that trains may serve its own run ([`LiveRun`]); then it can be paused, saved and stopped as well.
//!
//! Drawing knows no I/O and has a thread of its own; what waits for clients is on tokio. Everything that a
//! client sends is bounded: bytes, pixels, numbers, connections, and how much is waiting at a time.

mod artist;
mod error;
mod explanation;
mod files;
mod guard;
mod http;
mod jobs;
mod latents;
mod live;
mod models;
mod numbered;
mod photos;
mod requests;
mod runs;
mod state;
mod studio;

pub use error::{Error, Result};
pub use explanation::HintOf;
pub use guard::Token;
pub use live::LiveRun;
pub use models::Network;
pub use studio::{Studio, StudioOptions};
