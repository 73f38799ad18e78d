//! The networks that come with the program, so that the first picture needs no training.

use std::path::Path;

use stylegan_checkpoint::{Checkpoint, newest_snapshot};
use stylegan_transfer::DecoderInFile;

use crate::report::note;

/// What a command line calls it.
pub(crate) const NAME: &str = "demo";
const NETWORK: &[u8] = include_bytes!("../../demo/faces-64.safetensors");
/// The same for the studio.
pub(crate) const NETWORK_OF_PROGRAM: stylegan_studio::Network =
    stylegan_studio::Network::Embedded { name: NAME, bytes: NETWORK };
const DECODER: &[u8] = include_bytes!("../../demo/transfer.safetensors");

/// The program's own network, if that is what the path names: `demo`, unless a file or a run's folder is called so.
pub(crate) fn open(path: &Path) -> Option<stylegan_checkpoint::Result<Checkpoint>> {
    (path.as_os_str() == NAME && is_ours()).then(|| Checkpoint::of_bytes(NAME, NETWORK))
}

/// The program's own decoder of style transfer, likewise.
pub(crate) fn open_decoder(path: &Path) -> Option<stylegan_transfer::Result<DecoderInFile>> {
    (path.as_os_str() == NAME && is_ours()).then(|| DecoderInFile::of_bytes(NAME, DECODER))
}

/// Whether the name stands for the program's network; says so where something else is called so.
fn is_ours() -> bool {
    let path = Path::new(NAME);
    if !path.exists() {
        return true;
    }
    let is_ours = path.is_dir() && newest_snapshot(path).is_err();
    note(if is_ours {
        "taking the network `demo` of the program; the folder `demo` here holds no snapshot"
    } else {
        "taking `demo` here; the program's network of that name is taken where there is none"
    });
    is_ours
}
