//! Whole runs of tiny networks: stopped, gone on with, harmed.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod data;
mod disk;
mod grow;
#[cfg(feature = "cuda")]
mod memory;
mod numbers;
mod resume;
mod scene;
mod snapshots;
mod transfer;
