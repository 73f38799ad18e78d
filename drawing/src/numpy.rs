//! Arrays of `NumPy` as tensors.

use candle_core::{DType, Device, Tensor};
use stylegan_base::NumpyArray;

/// The numbers of latents, each with its bytes.
const ACCEPTED: [(&str, usize); 3] = [("<f2", 2), ("<f4", 4), ("<f8", 8)];

/// Takes the file of an array apart.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn parse(bytes: &[u8]) -> Result<NumpyArray<'_>, String> {
    NumpyArray::parse(bytes, &ACCEPTED)
}

/// The numbers of an array in the order of its axes.
pub(crate) fn tensor(array: &NumpyArray<'_>) -> candle_core::Result<Tensor> {
    let dtype = match array.number {
        "<f2" => DType::F16,
        "<f4" => DType::F32,
        _ => DType::F64,
    };
    if !array.columns_first {
        return Tensor::from_raw_buffer(array.data, dtype, &array.shape, &Device::Cpu);
    }
    let reversed: Vec<usize> = array.shape.iter().rev().copied().collect();
    let axes: Vec<usize> = (0..array.shape.len()).rev().collect();
    Tensor::from_raw_buffer(array.data, dtype, &reversed, &Device::Cpu)?.permute(axes)?.contiguous()
}

/// The file of an array of `f32`, whose header ends at a multiple of 64 bytes, as `NumPy` has it.
pub(crate) fn written(shape: &[usize], data: &[u8]) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(|axis| format!("{axis},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", axes.join(" "));
    let end = (10 + header.len() + 1).next_multiple_of(64);
    header.push_str(&" ".repeat(end - 11 - header.len()));
    header.push('\n');
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// The same of any numbers, in either order.
#[cfg(test)]
pub(crate) fn written_as(descr: &str, columns_first: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if columns_first { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_either_order() {
        let numbers: Vec<u8> = (0..6_u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
        for (columns_first, expected) in
            [(false, [[0_f32, 1.0, 2.0], [3.0, 4.0, 5.0]]), (true, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])]
        {
            let file = written_as("'<f4'", columns_first, "(2L, 3)", &numbers);
            let tensor = tensor(&parse(&file).unwrap()).unwrap();
            assert_eq!(tensor.to_vec2::<f32>().unwrap(), expected);
        }
        assert!(parse(&written_as("'<i4'", false, "(2,)", &[0; 8])).is_err());
    }
}
