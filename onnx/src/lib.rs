//! The generator as an ONNX model, for runtimes that know neither this program nor its files.
//!
//! | value    | shape                       |                                                              |
//! |----------|-----------------------------|--------------------------------------------------------------|
//! | `z`      | `[batch, z_dim]`            | input: standard normal numbers                               |
//! | `labels` | `[batch, label_dim]`        | input of networks with labels                                |
//! | `psi`    | `[]`                        | input: truncation, 0 for the mean picture, 1 for none        |
//! | `image`  | `[batch, channels, height, width]` | output in -1..1, not clamped; of the size of the level of detail |
//!
//! All are f32. The operators are standard ones of opset 17. Weights are stored as the layers use them, with the
//! constants of the equalized learning rate in them.
//!
//! ```
//! use candle_core::{DType, Device};
//! use stylegan_generator::{Generator, GeneratorConfig};
//! use stylegan_onnx::{Settings, export};
//! use stylegan_ops::{Key, Parameters, Widths};
//!
//! let widths = Widths { fmap_base: 64, fmap_max: 8, ..Widths::default() };
//! let config = GeneratorConfig { resolution: 16.into(), widths, ..GeneratorConfig::default() };
//! let parameters = Parameters::new(Key::new("init", &[0]));
//! let builder = parameters.builder(DType::F32, &Device::Cpu);
//! Generator::new(&config, &builder)?;
//! let settings = Settings { lod: 0.0, truncation_cutoff: 8, noise: true };
//! let bytes = export(&config, &builder, settings, [("trained_by", "me".to_owned())])?; // of a file `*.onnx`
//! # assert!(bytes.len() > 1 << 20);
//! # Ok::<(), candle_core::Error>(())
//! ```

mod graph;
mod mapping;
mod proto;
mod synthesis;
#[cfg(test)]
mod tests;

use candle_core::{Result, bail};
use candle_nn::VarBuilder;
use prost::Message;
use stylegan_generator::{GeneratorConfig, W_AVG};
use stylegan_ops::Level;

use crate::graph::{Graph, Value};
use crate::mapping::mapping;
use crate::proto::{Extent, Model, OperatorSetId, StringStringEntry, ValueInfo};
use crate::synthesis::Synthesis;

/// Version of the standard operators.
const OPSET: i64 = 17;
/// The version of the file format that came with them.
const IR_VERSION: i64 = 8;
/// Protobuf's messages are shorter than 2 GiB.
const LIMIT_BYTES: usize = i32::MAX as usize;

/// What is fixed in a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Level of detail: 0 is full size, each +1 halves width and height, the fraction is the fade.
    pub lod: f64,
    /// Layers below this one are truncated; with 0, `psi` does nothing.
    pub truncation_cutoff: usize,
    /// Whether the stored noise images are added.
    pub noise: bool,
}

/// The bytes of an ONNX file of the generator of `config`, with its tensors from `vb`, as `Generator::new` takes them;
/// `properties` are what the file says about itself.
///
/// # Errors
/// If the configuration is impossible, `vb` has no such tensors, the level of detail is outside the network, or the
/// file would have 2 GiB.
pub fn export(
    config: &GeneratorConfig,
    vb: &VarBuilder,
    settings: Settings,
    properties: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<Vec<u8>> {
    if let Some(violation) = config.violations().first() {
        bail!("{violation}")
    }
    let level = Level::new(config.resolution, settings.lod)?;
    let properties =
        properties.into_iter().map(|(key, value)| StringStringEntry { key: key.to_owned(), value });
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "stylegan".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: format!("A StyleGAN generator of {} pictures", level.resolution),
        graph: Some(graph(config, vb, settings, level)?),
        opset_import: vec![OperatorSetId { domain: String::new(), version: OPSET }],
        metadata_props: properties.collect(),
    };
    let length = model.encoded_len();
    if length > LIMIT_BYTES {
        bail!("the model would have {length} bytes, but an ONNX file has at most {LIMIT_BYTES}")
    }
    Ok(model.encode_to_vec())
}

fn graph(
    config: &GeneratorConfig,
    vb: &VarBuilder,
    settings: Settings,
    level: Level,
) -> Result<proto::Graph> {
    let mut graph = Graph::default();
    let (z, psi) = (Value::input("z"), Value::input("psi"));
    let labels = (config.label_dim > 0).then(|| Value::input("labels"));
    let w = mapping(&mut graph, config, &vb.pp("mapping"), &z, labels.as_ref())?;
    let truncated = if settings.truncation_cutoff > 0 {
        graph.enter(&vb.pp("truncation"));
        let w_avg = graph.tensor(vb, W_AVG, &vb.get(config.w_dim, W_AVG)?)?;
        graph.lerp(&w_avg, &w, &psi)
    } else {
        w.clone()
    };
    let w_of = |layer| if layer < settings.truncation_cutoff { &truncated } else { &w };
    let synthesis = Synthesis { config, vb: vb.pp("synthesis"), noise: settings.noise };
    synthesis.write(&mut graph, level, w_of)?;

    let batch = || Extent::Param("batch".to_owned());
    let count = |number: usize| Extent::Value(number as i64);
    let mut inputs = vec![ValueInfo::new("z", [batch(), count(config.z_dim)], "standard normal numbers")];
    if labels.is_some() {
        let of = "one for the class of the picture, zeros elsewhere";
        inputs.push(ValueInfo::new("labels", [batch(), count(config.label_dim)], of));
    }
    inputs.push(ValueInfo::new("psi", [], "truncation: 0 draws the mean picture, 1 leaves w alone"));
    let axes =
        [batch(), count(config.num_channels), count(level.resolution.height), count(level.resolution.width)];
    let image = ValueInfo::new(OUTPUT, axes, "in -1..1, not clamped");
    let (nodes, initializers) = graph.finish(OUTPUT);
    Ok(proto::Graph { nodes, name: "generator".to_owned(), initializers, inputs, outputs: vec![image] })
}

const OUTPUT: &str = "image";
