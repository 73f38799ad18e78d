//! `stylegan dataset align`

use std::fs;

use image::{Rgb, RgbImage, imageops};

use crate::scene::Scene;

/// A face of a few ellipses, eyes at 0.385 and 0.615, 0.47 of the side, which the networks take for one.
fn face(side: u32) -> RgbImage {
    let shapes: [([f64; 4], [u8; 3]); 17] = [
        ([0.5, 0.43, 0.3, 0.35], [60, 40, 30]),
        ([0.5, 0.52, 0.26, 0.35], [214, 168, 140]),
        ([0.5, 0.61, 0.215, 0.24], [220, 174, 146]),
        ([0.38, 0.415, 0.07, 0.012], [50, 34, 28]),
        ([0.62, 0.415, 0.07, 0.012], [50, 34, 28]),
        ([0.385, 0.47, 0.052, 0.026], [245, 240, 236]),
        ([0.615, 0.47, 0.052, 0.026], [245, 240, 236]),
        ([0.385, 0.47, 0.025, 0.025], [70, 50, 40]),
        ([0.615, 0.47, 0.025, 0.025], [70, 50, 40]),
        ([0.385, 0.47, 0.011, 0.011], [10, 10, 10]),
        ([0.615, 0.47, 0.011, 0.011], [10, 10, 10]),
        ([0.5, 0.55, 0.026, 0.07], [205, 152, 124]),
        ([0.47, 0.602, 0.015, 0.01], [120, 70, 60]),
        ([0.53, 0.602, 0.015, 0.01], [120, 70, 60]),
        ([0.5, 0.695, 0.09, 0.026], [176, 80, 80]),
        ([0.5, 0.69, 0.078, 0.007], [90, 30, 36]),
        ([0.5, 0.79, 0.05, 0.016], [200, 150, 124]),
    ];
    RgbImage::from_fn(side, side, |x, y| {
        let [x, y] = [x, y].map(|place| (f64::from(place) + 0.5) / f64::from(side));
        let mut color = [120.0 + 50.0 * x, 150.0 + 40.0 * y, 190.0 - 40.0 * x];
        for ([center_x, center_y, radius_x, radius_y], shape) in shapes {
            let (dx, dy) = ((x - center_x) / radius_x, (y - center_y) / radius_y);
            if dx * dx + dy * dy <= 1.0 {
                color = shape.map(|value| f64::from(value) - 24.0 * dx - 12.0 * dy);
            }
        }
        Rgb(color.map(|value| value as u8))
    })
}

/// A scene with two photos: of two faces, the larger at 40, 30 and 300 wide, and of none; and a file that is no photo.
fn scene() -> Scene {
    let scene = Scene::empty();
    fs::create_dir_all(scene.path("photos/more")).unwrap();
    let mut photo = RgbImage::from_pixel(700, 400, Rgb([130, 160, 180]));
    imageops::replace(&mut photo, &face(300), 40, 30);
    imageops::replace(&mut photo, &face(240), 420, 100);
    photo.save(scene.path("photos/two.png")).unwrap();
    RgbImage::from_pixel(300, 200, Rgb([90, 120, 90])).save(scene.path("photos/more/lawn.png")).unwrap();
    fs::write(scene.path("photos/broken.png"), "no picture").unwrap();
    scene
}

#[test]
fn faces_are_found_and_cut_out() {
    let scene = scene();
    let words = scene
        .draws("dataset align photos --out faces --size 128 --sheet sheet.png --save-landmarks points.json");
    assert_eq!(
        words,
        "skipped `broken.png`: not a picture\n\
         cut 2 faces of 128x128 out of 1 photo into `faces`\n\
         1 photo or face was skipped\n\
         no face was found in 1 photo:\n  `more/lawn.png`\n"
    );
    assert_eq!(scene.names("faces"), ["two.png", "two_1.png"]);
    for name in ["faces/two.png", "faces/two_1.png"] {
        let face = scene.picture(name);
        assert_eq!(face.dimensions(), (128, 128));
        // Where FFHQ has the eyes: dark there, and skin between them.
        let darkest = |left: u32, top: u32| {
            let near = (left..left + 16).flat_map(|x| (top..top + 16).map(move |y| (x, y)));
            near.map(|(x, y)| face.get_pixel(x, y).0[0]).min().unwrap()
        };
        assert!(darkest(42, 54) < 90 && darkest(72, 54) < 90, "{name}");
        assert!(face.get_pixel(64, 75).0[0] > 170, "{name}");
    }
    // The points that were found give the same faces.
    scene.draws("dataset align photos --out again --size 128 --landmarks points.json");
    let apart = scene
        .picture("again/two_1.png")
        .into_raw()
        .into_iter()
        .zip(scene.picture("faces/two_1.png").into_raw());
    assert!(apart.map(|(a, b)| a.abs_diff(b)).max() <= Some(3));
    // One photo of three was broken; of the other two what was found is drawn.
    let sheet = scene.picture("sheet.png");
    assert_eq!(sheet.dimensions(), (1400, 400));
    let has = |color: [u8; 3]| sheet.pixels().any(|pixel| pixel.0 == color);
    assert!(has([255, 210, 0]) && has([0, 255, 80]) && has([255, 255, 255]));
}

