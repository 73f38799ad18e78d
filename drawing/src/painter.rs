//! Latents to pictures.

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use stylegan_checkpoint::Checkpoint;
use stylegan_generator::{Generator, GeneratorConfig, Noise, Truncation};
use stylegan_media::{DynamicImage, to_u8};
use stylegan_ops::{Key, Level, Resolution};
use tracing::{field, info, info_span};

use crate::{DrawOptions, Error, LabelVector, Latent, LatentSpace, NoiseMode, Origin, Psis, Result, Sample};

/// Draws the pictures of one checkpoint.
///
/// Every picture goes through the network alone, several of them side by side on the cores of a CPU: so it is the
/// same to the last bit whatever else is drawn with it.
#[derive(Debug)]
pub struct Painter {
    generator: Generator,
    origin: Origin,
    device: Device,
    lod: f64,
    resolution: Resolution,
    options: DrawOptions,
    /// `[1, label_dim]`
    labels: Option<Tensor>,
}

impl Painter {
    /// The painter of a checkpoint's `g_ema`, at the level of detail to which it was trained.
    ///
    /// # Errors
    /// If the network has no such label, or the device cannot hold it.
    pub fn new(checkpoint: &Checkpoint, options: DrawOptions, device: &Device) -> Result<Self> {
        let config = &checkpoint.meta().generator;
        let lod = checkpoint.meta().progress.lod;
        let hash = checkpoint.hash();
        info!(
            checkpoint = %checkpoint.path().display(),
            hash,
            resolution = %Level::new(config.resolution, lod)?.resolution,
            lod,
            truncation_psi = options.truncation_psi,
            truncation_cutoff = options.truncation_cutoff,
            "drawing from"
        );
        Self::of(checkpoint.generator(device)?, Origin::Checkpoint(hash), lod, options)
    }

    /// The painter of a generator at a level of detail.
    ///
    /// # Errors
    /// If the network has no such label or level, or fewer layers than are truncated.
    pub fn of(generator: Generator, origin: Origin, lod: f64, options: DrawOptions) -> Result<Self> {
        let config = generator.config();
        if let (Some(Psis(psis)), num_layers) = (&options.truncation_layers, config.num_layers())
            && psis.len() > num_layers
        {
            return Err(Error::Layer { layer: psis.len() - 1, num_layers });
        }
        let Level { resolution, .. } = Level::new(config.resolution, lod)?;
        let device = generator.w_avg().device().clone();
        let labels = match (&options.label, options.class) {
            (Some(LabelVector(numbers)), _) => {
                let (count, label_dim) = (numbers.len(), config.label_dim);
                if label_dim == 0 {
                    return Err(Error::NoLabels);
                }
                if count != label_dim {
                    return Err(Error::LabelLength { count, label_dim });
                }
                Some(Tensor::from_slice(numbers, (1, label_dim), &device)?)
            }
            (None, Some(class)) => Some(label_vector(class, config.label_dim, &device)?),
            (None, None) => None,
        };
        Ok(Self { generator, origin, device, lod, resolution, options, labels })
    }

    /// The same network with other options.
    ///
    /// # Errors
    /// If the network has no such label.
    pub fn with(&self, options: DrawOptions) -> Result<Self> {
        Self::of(self.generator.clone(), self.origin.clone(), self.lod, options)
    }

    /// The same, some levels of detail below: its pictures are smaller, and drawn sooner.
    ///
    /// # Errors
    /// If the network has no such level.
    pub fn coarser(&self, levels: u32) -> Result<Self> {
        let lod = self.lod.floor() + f64::from(levels);
        Self::of(self.generator.clone(), self.origin.clone(), lod, self.options.clone())
    }

    /// The shape of the network.
    pub fn config(&self) -> &GeneratorConfig {
        self.generator.config()
    }

    /// Where its network comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its network.
    pub fn generator(&self) -> &Generator {
        &self.generator
    }

    /// How it draws.
    pub fn options(&self) -> &DrawOptions {
        &self.options
    }

    /// Where it draws.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Width and height of the pictures.
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Level of detail of the pictures: 0 is full size, the fraction is the fade.
    pub fn lod(&self) -> f64 {
        self.lod
    }

