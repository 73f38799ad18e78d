//! Files of other networks, told by what is in them.

use std::io::Read;

use stylegan_checkpoint::ErrorKind as CheckpointErrorKind;

use crate::pickle::Fault;
use crate::store::Store;
use crate::{Error, ErrorKind};

/// What is said of a file whose pickle was refused.
pub(crate) fn refusal(store: &mut Store, fault: Fault) -> Error {
    match fault {
        Fault::Class { name } => {
            let kind = of_class(&name, store).unwrap_or(ErrorKind::Class { name });
            store.refused(kind)
        }
        Fault::Read(source) => store.wrong(CheckpointErrorKind::Read(source)),
        fault => store.damaged(fault.to_string()),
    }
}

/// A class outside the list that says what the file is.
fn of_class(name: &str, store: &mut Store) -> Option<ErrorKind> {
    let what = match name.split('.').next()? {
        "torch_utils" => {
            // Such a pickle carries the source of its networks near its start.
            let mut start = Vec::new();
            let _ = store.reader().ok()?.take(1 << 20).read_to_end(&mut start);
            let has = |word: &str| start.windows(word.len()).any(|window| window == word.as_bytes());
            if has("design_lowpass_filter") || has("networks_stylegan3") {
                "a pickle of StyleGAN3"
            } else if has("modulated_conv2d") {
                "a pickle of StyleGAN2-ADA (PyTorch)"
            } else {
                "a pickle of StyleGAN2-ADA or StyleGAN3 (PyTorch)"
            }
        }
        "tfutil" | "network" => "a pickle of Progressive GAN",
        "pytorch_lightning" | "lightning" | "lightning_fabric" => LIGHTNING,
        "__torch__" => "a TorchScript program",
        _ => return None,
    };
    Some(ErrorKind::OtherNetwork { what: what.to_owned() })
}

const LIGHTNING: &str = "a checkpoint of PyTorch Lightning";

/// What a file of PyTorch holds, from the names in it and in the dictionaries directly inside it.
pub(crate) fn of_names(names: &[&str]) -> String {
    let has = |part: &str| names.iter().any(|name| name.contains(part));
    if has("pytorch-lightning_version") || has("pytorch_lightning_version") {
        LIGHTNING.to_owned()
    } else if has("synthesis.input.freqs") {
        "a state dict of StyleGAN3".to_owned()
    } else if has("synthesis.b4.const") {
        "a state dict of StyleGAN2-ADA".to_owned()
    } else if has("to_rgb1.") || has(".modulation.") || has("noises.noise_") || has("synthesis.early_layer") {
        "a state dict of StyleGAN2".to_owned()
    } else {
        let first: Vec<String> = names.iter().take(3).map(|name| format!("`{}`", printable(name))).collect();
        if first.is_empty() {
            "a file of PyTorch without names".to_owned()
        } else {
            format!("another file of PyTorch ({}, …)", first.join(", "))
        }
    }
}

/// A name from a file, for people.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(80).collect()
}
