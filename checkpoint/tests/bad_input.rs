//! Files that are no whole checkpoint: each gets its error, none a panic.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use candle_core::Device;
use common::State;
use proptest::prelude::*;
use serde_json::{Value, json};
use stylegan_base::Hint;
use stylegan_checkpoint::{Checkpoint, Error, ErrorKind, Network, save};

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.safetensors");
    let state = State::new();
    save(&path, &state.meta, &state.networks(), false).unwrap();
    fs::read(path).unwrap()
});

/// Where the tensors of the good file start.
fn data_start() -> usize {
    8 + u64::from_le_bytes(GOOD[..8].try_into().unwrap()) as usize
}

fn write(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.safetensors");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn open(bytes: &[u8]) -> Result<Checkpoint, Error> {
    let (_folder, path) = write(bytes);
    Checkpoint::open(path)
}

/// The good file with its header changed, in the version that has no checksum to notice it.
fn with_header(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut header: Value = serde_json::from_slice(&GOOD[8..data_start()]).unwrap();
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    metadata.remove("checksum").unwrap();
    metadata["format_version"] = json!("1");
    change(&mut header);
    let json = serde_json::to_vec(&header).unwrap();
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json);
    bytes.extend(&GOOD[data_start()..]);
    bytes
}

/// The good file with one metadata string changed.
fn with_metadata(key: &str, value: &str) -> Vec<u8> {
    with_header(|header| header["__metadata__"][key] = json!(value))
}

/// The message without the path of the temporary folder.
fn message(bytes: &[u8]) -> String {
    let (folder, path) = write(bytes);
    let error = Checkpoint::open(path).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = Checkpoint::open(folder.path().join("missing")).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NotFound) && error.hint().is_some(), "{error:?}");
    let error = Checkpoint::open(folder.path()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoSnapshot { .. }) && error.hint().is_some(), "{error:?}");
    if cfg!(unix) {
        let error = Checkpoint::open(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.to_string(), "`/dev/null` is not a file");
    }
}

#[test]
fn what_is_no_safetensors_file() {
    assert_eq!(message(b""), "`bad.safetensors` is empty");
    assert_eq!(message(b"hello"), "`bad.safetensors` is no safetensors file");
    assert_eq!(message(b"hello, this is a longer text"), "`bad.safetensors` is no safetensors file");
    assert_eq!(
        message(b"PK\x03\x04 and so on and on"),
        "`bad.safetensors` is a zip archive, not a checkpoint"
    );
    assert_eq!(message(b"\x80\x02cdnnlib"), "`bad.safetensors` is a Python pickle, not a checkpoint");
    assert_eq!(message(b"<!DOCTYPE html><html>"), "`bad.safetensors` is a web page, not a checkpoint");
    let mut endless = u64::MAX.to_le_bytes().to_vec();
    endless.extend(b"{}");
    assert!(matches!(open(&endless), Err(Error { kind: ErrorKind::HeaderTooLarge { .. }, .. })));
}

#[test]
fn a_truncated_file_says_how_much_is_missing() {
    let need = GOOD.len();
    assert_eq!(
        message(&GOOD[..need - 1]),
        format!("`bad.safetensors` is truncated: it has {} of at least {need} bytes", need - 1)
    );
    assert!(matches!(open(&GOOD[..100]), Err(Error { kind: ErrorKind::Truncated { .. }, .. })));
    for end in (0..need).step_by(4096) {
        assert!(open(&GOOD[..end]).is_err(), "{end}");
    }
    let mut longer = GOOD.clone();
    longer.push(0);
    assert!(matches!(open(&longer), Err(Error { kind: ErrorKind::TooLong { .. }, .. })));
}

#[test]
fn a_changed_byte_of_a_tensor_is_noticed() {
    for place in [data_start(), GOOD.len() / 2, GOOD.len() - 1] {
        let mut bytes = GOOD.clone();
        bytes[place] ^= 1;
        assert_eq!(message(&bytes), "`bad.safetensors` is damaged: its checksum is not that of its contents");
        assert!(open(&bytes).unwrap_err().hint().is_some());
    }
    let checksum = open(&GOOD).unwrap().checksum().unwrap().to_owned();
    assert_eq!(checksum.len(), 64);
    // A file of version 1 has none; one of version 2 that lost it is refused.
    assert!(open(&with_header(|_| {})).unwrap().checksum().is_none());
    assert_eq!(
        message(&with_metadata("format_version", "2")),
        "the metadata `checksum` of `bad.safetensors` is missing"
    );
}

#[test]
fn another_kind_of_safetensors_file() {
    let other = with_header(|header| {
        header.as_object_mut().unwrap().remove("__metadata__");
    });
    let kind = "`bad.safetensors` is a safetensors file, but no StyleGAN checkpoint of this program";
    assert_eq!(message(&other), kind);
    assert_eq!(message(&with_metadata("format", "pt")), kind);
}

