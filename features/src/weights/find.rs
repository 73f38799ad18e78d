//! Where weights are looked for.

use std::env;
use std::path::{Path, PathBuf};

use candle_core::Device;
use stylegan_base::user_cache;

use super::convert::{Tensors, convert, fits, layer_count};
use super::file::{TensorFile, sha256};
use super::{KNOWN, KnownWeights, WeightsError, cache};
use crate::tensors::Weights;

type Result<T, E = WeightsError> = std::result::Result<T, E>;

/// Digits of a hash that tell weights apart.
const FINGERPRINT_DIGITS: usize = 16;

/// Files and folders in which weights are looked for, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Files that may hold what is asked for, and folders of such files.
    pub places: Vec<PathBuf>,
    /// The folder in which converted weights are kept, and looked for last.
    pub cache: Option<PathBuf>,
}

/// Weights that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Whether this program converted them before.
    pub is_converted: bool,
}

impl Places {
    /// Those of a user: what was given, then the file or folder `$STYLEGAN_WEIGHTS`, then `stylegan/weights` in the user's
    /// cache folder.
    pub fn of_user(given: &[PathBuf]) -> Self {
        let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            places: given.iter().cloned().chain(named("STYLEGAN_WEIGHTS")).collect(),
            cache: user_cache().map(|cache| cache.join("weights")),
        }
    }

    /// All places in their order, the cache last.
    pub fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.places.iter().chain(&self.cache)
    }

    /// The first file that has the weights, by its name or, if it was named itself, by what is in it.
    pub fn find(&self, known: &'static KnownWeights) -> Option<Found> {
        self.all().find_map(|place| in_place(known, place))
    }

    /// Opens the weights of a network, and keeps them converted if they were not.
    ///
    /// A file of an unknown hash is taken if its layers fit. Weights that cannot be kept are told as a warning.
    ///
    /// # Errors
    /// If no network has this name, its weights are nowhere, or their file is damaged.
    pub fn open(&self, name: &str, device: &Device) -> Result<Weights> {
        let known = KnownWeights::of(name).ok_or_else(|| WeightsError::Unknown { name: name.to_owned() })?;
        let Some(found) = self.find(known) else {
            let places = self.all().cloned().collect();
            return Err(WeightsError::Missing { known, places });
        };
        let (tensors, hash) = read(known, &found.path)?;
        if let (false, Some(cache)) = (found.is_converted, &self.cache) {
            let path = cache.join(converted_name(known));
            match cache::write(&path, known.name, &hash, &tensors) {
                Ok(()) => tracing::info!(path = %path.display(), "weights converted"),
                Err(error) => tracing::warn!(%error, "converted weights are not kept"),
            }
        }
        let weights = Weights::new(tensors, hash.get(..FINGERPRINT_DIGITS).unwrap_or(&hash));
        let failed = |error| match error {
            crate::Error::Tensor(source) => WeightsError::Tensor { path: found.path.clone(), source },
            error => WeightsError::Damaged { path: found.path.clone(), reason: error.to_string() },
        };
        weights.to_device(device).map_err(failed)
    }
}

impl KnownWeights {
    /// Those that a file holds, if they are known.
    ///
    /// # Errors
    /// If it is no file of tensors, or is damaged.
    pub fn in_file(path: &Path) -> Result<Option<&'static Self>> {
        let file = TensorFile::open(path)?;
        // A whole network has the layers of its trunk, which is known as well.
        Ok(KNOWN.iter().filter(|known| fits(known.name, &file)).max_by_key(|known| layer_count(known.name)))
    }

    /// Reads a file and converts it to `target`; returns the hash of the file.
    ///
    /// # Errors
    /// If the file is damaged or holds other weights, or the target cannot be written.
    pub fn convert(&'static self, path: &Path, target: &Path) -> Result<String> {
        let (tensors, hash) = read(self, path)?;
        cache::write(target, self.name, &hash, &tensors)?;
        Ok(hash)
    }

    /// Reads a file whole and returns the SHA-256 that it has, or if it was converted, that the file had it came from.
    ///
    /// # Errors
    /// If the file is damaged or holds other weights.
    pub fn check(&'static self, path: &Path) -> Result<String> {
        read(self, path).map(|(_, hash)| hash)
    }
}

/// The tensors of a file, and the hash of the file that they came from.
fn read(known: &'static KnownWeights, path: &Path) -> Result<(Tensors, String)> {
    let mut file = TensorFile::open(path)?;
    let tensors = convert(known.name, &mut file).map_err(|reason| WeightsError::Other {
        path: path.to_owned(),
        name: known.name,
        reason,
    })?;
    if let Some(hash) = file.text("sha256") {
        return Ok((tensors, hash.chars().filter(char::is_ascii_hexdigit).take(64).collect()));
    }
    let hash = sha256(path)?;
    if known.file_of(&hash).is_none() {
        tracing::warn!(path = %path.display(), sha256 = hash, "weights of an unknown file, whose layers fit");
    }
    Ok((tensors, hash))
}

fn in_place(known: &'static KnownWeights, place: &Path) -> Option<Found> {
    if place.is_dir() {
        let converted = place.join(converted_name(known));
        if converted.is_file() && !cache::is_outdated(&converted) {
            return Some(Found { path: converted, is_converted: true });
        }
        let mut paths = known.files.iter().map(|file| place.join(file.name));
        return paths.find(|path| path.is_file()).map(|path| Found { path, is_converted: false });
    }
    // What was named itself may have any name.
    let file = TensorFile::open(place).ok()?;
    let is_converted = file.text("weights") == Some(known.name);
    fits(known.name, &file).then(|| Found { path: place.to_owned(), is_converted })
}

