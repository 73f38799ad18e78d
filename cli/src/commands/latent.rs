//! `stylegan latent`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use clap::ArgGroup;
use stylegan_drawing::{LatentFile, LatentSpace, Latents, Layers, factorize};
use stylegan_media::PROGRAM;
use stylegan_metrics::{Features, direction};

use crate::output::{Force, Output};
use crate::painter::open_checkpoint;
use crate::report::{Exit, Refusal, note};

/// The largest file of numbers that is read: a million of them, with room to spare.
const MAX_NUMBERS_BYTES: u64 = 32 << 20;

/// Calculate with latents of files, and find directions in w
///
/// Latents are what `sample --save-latents` and `project` write and what `--latents` reads: `.safetensors`, `.npz` or `.npy`
/// of `z`, `w` or `w_plus`. `sample --direction` draws what becomes of pictures along a direction.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Write the mean of all latents of the files
    Mean {
        /// Files of latents of one space
        #[arg(required = true, value_name = "LATENTS")]
        files: Vec<PathBuf>,

        #[command(flatten)]
        out: OutArgs,
    },
    /// Write the sums of the latents of two files, row by row; a single one is added to all of the other file
    Add {
        /// File of latents
        #[arg(value_name = "LATENTS")]
        first: PathBuf,

        /// File of latents, or of directions
        #[arg(value_name = "LATENTS")]
        second: PathBuf,

        /// How many times the second ones are added
        #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = factor, allow_negative_numbers = true)]
        times: f64,

        #[command(flatten)]
        out: OutArgs,
    },
    /// Write each latent of a file times a number
    Scale {
        /// File of latents
        #[arg(value_name = "LATENTS")]
        file: PathBuf,

        /// The number
        #[arg(long, value_name = "N", value_parser = factor, allow_negative_numbers = true)]
        by: f64,

        #[command(flatten)]
        out: OutArgs,
    },
    /// Write the direction from some latents to others, or along which a number grows that is known of each
    ///
    /// From some to others, it is the difference of their means. Of numbers, it is one deviation of the latents along the slope of
    /// a linear regression, or, of numbers with two values, across the plane of a support vector machine.
    #[command(group(ArgGroup::new("what").required(true).args(["from", "latents"])))]
    Direction {
        /// File of latents from which it leads
        #[arg(long, value_name = "LATENTS", requires = "to")]
        from: Option<PathBuf>,

        /// File of latents to which it leads
        #[arg(long, value_name = "LATENTS", requires = "from")]
        to: Option<PathBuf>,

        /// File of `z` or `w` whose numbers are known
        #[arg(long, value_name = "LATENTS", requires = "labels")]
        latents: Option<PathBuf>,

        /// Text file with a number for each of them, a line each
        #[arg(long, value_name = "FILE.txt", requires = "latents")]
        labels: Option<PathBuf>,

        #[command(flatten)]
        out: OutArgs,
    },
    /// Write the directions of w that change styles most, without labels (semantic factorization), the strongest first
    Factorize {
        /// Checkpoint of this program or another, a run's folder for its newest snapshot, or `demo`
        #[arg(long, alias = "network", value_name = "FILE|RUN_DIR|demo")]
        checkpoint: PathBuf,

        /// How many
        #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true)]
        count: usize,

        /// Layers whose styles count, such as `0-3` for pose and shape [default: all]
        #[arg(long, value_name = "LIST")]
        layers: Option<Layers>,

        #[command(flatten)]
        out: OutArgs,
    },
}

/// Where latents go.
#[derive(Debug, clap::Args)]
struct OutArgs {
    /// File to write; `.npy` has no names, and is for `w_plus`
    #[arg(long, value_name = "FILE.safetensors|FILE.npz|FILE.npy")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

impl OutArgs {
    fn check(&self) -> Result<()> {
        Output::check_file(&self.out, self.force)
    }

