//! What is said of pictures before they are trained on.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod pictures;
mod progress;

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use pictures::{encoded, folder, png, zip};
use progress::progress_of;
use stylegan_dataset::{
    CheckReport, Colors, Fault, Fit, Group, LabelFileState, Oddity, PackOptions, check, pack,
};

fn checked(path: &Path) -> CheckReport {
    check(path, None).unwrap()
}

/// A picture of blurred spots, of its own for every seed.
fn scene(width: u32, height: u32, seed: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let spots: Vec<[f64; 6]> =
        (0..12).map(|_| [random(), random(), 0.05 + 0.2 * random(), random(), random(), random()]).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let [x, y] = [(x, width), (y, height)].map(|(at, side)| (f64::from(at) + 0.5) / f64::from(side));
        let mut color = [120.0, 110.0, 100.0];
        for [left, top, radius, red, green, blue] in &spots {
            let share = (-((x - left).powi(2) + (y - top).powi(2)) / (radius * radius)).exp();
            for (value, target) in color.iter_mut().zip([red, green, blue]) {
                *value += share * (255.0 * target - *value);
            }
        }
        Rgb(color.map(|value| value as u8))
    })
}

fn scene_png(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encoded(&scene(width, height, seed).into(), ImageFormat::Png)
}

fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).unwrap();
    bytes
}

fn names(groups: &[Group]) -> Vec<Vec<&str>> {
    groups.iter().map(|group| group.names.iter().map(String::as_str).collect()).collect()
}

#[test]
fn everything_is_counted() {
    let parent = tempfile::tempdir().unwrap();
    let grey = GrayImage::from_fn(40, 30, |x, y| Luma([(5 * x + y) as u8]));
    let colorless = DynamicImage::from(grey.clone()).into_rgb8();
    let cut_out = RgbaImage::from_fn(64, 64, |x, y| Rgba([(3 * x) as u8, (2 * y) as u8, 90, (4 * x) as u8]));
    let deep = DynamicImage::from(scene(100, 100, 5)).into_rgb16();
    let source = folder(
        parent.path(),
        "photos",
        &[
            ("a/0.png", scene_png(64, 64, 1)),
            ("a/1.png", scene_png(65, 64, 2)),
            ("a/2.jpg", jpeg(&scene(300, 200, 3), 95)),
            ("b/3.png", encoded(&grey.into(), ImageFormat::Png)),
            ("b/4.bmp", encoded(&colorless.into(), ImageFormat::Bmp)),
            ("b/5.webp", encoded(&cut_out.into(), ImageFormat::WebP)),
            ("b/6.png", encoded(&deep.into(), ImageFormat::Png)),
            ("b/7.png", b"no picture".to_vec()),
            ("b/8.jpg", jpeg(&scene(64, 64, 9), 90)[..400].to_vec()),
            ("b/9.heic", b"....ftypheic".to_vec()),
        ],
    );
    let (report, spans) = progress_of(|| checked(&source));
    assert_eq!((report.pictures, report.readable, report.is_pack), (9, 7, false));
    let formats: Vec<_> = report.formats.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(formats, [("bmp", 1), ("jpeg", 1), ("png", 4), ("webp", 1)]);
    assert_eq!(report.colors, Colors { grey: 1, color: 6, colorless: 1, transparent: 1 });
    assert_eq!(report.bits.into_iter().collect::<Vec<_>>(), [(8, 6), (16, 1)]);
    let sides: Vec<_> = report.shapes.sides.iter().map(|side| (side.from, side.pictures)).collect();
    assert_eq!(sides, [(16, 2), (64, 4), (128, 1)]);
    let ratios: Vec<_> = report.shapes.ratios.iter().map(|ratio| (ratio.ratio, ratio.pictures)).collect();
    assert_eq!(ratios, [("1:1", 3), ("4:3", 2), ("3:2", 1), ("other", 1)]);
    let unreadable: Vec<_> =
        report.unreadable.iter().map(|skipped| (skipped.name.as_str(), skipped.reason.as_str())).collect();
    assert_eq!(unreadable, [("b/7.png", "not a picture"), ("b/8.jpg", "the file ends too early")]);
    assert_eq!(report.left_out.counted_pictures(), "1 `.heic`");
    let folders: Vec<_> =
        report.classes.of_folders.iter().map(|class| (class.name.as_str(), class.pictures)).collect();
    assert_eq!(folders, [("a", 3), ("b", 6)]);
    assert!(report.classes.of_labels.is_empty() && report.classes.file.is_none());
    assert_eq!((spans[0].name, spans[0].total, spans[0].done.last()), ("checking", 9, Some(&9)));
    assert_eq!((spans[1].name, spans[1].total, spans[1].done.last()), ("comparing", 9, Some(&9)));
    // Nothing was written.
    assert_eq!(pictures::names_in(parent.path()), ["photos"]);
}

