//! What a projection leaves behind: latents, pictures, films, and what was done.

use std::io;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde::Serialize;
use stylegan_base::files;
use stylegan_drawing::{LatentSpace, Latents, NoiseImages};
use stylegan_media::{DynamicImage, FilmOptions, FilmWriter, PROGRAM, beside, save_png, to_u8};

use crate::{Error, Job, Losses, Projection, Result, psnr};

const LATENTS: &str = "latents.safetensors";
const NUMPY: &str = "projected_w.npz";
const RECORD: &str = "project.json";

/// Frames of a film in a second.
const FPS: u32 = 12;
/// How often the last of them is shown.
const LAST_FRAMES: usize = 18;

/// A photo, and what became of it before it was projected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Photo {
    /// The name of its file.
    pub name: String,
    /// The first 16 hexadecimal digits of its hash.
    pub hash: String,
    /// How it was made as large as the network draws, in words.
    pub fitted: String,
}

/// A photo, and how near its projection came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Projected {
    /// The photo.
    #[serde(flatten)]
    pub photo: Photo,
    /// The perceptual distance, where a network looked.
    pub perceptual: Option<f64>,
    /// The pixels' distance.
    pub pixels: f64,
    /// The peak signal-to-noise ratio of the pictures in bytes, in dB.
    pub psnr: f64,
    /// The distances on the way.
    pub walk: Vec<Moment>,
}

/// The distances after some steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// Steps done.
    pub step: u32,
    /// The perceptual distance, where a network looked.
    pub perceptual: Option<f64>,
    /// The pixels' distance.
    pub pixels: f64,
}

/// What is written as `project.json`.
#[derive(Serialize)]
struct Record<'a> {
    program: &'static str,
    command: &'static str,
    #[serde(flatten)]
    job: serde_json::Value,
    projected: &'a [Projected],
}

/// A folder of results.
#[derive(Debug)]
pub struct Results {
    folder: PathBuf,
    count: usize,
    film: bool,
    overwrite: bool,
    job: Option<Job>,
    latents: Vec<Tensor>,
    w_plus: Vec<Tensor>,
    noise: Vec<Vec<Tensor>>,
    projected: Vec<Projected>,
}

impl Results {
    /// Those of `count` photos, in a folder that is there.
    pub fn new(folder: &Path, count: usize, film: bool, overwrite: bool) -> Self {
        Self {
            folder: folder.to_owned(),
            count,
            film,
            overwrite,
            job: None,
            latents: Vec::new(),
            w_plus: Vec::new(),
            noise: Vec::new(),
            projected: Vec::new(),
        }
    }

    /// The names of all files that there will be.
    pub fn names(count: usize, film: bool) -> Vec<String> {
        let mut names: Vec<String> = [LATENTS, NUMPY, RECORD].map(str::to_owned).into();
        for number in 0..count {
            names.push(name_of(count, "target", number, "png"));
            names.push(name_of(count, "proj", number, "png"));
            names.extend(film.then(|| name_of(count, "proj", number, "gif")));
        }
        names
    }

    /// Takes over what was found for the next photos, and draws their pictures and films.
    ///
    /// # Errors
    /// If something cannot be drawn or written.
    pub fn add(&mut self, projection: &Projection<'_>, photos: Vec<Photo>) -> Result<&[Projected]> {
        let first = self.projected.len();
        let targets = to_u8(&projection.target().pictures)?;
        let drawn = to_u8(&projection.drawn()?)?;
        let Losses { perceptual, pixels } = projection.losses()?;
        for (at, photo) in photos.into_iter().enumerate() {
            let (Some(target), Some(drawn)) = (targets.get(at), drawn.get(at)) else { break };
            let number = self.projected.len();
            save_png(&self.path("target", number, "png"), target, self.overwrite)?;
            let pair = beside(&[target.clone(), drawn.clone()]);
            save_png(&self.path("proj", number, "png"), &pair, self.overwrite)?;
            self.projected.push(Projected {
                photo,
                perceptual: number_of(perceptual.as_deref(), at),
                pixels: pixels.get(at).copied().map_or(f64::NAN, f64::from),
                psnr: psnr(target, drawn),
                walk: Vec::new(),
            });
        }
        self.walk(projection, first, &targets)?;
        self.latents.push(projection.latents()?);
        self.w_plus.push(projection.w_plus()?);
        self.noise.extend(projection.noise()?);
        self.job.get_or_insert_with(|| projection.job().clone());
        Ok(&self.projected[first..])
    }

