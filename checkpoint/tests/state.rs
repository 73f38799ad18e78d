//! Training states: what is saved is what is opened, and what is damaged is noticed.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;
use stylegan_base::Hint;
use stylegan_base::files::Disk;
use stylegan_checkpoint::{Checkpoint, Copied, Error, ErrorKind, State, save};
use stylegan_ops::{Key, RandomTensors};

fn state() -> State {
    let tensor = |name: &str, dtype| Key::new(name, &[]).normal((3, 700), dtype, &Device::Cpu).unwrap();
    State {
        snapshot: "a checksum".to_owned(),
        training: "{\"step\":7}".to_owned(),
        config: "[run]\nname = \"tiny\"\n".to_owned(),
        tensors: BTreeMap::from([
            ("b".to_owned(), tensor("b", DType::F32)),
            ("a".to_owned(), tensor("a", DType::F32)),
            ("double".to_owned(), tensor("double", DType::F64)),
        ]),
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn assert_same(a: &State, b: &State) {
    assert_eq!((&a.snapshot, &a.training, &a.config), (&b.snapshot, &b.training, &b.config));
    assert!(a.tensors.keys().eq(b.tensors.keys()));
    for (name, tensor) in &a.tensors {
        assert_eq!(tensor.dims(), b.tensors[name].dims(), "{name}");
        assert_eq!(tensor.dtype(), b.tensors[name].dtype(), "{name}");
        assert_eq!(values(tensor), values(&b.tensors[name]), "{name}");
    }
}

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.safetensors");
    state().save(&Disk, &path).unwrap();
    fs::read(path).unwrap()
});

fn open(bytes: &[u8]) -> Result<State, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training-state-000001.safetensors");
    fs::write(&path, bytes).unwrap();
    State::open(&path)
}

#[test]
fn everything_comes_back_and_the_same_state_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training-state-000001.safetensors");
    state().copied().unwrap().save(&Disk, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), *GOOD);
    assert_same(&State::open(&path).unwrap(), &state());
}

#[test]
fn a_copy_is_what_was_at_that_time() {
    let folder = tempfile::tempdir().unwrap();
    let (now, later) = (folder.path().join("now.safetensors"), folder.path().join("later.safetensors"));
    let networks = common::State::new();
    save(&now, &networks.meta, &networks.networks(), false).unwrap();
    let copy = Copied::of(&networks.networks()).unwrap();
    for (_, var) in networks.d.vars() {
        var.set(&var.zeros_like().unwrap()).unwrap();
    }
    let checksum = copy.save(&Disk, &later, &networks.meta).unwrap();
    assert_eq!(fs::read(&now).unwrap(), fs::read(&later).unwrap());
    assert_eq!(Checkpoint::open(&later).unwrap().checksum(), Some(checksum.as_str()));
}

#[test]
fn states_and_networks_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("a.safetensors");
    state().save(&Disk, &path).unwrap();
    let error = Checkpoint::open(&path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::IsState) && error.hint().is_some(), "{error:?}");
    let networks = common::State::new();
    save(&path, &networks.meta, &networks.networks(), true).unwrap();
    let error = State::open(&path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoState) && error.hint().is_some(), "{error:?}");
    assert!(matches!(State::open(&folder.path().join("b")), Err(Error { kind: ErrorKind::NotFound, .. })));
}

#[test]
fn every_truncation_at_a_page_is_an_error() {
    for end in (0..GOOD.len()).step_by(4096) {
        assert!(open(&GOOD[..end]).is_err(), "{end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn damage_never_panics_and_never_loads_as_something_else(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        near_start in any::<bool>(),
    ) {
        let mut bytes = GOOD.clone();
        for (place, byte) in damage {
            let place = place.index(if near_start { 1200 } else { bytes.len() });
            bytes[place] = byte;
        }
        if let Ok(loaded) = open(&bytes) {
            assert_same(&loaded, &state());
        }
    }

    #[test]
    fn every_truncation_is_an_error(end in 0..GOOD.len()) {
        prop_assert!(open(&GOOD[..end]).is_err());
    }
}
