//! Tensors that were read, as parameters to be written.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use stylegan_ops::{Key, Parameters, all_finite};

use crate::{Error, ErrorKind, Network, Result};

/// The tensors of `network` by their names in it, read from `path`, as [`save`](crate::save) takes them; in another type
/// if `dtype` says so.
///
/// # Errors
/// If a number is not finite, or not in the new type.
pub fn convert(
    path: &Path,
    network: Network,
    tensors: impl IntoIterator<Item = (String, Tensor)>,
    dtype: Option<DType>,
) -> Result<Parameters> {
    parameters(network, &tensors.into_iter().collect(), dtype).map_err(Error::at(path))
}

fn parameters(
    network: Network,
    tensors: &HashMap<String, Tensor>,
    dtype: Option<DType>,
) -> Result<Parameters, ErrorKind> {
    // Every value is overwritten; the key decides nothing.
    let parameters = Parameters::new(Key::new("converted", &[]));
    for (name, tensor) in tensors {
        let dtype = dtype.unwrap_or(tensor.dtype());
        check(tensor, dtype, || network.full_name(name))?;
        parameters.builder(dtype, &Device::Cpu).get_with_hints(tensor.shape(), name, Init::Const(0.0))?;
    }
    parameters.assign(tensors)?;
    Ok(parameters)
}

/// Whether every number is finite in the new type.
pub(crate) fn check(tensor: &Tensor, dtype: DType, name: impl Fn() -> String) -> Result<(), ErrorKind> {
    let is_finite = |tensor: &Tensor| all_finite(&tensor.to_dtype(DType::F64)?);
    if is_finite(&tensor.to_dtype(dtype)?)? {
        return Ok(());
    }
    if !is_finite(tensor)? {
        return Err(ErrorKind::NotFinite { name: name() });
    }
    let largest = tensor.to_dtype(DType::F64)?.abs()?.max_all()?.to_scalar::<f64>()?;
    Err(ErrorKind::OutOfRange { name: name(), largest, dtype })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(
        network: Network,
        tensors: HashMap<String, Tensor>,
        dtype: Option<DType>,
    ) -> Result<Parameters> {
        super::convert(Path::new("a.safetensors"), network, tensors, dtype)
    }

    fn tensors(values: &[f32]) -> HashMap<String, Tensor> {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        HashMap::from([("a.weight".to_owned(), tensor(&[1.0; 3])), ("b.bias".to_owned(), tensor(values))])
    }

    #[test]
    fn values_are_rounded_to_the_type_and_kept_without() {
        let values = [0.1, -65504.0, 1e-7];
        let kept = convert(Network::G, tensors(&values), None).unwrap();
        assert_eq!(kept.names(), ["a.weight", "b.bias"]);
        assert_eq!(kept.vars()[1].1.to_vec1::<f32>().unwrap(), values);
        let half = convert(Network::G, tensors(&values), Some(DType::F16)).unwrap();
        assert_eq!(half.vars()[1].1.dtype(), DType::F16);
        let rounded = half.vars()[1].1.to_dtype(DType::F32).unwrap().to_vec1::<f32>().unwrap();
        for (rounded, value) in rounded.iter().zip(values) {
            assert!((rounded - value).abs() <= value.abs() / 2048.0 + 3e-8, "{rounded} {value}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_name() {
        let message =
            |values: &[f32], dtype| convert(Network::GEma, tensors(values), dtype).unwrap_err().to_string();
        assert_eq!(
            message(&[1.0, -70_000.0], Some(DType::F16)),
            "the tensor `g_ema.b.bias` holds numbers up to 70000, more than f16 can hold"
        );
        convert(Network::GEma, tensors(&[1.0, -70_000.0]), Some(DType::BF16)).unwrap();
        for (bad, dtype) in
            [(f32::NAN, None), (f32::INFINITY, Some(DType::F16)), (f32::NAN, Some(DType::F32))]
        {
            assert_eq!(
                message(&[1.0, bad], dtype),
                "the tensor `g_ema.b.bias` holds numbers that are not finite"
            );
        }
    }
}
