//! Measures taken of pictures: of folders, of a generator's, of a training's data.
//!
//! [`Pictures`] are a stream: those of a folder each at its own size ([`Stored`]), those of a pack as a training sees them
//! ([`Packed`]), those that a generator draws ([`Drawn`]). An [`Evaluation`] shows them to all measures that were asked for, and to the
//! networks through which those look; the features of reals are kept, so that they are computed once. What comes of a measure is
//! an [`Outcome`].
//!
//! Long work is told by the spans `reading`, `drawing` and `walking`, which have a `total` and record what is `done`.
//!
//! ```
//! use stylegan_dataset::Source;
//! use stylegan_evaluation::{Evaluation, Networks, Pictures, Stored};
//! use stylegan_metrics::Measure;
//!
//! let (reals, fakes) = ("../demo/faces64.zip", "../demo/faces64.zip");
//! let [reals, fakes] = [reals, fakes].map(|path| Source::open(path).map(Stored::new));
//! let (reals, fakes) = (reals?, fakes?);
//! let measures: Vec<_> = ["swd"].iter().filter_map(|name| Measure::of(name)).collect();
//! let count = fakes.count().min(64);
//! let mut evaluation = Evaluation::new(&measures, &Networks::default(), None, count, count)?;
//! evaluation.look_at_reals(&reals)?;
//! let measured = evaluation.measure(&fakes)?;
//! for (name, value) in &measured.outcomes[0].numbers {
//!     println!("{name}: {value:.1}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod cache;
mod error;
mod evaluation;
mod latents;
mod looking;
mod neighbors;
mod networks;
mod outcome;
mod paths;
mod pictures;
mod shared;
mod taking;
#[cfg(test)]
mod testing;

pub use attributes::Attributes;
pub use error::{Error, Result};
pub use evaluation::{Evaluation, Measured, Seen};
pub use latents::Classifier;
pub use neighbors::{Suspect, suspects};
pub use networks::{Networks, OF_CLASSIFIERS, distance_of_features, networks};
pub use outcome::{Outcome, Stage, past, read_results};
pub use paths::{PerceptualDistance, path_length};
pub use pictures::{Drawn, Packed, Pictures, Stored, bytes};
