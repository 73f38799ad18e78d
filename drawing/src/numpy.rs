//! Arrays of `NumPy`, as much of them as latents need.

use candle_core::{DType, Device, Tensor};

/// The longest description of an array that is read; those of plain numbers take a line.
const MAX_HEADER_BYTES: usize = 1 << 12;

/// An array as `numpy.save` writes it.
#[derive(Debug)]
pub(crate) struct NumpyArray<'a> {
    dtype: DType,
    pub(crate) shape: Vec<usize>,
    /// Whether the first axis is fastest, as in Fortran.
    columns_first: bool,
    data: &'a [u8],
}

impl<'a> NumpyArray<'a> {
    /// Takes a file apart: its signature, its version, the length of its header, the header as a Python dictionary, the
    /// numbers.
    ///
    /// # Errors
    /// What is wrong with it, in words. Nothing is unpickled.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let cut = || "it is cut short".to_owned();
        let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("it is no array")?;
        let (&[major, _minor], rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let (length, rest) = if major == 1 {
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        } else {
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            (u32::from_le_bytes(*length) as usize, rest)
        };
        if !(1..=3).contains(&major) || length > MAX_HEADER_BYTES {
            return Err("its header is not understood".to_owned());
        }
        let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
        let header = std::str::from_utf8(header).map_err(|_| "its header is not understood")?;
        let (dtype, columns_first, shape) = describe(header)?;
        let count = shape.iter().try_fold(dtype.size_in_bytes(), |count, &size| count.checked_mul(size));
        match count.and_then(|count| data.get(..count)) {
            Some(data) => Ok(Self { dtype, shape, columns_first, data }),
            None => Err(cut()),
        }
    }

    pub(crate) fn tensor(&self) -> candle_core::Result<Tensor> {
        if !self.columns_first {
            return Tensor::from_raw_buffer(self.data, self.dtype, &self.shape, &Device::Cpu);
        }
        let reversed: Vec<usize> = self.shape.iter().rev().copied().collect();
        let axes: Vec<usize> = (0..self.shape.len()).rev().collect();
        Tensor::from_raw_buffer(self.data, self.dtype, &reversed, &Device::Cpu)?.permute(axes)?.contiguous()
    }
}

/// Type, order and shape from a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (1, 512), }`.
fn describe(header: &str) -> Result<(DType, bool, Vec<usize>), String> {
    let value = |key: &str| {
        let (_, value) = header.split_once(&format!("'{key}':"))?;
        Some(value.trim_start())
    };
    let missing = || "its header is not understood".to_owned();
    let descr = value("descr").ok_or_else(missing)?;
    let name =
        descr.strip_prefix('\'').and_then(|descr| descr.split_once('\'')).map_or("?", |(name, _)| name);
    let dtype = match name {
        "<f2" => DType::F16,
        "<f4" => DType::F32,
        "<f8" => DType::F64,
        "|O" => return Err("it holds Python objects, not numbers".to_owned()),
        name => {
            let name: String = name.chars().filter(|c| !c.is_control()).take(20).collect();
            return Err(format!("its numbers are of type `{name}`, not `<f2`, `<f4` or `<f8`"));
        }
    };
    let columns_first = value("fortran_order").ok_or_else(missing)?.starts_with("True");
    let shape =
        value("shape").and_then(|shape| shape.strip_prefix('(')?.split_once(')')).ok_or_else(missing)?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    // Python 2 writes long numbers with an L.
    let sizes = sizes.map(|size| size.trim_end_matches('L').parse().map_err(|_| missing()));
    Ok((dtype, columns_first, sizes.collect::<Result<_, _>>()?))
}

/// The file of an array.
#[cfg(test)]
pub(crate) fn written(descr: &str, columns_first: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if columns_first { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u8) -> Vec<u8> {
        (0..count).flat_map(|number| f32::from(number).to_le_bytes()).collect()
    }

    #[test]
    fn numbers_come_in_either_order() {
        for (columns_first, expected) in
            [(false, [[0_f32, 1.0, 2.0], [3.0, 4.0, 5.0]]), (true, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])]
        {
            let file = written("'<f4'", columns_first, "(2L, 3)", &numbers(6));
            let tensor = NumpyArray::parse(&file).unwrap().tensor().unwrap();
            assert_eq!(tensor.to_vec2::<f32>().unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_array_of_numbers_says_why() {
        let reason = |bytes: &[u8]| NumpyArray::parse(bytes).unwrap_err();
        let of = |descr: &str, shape: &str| reason(&written(descr, false, shape, &numbers(6)));
        assert_eq!(of("'|O'", "(6,)"), "it holds Python objects, not numbers");
        assert_eq!(of("'>f4'", "(6,)"), "its numbers are of type `>f4`, not `<f2`, `<f4` or `<f8`");
        assert_eq!(of("[('x', '<f4')]", "(6,)"), "its numbers are of type `?`, not `<f2`, `<f4` or `<f8`");
        assert_eq!(of("'<f4'", "(7,)"), "it is cut short");
        assert_eq!(of("'<f4'", "(18446744073709551615, 2)"), "it is cut short");
        for shape in ["(-1,)", "(a,)", "(99999999999999999999,)", "6"] {
            assert_eq!(of("'<f4'", shape), "its header is not understood");
        }
        let whole = written("'<f4'", false, "(2, 3)", &numbers(6));
        for end in 0..whole.len() {
            reason(&whole[..end]);
        }
        let mut long = b"\x93NUMPY\x02\0".to_vec();
        long.extend(u32::MAX.to_le_bytes());
        assert_eq!(reason(&long), "its header is not understood");
    }
}
