//! `stylegan dataset check`

use std::fs;

use image::{Rgb, RgbImage, imageops};

use crate::scene::Scene;

/// A picture of waves, of its own for every seed.
fn waves(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let [x, y] = [(x, width), (y, height)].map(|(at, side)| f64::from(at) / f64::from(side));
        let seed = f64::from(seed);
        let light =
            120.0 + 60.0 * (5.0 * x + 2.3 * seed).sin() + 50.0 * (4.0 * y * (1.0 + x) + seed * seed).cos();
        Rgb([light + 15.0, light, light - 8.0].map(|value| value as u8))
    })
}

/// The folder `photos` with something of everything.
fn scene() -> Scene {
    let scene = Scene::empty();
    for folder in ["photos/cats", "photos/dogs"] {
        fs::create_dir_all(scene.path(folder)).unwrap();
    }
    let save = |name: &str, picture: &RgbImage| picture.save(scene.path("photos").join(name)).unwrap();
    for seed in 0..9 {
        save(&format!("cats/{seed}.png"), &waves(80, 64, seed));
    }
    save("dogs/0.png", &waves(80, 64, 3));
    save("dogs/1.png", &imageops::resize(&waves(160, 128, 4), 120, 96, imageops::FilterType::Triangle));
    save("dogs/2.png", &imageops::flip_horizontal(&waves(80, 64, 5)));
    save("dogs/black.png", &RgbImage::from_fn(64, 64, |x, y| Rgb([((x * y) % 30) as u8; 3])));
    save("dogs/blank.png", &RgbImage::from_pixel(64, 64, Rgb([90; 3])));
    save("dogs/small.png", &waves(40, 16, 7));
    fs::write(scene.path("photos/dogs/broken.jpg"), b"no picture").unwrap();
    fs::write(scene.path("photos/dogs/phone.heic"), b"....ftypheic").unwrap();
    scene
}

/// A text without what depends on the machine.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        let (line, _) = line.split_once(", made in about ").unwrap_or((line, ""));
        let (line, _) = line.split_once("looked at in ").unwrap_or((line, ""));
        masked.push_str(line.trim_end());
        masked.push('\n');
    }
    masked
}

fn page(scene: &Scene, arguments: &str) -> String {
    let ran = scene.run(&format!("dataset check {arguments}"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments}");
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 100), "{}", ran.stdout);
    assert!(ran.stdout.contains(" pictures a second\n"), "{}", ran.stdout);
    masked(&ran.stdout)
}

#[test]
fn a_page_says_what_is_worth_a_look_and_what_to_type() {
    let scene = scene();
    let before = scene.names("");
    let expected = "\
16 pictures in `photos`, 15 of them readable

Worth a look, most important first
  1 cannot be read
    `dogs/broken.jpg` (not a picture)
  1 is an earlier one once more, pixel for pixel
    `cats/3.png` = `dogs/0.png`
  1 is nearly an earlier one, such as compressed, resized or cropped
    `cats/4.png` = `dogs/1.png`
  1 is the mirror image of an earlier one, which `--mirror on` makes by itself
    `cats/5.png` = `dogs/2.png`
  1 shows next to nothing
    `dogs/blank.png`
  1 is nearly black
    `dogs/black.png`
  1 is smaller than 64x64 and would be left out (`--allow-upscale` enlarges them)
    `dogs/small.png` (40x16)
  2 have no colors, others do
  pictures of kinds that are not read: 1 `.heic` (convert them to PNG or JPEG)

Pictures   13 in color, 2 with channels for colors, but none in them; 8 bits; 15 PNG
Ratios     2 square, 13 other
Sides      80x64 is most common (11); by the shorter side
           16 to 31               1  ###
           64 to 127             14  ########################################
Labels     none; `--labels folders` makes 2 classes of 7 to 9 pictures: `cats` (9), `dogs` (7)
Packing    14 of 64x64, 12 of them cropped, 2 left out; 0 MiB on the disk
Time

Next
  stylegan train --data photos --config faces-64
";
    assert_eq!(page(&scene, "photos"), expected);
    let documented = masked(include_str!("../../../docs/datasets.md"));
    assert!(
        documented.contains(&format!("$ stylegan dataset check photos\n{expected}")),
        "not in docs/datasets.md"
    );
    assert_eq!(scene.names(""), before);
}

