//! Tensors in a few large pieces, and back.

use candle_core::{DType, Tensor};

use crate::Error;

/// Values in a piece, 32 MiB of them: long enough that how long a message takes to start does not count, and short enough
/// that copies of one take little memory.
const VALUES: usize = 8 << 20;

/// A run of tensors that are sent together.
pub(crate) struct Piece {
    /// Where they stand among all.
    pub(crate) tensors: std::ops::Range<usize>,
    /// Values in all of them.
    pub(crate) values: usize,
}

/// Cuts `tensors` into pieces, each of tensors in their order, on one device, with at most `VALUES` values unless a single one
/// has more. What comes of it depends on the shapes alone.
pub(crate) fn pieces(tensors: &[Tensor]) -> Result<Vec<Piece>, Error> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (index, tensor) in tensors.iter().enumerate() {
        if tensor.dtype() != DType::F32 {
            return Err(Error::Type { found: tensor.dtype() });
        }
        let len = tensor.elem_count();
        match pieces.last_mut() {
            Some(piece)
                if piece.values + len <= VALUES
                    && tensors[piece.tensors.start].device().same_device(tensor.device()) =>
            {
                piece.tensors.end += 1;
                piece.values += len;
            }
            _ => pieces.push(Piece { tensors: index..index + 1, values: len }),
        }
    }
    Ok(pieces)
}

/// All values of `tensors`, one tensor behind the other, `[values]`, on their device, in memory of their own.
pub(crate) fn joined(tensors: &[Tensor]) -> Result<Tensor, Error> {
    let flat = tensors.iter().map(Tensor::flatten_all).collect::<candle_core::Result<Vec<_>>>()?;
    match &flat[..] {
        // candle would give the tensor itself, whose memory may be that of others.
        [tensor] => Ok(tensor.force_contiguous()?),
        flat => Ok(Tensor::cat(flat, 0)?),
    }
}

/// Replaces `tensors` by views into `values`, which are as [`joined`] has them.
pub(crate) fn replace(tensors: &mut [Tensor], values: &Tensor) -> Result<(), Error> {
    let mut start = 0;
    for tensor in tensors {
        let len = tensor.elem_count();
        *tensor = values.narrow(0, start, len)?.reshape(tensor.shape())?;
        start += len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn tensors_come_back_as_they_were() {
        let ramp = |len: usize, shape: &[usize]| {
            Tensor::arange(0f32, len as f32, &Device::Cpu).unwrap().reshape(shape).unwrap()
        };
        let tensors = [ramp(6, &[2, 3]), ramp(1, &[]), ramp(20, &[5, 4]).t().unwrap()];
        let mut replaced = tensors.clone();
        let found = pieces(&tensors).unwrap();
        assert_eq!((found.len(), found[0].tensors.clone(), found[0].values), (1, 0..3, 27));
        replace(&mut replaced, &joined(&tensors).unwrap()).unwrap();
        for (tensor, replaced) in tensors.iter().zip(&replaced) {
            assert_eq!(tensor.dims(), replaced.dims());
            let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(tensor), values(replaced));
        }
    }

    #[test]
    fn a_piece_ends_where_it_would_be_too_long() {
        let zeros = |len| Tensor::zeros(len, DType::F32, &Device::Cpu).unwrap();
        let found = pieces(&[zeros(VALUES - 1), zeros(1), zeros(1), zeros(VALUES + 1), zeros(2)]).unwrap();
        let ranges: Vec<_> = found.iter().map(|piece| piece.tensors.clone()).collect();
        assert_eq!(ranges, [0..2, 2..3, 3..4, 4..5]);
        let doubles = Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap();
        assert_eq!(pieces(&[doubles]).err().unwrap().to_string(), "a tensor to be averaged is of type f64");
    }
}
