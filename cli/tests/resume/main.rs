//! Trainings of the binary that are killed, stopped, started twice, and gone on with.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod file_systems;
mod kill;
mod labels;
mod other_pictures;
mod peers;
mod refuse;
mod scene;
mod stop;
