//! What the processes of a training agree on between two iterations, so that all do the same.

use stylegan_ops::Parameters;
use stylegan_peers::Peers;

use super::configuration::Configuration;
use super::error::RunError;
use super::trained::Trained;
use super::verdict::Verdict;

/// What is asked of a training: of all processes if it is asked of any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each may be wished beside the others")]
pub(super) struct Wishes {
    pub(super) stop: bool,
    pub(super) pause: bool,
    pub(super) save: bool,
    /// Whether the last snapshot is so old that one is to be written.
    pub(super) renew: bool,
}

impl Wishes {
    /// What any process wishes.
    pub(super) fn agreed(self, peers: &dyn Peers) -> Result<Self, RunError> {
        let Self { stop, pause, save, renew } = self;
        let own = [stop, pause, save, renew].map(u8::from);
        let all = peers.gather(&own)?;
        let any = |index: usize| all.iter().any(|wishes| wishes.get(index).is_some_and(|&wish| wish > 0));
        Ok(Self { stop: any(0), pause: any(1), save: any(2), renew: any(3) })
    }
}

impl Verdict {
    /// That of the first process, who has looked, for as long as that took.
    pub(super) fn of_first(own: &Self, peers: &dyn Peers) -> Result<Self, RunError> {
        let said = match own {
            Self::Sound => "",
            Self::Diverging { reason } => reason,
        };
        peers.await_first()?;
        let said = peers.broadcast(said.as_bytes())?;
        Ok(match String::from_utf8_lossy(&said) {
            reason if reason.is_empty() => Self::Sound,
            reason => Self::Diverging { reason: reason.into_owned() },
        })
    }
}

/// Makes sure that all processes train the same: this version of the program, this configuration, these pictures.
pub(super) fn check_same_training(
    peers: &dyn Peers,
    config: &impl Configuration,
    fingerprint: &str,
) -> Result<(), RunError> {
    if peers.world() == 1 {
        return Ok(());
    }
    let version = env!("CARGO_PKG_VERSION");
    let found = peers.gather(format!("{version}\n{}\n{fingerprint}", config.lasting_toml()?).as_bytes())?;
    match unlike_first(&found) {
        ranks if ranks.is_empty() => Ok(()),
        ranks => Err(RunError::OtherTraining { ranks }),
    }
}

/// Makes sure that the networks of all processes are the same, to the last bit.
pub(super) fn check_same_networks(peers: &dyn Peers, trained: &impl Trained) -> Result<(), RunError> {
    if peers.world() == 1 {
        return Ok(());
    }
    let mut checksum = 0;
    for (_, parameters) in trained.networks() {
        checksum = append(checksum, parameters)?;
    }
    let found = peers.gather(&u32::to_le_bytes(checksum))?;
    match unlike_first(&found) {
        ranks if ranks.is_empty() => Ok(()),
        ranks => Err(RunError::OtherNetworks { ranks }),
    }
}

/// The checksum of what came before and all numbers of a network.
fn append(mut checksum: u32, parameters: &Parameters) -> candle_core::Result<u32> {
    for (_, var) in parameters.vars() {
        let values = var.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        checksum = crc32c::crc32c_append(checksum, &bytes);
    }
    Ok(checksum)
}

/// Who says something else than most do; where there is no such majority, something else than the first.
fn unlike_first(found: &[Vec<u8>]) -> Vec<usize> {
    let votes = |said: &Vec<u8>| found.iter().filter(|other| *other == said).count();
    let Some(usual) = found.iter().rev().max_by_key(|said| votes(said)) else { return Vec::new() };
    (0..found.len()).filter(|&rank| &found[rank] != usual).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_differs_is_named() {
        let unlike = |said: &[u8]| unlike_first(&said.iter().map(|&byte| vec![byte]).collect::<Vec<_>>());
        assert_eq!(unlike(&[7, 7, 7, 7]), [0; 0]);
        assert_eq!(unlike(&[7, 7, 5, 7]), [2]);
        assert_eq!(unlike(&[5, 7, 7, 7]), [0]);
        assert_eq!(unlike(&[5, 7]), [1]);
        assert_eq!(unlike(&[1, 2, 3]), [1, 2]);
    }
}
