//! What a training needs beside its networks to go on.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use stylegan_base::files::Files;

use crate::container::{CHECKSUM, Container, Encoded, Format, copied, tensor_type};
use crate::{Error, ErrorKind, Result};

pub(crate) const FORMAT: Format = Format { name: "stylegan-training-state", version: 1 };

/// The part of a training that sampling does not need, `training-state-*.safetensors`.
///
/// It belongs to one checkpoint, whose checksum it names. What the tensors and `training` mean is the trainer's
/// business.
#[derive(Clone, Debug)]
pub struct State {
    /// Checksum of the checkpoint that it was written with.
    pub snapshot: String,
    /// Everything that is no tensor, JSON.
    pub training: String,
    /// The resolved configuration of the run, TOML.
    pub config: String,
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
}

impl State {
    /// The same with tensors that nothing changes any more, in main memory.
    ///
    /// # Errors
    /// If there is no memory for the copy.
    pub fn copied(mut self) -> candle_core::Result<Self> {
        for tensor in self.tensors.values_mut() {
            *tensor = copied(tensor)?;
        }
        Ok(self)
    }

    /// Writes it to `path`, replacing what is there: all at once or not at all. The same state gives the same bytes.
    ///
    /// # Errors
    /// If a tensor holds no floating point numbers, or the file cannot be written.
    pub fn save(self, files: &dyn Files, path: &Path) -> Result<()> {
        let Self { snapshot, training, config, tensors } = self;
        let texts = FORMAT.texts([("snapshot", snapshot), ("training", training), ("config", config)]);
        let encoded = Encoded::new(texts, tensors.into_iter().collect()).map_err(Error::at(path))?;
        files
            .write(path, &mut |out| encoded.write(out))
            .map_err(|source| Error::new(path, ErrorKind::writing(source)))
    }

    /// Reads a state; its checksum must be that of its contents.
    ///
    /// # Errors
    /// If there is no such file, or it is not a whole training state of this program.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, [snapshot, training, config]) = Container::read(path, |header| {
            match FORMAT.version_of(header) {
                Err(ErrorKind::OtherKind) => return Err(ErrorKind::NoState),
                found => found?,
            };
            let text = |key| match header.text(key) {
                Some(text) => Ok(text.to_owned()),
                None => Err(ErrorKind::Metadata { key, reason: "is missing".to_owned() }),
            };
            text(CHECKSUM)?;
            let texts = [text("snapshot")?, text("training")?, text("config")?];
            for name in header.names() {
                if let Some(info) = header.tensor(&name)
                    && tensor_type(info.dtype).is_none()
                {
                    return Err(ErrorKind::Type { name, found: info.dtype.to_string() });
                }
            }
            Ok(texts)
        })?;
        let names = file.header.names().into_iter();
        let tensors = names.map(|name| {
            let tensor = file.tensor(&name, &Device::Cpu)?;
            Ok((name, tensor))
        });
        let tensors = tensors.collect::<candle_core::Result<_>>().map_err(Error::at(path))?;
        Ok(Self { snapshot, training, config, tensors })
    }
}
