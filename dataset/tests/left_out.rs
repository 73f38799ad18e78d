//! What is no data, what is too small, and what is not square.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::path::Path;

use image::{DynamicImage, ImageFormat};
use pictures::{encoded, folder, picture, png, zip};
use stylegan_base::Hint;
use stylegan_dataset::{Error, ErrorKind, PackOptions, PackReport, Pyramid, Source, pack};

fn packed(source: &Path, options: PackOptions) -> Result<(Pyramid, PackReport), Error> {
    let out = Path::new(&format!("{}.packed", source.display())).to_owned();
    pack(source, &out, &options, &mut |_| {})
}

#[test]
fn runs_and_hidden_folders_are_no_data() {
    let parent = tempfile::tempdir().unwrap();
    let own = png(8, 8, 9);
    let mut files = vec![
        ("0.png", png(32, 32, 1)),
        ("cats/1.png", png(32, 32, 2)),
        (".ipynb_checkpoints/0-checkpoint.png", own.clone()),
        (".Trash-1000/files/0.png", own.clone()),
        ("cats/@eaDir/1.png/SYNO.png", own.clone()),
        ("__MACOSX/._0.png", own.clone()),
        ("cats/Thumbs.db", vec![1]),
        ("runs/.cache/pack/0.png", own.clone()),
        ("runs/00000-tiny/config.toml", b"[run]".to_vec()),
        ("runs/00000-tiny/stats.jsonl", vec![]),
        ("runs/00000-tiny/fakes000000.png", own.clone()),
        ("runs/00000-tiny/more/0.png", own.clone()),
        // The configuration of a run alone makes no run.
        ("runs/notes/config.toml", vec![]),
        ("runs/notes/2.png", png(32, 32, 3)),
    ];
    for source in [folder(parent.path(), "photos", &files), zip(parent.path(), "photos.zip", &files)] {
        let (pyramid, report) = packed(&source, PackOptions::default()).unwrap();
        assert_eq!(pyramid.names(), ["0.png", "cats/1.png", "runs/notes/2.png"]);
        assert_eq!(pyramid.resolution(), 32.into());
        assert_eq!(report.left_out.runs, ["runs/00000-tiny"]);
        assert_eq!(
            report.left_out.hidden,
            [".Trash-1000", ".ipynb_checkpoints", "__MACOSX", "cats/@eaDir", "runs/.cache"]
        );
        assert_eq!(report.left_out.counted_files(), "1 `.toml`");
    }

    // A hidden folder that is asked for by its name is read; a run is not.
    let hidden = folder(parent.path(), ".hidden", &files[..2]);
    assert_eq!(Source::open(&hidden).unwrap().len(), 2);
    files.push(("config.toml", vec![]));
    files.push(("run.lock", vec![]));
    for source in [folder(parent.path(), "run", &files), zip(parent.path(), "run.zip", &files)] {
        let error = Source::open(&source).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::RunFolder) && error.hint().is_some(), "{error}");
    }
}

#[test]
fn most_pictures_choose_the_side() {
    let parent = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..12).map(|i| format!("{i:02}.png")).collect();
    let mut files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (&**name, png(40, 36, 1))).collect();
    files[4].1 = png(8, 8, 2);
    let photos = folder(parent.path(), "photos", &files);
    for (resolution, side) in [(None, 32), (Some(16.into()), 16)] {
        let source = folder(parent.path(), &format!("photos{side}"), &files);
        let (pyramid, report) =
            packed(&source, PackOptions { resolution, ..PackOptions::default() }).unwrap();
        assert_eq!((pyramid.resolution(), pyramid.len()), (side.into(), 11));
        let [small] = &report.too_small[..] else { panic!("{:?}", report.too_small) };
        assert_eq!((&*small.name, &*small.reason), ("04.png", "8x8"));
        assert!(packed(&source, PackOptions { resolution, ..PackOptions::default() }).unwrap().1.is_reused);
        let enlarged = PackOptions { resolution, allow_upscale: true, ..PackOptions::default() };
        let error = packed(&source, enlarged).unwrap_err();
        assert!(error.to_string().contains("1 small pictures were left out of it"), "{error}");
    }
    let enlarged = PackOptions { allow_upscale: true, ..PackOptions::default() };
    let (pyramid, report) = packed(&photos, enlarged).unwrap();
    assert_eq!((pyramid.resolution(), pyramid.len(), report.upscaled), (32.into(), 12, 1));

    // More than a few are refused, and the side that fits is that of most.
    files[5].1 = png(20, 20, 3);
    files[6].1 = png(20, 20, 4);
    let many = folder(parent.path(), "many", &files);
    let error =
        packed(&many, PackOptions { resolution: Some(32.into()), ..PackOptions::default() }).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::TooSmall { count: 3, resolution, fitting: Some(fitting), .. }
            if (resolution, fitting) == (32.into(), 16.into())),
        "{error}"
    );
    assert_eq!(packed(&many, PackOptions::default()).unwrap().0.resolution(), 16.into());
}

