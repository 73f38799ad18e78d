//! A training as the first process has it, in all of them.

use std::collections::BTreeMap;

use candle_core::{Tensor, bail};
use serde::{Deserialize, Serialize};
use stylegan_peers::Peers;

use super::error::RunError;
use super::state::{Training, TrainingState};
use super::trained::Trained;

/// What a training consists of beside its tensors.
#[derive(Serialize, Deserialize)]
struct Told {
    training: Training,
    /// The sums of the tick so far.
    sums: Vec<f32>,
}

impl<T: Trained> TrainingState<T> {
    /// Takes this training to where that of the first process is. Only that one needs to know the files of a run.
    pub(super) fn follow_first(&mut self, peers: &dyn Peers) -> Result<(), RunError> {
        if peers.world() == 1 {
            return Ok(());
        }
        self.is_whole = false;
        // The first may have looked for it for long.
        peers.await_first()?;
        let mut told = Vec::new();
        if peers.is_first() {
            let (training, sums) = Training::of(self, None)?;
            told = serde_json::to_vec(&Told { training, sums }).map_err(candle_core::Error::wrap)?;
        }
        let told = peers.broadcast(&told)?;
        let Told { training, sums } = serde_json::from_slice(&told).map_err(candle_core::Error::wrap)?;
        for (_, parameters) in self.trainer.networks() {
            for (_, var) in parameters.vars() {
                var.set(&of_first(&var, peers)?)?;
            }
        }
        for (network, adam) in self.trainer.optimizers_mut() {
            let mut moments = BTreeMap::new();
            for (name, moment) in adam.moments() {
                moments.insert(name, of_first(moment, peers)?);
            }
            adam.restore(training.steps_of(network).unwrap_or(0), |name| moments.get(name))?;
        }
        self.trainer.set_last_lod(training.last_lod);
        self.statistics = training.statistics(sums, self.trainer.device())?;
        self.clock = training.clock;
        self.is_whole = true;
        Ok(())
    }
}

/// The tensor that the first process has where another has `own`.
fn of_first(own: &Tensor, peers: &dyn Peers) -> Result<Tensor, RunError> {
    let mut bytes = Vec::new();
    if peers.is_first() {
        bytes = own.flatten_all()?.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect();
    }
    let bytes = peers.broadcast(&bytes)?;
    let (values, rest) = bytes.as_chunks::<4>();
    if values.len() != own.elem_count() || !rest.is_empty() {
        let error =
            || bail!("the first process has {} bytes where {:?} is expected", bytes.len(), own.shape());
        return Ok(error()?);
    }
    let values: Vec<f32> = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok(Tensor::from_vec(values, own.shape(), own.device())?)
}
