//! Fakes that may be repeated reals, to be looked at.

use stylegan_metrics::{Neighbor, nearest};

use crate::{Result, Seen};

/// A fake and the reals that are nearest to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Its number among the fakes.
    pub fake: usize,
    /// The nearest first.
    pub neighbors: Vec<Neighbor>,
}

/// The `count` fakes that are nearest to some real, the nearest first, each with its `k` nearest reals; fewer where there are
/// fewer.
///
/// # Errors
/// If the network saw nothing of one of the sets.
pub fn suspects(seen: &Seen, count: usize, k: usize) -> Result<Vec<Suspect>> {
    let k = k.min(seen.reals.len()).max(1);
    let found = nearest(&seen.fakes, &seen.reals, k)?;
    let mut suspects: Vec<Suspect> =
        found.into_iter().enumerate().map(|(fake, neighbors)| Suspect { fake, neighbors }).collect();
    let distance =
        |suspect: &Suspect| suspect.neighbors.first().map_or(f64::INFINITY, |found| found.distance);
    suspects.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    suspects.truncate(count);
    Ok(suspects)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use stylegan_metrics::Features;

    use super::*;

    #[test]
    fn the_nearest_come_first_and_no_more_than_there_are() -> anyhow::Result<()> {
        let line = |places: &[f32]| Features::of(&Tensor::new(places, &Device::Cpu)?.unsqueeze(1)?);
        let seen = Seen {
            network: "line".to_owned(),
            reals: line(&[0.0, 10.0, 3.0])?,
            fakes: line(&[20.0, 2.0, 10.5, 100.0])?,
            elapsed_secs: 0.0,
        };
        let found = suspects(&seen, 3, 2)?;
        let told: Vec<(usize, Vec<usize>)> = found
            .iter()
            .map(|found| (found.fake, found.neighbors.iter().map(|near| near.index).collect()))
            .collect();
        assert_eq!(told, [(2, vec![1, 2]), (1, vec![2, 0]), (0, vec![1, 2])]);
        assert_eq!(suspects(&seen, 9, 5)?[3].neighbors.len(), 3);
        assert!(suspects(&Seen { reals: Features::default(), ..seen }, 3, 2).is_err());
        Ok(())
    }
}
