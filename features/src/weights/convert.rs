//! From the names and layers of others' files to ours.

use std::collections::HashMap;

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::file::TensorFile;
use crate::network::Colors;
use crate::tensors::Layer;
use crate::{inception, mobilenet, vgg};

/// Converted tensors by their names.
pub(super) type Tensors = HashMap<String, Tensor>;

/// Why a file is not what was asked for.
type Result<T> = std::result::Result<T, String>;

/// A network's tensors, of a file that has them in one of the known ways.
///
/// # Errors
/// What the file lacks.
pub(super) fn convert(name: &str, file: &mut TensorFile) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    let way = Way::of(name, file)?;
    for layer in &layers(name) {
        let (mut weight, bias) = way.read(layer, file)?;
        if layer.shape[1] == 3 && way == Way::Keras {
            // Its pictures have blue first.
            weight = weight.flip(&[1]).map_err(|error| error.to_string())?;
        }
        tensors.insert(format!("{}.weight", layer.name), weight);
        tensors.insert(format!("{}.bias", layer.name), bias);
    }
    if !name.starts_with("vgg") {
        return Ok(tensors);
    }
    // The same network was trained with two kinds of colors.
    let colors = if way == Way::Keras { vgg::CAFFE_COLORS } else { Colors::TORCHVISION };
    for (part, values) in [("mean", colors.mean), ("deviation", colors.deviation)] {
        let part = format!("colors.{part}");
        let tensor = match way {
            Way::Ours => file.tensor(&part, &[3])?,
            _ => Tensor::new(&values.map(|value| value as f32), &Device::Cpu)
                .map_err(|error| error.to_string())?,
        };
        tensors.insert(part, tensor);
    }
    Ok(tensors)
}

/// Whether a file has all layers of a network, in whatever way.
pub(super) fn fits(name: &str, file: &TensorFile) -> bool {
    Way::of(name, file).is_ok_and(|way| {
        layers(name).iter().all(|layer| file.shape(&way.weight_name(layer)) == Some(&layer.shape))
    })
}

/// The convolutions of a network.
fn layers(name: &str) -> Vec<Layer> {
    match name {
        "inception" => inception::layers(),
        "vgg16" => vgg::layers(vgg::Depth::Sixteen),
        "vgg19" => vgg::layers(vgg::Depth::Nineteen),
        "mobilenet" => mobilenet::layers(),
        _ => Vec::new(),
    }
}

/// How a file keeps a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `NAME.weight` and `NAME.bias`: it was converted before.
    Ours,
    /// `NAME.weight`, `.beta`, `.mean` and `.var`, as the original's graph has them; behind these first letters.
    Graph(&'static str),
    /// `weight`, `bias`, `running_mean` and `running_var` of a batch norm with this epsilon times a million, if there is one.
    Torchvision { epsilon_millionths: u32 },
    /// Bytes that a table makes numbers of.
    Keras,
}

impl Way {
    fn of(name: &str, file: &TensorFile) -> Result<Self> {
        let graph =
            ["net.layers.", "layers.", ""].into_iter().find(|before| file.has(&format!("{before}conv.beta")));
        if file.text("weights") == Some(name) {
            return Ok(Self::Ours);
        }
        match (name, graph) {
            ("inception", Some(before)) => Ok(Self::Graph(before)),
            ("inception", None) if file.has("Conv2d_1a_3x3.conv.weight") => {
                Ok(Self::Torchvision { epsilon_millionths: 1000 })
            }
            // The deeper network has all layers of the other.
            ("vgg16" | "vgg19", _)
                if file.has("block1_conv1_W_q") && file.has("block3_conv4_W_q") == (name == "vgg19") =>
            {
                Ok(Self::Keras)
            }
            ("vgg16" | "vgg19", _) if file.has("features.0.weight") => {
                Ok(Self::Torchvision { epsilon_millionths: 0 })
            }
            ("mobilenet", _) if file.has("features.0.0.weight") => {
                Ok(Self::Torchvision { epsilon_millionths: 10 })
            }
            _ => Err("its tensors have other names".to_owned()),
        }
    }

    /// What a file calls a layer's weight.
    fn weight_name(self, layer: &Layer) -> String {
        match self {
            Self::Ours => format!("{}.weight", layer.name),
            Self::Graph(before) => format!("{before}{}.weight", layer.name),
            Self::Torchvision { .. } => format!("{}.weight", layer.torchvision.0),
            Self::Keras => format!("{}_W_q", keras_name(layer)),
        }
    }

    /// Weight and bias.
    fn read(self, layer: &Layer, file: &mut TensorFile) -> Result<(Tensor, Tensor)> {
        let Layer { name, shape, torchvision: (conv, norm) } = layer;
        let width = [shape[0]];
        let weight = file.tensor(&self.weight_name(layer), shape)?;
        let failed = |error: candle_core::Error| error.to_string();
        match self {
            Self::Ours => Ok((weight, file.tensor(&format!("{name}.bias"), &width)?)),
            Self::Graph(before) => {
                let mut part = |part| file.tensor(&format!("{before}{name}.{part}"), &width);
                let [beta, mean, variance] = [part("beta")?, part("mean")?, part("var")?];
                folded(&weight, None, &beta, &mean, &variance, 1e-3).map_err(failed)
            }
            Self::Torchvision { epsilon_millionths } => {
                let Some(norm) = norm else {
                    return Ok((weight, file.tensor(&format!("{conv}.bias"), &width)?));
                };
                let mut part = |part| file.tensor(&format!("{norm}.{part}"), &width);
                let [gamma, beta] = [part("weight")?, part("bias")?];
                let [mean, variance] = [part("running_mean")?, part("running_var")?];
                let epsilon = f64::from(epsilon_millionths) * 1e-6;
                folded(&weight, Some(&gamma), &beta, &mean, &variance, epsilon).map_err(failed)
            }
            Self::Keras => {
                let block = keras_name(layer);
                let table = file.tensor(&format!("{block}_W_table"), &[256])?;
                if weight.dtype() != DType::U8 {
                    return Err(format!("`{block}_W_q` does not consist of bytes"));
                }
                let weight = table.index_select(&weight.flatten_all().map_err(failed)?, 0);
                let weight = weight.and_then(|weight| weight.reshape(&shape[..])).map_err(failed)?;
                Ok((weight, file.tensor(&format!("{block}_b"), &width)?))
            }
        }
    }
}

/// `block1_conv2` of `conv1_2`.
fn keras_name(layer: &Layer) -> String {
    format!("block{}", layer.name.trim_start_matches("conv").replace('_', "_conv"))
}

/// A convolution with the batch norm behind it: `(w * x - mean) / sqrt(variance + epsilon) * gamma + beta`.
fn folded(
    weight: &Tensor,
    gamma: Option<&Tensor>,
    beta: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    epsilon: f64,
) -> TensorResult<(Tensor, Tensor)> {
    let exact = |x: &Tensor| x.to_dtype(DType::F64);
    let mut scale = (exact(variance)? + epsilon)?.sqrt()?.recip()?;
    if let Some(gamma) = gamma {
        scale = (scale * exact(gamma)?)?;
    }
    let bias = (exact(beta)? - (exact(mean)? * &scale)?)?;
    let weight = exact(weight)?.broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?;
    Ok((weight.to_dtype(DType::F32)?, bias.to_dtype(DType::F32)?))
}
