//! Weights as TensorFlow.js keeps them: a list of names, shapes and scales, and the numbers, a byte each.
//!
//! `w = q · scale + min`, or four bytes of a little-endian `f32` where no scale is given. The numbers of one weight follow
//! those of the one before.

use std::collections::HashMap;

use candle_core::{Device, Shape, Tensor};
use serde::Deserialize;

use crate::error::{Error, Result};

/// More numbers than any network that is quantized for a browser has.
const MAX_VALUES: usize = 1 << 26;

/// Weights by their names, in the layout of the file.
#[derive(Debug)]
pub(crate) struct Quantized(HashMap<String, Tensor>);

#[derive(Deserialize)]
struct Group {
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

#[derive(Deserialize)]
struct Quantization {
    #[serde(default)]
    dtype: Option<String>,
    scale: f32,
    min: f32,
}

impl Quantized {
    /// Reads the weights that `manifest` lists from `bytes`.
    ///
    /// # Errors
    /// If the list is no such list, or the bytes are more or fewer than it asks for.
    pub(crate) fn read(manifest: &[u8], bytes: &[u8]) -> Result<Self> {
        let groups: Vec<Group> = serde_json::from_slice(manifest)?;
        let mut tensors = HashMap::new();
        let (mut listed, mut rest) = (0_usize, bytes);
        for entry in groups.into_iter().flat_map(|group| group.weights) {
            let Entry { name, shape, dtype, quantization } = entry;
            let refused = |reason: String| Error::weight(&name, reason);
            let count = shape.iter().try_fold(1_usize, |count, &side| count.checked_mul(side));
            let count = count.filter(|&count| count <= MAX_VALUES);
            let count =
                count.ok_or_else(|| refused(format!("has the shape {shape:?}, which is too large")))?;
            if dtype != "float32" {
                return Err(refused(format!("is of type `{dtype}`, not `float32`")));
            }
            let length = if quantization.is_some() { count } else { count * size_of::<f32>() };
            listed += length;
            let Some((own, after)) = rest.split_at_checked(length) else {
                return Err(refused(format!("ends beyond the {} bytes that there are", bytes.len())));
            };
            rest = after;
            let values = match quantization {
                None => own.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect(),
                Some(quantization) => quantization.values(own).map_err(refused)?,
            };
            if !values.iter().all(|value| value.is_finite()) {
                return Err(refused("has values that are not finite".to_owned()));
            }
            let tensor = Tensor::from_vec(values, Shape::from(shape), &Device::Cpu)?;
            if tensors.contains_key(&name) {
                return Err(refused("is listed twice".to_owned()));
            }
            tensors.insert(name, tensor);
        }
        if rest.is_empty() { Ok(Self(tensors)) } else { Err(Error::Length { found: bytes.len(), listed }) }
    }

    /// The weight of this name and shape.
    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        match self.0.get(name) {
            None => Err(Error::weight(name, "is missing")),
            Some(tensor) if tensor.dims() != shape => {
                Err(Error::weight(name, format!("has the shape {:?}, not {shape:?}", tensor.dims())))
            }
            Some(tensor) => Ok(tensor.clone()),
        }
    }

    /// A convolution's weight as `[out_channels, in_channels, kernel, kernel]`, which the file has the other way round.
    pub(crate) fn conv(
        &self,
        name: &str,
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
    ) -> Result<Tensor> {
        let weight = self.get(name, &[kernel, kernel, in_channels, out_channels])?;
        Ok(weight.permute((3, 2, 0, 1))?.contiguous()?)
    }
}

impl Quantization {
    fn values(&self, bytes: &[u8]) -> Result<Vec<f32>, String> {
        match self.dtype.as_deref() {
            None | Some("uint8") => {
                Ok(bytes.iter().map(|&q| f32::from(q).mul_add(self.scale, self.min)).collect())
            }
            Some(dtype) => Err(format!("is quantized to `{dtype}`, not `uint8`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = r#"[{"weights": [
        {"name": "a", "shape": [2, 3], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1}},
        {"name": "b", "shape": [2], "dtype": "float32"}
    ], "paths": ["weights.bin"]}]"#;

    fn bytes() -> Vec<u8> {
        [&[0, 1, 2, 3, 4, 255][..], &1.5_f32.to_le_bytes(), &(-2.0_f32).to_le_bytes()].concat()
    }

    fn refusal(manifest: &str, bytes: &[u8]) -> String {
        Quantized::read(manifest.as_bytes(), bytes).unwrap_err().to_string()
    }

    #[test]
    fn bytes_become_numbers() {
        let weights = Quantized::read(LIST.as_bytes(), &bytes()).unwrap();
        let a = weights.get("a", &[2, 3]).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(a, [[-1.0, -0.5, 0.0], [0.5, 1.0, 126.5]]);
        assert_eq!(weights.get("b", &[2]).unwrap().to_vec1::<f32>().unwrap(), [1.5, -2.0]);
        let missing = weights.get("c", &[2]).unwrap_err();
        assert_eq!(missing.to_string(), "weight `c` is missing");
        let other = weights.conv("a", 1, 2, 3).unwrap_err();
        assert_eq!(other.to_string(), "weight `a` has the shape [2, 3], not [3, 3, 1, 2]");
    }

    #[test]
    fn bad_lists_are_refused() {
        let bytes = bytes();
        for (old, new, words) in [
            ("[2, 3]", "[4294967296, 4294967296, 4294967296]", "which is too large"),
            ("[2, 3]", "[70000, 70000]", "which is too large"),
            ("[2, 3]", "[2, 4]", "weight `b` ends beyond the 14 bytes that there are"),
            ("[2, 3]", "[2, 2]", "the weights have 14 bytes, not the 12 that are listed"),
            ("[2, 3]", "[-2, 3]", "the list of weights cannot be understood"),
            ("uint8", "uint16", "weight `a` is quantized to `uint16`, not `uint8`"),
            ("float32", "int32", "weight `a` is of type `int32`, not `float32`"),
            ("0.5", "1e38", "weight `a` has values that are not finite"),
            ("\"b\"", "\"a\"", "weight `a` is listed twice"),
        ] {
            let list = LIST.replacen(old, new, 1);
            assert!(refusal(&list, &bytes).contains(words), "{list}: {}", refusal(&list, &bytes));
        }
        for end in 0..bytes.len() {
            assert!(refusal(LIST, &bytes[..end]).contains("ends beyond"), "{end}");
        }
        let mut strange = bytes;
        strange[6..10].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(refusal(LIST, &strange), "weight `b` has values that are not finite");
    }

    proptest! {
        #[test]
        fn whatever_stands_there_nothing_panics(
            cut in 0..LIST.len(),
            at in 0..LIST.len(),
            byte in any::<u8>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut list = LIST.as_bytes().to_vec();
            list[at] = byte;
            let _ = Quantized::read(&list, &bytes);
            let _ = Quantized::read(&list[..cut], &bytes);
        }
    }
}
