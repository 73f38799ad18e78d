//! Latents from a file.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use stylegan_base::{FileKind, short_hash};
use stylegan_generator::GeneratorConfig;
use stylegan_ops::{Resolution, all_finite};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::{Error, FileErrorKind, Latent, LatentSpace, Latents, NoiseImages, Result};
use crate::{numpy, tensors};

/// 28,000 pictures' `w_plus` of the paper's network.
pub(crate) const MAX_BYTES: u64 = 1 << 30;
/// As many as there may be seeds.
pub(crate) const MAX_LATENTS: usize = 1_000_000;

/// The latents of a safetensors file, or of one of `NumPy`.
#[derive(Clone, Debug)]
pub struct LatentFile {
    path: PathBuf,
    space: LatentSpace,
    /// `[n, z_dim]`, `[n, w_dim]` or `[n, num_layers, w_dim]`, f32
    all: Tensor,
    noise: Option<NoiseImages>,
    hash: String,
}

impl LatentFile {
    /// Reads a safetensors or `.npz` file with one tensor `z`, `w` or `w_plus`, or a `.npy` file of `w_plus`. A safetensors file
    /// may have noise images of its latents, `noise.layerN [n, 1, height, width]`; other tensors are not looked at.
    ///
    /// # Errors
    /// If there is no such file, or its tensor is none of latents. A hostile file gets an error as well, whatever it
    /// holds.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |kind: FileErrorKind| kind.at(path);
        let bytes = read(path)?;
        let mut noise = None;
        let (space, all) = match FileKind::of(&bytes) {
            Some(FileKind::Numpy) => of_numpy(None, &bytes).map_err(refuse)?,
            Some(FileKind::Zip) => of_archive(&bytes).map_err(refuse)?,
            None | Some(FileKind::Safetensors) => {
                let file = SafeTensors::deserialize(&bytes);
                let file = file.map_err(|_| refuse(FileErrorKind::NotSafetensors))?;
                let (space, all) = of_safetensors(&file).map_err(refuse)?;
                noise = NoiseImages::read(&file, all.dims()[0]).map_err(refuse)?;
                (space, all)
            }
            Some(kind) => return Err(refuse(FileErrorKind::OtherKind(kind))),
        };
        if all.dims()[0] > MAX_LATENTS {
            return Err(refuse(FileErrorKind::TooMany(all.dims()[0])));
        }
        let all = all.to_dtype(DType::F32)?;
        if !all_finite(&all)? {
            return Err(refuse(FileErrorKind::NotFinite(space)));
        }
        Ok(Self { path: path.to_owned(), space, all, noise, hash: short_hash(&bytes) })
    }

    /// Where in a network they enter.
    pub fn space(&self) -> LatentSpace {
        self.space
    }

    /// The first 16 hexadecimal digits of the file's BLAKE3 hash.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.dims()[0]
    }

    /// All of them.
    pub fn latents(&self) -> Latents {
        Latents { space: self.space, all: self.all.clone() }
    }

    /// One of them, on this device.
    ///
    /// # Errors
    /// If there is no such row, or the device fails.
    pub fn row(&self, row: u64, device: &Device) -> Result<Latent> {
        if row >= self.count() as u64 {
            return Err(Error::Row { row, count: self.count() });
        }
        Ok(Latent::new(self.space, self.all.narrow(0, row as usize, 1)?.to_device(device)?))
    }

    /// The noise images of one of them for the layers in use, `[1, 1, height, width]` each, on this device; none if it has
    /// none of its own.
    ///
    /// # Errors
    /// If the device fails.
    pub fn noise(&self, row: u64, device: &Device) -> Result<Option<Vec<Tensor>>> {
        let noise = self.noise.as_ref().filter(|_| row < self.count() as u64);
        noise.map(|noise| noise.row(row as usize, device)).transpose()
    }

    /// The noise images of some of them, in this order; none if it has none, or one of them is not there.
    pub(crate) fn noise_of(&self, rows: &[u64]) -> candle_core::Result<Option<NoiseImages>> {
        let are_there = rows.iter().all(|&row| row < self.count() as u64);
        self.noise.as_ref().filter(|_| are_there).map(|noise| noise.rows(rows)).transpose()
    }

    /// Makes sure that their noise images, if they have some, are of the layers of pictures of this size.
    ///
    /// # Errors
    /// If they are not.
    pub fn check_noise(&self, resolution: Resolution) -> Result<()> {
        match &self.noise {
            Some(noise) if !noise.fit(resolution) => {
                Err(FileErrorKind::OtherNoise { resolution }.at(&self.path))
            }
            _ => Ok(()),
        }
    }

    /// Makes sure that a network of this shape takes them.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(&self, config: &GeneratorConfig) -> Result<()> {
        let (space, shape, expected) = (self.space, self.all.dims(), self.space.shape(config));
        if shape[1..] == expected {
            return Ok(());
        }
        Err(FileErrorKind::OtherShape { space, shape: shape.to_vec(), expected }.at(&self.path))
    }
}

