//! Which picture stands where in an endless training run.

use std::sync::{Arc, Mutex, PoisonError};

use rand::RngCore;
use stylegan_base::Key;

/// The order of pictures, as a function of a seed and a position alone.
///
/// Position 0 is the first picture that training sees, position 1 the second, without end. Every `len` positions are
/// an epoch, in which each picture comes once, in an order of its own. Nothing depends on which positions were asked
/// for before, so a run that goes on after a stop, or on another machine, sees what it would have seen.
///
/// ```
/// use stylegan_dataset::Order;
/// let order = Order::new(7, 3);
/// let mut second_epoch = [order.index(3), order.index(4), order.index(5)];
/// second_epoch.sort();
/// assert_eq!(second_epoch, [0, 1, 2]);
/// ```
#[derive(Debug)]
pub struct Order {
    seed: u64,
    len: usize,
    /// The epochs used last, as a batch can reach over the end of one.
    recent: Mutex<Vec<(u64, Arc<[u32]>)>>,
}

impl Clone for Order {
    fn clone(&self) -> Self {
        Self::new(self.seed, self.len)
    }
}

impl Order {
    /// The order of `len` pictures that `seed` gives.
    ///
    /// # Panics
    /// If there are no pictures, or more than 2³².
    pub fn new(seed: u64, len: usize) -> Self {
        assert!(len > 0 && u32::try_from(len - 1).is_ok(), "an order of {len} pictures");
        Self { seed, len, recent: Mutex::new(Vec::new()) }
    }

    /// How many pictures there are.
    #[expect(clippy::len_without_is_empty, reason = "an order is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The picture at `position`.
    pub fn index(&self, position: u64) -> usize {
        let len = self.len as u64;
        self.epoch(position / len)[(position % len) as usize] as usize
    }

    /// Whether the picture at `position` is to be mirrored, which happens with `probability`.
    pub fn mirrored(&self, position: u64, probability: f64) -> bool {
        Key::new("data mirror", &[self.seed, position]).uniform() < probability
    }

    fn epoch(&self, epoch: u64) -> Arc<[u32]> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, permutation)) = recent.iter().find(|(known, _)| *known == epoch) {
            return permutation.clone();
        }
        let permutation = permutation(self.seed, epoch, self.len);
        if recent.len() == 2 {
            recent.remove(0);
        }
        recent.push((epoch, permutation.clone()));
        permutation
    }
}

/// Fisher and Yates' shuffle, written out so that no new version of a library changes anybody's order.
fn permutation(seed: u64, epoch: u64, len: usize) -> Arc<[u32]> {
    let mut rng = Key::new("data order", &[seed, epoch]).rng();
    let mut order: Arc<[u32]> = (0..=(len - 1) as u32).collect();
    if let Some(order) = Arc::get_mut(&mut order) {
        for last in (1..len).rev() {
            let chosen = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
            order.swap(last, chosen as usize);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_orders_never_change() {
        // A change here changes what every training run sees.
        let order = Order::new(7, 6);
        let indices: Vec<usize> = (0..12).map(|position| order.index(position)).collect();
        assert_eq!(indices, [0, 4, 2, 5, 1, 3, 2, 0, 5, 3, 1, 4]);
        let mirrored: Vec<bool> = (0..8).map(|position| order.mirrored(position, 0.5)).collect();
        assert_eq!(mirrored, [false, false, true, false, true, true, true, false]);
    }

    #[test]
    fn half_of_the_pictures_are_mirrored() {
        let order = Order::new(3, 9);
        let mirrored = (0..10_000).filter(|&position| order.mirrored(position, 0.5)).count() as f64;
        // Four standard deviations.
        assert!((mirrored - 5_000.0).abs() < 200.0, "{mirrored}");
        assert!((0..100).all(|position| !order.mirrored(position, 0.0) && order.mirrored(position, 1.0)));
    }

    #[test]
    fn every_permutation_comes_equally_often() {
        let mut counts = std::collections::HashMap::new();
        for epoch in 0..6_000 {
            *counts.entry(permutation(1, epoch, 3).to_vec()).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|&count| count.abs_diff(1_000) < 120), "{counts:?}");
    }

    proptest! {
        #[test]
        fn each_epoch_holds_each_picture_once(seed: u64, len in 1usize..200, epoch in 0u64..1_000_000_000) {
            let order = Order::new(seed, len);
            let start = epoch * len as u64;
            let mut seen: Vec<usize> = (start..start + len as u64).map(|at| order.index(at)).collect();
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..len));
        }

        #[test]
        fn epochs_and_seeds_have_orders_of_their_own(seed: u64, epoch in 0u64..1_000_000) {
            prop_assert_ne!(permutation(seed, epoch, 60), permutation(seed, epoch + 1, 60));
            prop_assert_ne!(permutation(seed, epoch, 60), permutation(seed.wrapping_add(1), epoch, 60));
        }

        #[test]
        fn what_was_asked_before_does_not_matter(seed: u64, positions in prop::collection::vec(0u64..500, 1..40)) {
            let order = Order::new(seed, 17);
            for position in positions {
                let fresh = Order::new(seed, 17);
                prop_assert_eq!(order.index(position), fresh.index(position));
                prop_assert_eq!(order.mirrored(position, 0.5), fresh.mirrored(position, 0.5));
            }
        }
    }
}
