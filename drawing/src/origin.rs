//! Which network drew a picture.

use std::fmt;

use candle_core::Result;
use serde::{Deserialize, Serialize};
use stylegan_base::short_hash;
use stylegan_checkpoint::Checkpoint;
use stylegan_generator::Generator;

/// Which network drew a picture, as its recipe says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// That of a checkpoint, by the first 16 hexadecimal digits of its hash.
    Checkpoint(String),
    /// That of a training while it went on.
    Training(Moment),
}

/// A moment of a training.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// Real pictures shown so far.
    pub nimg: u64,
    /// The first 16 hexadecimal digits of the BLAKE3 hash of the running mean of w, which each step of each training
    /// moves to another place.
    w_avg: String,
}

impl Moment {
    /// When a generator was as it is now.
    ///
    /// # Errors
    /// If its device fails.
    pub fn of(generator: &Generator, nimg: u64) -> Result<Self> {
        let w_avg = generator.w_avg().to_vec1::<f32>()?;
        let bytes: Vec<u8> = w_avg.iter().flat_map(|x| x.to_le_bytes()).collect();
        Ok(Self { nimg, w_avg: short_hash(&bytes) })
    }
}

impl Origin {
    /// What this would be of a checkpoint and its generator: equal if they are the network that it names.
    ///
    /// # Errors
    /// If the generator's device fails.
    pub(crate) fn alike(&self, checkpoint: &Checkpoint, generator: &Generator) -> Result<Self> {
        Ok(match self {
            Self::Checkpoint(_) => Self::Checkpoint(checkpoint.hash()),
            Self::Training(_) => Self::Training(Moment::of(generator, checkpoint.meta().progress.nimg)?),
        })
    }

    /// The hash in it.
    pub fn hash(&self) -> &str {
        match self {
            Self::Checkpoint(hash) | Self::Training(Moment { w_avg: hash, .. }) => hash,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(hash) => write!(f, "the checkpoint {hash}"),
            Self::Training(Moment { nimg, w_avg }) => {
                write!(f, "a training at {} kimg ({w_avg})", *nimg as f64 / 1000.0)
            }
        }
    }
}
