//! Decoders in files: this program's, and those of the PyTorch ports of the original.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;
use stylegan_base::short_hash;
use stylegan_checkpoint::{DecoderFile, OpenedDecoder};
use stylegan_features::TensorFile;
use stylegan_ops::Parameters;

use crate::decoder::{Decoder, DecoderConfig, DecoderLayer};
use crate::encoder_config::EncoderConfig;
use crate::encoder_config::EncoderWeights::Normalized;
use crate::error::{Error, Result};

/// A decoder that was read, with the encoder that it needs.
#[derive(Clone, Debug)]
pub struct DecoderInFile {
    /// The encoder that it was trained for.
    pub encoder: EncoderConfig,
    /// Its shape.
    pub config: DecoderConfig,
    /// Content pictures that it was shown; none of a file that does not tell.
    pub nimg: Option<u64>,
    /// What tells it from others: 16 hexadecimal digits.
    pub hash: String,
    tensors: HashMap<String, Tensor>,
}

impl DecoderInFile {
    /// Opens a decoder of this program, or one of a PyTorch port, whose modules are numbered.
    ///
    /// A file of others does not tell its encoder; it is the authors' normalized one, for which all that are known were trained.
    ///
    /// # Errors
    /// If there is no such file, or it holds no decoder.
    pub fn open(path: &Path) -> Result<Self> {
        let error = match DecoderFile::open(path) {
            Ok(opened) => return Self::new(path, opened),
            Err(error) => error,
        };
        match TensorFile::open(path) {
            Ok(file) if file.has("1.weight") && file.has("28.bias") => Self::of_port(path, file),
            _ => Err(error.into()),
        }
    }

    /// The same of the bytes of a file of this program, called `name` in messages.
    ///
    /// # Errors
    /// If they are no decoder.
    pub fn of_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::new(Path::new(name), DecoderFile::of_bytes(name, bytes)?)
    }

    /// The same of a file that was read.
    ///
    /// # Errors
    /// If what it says of itself makes no sense, or its tensors are not those of its decoder.
    pub fn new(path: &Path, OpenedDecoder { file, hash, .. }: OpenedDecoder) -> Result<Self> {
        let DecoderFile { encoder, decoder, nimg, tensors, .. } = file;
        let wrong = |reason| Error::Decoder { path: path.to_owned(), reason };
        let (encoder, config): (_, DecoderConfig) =
            (parsed("encoder", &encoder).map_err(wrong)?, parsed("decoder", &decoder).map_err(wrong)?);
        let violations = config.violations();
        if !violations.is_empty() {
            return Err(wrong(violations.join("; ")));
        }
        let mut expected: HashMap<String, Vec<usize>> = config.layers().iter().flat_map(shapes).collect();
        for (name, tensor) in &tensors {
            match expected.remove(name) {
                Some(shape) if shape == tensor.dims() => {}
                Some(shape) => {
                    return Err(wrong(format!(
                        "`{name}` is {:?} where {shape:?} is expected",
                        tensor.dims()
                    )));
                }
                None => return Err(wrong(format!("there is no place for `{name}`"))),
            }
        }
        if let Some(name) = expected.keys().min() {
            return Err(wrong(format!("`{name}` is missing")));
        }
        Ok(Self { encoder, config, nimg: Some(nimg), hash, tensors: tensors.into_iter().collect() })
    }

    fn of_port(path: &Path, mut file: TensorFile) -> Result<Self> {
        let wrong = |reason| Error::Decoder { path: path.to_owned(), reason };
        // The widths are those of the tensors; that these fit together shows when they are read.
        let out = |number: usize| {
            let name = format!("{number}.weight");
            match file.shape(&name) {
                Some(&[out, _, 3, 3]) => Ok(out),
                _ => Err(wrong(format!("`{name}` is no 3x3 convolution"))),
            }
        };
        let features = file.shape("1.weight").and_then(|shape| shape.get(1)).copied().unwrap_or(0);
        let config = DecoderConfig { features, widths: [out(21)?, out(14)?, out(1)?] };
        let violations = config.violations();
        if !violations.is_empty() {
            return Err(wrong(violations.join("; ")));
        }
        let mut tensors = HashMap::new();
        for layer in config.layers() {
            for (name, shape) in shapes(&layer) {
                let (_, part) = name.rsplit_once('.').unwrap_or_default();
                let theirs = format!("{}.{part}", layer.number);
                tensors.insert(name.clone(), file.tensor(&theirs, &shape).map_err(wrong)?);
            }
        }
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let encoder = EncoderConfig { weights: Normalized, ..EncoderConfig::default() };
        Ok(Self { encoder, config, nimg: None, hash: short_hash(&bytes), tensors })
    }

    /// The decoder, on a device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn decoder(&self, device: &Device) -> TensorResult<Decoder> {
        let moved = self
            .tensors
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_dtype(DType::F32)?.to_device(device)?)));
        let tensors = moved.collect::<TensorResult<_>>()?;
        Decoder::new(self.config, &VarBuilder::from_tensors(tensors, DType::F32, device))
    }

    /// Its tensors by name, as the file has them.
    pub fn tensors(&self) -> &HashMap<String, Tensor> {
        &self.tensors
    }
}

/// What a run writes of a decoder in training, for an encoder: its variables as they are, not copied.
///
/// # Errors
/// If a configuration cannot be written.
pub fn decoder_file(
    encoder: EncoderConfig,
    decoder: DecoderConfig,
    parameters: &Parameters,
    nimg: u64,
) -> serde_json::Result<DecoderFile> {
    let tensors = parameters.vars().into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect();
    let (encoder, decoder) = (serde_json::to_string(&encoder)?, serde_json::to_string(&decoder)?);
    Ok(DecoderFile { encoder, decoder, nimg, config: None, tensors })
}

/// The tensors of a layer, by name.
fn shapes(layer: &DecoderLayer) -> [(String, Vec<usize>); 2] {
    let (_, to) = layer.channels;
    [(format!("{}.weight", layer.name), layer.shape().to_vec()), (format!("{}.bias", layer.name), vec![to])]
}

fn parsed<T: DeserializeOwned>(key: &str, json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| {
        let reason: String = error.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
        format!("its `{key}`: {reason}")
    })
}