    /// The label of the pictures, `[1, label_dim]`, where the network has labels and one was chosen.
    pub fn label(&self) -> Option<&Tensor> {
        self.labels.as_ref()
    }

    /// Makes sure that labels are given where latents of this space need them, and nowhere else.
    ///
    /// # Errors
    /// If they are not.
    pub fn check_class(&self, space: LatentSpace) -> Result<()> {
        match (space, self.labels.is_some(), self.config().label_dim) {
            (LatentSpace::Z, false, label_dim @ 1..) => Err(Error::NoClass { label_dim }),
            (LatentSpace::W | LatentSpace::WPlus, true, _) => Err(Error::ClassBehindMapping { space }),
            _ => Ok(()),
        }
    }

    /// Makes sure that all of these seeds can be drawn.
    ///
    /// # Errors
    /// If a seed has no latent, or the network needs a label that was not given.
    pub fn check_seeds(&self, seeds: &[u64]) -> Result<()> {
        self.check_class(LatentSpace::Z)?;
        let style = self.options.seed_style;
        match seeds.iter().find(|&&seed| seed > style.last_seed()) {
            Some(&seed) => Err(Error::Seed { seed, style }),
            None => Ok(()),
        }
    }

    /// The latent of a seed, `[1, z_dim]`.
    ///
    /// # Errors
    /// If it has none.
    pub fn z(&self, seed: u64) -> Result<Tensor> {
        Ok(self.generator.latents(&[seed], self.options.seed_style)?)
    }

    /// The picture of a seed, to be drawn.
    ///
    /// # Errors
    /// If the seed has no latent.
    pub fn seed(&self, seed: u64) -> Result<Sample> {
        Ok(Sample::new(Latent::Z(self.z(seed)?), vec![seed]))
    }

    /// The picture of a seed in this class, whatever the painter's own is.
    ///
    /// # Errors
    /// If the seed has no latent, or the network no such class.
    pub fn seed_of_class(&self, seed: u64, class: usize) -> Result<Sample> {
        Ok(Sample::new(Latent::W(self.w_of_class(&self.z(seed)?, class)?), vec![seed]))
    }

    /// `[1, z_dim]` to `[1, w_dim]` in this class, whatever the painter's own is, not truncated.
    pub(crate) fn w_of_class(&self, z: &Tensor, class: usize) -> Result<Tensor> {
        let label = label_vector(class, self.config().label_dim, &self.device)?;
        self.w_of(z, Some(&label))
    }

    /// `[1, z_dim]` to `[1, w_dim]`, not truncated.
    ///
    /// # Errors
    /// If the shape is another, or a label is missing.
    pub fn w(&self, z: &Tensor) -> Result<Tensor> {
        self.check_class(LatentSpace::Z)?;
        self.w_of(z, self.labels.as_ref())
    }

    /// The same with a label `[1, label_dim]` of its own.
    pub(crate) fn w_of(&self, z: &Tensor, label: Option<&Tensor>) -> Result<Tensor> {
        Ok(self.generator.mapping().forward(z, label)?)
    }

    /// The w of every layer, `[1, num_layers, w_dim]`, not truncated.
    ///
    /// # Errors
    /// If the shape is another, or a label is missing.
    pub fn w_plus(&self, latent: &Latent) -> Result<Tensor> {
        Ok(match latent {
            Latent::Z(z) => self.generator.broadcast(&self.w(z)?)?,
            Latent::W(w) => self.generator.broadcast(w)?,
            Latent::WPlus(w_plus) => w_plus.clone(),
        })
    }

    /// The w of every layer, `[1, num_layers, w_dim]`, with this truncation, or if there is none, as the options say.
    ///
    /// # Errors
    /// If the shape is another.
    pub fn truncated(&self, w_plus: &Tensor, own: Option<Truncation>) -> Result<Tensor> {
        Ok(match (own, &self.options.truncation_layers) {
            (None, Some(Psis(psis))) => self.generator.truncate_layers(w_plus, psis)?,
            _ => self.generator.truncate(w_plus, own.unwrap_or_else(|| self.options.truncation()))?,
        })
    }

    /// Draws one picture, `[1, num_channels, height, width]`, mostly from -1 to 1.
    ///
    /// # Errors
    /// If the latent is none of this network, or the device fails.
    pub fn draw(&self, sample: &Sample) -> Result<Tensor> {
        self.draw_seen(sample, &mut |_, _| Ok(()))
    }

