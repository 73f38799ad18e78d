//! What a training needs beside its networks to go on.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use stylegan_base::files::Files;

use crate::header::{self, WRITTEN_BY, file_type, tensor_type};
use crate::open::Contents;
use crate::save::{Encoded, copied};
use crate::{Error, Result};

pub(crate) const FORMAT: &str = "stylegan-training-state";
const VERSION: u64 = 1;

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
    pub fn copied(mut self) -> Result<Self> {
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
        let texts = [
            ("format", FORMAT.to_owned()),
            ("format_version", VERSION.to_string()),
            ("written_by", WRITTEN_BY.to_owned()),
            ("snapshot", self.snapshot),
            ("training", self.training),
            ("config", self.config),
        ];
        let texts = texts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
        let mut tensors: Vec<(String, Tensor)> = self.tensors.into_iter().collect();
        if let Some((name, tensor)) = tensors.iter().find(|(_, tensor)| file_type(tensor.dtype()).is_none()) {
            let found = format!("{:?}", tensor.dtype());
            return Err(Error::Type { path: path.to_owned(), name: name.clone(), found });
        }
        // Larger types first, so that each stands at a multiple of its size; the names stay in order.
        tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.dtype().size_in_bytes()));
        let encoded = Encoded::with_texts(texts, tensors)?;
        files.write(path, &mut |out| encoded.write(out)).map_err(|source| Error::writing(path, source))
    }

    /// Reads a state; its checksum must be that of its contents.
    ///
    /// # Errors
    /// If there is no such file, or it is not a whole training state of this program.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Contents::read(path, |header| {
            match header::version(header, FORMAT, VERSION, path) {
                Err(Error::OtherKind { path }) => return Err(Error::NoState { path }),
                found => found?,
            };
            for key in [header::CHECKSUM, "snapshot", "training", "config"] {
                if header::text(header, key).is_none() {
                    return Err(Error::Metadata {
                        path: path.to_owned(),
                        key,
                        reason: "is missing".to_owned(),
                    });
                }
            }
            for (name, info) in header.tensors() {
                if tensor_type(info.dtype).is_none() {
                    return Err(Error::Type { path: path.to_owned(), name, found: info.dtype.to_string() });
                }
            }
            Ok(())
        })?;
        let text = |key| header::text(&file.header, key).unwrap_or_default().to_owned();
        let names = file.header.offset_keys().into_iter();
        Ok(Self {
            snapshot: text("snapshot"),
            training: text("training"),
            config: text("config"),
            tensors: names
                .map(|name| {
                    let tensor = file.tensor(&name, &Device::Cpu)?;
                    Ok((name, tensor))
                })
                .collect::<Result<_>>()?,
        })
    }
}
