//! Golden numbers of an independent implementation, for the tests of the other rooms.
//!
//! What the files hold, and how close is close: `golden/fixtures/README.md`.
//!
//! ```
//! use stylegan_golden::Golden;
//! let golden = Golden::open("b_mapping");
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

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use safetensors::SafeTensors;

pub use config::{Config, FusedScale};

/// One file of golden tensors.
///
/// Kernels of fused up-convolutions, and their gradients, come flipped in both axes: that makes them the kernels of
/// the plain form, up-scaling and then convolution, which is the only one that this system has.
#[derive(Debug)]
pub struct Golden {
    file: String,
    config: Option<Config>,
    tensors: BTreeMap<String, Tensor>,
    /// Largest allowed difference of each tensor that has one.
    atol: HashMap<String, f64>,
}

impl Golden {
    /// The file of this name, such as `a_gp_fade`.
    pub fn open(file: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let read = |name: String| {
            std::fs::read(folder.join(&name)).unwrap_or_else(|error| panic!("golden file `{name}`: {error}"))
        };
        let bytes = read(format!("{file}.safetensors"));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let config = header.metadata().as_ref().and_then(|metadata| metadata.get("config"));
        let prefix = file.split('_').next().unwrap();
        let tolerances: serde_json::Value =
            serde_json::from_slice(&read(format!("{prefix}_tolerances.json"))).unwrap();
        let tolerances = tolerances[file].as_object().unwrap();
        Self {
            file: file.to_owned(),
            config: config.map(|json| serde_json::from_str(json).unwrap()),
            tensors: candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
                .unwrap()
                .into_iter()
                .collect(),
            atol: tolerances
                .iter()
                .filter_map(|(name, row)| Some((name.clone(), row.get("atol")?.as_f64()?)))
                .collect(),
        }
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

    /// The tensor of this name in float32.
    pub fn get(&self, name: &str) -> Tensor {
        let tensor = self.stored(name).to_dtype(DType::F32).unwrap();
        if self.is_fused_kernel(name) { flip(&tensor) } else { tensor }
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

    /// Fails unless every entry of `actual` is within the tolerance recorded for the tensor `name`.
    #[track_caller]
    pub fn assert_close(&self, name: &str, actual: &Tensor) {
        let expected = self.get(name);
        let (file, dims) = (&self.file, expected.dims());
        let is_scalar = dims == [1] && actual.dims().is_empty();
        assert!(
            is_scalar || actual.dims() == dims,
            "`{name}` of `{file}` is {dims:?}, not {:?}",
            actual.dims()
        );
        let atol = *self.atol.get(name).unwrap_or_else(|| panic!("`{name}` of `{file}` has no tolerance"));
        let values = |tensor: &Tensor| {
            tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap()
        };
        let (index, difference) = values(actual)
            .iter()
            .zip(values(&expected))
            .map(|(actual, expected)| (actual - expected).abs())
            .enumerate()
            // A value that is not a number is the largest of all.
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .unwrap();
        assert!(
            difference <= atol,
            "`{name}` of `{file}` is {difference:.3e} off at entry {index} of {dims:?}, more than {atol:.3e}"
        );
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fused_up_convolutions_are_flipped() {
        let fused = |file: &str| {
            let golden = Golden::open(file);
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
        let golden = Golden::open("b_gp_fade");
        assert_eq!(golden.scalar("lod").to_string(), "1.3");
        assert_eq!(Golden::open("b_truncation_mixing").scalar("trunc4.cutoff").to_string(), "1000000");
    }

    #[test]
    #[should_panic(expected = "`w` of `b_mapping` is 1.0")]
    fn what_is_too_far_off_fails() {
        let golden = Golden::open("b_mapping");
        golden.assert_close("w", &(golden.get("w") + 0.01).unwrap());
    }

    #[test]
    #[should_panic(expected = "NaN off")]
    fn what_is_not_a_number_fails() {
        let golden = Golden::open("b_mapping");
        golden.assert_close("w", &(golden.get("w") * f64::NAN).unwrap());
    }
}
