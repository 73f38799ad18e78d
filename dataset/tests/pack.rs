//! From folders and zips to packs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;
mod progress;

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use pictures::{encoded, folder, names_in, picture, png, zip};
use progress::{Progress, progress_of};
use stylegan_base::Hint;
use stylegan_dataset::{
    Channels, Converted, Error, ErrorKind, Labels, PackOptions, PackReport, Pyramid, open_or_pack, pack,
};

fn quiet(source: &Path, out: &Path, options: &PackOptions) -> Result<(Pyramid, PackReport), Error> {
    pack(source, out, options, &mut |_| {})
}

fn at(resolution: usize) -> PackOptions {
    PackOptions { resolution: Some(resolution.into()), ..PackOptions::default() }
}

/// What a file says that has the picture's pixels in each channel.
fn planes(picture: &image::RgbImage) -> Vec<u8> {
    (0..3).flat_map(|channel| picture.pixels().map(move |pixel| pixel.0[channel])).collect()
}

#[test]
fn a_mixed_folder_becomes_a_pyramid() {
    let parent = tempfile::tempdir().unwrap();
    let seeded = |seed| DynamicImage::from(picture(64, 64, seed));
    let source = folder(
        parent.path(),
        "photos",
        &[
            ("b/exact.png", png(64, 64, 1)),
            ("b/c/wide.jpg", encoded(&picture(120, 70, 2).into(), ImageFormat::Jpeg)),
            ("a.webp", encoded(&seeded(3), ImageFormat::WebP)),
            ("grey.PNG", encoded(&DynamicImage::from(seeded(4).to_luma8()), ImageFormat::Png)),
            ("b.png", encoded(&DynamicImage::from(seeded(5).to_rgba8()), ImageFormat::Png)),
            ("deep.png", encoded(&DynamicImage::from(seeded(6).to_rgb16()), ImageFormat::Png)),
            // A JPEG by another name is still one.
            ("misnamed.png", encoded(&picture(65, 80, 7).into(), ImageFormat::Jpeg)),
            ("notes.txt", b"not a picture".to_vec()),
            ("b/._exact.png", b"what macOS adds".to_vec()),
        ],
    );
    let out = parent.path().join("packed");
    let (result, progress) = progress_of(|| quiet(&source, &out, &PackOptions::default()));
    let (pyramid, report) = result.unwrap();

    let names = ["a.webp", "b.png", "b/c/wide.jpg", "b/exact.png", "deep.png", "grey.PNG", "misnamed.png"];
    assert_eq!(pyramid.names(), names);
    assert_eq!((pyramid.len(), pyramid.resolution(), pyramid.labels()), (7, 64.into(), None));
    assert_eq!(report.converted, Converted { grey: 1, sixteen_bit: 1, alpha: 1, ..Converted::default() });
    assert_eq!((report.is_reused, report.count, report.other_ratio, report.upscaled), (false, 7, 2, 0));
    // Not counting what macOS adds.
    assert_eq!(report.left_out.counted_files(), "1 `.txt`");
    assert_eq!(report.bytes, 7 * 3 * (64 * 64 + 32 * 32 + 16 * 16 + 8 * 8 + 4 * 4));
    assert!(report.skipped.is_empty());
    let seen = |name, resolution: Option<&str>| Progress {
        name,
        total: 7,
        done: vec![7],
        resolution: resolution.map(str::to_owned),
    };
    assert_eq!(progress, [seen("measuring", None), seen("packing", Some("64x64"))]);
    assert_eq!(
        names_in(&out),
        [
            "index.json",
            "level-0004.bin",
            "level-0008.bin",
            "level-0016.bin",
            "level-0032.bin",
            "level-0064.bin"
        ]
    );
    assert_eq!(names_in(parent.path()), ["packed", "photos"]);

    assert_eq!(pyramid.picture(64.into(), 0).unwrap(), planes(&picture(64, 64, 3)));
    assert_eq!(pyramid.picture(64.into(), 3).unwrap(), planes(&picture(64, 64, 1)));
    assert_eq!(pyramid.picture(64.into(), 4).unwrap(), planes(&picture(64, 64, 6)));
    let grey = pyramid.picture(64.into(), 5).unwrap();
    assert_eq!(grey[..64 * 64], grey[64 * 64..2 * 64 * 64]);
    for index in 0..7 {
        assert_levels_are_means(&pyramid, index);
    }
    assert!(matches!(
        pyramid.picture(128.into(), 0),
        Err(Error { kind: ErrorKind::NoSuchLevel { level, resolution }, .. })
            if (level, resolution) == (128.into(), 64.into())
    ));
    assert!(matches!(pyramid.picture(2.into(), 0), Err(Error { kind: ErrorKind::NoSuchLevel { .. }, .. })));
    assert!(matches!(
        pyramid.picture(4.into(), 7),
        Err(Error { kind: ErrorKind::NoSuchPicture { index: 7, count: 7 }, .. })
    ));
}

