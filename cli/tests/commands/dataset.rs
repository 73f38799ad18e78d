//! `stylegan dataset pack`

use crate::scene::Scene;
use crate::train;

#[test]
fn pictures_are_packed_once() {
    let scene = Scene::empty();
    scene.photos("photos", 12, (20, 18));
    std::fs::write(scene.path("photos/broken.png"), "no picture").unwrap();
    let words = scene.draws("dataset pack photos --out packed");
    assert!(words.starts_with("skipped `broken.png`: "), "{words}");
    assert!(words.contains("packed 12 pictures of 16x16 in `packed`, 0.0 MiB\n"), "{words}");
    assert!(
        words.ends_with(
            "12 were not square: their middle was taken (`--fit pad` or `--fit stretch` keeps all of a picture)\n\
             1 could not be read and was left out\n\
             nearly all have a ratio of 10:9: `--resolution 20x18` takes them as they are\n"
        ),
        "{words}"
    );
    let words = scene.draws("dataset pack photos --out packed");
    assert!(words.starts_with("found 12 pictures of 16x16 in `packed`"), "{words}");
}

#[test]
fn what_cannot_be_packed() {
    let scene = Scene::empty();
    scene.photos("photos", 3, (20, 18));
    std::fs::create_dir(scene.path("empty")).unwrap();
    let refuses = |arguments: &str, message: &str, hint: &str| {
        let before = scene.names("");
        let ran = scene.run(&format!("dataset pack {arguments}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{arguments}");
        let (_skipped, error) = ran.stderr.split_at(ran.stderr.find("error: ").unwrap_or(0));
        assert!(error.starts_with(&format!("error: {message}")), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("\n\nhint: {hint}")), "{}", ran.stderr);
        assert_eq!(scene.names(""), before, "{arguments}");
    };
    refuses(
        "empty --out packed",
        "`empty` holds no PNG, JPEG, WebP, BMP or TIFF pictures\n",
        "pictures are found by",
    );
    refuses(
        "photos --out packed --resolution 100",
        "resolution 100 must be a power of two from 8 to 1024, or a width and a height such as 512x384 ",
        "the nearest are 64 and 128",
    );
    refuses(
        "photos --out packed --resolution 100x75",
        "resolution 100x75 must be a power of two",
        "such as 512x384 for pictures of 4:3",
    );
    refuses(
        "photos --out packed --resolution 32",
        "3 of the pictures in `photos` are smaller",
        "`--resolution 16`",
    );
    refuses("photos --out empty", "`empty` exists and is not a packed data set", "choose a folder");
    std::fs::write(scene.path("photos/broken.png"), "no picture").unwrap();
    refuses("photos --out packed --max-bad-fraction 0.1", "at least 1 of the 4 pictures", "mend or remove");
    let words = scene
        .draws("dataset pack photos --out packed --max-bad-fraction 0.5 --resolution 32 --allow-upscale");
    assert!(words.contains("3 were smaller and were enlarged\n"), "{words}");
}

#[test]
fn what_is_left_out_is_said() {
    let scene = Scene::empty();
    scene.photos("photos", 12, (32, 32));
    scene.photos("small", 1, (8, 8));
    std::fs::create_dir_all(scene.path("photos/.thumbnails")).unwrap();
    std::fs::copy(scene.path("small/00.png"), scene.path("photos/.thumbnails/00.png")).unwrap();
    std::fs::copy(scene.path("small/00.png"), scene.path("photos/thumb.png")).unwrap();
    let jpeg = image::DynamicImage::from(scene.picture("photos/03.png"));
    jpeg.save_with_format(scene.path("photos/phone.jfif"), image::ImageFormat::Jpeg).unwrap();
    for name in ["IMG_1.HEIC", "IMG_2.HEIC", "notes.txt", "Thumbs.db"] {
        std::fs::write(scene.path("photos").join(name), "x").unwrap();
    }
    let words = scene.draws("dataset pack photos --out packed");
    assert_eq!(
        words,
        "packed 13 pictures of 32x32 in `packed`, 0.1 MiB\n\
         1 was smaller than 32x32 and was left out: `thumb.png` (8x8) (`--allow-upscale` enlarges them)\n\
         pictures of kinds that are not read were left out: 2 `.heic` (convert them to PNG or JPEG)\n\
         files that are no pictures by their names were left out: 1 `.txt`\n\
         a hidden folder was left out: `.thumbnails`\n"
    );
}

#[test]
fn pictures_that_are_not_square_fit_as_asked() {
    let scene = Scene::empty();
    scene.photos("photos", 3, (40, 16));
    for (fit, words) in [
        ("pad", "packed 3 pictures of 32x32 in `pad`, 0.0 MiB\n3 were not square: they were padded\n"),
        (
            "stretch",
            "packed 3 pictures of 16x16 in `stretch`, 0.0 MiB\n3 were not square: they were stretched\n",
        ),
    ] {
        assert_eq!(scene.draws(&format!("dataset pack photos --out {fit} --fit {fit}")), words);
    }
    let ran = scene.run("dataset pack photos --out x --fit round");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`round` is none of `crop`, `stretch`, `pad`"), "{}", ran.stderr);
}