#[test]
fn faces_that_are_too_small_or_too_doubtful_are_left_out() {
    let scene = scene();
    let words = scene.draws("dataset align photos --out faces --size 64 --min-size 190");
    assert!(words.contains("cut 1 face of 64x64 out of 1 photo into `faces`\n"), "{words}");
    let ran = scene.run("dataset align photos --out none --min-confidence 1");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.ends_with(
            "error: no face was cut out of the 3 photos in `photos`\n\n\
             hint: a smaller `--min-confidence` or `--min-size` finds more; `--landmarks` takes points that are there already\n"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn nothing_is_overwritten_unasked() {
    let scene = scene();
    scene.draws("dataset align photos --out faces --size 64 --min-size 190");
    let before = scene.bytes("faces/two.png");
    scene.refuses(
        "dataset align photos --out faces --size 32 --min-size 190",
        1,
        "error: `faces/two.png` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    assert_eq!(scene.bytes("faces/two.png"), before);
    scene.draws("dataset align photos --out faces --size 32 --min-size 190 --force");
    assert_eq!(scene.picture("faces/two.png").width(), 32);
    // A face that is there, of a photo that has more of them now.
    fs::rename(scene.path("faces/two.png"), scene.path("faces/two_1.png")).unwrap();
    let ran = scene.run("dataset align photos --out faces --size 32");
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.ends_with(
            "error: `faces/two_1.png` exists; nothing was overwritten\n\nhint: `--force` overwrites it\n"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn points_that_are_given_are_taken() {
    let scene = scene();
    fs::write(
        scene.path("points.json"),
        r#"{"two.png": [[[155, 171], [224, 171], [190, 205], [163, 238], [217, 238]],
                        [[900, 900], [930, 900], [915, 915], [905, 930], [925, 930]]]}"#,
    )
    .unwrap();
    let words = scene.draws("dataset align photos --out faces --size 96 --landmarks points.json");
    assert_eq!(
        words,
        "skipped `two.png`: the face at 915, 903 lies outside of the photo, which has 700x400 pixels\n\
         cut 1 face of 96x96 out of 1 photo into `faces`\n\
         1 photo or face was skipped\n\
         `points.json` holds no face of 2 photos:\n  `broken.png`\n  `more/lawn.png`\n"
    );
    assert_eq!(scene.names("faces"), ["two.png"]);
    // Threads do not matter, nor whether the points come as CSV.
    fs::write(scene.path("points.csv"), "two.png,155,171,224,171,190,205,163,238,217,238\n").unwrap();
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("stylegan");
    command.args("dataset align photos --out again --size 96 --landmarks points.csv".split(' '));
    let ran = scene.run_command({
        command.env("RAYON_NUM_THREADS", "1");
        command
    });
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(scene.bytes("again/two.png"), scene.bytes("faces/two.png"));
}

#[test]
fn what_cannot_be_aligned() {
    let scene = scene();
    fs::write(scene.path("points.json"), r#"{"x.png": [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]}"#).unwrap();
    fs::write(scene.path("broken.json"), "{\"a\": [[1, 2]]}").unwrap();
    let refuses = |arguments: &str, code, message: &str, hint: &str| {
        let before = scene.names("");
        let ran = scene.run(&format!("dataset align {arguments}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.starts_with(&format!("error: {message}")), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("hint: {hint}")), "{}", ran.stderr);
        assert_eq!(scene.names(""), before, "{arguments}");
    };
    refuses("photos --out a.png", 2, "`--out a.png` is a file by its name", "a folder of that name");
    refuses("photos --out a --sheet b", 2, "`--sheet b` is no PNG by its name", "a sheet is a picture");
    refuses(
        "photos --out a --save-landmarks b.csv",
        2,
        "`--save-landmarks b.csv` is no JSON",
        "points are written",
    );
    scene.refuses("dataset align missing --out a", 1, "error: `missing` does not exist\n");
    refuses(
        "photos --out a --landmarks points.json",
        1,
        "`points.json` has none of the photos: its names are such as `x.png`, not `broken.png`",
        "names are the photos' paths",
    );
    refuses(
        "photos --out a --landmarks broken.json",
        1,
        "`broken.json` cannot be understood at line 1: the face of `a`: has 1 points, not 68 or 5",
        "JSON is {\"a.jpg\": ",
    );
    let ran = scene.run("dataset align photos --out a --landmarks points.json --min-size 20");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}
