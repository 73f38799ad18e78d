//! Files of PyTorch, whole and damaged. They were written by PyTorch 2.15: `program.pt` by `torch.jit.save`, the others by
//! `torch.save` of one dictionary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};

use candle_core::DType;
use proptest::prelude::*;
use stylegan_arrays::{Error, ErrorKind, Store, Torch};

const FILES: [&str; 3] = ["program.pt", "zip.pth", "legacy.pth"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Names, types and values of all tensors.
fn read(path: &Path) -> Result<Vec<(String, DType, Vec<f32>)>, Error> {
    let mut store = Store::open(path)?;
    let torch = Torch::open(&mut store)?;
    let mut found = Vec::new();
    for (name, item) in torch.named_tensors() {
        let Ok(array) = torch.array(item) else { continue };
        let tensor = array.tensor(&name, &mut store)?;
        assert_eq!(tensor.dims(), array.shape());
        let values = tensor.to_dtype(DType::F32).and_then(|x| x.flatten_all()?.to_vec1());
        found.push((name, tensor.dtype(), values.unwrap()));
    }
    Ok(found)
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn modules_of_a_program_are_followed() {
    let found = read(&fixture("program.pt")).unwrap();
    let expected = [
        ("layers.0.weight".to_owned(), DType::F32, vec![0.0, 0.25, 0.5, 0.75, 1.0, 1.25]),
        ("layers.0.mean".to_owned(), DType::F32, vec![0.5; 3]),
    ];
    assert_eq!(found, expected);
    let mut store = Store::open(&fixture("program.pt")).unwrap();
    assert!(Torch::open(&mut store).unwrap().is_program());
}

#[test]
fn both_forms_hold_the_same() {
    let expected = [
        ("state_dict.a.weight".to_owned(), DType::F32, vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        ("state_dict.half".to_owned(), DType::F16, vec![1.5, -2.0]),
        ("bytes".to_owned(), DType::U8, vec![0.0, 7.0, 255.0]),
    ];
    assert_eq!(read(&fixture("zip.pth")).unwrap(), expected);
    assert_eq!(read(&fixture("legacy.pth")).unwrap(), expected);
}

#[test]
fn what_is_something_else_is_told() {
    let told = |bytes: &[u8]| {
        let (_folder, path) = written(bytes);
        read(&path).unwrap_err().kind.to_string()
    };
    assert_eq!(told(b"\x89PNG\r\n\x1a\n"), "it is a PNG picture");
    assert_eq!(told(b"no such thing"), "it is no file of PyTorch");
    let whole = std::fs::read(fixture("legacy.pth")).unwrap();
    assert!(told(&whole[..whole.len() - 2]).contains("ends in the middle"));
    let missing = read(&fixture("nothing")).unwrap_err();
    assert!(matches!(missing.kind, ErrorKind::Read(_)), "{missing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A file with some bytes exchanged is read or refused; what comes out is no larger than it may be.
    #[test]
    fn no_damage_does_harm(file in 0..FILES.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = std::fs::read(fixture(FILES[file])).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let (_folder, path) = written(&bytes);
        if let Ok(found) = read(&path) {
            let values: usize = found.iter().map(|(_, _, values)| values.len()).sum();
            prop_assert!(values <= bytes.len());
        }
    }
}