#[test]
fn the_cache_is_shown_and_cleared() {
    let scene = train::scene();
    let ran = scene.run("dataset cache");
    assert_eq!((ran.code, &*ran.stderr), (0, "no packed pictures in `runs/.cache`\n"));
    train::train(&scene, "--kimg 0.004");
    scene.photos("other", 12, (16, 16));
    // What was refused leaves a pack that no run uses.
    let refused =
        scene.run(&format!("train --data other {} --kimg 0.004 --set generator.label_dim=2", train::TINY));
    assert_eq!(refused.code, 1);
    let shown = scene.run("dataset cache");
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", shown.stdout);
    assert!(
        lines[0].starts_with("`runs/.cache/other-16-") && lines[0].ends_with(", used by no run"),
        "{lines:?}"
    );
    assert!(lines[1].contains("12 pictures of 16x16 from `photos`, "), "{lines:?}");
    assert!(lines[1].ends_with(", used by 00000-tiny"), "{lines:?}");
    assert_eq!(scene.names("runs/.cache").len(), 2);
    scene.run("dataset cache --clear");
    let left = scene.names("runs/.cache");
    assert!(left.len() == 1 && left[0].starts_with("photos-16-"), "{left:?}");
    assert_eq!(scene.run("dataset cache --all").code, 2);
    assert_eq!(scene.run("dataset cache --clear --all").code, 0);
    assert!(scene.names("runs/.cache").is_empty());
}

#[test]
fn pictures_are_written_for_other_programs_and_read_again() {
    let scene = Scene::empty();
    scene.photos("photos", 3, (16, 16));
    let words = scene.draws("dataset pack photos --out faces.zip --format zip");
    assert!(words.starts_with("packed 3 pictures of 16x16 in `faces.zip`, 0.0 MiB\n"), "{words}");
    let words = scene.draws("dataset pack faces.zip --out records --format tfrecords");
    assert!(words.starts_with("packed 3 pictures of 16x16 in `records`, 0.0 MiB\n"), "{words}");
    assert_eq!(
        scene.names("records"),
        ["records-r02.tfrecords", "records-r03.tfrecords", "records-r04.tfrecords"]
    );
    scene.draws("dataset pack records --out from-records --format sgd");
    scene.draws("dataset pack photos --out from-photos");
    for level in ["level-0016.bin", "level-0008.bin", "level-0004.bin"] {
        assert_eq!(
            scene.bytes(&format!("from-records/{level}")),
            scene.bytes(&format!("from-photos/{level}"))
        );
    }
    let words = scene.draws("dataset pack from-photos --out small.zip --format zip --resolution 8");
    assert!(words.starts_with("packed 3 pictures of 8x8 in `small.zip`"), "{words}");

    for (arguments, code, message, hint) in [
        ("--out faces --format zip", 2, "`--out faces` is no zip by its name", "`--out faces.zip` is"),
        (
            "--out other.zip",
            2,
            "`--out other.zip` is a file by its name, not a folder",
            "`--format zip` writes a zip",
        ),
        (
            "--out faces.zip --format zip",
            1,
            "`faces.zip` exists; nothing was overwritten",
            "choose a name that is not taken yet",
        ),
        ("--out records --format tfrecords", 1, "`records` exists; nothing was overwritten", "choose a name"),
        ("--out new --verify-md5", 1, "`photos` has no list of checksums", "FFHQ has one"),
    ] {
        let ran = scene.run(&format!("dataset pack photos {arguments}"));
        assert_eq!(ran.code, code, "{arguments}: {}", ran.stderr);
        assert!(
            ran.stderr.starts_with(&format!("error: {message}\n\nhint: {hint}")),
            "{arguments}: {}",
            ran.stderr
        );
    }
}

#[test]
fn pictures_of_ffhq_are_compared_first() {
    let scene = Scene::empty();
    std::fs::create_dir_all(scene.path("ffhq/images1024x1024")).unwrap();
    scene.photos("ffhq/images1024x1024/00000", 2, (16, 16));
    std::fs::create_dir(scene.path("ffhq/in-the-wild-images")).unwrap();
    let json = r#"{"0": {"image": {"file_path": "images1024x1024/00000/00.png", "file_md5": "900150983cd24fb0d6963f7d28e17f72"}}}"#;
    std::fs::write(scene.path("ffhq/ffhq-dataset-v2.json"), json).unwrap();
    let ran = scene.run("dataset pack ffhq --out packed --verify-md5");
    assert_eq!(ran.code, 1);
    let message = "error: 1 of the 1 pictures in `ffhq` are not those of its list of checksums: `00000/00.png` (its MD5 is ";
    assert!(
        ran.stderr.starts_with(message) && ran.stderr.ends_with("hint: fetch these files again\n"),
        "{}",
        ran.stderr
    );
    let words = scene.draws("dataset pack ffhq --out packed");
    assert!(words.ends_with("a folder beside the pictures was left out: `in-the-wild-images`\n"), "{words}");
}
