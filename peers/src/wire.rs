//! How tensors go over a wire that adds them up itself, as NCCL does.

use candle_core::Tensor;

use crate::Error;
use crate::pieces::{joined, pieces, replace};

/// What adds up tensors of several processes. Calls between a start and an end are one piece of work.
pub(crate) trait Wire {
    /// Work begins that is asked for in several calls.
    fn group_start(&self) -> Result<(), Error>;

    /// Replaces `values`, `[len]` and nobody else's, by their sum over all processes.
    fn sum(&self, values: &Tensor) -> Result<(), Error>;

    /// That was all of the work.
    fn group_end(&self) -> Result<(), Error>;
}

/// Replaces each of `tensors` by its mean over the processes; returns how many values that were.
pub(crate) fn mean(wire: &impl Wire, world: usize, tensors: &mut [Tensor]) -> Result<usize, Error> {
    let pieces = pieces(tensors)?;
    let sums =
        pieces.iter().map(|piece| joined(&tensors[piece.tensors.clone()])).collect::<Result<Vec<_>, _>>()?;
    wire.group_start()?;
    let asked_for = sums.iter().try_for_each(|values| wire.sum(values));
    // What was begun is ended even if it failed: what comes after it would not start else.
    let ended = wire.group_end();
    asked_for.and(ended)?;
    let mut values = 0;
    for (piece, sums) in pieces.into_iter().zip(sums) {
        replace(&mut tensors[piece.tensors], &(sums / world as f64)?)?;
        values += piece.values;
    }
    Ok(values)
}

/// Bytes that a process sends for the mean of so many values of `f32`, whoever adds them up: `2 (n - 1)/n` of them.
pub(crate) fn sent_bytes(world: usize, values: usize) -> u64 {
    let (world, bytes) = (world as u64, (values * size_of::<f32>()) as u64);
    2 * (world - 1) * bytes / world
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use candle_core::{DType, Device};

    use super::*;

    /// A library that is as strict as NCCL: sums are asked for within a group, groups are not nested, all are ended, and each sum
    /// has the length that it has in the other processes.
    #[derive(Default)]
    struct Strict {
        is_open: RefCell<bool>,
        lengths: RefCell<Vec<usize>>,
        fails_at: Option<usize>,
    }

    impl Wire for Strict {
        fn group_start(&self) -> Result<(), Error> {
            assert!(!self.is_open.replace(true), "a group within a group");
            Ok(())
        }

        fn sum(&self, values: &Tensor) -> Result<(), Error> {
            assert!(*self.is_open.borrow(), "a sum outside of a group");
            assert!(values.is_contiguous() && values.rank() == 1 && values.dtype() == DType::F32);
            self.lengths.borrow_mut().push(values.elem_count());
            if self.fails_at == Some(self.lengths.borrow().len()) {
                return Err(Error::Nccl { what: "ncclInternalError".to_owned() });
            }
            // Four processes with the same values, so that nothing is rounded.
            Ok(stylegan_ops::ema_update(&[(values, &(values * 4.0)?)], 0.0)?)
        }

        fn group_end(&self) -> Result<(), Error> {
            assert!(self.is_open.replace(false), "the end of no group");
            Ok(())
        }
    }

    fn tensors() -> Vec<Tensor> {
        let ramp = |shape: &[usize]| {
            let len = shape.iter().product::<usize>();
            Tensor::arange(0f32, len as f32, &Device::Cpu).unwrap().reshape(shape).unwrap()
        };
        vec![ramp(&[5, 3]), ramp(&[]), ramp(&[9 << 20]), ramp(&[2, 2]).t().unwrap()]
    }

    #[test]
    fn a_mean_is_one_group_of_few_sums() {
        let (wire, mut averaged) = (Strict::default(), tensors());
        assert_eq!(mean(&wire, 4, &mut averaged).unwrap(), 16 + (9 << 20) + 4);
        assert!(!*wire.is_open.borrow());
        assert_eq!(*wire.lengths.borrow(), [16, 9 << 20, 4]);
        for (averaged, tensor) in averaged.iter().zip(tensors()) {
            let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(averaged.dims(), tensor.dims());
            assert!(values(averaged) == values(&tensor));
        }
    }

    #[test]
    fn no_way_needs_fewer_bytes() {
        assert_eq!([1, 2, 8].map(|world| sent_bytes(world, 1000)), [0, 4000, 7000]);
    }

    #[test]
    fn a_group_that_fails_is_ended() {
        let wire = Strict { fails_at: Some(2), ..Strict::default() };
        assert_eq!(mean(&wire, 4, &mut tensors()).unwrap_err().to_string(), "NCCL failed: ncclInternalError");
        assert!(!*wire.is_open.borrow());
        assert_eq!(wire.lengths.borrow().len(), 2);
    }
}
