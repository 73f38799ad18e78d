//! Files of tensors: safetensors, and PyTorch's in all their forms.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Metadata, TensorInfo};
use sha2::{Digest, Sha256};
use stylegan_arrays::{Array, Store, Torch};
use stylegan_base::FileKind;

use super::WeightsError;

type Result<T, E = WeightsError> = std::result::Result<T, E>;

/// The header of a safetensors file, at most; that of Inception is 12 KB.
const MAX_HEADER_BYTES: u64 = 4 << 20;

/// A file, open, whose tensors are read when they are asked for.
pub struct TensorFile {
    contents: Contents,
}

enum Contents {
    Torch { store: Store, arrays: BTreeMap<String, Array> },
    Safetensors { file: File, first: u64, metadata: Metadata },
}

impl TensorFile {
    /// Opens a file of whichever form it is.
    ///
    /// # Errors
    /// If it cannot be read, or is neither safetensors nor a file of PyTorch's.
    pub fn open(path: &Path) -> Result<Self> {
        let mut start = Vec::new();
        let result = match path.metadata() {
            // Opening a pipe would wait for its writer.
            Ok(metadata) if !metadata.is_file() => {
                return Err(WeightsError::Damaged {
                    path: path.to_owned(),
                    reason: "it is no file".to_owned(),
                });
            }
            metadata => metadata.and_then(|_| File::open(path)?.take(64).read_to_end(&mut start)),
        };
        result.map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
        let contents = match FileKind::of(&start) {
            Some(FileKind::Safetensors) => safetensors(path)?,
            _ => torch(path)?,
        };
        Ok(Self { contents })
    }

    /// Whether it has a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match &self.contents {
            Contents::Torch { arrays, .. } => arrays.get(name).map(Array::shape),
            Contents::Safetensors { metadata, .. } => metadata.info(name).map(|info| &info.shape[..]),
        }
    }

    /// What a converted file says of itself under a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.contents {
            Contents::Torch { .. } => None,
            Contents::Safetensors { metadata, .. } => {
                metadata.metadata().as_ref()?.get(key).map(String::as_str)
            }
        }
    }

    /// Reads a tensor of this shape, as `f32`, or `u8` where the file has that.
    ///
    /// # Errors
    /// What is wrong with it: there is none, its shape is another, or it holds what is not finite.
    pub fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, String> {
        match self.shape(name) {
            None => return Err(format!("`{name}` is missing")),
            Some(found) if found != shape => {
                return Err(format!("`{name}` has the shape {found:?}, not {shape:?}"));
            }
            Some(_) => {}
        }
        let told = |error: &dyn std::error::Error| {
            let cause = error.source().map(|cause| format!(": {cause}"));
            format!("`{name}`: {error}{}", cause.unwrap_or_default())
        };
        let tensor = match &mut self.contents {
            Contents::Torch { store, arrays } => {
                arrays[name].tensor(name, store).map_err(|error| told(&error))?
            }
            Contents::Safetensors { file, first, metadata } => {
                let info = metadata.info(name).ok_or_else(|| format!("`{name}` is missing"))?;
                let dtype = DType::try_from(info.dtype).map_err(|error| told(&error))?;
                let bytes =
                    bytes_of(file, *first, info, dtype).map_err(|reason| format!("`{name}` {reason}"))?;
                Tensor::from_raw_buffer(&bytes, dtype, shape, &Device::Cpu).map_err(|error| told(&error))?
            }
        };
        if tensor.dtype() == DType::U8 {
            return Ok(tensor);
        }
        let tensor = tensor.to_dtype(DType::F32).map_err(|error| told(&error))?;
        let sum = tensor.abs().and_then(|x| x.sum_all()?.to_scalar::<f32>()).map_err(|error| told(&error))?;
        if sum.is_finite() { Ok(tensor) } else { Err(format!("`{name}` has values that are not finite")) }
    }
}

fn torch(path: &Path) -> Result<Contents> {
    let mut store = Store::open(path)?;
    let torch = Torch::open(&mut store)?;
    let mut arrays = BTreeMap::new();
    for (name, item) in torch.named_tensors() {
        let array = torch.array(item).map_err(|reason| {
            let name = stylegan_base::printable(&name);
            WeightsError::Damaged { path: path.to_owned(), reason: format!("the tensor `{name}` {reason}") }
        })?;
        // What trainings on several GPUs, and those who keep more than the network, put before the names.
        let own = ["state_dict.", "module."]
            .iter()
            .fold(&name[..], |name, before| name.strip_prefix(before).unwrap_or(name));
        arrays.insert(own.to_owned(), array);
    }
    Ok(Contents::Torch { store, arrays })
}

fn safetensors(path: &Path) -> Result<Contents> {
    let damaged = |reason: &str| WeightsError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    let read = |source| WeightsError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    let mut header_bytes = [0; size_of::<u64>()];
    file.read_exact(&mut header_bytes).map_err(read)?;
    let header_bytes = u64::from_le_bytes(header_bytes);
    if header_bytes > MAX_HEADER_BYTES.min(length) {
        return Err(damaged("its header is larger than that of any network"));
    }
    let mut header = vec![0; header_bytes as usize];
    file.read_exact(&mut header).map_err(read)?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| damaged(&format!("its header: {error}")))?;
    let first = size_of::<u64>() as u64 + header_bytes;
    // The crate compares places with lengths where it has the whole file; here each is when it is read.
    let ends = metadata.tensors().into_values().map(|info| info.data_offsets.1 as u64);
    if ends.max().unwrap_or(0).checked_add(first) != Some(length) {
        return Err(damaged("its length is not what its header says"));
    }
    Ok(Contents::Safetensors { file, first, metadata })
}

/// The bytes of a tensor of this type, if there are as many as it has numbers.
fn bytes_of(file: &mut File, first: u64, info: &TensorInfo, dtype: DType) -> Result<Vec<u8>, String> {
    let (start, end) = info.data_offsets;
    let bytes = info.shape.iter().try_fold(dtype.size_in_bytes(), |bytes, side| bytes.checked_mul(*side));
    if end.checked_sub(start) != bytes {
        return Err("has not as many bytes as its numbers take".to_owned());
    }
    let mut bytes = vec![0; end - start];
    let read = file.seek(SeekFrom::Start(first + start as u64)).and_then(|_| file.read_exact(&mut bytes));
    read.map(|()| bytes).map_err(|error| error.to_string())
}

/// The SHA-256 of a file in hexadecimal digits.
pub(super) fn sha256(path: &Path) -> Result<String> {
    let hash = || {
        let mut hasher = Sha256::new();
        let (mut file, mut part) = (File::open(path)?, vec![0; 1 << 16]);
        loop {
            match file.read(&mut part)? {
                0 => break,
                read => hasher.update(&part[..read]),
            }
        }
        let mut digits = String::new();
        for byte in hasher.finalize() {
            let _ = write!(digits, "{byte:02x}");
        }
        Ok(digits)
    };
    hash().map_err(|source| WeightsError::Read { path: path.to_owned(), source })
}