fn assert_levels_are_means(pyramid: &Pyramid, index: usize) {
    let full = pyramid.picture(64.into(), index).unwrap();
    for side in [32, 16, 8, 4] {
        let factor = 64 / side;
        for (i, &value) in pyramid.picture(side.into(), index).unwrap().iter().enumerate() {
            let (channel, row, column) = (i / (side * side), i / side % side, i % side);
            let mut sum = 0.0;
            for y in 0..factor {
                for x in 0..factor {
                    sum += f64::from(full[channel * 4096 + (row * factor + y) * 64 + column * factor + x]);
                }
            }
            let mean = sum / (factor * factor) as f64;
            assert!((f64::from(value) - mean).abs() < 1.0, "{side} {i}: {value} {mean}");
        }
    }
}

#[test]
fn the_largest_common_side_is_chosen() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "photos", &[("0.png", png(80, 40, 1)), ("1.png", png(33, 90, 2))]);
    let (pyramid, _) = quiet(&source, &parent.path().join("packed"), &PackOptions::default()).unwrap();
    assert_eq!(pyramid.resolution(), 32.into());
}

#[test]
fn an_unchanged_source_is_not_packed_again() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "my photos", &[("0.png", png(20, 20, 1)), ("1.png", png(16, 16, 2))]);
    let cache = parent.path().join("runs/.cache");
    let open = |options: PackOptions| {
        let mut events = 0;
        let (result, progress) =
            progress_of(|| open_or_pack(&source, &cache, &options, &mut |_| events += 1));
        result.map(|(pyramid, report)| (pyramid, report, events + progress.len()))
    };

    let (first, report, _) = open(PackOptions::default()).unwrap();
    assert!(!report.is_reused);
    let expected = format!("my_photos-16-{}", &first.source_fingerprint()[..12]);
    assert_eq!(names_in(&cache), [expected]);
    let (again, report, events) = open(PackOptions::default()).unwrap();
    assert!(report.is_reused && events == 0, "{report:?} {events}");
    assert_eq!(again.names(), first.names());
    assert!(open(at(16)).unwrap().1.is_reused);

    let (smaller, report, _) = open(at(8)).unwrap();
    assert_eq!((smaller.resolution(), report.is_reused), (8.into(), false));
    assert_eq!(names_in(&cache).len(), 2);

    fs::write(source.join("2.png"), png(16, 16, 3)).unwrap();
    let (changed, report, _) = open(PackOptions::default()).unwrap();
    assert_eq!((changed.len(), report.is_reused), (3, false));
    assert_eq!((first.len(), names_in(&cache).len()), (2, 3));
}

#[test]
fn a_pack_is_a_source_too() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "photos", &[("0.png", png(32, 32, 1))]);
    let out = parent.path().join("packed");
    quiet(&source, &out, &at(32)).unwrap();
    let cache = parent.path().join("cache");
    for resolution in [None, Some(32.into()), Some(8.into())] {
        let options = PackOptions { resolution, ..PackOptions::default() };
        let (pyramid, report) = open_or_pack(&out, &cache, &options, &mut |_| {}).unwrap();
        assert_eq!((pyramid.resolution(), pyramid.path(), report.is_reused), (32.into(), &*out, true));
    }
    let error = open_or_pack(&out, &cache, &at(64), &mut |_| {}).unwrap_err();
    assert!(error.to_string().ends_with("has resolution 32, less than 64"), "{error}");
    assert!(!cache.exists());
}