#[test]
fn good_pictures_are_said_to_be_good() {
    let scene = Scene::empty();
    fs::create_dir(scene.path("my photos")).unwrap();
    for seed in 0..5 {
        waves(128, 96, seed).save(scene.path("my photos").join(format!("{seed}.png"))).unwrap();
    }
    let words = page(&scene, "'my photos'");
    assert!(
        words.starts_with(
            "5 pictures in `my photos`\n\nNothing stands out\n\nPictures   5 in color; 8 bits; 5 PNG\n"
        ),
        "{words}"
    );
    let next = "\nNext\n  stylegan train --data 'my photos' --config faces-64\nor, for pictures of their own ratio\n  \
                stylegan train --data 'my photos' --config faces-64 --resolution 64x48\n";
    assert!(words.contains("on the disk\n           nearly all have a ratio of 4:3\n"), "{words}");
    assert!(words.ends_with(next), "{words}");

    // Packed, the same is said of the pack.
    scene.draws("dataset pack 'my photos' --out packed --channels 1 --resolution 32");
    let words = page(&scene, "packed");
    assert!(
        words.starts_with(
            "5 packed pictures in `packed`\n\nNothing stands out\n\nPictures   5 grey; 8 bits\n"
        ),
        "{words}"
    );
    assert!(words.contains("\nPacked     5 of 32x32, 5 of them cropped; 0 MiB on the disk\n"), "{words}");
    assert!(
        words.ends_with("\n  stylegan train --data packed --config faces-64 --resolution 32 --channels 1\n"),
        "{words}"
    );
}

#[test]
fn the_oddest_are_drawn() {
    let scene = scene();
    let words = page(&scene, "photos --sheet sheet.png");
    let rows = "\
Sheet      `sheet.png`, a row each:
           darkest: `dogs/black.png`, `dogs/blank.png`, ";
    assert!(words.contains(rows), "{words}");
    assert!(words.contains("\n           alike, by twos: `cats/4.png`, `dogs/1.png`\n"), "{words}");
    assert!(words.contains("\n           mirrored, by twos: `cats/5.png`, `dogs/2.png`\n"), "{words}");
    let sheet = scene.picture("sheet.png");
    // Eight in a row, six rows, of the largest that is there.
    assert_eq!(sheet.dimensions(), (8 * 120, 6 * 96));
    assert_eq!(sheet.get_pixel(130, 10).0, [90; 3]);
    scene.refuses(
        "dataset check photos --sheet sheet.png",
        1,
        "error: `sheet.png` exists; nothing was overwritten\n\nhint: give another name, or `--force` to overwrite it\n",
    );
    page(&scene, "photos --sheet sheet.png --force");
    let ran = scene.run("dataset check photos --sheet sheet.jpg");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn json_says_everything() {
    let scene = scene();
    let ran = scene.run("dataset check photos --json");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["pictures"], 16);
    assert_eq!(json["duplicates"][0]["names"][1], "dogs/0.png");
    assert_eq!(json["pack"]["resolution"], 64);
    assert_eq!(json["next"]["preset"], "faces-64");
    assert_eq!(json["next"]["command"], "stylegan train --data photos --config faces-64");
    // Every name is documented.
    let documented = include_str!("../../../docs/datasets.md");
    for key in json.as_object().unwrap().keys() {
        assert!(documented.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn what_cannot_be_looked_at() {
    let scene = Scene::empty();
    scene.refuses("dataset check missing", 1, "error: `missing` does not exist\n");
    fs::create_dir(scene.path("broken")).unwrap();
    fs::write(scene.path("broken/0.png"), "").unwrap();
    let words = page(&scene, "broken");
    let expected = "\
1 picture in `broken`, 0 of them readable

Worth a look, most important first
  packing would refuse them: at least 1 of the 1 pictures in `broken` cannot be read, more than 10
  %: `0.png` (an empty file)
  1 cannot be read
    `0.png` (an empty file)

Labels     none
Time

Next
  mend or remove what is named above, then look again
";
    assert_eq!(words, expected);
}
