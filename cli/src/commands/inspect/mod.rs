//! `stylegan inspect`

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::DType;
use serde::Serialize;
use stylegan_base::FileKind;
use stylegan_base::units::grouped;
use stylegan_checkpoint::{Checkpoint, Meta, Network};
use stylegan_discriminator::CriticConfig;
use stylegan_generator::{GeneratorConfig, Norm, is_buffer};
use stylegan_import::{Error, ErrorKind, Foreign, Purpose};
use stylegan_ops::{Level, Resolution};

use crate::painter::open_checkpoint;
use crate::report::{Exit, data};

mod picture;

/// Say what a checkpoint holds, of this program or another, or what a picture was drawn from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Checkpoint of this program or another, a run's folder for its newest snapshot, `demo` for the faces that come with
    /// the program, or a PNG that `sample`, `mix`, `figure` or `interpolate` wrote
    #[arg(value_name = "CHECKPOINT|PICTURE.png")]
    checkpoint: PathBuf,

    /// Write one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// What there is to say, under the names of the JSON.
#[derive(Serialize)]
struct Facts {
    file: String,
    kind: String,
    written_by: Option<String>,
    source: Option<String>,
    size_bytes: u64,
    hash: String,
    /// None if the file does not tell for which side its network was trained.
    resolution: Option<Resolution>,
    /// What the numbers below are of.
    side: Resolution,
    lod: f64,
    /// None if the file does not tell.
    kimg: Option<f64>,
    nimg: Option<u64>,
    num_layers: usize,
    widths: Vec<Width>,
    networks: Vec<NetworkSize>,
    /// Empty if the classes have no names.
    class_names: Vec<String>,
    generator: GeneratorConfig,
    discriminator: Option<CriticConfig>,
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

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let path = &args.checkpoint;
    if is_picture(path) {
        data(&picture::text(path, args.json)?)?;
        return Ok(Exit::Done);
    }
    let facts = if Foreign::is_one(path) {
        Facts::of_foreign(&mut Foreign::open(path)?)?
    } else {
        Facts::of(&open_checkpoint(path, None)?)?
    };
    let text = if args.json { serde_json::to_string_pretty(&facts)? + "\n" } else { facts.lines() };
    data(&text)?;
    Ok(Exit::Done)
}

fn is_picture(path: &Path) -> bool {
    let mut start = Vec::new();
    let read =
        path.is_file() && File::open(path).is_ok_and(|file| file.take(16).read_to_end(&mut start).is_ok());
    read && FileKind::of(&start) == Some(FileKind::Png)
}

impl Facts {
    fn of(checkpoint: &Checkpoint) -> Result<Self> {
        let meta = checkpoint.meta();
        let size =
            |network| NetworkSize::new(network, &checkpoint.shapes(network), &checkpoint.dtypes(network));
        Ok(Self {
            file: checkpoint.path().display().to_string(),
            kind: if checkpoint.networks() == Network::ALL { "training" } else { "sampling" }.to_owned(),
            written_by: Some(checkpoint.written_by().to_owned()),
            source: meta.source.clone(),
            size_bytes: checkpoint.size_bytes(),
            hash: checkpoint.hash(),
            ..Self::of_meta(meta, size)?
        })
    }

    /// Of a file that does not tell its side, what it would be at the largest.
    fn of_foreign(foreign: &mut Foreign) -> Result<Self> {
        let (conversion, is_told) = match foreign.conversion(None, Purpose::Training) {
            Err(Error::Foreign { kind: ErrorKind::UntoldResolution { largest }, .. }) => {
                (foreign.conversion(Some(largest), Purpose::Training)?, false)
            }
            conversion => (conversion?, true),
        };
        let facts = Self::of_meta(conversion.meta(), |network| {
            NetworkSize::new(network, &conversion.shapes(network), &conversion.dtypes(network))
        })?;
        Ok(Self {
            file: foreign.path().display().to_string(),
            kind: format!("{} ({})", foreign.family(), foreign.format()),
            size_bytes: foreign.size_bytes(),
            hash: foreign.hash().to_owned(),
            resolution: facts.resolution.filter(|_| is_told),
            ..facts
        })
    }