#[test]
fn a_newer_format_is_told_from_a_broken_one() {
    let newer = with_header(|header| {
        let metadata = &mut header["__metadata__"];
        metadata["format_version"] = json!("3");
        metadata["written_by"] = json!("stylegan 9.0.0");
        // Nothing else of a newer file needs to be understood.
        metadata["generator"] = json!("?");
    });
    assert_eq!(
        message(&newer),
        "`bad.safetensors` has format version 3, written by a newer version (`stylegan 9.0.0`): this one reads up to 2"
    );
    assert!(open(&newer).unwrap_err().hint().unwrap().starts_with("update this program"));
    assert_eq!(
        message(&with_metadata("format_version", "two")),
        "the metadata `format_version` of `bad.safetensors` is `two`, not a number"
    );
}

#[test]
fn metadata_that_describe_no_network() {
    for (key, value) in [
        ("generator", "{"),
        ("generator", "{\"wings\":2}"),
        ("progress", "[]"),
        ("discriminator", "7"),
        ("seed_style", "x"),
    ] {
        let error = open(&with_metadata(key, value)).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Metadata { .. }), "{key} {value}: {error:?}");
    }
    for (key, value) in [
        ("generator", "{\"resolution\":17}"),
        ("generator", "{\"resolution\":32}"),
        ("progress", "{\"nimg\":1,\"lod\":7}"),
        ("progress", "{\"nimg\":1,\"lod\":-1}"),
    ] {
        let error = open(&with_metadata(key, value)).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Config { .. }), "{key} {value}: {error:?}");
    }
    // A field that a later version adds to the progress does no harm.
    open(&with_metadata("progress", "{\"nimg\":1,\"lod\":0,\"later\":true}")).unwrap();
    open(&with_metadata("later", "?")).unwrap();
}

#[test]
fn tensors_that_do_not_belong_to_the_configuration() {
    let renamed = |to: &'static str| {
        with_header(move |header| {
            let header = header.as_object_mut().unwrap();
            let tensor = header.remove("g_ema.w_avg").unwrap();
            header.insert(to.to_owned(), tensor);
        })
    };
    assert_eq!(message(&renamed("g_ema.w_median")), "`bad.safetensors` lacks the tensor `g_ema.w_avg`");
    assert_eq!(
        message(&with_header(|header| header["g_ema.w_avg"]["shape"] = json!([1, 7]))),
        "the tensor `g_ema.w_avg` of `bad.safetensors` has shape [1, 7] where [7] is expected"
    );
    assert_eq!(
        message(&with_header(|header| header["g_ema.w_avg"]["dtype"] = json!("I32"))),
        "the tensor `g_ema.w_avg` of `bad.safetensors` is of type I32, not F64, F32, F16 or BF16"
    );
    // Without the critic's configuration the critic's tensors are unknown.
    let without = with_header(|header| {
        header["__metadata__"].as_object_mut().unwrap().remove("discriminator");
    });
    let error = open(&without).unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::UnknownTensor { name, .. } if name.starts_with("d.")),
        "{error:?}"
    );
}

#[test]
fn a_huge_network_that_is_not_there_costs_nothing() {
    let huge = r#"{"resolution":1024,"fmap_base":1048576,"fmap_max":4096,"z_dim":4096,"w_dim":4096,
        "mapping_layers":32,"mapping_fmaps":4096}"#;
    let bytes = with_header(|header| {
        header["__metadata__"]["generator"] = json!(huge);
        header["__metadata__"].as_object_mut().unwrap().remove("discriminator");
    });
    let kind = open(&bytes).unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Shape { .. } | ErrorKind::MissingTensor { .. }), "{kind:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn every_truncation_is_an_error(end in 0..GOOD.len()) {
        prop_assert!(open(&GOOD[..end]).is_err());
    }

    #[test]
    fn flipped_bits_never_panic_and_never_load_as_something_else(
        flips in prop::collection::vec(0..GOOD.len() * 8, 1..4),
        in_header in any::<bool>(),
    ) {
        let mut bytes = GOOD.clone();
        for bit in flips {
            let bit = if in_header { bit % (data_start() * 8) } else { bit };
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        if let Ok(checkpoint) = open(&bytes) {
            // A flip in the blanks at the header's end, or one that undid another.
            let good = open(&GOOD).unwrap();
            prop_assert_eq!(checkpoint.meta(), good.meta());
            prop_assert_eq!(checkpoint.checksum(), good.checksum());
        }
    }

    #[test]
    fn flipped_bits_without_a_checksum_never_panic(flips in prop::collection::vec(any::<prop::sample::Index>(), 1..4)) {
        let mut bytes = with_header(|_| {});
        let header_bits = 8 * (bytes.len() - (GOOD.len() - data_start()));
        for flip in flips {
            let bit = flip.index(header_bits);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        if let Ok(checkpoint) = open(&bytes) {
            // A flip in a number's digits or in the name of the writer: still a network.
            checkpoint.generator(&Device::Cpu).unwrap();
            for network in Network::ALL {
                checkpoint.tensors(network).unwrap();
            }
        }
    }

    #[test]
    fn noise_is_no_checkpoint(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&bytes).is_err());
    }

    #[test]
    fn a_header_of_noise_is_no_checkpoint(json in "\\{[ -~]{0,100}\\}") {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json.bytes());
        prop_assert!(open(&bytes).is_err());
    }
}