fn of_safetensors(file: &SafeTensors<'_>) -> Result<(LatentSpace, Tensor), FileErrorKind> {
    let (space, view) = only(|space| file.tensor(&space.to_string()).ok())?;
    check_axes(space, view.shape())?;
    let all = tensors::read(&view).map_err(|dtype| FileErrorKind::Type { space, dtype })?;
    Ok((space, all))
}

/// One array of `NumPy`, of the name that it has in an archive.
///
/// `w` with three axes, as NVIDIA's projector writes it, is a w for each layer, and so is an array without a name; of fewer
/// axes, that may be anything.
fn of_numpy(name: Option<LatentSpace>, bytes: &[u8]) -> Result<(LatentSpace, Tensor), FileErrorKind> {
    let array = numpy::parse(bytes).map_err(FileErrorKind::Numpy)?;
    let space = match (name, array.shape.len()) {
        (None | Some(LatentSpace::W), 3) => LatentSpace::WPlus,
        (Some(space), _) => space,
        (None, _) => return Err(FileErrorKind::Unnamed { shape: array.shape }),
    };
    check_axes(space, &array.shape)?;
    Ok((space, numpy::tensor(&array).map_err(|error| FileErrorKind::Numpy(error.to_string()))?))
}

/// The archive of named arrays that `numpy.savez` writes.
fn of_archive(bytes: &[u8]) -> Result<(LatentSpace, Tensor), FileErrorKind> {
    let broken = |error: ZipError| FileErrorKind::Numpy(format!("its zip archive is broken: {error}"));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let (space, index) = only(|space| archive.index_for_name(&format!("{space}.npy")))?;
    let mut entry = archive.by_index(index).map_err(broken)?;
    let mut array = Vec::new();
    entry.by_ref().take(MAX_BYTES + 1).read_to_end(&mut array).map_err(|error| broken(error.into()))?;
    if array.len() as u64 > MAX_BYTES {
        return Err(FileErrorKind::TooLarge(array.len() as u64));
    }
    of_numpy(Some(space), &array)
}

/// The one space of which there is something.
fn only<T>(mut find: impl FnMut(LatentSpace) -> Option<T>) -> Result<(LatentSpace, T), FileErrorKind> {
    let mut found = LatentSpace::ALL.into_iter().filter_map(|space| Some((space, find(space)?)));
    let first = found.next().ok_or(FileErrorKind::NoLatents)?;
    match found.next() {
        Some((other, _)) => Err(FileErrorKind::Ambiguous(first.0, other)),
        None => Ok(first),
    }
}