    fn of_meta(meta: &Meta, size: impl Fn(Network) -> NetworkSize) -> Result<Self> {
        let (generator, progress) = (&meta.generator, meta.progress);
        let is_told = meta.source.is_none() || progress.nimg > 0;
        Ok(Self {
            file: String::new(),
            kind: String::new(),
            written_by: None,
            source: None,
            size_bytes: 0,
            hash: String::new(),
            resolution: Some(generator.resolution),
            side: Level::new(generator.resolution, progress.lod)?.resolution,
            lod: progress.lod,
            kimg: is_told.then(|| progress.kimg()),
            nimg: is_told.then_some(progress.nimg),
            num_layers: generator.num_layers(),
            widths: generator
                .resolution
                .levels()
                .map(Resolution::side)
                .map(|side| Width { side, feature_maps: generator.feature_maps(side) })
                .collect(),
            networks: meta.networks().iter().map(|&network| size(network)).collect(),
            class_names: meta.class_names.clone(),
            generator: generator.clone(),
            discriminator: meta.critic.clone(),
        })
    }

    /// For people: a name, then its value, one a line.
    fn lines(&self) -> String {
        let Self { side, lod, generator, .. } = self;
        let networks: Vec<&str> = self.networks.iter().map(|network| network.network).collect();
        let widths: Vec<String> =
            self.widths.iter().map(|width| format!("{}: {}", width.side, width.feature_maps)).collect();
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<12} {value}");
        };
        line("file", &self.file);
        let networks = networks.join(", ");
        match &self.written_by {
            Some(written_by) => {
                line("kind", &format!("StyleGAN checkpoint for {} ({networks})", self.kind));
                line("written by", written_by);
            }
            None => line("kind", &format!("{}: {networks}", self.kind)),
        }
        if let Some(source) = &self.source {
            line("source", source);
        }
        line("size", &format!("{:.1} MiB", self.size_bytes as f64 / f64::from(1 << 20)));
        line("hash", &self.hash);
        line(
            "resolution",
            &match self.resolution {
                Some(resolution) => format!("{resolution}{}", channels(generator.num_channels)),
                None => format!("not told by the file; its layers, which follow, go up to {side}"),
            },
        );
        line(
            "trained for",
            &match self.kimg {
                Some(kimg) => format!("{kimg} kimg"),
                None => "not told by the file".to_owned(),
            },
        );
        line(
            "lod",
            &match (*lod > 0.0, lod.fract() > 0.0) {
                (false, _) => "0 (full size)".to_owned(),
                (true, false) => format!("{lod} ({side})"),
                (true, true) => format!("{lod:.2} ({side}, fading in)"),
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
                labels if self.class_names.is_empty() => labels.to_string(),
                labels => format!("{labels}: {}", self.class_names.join(", ")),
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

impl NetworkSize {
    fn new(network: Network, shapes: &[(String, Vec<usize>)], dtypes: &[DType]) -> Self {
        let trained = shapes.iter().filter(|(name, _)| !is_buffer(name));
        Self {
            network: network.prefix(),
            parameters: trained.map(|(_, shape)| shape.iter().product::<usize>()).sum(),
            tensors: shapes.len(),
            dtypes: dtypes.iter().map(DType::as_str).collect(),
        }
    }
}

/// What kind of pictures it draws, if not the usual one.
fn channels(num_channels: usize) -> &'static str {
    match num_channels {
        1 => ", grey",
        4 => ", color and transparency",
        _ => "",
    }
}

/// In what a network differs from the paper's final one.
fn switches(config: &GeneratorConfig) -> String {
    let norm = match config.norm {
        Norm::Instance => "",
        Norm::Pixel => ", pixel norm",
        Norm::Batch => ", batch norm",
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