#[test]
fn duplicates_are_those_of_equal_pixels() {
    let parent = tempfile::tempdir().unwrap();
    let first = scene(48, 36, 1);
    let png = encoded(&first.clone().into(), ImageFormat::Png);
    let bmp = encoded(&first.clone().into(), ImageFormat::Bmp);
    let mut other = first;
    other.get_pixel_mut(40, 30).0[1] ^= 1;
    let files = [
        ("0.png", scene_png(48, 36, 7)),
        ("1.png", png.clone()),
        ("2.png", encoded(&other.into(), ImageFormat::Png)),
        ("3.bmp", bmp),
        ("4.png", scene_png(48, 36, 8)),
        ("5.png", png),
    ];
    for source in [folder(parent.path(), "photos", &files), zip(parent.path(), "photos.zip", &files)] {
        let report = checked(&source);
        assert_eq!(names(&report.duplicates), [["1.png", "3.bmp", "5.png"]]);
        // One bit apart is not the same, but nearly.
        assert_eq!(names(&report.near_duplicates), [["1.png", "2.png"]]);
        assert!(report.mirrored.is_empty() && report.is_compared);
    }
}

#[test]
fn near_duplicates_are_found_whatever_was_done_to_them() {
    let parent = tempfile::tempdir().unwrap();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut expected = Vec::new();
    for seed in 0..24 {
        let picture = scene(200, 150, seed);
        let cropped = imageops::crop_imm(&picture, 2, 2, 196, 147).to_image();
        let variants = [
            ("as-it-is.png", encoded(&picture.clone().into(), ImageFormat::Png)),
            ("jpeg.jpg", jpeg(&picture, 60)),
            ("small.jpg", jpeg(&imageops::resize(&picture, 100, 75, FilterType::Triangle), 90)),
            ("cropped.png", encoded(&cropped.into(), ImageFormat::Png)),
            ("lighter.png", encoded(&imageops::brighten(&picture, 12).into(), ImageFormat::Png)),
        ];
        let mut group: Vec<String> = variants.iter().map(|(name, _)| format!("{seed:02}/{name}")).collect();
        group.sort();
        expected.push(group);
        files.extend(variants.map(|(name, bytes)| (format!("{seed:02}/{name}"), bytes)));
        let reversed = imageops::flip_horizontal(&picture);
        files.push((format!("mirrored/{seed:02}.jpg"), jpeg(&reversed, 80)));
    }
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let report = checked(&folder(parent.path(), "photos", &files));
    assert_eq!(names(&report.duplicates), [[""; 0]; 0]);
    assert_eq!(names(&report.near_duplicates), expected);
    assert!(report.near_duplicates.iter().all(|group| (0.001..0.095).contains(&group.difference)));
    // A mirror image is no duplicate, but said.
    let first = |seed: usize| vec![format!("{seed:02}/as-it-is.png"), format!("mirrored/{seed:02}.jpg")];
    assert_eq!(names(&report.mirrored), (0..24).map(first).collect::<Vec<_>>());
}

#[test]
fn a_set_of_one_picture_is_one_group() {
    let parent = tempfile::tempdir().unwrap();
    let picture = scene(24, 24, 3);
    // Equal for the most part, the others nearly.
    let files: Vec<(String, Vec<u8>)> = (0..600)
        .map(|number| {
            let mut picture = picture.clone();
            picture.get_pixel_mut(number % 24, 5).0[0] ^= u8::from(number % 3 == 0);
            (format!("{number:03}.png"), encoded(&picture.into(), ImageFormat::Png))
        })
        .collect();
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let report = checked(&zip(parent.path(), "same.zip", &files));
    let sizes: Vec<_> = report.duplicates.iter().map(|group| group.names.len()).collect();
    assert_eq!(sizes, [vec![25; 1], vec![400], vec![25; 7]].concat());
    assert_eq!(report.near_duplicates.len(), 1);
    assert_eq!(report.near_duplicates[0].names.len(), 9);
}