#[test]
fn neither_place_nor_listing_order_change_the_fingerprint() {
    let parent = tempfile::tempdir().unwrap();
    let files = [("b.png", png(8, 8, 1)), ("a/c.png", png(8, 8, 2))];
    let reversed = [files[1].clone(), files[0].clone()];
    let fingerprint = |path: &Path| stylegan_dataset::Source::open(path).unwrap().fingerprint().to_string();

    let first = zip(parent.path(), "first.zip", &files);
    let second = zip(parent.path(), "second.zip", &[files[0].clone(), ("c.txt", vec![]), files[1].clone()]);
    let moved = parent.path().join("moved.zip");
    fs::copy(&first, &moved).unwrap();
    assert_eq!(fingerprint(&first), fingerprint(&moved));
    assert_ne!(fingerprint(&first), fingerprint(&second), "another length");

    let photos = folder(parent.path(), "photos", &reversed);
    let before = fingerprint(&photos);
    assert_ne!(before, fingerprint(&first));
    fs::rename(&photos, parent.path().join("renamed")).unwrap();
    let photos = parent.path().join("renamed");
    fs::write(photos.join("notes.txt"), "no picture").unwrap();
    assert_eq!(before, fingerprint(&photos));
    let file = fs::File::options().write(true).open(photos.join("b.png")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_ne!(before, fingerprint(&photos));
}

#[test]
fn a_few_bad_files_are_named_and_left_out() {
    let parent = tempfile::tempdir().unwrap();
    let mut files: Vec<(String, Vec<u8>)> =
        (0..18).map(|i| (format!("{i:02}.png"), png(16, 16, i))).collect();
    let jpeg = encoded(&picture(64, 64, 1).into(), ImageFormat::Jpeg);
    files[3] = ("03.jpg".into(), jpeg[..jpeg.len() / 2].to_vec());
    files[9] = ("09.png".into(), b"<html>404 not found</html>".to_vec());
    let labels: Vec<String> =
        files.iter().enumerate().map(|(i, (name, _))| format!("[\"{name}\", {i}]")).collect();
    files.push(("dataset.json".into(), format!("{{\"labels\": [{}]}}", labels.join(",")).into_bytes()));
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
    let source = folder(parent.path(), "photos", &files);

    let lenient = PackOptions { max_bad_fraction: 0.12, ..PackOptions::default() };
    let mut told = Vec::new();
    let (pyramid, report) = pack(&source, &parent.path().join("packed"), &lenient, &mut |skipped| {
        told.push(skipped.clone());
    })
    .unwrap();
    told.sort_by(|a, b| a.name.cmp(&b.name));
    let mut skipped = report.skipped.clone();
    skipped.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(told, skipped);
    assert_eq!((&*told[0].name, &*told[0].reason), ("03.jpg", "the file ends too early"));
    assert_eq!(
        (&*told[1].name, &*told[1].reason),
        ("09.png", "a web page, not PNG, JPEG, WebP, BMP or TIFF")
    );
    assert_eq!((pyramid.len(), told.len()), (16, 2));
    // Labels stay with their pictures.
    let Some(Labels::Classes { count, indices, .. }) = pyramid.labels() else {
        panic!("{:?}", pyramid.labels())
    };
    assert_eq!(*count, 18);
    assert_eq!(*indices, [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17]);

    let strict = parent.path().join("strict");
    let error = quiet(&source, &strict, &PackOptions::default()).unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::TooManyBad { files: 18, .. }), "{error}");
    assert!(error.to_string().contains("`09.png` (a web page, "), "{error}");
    assert!(error.hint().unwrap().contains("let a larger fraction of them be left out"));
    // What was packed leniently is not what a stricter run would accept.
    let error = quiet(&source, &parent.path().join("packed"), &PackOptions::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooManyBad { .. }), "{error}");
    assert_eq!(names_in(parent.path()), ["packed", "photos"]);
}

#[test]
fn nothing_readable_is_no_pack() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "photos", &[("0.png", vec![0; 99])]);
    let options = PackOptions { max_bad_fraction: 1.0, ..at(8) };
    let error = quiet(&source, &parent.path().join("packed"), &options).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoPictures { .. }), "{error}");

    let empty = folder(parent.path(), "empty", &[("notes.txt", vec![])]);
    let error = quiet(&empty, &parent.path().join("packed"), &options).unwrap_err();
    let message =
        format!("`{}` holds no PNG, JPEG, WebP, BMP or TIFF pictures, but 1 `.txt`", empty.display());
    assert_eq!(error.to_string(), message);
    assert_eq!(names_in(parent.path()), ["empty", "photos"]);
}