    fn write(&self, latents: &Latents, what: &str) -> Result<()> {
        latents.save(&self.out, &[("program", PROGRAM)], self.force.force)?;
        let shape: Vec<String> = latents.all.dims().iter().map(ToString::to_string).collect();
        note(&format!(
            "wrote {what}, `{}` [{}], to `{}`",
            latents.space,
            shape.join(", "),
            self.out.display()
        ));
        Ok(())
    }
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor| (-1000.0..=1000.0).contains(factor));
    factor.ok_or_else(|| "a factor is a number from -1000 to 1000".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    match &args.action {
        Action::Mean { files, out } => {
            out.check()?;
            out.write(&mean(files)?, "the mean")?;
        }
        Action::Add { first, second, times, out } => {
            out.check()?;
            out.write(&open(first)?.plus(&open(second)?, *times)?, "sums")?;
        }
        Action::Scale { file, by, out } => {
            out.check()?;
            out.write(&open(file)?.scaled(*by)?, "products")?;
        }
        Action::Direction { from: Some(from), to: Some(to), out, .. } => {
            out.check()?;
            out.write(&open(to)?.mean()?.plus(&open(from)?.mean()?, -1.0)?, "the direction")?;
        }
        Action::Direction { latents: Some(latents), labels: Some(labels), out, .. } => {
            out.check()?;
            out.write(&of_labels(latents, labels)?, "the direction")?;
        }
        Action::Direction { .. } => {
            return Err(
                Refusal::usage("`--from` and `--to`, or `--latents` and `--labels` are missing").into()
            );
        }
        Action::Factorize { checkpoint, count, layers, out } => {
            out.check()?;
            let generator = open_checkpoint(checkpoint, None)?.generator(&Device::Cpu)?;
            out.write(&factorize(&generator, layers.as_ref(), *count)?, "directions")?;
        }
    }
    Ok(Exit::Done)
}

fn open(path: &Path) -> Result<Latents> {
    Ok(LatentFile::open(path)?.latents())
}

/// Each latent counts the same, whichever file it is in.
fn mean(files: &[PathBuf]) -> Result<Latents> {
    let all: Vec<Latents> = files.iter().map(|file| open(file)).collect::<Result<_>>()?;
    let Some(first) = all.first() else { return Err(Refusal::usage("a file of latents is missing").into()) };
    if let Some((other, path)) = all
        .iter()
        .zip(files)
        .find(|(other, _)| other.space != first.space || other.all.dims()[1..] != first.all.dims()[1..])
    {
        return Err(Refusal::new(format!(
            "`{}` holds `{}` of another space or size than `{}`, `{}`",
            path.display(),
            other.space,
            files[0].display(),
            first.space,
        ))
        .into());
    }
    let tensors: Vec<&Tensor> = all.iter().map(|latents| &latents.all).collect();
    Ok(Latents { space: first.space, all: Tensor::cat(&tensors, 0)? }.mean()?)
}

fn of_labels(path: &Path, labels: &Path) -> Result<Latents> {
    let latents = open(path)?;
    if latents.space == LatentSpace::WPlus {
        return Err(Refusal::new(format!("`{}` holds `w_plus`; labels are for `z` or `w`", path.display()))
            .hint("`sample --save-latents FILE --latent-space w` writes w")
            .into());
    }
    let numbers = numbers(labels)?;
    if numbers.len() != latents.count() {
        return Err(Refusal::new(format!(
            "`{}` has {} numbers, but `{}` {} latents",
            labels.display(),
            numbers.len(),
            path.display(),
            latents.count()
        ))
        .into());
    }
    let direction = direction(&Features::of(&latents.all)?, &numbers)
        .with_context(|| format!("no direction is found by `{}`", labels.display()))?;
    let all = Tensor::from_slice(&direction, (1, direction.len()), &Device::Cpu)?;
    Ok(Latents { space: latents.space, all })
}

/// The numbers of a text file, a line each.
fn numbers(path: &Path) -> Result<Vec<f32>> {
    let failed = || format!("cannot read `{}`", path.display());
    let mut text = String::new();
    let file = File::open(path).with_context(failed)?;
    file.take(MAX_NUMBERS_BYTES + 1).read_to_string(&mut text).with_context(failed)?;
    if text.len() as u64 > MAX_NUMBERS_BYTES {
        return Err(Refusal::new(format!("`{}` is too large for numbers of latents", path.display())).into());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let number = line.trim().parse::<f32>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| {
                let line = line.chars().filter(|c| !c.is_control()).take(40).collect::<String>();
                Refusal::new(format!("line {} of `{}` is no number: `{line}`", index + 1, path.display()))
                    .into()
            })
        })
        .collect()
}
