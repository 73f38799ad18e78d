//! Arrays of numbers in a file: `NumPy`'s, and tensors of PyTorch.

use candle_core::{DType, Device, Tensor};

use stylegan_pickle::Number;

use crate::store::{Store, Stored};
use crate::{ErrorKind, Result};

/// Numbers of one array, at most.
const MAX_NUMBERS: usize = 1 << 31;
const MAX_AXES: usize = 8;

/// Where the numbers of an array are, and how they are ordered.
#[derive(Clone, Debug)]
pub struct Array {
    number: Number,
    shape: Vec<usize>,
    /// Of each axis, in numbers.
    strides: Vec<usize>,
    /// Of the first number, in numbers.
    offset: usize,
    stored: Stored,
}

impl Array {
    /// Numbers in the order of their axes, the last one fastest; of `columns_first`, the first one.
    ///
    /// None if there are fewer bytes than numbers, or more numbers than any network has.
    pub fn dense(number: Number, shape: Vec<usize>, columns_first: bool, stored: Stored) -> Option<Self> {
        let mut strides = vec![0; shape.len()];
        let mut stride = 1_usize;
        let mut note = |axis: usize| {
            strides[axis] = stride;
            stride = stride.checked_mul(shape[axis])?;
            Some(())
        };
        if columns_first {
            (0..shape.len()).try_for_each(&mut note)?;
        } else {
            (0..shape.len()).rev().try_for_each(&mut note)?;
        }
        Self::strided(number, shape, strides, 0, stored)
    }

    /// Numbers so far apart along each axis, in numbers, the first one at `offset`.
    ///
    /// None if the numbers are not all where they should be, or there are more than any network has.
    pub fn strided(
        number: Number,
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        stored: Stored,
    ) -> Option<Self> {
        let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))?;
        if count > MAX_NUMBERS || shape.len() > MAX_AXES || shape.len() != strides.len() {
            return None;
        }
        let array = Self { number, shape, strides, offset, stored };
        let end = (array.last()?.checked_add(1)?).checked_mul(number.size_bytes())?;
        (count == 0 || array.stored.holds(end as u64)).then_some(array)
    }

    /// Place of the last number.
    fn last(&self) -> Option<usize> {
        self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (&size, &stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        })
    }

    /// Its axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type of its numbers.
    pub fn number(&self) -> Number {
        self.number
    }

    /// The type of its tensor; none if its numbers are not floating point.
    pub fn dtype(&self) -> Option<DType> {
        Some(match self.number {
            Number::F64 => DType::F64,
            Number::F32 => DType::F32,
            Number::F16 => DType::F16,
            Number::BF16 => DType::BF16,
            _ => return None,
        })
    }

    /// What its numbers take.
    pub fn size_bytes(&self) -> u64 {
        (self.shape.iter().product::<usize>() * self.number.size_bytes()) as u64
    }

    /// Reads the numbers, if they are floating point or bytes; `name` is what it is called where it is refused.
    ///
    /// # Errors
    /// If they are neither, or the file cannot be read or is damaged.
    pub fn tensor(&self, name: &str, store: &mut Store) -> Result<Tensor> {
        let is_bytes = self.number == Number::U8;
        let Some(dtype) = self.dtype().or(is_bytes.then_some(DType::U8)) else {
            let found = format!("{:?}", self.number);
            return Err(store.error(ErrorKind::Type { name: name.to_owned(), found }));
        };
        let size = self.number.size_bytes();
        let end = self.last().unwrap_or(0) + 1;
        let bytes = store.read(&self.stored, (self.offset * size) as u64, (end * size) as u64)?;
        let tensor = |bytes: &[u8]| {
            Tensor::from_raw_buffer(bytes, dtype, &self.shape, &Device::Cpu)
                .map_err(|error| store.error(ErrorKind::Tensor(error)))
        };
        if self.is_dense() {
            return tensor(&bytes);
        }
        let mut gathered = Vec::with_capacity(self.size_bytes() as usize);
        gather(&bytes, size, &self.shape, &self.strides, &mut gathered);
        tensor(&gathered)
    }

    /// Its only number; none if there are others or it is of no type that tensors have.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn scalar(&self, store: &mut Store) -> Result<Option<f64>> {
        if self.shape.iter().product::<usize>() != 1 {
            return Ok(None);
        }
        let size = self.number.size_bytes();
        let from = (self.offset * size) as u64;
        let bytes = store.read(&self.stored, from, from + size as u64)?;
        let dtype = match self.number {
            Number::I64 => DType::I64,
            Number::I32 => DType::I32,
            _ => match self.dtype() {
                Some(dtype) => dtype,
                None => return Ok(None),
            },
        };
        let number = Tensor::from_raw_buffer(&bytes, dtype, &[], &Device::Cpu)
            .and_then(|number| number.to_dtype(DType::F64)?.to_scalar());
        number.map(Some).map_err(|error| store.error(ErrorKind::Tensor(error)))
    }

    fn is_dense(&self) -> bool {
        let mut stride = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &actual)| {
            let fits = size == 1 || actual == stride;
            stride *= size;
            fits
        })
    }
}

/// Copies numbers of `size` bytes out of strided axes.
fn gather(bytes: &[u8], size: usize, shape: &[usize], strides: &[usize], out: &mut Vec<u8>) {
    let ([count, shape @ ..], [stride, strides @ ..]) = (shape, strides) else {
        out.extend_from_slice(&bytes[..size]);
        return;
    };
    for index in 0..*count {
        gather(&bytes[index * stride * size..], size, shape, strides, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(numbers: usize) -> Stored {
        Stored::Short(vec![0; 4 * numbers].into())
    }

    #[test]
    fn arrays_that_reach_beyond_their_bytes_are_none() {
        let dense =
            |shape: &[usize], numbers| Array::dense(Number::F32, shape.to_vec(), false, bytes(numbers));
        assert!(dense(&[2, 3], 6).is_some() && dense(&[2, 3], 7).is_some());
        assert!(dense(&[2, 3], 5).is_none());
        assert!(dense(&[usize::MAX, 2], 6).is_none());
        assert!(dense(&[1; 9], 6).is_none());
        assert!(dense(&[0, 7], 0).is_some());
        let strided = |strides: [usize; 2], offset| {
            Array::strided(Number::F32, vec![2, 3], strides.to_vec(), offset, bytes(12)).is_some()
        };
        assert!(strided([6, 2], 1) && !strided([6, 2], 2));
        assert!(strided([0, 0], 11) && !strided([0, 0], 12));
        assert!(!strided([usize::MAX, 1], 0) && !strided([1, 1], usize::MAX));
    }

    #[test]
    fn strided_numbers_come_in_the_order_of_their_axes() {
        let numbers: Vec<u8> = (0..12).flat_map(|n| (n as f32).to_le_bytes()).collect();
        let mut out = Vec::new();
        gather(&numbers, 4, &[2, 3], &[1, 4], &mut out);
        let out: Vec<f32> = out.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(out, [0.0, 4.0, 8.0, 1.0, 5.0, 9.0]);
    }
}