    /// The same; `see` is shown the number of each layer and the features behind it, `[1, channels, height, width]`.
    ///
    /// # Errors
    /// As [`Painter::draw`], and with the error of `see`.
    pub fn draw_seen(
        &self,
        sample: &Sample,
        see: &mut dyn FnMut(usize, &Tensor) -> candle_core::Result<()>,
    ) -> Result<Tensor> {
        let w_plus = self.truncated(&self.w_plus(&sample.latent)?, sample.truncation)?;
        let noise = match self.options.noise_mode {
            NoiseMode::Const => sample.noise.clone().map_or(Noise::Const, Noise::Given),
            NoiseMode::None => Noise::None,
            NoiseMode::Random => {
                let numbers = [&[self.options.noise_seed], sample.noise_numbers.as_slice()].concat();
                Noise::Random(Key::new("noise of a picture", &numbers))
            }
        };
        let noise = match &sample.noise_layers {
            Some(layers) => Noise::InLayers(layers.clone(), Box::new(noise)),
            None => noise,
        };
        let drawn = self.generator.synthesis().forward_seen(&w_plus, self.lod, &noise, see);
        drawn.map_err(|source| Error::Draw { resolution: self.resolution, source })
    }

    /// Draws one picture `[1, num_channels, height, width]` for each job, a few at a time, and hands them to `sink` in order.
    ///
    /// # Errors
    /// If a picture cannot be drawn, or with the error of `sink`; nothing more is drawn then.
    pub fn draw_all<J: Sync, E: From<Error>>(
        &self,
        jobs: &[J],
        sample: impl Fn(&J) -> Result<Sample> + Sync,
        mut sink: impl FnMut(&J, Tensor) -> Result<(), E>,
    ) -> Result<(), E> {
        let span =
            info_span!("drawing", resolution = %self.resolution, total = jobs.len(), done = field::Empty);
        let _entered = span.enter();
        let mut done = 0_u64;
        for jobs in jobs.chunks(self.at_once()) {
            let draw = |job: &J| self.draw(&sample(job)?);
            let pictures: Vec<Result<Tensor>> = match jobs {
                [job] => vec![draw(job)],
                jobs => jobs.par_iter().map(draw).collect(),
            };
            for (job, picture) in jobs.iter().zip(pictures) {
                sink(job, picture?)?;
                done += 1;
                span.record("done", done);
            }
        }
        Ok(())
    }

    /// The same as pixels, all of them in memory.
    pub(crate) fn pictures<J: Sync>(
        &self,
        jobs: &[J],
        sample: impl Fn(&J) -> Result<Sample> + Sync,
    ) -> Result<Vec<DynamicImage>> {
        let mut pictures = Vec::with_capacity(jobs.len());
        self.draw_all(jobs, sample, |_, picture| {
            pictures.push(pixels(&picture)?);
            Ok::<(), Error>(())
        })?;
        Ok(pictures)
    }

    /// How many pictures are drawn side by side: enough for the cores, and not too many for the memory.
    fn at_once(&self) -> usize {
        match (&self.device, self.resolution.side()) {
            (Device::Cpu, ..=256) => rayon::current_num_threads(),
            (Device::Cpu, _) => rayon::current_num_threads().min(4),
            _ => 1,
        }
    }
}

/// The pixels of one picture `[1, num_channels, height, width]`.
///
/// # Errors
/// If it is of another shape, or its device fails.
pub fn pixels(picture: &Tensor) -> Result<DynamicImage> {
    let none = || stylegan_media::Error::Shape { shape: picture.dims().to_vec() };
    Ok(to_u8(picture)?.pop().ok_or_else(none)?)
}

/// The label as the network takes it, `[1, label_dim]`.
pub(crate) fn label_vector(class: usize, label_dim: usize, device: &Device) -> Result<Tensor> {
    if label_dim == 0 {
        return Err(Error::NoLabels);
    }
    if class >= label_dim {
        return Err(Error::Class { class, label_dim });
    }
    let one_hot: Vec<f32> = (0..label_dim).map(|label| f32::from(u8::from(label == class))).collect();
    Ok(Tensor::from_vec(one_hot, (1, label_dim), device)?)
}
