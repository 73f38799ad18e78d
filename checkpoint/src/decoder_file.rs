//! The decoder of a style transfer in a file.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use stylegan_base::files::{self, Files};

use crate::container::{CHECKSUM, Container, Encoded, Format, Header, Texts, copied, tensor_type};
use crate::snapshot::check;
use crate::{Error, ErrorKind, Result};

pub(crate) const FORMAT: Format = Format { name: "stylegan-transfer", version: 1 };

/// A decoder of style transfer and what it says of itself.
///
/// What the encoder and the decoder are like is JSON that means something to the room of style transfer alone; whether the
/// tensors are those of the decoder is checked there as well.
#[derive(Clone, Debug)]
pub struct DecoderFile {
    /// The encoder that it was trained for, JSON.
    pub encoder: String,
    /// The decoder's shape, JSON.
    pub decoder: String,
    /// Content pictures shown so far.
    pub nimg: u64,
    /// The resolved configuration of the run, TOML.
    pub config: Option<String>,
    /// Its tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
}

/// A file that was read, and what tells it from others.
#[derive(Clone, Debug)]
pub struct OpenedDecoder {
    /// What it holds, the tensors in the file's type, in main memory.
    pub file: DecoderFile,
    /// Its checksum.
    pub checksum: String,
    /// The first 16 hexadecimal digits of its BLAKE3 hash.
    pub hash: String,
    /// Its length.
    pub size_bytes: u64,
}

impl DecoderFile {
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

    /// The same with numbers of another type; `path` is the file in messages.
    ///
    /// # Errors
    /// If a number is not finite, or not in the new type.
    pub fn converted(mut self, path: &Path, dtype: DType) -> Result<Self> {
        let convert = |name: &str, tensor: &Tensor| {
            check(tensor, dtype, || name.to_owned())?;
            Ok::<_, ErrorKind>(tensor.to_dtype(dtype)?)
        };
        for (name, tensor) in &mut self.tensors {
            *tensor = convert(name, tensor).map_err(Error::at(path))?;
        }
        Ok(self)
    }

    /// Writes it to `path`, replacing what is there: all at once or not at all; returns its checksum. The same decoder gives
    /// the same bytes.
    ///
    /// # Errors
    /// If a tensor holds no floating point numbers, or the file cannot be written.
    pub fn save(self, files: &dyn Files, path: &Path) -> Result<String> {
        let encoded = self.encoded().map_err(Error::at(path))?;
        files
            .write(path, &mut |out| encoded.write(out))
            .map_err(|source| Error::new(path, ErrorKind::writing(source)))?;
        Ok(encoded.checksum)
    }

    /// The same, without overwriting anything.
    ///
    /// # Errors
    /// As [`DecoderFile::save`], and if the file exists.
    pub fn save_new(self, path: &Path, overwrite: bool) -> Result<()> {
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(Error::new(path, ErrorKind::Exists));
        }
        let encoded = self.encoded().map_err(Error::at(path))?;
        files::write(path, overwrite, &mut |out| encoded.write(out))
            .map_err(|source| Error::new(path, ErrorKind::writing(source)))
    }

    fn encoded(self) -> Result<Encoded, ErrorKind> {
        let Self { encoder, decoder, nimg, config, tensors } = self;
        let texts = [("encoder", encoder), ("decoder", decoder), ("nimg", nimg.to_string())];
        let texts: Texts = FORMAT.texts(texts.into_iter().chain(config.map(|config| ("config", config))));
        Encoded::new(texts, tensors.into_iter().collect())
    }

    /// Reads one; its checksum must be that of its contents.
    ///
    /// # Errors
    /// If there is no such file, or it is no whole decoder of this program.
    pub fn open(path: &Path) -> Result<OpenedDecoder> {
        let (container, texts) = Container::read(path, texts_of)?;
        opened(&container, texts).map_err(Error::at(path))
    }

    /// The same of a file's bytes, called `name` in messages.
    ///
    /// # Errors
    /// As [`DecoderFile::open`].
    pub fn of_bytes(name: &str, bytes: &[u8]) -> Result<OpenedDecoder> {
        let opened =
            Container::of_bytes(bytes, texts_of).and_then(|(container, texts)| opened(&container, texts));
        opened.map_err(Error::at(Path::new(name)))
    }
}

/// The texts of a file whose header is that of a decoder: encoder, decoder, time, and the configuration if there is one.
type DecoderTexts = (String, String, u64, Option<String>);

fn texts_of(header: &Header) -> Result<DecoderTexts, ErrorKind> {
    match FORMAT.version_of(header) {
        Err(ErrorKind::OtherKind) => return Err(ErrorKind::NoDecoder),
        found => found?,
    };
    let text = |key| match header.text(key) {
        Some(text) => Ok(text.to_owned()),
        None => Err(ErrorKind::Metadata { key, reason: "is missing".to_owned() }),
    };
    text(CHECKSUM)?;
    let nimg = text("nimg")?
        .parse()
        .map_err(|_| ErrorKind::Metadata { key: "nimg", reason: "is no whole number".to_owned() })?;
    for name in header.names() {
        if let Some(info) = header.tensor(&name)
            && tensor_type(info.dtype).is_none()
        {
            return Err(ErrorKind::Type { name, found: info.dtype.to_string() });
        }
    }
    Ok((text("encoder")?, text("decoder")?, nimg, header.text("config").map(str::to_owned)))
}

fn opened(
    container: &Container,
    (encoder, decoder, nimg, config): DecoderTexts,
) -> Result<OpenedDecoder, ErrorKind> {
    let names = container.header.names().into_iter();
    let tensors = names.map(|name| {
        let tensor = container.tensor(&name, &Device::Cpu)?;
        Ok((name, tensor))
    });
    let tensors = tensors.collect::<candle_core::Result<_>>()?;
    Ok(OpenedDecoder {
        file: DecoderFile { encoder, decoder, nimg, config, tensors },
        checksum: container.checksum().unwrap_or_default().to_owned(),
        hash: container.hash(),
        size_bytes: container.size_bytes(),
    })
}