fn converted_name(known: &KnownWeights) -> String {
    format!("{}.safetensors", known.name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Tensor};
    use stylegan_base::Hint;

    use super::*;
    use crate::mobilenet;
    use crate::network::Colors;
    use crate::reference::made_up;

    const NAME: &str = "mobilenet";

    /// A file as torchvision has it, whose batch norms change nothing but by their epsilon.
    fn foreign(path: &Path) -> Weights {
        let layers = mobilenet::layers();
        let ours = made_up(&layers, &[], Colors::TORCHVISION);
        let mut tensors = HashMap::new();
        for layer in &layers {
            let (conv, norm) = (&layer.torchvision.0, layer.torchvision.1.as_ref().unwrap());
            let width = layer.shape[0];
            let full = |value: f32| Tensor::full(value, width, &Device::Cpu).unwrap();
            let own =
                |part: &str, shape: &[usize]| ours.get(&format!("{}.{part}", layer.name), shape).unwrap();
            tensors.insert(format!("{conv}.weight"), own("weight", &layer.shape));
            tensors.insert(format!("{norm}.bias"), own("bias", &[width]));
            tensors.insert(format!("{norm}.weight"), full(2.0));
            tensors.insert(format!("{norm}.running_mean"), full(0.0));
            tensors.insert(format!("{norm}.running_var"), full(4.0 - 1e-5));
        }
        candle_core::safetensors::save(&tensors, path).unwrap();
        ours
    }

    #[test]
    fn a_file_is_found_by_what_is_in_it_and_converted_once() {
        let folder = tempfile::tempdir().unwrap();
        let (file, cache) = (folder.path().join("any name"), folder.path().join("made/cache"));
        let ours = foreign(&file);
        let places =
            Places { places: vec![folder.path().join("nowhere"), file.clone()], cache: Some(cache.clone()) };
        let opened = places.open(NAME, &Device::Cpu).unwrap();
        for layer in mobilenet::layers() {
            let name = format!("{}.weight", layer.name);
            let [a, b] = [&opened, &ours].map(|weights| weights.get(&name, &layer.shape).unwrap());
            let off = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(off < 1e-6, "{name}: {off}");
        }
        assert_eq!(opened.fingerprint(), &sha256(&file).unwrap()[..FINGERPRINT_DIGITS]);

        std::fs::remove_file(&file).unwrap();
        let known = KnownWeights::of(NAME).unwrap();
        let kept = Found { path: cache.join("mobilenet.safetensors"), is_converted: true };
        assert_eq!(places.find(known), Some(kept.clone()));
        let again = places.open(NAME, &Device::Cpu).unwrap();
        assert_eq!(again.fingerprint(), opened.fingerprint());
        let first = |weights: &Weights| weights.get("first.weight", &[32, 3, 3, 3]).unwrap();
        let values = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(first(&again)), values(first(&opened)));

        // What is damaged is not taken.
        let whole = std::fs::read(&kept.path).unwrap();
        std::fs::write(&kept.path, &whole[..whole.len() - 4]).unwrap();
        let damaged = places.open(NAME, &Device::Cpu).unwrap_err();
        assert!(damaged.to_string().contains("its length is not what its header says"), "{damaged}");
    }

    #[test]
    fn what_came_out_wrong_is_converted_anew() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownWeights::of("vgg19").unwrap();
        let (original, converted) =
            (folder.path().join(known.files[0].name), folder.path().join("vgg19.safetensors"));
        std::fs::write(&original, "bytes").unwrap();
        for (texts, path) in [
            (&[("weights", "vgg19")][..], &original),
            (&[("weights", "vgg19"), ("conversion", "2")][..], &converted),
        ] {
            let texts = texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
            let one = ("conv1_1.bias", Tensor::zeros(64, DType::F32, &Device::Cpu).unwrap());
            std::fs::write(&converted, safetensors::serialize([one], Some(texts)).unwrap()).unwrap();
            let found = in_place(known, folder.path()).unwrap();
            assert_eq!(found, Found { path: path.clone(), is_converted: path == &converted });
        }
    }

    #[test]
    fn what_is_missing_or_something_else_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { places: vec![folder.path().to_owned()], cache: None };
        let missing = places.open(NAME, &Device::Cpu).unwrap_err();
        assert_eq!(missing.to_string(), "the weights of `mobilenet` are not there");
        let hint = missing.hint().unwrap();
        assert_eq!(hint, "`scripts/fetch-weights mobilenet` brings them; or name a file, `--weights FILE`");
        let unknown = places.open("resnet", &Device::Cpu).unwrap_err();
        assert_eq!(unknown.to_string(), "`resnet` names no weights");

        // By its name it should hold them.
        let path = folder.path().join("mobilenet_v2-b0353104.pth");
        let one = Tensor::zeros((32, 3, 3, 3), DType::F32, &Device::Cpu).unwrap();
        candle_core::safetensors::save(&HashMap::from([("features.0.0.weight", one)]), &path).unwrap();
        let other = places.open(NAME, &Device::Cpu).unwrap_err().to_string();
        assert!(other.ends_with("the weights of `mobilenet`: `features.0.1.weight` is missing"), "{other}");
        assert_eq!(KnownWeights::in_file(&path).unwrap().map(|known| known.name), None);
    }
}