#[test]
fn small_pictures_are_enlarged_only_on_request() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(
        parent.path(),
        "photos",
        &[("0.png", png(64, 64, 1)), ("1.png", png(40, 20, 2)), ("2.png", png(70, 50, 3))],
    );
    let out = parent.path().join("packed");
    let error = quiet(&source, &out, &at(64)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "2 of the pictures in `{}` are smaller than 64x64, such as `1.png` with 40x20",
            source.display()
        )
    );
    assert!(error.hint().unwrap().contains("resolution 16 fits, "), "{:?}", error.hint());
    assert_eq!(names_in(parent.path()), ["photos"]);

    let (_, report) = quiet(&source, &out, &PackOptions { allow_upscale: true, ..at(64) }).unwrap();
    assert_eq!((report.count, report.upscaled), (3, 2));
    let error = quiet(&source, &out, &at(64)).unwrap_err();
    assert!(error.to_string().contains("2 of its pictures were enlarged"), "{error}");

    let tiny = folder(parent.path(), "tiny", &[("0.png", png(7, 30, 1))]);
    let error = quiet(&tiny, &parent.path().join("other"), &PackOptions::default()).unwrap_err();
    assert!(error.to_string().contains("smaller than 8x8, such as `0.png` with 7x30"), "{error}");
}

#[test]
fn impossible_options_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "photos", &[("0.png", png(16, 16, 1))]);
    for resolution in [0, 1, 4, 13, 2048, usize::MAX] {
        let error = quiet(&source, &parent.path().join("packed"), &at(resolution)).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Resolution { .. }), "{error}");
    }
    for fraction in [-0.1, 1.1, f64::NAN] {
        let options = PackOptions { max_bad_fraction: fraction, ..at(8) };
        let error = quiet(&source, &parent.path().join("packed"), &options).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Fraction { .. }), "{error}");
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "photos", &[("0.png", png(16, 16, 1))]);
    let other = folder(parent.path(), "other", &[("0.png", png(17, 19, 2))]);
    let file = parent.path().join("file");
    fs::write(&file, "precious").unwrap();
    for existing in [&other, &file] {
        let error = quiet(&source, existing, &at(16)).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::OutputExists), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert_eq!(names_in(&other), ["0.png"]);

    let out = parent.path().join("packed");
    quiet(&source, &out, &at(16)).unwrap();
    assert!(quiet(&source, &out, &at(16)).unwrap().1.is_reused);
    let error = quiet(&other, &out, &at(16)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::OutputDiffers { .. }), "{error}");
    let error = quiet(&source, &out, &at(8)).unwrap_err();
    assert!(error.to_string().contains("of resolution 16, not 8"), "{error}");
    let padded = PackOptions { fit: "pad".parse().unwrap(), ..at(16) };
    let error = quiet(&source, &out, &padded).unwrap_err();
    assert!(error.to_string().contains("with `crop`, not `pad`"), "{error}");
    assert_eq!(names_in(parent.path()), ["file", "other", "packed", "photos"]);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "photos", &[("0.png", png(16, 16, 1))]);
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let error = quiet(&source, &file.join("packed"), &at(16)).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot write `{}", file.display())), "{error}");

    let (pyramid, _) = quiet(&source, &parent.path().join("new/folders/packed"), &at(16)).unwrap();
    assert_eq!(pyramid.len(), 1);
}

#[cfg(unix)]
#[test]
fn links_and_pipes_do_no_harm() {
    use std::os::unix::fs::symlink;
    let parent = tempfile::tempdir().unwrap();
    let source = folder(parent.path(), "photos", &[("0.png", png(16, 16, 1)), ("1.png", png(16, 16, 2))]);
    let elsewhere = folder(parent.path(), "elsewhere", &[("2.png", png(16, 16, 3))]);
    symlink(&elsewhere, source.join("linked")).unwrap();
    symlink(parent.path().join("nowhere"), source.join("gone.png")).unwrap();
    let options = PackOptions { max_bad_fraction: 0.5, ..at(16) };
    let (pyramid, report) = quiet(&source, &parent.path().join("packed"), &options).unwrap();
    assert_eq!(pyramid.names(), ["0.png", "1.png", "linked/2.png"]);
    assert_eq!(report.skipped[0].name, "gone.png");

    symlink(&source, source.join("loop")).unwrap();
    let (pyramid, _) = quiet(&source, &parent.path().join("again"), &options).unwrap();
    assert_eq!(pyramid.names(), ["0.png", "1.png", "linked/2.png"]);
}

#[test]
fn sources_that_are_none_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("packed");
    let error = quiet(&parent.path().join("nothing"), &out, &at(8)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NotFound), "{error}");
    let file = parent.path().join("photo.png");
    fs::write(&file, png(8, 8, 1)).unwrap();
    let refused = |path: &Path| quiet(path, &out, &at(8)).unwrap_err().to_string();
    assert!(refused(&file).ends_with("photo.png` is a single picture, no source of pictures"));
    for (bytes, expected) in [
        (&b"Rar!\x1a\x07\x01\0"[..], "` is a RAR file, no source of pictures"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "` is a 7z file, no source of pictures"),
        (b"a list of pictures", "` is no source of pictures"),
        (b"", "` is no source of pictures"),
    ] {
        fs::write(&file, bytes).unwrap();
        let message = refused(&file);
        assert!(message.ends_with(expected), "{message}");
    }
}

