//! Seeds to pictures.

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{Device, IndexOp, Tensor};
use rayon::prelude::*;
use stylegan_checkpoint::Checkpoint;
use stylegan_generator::{Generator, GeneratorConfig, Noise};
use stylegan_media::{RgbImage, to_u8};
use stylegan_ops::{Key, Level};

use crate::latents::LatentSpace;
use crate::network::{NetworkArgs, open_checkpoint};
use crate::output;
use crate::recipe::{Recipe, Subject};
use crate::report::{Refusal, note};
use crate::style::{Manner, NoiseMode, StyleArgs};

/// Draws the pictures of one checkpoint.
///
/// Every picture goes through the network alone, several of them side by side on the cores of a CPU: so it is the
/// same to the last bit whatever else is drawn with it.
pub(crate) struct Painter {
    generator: Generator,
    /// Hash of the checkpoint.
    hash: String,
    device: Device,
    lod: f64,
    side: usize,
    manner: Manner,
    labels: Option<Tensor>,
}

/// One picture to be drawn.
pub(crate) struct Sketch {
    /// `[1, num_layers, w_dim]`
    pub(crate) w_plus: Tensor,
    /// What tells the picture's random noise apart from that of others.
    pub(crate) noise_of: Vec<u64>,
}

impl Painter {
    /// Opens the checkpoint to draw latents of this space; says so if its pictures are not of full size yet.
    pub(crate) fn open(network: &NetworkArgs, style: &StyleArgs, space: LatentSpace) -> Result<Self> {
        let checkpoint = open_checkpoint(&network.checkpoint, network.resolution)?;
        let manner = style.manner(network.class, checkpoint.meta().seed_style, space);
        Self::new(&checkpoint, network, manner, space)
    }

    /// Opens the checkpoint to draw `picture` again, which must be from it.
    pub(crate) fn like(network: &NetworkArgs, recipe: &Recipe, picture: &Path) -> Result<Self> {
        let checkpoint = open_checkpoint(&network.checkpoint, network.resolution)?;
        let hash = checkpoint.hash();
        if hash != recipe.checkpoint {
            return Err(Refusal::new(format!(
                "`{}` was drawn from the checkpoint {}, but `{}` is {hash}",
                picture.display(),
                recipe.checkpoint,
                checkpoint.path().display()
            ))
            .hint("`stylegan inspect CHECKPOINT` says the hash of each")
            .into());
        }
        Self::new(&checkpoint, network, recipe.manner.clone(), recipe.subject.space())
    }

    fn new(
        checkpoint: &Checkpoint,
        network: &NetworkArgs,
        manner: Manner,
        space: LatentSpace,
    ) -> Result<Self> {
        let device = network.device.open()?;
        let config = &checkpoint.meta().generator;
        let lod = checkpoint.meta().progress.lod;
        let Level { side, .. } = Level::new(config.resolution, lod)?;
        let labels = match (space, manner.class) {
            (LatentSpace::Z, class) => labels(class, config.label_dim, &device)?,
            (_, None) => None,
            (_, Some(_)) => {
                return Err(Refusal::usage(format!(
                    "`--class` was given, but `{space}` is behind the labels' place in the network"
                ))
                .into());
            }
        };
        if lod > 0.0 {
            note(&format!(
                "`{}` is in the middle of growing: pictures are {side}x{side} (lod {lod:.2} of {full}x{full})",
                checkpoint.path().display(),
                full = config.resolution,
            ));
        }
        let generator = checkpoint.generator(&device)?;
        Ok(Self { generator, hash: checkpoint.hash(), device, lod, side, manner, labels })
    }

    /// The recipe of a picture that it draws.
    pub(crate) fn recipe(&self, subject: Subject) -> Recipe {
        Recipe::new(self.hash.clone(), subject, self.manner.clone())
    }

