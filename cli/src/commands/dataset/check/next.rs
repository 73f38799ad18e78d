//! The command to type next.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use stylegan_dataset::{Bits, Channels, CheckReport, Forecast};
use stylegan_ops::Resolution;
use stylegan_trainer::{TrainConfig, preset_for};

use crate::pictures::about_as_large;
use stylegan_base::shell::quoted;

/// The command to type next.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Next {
    /// The preset that fits.
    pub(super) preset: &'static str,
    /// What trains on the pictures.
    pub(super) command: String,
    /// What trains on them in their own ratio, where nearly all share one that is not a square's.
    pub(super) command_uncropped: Option<String>,
}

impl Next {
    /// None where packing would refuse the pictures.
    pub(super) fn of(report: &CheckReport, source: &Path) -> Option<Self> {
        let Forecast { resolution, uncropped, refusal, cropped, .. } = &report.pack;
        if refusal.is_some() {
            return None;
        }
        let (channels, bits) = (channels(report), bits(report));
        let command = |resolution| command(source, resolution, channels, bits);
        let uncropped = uncropped.filter(|_| *cropped > 0 && !report.is_pack);
        Some(Self {
            preset: preset_for(*resolution),
            command: command(*resolution),
            command_uncropped: uncropped
                .and_then(|largest| about_as_large(largest, *resolution))
                .map(command),
        })
    }
}

/// Those that suit the pictures; a pack has its own.
fn channels(report: &CheckReport) -> Channels {
    let colors = report.colors;
    if report.is_pack {
        report.pack.channels
    } else if colors.transparent * 2 > report.readable {
        Channels::Rgba
    } else if colors.grey + colors.colorless == report.readable {
        Channels::Grey
    } else {
        Channels::Rgb
    }
}

/// Sixteen, if all pictures have them; a pack has its own.
fn bits(report: &CheckReport) -> Bits {
    let is_deep = report.bits.keys().eq(&[16]);
    if is_deep && !report.is_pack { Bits::Sixteen } else { Bits::Eight }
}

fn command(source: &Path, resolution: Resolution, channels: Channels, bits: Bits) -> String {
    let preset = preset_for(resolution);
    let mut command = format!("stylegan train --data {} --config {preset}", quoted(source));
    let of_preset = TrainConfig::load(Some(preset), &[]).ok().map(|config| config.generator.resolution);
    if of_preset != Some(resolution) {
        let _ = write!(command, " --resolution {}", resolution.short());
    }
    if channels != Channels::Rgb {
        let _ = write!(command, " --channels {channels}");
    }
    if bits != Bits::Eight {
        let _ = write!(command, " --bits {bits}");
    }
    command
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn commands_are_understood() {
        for (source, resolution, channels, bits, expected) in [
            ("faces", "64", "3", "8", "faces --config faces-64"),
            (
                "my faces",
                "32",
                "1",
                "16",
                "'my faces' --config faces-64 --resolution 32 --channels 1 --bits 16",
            ),
            ("-x", "1024", "3", "8", "./-x --config ffhq-1024"),
            ("a.zip", "512x384", "4", "8", "a.zip --config ffhq-512 --resolution 512x384 --channels 4"),
        ] {
            let (resolution, channels) = (resolution.parse().unwrap(), channels.parse().unwrap());
            let command = command(Path::new(source), resolution, channels, bits.parse().unwrap());
            assert_eq!(command, format!("stylegan train --data {expected}"));
            assert!(crate::Cli::try_parse_from(shlex::split(&command).unwrap()).is_ok(), "{command}");
        }
    }
}
