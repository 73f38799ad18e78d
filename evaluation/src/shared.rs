//! What several processes share of measures: each draws a part of every batch and looks at it, and all get to know the whole.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};
use stylegan_peers::Peers;

use crate::{Error, Result};

/// Which of so many rows are those of this process: parts follow one another by rank.
pub(crate) fn own_part(peers: &dyn Peers, rows: usize) -> Range<usize> {
    let start = |rank: usize| rows * rank / peers.world();
    start(peers.rank())..start(peers.rank() + 1)
}

/// All rows of a batch, `[rows, …]`, of which each process has its [`own_part`]; none where that is empty. They are on the CPU,
/// unless there is one process.
///
/// # Errors
/// If another process has other rows, or does not answer.
pub(crate) fn joined(
    peers: &dyn Peers,
    own: Option<Tensor>,
    (rows, row): (usize, &[usize]),
    dtype: DType,
) -> Result<Tensor> {
    if let (1, Some(own)) = (peers.world(), &own) {
        return Ok(own.clone());
    }
    let bytes = own.map(|own| bytes(&own.to_dtype(dtype)?.flatten_all()?)).transpose()?;
    let all = peers.gather(&bytes.unwrap_or_default())?.concat();
    let shape = [&[rows], row].concat();
    let expected = shape.iter().product::<usize>() * dtype.size_in_bytes();
    if all.len() != expected {
        return Err(Error::OtherRows { found: all.len(), expected });
    }
    Ok(Tensor::from_raw_buffer(&all, dtype, &shape, &Device::Cpu)?)
}

fn bytes(values: &Tensor) -> candle_core::Result<Vec<u8>> {
    match values.dtype() {
        DType::U8 => values.to_vec1::<u8>(),
        _ => Ok(values.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect()),
    }
}