    pub(crate) fn config(&self) -> &GeneratorConfig {
        self.generator.config()
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Makes sure that all of these seeds have a latent.
    pub(crate) fn check_seeds(&self, seeds: &[u64]) -> Result<()> {
        let style = self.manner.seed_style;
        match seeds.iter().find(|&&seed| seed > style.last_seed()) {
            Some(seed) => Err(Refusal::usage(format!(
                "there is no seed {seed} in the style of {style}, the last one is {}",
                style.last_seed()
            ))
            .hint("`--seed-style native` takes it, but other seeds draw other pictures then")
            .into()),
            None => Ok(()),
        }
    }

    /// Side of the pictures in pixels.
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    /// The latent of a seed, `[1, z_dim]`.
    pub(crate) fn z(&self, seed: u64) -> Result<Tensor> {
        Ok(self.generator.latents(&[seed], self.manner.seed_style)?)
    }

    /// `[1, z_dim]` to `[1, w_dim]`, not truncated.
    pub(crate) fn w(&self, z: &Tensor) -> Result<Tensor> {
        Ok(self.generator.mapping().forward(z, self.labels.as_ref())?)
    }

    /// `[1, w_dim]` to `[1, num_layers, w_dim]`, truncated.
    pub(crate) fn w_plus(&self, w: &Tensor) -> Result<Tensor> {
        self.truncated(&self.generator.broadcast(w)?)
    }

    /// `[1, num_layers, w_dim]`, truncated.
    pub(crate) fn truncated(&self, w_plus: &Tensor) -> Result<Tensor> {
        Ok(self.generator.truncate(w_plus, self.manner.truncation())?)
    }

    /// The picture of a seed.
    pub(crate) fn seed(&self, seed: u64) -> Result<Sketch> {
        Ok(Sketch { w_plus: self.w_plus(&self.w(&self.z(seed)?)?)?, noise_of: vec![seed] })
    }

    /// Draws one picture `[1, 3, side, side]` for each job, in order, a few at a time.
    pub(crate) fn draw<J: Sync>(
        &self,
        jobs: &[J],
        sketch: impl Fn(&J) -> Result<Sketch> + Sync,
        mut sink: impl FnMut(&J, Tensor) -> Result<()>,
    ) -> Result<()> {
        let bar = output::progress_bar("drawing", jobs.len() as u64);
        for jobs in jobs.chunks(self.at_once()) {
            let draw = |job: &J| self.picture(&sketch(job)?);
            let pictures: Vec<Result<Tensor>> = match jobs {
                [job] => vec![draw(job)],
                jobs => jobs.par_iter().map(draw).collect(),
            };
            for (job, picture) in jobs.iter().zip(pictures) {
                sink(job, picture?)?;
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// How many pictures are drawn side by side: enough for the cores, and not too many for the memory.
    fn at_once(&self) -> usize {
        match (&self.device, self.side) {
            (Device::Cpu, ..=256) => rayon::current_num_threads(),
            (Device::Cpu, _) => rayon::current_num_threads().min(4),
            _ => 1,
        }
    }

    fn picture(&self, sketch: &Sketch) -> Result<Tensor> {
        let noise = match self.manner.noise_mode {
            NoiseMode::Const => Noise::Const,
            NoiseMode::None => Noise::None,
            NoiseMode::Random => {
                let numbers: Vec<u64> =
                    [self.manner.noise_seed].into_iter().chain(sketch.noise_of.iter().copied()).collect();
                Noise::Random(Key::new("noise of a picture", &numbers))
            }
        };
        let picture = self.generator.synthesis().forward(&sketch.w_plus, self.lod, &noise);
        picture.with_context(|| format!("cannot draw a picture of {side}x{side}", side = self.side))
    }
}

/// The pixels of one picture.
pub(crate) fn pixels(picture: &Tensor) -> Result<RgbImage> {
    to_u8(picture)?.pop().ok_or_else(|| Refusal::new("the network drew no picture").into())
}

/// The label vector that the network wants, `[1, label_dim]`.
fn labels(class: Option<usize>, label_dim: usize, device: &Device) -> Result<Option<Tensor>> {
    match (class, label_dim) {
        (None, 0) => Ok(None),
        (Some(_), 0) => Err(Refusal::usage("`--class` was given, but this network has no labels").into()),
        (None, _) => {
            Err(Refusal::usage(format!("this network has {label_dim} labels, but no `--class` was given"))
                .hint(format!("`--class N` takes a number from 0 to {}", label_dim - 1))
                .into())
        }
        (Some(class), _) if class >= label_dim => {
            Err(Refusal::usage(format!("`--class {class}` is not from 0 to {}", label_dim - 1)).into())
        }
        (Some(class), _) => {
            let one_hot: Vec<f32> =
                (0..label_dim).map(|label| if label == class { 1.0 } else { 0.0 }).collect();
            Ok(Some(Tensor::from_vec(one_hot, (1, label_dim), device)?))
        }
    }
}

/// Row `index` of `[n, dim]`, as `[1, dim]`.
pub(crate) fn row(all: &Tensor, index: usize) -> Result<Tensor> {
    Ok(all.i(index..=index)?.contiguous()?)
}
