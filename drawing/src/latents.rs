//! Many latents of one space: calculating with them, and writing them down.

use std::collections::HashMap;
use std::io::{self, Cursor, Write};
use std::iter;
use std::path::Path;

use candle_core::{DType, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use stylegan_base::files;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::numpy;
use crate::tensors::bytes;
use crate::{Error, FileErrorKind, LatentSpace, NoiseImages, Result};

/// Many latents of one space.
#[derive(Clone, Debug)]
pub struct Latents {
    /// Where in a network they enter.
    pub space: LatentSpace,
    /// `[n, z_dim]`, `[n, w_dim]` or `[n, num_layers, w_dim]`, f32, on the CPU
    pub all: Tensor,
}

impl Latents {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.dims().first().copied().unwrap_or(0)
    }

    /// Their mean, as the only one.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn mean(&self) -> Result<Self> {
        let all = self.all.to_dtype(DType::F64)?.mean_keepdim(0)?.to_dtype(DType::F32)?;
        Ok(Self { space: self.space, all })
    }

    /// Each with `factor` times the other of its row; a single one counts for all rows, and w for all layers of `w_plus`.
    ///
    /// # Errors
    /// If they are of spaces or sizes that do not go together.
    pub fn plus(&self, other: &Self, factor: f64) -> Result<Self> {
        let unlike = || Error::UnlikeLatents {
            one: (self.space, self.all.dims().to_vec()),
            other: (other.space, other.all.dims().to_vec()),
        };
        let are_of_w = |latents: &Self| latents.space != LatentSpace::Z;
        if are_of_w(self) != are_of_w(other) {
            return Err(unlike());
        }
        let (one, other) = match (self.space, other.space) {
            (LatentSpace::W, LatentSpace::WPlus) => (self.all.unsqueeze(1)?, other.all.clone()),
            (LatentSpace::WPlus, LatentSpace::W) => (self.all.clone(), other.all.unsqueeze(1)?),
            _ => (self.all.clone(), other.all.clone()),
        };
        let all = one.broadcast_add(&(other * factor)?).map_err(|_| unlike())?;
        Ok(Self { space: if all.rank() == 3 { LatentSpace::WPlus } else { self.space }, all })
    }

    /// Each times a number.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn scaled(&self, factor: f64) -> Result<Self> {
        Ok(Self { space: self.space, all: (&self.all * factor)? })
    }

    /// Writes them in the format that the name of the file says: `.safetensors`, under the name of their space; `.npz` of
    /// `NumPy`, where `w_plus` is called `w`, as NVIDIA's projector has it; or `.npy`, for `w_plus` alone. [`LatentFile`] reads
    /// all of these. `texts` go into a safetensors file.
    ///
    /// [`LatentFile`]: crate::LatentFile
    ///
    /// # Errors
    /// If the name is of none of these, the file exists and `overwrite` does not allow that, or it cannot be written.
    pub fn save(&self, path: &Path, texts: &[(&str, &str)], overwrite: bool) -> Result<()> {
        self.save_with_noise(path, None, texts, overwrite)
    }

    /// The same with noise images of them, which a safetensors file takes, under `noise.layer0` and so on.
    ///
    /// # Errors
    /// As [`Latents::save`].
    pub fn save_with_noise(
        &self,
        path: &Path,
        noise: Option<&NoiseImages>,
        texts: &[(&str, &str)],
        overwrite: bool,
    ) -> Result<()> {
        let extension =
            path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let bytes = match extension.as_deref() {
            Some("safetensors") => self.safetensors(noise, texts)?,
            Some("npz") => self.npz().map_err(|error| FileErrorKind::Write(error).at(path))?,
            Some("npy") if self.space == LatentSpace::WPlus => self.npy()?,
            Some("npy") => return Err(FileErrorKind::NamelessSpace(self.space).at(path)),
            _ => return Err(FileErrorKind::NoLatentName.at(path)),
        };
        files::write(path, overwrite, &mut |file| file.write_all(&bytes)).map_err(|error| {
            match error.kind() {
                io::ErrorKind::AlreadyExists => FileErrorKind::Exists.at(path),
                _ => FileErrorKind::Write(error).at(path),
            }
        })
    }

    fn safetensors(&self, noise: Option<&NoiseImages>, texts: &[(&str, &str)]) -> Result<Vec<u8>> {
        let failed = |error: safetensors::SafeTensorError| Error::Latent(candle_core::Error::wrap(error));
        let tensors = iter::once((self.space.to_string(), &self.all));
        let tensors: Vec<(String, &Tensor, Vec<u8>)> = tensors
            .chain(noise.into_iter().flat_map(NoiseImages::tensors))
            .map(|(name, tensor)| Ok((name, tensor, bytes(tensor)?)))
            .collect::<Result<_>>()?;
        let views = tensors.iter().map(|(name, tensor, bytes)| {
            Ok((name, TensorView::new(Dtype::F32, tensor.dims().to_vec(), bytes).map_err(failed)?))
        });
        let texts: HashMap<String, String> =
            texts.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
        let texts = (!texts.is_empty()).then_some(texts);
        safetensors::serialize(views.collect::<Result<Vec<_>>>()?, texts).map_err(failed)
    }

    fn npy(&self) -> Result<Vec<u8>> {
        Ok(numpy::written(self.all.dims(), &bytes(&self.all)?))
    }

    fn npz(&self) -> std::result::Result<Vec<u8>, std::io::Error> {
        let name = match self.space {
            LatentSpace::Z => "z.npy",
            LatentSpace::W | LatentSpace::WPlus => "w.npy",
        };
        let array = self.npy().map_err(std::io::Error::other)?;
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file(name, SimpleFileOptions::default())?;
        archive.write_all(&array)?;
        Ok(archive.finish()?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::LatentFile;

    fn latents(space: LatentSpace, shape: &[usize]) -> Latents {
        let count = shape.iter().product::<usize>() as u32;
        let all = Tensor::arange(0, count, &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
        Latents { space, all: all.reshape(shape).unwrap() }
    }

    fn values(latents: &Latents) -> Vec<f32> {
        latents.all.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for (space, shape, endings) in [
            (LatentSpace::Z, &[3, 4][..], &["safetensors", "npz"][..]),
            (LatentSpace::W, &[3, 4], &["safetensors", "npz"]),
            (LatentSpace::WPlus, &[3, 2, 4], &["safetensors", "npz", "npy"]),
        ] {
            for ending in endings {
                let path = folder.path().join("latents").with_extension(ending);
                let latents = latents(space, shape);
                latents.save(&path, &[("program", "this one")], true).unwrap();
                let read = LatentFile::open(&path).unwrap().latents();
                assert_eq!((read.space, read.all.dims()), (space, shape), "{ending}");
                assert_eq!(values(&read), values(&latents));
                latents.save(&path, &[], false).unwrap_err();
            }
        }
        let words = |name: &str| {
            let path = folder.path().join(name);
            latents(LatentSpace::W, &[1, 2]).save(&path, &[], true).unwrap_err().to_string()
        };
        assert!(
            words("w.npy").ends_with("an array without a name is `w_plus`, not `w`"),
            "{}",
            words("w.npy")
        );
        assert!(words("w.txt").ends_with("is not the name of a file of latents"), "{}", words("w.txt"));
    }

    #[test]
    fn sums_and_means() {
        let w = latents(LatentSpace::W, &[2, 3]);
        assert_eq!(values(&w.mean().unwrap()), [1.5, 2.5, 3.5]);
        assert_eq!(values(&w.scaled(-2.0).unwrap()), [0.0, -2.0, -4.0, -6.0, -8.0, -10.0]);
        let sum = w.plus(&w.mean().unwrap(), 2.0).unwrap();
        assert_eq!(values(&sum), [3.0, 6.0, 9.0, 6.0, 9.0, 12.0]);

        let w_plus = latents(LatentSpace::WPlus, &[2, 2, 3]);
        for sum in [w.plus(&w_plus, 1.0).unwrap(), w_plus.plus(&w, 1.0).unwrap()] {
            assert_eq!((sum.space, sum.all.dims()), (LatentSpace::WPlus, &[2, 2, 3][..]));
            assert_eq!(values(&sum), [0.0, 2.0, 4.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 12.0, 14.0, 16.0]);
        }
        for (one, other) in [
            (&w, &latents(LatentSpace::Z, &[2, 3])),
            (&w, &latents(LatentSpace::W, &[3, 3])),
            (&w, &latents(LatentSpace::W, &[2, 4])),
        ] {
            let error = one.plus(other, 1.0).unwrap_err().to_string();
            assert!(error.starts_with("latents `w` of shape [2, 3] and `"), "{error}");
        }
    }
}
