//! Whatever a file holds, reading it as a checkpoint of another program gives an answer: no panic, no more memory than
//! its networks take.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stylegan_import::{Error, ErrorKind, Foreign, Purpose};

/// One file, written anew for each input; in memory where the system has a place for that.
static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("stylegan-fuzz-foreign-{}", std::process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    if fs::write(&*PATH, bytes).is_err() {
        return;
    }
    let Ok(mut foreign) = Foreign::open(&*PATH) else { return };
    let conversion = match foreign.conversion(None, Purpose::Training) {
        Err(Error::Foreign { kind: ErrorKind::UntoldResolution { largest }, .. }) => {
            foreign.conversion(Some(largest.min(16)), Purpose::Training)
        }
        conversion => conversion,
    };
    let Ok(conversion) = conversion else { return };
    for &network in conversion.meta().networks() {
        // What has the right names and shapes may still be cut short or damaged.
        if let Ok(tensors) = foreign.read(&conversion, network) {
            assert_eq!(tensors.len(), conversion.shapes(network).len());
        }
    }
});
