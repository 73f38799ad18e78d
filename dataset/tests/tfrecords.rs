//! `TFRecord` files, as TensorFlow wrote them and as we do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};

use pictures::{folder, names_in, png};
use stylegan_base::Resolution;
use stylegan_dataset::{
    Error, ErrorKind, ExportFormat, LabelMode, PackOptions, PackReport, Pyramid, Source, export, pack,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn packed(source: &Path) -> Result<(Pyramid, PackReport), Error> {
    let parent = tempfile::tempdir().unwrap();
    pack(source, &parent.path().join("packed"), &PackOptions::default(), &mut |_| {})
}

/// The pixels of a file of the original with pictures of one size, as they stand.
fn raw(file: &Path, picture_bytes: usize) -> Vec<Vec<u8>> {
    let bytes = fs::read(file).unwrap();
    let (mut at, mut pictures) = (0, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        // TensorFlow puts the pixels last.
        let end = at + 12 + length;
        pictures.push(bytes[end - picture_bytes..end].to_vec());
        at = end + 4;
    }
    pictures
}

#[test]
fn smaller_sides_are_those_of_the_files() {
    let name = "tf_rgb32";
    let (pyramid, report) = packed(&fixture(name)).unwrap();
    assert_eq!((pyramid.resolution().side(), pyramid.len(), report.other_ratio), (32, 11, 0));
    assert!(report.converted.is_empty() && report.left_out.is_empty());
    for (side, log) in [(32, 5), (16, 4), (8, 3), (4, 2)] {
        let file = fixture(name).join(format!("{name}-r{log:02}.tfrecords"));
        let expected = raw(&file, 3 * side * side);
        for (number, expected) in expected.iter().enumerate() {
            assert_eq!(&pyramid.picture(side.into(), number).unwrap(), expected, "{number} at {side}");
        }
    }
    // A side that is not there is the mean of the one above.
    let parent = tempfile::tempdir().unwrap();
    for log in [2, 4, 5] {
        let file = format!("{name}-r{log:02}.tfrecords");
        fs::copy(fixture(name).join(&file), parent.path().join(&file)).unwrap();
    }
    let (without, _) = packed(parent.path()).unwrap();
    for number in 0..11 {
        for side in [4, 16, 32] {
            assert_eq!(
                without.picture(side.into(), number).unwrap(),
                pyramid.picture(side.into(), number).unwrap()
            );
        }
        let (mean, kept) =
            (without.picture(8.into(), number).unwrap(), pyramid.picture(8.into(), number).unwrap());
        assert!(mean.iter().zip(&kept).all(|(mean, kept)| mean.abs_diff(*kept) <= 1));
    }
}

#[test]
fn grey_and_oblong_pictures_go_the_way_of_all_others() {
    let (grey, report) = packed(&fixture("tf_grey16")).unwrap();
    assert_eq!((grey.resolution().side(), grey.len(), report.converted.grey), (16, 7, 7));
    let pixels = grey.picture(8.into(), 3).unwrap();
    assert_eq!(pixels[..64], pixels[64..128]);
    let (wide, report) = packed(&fixture("tf_wide")).unwrap();
    // Its own levels are taken in its own shape.
    let parent = tempfile::tempdir().unwrap();
    let options = PackOptions { resolution: Some("16x12".parse().unwrap()), ..PackOptions::default() };
    let own = pack(&fixture("tf_wide"), &parent.path().join("own"), &options, &mut |_| {}).unwrap().0;
    for (level, log) in [("16x12", 4), ("8x6", 3), ("4x3", 2)] {
        let level: Resolution = level.parse().unwrap();
        let file = fixture("tf_wide").join(format!("tf_wide-r{log:02}.tfrecords"));
        for (number, expected) in raw(&file, 3 * level.pixels()).iter().enumerate() {
            assert_eq!(&own.picture(level, number).unwrap(), expected, "{number} at {level}");
        }
    }
    // 12 pixels high, of which a network can have 8.
    assert_eq!((wide.resolution().side(), wide.len(), report.other_ratio), (8, 5, 5));
}

#[test]
fn what_is_written_is_what_was_read() {
    let parent = tempfile::tempdir().unwrap();
    let source = fixture("tf_labels16");
    let (pyramid, _) = packed(&source).unwrap();
    let labels = pyramid.found_labels().choose(LabelMode::Auto).unwrap();
    assert!(labels.is_some());
    let packed_before = parent.path().join("before");
    pack(&source, &packed_before, &PackOptions::default(), &mut |_| {}).unwrap();
    for (number, source) in [&source, &packed_before].into_iter().enumerate() {
        let out = parent.path().join(format!("faces{number}"));
        let written =
            export(source, &out, ExportFormat::TfRecords, &PackOptions::default(), &mut |_| {}).unwrap();
        let name = format!("faces{number}");
        assert_eq!(
            names_in(&out),
            ["r02.tfrecords", "r03.tfrecords", "r04.tfrecords", "rxx.labels"]
                .map(|end| format!("{name}-{end}"))
        );
        assert_eq!((written.report.count, written.report.resolution.side()), (9, 16));
        assert_eq!(written.found_labels().labels, labels.as_ref());
        let bytes: u64 = names_in(&out).iter().map(|name| fs::metadata(out.join(name)).unwrap().len()).sum();
        assert_eq!(written.report.bytes, bytes);
        // The array of labels is that of NumPy, byte by byte.
        let [ours, theirs] =
            [out.join(format!("{name}-rxx.labels")), fixture("tf_labels16/tf_labels16-rxx.labels")]
                .map(|file| fs::read(file).unwrap());
        assert_eq!(ours, theirs);

        let (again, _) = packed(&out).unwrap();
        assert_eq!(again.found_labels().choose(LabelMode::Auto).unwrap(), labels);
        for side in [16, 8, 4] {
            for number in 0..9 {
                assert_eq!(
                    again.picture(side.into(), number).unwrap(),
                    pyramid.picture(side.into(), number).unwrap()
                );
            }
        }
        let error =
            export(source, &out, ExportFormat::TfRecords, &PackOptions::default(), &mut |_| {}).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::OutputTaken), "{error}");
    }
}

