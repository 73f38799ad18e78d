//! From the names and layers of others' files to ours.

use std::collections::HashMap;

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::file::TensorFile;
use crate::network::Colors;
use crate::tensors::{Layer, LinearLayer};
use crate::{inception, inception_classes, mobilenet, vgg, vgg_features};

/// Converted tensors by their names.
pub(super) type Tensors = HashMap<String, Tensor>;

/// Why a file is not what was asked for.
type Result<T> = std::result::Result<T, String>;

/// A network's tensors, of a file that has them in one of the known ways.
///
/// # Errors
/// What the file lacks.
pub(super) fn convert(name: &str, file: &mut TensorFile) -> Result<Tensors> {
    convert_layers(name, &layers(name), behind(name), file)
}

fn convert_layers(
    name: &str,
    layers: &[Layer],
    behind: &[LinearLayer],
    file: &mut TensorFile,
) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    let way = Way::of(name, file)?;
    for layer in behind {
        for (part, shape) in parts(layer) {
            let tensor = file.tensor(&way.name_behind(layer, part)?, shape)?;
            tensors.insert(format!("{}.{part}", layer.name), tensor);
        }
    }
    for layer in layers {
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
    let colors = match (name, way) {
        ("vgg19-normalized", _) => Colors::UNIT,
        (_, Way::Keras) => vgg::CAFFE_COLORS,
        _ => Colors::TORCHVISION,
    };
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
        let has = |layer: &LinearLayer| {
            parts(layer).into_iter().all(|(part, shape)| {
                way.name_behind(layer, part).is_ok_and(|name| file.shape(&name) == Some(shape))
            })
        };
        layers(name).iter().all(|layer| file.shape(&way.weight_name(layer)) == Some(&layer.shape))
            && behind(name).iter().all(has)
    })
}

/// How many layers a network has.
pub(super) fn layer_count(name: &str) -> usize {
    layers(name).len() + behind(name).len()
}

/// The convolutions of a network.
fn layers(name: &str) -> Vec<Layer> {
    match name {
        "inception" | "inception-classes" => inception::layers(),
        "vgg16" | "vgg16-fc2" => vgg::layers(vgg::Depth::Sixteen),
        "vgg19" => vgg::layers(vgg::Depth::Nineteen),
        "vgg19-normalized" => vgg::normalized_layers(),
        "mobilenet" => mobilenet::layers(),
        _ => Vec::new(),
    }
}

/// The layers behind its convolutions.
fn behind(name: &str) -> &'static [LinearLayer] {
    match name {
        "inception-classes" => std::slice::from_ref(&inception_classes::OUTPUT),
        "vgg16-fc2" => &vgg_features::LAYERS,
        _ => &[],
    }
}

/// What is read of such a layer.
fn parts(layer: &LinearLayer) -> Vec<(&'static str, &[usize])> {
    let bias = layer.has_bias.then_some(("bias", &layer.shape[..1]));
    [("weight", &layer.shape[..])].into_iter().chain(bias).collect()
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
    /// `layers.conv1` to `layers.conv13`, the convolutions one after the other.
    Numbered,
    /// Bytes that a table makes numbers of.
    Keras,
}