    /// The distances on the way, and the films.
    fn walk(&mut self, projection: &Projection<'_>, first: usize, targets: &[DynamicImage]) -> Result<()> {
        let moments = projection.walk()?;
        let mut films = Vec::new();
        if self.film {
            for (at, target) in targets.iter().enumerate() {
                let path = self.path("proj", first + at, "gif");
                let size = (2 * target.width(), target.height());
                let frames = (moments.len() + LAST_FRAMES - 1) as u32;
                let options = FilmOptions { size, fps: FPS, frames, looping: true, ffmpeg: false };
                films.push(FilmWriter::create(&path, options, self.overwrite)?);
            }
        }
        let mut last = Vec::new();
        for moment in moments {
            let (step, pictures, Losses { perceptual, pixels }) = moment?;
            let pictures = to_u8(&pictures)?;
            for (at, projected) in self.projected[first..].iter_mut().enumerate() {
                let pixels = pixels.get(at).copied().map_or(f64::NAN, f64::from);
                let perceptual = number_of(perceptual.as_deref(), at);
                projected.walk.push(Moment { step, perceptual, pixels });
            }
            last = targets
                .iter()
                .zip(pictures)
                .map(|(target, picture)| beside(&[target.clone(), picture]))
                .collect();
            for (film, frame) in films.iter_mut().zip(&last) {
                film.add(frame)?;
            }
        }
        for (mut film, frame) in films.into_iter().zip(&last) {
            for _ in 1..LAST_FRAMES {
                film.add(frame)?;
            }
            film.finish()?;
        }
        Ok(())
    }

    /// Writes the latents, with their noise if it was optimized, and what was done.
    ///
    /// # Errors
    /// If something cannot be written.
    pub fn finish(self) -> Result<Vec<Projected>> {
        let Self { folder, overwrite, job, latents, w_plus, noise, projected, .. } = self;
        let Some(job) = job else { return Ok(projected) };
        let space: LatentSpace = job.options.space.latents();
        let of =
            |space, parts: &[Tensor]| candle_core::Result::Ok(Latents { space, all: Tensor::cat(parts, 0)? });
        let layers = (0..noise.first().map_or(0, Vec::len)).map(|layer| {
            let parts: Vec<&Tensor> = noise.iter().filter_map(|part| part.get(layer)).collect();
            Tensor::cat(&parts, 0)
        });
        let layers = layers.collect::<candle_core::Result<Vec<_>>>()?;
        let noise = (!layers.is_empty()).then(|| NoiseImages::new(layers));
        let texts = [("program", PROGRAM)];
        of(space, &latents)?.save_with_noise(&folder.join(LATENTS), noise.as_ref(), &texts, overwrite)?;
        of(LatentSpace::WPlus, &w_plus)?.save(&folder.join(NUMPY), &[], overwrite)?;
        let path = folder.join(RECORD);
        let failed = |source: io::Error| Error::Record { path: path.clone(), source };
        let mut job = serde_json::to_value(job).map_err(|error| failed(error.into()))?;
        // Of single photos, what each of them says itself.
        for key in ["photos", "numbers"] {
            job.as_object_mut().map(|job| job.shift_remove(key));
        }
        let record = Record { program: PROGRAM, command: "project", job, projected: &projected };
        let mut json = serde_json::to_vec_pretty(&record).map_err(|error| failed(error.into()))?;
        json.push(b'\n');
        files::write(&path, overwrite, &mut |file| file.write_all(&json)).map_err(failed)?;
        Ok(projected)
    }

    fn path(&self, what: &str, number: usize, ending: &str) -> PathBuf {
        self.folder.join(name_of(self.count, what, number, ending))
    }
}

/// `proj.png` of one photo alone, `proj0000.png` of several, by the row of its latent.
fn name_of(count: usize, what: &str, number: usize, ending: &str) -> String {
    if count == 1 { format!("{what}.{ending}") } else { format!("{what}{number:04}.{ending}") }
}

fn number_of(numbers: Option<&[f32]>, at: usize) -> Option<f64> {
    numbers?.get(at).copied().map(f64::from)
}
