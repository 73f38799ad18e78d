//! The binary from end to end: what each command writes, and what it says when it refuses.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod align;
mod bench;
mod check;
mod config;
mod convert;
mod dataset;
mod demo;
mod directions;
mod doctor;
mod experiment;
mod export;
mod figure;
mod film;
mod foreign;
mod inspect;
mod interpolate;
mod labels;
mod latents;
mod like;
mod logging;
mod metrics;
mod mirror;
mod mix;
mod numbers;
mod plot;
mod pretrained;
mod project;
mod sample;
mod scene;
mod shapes;
mod studio;
mod train;
mod train_again;
mod train_input;
mod train_refusals;
mod transfer;
mod usage;
mod weights;
