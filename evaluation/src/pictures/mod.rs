//! Pictures that are measured, wherever they come from.

mod drawn;
mod packed;
mod stored;

use std::collections::HashMap;

use candle_core::Tensor;
use stylegan_dataset::Skipped;

use crate::Result;

pub use drawn::{Drawn, bytes};
pub use packed::Packed;
pub use stored::Stored;

/// Pictures that are measured, a few at a time.
pub trait Pictures {
    /// How many there are.
    fn count(&self) -> usize;

    /// What tells them from all others, order included; none where nothing is to be kept of them.
    fn fingerprint(&self) -> Option<String>;

    /// Shows the first `count` of them in batches, `u8 [batch, 3, height, width]`, all of a batch of one size. Those that cannot be
    /// read are left out, and returned.
    ///
    /// Where not all are asked for, it matters that the order has nothing to do with what they show.
    ///
    /// # Errors
    /// If none can be read or drawn, or with the error of `visit`.
    fn each(&self, count: usize, visit: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<Vec<Skipped>>;

    /// Those of some numbers, which count the pictures that can be read as [`Pictures::each`] shows them, `u8 [3, height, width]` each;
    /// what is not there is left out.
    ///
    /// # Errors
    /// As [`Pictures::each`].
    fn picked(&self, numbers: &[usize]) -> Result<Vec<Tensor>> {
        let Some(last) = numbers.iter().max() else { return Ok(Vec::new()) };
        let mut found = HashMap::new();
        // Where some cannot be read, the last is further on.
        for count in [self.count().min(last + 1), self.count()] {
            let mut seen = 0;
            self.each(count, &mut |batch| {
                for number in (0..batch.dim(0)?).map(|place| seen + place) {
                    if numbers.contains(&number) {
                        found.insert(number, batch.get(number - seen)?);
                    }
                }
                seen += batch.dim(0)?;
                Ok(())
            })?;
            if seen > *last {
                break;
            }
        }
        Ok(numbers.iter().filter_map(|number| found.get(number).cloned()).collect())
    }
}
