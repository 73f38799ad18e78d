//! Several processes as one training: each computes its share of every minibatch, and all take the same step.
//!
//! [`Peers`] is what a process knows of the others: which of them it is, the mean of what all have computed, and what the
//! others say. [`Alone`] is a process without others, which costs nothing; `Mpi` (feature `mpi`) speaks through an MPI
//! library, `Nccl` (feature `nccl`) between NVIDIA GPUs. [`Share`] says which samples of a minibatch are whose, and
//! [`Seat`] what the launcher says of this process.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use stylegan_peers::{Alone, Peers, Share};
//!
//! // The second of two processes takes every second pair: the groups of the minibatch stddev stay whole.
//! let share = Share::new(1, 2, 4);
//! let z = Tensor::arange(0f32, 16., &Device::Cpu)?.reshape((16, 1))?;
//! assert_eq!(share.of(&z)?.flatten_all()?.to_vec1::<f32>()?, [2., 3., 6., 7., 10., 11., 14., 15.]);
//!
//! let mut gradients = [z];
//! Alone.mean(&mut gradients)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alone;
mod error;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(feature = "nccl")]
mod nccl;
#[cfg(any(feature = "mpi", feature = "nccl", test))]
mod pieces;
mod seat;
mod share;
#[cfg(any(feature = "nccl", test))]
mod wire;

use std::fmt::Debug;
use std::time::Duration;

use candle_core::Tensor;

pub use alone::Alone;
pub use error::Error;
#[cfg(feature = "mpi")]
pub use mpi::Mpi;
#[cfg(feature = "nccl")]
pub use nccl::{MEETING_POINT, Nccl};
pub use seat::{Launcher, Seat};
pub use share::Share;

/// What means cost a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent to others.
    pub sent_bytes: u64,
    /// How long they took, with what the others were waited for. NCCL computes beside the process, which waits for nothing.
    pub took: Duration,
}

impl Traffic {
    /// What has come since it was `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self { sent_bytes: self.sent_bytes - before.sent_bytes, took: self.took.saturating_sub(before.took) }
    }

    /// With what came later.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self { sent_bytes: self.sent_bytes + later.sent_bytes, took: self.took + later.took }
    }
}

/// The processes of a training, as one of them sees them.
///
/// Every method but those that tell something of this process is called by all processes, in the same order, and by the thread
/// that computes: each waits for the others.
pub trait Peers: Debug {
    /// The number of this process, from 0.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn world(&self) -> usize;

    /// Replaces each of `tensors`, of `f32`, by its mean over all processes, the same bytes in each of them. Means of the same
    /// values over as many processes are the same bytes each time.
    ///
    /// # Errors
    /// If a tensor is of another type, another process has other tensors, or the device fails.
    fn mean(&self, tensors: &mut [Tensor]) -> Result<(), Error>;

    /// What all processes say, in the order of their ranks.
    ///
    /// # Errors
    /// If the device fails.
    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>, Error>;

    /// What means have cost this process so far.
    fn traffic(&self) -> Traffic;

    /// What the first process says, as soon as it does; what the others say is not heard.
    ///
    /// # Errors
    /// If the device fails.
    fn broadcast(&self, own: &[u8]) -> Result<Vec<u8>, Error> {
        let said = self.gather(if self.is_first() { own } else { &[] })?;
        Ok(said.into_iter().next().unwrap_or_default())
    }

    /// Waits until all processes are here, however long that takes: as [`Peers::gather`] of nothing, without its bound.
    ///
    /// # Errors
    /// If the device fails.
    fn barrier(&self) -> Result<(), Error>;

    /// The same where the first process alone has something to do before: it waits for the others no longer than for
    /// anything else.
    ///
    /// # Errors
    /// If the device fails.
    fn await_first(&self) -> Result<(), Error> {
        if self.is_first() { self.gather(&[]).map(drop) } else { self.barrier() }
    }

    /// Takes leave of the others, at a good end: nothing is asked of them any more. A process that ends without it has failed,
    /// and takes the others with it.
    fn leave(&self);

    /// Whether this is the process that writes, prints and listens.
    fn is_first(&self) -> bool {
        self.rank() == 0
    }
}
