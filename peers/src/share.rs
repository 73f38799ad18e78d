//! Which samples of a minibatch a process computes.

use std::ops::Range;

use candle_core::{Result as TensorResult, Tensor};

use crate::{Error, Peers};

/// The samples of a minibatch that one of several processes computes: as many as each of the others, and of the groups of the
/// minibatch stddev only whole ones.
///
/// Of `M` groups, sample `i` of a minibatch belongs to group `i mod M`. Of `n` processes, the one of rank `r` takes the `M/n`
/// groups from `r M/n` on. In their order, its samples form the same groups again, and the critic finds them as it would in
/// the whole minibatch. Their losses' mean is that of the whole minibatch where the means of all processes are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    rank: usize,
    world: usize,
    group_size: usize,
}

impl Share {
    /// Of process `rank` of `world`, for groups of `group_size` samples, or of the whole minibatch where that is smaller.
    pub fn new(rank: usize, world: usize, group_size: usize) -> Self {
        Self { rank, world: world.max(1), group_size: group_size.max(1) }
    }

    /// That of a process among its peers.
    pub fn among(peers: &dyn Peers, group_size: usize) -> Self {
        Self::new(peers.rank(), peers.world(), group_size)
    }

    /// Whether there are samples that it does not have.
    pub fn is_part(&self) -> bool {
        self.world > 1
    }

    /// How many samples of a minibatch of `batch` it has.
    ///
    /// # Errors
    /// If the groups cannot be shared.
    pub fn len(&self, batch: usize) -> Result<usize, Error> {
        Ok(self.runs(batch)?.iter().map(ExactSizeIterator::len).sum())
    }

    /// Which samples of a minibatch of `batch` those are, in their order.
    ///
    /// # Errors
    /// If the groups cannot be shared.
    pub fn runs(&self, batch: usize) -> Result<Vec<Range<usize>>, Error> {
        let Self { rank, world, group_size } = *self;
        if world == 1 {
            return Ok(Vec::from([Range { start: 0, end: batch }]));
        }
        let size = group_size.min(batch).max(1);
        let groups = batch / size;
        if groups == 0 || groups * size != batch || !groups.is_multiple_of(world) {
            return Err(Error::Minibatch { batch, group_size, world });
        }
        let own = groups / world;
        Ok((0..size).map(|row| row * groups + rank * own).map(|first| first..first + own).collect())
    }

    /// Its samples of `[batch, …]`.
    ///
    /// # Errors
    /// If the groups cannot be shared or the device fails.
    pub fn of(&self, whole: &Tensor) -> TensorResult<Tensor> {
        if self.world == 1 {
            return Ok(whole.clone());
        }
        let runs = self.runs(whole.dim(0)?).map_err(candle_core::Error::wrap)?;
        let parts = runs.into_iter().map(|run| whole.narrow(0, run.start, run.len()));
        Tensor::cat(&parts.collect::<TensorResult<Vec<_>>>()?, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_whole_and_every_sample_is_someones() {
        for (batch, group_size, world) in
            [(32, 4, 8), (16, 4, 2), (8, 4, 2), (12, 2, 3), (6, 1, 3), (4, 4, 1), (6, 3, 2)]
        {
            let groups = batch / group_size;
            let mut seen = Vec::new();
            for rank in 0..world {
                let share = Share::new(rank, world, group_size);
                let own: Vec<usize> = share.runs(batch).unwrap().into_iter().flatten().collect();
                assert_eq!((own.len(), share.len(batch).unwrap()), (batch / world, batch / world));
                // Those that are together here are those that are together in the whole, in the same order.
                let own_groups = own.len() / group_size;
                for group in 0..own_groups {
                    let together: Vec<usize> = own.iter().skip(group).step_by(own_groups).copied().collect();
                    let whole: Vec<usize> = (0..batch).skip(together[0]).step_by(groups).collect();
                    assert_eq!(together, whole, "{batch} {group_size} {world}");
                }
                seen.extend(own);
            }
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..batch));
        }
    }

    #[test]
    fn groups_that_cannot_be_shared_are_refused() {
        let message =
            |batch, group_size, world| Share::new(0, world, group_size).runs(batch).unwrap_err().to_string();
        assert_eq!(
            message(4, 4, 2),
            "a minibatch of 4 pictures has 1 group of 4 for the minibatch stddev, which 2 processes cannot share"
        );
        assert!(message(24, 4, 4).contains("6 groups of 4"));
        assert!(message(2, 4, 2).contains("1 group of 2"));
        assert!(message(0, 4, 2).contains("0 groups"));
    }
}
