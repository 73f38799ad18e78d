//! From photos to latents whose pictures look like them.
//!
//! A [`Projection`] walks through latent space, from the mean w of a network ([`MeanW`]) to a latent for each of some photos, down
//! the gradient of how far the drawn picture is from the photo ([`Perception`]). It is the projector of `StyleGAN2` (Karras et
//! al. 2020, section 5 and appendix D) for this network: its [`Schedule`] of steps, noise on w that fades, and noise images that
//! may be found as well, kept from holding the picture themselves ([`noise_regularization`]). [`run`] goes all the way and says
//! when to save a [`ProjectionFile`](stylegan_checkpoint::ProjectionFile), from which the same steps go on; [`Results`] are
//! what is written in the end.
//!
//! The networks are frozen: no gradient is found but that of w and, where asked for, of the noise.
//!
//! ```
//! use candle_core::Device;
//! use stylegan_checkpoint::Checkpoint;
//! use stylegan_drawing::{DrawOptions, Painter};
//! use stylegan_projector::{MeanW, Perception, ProjectOptions, Projection, Target, run};
//!
//! let checkpoint = Checkpoint::open("../demo/faces-64.safetensors")?;
//! let painter = Painter::new(&checkpoint, DrawOptions::of(&checkpoint), &Device::Cpu)?;
//! let photo = painter.draw(&painter.seed(7)?)?; // [1, 3, height, width], from -1 to 1
//! let options = ProjectOptions { steps: 3, ..ProjectOptions::default() };
//! let (mean, perception) = (MeanW::of(&painter)?, Perception::Pixels);
//! let target = Target { pictures: photo, numbers: vec![0] };
//! let mut projection = Projection::new(&painter, &perception, &mean, &options, target)?;
//! run(&mut projection, &|| false, &mut |_| Ok(()))?;
//! assert_eq!(projection.latents()?.dims(), [1, 256]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod job;
mod mean_w;
mod noise_maps;
mod options;
mod parameter;
mod perception;
mod projection;
mod psnr;
mod pyramid;
mod results;
mod run;
mod schedule;
mod target;

pub use error::{Error, Result};
pub use job::Job;
pub use mean_w::MeanW;
pub use noise_maps::noise_regularization;
pub use options::{LossWeights, MOST_PHOTOS, MOST_STEPS, ProjectOptions, Space};
pub use perception::{LEAST_SIDE, Perception, Seen};
pub use projection::{Losses, Projection};
pub use psnr::psnr;
pub use pyramid::pixel_distance;
pub use results::{Photo, Projected, Results};
pub use run::run;
pub use schedule::Schedule;
pub use target::Target;
