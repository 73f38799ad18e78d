//! What the fuzzer does, without it: data sets with random damage, which is looked for where checks are passed.
//!
//! ```console
//! $ cargo test --workspace --test mutations -- --ignored
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../../fuzz/fuzz_targets/source/mod.rs"]
mod source;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const MINUTES: u64 = 2;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// Numbers at which something may overflow.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, u32::MAX as u64, u64::MAX];

fn mutate(bytes: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.random_range(1..4) {
        let length = bytes.len();
        if length < 16 {
            return;
        }
        let at = random.random_range(0..length - 8);
        match random.random_range(0..6) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => {
                let edge = EDGES[random.random_range(0..EDGES.len())].to_le_bytes();
                let width = [1, 2, 4, 8][random.random_range(0..4)];
                bytes[at..at + width].copy_from_slice(&edge[..width]);
            }
            3 => bytes.truncate(at),
            4 => {
                let from = random.random_range(0..length - 8);
                bytes.copy_within(from..from + 8, at);
            }
            _ => {
                let count = random.random_range(1..64.min(length - at));
                let part = bytes[at..at + count].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

/// Mutates for some minutes; `mend` makes checksums right again, so that damage gets past them.
fn read_mutated(seeds: &[Vec<u8>], ending: &str, mend: impl Fn(&mut Vec<u8>)) {
    let end = Instant::now() + Duration::from_secs(60 * MINUTES);
    let mut random = StdRng::seed_from_u64(7);
    let mut count = 0;
    while Instant::now() < end {
        let mut bytes = seeds[count % seeds.len()].clone();
        mutate(&mut bytes, &mut random);
        // Half of them with checksums that are wrong.
        if count % 2 == 0 {
            mend(&mut bytes);
        }
        source::read(&bytes, ending);
        count += 1;
    }
    // No fewer, or the search was none.
    assert!(count > 1000, "{count} inputs");
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[test]
#[ignore = "takes minutes"]
fn tfrecords() {
    let names = ["tf_rgb32/tf_rgb32-r02", "tf_grey16/tf_grey16-r03", "tf_wide/tf_wide-r02"];
    read_mutated(&names.map(|name| fixture(&format!("{name}.tfrecords"))), "tfrecords", |bytes| {
        let mut at = 0;
        while let Some(length) =
            bytes.get(at..at + 8).map(|length| u64::from_le_bytes(length.try_into().unwrap()))
        {
            let checksum = masked(&bytes[at..at + 8]);
            let Some(place) = bytes.get_mut(at + 8..at + 12) else { return };
            place.copy_from_slice(&checksum);
            let Some(end) = usize::try_from(length).ok().and_then(|length| length.checked_add(at + 12))
            else {
                return;
            };
            let Some(checksum) = bytes.get(at + 12..end).map(masked) else { return };
            let Some(place) = bytes.get_mut(end..end.saturating_add(4)) else { return };
            place.copy_from_slice(&checksum);
            at = end + 4;
        }
    });
}

#[test]
#[ignore = "takes minutes"]
fn tars() {
    let mut builder = tar::Builder::new(Vec::new());
    let pixels = image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8, y as u8, 7]));
    let mut png = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    let long = format!("{}/1.png", "long".repeat(40));
    let json = br#"{"labels": [["0.png", 1], ["1.png", 0]]}"#;
    for (name, bytes) in [
        ("0.png", &png[..]),
        ("0.cls", b"3"),
        (&long, &png),
        ("0.json", b"{\"label\": 1}"),
        ("d/dataset.json", json),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes).unwrap();
    }
    let whole = builder.into_inner().unwrap();
    read_mutated(&[whole], "tar", |bytes| {
        for header in bytes.chunks_exact_mut(512).filter(|header| &header[257..262] == b"ustar") {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    });
}

#[test]
#[ignore = "takes minutes"]
fn lmdb_files() {
    read_mutated(&[fixture("rosinality_lmdb/data.mdb")], "mdb", |bytes| {
        // Where the tree is, so that damage does not hit pictures alone.
        let mut random = StdRng::seed_from_u64(bytes.len() as u64 + u64::from(bytes[bytes.len() / 2]));
        let at = random.random_range(0..bytes.len().min(3 * 4096));
        bytes[at] = random.random();
    });
}

#[test]
#[ignore = "takes minutes"]
fn parquet_files() {
    let names = ["hf_parquet/data/train-00001-of-00002.parquet", "plain.parquet"];
    read_mutated(&names.map(fixture), "parquet", |_| {});
}