#[test]
fn a_pack_is_written_at_a_smaller_side_but_not_at_a_larger_one() {
    let parent = tempfile::tempdir().unwrap();
    let before = parent.path().join("before");
    pack(&fixture("tf_rgb32"), &before, &PackOptions::default(), &mut |_| {}).unwrap();
    let at = |side: usize| PackOptions { resolution: Some(side.into()), ..PackOptions::default() };
    let out = parent.path().join("small");
    export(&before, &out, ExportFormat::TfRecords, &at(8), &mut |_| {}).unwrap();
    assert_eq!(names_in(&out), ["small-r02.tfrecords", "small-r03.tfrecords"]);
    let larger = parent.path().join("large.zip");
    let error = export(&before, &larger, ExportFormat::Zip, &at(64), &mut |_| {}).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::PackTooSmall { resolution, requested } if (resolution.side(), requested.side()) == (32, 64)),
        "{error}"
    );
    assert_eq!(names_in(parent.path()), ["before", "small"]);
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let refused = |files: &[(&str, &str)]| {
        let parent = tempfile::tempdir().unwrap();
        for (from, to) in files {
            fs::copy(fixture(from), parent.path().join(to)).unwrap();
        }
        let error = Source::open(parent.path()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Container { .. }), "{error}");
        let message = error.to_string();
        message.split_once("cannot be read: ").unwrap().1.to_owned()
    };
    let rgb = ("tf_rgb32/tf_rgb32-r05.tfrecords", "a-r05.tfrecords");
    assert_eq!(
        refused(&[rgb, ("tf_rgb32/tf_rgb32-r05.tfrecords", "b-r05.tfrecords")]),
        "`a-r05.tfrecords` and `b-r05.tfrecords` hold pictures of the same side, so that they are two data sets"
    );
    assert_eq!(
        refused(&[rgb, ("tf_labels16/tf_labels16-r04.tfrecords", "b-r04.tfrecords")]),
        "it holds 9 pictures, and `a-r05.tfrecords` 11"
    );
    assert_eq!(
        refused(&[rgb, ("tf_grey16/tf_grey16-r04.tfrecords", "b-r04.tfrecords")]),
        "its pictures are 1x16x16, no halves of the 3x32x32 of `a-r05.tfrecords`"
    );
    assert_eq!(
        refused(&[("tf_labels16/tf_labels16-rxx.labels", "a.tfrecords")]),
        "its record 0 has a length that is not that of its checksum"
    );
}

#[test]
fn a_folder_of_pictures_becomes_tfrecords() {
    let parent = tempfile::tempdir().unwrap();
    let photos = folder(parent.path(), "photos", &[("a.png", png(20, 16, 1)), ("b.png", png(16, 16, 2))]);
    let out = parent.path().join("out");
    export(&photos, &out, ExportFormat::TfRecords, &PackOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(names_in(&out), ["out-r02.tfrecords", "out-r03.tfrecords", "out-r04.tfrecords"]);
    let [ours, theirs] = [&out, &photos].map(|source| packed(source).unwrap().0);
    for side in [4, 8, 16] {
        for number in 0..2 {
            assert_eq!(
                ours.picture(side.into(), number).unwrap(),
                theirs.picture(side.into(), number).unwrap()
            );
        }
    }
}

#[test]
fn damage_anywhere_is_an_error_and_no_panic() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a-r04.tfrecords");
    let whole = fs::read(fixture("tf_labels16/tf_labels16-r02.tfrecords")).unwrap();
    let pictures = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let options = PackOptions {
            max_bad_fraction: 1.0,
            allow_upscale: true,
            resolution: Some(8.into()),
            ..PackOptions::default()
        };
        let out = parent.path().join("packed");
        let result = pack(&path, &out, &options, &mut |_| {});
        let _ = fs::remove_dir_all(&out);
        result.map(|(pyramid, _)| pyramid.len())
    };
    assert_eq!(pictures(&whole).unwrap(), 9);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        // Every bit is under one of the checksums: a picture is left out, or all of them.
        fs::write(&path, &bytes).unwrap();
        if let Ok(source) = Source::open(&path)
            && at % 11 == 0
        {
            assert_eq!((source.len(), pictures(&bytes).unwrap()), (9, 8), "{at}");
        }
    }
    assert_eq!(names_in(parent.path()), ["a-r04.tfrecords"]);
}
