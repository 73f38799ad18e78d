//! Files of other networks, told by what is in them.

use std::io::Read;

use stylegan_checkpoint::ErrorKind as CheckpointErrorKind;

use crate::Store;
use crate::pickle::Fault;
use crate::refusals::Refusals;
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
        _ => return None,
    };
    Some(ErrorKind::OtherNetwork { what: what.to_owned() })
}

/// A file of PyTorch that holds a program.
pub(crate) fn program() -> ErrorKind {
    ErrorKind::OtherNetwork { what: "a TorchScript program".to_owned() }
}

const LIGHTNING: &str = "a checkpoint of PyTorch Lightning";

/// What a file of PyTorch holds that is no network of ours, from the names in it and in the dictionaries directly inside it.
pub(crate) fn of_names(names: &[&str]) -> ErrorKind {
    let has = |part: &str| names.iter().any(|name| name.contains(part));
    if has("convs.0.conv1.input") {
        return ErrorKind::OtherArchitecture {
            whose: "mmgeneration",
            has: "an extra activation in the layers that up-sample, before their blur",
        };
    }
    if has("convs.0.constant") && has("fcs.mapping.") {
        return ErrorKind::OtherArchitecture {
            whose: "SiskonEmilia",
            has: "its activations after the styles, and bilinear up-sampling before the convolutions",
        };
    }
    if has("final_block.dense0.") && has("from_rgb.0.") {
        return ErrorKind::NotConvertible {
            reason: "it holds huangzh13's critic alone, which draws nothing".to_owned(),
        };
    }
    let what = if has("pytorch-lightning_version") || has("pytorch_lightning_version") {
        LIGHTNING.to_owned()
    } else if has("synthesis.input.freqs") {
        "a state dict of StyleGAN3".to_owned()
    } else if has("synthesis.b4.const") {
        "a state dict of StyleGAN2-ADA".to_owned()
    } else if STYLEGAN2.into_iter().any(has) {
        "a state dict of StyleGAN2".to_owned()
    } else if has("rgb_converters.") {
        "a state dict of Progressive GAN".to_owned()
    } else if has("param_groups") {
        "the state of an optimizer".to_owned()
    } else {
        let first: Vec<String> = names.iter().take(3).map(|name| format!("`{}`", printable(name))).collect();
        if first.is_empty() {
            "a file of PyTorch without names".to_owned()
        } else {
            format!("another file of PyTorch ({}, …)", first.join(", "))
        }
    };
    ErrorKind::OtherNetwork { what }
}

/// Parts of names that StyleGAN2 has: of rosinality, genforce, mmgeneration and lucidrains.
const STYLEGAN2: [&str; 6] = [
    "to_rgb1.",
    ".modulation.",
    "noises.noise_",
    "synthesis.early_layer",
    ".style_modulation.",
    ".to_style1.",
];

/// A name from a file, for people.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(80).collect()
}
