//! Whatever a byte or two make of a good file, it is an answer.

use std::sync::LazyLock;

use proptest::prelude::*;
use stylegan_import::{Error, Purpose};

use super::{converted, fixture, written};

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    [
        "tf_res16_gs_only_proto3.pkl",
        "tf_res16_proto4.pkl",
        "tf_res16_proto2.pkl",
        "tf_res32_fused_proto5.pkl",
        "genforce_res16_bare.pth",
        "rosinality_g_running_only_zip.model",
        "rosinality_g_running_only_legacy.model",
    ]
    .map(|name| std::fs::read(fixture(name)).unwrap())
    .into()
});

fn open(bytes: &[u8]) -> Result<(), Error> {
    let (_folder, path) = written("x", bytes);
    converted(&path, None, Purpose::Training)
        .or_else(|_| converted(&path, Some(16), Purpose::Training))
        .map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn changed_bytes_never_panic(
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        at_start in any::<bool>(),
    ) {
        let mut bytes = sample.get(&SAMPLES).clone();
        let reach = if at_start { bytes.len().min(4000) } else { bytes.len() };
        for (place, byte) in changes {
            bytes[place.index(reach)] = byte;
        }
        let _ = open(&bytes);
    }

    #[test]
    fn a_part_of_a_file_is_an_error(sample in any::<prop::sample::Index>(), end in any::<prop::sample::Index>()) {
        let bytes = sample.get(&SAMPLES);
        prop_assert!(open(&bytes[..end.index(bytes.len())]).is_err());
    }

    #[test]
    fn instructions_in_any_order_never_panic(
        instructions in prop::collection::vec(prop::sample::select(&b"()]}NtleadusRb\x81\x85\x86\x87\x88\x8f\x90\x91\x94\x92\x93012Qh\0q\x01"[..]), 0..60),
    ) {
        let _ = open(&[&b"\x80\x04"[..], &instructions, b"."].concat());
    }
}
