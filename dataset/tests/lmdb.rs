//! LMDB files, from Python and from strangers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod lmdb_file;
mod pictures;

use std::fs;
use std::path::{Path, PathBuf};

use lmdb_file::{Page, file};
use pictures::{encoded, picture, png};
use stylegan_dataset::{Error, ErrorKind, PackOptions, Pyramid, Source, pack};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rosinality_lmdb/data.mdb")
}

fn packed(source: &Path) -> Result<Pyramid, Error> {
    let parent = tempfile::tempdir().unwrap();
    let options = PackOptions { max_bad_fraction: 0.9, ..PackOptions::default() };
    pack(source, &parent.path().join("packed"), &options, &mut |_| {}).map(|(pyramid, _)| pyramid)
}

fn refused(parent: &Path, bytes: &[u8]) -> String {
    let path = parent.join("data.mdb");
    fs::write(&path, bytes).unwrap();
    let error = Source::open(&path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Container { form: "an LMDB file", .. }), "{error}");
    let message = error.to_string();
    message.split_once("cannot be read: ").unwrap().1.to_owned()
}

#[test]
fn smaller_sides_are_those_of_the_file() {
    let pyramid = packed(&fixture()).unwrap();
    assert_eq!((pyramid.len(), pyramid.resolution().side()), (10, 64));
    let source = fs::read(fixture()).unwrap();
    // The JPEG of the first picture at 8x8 is the first in the file of that size.
    let jpeg = source.windows(3).position(|window| window == b"\xff\xd8\xff").unwrap();
    assert!(jpeg > 0);
    // A JPEG of 8x8 is another picture than the mean of a JPEG of 64x64.
    let mean_of_8 = |number: usize| {
        let above = pyramid.picture(16.into(), number).unwrap();
        let mean = |channel: usize, row: usize, column: usize| {
            let at =
                |y: usize, x: usize| u32::from(above[channel * 256 + (2 * row + y) * 16 + 2 * column + x]);
            (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1) + 2) / 4
        };
        let all = (0..3).flat_map(|c| (0..8).flat_map(move |y| (0..8).map(move |x| (c, y, x))));
        all.map(|(c, y, x)| mean(c, y, x) as u8).collect::<Vec<u8>>()
    };
    assert!((0..10).any(|number| pyramid.picture(8.into(), number).unwrap() != mean_of_8(number)));
}

#[test]
fn keys_that_are_names_are_names_of_pictures() {
    let parent = tempfile::tempdir().unwrap();
    let webp = encoded(&picture(16, 16, 1).into(), image::ImageFormat::WebP);
    let large = png(128, 128, 2);
    assert!(webp.len() < 2000 && large.len() > 4096, "{} {}", webp.len(), large.len());
    let bytes = file(&[Page::leaf(&[(b"\xff\x00raw", &webp), (b"0a1b", &webp), (b"num-samples", b"3")])
        .with_overflow(b"zz", &large)]);
    let folder = parent.path().join("lsun_lmdb");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("data.mdb"), bytes).unwrap();
    fs::write(folder.join("lock.mdb"), "").unwrap();
    let source = Source::open(&folder).unwrap();
    assert_eq!(source.names(), ["0a1b", "zz", "\u{fffd}\u{fffd}raw"]);
    assert!(source.left_out().is_empty());
    assert_eq!(packed(&folder).unwrap().names(), ["0a1b", "zz", "\u{fffd}\u{fffd}raw"]);
}

#[test]
fn trees_that_no_program_writes_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let refused = |pages: &[Page]| refused(parent.path(), &file(pages));
    let picture = png(8, 8, 1);
    let leaf = || Page::leaf(&[(b"a", &picture)]);
    // Pages of the tree are numbered from 2 on.
    assert_eq!(refused(&[Page::branch(&[2])]), "its tree leads to page 2 twice");
    assert_eq!(refused(&[Page::branch(&[3, 3]), leaf()]), "its tree leads to page 3 twice");
    assert_eq!(refused(&[Page::branch(&[3]), Page::branch(&[2])]), "its tree leads to page 2 twice");
    assert_eq!(refused(&[Page::branch(&[1 << 40])]), "page 1099511627776 is not in the file");
    assert_eq!(refused(&[Page::branch(&[0])]), "page 0 is none of its tree");
    assert_eq!(refused(&[leaf().with_number(7)]), "page 2 says it is another");
    assert_eq!(refused(&[leaf().with_flags(0x22)]), "a page has the flags 0x0022");
    assert_eq!(refused(&[leaf().with_u16(12, 15)]), "a list of nodes leaves its page");
    assert_eq!(refused(&[leaf().with_u16(12, 0xfffe)]), "a list of nodes leaves its page");
    assert_eq!(refused(&[leaf().with_u16(16, 4095)]), "a node leaves its page");
    assert_eq!(refused(&[leaf().with_u16(16, 2)]), "a node leaves its page");
    assert_eq!(refused(&[leaf().with_value_length(0, 60_000)]), "a node leaves its page");
    assert_eq!(
        refused(&[leaf().with_node_flags(0, 0x04)]),
        "a key has several values, or is a database of its own"
    );
    let far = |page: u64, length: u32| {
        let mut leaf = Page::leaf(&[(b"a", &page.to_le_bytes())]).with_node_flags(0, 0x01);
        leaf = leaf.with_value_length(0, length);
        refused(&[leaf])
    };
    assert_eq!(far(2, u32::MAX), "an entry leaves the file");
    assert_eq!(far(u64::MAX, 100), "an entry leaves the file");
    assert_eq!(far(1 << 52, 100), "an entry leaves the file");
}

