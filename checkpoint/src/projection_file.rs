//! A projection of pictures in the middle of its work, in a file.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use stylegan_base::files;

use crate::container::{CHECKSUM, Container, Encoded, Format, copied, tensor_type};
use crate::{Error, ErrorKind, Result};

pub(crate) const FORMAT: Format = Format { name: "stylegan-projection", version: 1 };

/// What a projection needs to go on as if it had not been stopped.
///
/// What the texts and tensors mean is the business of whoever projects.
#[derive(Clone, Debug)]
pub struct ProjectionFile {
    /// What is projected through what and how, JSON: a file of another job is none of this one.
    pub job: String,
    /// How far it is, JSON.
    pub progress: String,
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
}

impl ProjectionFile {
    /// Writes it to `path`, replacing what is there: all at once or not at all. The same state gives the same bytes.
    ///
    /// # Errors
    /// If a tensor holds no floating point numbers, or the file cannot be written.
    pub fn save(self, path: &Path) -> Result<()> {
        let Self { job, progress, tensors } = self;
        let texts = FORMAT.texts([("job", job), ("progress", progress)]);
        let in_memory = tensors.into_iter().map(|(name, tensor)| Ok((name, copied(&tensor)?)));
        let in_memory = in_memory.collect::<candle_core::Result<_>>().map_err(Error::at(path))?;
        let encoded = Encoded::new(texts, in_memory).map_err(Error::at(path))?;
        files::write(path, true, &mut |out| encoded.write(out))
            .map_err(|source| Error::new(path, ErrorKind::writing(source)))
    }

    /// Reads one; its checksum must be that of its contents.
    ///
    /// # Errors
    /// If there is no such file, or it is not a whole one of this program.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, [job, progress]) = Container::read(path, |header| {
            match FORMAT.version_of(header) {
                Err(ErrorKind::OtherKind) => return Err(ErrorKind::NoProjection),
                found => found?,
            };
            let text = |key| match header.text(key) {
                Some(text) => Ok(text.to_owned()),
                None => Err(ErrorKind::Metadata { key, reason: "is missing".to_owned() }),
            };
            text(CHECKSUM)?;
            for name in header.names() {
                if let Some(info) = header.tensor(&name)
                    && tensor_type(info.dtype).is_none()
                {
                    return Err(ErrorKind::Type { name, found: info.dtype.to_string() });
                }
            }
            Ok([text("job")?, text("progress")?])
        })?;
        let names = file.header.names().into_iter();
        let tensors = names.map(|name| {
            let tensor = file.tensor(&name, &Device::Cpu)?;
            Ok((name, tensor))
        });
        let tensors = tensors.collect::<candle_core::Result<_>>().map_err(Error::at(path))?;
        Ok(Self { job, progress, tensors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_nothing_else_is_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        let w = Tensor::arange(0_f32, 6.0, &Device::Cpu).unwrap().reshape((2, 3)).unwrap();
        let file = ProjectionFile {
            job: "{}".to_owned(),
            progress: "[7]".to_owned(),
            tensors: BTreeMap::from([("w".to_owned(), w.clone())]),
        };
        file.clone().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let opened = ProjectionFile::open(&path).unwrap();
        assert_eq!((opened.job.as_str(), opened.progress.as_str()), ("{}", "[7]"));
        assert_eq!(opened.tensors["w"].to_vec2::<f32>().unwrap(), w.to_vec2::<f32>().unwrap());
        opened.save(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(ProjectionFile::open(&path).unwrap_err().to_string().contains("is truncated"));
        candle_core::safetensors::save(&std::collections::HashMap::from([("w", w)]), &path).unwrap();
        let words = ProjectionFile::open(&path).unwrap_err().to_string();
        assert!(words.ends_with("is no state of a projection of this program"), "{words}");
    }
}
