//! `stylegan doctor`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;
use stylegan_base::units::Bytes;

use crate::report::{Exit, data};
use gpu::Gpus;
pub(super) use machine::Processor;
use machine::{Disk, Memory};

mod gpu;
mod machine;

/// Say what this machine has to train with, and whether a GPU is used
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of runs, whose disk is looked at
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,

    /// Write one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// What there is to say, under the names of the JSON.
#[derive(Serialize)]
struct Facts {
    version: &'static str,
    processor: Processor,
    /// None where the system does not say.
    memory: Option<Memory>,
    disk: Option<Disk>,
    #[serde(flatten)]
    gpus: Gpus,
    /// What `--device` would be.
    device: String,
    /// The command to type next.
    next: String,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let gpus = Gpus::look();
    let facts = Facts {
        version: env!("CARGO_PKG_VERSION"),
        processor: Processor::look(),
        memory: Memory::look(),
        disk: Disk::of(&args.out),
        device: gpus.device(),
        next: gpus.next(),
        gpus,
    };
    data(&if args.json { serde_json::to_string_pretty(&facts)? + "\n" } else { facts.lines() })?;
    Ok(Exit::Done)
}

impl Facts {
    /// For people: a name, then its value, one a line.
    fn lines(&self) -> String {
        let Self { version, processor, memory, disk, gpus, next, .. } = self;
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<9} {value}");
        };
        line("Program", &format!("stylegan {version}, built {}", gpus.build()));
        line("CPU", &processor.to_string());
        if let Some(Memory { total_bytes, available_bytes }) = *memory {
            line("Memory", &format!("{} free of {}", Bytes(available_bytes), Bytes(total_bytes)));
        }
        if let Some(Disk { folder, free_bytes }) = disk {
            line("Disk", &format!("{} free in `{}`", Bytes(*free_bytes), folder.display()));
        }
        if let Some(driver) = gpus.driver_line() {
            line("Driver", &driver);
        }
        for gpu in &gpus.gpus {
            line("GPU", &gpu.to_string());
        }
        if let Some(reason) = &gpus.unused {
            line("GPU", &format!("none is used: {reason}"));
        }
        if let Some(hint) = &gpus.hint {
            let _ = writeln!(text, "\nhint: {hint}");
        }
        let _ = writeln!(text, "\nNext\n  {next}");
        text
    }
}
