//! Whatever a file holds, reading it as a checkpoint or a training state gives an answer: no panic, and no more memory
//! than the file has bytes.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use candle_core::Device;
use libfuzzer_sys::fuzz_target;
use stylegan_checkpoint::{Checkpoint, Network, State};

/// One file, written anew for each input; in memory where the system has a place for that.
static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("stylegan-fuzz-{}.safetensors", std::process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    if fs::write(&*PATH, bytes).is_err() {
        return;
    }
    if let Ok(checkpoint) = Checkpoint::open(&*PATH) {
        // What was accepted can be used.
        assert!(checkpoint.generator(&Device::Cpu).is_ok());
        for &network in checkpoint.networks() {
            assert!(checkpoint.tensors(network).is_ok() && !checkpoint.shapes(network).is_empty());
        }
        assert_eq!(checkpoint.networks().contains(&Network::D), checkpoint.critic(&Device::Cpu).is_ok());
    }
    if let Ok(state) = State::open(&*PATH) {
        assert!(state.tensors.values().map(|tensor| tensor.elem_count()).sum::<usize>() <= bytes.len());
    }
});