#[test]
fn light_and_bars_are_judged() {
    let parent = tempfile::tempdir().unwrap();
    let scaled = |seed: u32, least: f64, share: f64| {
        let mut picture = scene(64, 48, seed);
        for pixel in picture.pixels_mut() {
            pixel.0 = pixel.0.map(|value| (least + share * f64::from(value)) as u8);
        }
        picture
    };
    let mut letterbox = scene(64, 48, 5);
    for (x, y, pixel) in letterbox.enumerate_pixels_mut() {
        if !(6..42).contains(&y) {
            pixel.0 = [(x % 3) as u8, 0, 2];
        }
    }
    let files = [
        ("0-good.png", scaled(0, 0.0, 1.0)),
        ("1-dark.png", scaled(1, 0.0, 0.12)),
        ("2-bright.png", scaled(2, 225.0, 0.12)),
        ("3-faint.png", scaled(3, 100.0, 0.15)),
        ("4-blank.png", RgbImage::from_pixel(64, 48, Rgb([90, 120, 80]))),
        ("5-bars.png", letterbox),
        ("6-long.png", scene(160, 40, 6)),
        ("7-blank.png", RgbImage::from_pixel(64, 48, Rgb([90, 120, 81]))),
    ]
    .map(|(name, picture)| (name, encoded(&picture.into(), ImageFormat::Png)));
    let report = check(&folder(parent.path(), "photos", &files), Some(32)).unwrap();
    let faults: Vec<_> = report.faults.iter().map(|faulty| (faulty.name.as_str(), faulty.fault)).collect();
    assert_eq!(
        faults,
        [
            ("1-dark.png", Fault::Dark),
            ("2-bright.png", Fault::Bright),
            ("3-faint.png", Fault::Faint),
            ("4-blank.png", Fault::Blank),
            ("7-blank.png", Fault::Blank)
        ]
    );
    assert_eq!(report.of_fault(Fault::Blank).count(), 2);
    assert_eq!(report.bars.len(), 1);
    assert_eq!(report.bars[0].name, "5-bars.png");
    assert!((report.bars[0].value - 0.25).abs() < 0.01);
    assert_eq!((report.elongated.len(), report.elongated[0].value), (1, 4.0));
    // Blank pictures look like nothing, and so like no other.
    assert!(report.near_duplicates.is_empty());

    let rows: Vec<_> = report.sheet.iter().map(|row| (row.oddity, row.names[0].as_str())).collect();
    assert_eq!(
        rows,
        [
            (Oddity::Darkest, "1-dark.png"),
            (Oddity::Brightest, "2-bright.png"),
            (Oddity::Flattest, "4-blank.png"),
            (Oddity::Longest, "6-long.png")
        ]
    );
    assert!(report.sheet.iter().all(|row| row.pictures.len() == 8 && row.names.len() == 8));
    assert_eq!(report.sheet[3].pictures[0].dimensions(), (32, 8));
    assert_eq!(report.sheet[2].pictures[0].get_pixel(10, 10).0, [90, 120, 80]);
}

