//! `stylegan studio` and `train --serve`, without a browser.

mod client;
mod explorer;
mod hostile;
mod runs;

use serde_json::{Value, json};

use crate::scene::Scene;
use client::Served;

/// A studio with the network of a scene beside the program's own, which is model 0.
fn studio(scene: &Scene) -> Served {
    Served::start(scene, "studio net.safetensors --addr 127.0.0.1:0")
}

/// The picture of a seed, drawn as usual.
fn seed(seed: u64) -> Value {
    json!({ "blend": format!("{seed}:1"), "truncation_psi": 0.7 })
}
