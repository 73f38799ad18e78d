//! What an operation of our own reads.

use candle_core::{CpuStorage, Layout, Result, bail};

/// The values of a tensor in memory, if they lie one behind the other.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice()?[start..end]),
        None => bail!("an argument of shape {:?} is not contiguous", layout.shape()),
    }
}
