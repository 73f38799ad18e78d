//! How much memory is taken at a time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that may be in use together.
pub(crate) struct Budget {
    all: u64,
    left: Mutex<u64>,
    returned: Condvar,
}

/// Bytes in use until this is dropped.
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { all: bytes, left: Mutex::new(bytes), returned: Condvar::new() }
    }

    /// Waits until so many bytes are left. Whoever asks for more than there are gets all of them.
    pub(crate) fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.all);
        let mut left = self.lock();
        while *left < bytes {
            left = self.returned.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
        *left -= bytes;
        Share { budget: self, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.lock() += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_is_in_use_than_there_is() {
        let budget = Budget::new(10);
        let (used, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for number in 0..8_u64 {
                let (budget, used, most) = (&budget, &used, &most);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let bytes = 2 + number;
                        let share = budget.take(bytes + 10 * u64::from(number == 7));
                        let now = used.fetch_add(share.bytes, Ordering::SeqCst) + share.bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        used.fetch_sub(share.bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((9..=10).contains(&most.into_inner()));
        assert_eq!(*budget.lock(), 10);
    }
}
