//! Golden numbers of an independent implementation, for the tests of the other rooms.
//!
//! What the files hold, and how close is close: `golden/fixtures/README.md`.
//!
//! ```
//! use candle_core::DType;
//! use stylegan_golden::TestDevice;
//!
//! let golden = TestDevice::cpu(DType::F32).golden("b_mapping");
//! assert_eq!(golden.config().latent_size, 16);
//! let w = golden.get("w");
//! golden.assert_close("w", &(w + 1e-6)?);
//! # Ok::<(), candle_core::Error>(())
//! ```
#![expect(clippy::unwrap_used, reason = "only tests depend on this crate, and a panic is how a test fails")]
#![allow(
    clippy::missing_panics_doc,
    reason = "everything here panics where the files do not hold what is asked for"
)]

mod config;
mod test_device;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use safetensors::SafeTensors;
use serde::Deserialize;

pub use config::{Config, FusedScale};
pub use test_device::{Closeness, TestDevice, on_gpu};

/// One file of golden tensors.
///
/// Kernels of fused up-convolutions, and their gradients, come flipped in both axes: that makes them the kernels of
/// the plain form, up-scaling and then convolution, which is the only one that this system has.
#[derive(Debug)]
pub struct Golden {
    file: String,
    on: TestDevice,
    config: Option<Config>,
    tensors: BTreeMap<String, Tensor>,
    tolerances: HashMap<String, Tolerance>,
}

/// What is recorded beside a tensor.
#[derive(Debug, Deserialize)]
struct Tolerance {
    /// What it is: an `input`, an `output`, a derivative (`grad`).
    #[serde(default)]
    role: String,
    /// Largest difference of an entry; none of what may not be compared.
    atol: Option<f64>,
}

/// The folder of the files: `GOLDEN_FIXTURES`, for tests that run on another machine than the one that built them.
pub fn fixtures() -> PathBuf {
    std::env::var_os("GOLDEN_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), PathBuf::from)
}

impl Golden {
    fn open(file: &str, on: &TestDevice) -> Self {
        let folder = fixtures();
        let read = |name: String| {
            std::fs::read(folder.join(&name)).unwrap_or_else(|error| panic!("golden file `{name}`: {error}"))
        };
        let bytes = read(format!("{file}.safetensors"));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let config = header.metadata().as_ref().and_then(|metadata| metadata.get("config"));
        let prefix = file.split('_').next().unwrap();
        let mut tolerances: HashMap<String, HashMap<String, Tolerance>> =
            serde_json::from_slice(&read(format!("{prefix}_tolerances.json"))).unwrap();
        Self {
            file: file.to_owned(),
            on: on.clone(),
            config: config.map(|json| serde_json::from_str(json).unwrap()),
            tensors: candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
                .unwrap()
                .into_iter()
                .collect(),
            tolerances: tolerances.remove(file).unwrap(),
        }
    }

    /// Where the numbers are compared.
    pub fn test_device(&self) -> &TestDevice {
        &self.on
    }

    /// The network behind the numbers.
    pub fn config(&self) -> &Config {
        self.config.as_ref().unwrap_or_else(|| panic!("`{}` belongs to no network", self.file))
    }

    /// Every name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensor of this name, on the test's device and in its type.
    pub fn get(&self, name: &str) -> Tensor {
        self.expected(name).to_device(&self.on.device).unwrap()
    }

    /// The number of this name, a tensor of shape `[1]`.
    ///
    /// A float32 is read as the shortest decimal that it stands for: 1.3, not 1.299999952.
    pub fn scalar(&self, name: &str) -> f64 {
        let tensor = self.stored(name);
        assert_eq!(tensor.dims(), [1], "`{name}` of `{}` is no scalar", self.file);
        match tensor.dtype() {
            DType::I64 => tensor.to_vec1::<i64>().unwrap()[0] as f64,
            _ => tensor.to_vec1::<f32>().unwrap()[0].to_string().parse().unwrap(),
        }
    }

    /// Every tensor whose name starts with `prefix`, by the rest of the name.
    pub fn weights(&self, prefix: &str) -> HashMap<String, Tensor> {
        let found: HashMap<_, _> = self
            .names()
            .filter_map(|name| Some((name.strip_prefix(prefix)?.to_owned(), self.get(name))))
            .collect();
        assert!(!found.is_empty(), "`{}` has no tensors `{prefix}*`", self.file);
        found
    }

    /// Fails unless `actual` is as close to the tensor `name` as the test device asks.
    #[track_caller]
    pub fn assert_close(&self, name: &str, actual: &Tensor) {
        let expected = self.expected(name);
        let (file, dims) = (&self.file, expected.dims());
        let is_scalar = dims == [1] && actual.dims().is_empty();
        assert!(
            is_scalar || actual.dims() == dims,
            "`{name}` of `{file}` is {dims:?}, not {:?}",
            actual.dims()
        );
        let tolerance = self.tolerances.get(name).and_then(|tolerance| Some((tolerance, tolerance.atol?)));
        let (Tolerance { role, .. }, atol) =
            tolerance.unwrap_or_else(|| panic!("`{name}` of `{file}` has no tolerance"));
        let (actual, expected) = (values(actual), values(&expected));
        let differences = actual.iter().zip(&expected).map(|(actual, expected)| actual - expected);
        match self.on.closeness {
            Closeness::Entries(times) => {
                let differences = differences.map(f64::abs).enumerate();
                // A value that is not a number is the largest of all.
                let (index, difference) = differences.max_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap();
                let bound = times * atol;
                assert!(
                    difference <= bound,
                    "`{name}` of `{file}` is {difference:.3e} off at entry {index} of {dims:?}, more than {bound:.3e}"
                );
            }
            Closeness::Length { values, derivatives } => {
                let share = if role == "grad" { derivatives } else { values };
                let least = atol * (expected.len() as f64).sqrt();
                let (difference, bound) = (length(differences), share * length(expected.into_iter()) + least);
                assert!(
                    difference <= bound,
                    "`{name}` of `{file}` {dims:?} is {difference:.3e} off as a whole, more than {bound:.3e}"
                );
            }
        }
    }

    /// Fails unless the gradient of each variable is the tensor `prefix` + its name; a missing gradient counts as zero.
    ///
    /// Every variable must have its golden gradient, and every golden gradient its variable.
    #[track_caller]
    pub fn assert_gradients(&self, prefix: &str, vars: &[(String, Var)], gradients: &GradStore) {
        for (name, var) in vars {
            let gradient = gradients.get(var).cloned();
            let gradient = gradient.unwrap_or_else(|| var.zeros_like().unwrap());
            self.assert_close(&format!("{prefix}{name}"), &gradient);
        }
        for name in self.names().filter_map(|name| name.strip_prefix(prefix)) {
            assert!(vars.iter().any(|(var, _)| var == name), "there is no variable `{name}`");
        }
    }

    /// The tensor of this name on the CPU.
    fn expected(&self, name: &str) -> Tensor {
        let tensor = self.stored(name).to_dtype(self.on.dtype).unwrap();
        if self.is_fused_kernel(name) { flip(&tensor) } else { tensor }
    }

    fn stored(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("`{}` has no tensor `{name}`", self.file))
    }

    /// Whether this is the kernel, or its gradient, of an up-convolution in the fused form.
    fn is_fused_kernel(&self, name: &str) -> bool {
        let mut parts = name.split('.');
        let layer = parts.find_map(|part| part.strip_prefix("layer")?.parse().ok());
        match (&self.config, layer) {
            (Some(config), Some(layer)) => parts.next_back() == Some("weight") && config.is_fused_up(layer),
            _ => false,
        }
    }
}