impl Way {
    fn of(name: &str, file: &TensorFile) -> Result<Self> {
        let graph =
            ["net.layers.", "layers.", ""].into_iter().find(|before| file.has(&format!("{before}conv.beta")));
        // What was converted with the layers behind it, such as `vgg16-fc2`, has all of `vgg16`.
        let is_ours =
            |ours: &str| ours.strip_prefix(name).is_some_and(|more| more.is_empty() || more.starts_with('-'));
        if file.text("weights").is_some_and(is_ours) {
            return Ok(Self::Ours);
        }
        let network = name.split('-').next().unwrap_or(name);
        match (network, graph) {
            ("inception", Some(before)) => Ok(Self::Graph(before)),
            ("inception", None) if file.has("Conv2d_1a_3x3.conv.weight") => {
                Ok(Self::Torchvision { epsilon_millionths: 1000 })
            }
            // The deeper network has all layers of the other.
            ("vgg16" | "vgg19", _)
                if file.has("block1_conv1_W_q") && file.has("block3_conv4_W_q") == (network == "vgg19") =>
            {
                Ok(Self::Keras)
            }
            ("vgg16", _) if file.has("layers.conv1.weight") => Ok(Self::Numbered),
            ("vgg16" | "vgg19", _) if file.has("features.0.weight") => {
                Ok(Self::Torchvision { epsilon_millionths: 0 })
            }
            ("vgg19-normalized", _) if file.shape("0.weight") == Some(&[3, 3, 1, 1]) => {
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
            Self::Numbered => format!("{}.weight", numbered_name(layer)),
            Self::Keras => format!("{}_W_q", keras_name(layer)),
        }
    }

    /// What a file calls a part of a layer behind the convolutions.
    fn name_behind(self, layer: &LinearLayer, part: &str) -> Result<String> {
        match self {
            Self::Ours => Ok(format!("{}.{part}", layer.name)),
            Self::Graph(before) => {
                Ok(format!("{}{}.{part}", before.trim_end_matches("layers."), layer.graph))
            }
            Self::Numbered => Ok(format!("{}.{part}", layer.graph)),
            Self::Torchvision { .. } => Ok(format!("{}.{part}", layer.torchvision)),
            Self::Keras => Err(format!("it has no layer `{}`", layer.name)),
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
            Self::Numbered => Ok((weight, file.tensor(&format!("{}.bias", numbered_name(layer)), &width)?)),
            Self::Keras => {
                let block = keras_name(layer);
                let table = file.tensor(&format!("{block}_W_table"), &[256])?;
                if weight.dtype() != DType::U8 {
                    return Err(format!("`{block}_W_q` does not consist of bytes"));
                }
                Ok((looked_up(&table, &weight).map_err(failed)?, file.tensor(&format!("{block}_b"), &width)?))
            }
        }
    }
}

/// `layers.conv2` of `conv1_2`.
fn numbered_name(layer: &Layer) -> String {
    let all = vgg::layers(vgg::Depth::Sixteen);
    let place = all.iter().position(|known| known.name == layer.name).unwrap_or_default();
    format!("layers.conv{}", place + 1)
}

/// The numbers that a table has for bytes.
///
/// They select as wider numbers: for candle the largest of a type stands for none at all, and selects 0.
fn looked_up(table: &Tensor, bytes: &Tensor) -> TensorResult<Tensor> {
    table.index_select(&bytes.flatten_all()?.to_dtype(DType::U32)?, 0)?.reshape(bytes.shape())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::Weights;
    use crate::vgg::tests::{narrow_layers, narrow_weights};

    /// Writes tensors and opens the file.
    fn file(tensors: &HashMap<String, Tensor>) -> TensorFile {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        candle_core::safetensors::save(tensors, &path).unwrap();
        // A file that is open stays readable.
        TensorFile::open(&path).unwrap()
    }

    /// Few channels of VGG16 with a layer behind it, by our names.
    fn network() -> (Vec<Layer>, Vec<LinearLayer>, Weights) {
        let [first, _] = vgg_features::LAYERS;
        let behind = vec![LinearLayer { shape: [5, 12], ..first }];
        let weights = narrow_weights(vgg::Depth::Sixteen, Colors::TORCHVISION, &behind);
        (narrow_layers(vgg::Depth::Sixteen), behind, weights)
    }

    #[test]
    fn files_of_torchvision_and_of_nvidia_hold_the_same_network() {
        let (layers, behind, ours) = network();
        let theirs = |conv: &dyn Fn(usize, &Layer) -> String, linear: &str| {
            let mut tensors = HashMap::new();
            for (number, layer) in layers.iter().enumerate() {
                let (name, theirs) = (&layer.name, conv(number, layer));
                let own = |part: &str, shape: &[usize]| ours.get(&format!("{name}.{part}"), shape).unwrap();
                tensors.insert(format!("{theirs}.weight"), own("weight", &layer.shape));
                tensors.insert(format!("{theirs}.bias"), own("bias", &layer.shape[..1]));
            }
            for (part, shape) in parts(&behind[0]) {
                tensors.insert(format!("{linear}.{part}"), ours.get(&format!("fc1.{part}"), shape).unwrap());
            }
            tensors
        };
        for tensors in [
            theirs(&|_, layer| layer.torchvision.0.clone(), "classifier.0"),
            theirs(&|number, _| format!("layers.conv{}", number + 1), "layers.fc1"),
        ] {
            let converted = convert_layers("vgg16-fc2", &layers, &behind, &mut file(&tensors)).unwrap();
            assert_eq!(converted.len(), 2 * 13 + 2 + 2);
            for (name, tensor) in &converted {
                let expected = ours.get(name, tensor.dims()).unwrap();
                let off = (tensor - expected).unwrap().abs().unwrap().max_all().unwrap();
                assert_eq!(off.to_scalar::<f32>().unwrap(), 0.0, "{name}");
            }
        }
        // A trunk is no whole network.
        let mut trunk = theirs(&|_, layer| layer.torchvision.0.clone(), "classifier.0");
        trunk.remove("classifier.0.bias");
        let error = convert_layers("vgg16-fc2", &layers, &behind, &mut file(&trunk)).unwrap_err();
        assert_eq!(error, "`classifier.0.bias` is missing");
    }

    #[test]
    fn what_is_behind_is_named_as_each_file_has_it() {
        let output = &inception_classes::OUTPUT;
        let name = |way: Way| way.name_behind(output, "weight").unwrap();
        assert_eq!(name(Way::Graph("layers.")), "output.weight");
        assert_eq!(name(Way::Graph("net.layers.")), "net.output.weight");
        assert_eq!(name(Way::Torchvision { epsilon_millionths: 1000 }), "fc.weight");
        assert_eq!(name(Way::Ours), "output.weight");
        assert!(Way::Keras.name_behind(output, "weight").is_err());
        // Its bias does not count.
        assert_eq!(parts(output), [("weight", &[1008, 2048][..])]);
        assert_eq!(layer_count("inception-classes"), layer_count("inception") + 1);
    }

    #[test]
    fn every_byte_has_its_number() {
        let table = Tensor::arange(0_f32, 256.0, &Device::Cpu).unwrap();
        let bytes = Tensor::new(&[[0_u8, 1, 254], [255, 7, 255]], &Device::Cpu).unwrap();
        let found = looked_up(&table, &bytes).unwrap();
        assert_eq!(found.to_vec2::<f32>().unwrap(), [[0.0, 1.0, 254.0], [255.0, 7.0, 255.0]]);
    }
}
