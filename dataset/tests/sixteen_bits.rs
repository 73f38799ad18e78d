//! Pictures of 16 bits, from their files to batches and out again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::path::Path;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma};
use pictures::{encoded, folder, png};
use stylegan_dataset::{
    BatchRequest, Bits, Channels, Converted, ExportFormat, Order, PackOptions, Pyramid, assemble, check,
    export, open_or_pack, pack,
};

/// Numbers that 8 bits do not tell apart: 3 of 4 rows are steps of one.
fn depths(seed: u32) -> ImageBuffer<Luma<u16>, Vec<u16>> {
    ImageBuffer::from_fn(16, 12, |x, y| Luma([(40_000 + 1_000 * seed + x + 16 * (y / 3)) as u16]))
}

fn options(bits: Bits) -> PackOptions {
    let resolution = Some("16x12".parse().unwrap());
    PackOptions { resolution, channels: Channels::Grey, bits, ..PackOptions::default() }
}

fn photos(parent: &Path) -> std::path::PathBuf {
    let deep = |seed| encoded(&DynamicImage::ImageLuma16(depths(seed)), ImageFormat::Png);
    let files = [("a.png", deep(1)), ("b.png", deep(2)), ("c.png", png(16, 12, 3))];
    folder(parent, "photos", &files)
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn all_bits_are_kept_if_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let photos = photos(parent.path());
    let out = parent.path().join("deep");
    let (pyramid, report) = pack(&photos, &out, &options(Bits::Sixteen), &mut |_| {}).unwrap();
    assert_eq!(report.converted, Converted { color: 1, eight_bit: 1, ..Converted::default() });
    assert_eq!((report.bits, pyramid.bits()), (Bits::Sixteen, Bits::Sixteen));
    assert_eq!(report.bytes, 3 * 2 * (16 * 12 + 8 * 6 + 4 * 3));
    for (index, seed) in [(0, 1), (1, 2)] {
        let found = pyramid.picture("16x12".parse().unwrap(), index).unwrap();
        assert_eq!(numbers(&found), depths(seed).into_raw());
    }
    // 41,000 to 41,003 of two rows each, which are not told apart in 8 bits.
    let half = pyramid.picture("8x6".parse().unwrap(), 0).unwrap();
    assert_eq!(numbers(&half)[..3], [41_001, 41_003, 41_005]);
    let top = pyramid.picture_u8("8x6".parse().unwrap(), 0).unwrap();
    assert_eq!((top.len(), top[0]), (8 * 6, (41_001 >> 8) as u8));

    // The same pack serves again, and is none of 8 bits.
    let again = pack(&photos, &out, &options(Bits::Sixteen), &mut |_| {}).unwrap().1;
    assert!(again.is_reused);
    let error = pack(&photos, &out, &options(Bits::Eight), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains(", but of 16 bits, not 8;"), "{error}");
    assert_eq!(Pyramid::open(&out).unwrap().bits(), Bits::Sixteen);
    let looked_at = check(&out, None).unwrap();
    assert_eq!(looked_at.bits.into_iter().collect::<Vec<_>>(), [(16, 3)]);
}

#[test]
fn a_cache_holds_packs_of_both_and_a_pack_is_taken_as_it_is() {
    let parent = tempfile::tempdir().unwrap();
    let (photos, cache) = (photos(parent.path()), parent.path().join("cache"));
    let open = |source: &Path, bits| open_or_pack(source, &cache, &options(bits), &mut |_| {}).unwrap().0;
    let [eight, sixteen] = [Bits::Eight, Bits::Sixteen].map(|bits| open(&photos, bits));
    assert_ne!(eight.path(), sixteen.path());
    let [eight_contents, sixteen_contents] = [&eight, &sixteen].map(|pack| pack.contents(false).unwrap());
    assert_ne!(eight_contents.fingerprint(), sixteen_contents.fingerprint());
    assert!(!eight_contents.has_pixels_of(&sixteen_contents));
    let changed = sixteen_contents.differences(&eight_contents);
    assert_eq!(changed, ["the pictures are packed with 16 bits, but were with 8"]);
    assert_eq!(open(sixteen.path(), Bits::Eight).bits(), Bits::Sixteen);
}

#[test]
fn batches_are_mirrored_number_by_number() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("deep");
    let (pyramid, _) = pack(&photos(parent.path()), &out, &options(Bits::Sixteen), &mut |_| {}).unwrap();
    let order = Order::new(3, pyramid.len());
    let request = BatchRequest { first_position: 0, batch: 12, resolution: "8x6".parse().unwrap() };
    let [plain, mirrored] = [false, true].map(|mirror| assemble(&pyramid, &order, mirror, &request).unwrap());
    assert_eq!((plain.bits, plain.pixels.len()), (Bits::Sixteen, 12 * 8 * 6 * 2));
    let [plain, mirrored] = [plain, mirrored].map(|batch| numbers(&batch.pixels));
    let mut flips = 0;
    for (position, (plain, mirrored)) in plain.chunks(48).zip(mirrored.chunks(48)).enumerate() {
        let is_mirrored = order.mirrored(position as u64, 0.5);
        flips += usize::from(is_mirrored);
        let expected: Vec<u16> = if is_mirrored {
            plain.chunks(8).flat_map(|row| row.iter().rev().copied()).collect()
        } else {
            plain.to_vec()
        };
        assert_eq!(mirrored, expected);
    }
    assert!((1..12).contains(&flips), "{flips}");
}

#[test]
fn a_zip_keeps_all_bits_and_tfrecords_cannot() {
    let parent = tempfile::tempdir().unwrap();
    let photos = photos(parent.path());
    let out = parent.path().join("deep.zip");
    let written = export(&photos, &out, ExportFormat::Zip, &options(Bits::Sixteen), &mut |_| {}).unwrap();
    assert_eq!(written.report.bits, Bits::Sixteen);
    let back = parent.path().join("back");
    let (pyramid, report) = pack(&out, &back, &options(Bits::Sixteen), &mut |_| {}).unwrap();
    assert!(report.converted.is_empty(), "{:?}", report.converted);
    let found = pyramid.picture("16x12".parse().unwrap(), 1).unwrap();
    assert_eq!(numbers(&found), depths(2).into_raw());

    let out = parent.path().join("records");
    let error = export(&back, &out, ExportFormat::TfRecords, &PackOptions::default(), &mut |_| {});
    let error = error.unwrap_err().to_string();
    assert!(error.ends_with("TFRecords of the original have 8 bits, not 16"), "{error}");
    assert!(!out.exists());
}