#[test]
fn packing_does_what_was_forecast() {
    let parent = tempfile::tempdir().unwrap();
    let mut files: Vec<(String, Vec<u8>)> =
        (0..12).map(|seed| (format!("{seed:02}.png"), scene_png(80 + seed % 2, 70, seed))).collect();
    files.push(("small.png".into(), scene_png(40, 63, 50)));
    files.push(("square.png".into(), scene_png(64, 64, 51)));
    files.push(("zero.png".into(), Vec::new()));
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let source = folder(parent.path(), "photos", &files);
    let forecast = checked(&source).pack;
    let out = parent.path().join("packed");
    let (pyramid, report) = pack(&source, &out, &PackOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((forecast.resolution, forecast.channels), (report.resolution, report.channels));
    assert_eq!((forecast.pictures, forecast.pictures), (report.count, 13));
    assert_eq!((forecast.cropped, forecast.cropped), (report.other_ratio, 12));
    assert_eq!((forecast.bytes, &forecast.too_small), (report.bytes, &report.too_small));
    assert_eq!(forecast.too_small[0].reason, "40x63");
    assert_eq!(forecast.refusal, None);
    assert!(forecast.secs > 0.0);

    // And of the pack the same is said, with nothing left to do.
    let report = checked(pyramid.path());
    assert!(report.is_pack && report.formats.is_empty());
    assert_eq!((report.pictures, report.readable), (13, 13));
    assert_eq!(report.unreadable.len(), 1);
    assert_eq!((report.pack.bytes, report.pack.secs), (forecast.bytes, 0.0));
    assert_eq!(report.shapes.commonest, "64x64");
}

#[test]
fn what_packing_would_refuse_is_said() {
    let parent = tempfile::tempdir().unwrap();
    let files = [("0.png", png(4, 4, 0)), ("1.png", png(5, 6, 1))];
    let report = checked(&folder(parent.path(), "tiny", &files));
    let refusal = report.pack.refusal.unwrap();
    assert!(
        refusal.starts_with("2 of the pictures in `") && refusal.contains("smaller than 8x8"),
        "{refusal}"
    );
    let broken = [("0.png", png(16, 16, 0)), ("1.png", Vec::new()), ("2.png", b"?".to_vec())];
    let report = checked(&folder(parent.path(), "broken", &broken));
    assert_eq!((report.readable, report.unreadable.len()), (1, 2));
    assert!(report.pack.refusal.unwrap().contains("cannot be read, more than 10 %"));
    let report = checked(&folder(parent.path(), "none", &broken[1..]));
    assert_eq!((report.readable, report.pack.pictures, report.shapes.of_commonest), (0, 0, 0));
    assert!(report.pack.refusal.is_some() && report.sheet.is_empty());
    assert!(check(&parent.path().join("missing"), None).is_err());
}

#[test]
fn labels_are_counted_and_their_faults_said() {
    let parent = tempfile::tempdir().unwrap();
    let labeled = |name: &str, labels: &str| {
        let mut files: Vec<_> = ["0.png", "1.png", "2.png"]
            .iter()
            .zip(0..)
            .map(|(name, seed)| (*name, png(16, 12, seed)))
            .collect();
        files.push(("dataset.json", labels.as_bytes().to_vec()));
        checked(&folder(parent.path(), name, &files)).classes
    };
    let classes = labeled("good", r#"{"labels": [["0.png", 2], ["1.png", 0], ["2.png", 2]]}"#);
    let counts: Vec<_> =
        classes.of_labels.iter().map(|class| (class.name.as_str(), class.pictures)).collect();
    assert_eq!(counts, [("0", 1), ("1", 0), ("2", 2)]);
    let classes =
        labeled("numbers", r#"{"labels": [["0.png", [1, 2.5]], ["1.png", [0, 1]], ["2.png", [3, 4]]]}"#);
    assert_eq!((classes.numbers, classes.of_labels.len()), (Some(2), 0));
    let classes = labeled("missing", r#"{"labels": [["0.png", 2], ["1.png", 0]]}"#);
    let Some(LabelFileState::Faulty { reason }) = classes.file.map(|file| file.state) else { panic!() };
    assert!(reason.contains("`2.png`"), "{reason}");
}

#[test]
fn packs_of_other_channels_and_shapes_are_looked_at() {
    let parent = tempfile::tempdir().unwrap();
    let cut_out = |seed: u32| {
        let picture = scene(64, 48, seed);
        let rgba = RgbaImage::from_fn(64, 48, |x, y| {
            let [red, green, blue] = picture.get_pixel(x, y).0;
            Rgba([red, green, blue, if x < 20 { 0 } else { 255 }])
        });
        encoded(&rgba.into(), ImageFormat::Png)
    };
    let source = folder(parent.path(), "photos", &[("0.png", cut_out(0)), ("1.png", cut_out(1))]);
    for channels in ["1", "3", "4"] {
        let options = PackOptions {
            resolution: Some("32x24".parse().unwrap()),
            channels: channels.parse().unwrap(),
            fit: Fit::Crop,
            ..PackOptions::default()
        };
        let out = parent.path().join(format!("packed-{channels}"));
        pack(&source, &out, &options, &mut |_| {}).unwrap();
        let report = checked(&out);
        assert_eq!(
            (report.readable, report.pack.channels, report.pack.resolution),
            (2, options.channels, "32x24".parse().unwrap())
        );
        assert_eq!(report.colors.transparent, if channels == "4" { 2 } else { 0 });
        assert_eq!(report.colors.grey, if channels == "1" { 2 } else { 0 });
    }
    // A level that was cut meanwhile makes the pack a damaged one.
    let level = parent.path().join("packed-3/level-0032.bin");
    fs::write(&level, b"short").unwrap();
    assert!(check(&parent.path().join("packed-3"), None).unwrap_err().to_string().contains("is damaged"));
}

#[test]
fn a_report_is_one_object() {
    let parent = tempfile::tempdir().unwrap();
    let files = [("0.png", scene_png(32, 24, 0)), ("1.png", scene_png(32, 24, 0)), ("2.png", Vec::new())];
    let report = checked(&folder(parent.path(), "photos", &files));
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["duplicates"][0]["names"], serde_json::json!(["0.png", "1.png"]));
    assert_eq!(json["shapes"]["sides"], serde_json::json!([{"from": 16, "to": 31, "pictures": 2}]));
    assert_eq!(json["pack"]["resolution"], 16);
    assert_eq!(json["unreadable"][0]["reason"], "an empty file");
}

#[test]
fn heads_that_are_alike_are_no_duplicates() {
    let report = checked(Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/faces64.zip").as_path());
    assert_eq!((report.pictures, report.readable, report.is_compared), (3575, 3575, true));
    for groups in [&report.duplicates, &report.near_duplicates, &report.mirrored] {
        assert_eq!(names(groups), [[""; 0]; 0]);
    }
    assert!(report.faults.is_empty() && report.bars.is_empty() && report.elongated.is_empty());
    assert_eq!((report.pack.resolution, report.pack.pictures), (64.into(), 3575));
}