fn check_axes(space: LatentSpace, shape: &[usize]) -> Result<(), FileErrorKind> {
    let axes = if space == LatentSpace::WPlus { 3 } else { 2 };
    if shape.len() == axes && !shape.contains(&0) {
        return Ok(());
    }
    Err(FileErrorKind::Shape { space, shape: shape.to_vec() })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileErrorKind::NotFound.at(path),
        _ => FileErrorKind::Read(error).at(path),
    };
    let metadata = path.metadata().map_err(failed)?;
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(FileErrorKind::NotAFile.at(path));
    }
    if metadata.len() > MAX_BYTES {
        return Err(FileErrorKind::TooLarge(metadata.len()).at(path));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Opens a file with these tensors; returns what is in it or the error's words.
    fn open(tensors: &[(&str, Tensor)]) -> Result<LatentFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latents.safetensors");
        let tensors: HashMap<&str, Tensor> = tensors.iter().cloned().collect();
        candle_core::safetensors::save(&tensors, &path).unwrap();
        LatentFile::open(&path).map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "FILE"))
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
                let (Latent::Z(row) | Latent::W(row) | Latent::WPlus(row)) =
                    latents.row(1, &Device::Cpu).unwrap();
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
        let many = Tensor::zeros((MAX_LATENTS + 1, 1), DType::F16, &Device::Cpu).unwrap();
        assert_eq!(words("z", many), "`FILE` holds 1,000,001 latents, more than 1,000,000");
    }

    #[test]
    fn noise_stands_beside_latents() {
        let resolution = "12x8".parse().unwrap();
        let ramps = |sides: &[[usize; 2]]| -> Vec<Tensor> {
            sides.iter().map(|[height, width]| ramp(&[2, 1, *height, *width], DType::F16)).collect()
        };
        let open = |noise: Vec<Tensor>| {
            let names: Vec<String> = (0..noise.len()).map(NoiseImages::name).collect();
            let mut tensors = vec![("w", ramp(&[2, 3], DType::F32))];
            tensors.extend(names.iter().map(String::as_str).zip(noise));
            open(&tensors)
        };
        let sides = [[4, 6], [4, 6], [8, 12], [8, 12]];
        let file = open(ramps(&sides)).unwrap();
        file.check_noise(resolution).unwrap();
        let row = file.noise(1, &Device::Cpu).unwrap().unwrap();
        assert_eq!((row.len(), row[2].dims()), (4, &[1, 1, 8, 12][..]));
        assert_eq!(row[0].flatten_all().unwrap().to_vec1::<f32>().unwrap()[..2], [24.0, 25.0]);
        // Pictures of half the size take the first of them.
        file.check_noise("6x4".parse().unwrap()).unwrap();
        assert!(open(Vec::new()).unwrap().noise(0, &Device::Cpu).unwrap().is_none());

        let words = |noise| open(noise).map(|file| file.check_noise(resolution)).unwrap().unwrap_err();
        for wrong in [&sides[..3], &[[4, 6], [6, 4], [8, 12], [8, 12]]] {
            let words = words(ramps(wrong)).to_string();
            assert!(words.ends_with("are not those of a picture of 12x8"), "{words}");
        }
        let refused = open(vec![ramp(&[3, 1, 2, 3], DType::F32)]).unwrap_err();
        let expected = "`noise.layer0` of `FILE`, of shape [3, 1, 2, 3], is no image for each of its latents";
        assert_eq!(refused, expected);
        let infinite = (ramp(&[2, 1, 2, 3], DType::F32) / 0.0).unwrap();
        assert!(open(vec![infinite]).unwrap_err().starts_with("`noise.layer0` of `FILE`"));
        assert!(open(vec![ramp(&[2, 1, 2, 3], DType::U32)]).is_err());
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
            let error = LatentFile::open(&path).unwrap_err().to_string();
            let words = if end == 0 { "is empty" } else { "is no safetensors file, or a damaged one" };
            assert!(error.ends_with(words), "{error}");
        }
        // A header that asks for more than there is, or nests without end.
        let header = |json: &str| [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
        let huge = r#"{"z":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#;
        for bytes in [header(huge), header(&"[".repeat(100_000)), u64::MAX.to_le_bytes().to_vec()] {
            std::fs::write(&path, bytes).unwrap();
            LatentFile::open(&path).unwrap_err();
        }
        assert!(LatentFile::open(folder.path()).unwrap_err().to_string().ends_with("is not a file"));
    }

    /// Opens a file of these bytes; returns what is in it or the error's words.
    fn open_bytes(bytes: &[u8]) -> Result<LatentFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latents");
        std::fs::write(&path, bytes).unwrap();
        LatentFile::open(&path).map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "FILE"))
    }

    fn npy(shape: &str, count: u8) -> Vec<u8> {
        let data: Vec<u8> = (0..count).flat_map(|number| f32::from(number).to_le_bytes()).collect();
        crate::numpy::written_as("'<f4'", false, shape, &data)
    }

    fn npz(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut archive, bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn arrays_of_numpy_by_their_names_and_axes() {
        for (bytes, space, shape) in [
            (npz(&[("z.npy", npy("(2, 3)", 6))]), LatentSpace::Z, &[2, 3][..]),
            (npz(&[("w.npy", npy("(2, 3)", 6)), ("x.npy", npy("(1,)", 1))]), LatentSpace::W, &[2, 3]),
            (npz(&[("w.npy", npy("(1, 2, 3)", 6))]), LatentSpace::WPlus, &[1, 2, 3]),
            (npz(&[("w_plus.npy", npy("(1, 2, 3)", 6))]), LatentSpace::WPlus, &[1, 2, 3]),
            (npy("(1, 2, 3)", 6), LatentSpace::WPlus, &[1, 2, 3]),
        ] {
            let latents = open_bytes(&bytes).unwrap();
            assert_eq!((latents.space, latents.all.dims()), (space, shape));
            assert_eq!(
                latents.all.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
            );
        }
    }

    #[test]
    fn arrays_of_numpy_that_are_none_say_why() {
        let words = |bytes: &[u8]| open_bytes(bytes).unwrap_err();
        assert_eq!(words(&npy("(18, 2)", 36)), "`FILE` has shape [18, 2], but no name that says what it is");
        assert_eq!(words(&npz(&[("x.npy", npy("(2, 3)", 6))])), "`FILE` holds no latents");
        let both = [("z.npy", npy("(2, 3)", 6)), ("w.npy", npy("(2, 3)", 6))];
        assert_eq!(words(&npz(&both)), "`FILE` holds both `z` and `w`; one is needed");
        assert_eq!(words(&npz(&[("z.npy", npy("(6,)", 6))])), "`z` of `FILE` has shape [6]");
        assert_eq!(words(&npy("(1, 2, 4)", 6)), "`FILE` cannot be read: it is cut short");
        let objects = crate::numpy::written_as("'|O'", false, "(1, 2, 3)", b"");
        assert_eq!(words(&objects), "`FILE` cannot be read: it holds Python objects, not numbers");
        assert_eq!(words(b"<!DOCTYPE html><title>"), "`FILE` is a web page, not latents");
        let whole = npz(&[("w.npy", npy("(2, 3)", 6))]);
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 0x55;
            let _ = open_bytes(&changed);
            let _ = open_bytes(&whole[..place]);
        }
    }
}