/// `[out, in, height, width]`, upside down and back to front.
fn flip(kernel: &Tensor) -> Tensor {
    kernel.contiguous().unwrap().flip(&[2, 3]).unwrap()
}

/// All entries, in order.
fn values(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_device(&Device::Cpu).unwrap().flatten_all().unwrap();
    tensor.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// The root of the sum of squares.
fn length(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(file: &str) -> Golden {
        TestDevice::cpu(DType::F32).golden(file)
    }

    #[test]
    fn only_fused_up_convolutions_are_flipped() {
        let fused = |file: &str| {
            let golden = open(file);
            let mut names: Vec<_> = golden.names().filter(|name| golden.is_fused_kernel(name)).collect();
            names.retain(|name| !name.starts_with("ema."));
            names.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(fused("a_weights"), [""; 0]);
        assert_eq!(fused("b_weights"), ["gen.synthesis.layer2.weight", "gen.synthesis.layer4.weight"]);
        assert_eq!(fused("b_layer_grads"), ["layer2.grad.weight", "layer4.grad.weight"]);
        assert_eq!(
            fused("b_wgan_gp_lod0"),
            ["grad.gen.synthesis.layer2.weight", "grad.gen.synthesis.layer4.weight"]
        );
        assert_eq!(fused("c_forward"), ["gen.synthesis.layer10.weight"]);
        assert_eq!(fused("ops"), [""; 0]);
    }

    #[test]
    fn a_flip_turns_the_kernel_by_half_a_turn() {
        let kernel = Tensor::arange(0f32, 9.0, &Device::Cpu).unwrap().reshape((1, 1, 3, 3)).unwrap();
        let turned = flip(&kernel).flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(turned, [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
    }

    #[test]
    fn scalars_are_the_decimals_they_stand_for() {
        let golden = open("b_gp_fade");
        assert_eq!(golden.scalar("lod").to_string(), "1.3");
        assert_eq!(open("b_truncation_mixing").scalar("trunc4.cutoff").to_string(), "1000000");
    }

    #[test]
    #[should_panic(expected = "`w` of `b_mapping` is 1.0")]
    fn what_is_too_far_off_fails() {
        let golden = open("b_mapping");
        golden.assert_close("w", &(golden.get("w") + 0.01).unwrap());
    }

    #[test]
    #[should_panic(expected = "NaN off")]
    fn what_is_not_a_number_fails() {
        let golden = open("b_mapping");
        golden.assert_close("w", &(golden.get("w") * f64::NAN).unwrap());
    }

    #[test]
    fn rounded_products_are_compared_as_a_whole() {
        let on = TestDevice { closeness: Closeness::TF32, ..TestDevice::cpu(DType::F32) };
        let golden = on.golden("b_mapping");
        golden.assert_close("w", &(golden.get("w") * 1.07).unwrap());
        golden.assert_close("z_grad", &(golden.get("z_grad") * 1.6).unwrap());
        for (name, factor) in [("w", 1.1), ("z_grad", -1.0), ("w", f64::NAN)] {
            let actual = (golden.get(name) * factor).unwrap();
            let check = std::panic::AssertUnwindSafe(|| golden.assert_close(name, &actual));
            assert!(std::panic::catch_unwind(check).is_err(), "{name} times {factor}");
        }
    }
}