#[test]
fn what_is_not_square_is_counted_and_fits_as_asked() {
    let parent = tempfile::tempdir().unwrap();
    let wide = image::RgbImage::from_fn(48, 16, |x, _| image::Rgb([if x < 24 { 250 } else { 0 }, 10, 20]));
    let files = [("0.png", encoded(&wide.into(), ImageFormat::Png)), ("1.png", png(48, 48, 1))];
    let corner = |fit: &str| {
        let source = folder(parent.path(), &fit.replace(':', "-"), &files);
        let options = PackOptions { fit: fit.parse().unwrap(), ..PackOptions::default() };
        let (pyramid, report) = packed(&source, options).unwrap();
        assert_eq!((report.other_ratio, report.fit), (1, options.fit));
        let (resolution, side) = (pyramid.resolution(), pyramid.resolution().side());
        let pixels = pyramid.picture(resolution, 0).unwrap();
        (side, [0, 1, 2].map(|channel| pixels[channel * side * side]))
    };
    assert_eq!(corner("crop"), (16, [250, 10, 20]));
    assert_eq!(corner("stretch"), (16, [250, 10, 20]));
    // All of it is 48 wide, of which 32 are kept.
    assert_eq!(corner("pad"), (32, [0, 0, 0]));
    assert_eq!(corner("pad:0102ff"), (32, [1, 2, 255]));
    assert_eq!(corner("pad:edge"), (32, [250, 10, 20]));
}

#[test]
fn more_endings_and_formats_are_read_and_the_rest_is_counted() {
    let parent = tempfile::tempdir().unwrap();
    let photo = |seed| DynamicImage::from(picture(16, 16, seed));
    let jpeg = |seed| encoded(&photo(seed), ImageFormat::Jpeg);
    let heic = b"\0\0\0\x24ftypheic\0\0\0\0mif1heic".to_vec();
    let source = folder(
        parent.path(),
        "photos",
        &[
            ("a.jfif", jpeg(1)),
            ("b.JPE", jpeg(2)),
            ("c.bmp", encoded(&photo(3), ImageFormat::Bmp)),
            ("d.tif", encoded(&photo(4), ImageFormat::Tiff)),
            ("e.tiff", encoded(&photo(5).to_rgb16().into(), ImageFormat::Tiff)),
            ("f.heic", heic.clone()),
            ("g.HEIC", heic.clone()),
            ("h.gif", b"GIF89a".to_vec()),
            ("i.txt", vec![]),
            ("phone.jpg", heic),
        ],
    );
    let options = PackOptions { max_bad_fraction: 0.5, ..PackOptions::default() };
    let (pyramid, report) = packed(&source, options).unwrap();
    assert_eq!(pyramid.names(), ["a.jfif", "b.JPE", "c.bmp", "d.tif", "e.tiff"]);
    let expected: Vec<u8> = picture(16, 16, 4).pixels().map(|pixel| pixel.0[0]).collect();
    assert_eq!(pyramid.picture(16.into(), 3).unwrap()[..256], expected);
    assert_eq!(report.converted.sixteen_bit, 1);
    assert_eq!(report.left_out.counted_pictures(), "2 `.heic`, 1 `.gif`");
    assert_eq!(report.left_out.counted_files(), "1 `.txt`");
    assert_eq!(report.skipped[0].reason, "a HEIC file, not PNG, JPEG, WebP, BMP or TIFF");

    let only = folder(parent.path(), "only", &[("f.heic", vec![]), ("g.psd", vec![])]);
    let error = Source::open(&only).unwrap_err();
    assert!(error.to_string().ends_with(" pictures, but 1 `.heic`, 1 `.psd`"), "{error}");
    assert_eq!(error.hint().unwrap(), "convert them to PNG or JPEG first");
}
