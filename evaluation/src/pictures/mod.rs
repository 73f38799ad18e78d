//! Pictures that are measured, wherever they come from.

mod drawn;
mod packed;
mod stored;

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
}
