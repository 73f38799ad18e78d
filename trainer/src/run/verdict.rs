//! Whether the numbers of a training make sense.

use candle_core::Result;
use stylegan_ops::{all_are_finite, all_finite};

use super::trained::Trained;
use crate::RunConfig;

/// What a look at the numbers of a training shows.
#[derive(Debug, PartialEq)]
#[must_use]
pub(super) enum Verdict {
    /// They make sense.
    Sound,
    /// They do not, and training must not go on from them.
    Diverging {
        /// What is wrong.
        reason: String,
    },
}

impl Verdict {
    /// What so many skipped updates in a tick show.
    pub(super) fn of_skipped(skipped: u64, config: &RunConfig) -> Self {
        if skipped > config.max_skipped {
            Self::Diverging { reason: format!("{skipped} updates skipped in a tick") }
        } else {
            Self::Sound
        }
    }

    /// What all numbers show that a snapshot and its state would hold.
    pub(super) fn of_trained(trained: &impl Trained) -> Result<Self> {
        let mut tensors = Vec::new();
        for (network, parameters) in trained.networks() {
            let vars = parameters.vars().into_iter();
            tensors.extend(vars.map(|(name, var)| (format!("{network}.{name}"), var.as_tensor().clone())));
        }
        for (network, adam) in trained.optimizers() {
            let moments = adam.moments();
            tensors.extend(moments.map(|(name, tensor)| (format!("{network}.{name}"), tensor.clone())));
        }
        if all_are_finite(tensors.iter().map(|(_, tensor)| tensor))? {
            return Ok(Self::Sound);
        }
        for (name, tensor) in tensors {
            if !all_finite(&tensor)? {
                return Ok(Self::Diverging { reason: format!("`{name}` is not finite") });
            }
        }
        Ok(Self::Sound)
    }
}
