//! `stylegan inspect`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;
use stylegan_checkpoint::{Checkpoint, Network};
use stylegan_discriminator::DiscriminatorConfig;
use stylegan_generator::{GeneratorConfig, Norm, is_buffer};
use stylegan_ops::{Level, sides};

use crate::report::data;
use crate::seeds::grouped;

/// Say what a checkpoint holds
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Checkpoint, or a run's folder for its newest snapshot
    #[arg(value_name = "CHECKPOINT")]
    checkpoint: PathBuf,

    /// Write one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// What there is to say, under the names of the JSON.
#[derive(Serialize)]
struct Facts {
    file: String,
    kind: &'static str,
    written_by: String,
    size_bytes: u64,
    hash: String,
    resolution: usize,
    side: usize,
    lod: f64,
    kimg: f64,
    nimg: u64,
    num_layers: usize,
    widths: Vec<Width>,
    networks: Vec<NetworkSize>,
    generator: GeneratorConfig,
    discriminator: Option<DiscriminatorConfig>,
}

#[derive(Serialize)]
struct Width {
    side: usize,
    feature_maps: usize,
}

#[derive(Serialize)]
struct NetworkSize {
    network: &'static str,
    /// Trained numbers, without buffers such as `w_avg`.
    parameters: usize,
    tensors: usize,
    /// Types of the numbers, mostly one.
    dtypes: Vec<&'static str>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let facts = Facts::of(&Checkpoint::open(&args.checkpoint)?)?;
    let text = if args.json { serde_json::to_string_pretty(&facts)? + "\n" } else { facts.lines() };
    Ok(data(&text)?)
}

impl Facts {
    fn of(checkpoint: &Checkpoint) -> Result<Self> {
        let meta = checkpoint.meta();
        let (generator, progress) = (&meta.generator, meta.progress);
        let networks = checkpoint.networks().iter().map(|&network| {
            let shapes = checkpoint.shapes(network);
            let trained = shapes.iter().filter(|(name, _)| !is_buffer(name));
            NetworkSize {
                network: network.prefix(),
                parameters: trained.map(|(_, shape)| shape.iter().product::<usize>()).sum(),
                tensors: shapes.len(),
                dtypes: checkpoint.dtypes(network).into_iter().map(|dtype| dtype.as_str()).collect(),
            }
        });
        Ok(Self {
            file: checkpoint.path().display().to_string(),
            kind: if checkpoint.networks() == Network::ALL { "training" } else { "sampling" },
            written_by: checkpoint.written_by().to_owned(),
            size_bytes: checkpoint.size_bytes(),
            hash: checkpoint.hash(),
            resolution: generator.resolution,
            side: Level::new(generator.resolution, progress.lod)?.side,
            lod: progress.lod,
            kimg: progress.kimg(),
            nimg: progress.nimg,
            num_layers: generator.num_layers(),
            widths: sides(generator.resolution)
                .map(|side| Width { side, feature_maps: generator.feature_maps(side) })
                .collect(),
            networks: networks.collect(),
            generator: generator.clone(),
            discriminator: meta.discriminator.clone(),
        })
    }

    /// For people: a name, then its value, one a line.
    fn lines(&self) -> String {
        let Self { resolution, side, lod, generator, .. } = self;
        let networks: Vec<&str> = self.networks.iter().map(|network| network.network).collect();
        let widths: Vec<String> =
            self.widths.iter().map(|width| format!("{}: {}", width.side, width.feature_maps)).collect();
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<12} {value}");
        };
        line("file", &self.file);
        line("kind", &format!("StyleGAN checkpoint for {} ({})", self.kind, networks.join(", ")));
        line("written by", &self.written_by);
        line("size", &format!("{:.1} MiB", self.size_bytes as f64 / f64::from(1 << 20)));
        line("hash", &self.hash);
        line("resolution", &format!("{resolution}x{resolution}"));
        line("trained for", &format!("{} kimg", self.kimg));
        line(
            "lod",
            &match (*lod > 0.0, lod.fract() > 0.0) {
                (false, _) => "0 (full size)".to_owned(),
                (true, false) => format!("{lod} ({side}x{side})"),
                (true, true) => format!("{lod:.2} ({side}x{side}, fading in)"),
            },
        );
        line("z, w", &format!("{}, {} numbers", generator.z_dim, generator.w_dim));
        line(
            "mapping",
            &match generator.mapping_layers {
                0 => "none: w is z".to_owned(),
                layers => format!(
                    "{layers} layers of {}, lrmul {}",
                    generator.mapping_fmaps, generator.mapping_lrmul
                ),
            },
        );
        line(
            "labels",
            &match generator.label_dim {
                0 => "none".to_owned(),
                labels => labels.to_string(),
            },
        );
        line("synthesis", &format!("{} layers{}", self.num_layers, switches(generator)));
        line("widths", &widths.join(", "));
        for network in &self.networks {
            let (parameters, tensors) = (grouped(network.parameters), network.tensors);
            let dtypes = network.dtypes.join(", ");
            line(network.network, &format!("{parameters} parameters in {tensors} tensors of {dtypes}"));
        }
        text
    }
}

/// In what a network differs from the paper's final one.
fn switches(config: &GeneratorConfig) -> String {
    let norm = match config.norm {
        Norm::Instance => "",
        Norm::Pixel => ", pixel norm",
        Norm::None => ", no norm",
    };
    let without = [
        (config.styles, ", no styles"),
        (config.const_input, ", no const input"),
        (config.noise, ", no noise"),
        (config.blur, ", no blur"),
    ];
    let mut text: String = without.iter().filter(|(on, _)| !on).map(|(_, name)| *name).collect();
    text += norm;
    if config.norm_epsilon != GeneratorConfig::default().norm_epsilon {
        let _ = write!(text, ", norm epsilon {:e}", config.norm_epsilon);
    }
    if config.bias_before_blur {
        text += ", bias before blur";
    }
    if config.noise_per_block {
        text += ", one noise image for each side";
    }
    text
}
