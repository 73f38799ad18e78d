//! Converted weights in a file, so that it is done once.

use std::collections::HashMap;
use std::path::Path;

use stylegan_base::files;

use super::WeightsError;
use super::convert::Tensors;
use super::file::TensorFile;

/// Since the second, byte 255 of quantized weights has its number; in the first, which is not noted, it was 0.
const CONVERSION: &str = "2";

/// Whether a file was converted when numbers came out wrong.
pub(super) fn is_outdated(path: &Path) -> bool {
    TensorFile::open(path)
        .is_ok_and(|file| file.text("weights") == Some("vgg19") && file.text("conversion").is_none())
}

/// Writes the tensors of a network and where they came from; the file is there whole or not at all.
pub(super) fn write(path: &Path, name: &str, sha256: &str, tensors: &Tensors) -> Result<(), WeightsError> {
    let failed = |source| WeightsError::Write { path: path.to_owned(), source };
    let folder = files::folder_of(path);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let texts = [
        ("weights", name),
        ("sha256", sha256),
        ("conversion", CONVERSION),
        ("written_by", concat!("stylegan ", env!("CARGO_PKG_VERSION"))),
    ];
    let texts: HashMap<String, String> =
        texts.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    let bytes =
        safetensors::serialize(sorted, Some(texts)).map_err(|error| failed(std::io::Error::other(error)))?;
    files::write(path, true, &mut |file| file.write_all(&bytes)).map_err(failed)
}