#[test]
fn entries_on_pages_that_are_not_theirs_are_bad_pictures() {
    let parent = tempfile::tempdir().unwrap();
    let good = png(8, 8, 1);
    let to = |page: u64| {
        Page::leaf(&[(b"a", &page.to_le_bytes())]).with_node_flags(0, 0x01).with_value_length(0, 100)
    };
    let path = parent.path().join("data.mdb");
    // One in the tree, one with too few pages, and one that is good.
    fs::write(&path, file(&[to(2)])).unwrap();
    let error = packed(&path).unwrap_err();
    assert!(error.to_string().contains("`a` (its pages from 2 on are not its own)"), "{error}");
    let mut pages = [Page::leaf(&[(b"b", &good)]).with_overflow(b"a", &png(64, 64, 2))];
    fs::write(&path, file(&pages)).unwrap();
    assert_eq!(packed(&path).unwrap().names(), ["a", "b"]);
    pages[0] = pages[0].clone().with_overflow_pages(0);
    fs::write(&path, file(&pages)).unwrap();
    assert_eq!(packed(&path).unwrap().names(), ["b"]);
}

#[test]
fn first_pages_that_are_none_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture()).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        for page in [0, 4096] {
            changed[page + at..page + at + bytes.len()].copy_from_slice(bytes);
        }
        refused(parent.path(), &changed)
    };
    assert_eq!(with(20, &[2]), "its format is 2, but 1 is known");
    assert_eq!(with(40, &1000_u32.to_le_bytes()), "its pages have 1000 bytes");
    assert_eq!(with(40, &0_u32.to_le_bytes()), "its pages have 0 bytes");
    assert_eq!(with(92, &4_u16.to_le_bytes()), "its keys have several values");
    assert_eq!(with(94, &1_u16.to_le_bytes()), "its tree is deeper than it says");
    assert_eq!(with(120, &3_u64.to_le_bytes()), "it says that it has 3 entries, but 41 are there");
    assert_eq!(with(128, &34_000_u64.to_le_bytes()), "page 34000 is not in the file");
    assert_eq!(refused(parent.path(), &whole[..100]), "its first pages are cut short");
    let cut = refused(parent.path(), &whole[..40_000]);
    assert!(cut.ends_with("is not in the file") || cut == "an entry leaves the file", "{cut}");
    // Without entries.
    let mut empty = whole.clone();
    for page in [0, 4096] {
        empty[page + 128..page + 136].fill(0xff);
    }
    fs::write(parent.path().join("data.mdb"), &empty).unwrap();
    let error = Source::open(parent.path()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoPictures { .. }), "{error}");
}

#[test]
fn damage_anywhere_is_an_error_and_no_panic() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data.mdb");
    let whole = fs::read(fixture()).unwrap();
    let mut opened = 0;
    // All that the first pages say; of the others every 197th byte.
    for at in (0..160).chain(4096..4096 + 160).chain((2 * 4096..whole.len()).step_by(197)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, &bytes).unwrap();
        if let Ok(source) = Source::open(&path) {
            opened += 1;
            assert!(source.len() <= 41);
            if opened % 97 == 0 {
                let _ = packed(&path);
            }
        }
    }
    assert!(opened > 500);
    for end in (0..whole.len()).step_by(997) {
        fs::write(&path, &whole[..end]).unwrap();
        let result = Source::open(&path);
        assert!(result.is_err() || packed(&path).is_ok_and(|pyramid| pyramid.len() <= 10));
    }
}
