//! Latents from a file, in place of seeds.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use stylegan_base::short_hash;
use stylegan_base::units::grouped;
use stylegan_generator::GeneratorConfig;
use stylegan_ops::all_finite;

use crate::report::Refusal;

/// 28,000 pictures' `w_plus` of the paper's network.
const MOST_BYTES: u64 = 1 << 30;
/// As many as there may be seeds.
const MOST: usize = 1_000_000;

/// Where in a network a latent enters; its name is that of the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LatentSpace {
    /// `[z_dim]`, before the mapping network
    Z,
    /// `[w_dim]`, behind it
    W,
    /// `[num_layers, w_dim]`, one w for each layer
    WPlus,
}

impl fmt::Display for LatentSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Z => "z",
            Self::W => "w",
            Self::WPlus => "w_plus",
        })
    }
}

/// The latents of a file.
#[derive(Debug)]
pub(crate) struct Latents {
    path: String,
    pub(crate) space: LatentSpace,
    /// `[n, z_dim]`, `[n, w_dim]` or `[n, num_layers, w_dim]`, f32
    all: Tensor,
    /// The first 16 hexadecimal digits of the file's BLAKE3 hash.
    pub(crate) hash: String,
}

impl Latents {
    /// Reads a safetensors file with one tensor `z`, `w` or `w_plus`; others are not looked at.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = read(path)?;
        let path = path.display().to_string();
        let hint = "it is a safetensors file with a tensor `z [n, z_dim]`, `w [n, w_dim]` or `w_plus [n, num_layers, \
                    w_dim]`";
        let refuse = |message: String| Refusal::new(message).hint(hint);
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|_| refuse(format!("`{path}` is no safetensors file, or a damaged one")))?;
        let spaces = [LatentSpace::Z, LatentSpace::W, LatentSpace::WPlus];
        let mut found =
            spaces.into_iter().filter_map(|space| Some((space, file.tensor(&space.to_string()).ok()?)));
        let Some((space, view)) = found.next() else {
            return Err(refuse(format!("`{path}` holds no latents")).into());
        };
        if let Some((other, _)) = found.next() {
            return Err(refuse(format!("`{path}` holds both `{space}` and `{other}`; one is needed")).into());
        }
        let dtype = match view.dtype() {
            Dtype::F64 => DType::F64,
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            other => {
                let message = format!("`{space}` of `{path}` is of type {other}, not F64, F32, F16 or BF16");
                return Err(Refusal::new(message).into());
            }
        };
        let shape = view.shape();
        let axes = if space == LatentSpace::WPlus { 3 } else { 2 };
        if shape.len() != axes || shape.contains(&0) {
            return Err(refuse(format!("`{space}` of `{path}` has shape {shape:?}")).into());
        }
        if shape[0] > MOST {
            let message =
                format!("`{path}` holds {} latents, more than {}", grouped(shape[0]), grouped(MOST));
            return Err(Refusal::new(message).into());
        }
        let all = Tensor::from_raw_buffer(view.data(), dtype, shape, &Device::Cpu)?.to_dtype(DType::F32)?;
        if !all_finite(&all)? {
            let message = format!("`{space}` of `{path}` holds numbers that are not finite in f32");
            return Err(Refusal::new(message).into());
        }
        Ok(Self { path, space, all, hash: short_hash(&bytes) })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.dims()[0]
    }

    /// One of them, `[1, dim]` or `[1, num_layers, w_dim]`.
    pub(crate) fn row(&self, index: usize, device: &Device) -> Result<Tensor> {
        Ok(self.all.narrow(0, index, 1)?.to_device(device)?)
    }

    /// Whether a network of this shape takes them.
    pub(crate) fn check(&self, config: &GeneratorConfig) -> Result<()> {
        let expected = match self.space {
            LatentSpace::Z => vec![config.z_dim],
            LatentSpace::W => vec![config.w_dim],
            LatentSpace::WPlus => vec![config.num_layers(), config.w_dim],
        };
        let (shape, Self { space, path, .. }) = (self.all.dims(), self);
        if shape[1..] == expected {
            return Ok(());
        }
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        Err(Refusal::new(format!(
            "`{space}` of `{path}` has shape {shape:?} where the network takes [n, {}]",
            expected.join(", ")
        ))
        .into())
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let context = || format!("cannot read `{shown}`");
    let metadata = match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Refusal::new(format!("there is no file `{shown}`")).into());
        }
        metadata => metadata.with_context(context)?,
    };
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(Refusal::new(format!("`{shown}` is not a file")).into());
    }
    if metadata.len() > MOST_BYTES {
        let (have, most) = (grouped(metadata.len()), grouped(MOST_BYTES));
        return Err(Refusal::new(format!("`{shown}` has {have} bytes, more than {most}"))
            .hint("draw from several smaller files")
            .into());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)).with_context(context)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Opens a file with these tensors; returns what is in it or the error's words.
    fn open(tensors: &[(&str, Tensor)]) -> Result<Latents, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latents.safetensors");
        let tensors: HashMap<&str, Tensor> = tensors.iter().cloned().collect();
        candle_core::safetensors::save(&tensors, &path).unwrap();
        Latents::open(&path).map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "FILE"))
    }

    fn ramp(shape: &[usize], dtype: DType) -> Tensor {
        let count = shape.iter().product::<usize>() as u32;
        Tensor::arange(0, count, &Device::Cpu).unwrap().to_dtype(dtype).unwrap().reshape(shape).unwrap()
    }

    #[test]
    fn every_kind_of_latents_in_every_type() {
        for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
            for (name, space, shape) in [
                ("z", LatentSpace::Z, &[3, 4][..]),
                ("w", LatentSpace::W, &[3, 5]),
                ("w_plus", LatentSpace::WPlus, &[3, 2, 5]),
            ] {
                let latents = open(&[(name, ramp(shape, dtype)), ("images", ramp(&[7], dtype))]).unwrap();
                assert_eq!((latents.space, latents.count()), (space, 3));
                assert_eq!(latents.hash.len(), 16);
                let row = latents.row(1, &Device::Cpu).unwrap();
                assert_eq!((row.dims()[0], &row.dims()[1..]), (1, &shape[1..]));
                let first = shape[1..].iter().product::<usize>() as f32;
                assert_eq!(row.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0], first);
            }
        }
    }

    #[test]
    fn what_is_none_says_why() {
        let words = |name: &str, tensor: Tensor| open(&[(name, tensor)]).unwrap_err();
        let pair = [("z", ramp(&[1, 2], DType::F32)), ("w", ramp(&[1, 2], DType::F32))];
        assert_eq!(open(&pair).unwrap_err(), "`FILE` holds both `z` and `w`; one is needed");
        assert_eq!(words("x", ramp(&[1, 2], DType::F32)), "`FILE` holds no latents");
        assert_eq!(words("z", ramp(&[8], DType::F32)), "`z` of `FILE` has shape [8]");
        assert_eq!(words("w_plus", ramp(&[2, 4], DType::F32)), "`w_plus` of `FILE` has shape [2, 4]");
        let message = "`z` of `FILE` is of type U32, not F64, F32, F16 or BF16";
        assert_eq!(words("z", ramp(&[1, 2], DType::U32)), message);
        let large = (ramp(&[1, 2], DType::F64) * 1e300).unwrap();
        assert_eq!(words("z", large), "`z` of `FILE` holds numbers that are not finite in f32");
        let many = Tensor::zeros((MOST + 1, 1), DType::F16, &Device::Cpu).unwrap();
        assert_eq!(words("z", many), "`FILE` holds 1,000,001 latents, more than 1,000,000");
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latents.safetensors");
        let tensors = HashMap::from([("z", ramp(&[2, 3], DType::F32))]);
        candle_core::safetensors::save(&tensors, &path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let error = Latents::open(&path).unwrap_err().to_string();
            assert!(error.ends_with("is no safetensors file, or a damaged one"), "{error}");
        }
        // A header that asks for more than there is, or nests without end.
        let header = |json: &str| [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
        let huge = r#"{"z":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#;
        for bytes in [header(huge), header(&"[".repeat(100_000)), u64::MAX.to_le_bytes().to_vec()] {
            std::fs::write(&path, bytes).unwrap();
            Latents::open(&path).unwrap_err();
        }
        assert!(Latents::open(folder.path()).unwrap_err().to_string().ends_with("is not a file"));
    }
}
