//! Numbers of an independent implementation, for the tests of this room: `tests/fixtures/README.md`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The tensors of one file.
pub(crate) struct Golden(HashMap<String, Tensor>);

impl Golden {
    pub(crate) fn open(file: &str) -> Self {
        Self(candle_core::safetensors::load(path(&format!("{file}.safetensors")), &Device::Cpu).unwrap())
    }

    pub(crate) fn tensor(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("there is no golden tensor `{name}`"))
    }

    /// All entries, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<f64> {
        values(self.tensor(name))
    }

    #[track_caller]
    pub(crate) fn assert_close(&self, name: &str, actual: &[f64], atol: f64) {
        let expected = self.values(name);
        assert_eq!(actual.len(), expected.len(), "`{name}`");
        for (at, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            assert!((actual - expected).abs() <= atol, "`{name}` at {at}: {actual} against {expected}");
        }
    }
}

/// All entries of a tensor, in order.
pub(crate) fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// One of the numbers in `expected.json`.
pub(crate) struct Expected {
    name: String,
    pub(crate) value: f64,
    tolerance: f64,
}

pub(crate) fn expected(name: &str) -> Expected {
    let text = std::fs::read_to_string(path("expected.json")).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let number = |key: &str| all[name][key].as_f64();
    let value = number("value").unwrap_or_else(|| panic!("there is no golden number `{name}`"));
    let tolerance = number("rtol").unwrap_or(0.0) * value.abs() + number("atol").unwrap_or(0.0);
    Expected { name: name.to_owned(), value, tolerance }
}

impl Expected {
    #[track_caller]
    pub(crate) fn assert_close(&self, actual: f64) {
        let Self { name, value, tolerance } = self;
        assert!(
            (actual - value).abs() <= *tolerance,
            "`{name}` is {actual}, not {value} up to {tolerance:e}"
        );
    }
}

/// The pictures of `pictures_a.zip` or `pictures_b.zip`, `[96, 3, 64, 64]` in 0..255.
pub(crate) fn pictures(set: &str) -> Tensor {
    let file = std::fs::File::open(path(&format!("pictures_{set}.zip"))).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let mut names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.retain(|name| std::path::Path::new(name).extension().is_some_and(|ending| ending == "png"));
    names.sort();
    let pictures: Vec<Tensor> = names
        .iter()
        .map(|name| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut zip.by_name(name).unwrap(), &mut bytes).unwrap();
            let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
            let shape = (picture.height() as usize, picture.width() as usize, 3);
            Tensor::from_vec(picture.into_raw(), shape, &Device::Cpu).unwrap().permute((2, 0, 1)).unwrap()
        })
        .collect();
    Tensor::stack(&pictures, 0).unwrap().to_dtype(DType::F32).unwrap()
}
