//! Checkpoints as safetensors files: writing, reading, what they say about themselves.
//!
//! A checkpoint is one safetensors file. Its tensors are those of the networks under the prefixes `g.`, `d.` and
//! `g_ema.` (a file for sampling alone has `g_ema.` only), by the names of [`Parameters::names`], buffers such as
//! `w_avg` included. Its metadata are strings:
//!
//! | key              | value                                                                  |
//! |------------------|------------------------------------------------------------------------|
//! | `format`         | `stylegan`                                                             |
//! | `format_version` | `2` (`1` had no checksum)                                              |
//! | `generator`      | the generator's configuration, JSON                                    |
//! | `discriminator`  | the critic's configuration, JSON; absent from a file for sampling alone |
//! | `progress`       | [`Progress`], JSON                                                     |
//! | `config`         | the run's resolved configuration, TOML; optional                       |
//! | `seed_style`     | `numpy` where a seed draws what it drew in the original; otherwise absent |
//! | `source`         | what the networks were converted from, in words; otherwise absent      |
//! | `written_by`     | name and version of the program that wrote the file                    |
//! | `checksum`       | BLAKE3 of all other metadata and of the tensors' names, types, shapes, places and bytes |
//!
//! Other keys are tolerated. There is no time stamp, and keys and tensors stand in a fixed order, so the same state
//! gives the same bytes.
//!
//! A [`State`] is a second such file, `training-state-*.safetensors`, with what a training needs beside its networks to
//! go on. It names the checksum of its checkpoint.
//!
//! A [`DecoderFile`] is a third, with the decoder of a style transfer, and a [`ProjectionFile`] a fourth, with what a projection
//! of pictures needs to go on.
//!
//! `container` reads and writes such files and knows no networks; `snapshot`, `state`, `decoder_file` and `projection_file` stand
//! on it.
//!
//! ```
//! use candle_core::{DType, Device};
//! use stylegan_checkpoint::{Checkpoint, Meta, Network, Progress, save};
//! use stylegan_generator::{Generator, GeneratorConfig};
//! use stylegan_ops::{Key, Parameters, Widths};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("network-snapshot-000160.safetensors");
//! let widths = Widths { fmap_base: 64, fmap_max: 8, ..Widths::default() };
//! let generator = GeneratorConfig { resolution: 16.into(), widths, ..GeneratorConfig::default() };
//! let g_ema = Parameters::new(Key::new("init", &[0]));
//! Generator::new(&generator, &g_ema.builder(DType::F32, &Device::Cpu))?;
//!
//! let progress = Progress { nimg: 160_000, lod: 0.0 };
//! let meta = Meta { generator, progress, ..Meta::default() };
//! save(&path, &meta, &[(Network::GEma, &g_ema)], false)?;
//!
//! // A run folder does as well: its newest snapshot is opened.
//! let checkpoint = Checkpoint::open(folder.path())?;
//! assert_eq!(checkpoint.meta(), &meta);
//! let generator = checkpoint.generator(&Device::Cpu)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Parameters::names`]: stylegan_ops::Parameters::names

mod container;
mod decoder_file;
mod error;
mod network;
mod projection_file;
mod run_folder;
mod snapshot;
mod state;

pub use container::distinct_dtypes;
pub use decoder_file::{DecoderFile, OpenedDecoder};
pub use error::{Error, ErrorKind, Result};
pub use network::Network;
pub use projection_file::ProjectionFile;
pub use run_folder::{Pair, newest_snapshot, pairs, snapshots, snapshots_by_kimg};
pub use snapshot::{Checkpoint, Copied, ForeignFile, Meta, Progress, convert, expected_shapes, save};
pub use state::State;