/// Numbers of one picture of the pack at one level.
fn at_level(pyramid: &Pyramid, level: &str, index: usize) -> Vec<u8> {
    pyramid.picture(level.parse().unwrap(), index).unwrap()
}

#[test]
fn a_pack_has_the_ratio_that_is_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let source = folder(
        parent.path(),
        "photos",
        &[("0.png", png(16, 12, 1)), ("1.png", png(32, 24, 2)), ("2.png", png(40, 40, 3))],
    );
    let out = parent.path().join("packed");
    let wide = PackOptions { resolution: Some("16x12".parse().unwrap()), ..PackOptions::default() };
    let (pyramid, report) = quiet(&source, &out, &wide).unwrap();
    assert_eq!((pyramid.resolution().to_string(), report.other_ratio), ("16x12".to_owned(), 1));
    assert_eq!(report.bytes, 3 * 3 * (16 * 12 + 8 * 6 + 4 * 3));
    assert_eq!(names_in(&out), ["index.json", "level-0004.bin", "level-0008.bin", "level-0016.bin"]);
    let index = |out: &Path| fs::read_to_string(out.join("index.json")).unwrap();
    assert!(
        index(&out)
            .starts_with(r#"{"format":"stylegan-pyramid","version":3,"resolution":"16x12","count":3,"#)
    );
    // Squares in color are written as by versions that know nothing else.
    let square = parent.path().join("square");
    quiet(&source, &square, &PackOptions::default()).unwrap();
    assert!(
        index(&square).starts_with(r#"{"format":"stylegan-pyramid","version":2,"resolution":8,"count":3,"#)
    );
    let full = at_level(&pyramid, "16x12", 0);
    assert_eq!(full, planes(&picture(16, 12, 1)));
    let small = at_level(&pyramid, "8x6", 0);
    for (i, &value) in small.iter().enumerate() {
        let (channel, row, column) = (i / 48, i / 8 % 6, i % 8);
        let at = |y: usize, x: usize| f64::from(full[channel * 192 + (2 * row + y) * 16 + 2 * column + x]);
        let mean = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4.0;
        assert!((f64::from(value) - mean).abs() <= 0.5, "{i}: {value} {mean}");
    }
    assert_eq!(at_level(&pyramid, "4x3", 2).len(), 3 * 12);
    for level in ["12x16", "16", "8", "4x4", "2x1"] {
        let error = pyramid.picture(level.parse().unwrap(), 0).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::NoSuchLevel { .. }), "{error}");
    }

    // A level of it serves, another ratio does not.
    let asked = |text: &str| {
        let options = PackOptions { resolution: Some(text.parse().unwrap()), ..PackOptions::default() };
        open_or_pack(&out, &parent.path().join("cache"), &options, &mut |_| {})
    };
    assert!(asked("8x6").unwrap().1.is_reused);
    let error = asked("16").unwrap_err();
    assert!(error.to_string().ends_with("has resolution 16x12, and no level of 16"), "{error}");
    let error = asked("32x24").unwrap_err();
    assert!(error.to_string().ends_with("has resolution 16x12, less than 32x24"), "{error}");
    // Packs of several shapes of one source lie beside each other.
    let cache = parent.path().join("cache");
    for resolution in [None, Some("8x6"), Some("6x8")] {
        let resolution = resolution.map(|text| text.parse().unwrap());
        let options = PackOptions { resolution, ..PackOptions::default() };
        assert!(!open_or_pack(&source, &cache, &options, &mut |_| {}).unwrap().1.is_reused);
        assert!(open_or_pack(&source, &cache, &options, &mut |_| {}).unwrap().1.is_reused);
    }
}

#[test]
fn the_ratio_of_the_pictures_is_told() {
    let parent = tempfile::tempdir().unwrap();
    let files: Vec<(String, Vec<u8>)> = (0..5).map(|i| (format!("{i}.png"), png(70, 52, i))).collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
    let source = folder(parent.path(), "photos", &files);
    let out = parent.path().join("packed");
    let (_, report) = quiet(&source, &out, &at(32)).unwrap();
    assert_eq!(report.uncropped.map(|resolution| resolution.to_string()).as_deref(), Some("64x48"));
    // It is told again by the pack itself.
    let (_, again) = quiet(&source, &out, &at(32)).unwrap();
    assert!(again.is_reused && again.uncropped == report.uncropped && again.other_ratio == 5);
}

#[test]
fn a_pack_has_the_channels_that_are_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let color = picture(16, 16, 1);
    let cut_out = image::RgbaImage::from_fn(16, 16, |x, y| {
        let [red, green, blue] = color.get_pixel(x, y).0;
        image::Rgba([red, green, blue, if x < 8 { 255 } else { 0 }])
    });
    let source = folder(
        parent.path(),
        "photos",
        &[
            ("0.png", encoded(&color.clone().into(), ImageFormat::Png)),
            ("1.png", encoded(&DynamicImage::from(color.clone()).to_luma8().into(), ImageFormat::Png)),
            ("2.png", encoded(&cut_out.into(), ImageFormat::Png)),
        ],
    );
    let packed = |channels| {
        let options = PackOptions { channels, ..PackOptions::default() };
        quiet(&source, &parent.path().join(format!("packed{channels}")), &options).unwrap()
    };
    let (grey, report) = packed(Channels::Grey);
    assert_eq!((grey.channels(), report.channels, report.bytes), (Channels::Grey, Channels::Grey, 3 * 336));
    assert_eq!(report.converted, Converted { color: 2, alpha: 1, ..Converted::default() });
    let luminance = DynamicImage::from(color.clone()).to_luma8().into_raw();
    assert_eq!(at_level(&grey, "16", 0), luminance);
    assert_eq!(at_level(&grey, "16", 1), luminance);
    assert_eq!(at_level(&grey, "16", 2)[8..16], [255; 8]);

    let (rgba, report) = packed(Channels::Rgba);
    assert_eq!(
        (report.converted, report.bytes),
        (Converted { grey: 1, ..Converted::default() }, 3 * 4 * 336)
    );
    let (opaque, cut_out) = (at_level(&rgba, "16", 0), at_level(&rgba, "16", 2));
    assert_eq!((&opaque[..3 * 256], &opaque[3 * 256..]), (&planes(&color)[..], &[255; 256][..]));
    for (i, value) in cut_out.iter().enumerate() {
        assert_eq!(*value, if i % 16 < 8 { opaque[i] } else { 0 }, "{i}");
    }
    let (_, report) = packed(Channels::Rgb);
    assert_eq!((report.colorless, report.count), (1, 3));

    let options = PackOptions { channels: Channels::Grey, ..PackOptions::default() };
    let error = quiet(&source, &parent.path().join("packed3"), &options).unwrap_err();
    assert!(error.to_string().contains("but of 3 channels, not 1;"), "{error}");
    let error = open_or_pack(rgba.path(), parent.path(), &options, &mut |_| {}).unwrap_err();
    assert!(error.to_string().ends_with("have 4 channels, not 1"), "{error}");
    assert!(error.hint().unwrap().ends_with("or train with 4"));
}
