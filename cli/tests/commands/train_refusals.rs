//! `stylegan train`: what it refuses, before anything is written.

use crate::scene::Scene;
use crate::train::{TINY, scene};

/// What `train` must say when it refuses these options, with nothing written.
fn refuses(scene: &Scene, options: &str, code: i32, words: &str) {
    scene.refuses(&format!("train {TINY} {options}"), code, words);
}

#[test]
fn data_that_are_none() {
    let scene = scene();
    std::fs::create_dir(scene.path("empty")).unwrap();
    std::fs::create_dir(scene.path("notes")).unwrap();
    std::fs::write(scene.path("notes/a.txt"), "no picture").unwrap();
    let extensions = "hint: pictures are found by their endings, `.png`, `.jpg`, `.jpeg`, `.jpe`, `.jfif`, `.webp`, \
                      `.bmp`, `.tif`, `.tiff`, in folders of any depth that are not hidden\n";
    for (data, message) in [
        ("empty", "`empty` holds no PNG, JPEG, WebP, BMP or TIFF pictures"),
        ("notes", "`notes` holds no PNG, JPEG, WebP, BMP or TIFF pictures, but 1 `.txt`"),
    ] {
        refuses(&scene, &format!("--data {data}"), 1, &format!("error: {message}\n\n{extensions}"));
    }
    for options in ["--data missing", "--data missing --dry-run"] {
        let ran = scene.run(&format!("train {TINY} {options}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{options}");
        assert!(ran.stderr.starts_with("error: `missing` does not exist\n"), "{options}: {}", ran.stderr);
    }
    refuses(
        &scene,
        "--data photos/00.png",
        1,
        "error: `photos/00.png` is a single picture, no source of pictures\n\n\
         hint: give the folder in which the pictures lie\n",
    );
    let ran = scene.run(&format!("train {TINY}"));
    assert!(ran.code == 2 && ran.stderr.contains("--data <SOURCE>"), "{}: {}", ran.code, ran.stderr);
    assert_eq!(scene.names(""), ["empty", "notes", "photos"]);
}

#[test]
fn pictures_that_are_too_many_bad_or_too_small() {
    let scene = scene();
    let good = scene.bytes("photos/00.png");
    let small = "error: 12 of the pictures in `photos` are smaller than 32x32, such as `00.png` with 20x18\n\n\
                 hint: `--resolution 16` fits, `--allow-upscale` enlarges the small ones\n";
    refuses(&scene, "--data photos --set generator.resolution=32", 1, small);
    std::fs::write(scene.path("photos/cut.png"), &good[..good.len() / 2]).unwrap();
    // Whether the damage shows while sizes are read or only when pixels are.
    for options in ["", "--allow-upscale"] {
        refuses(
            &scene,
            &format!("--data photos {options}"),
            1,
            "skipped `cut.png`: the file ends too early\n\
             error: at least 1 of the 13 pictures in `photos` cannot be read, more than 1 %: `cut.png` (the file ends \
             too early)\n\n\
             hint: mend or remove these files, or let more of them be left out, `--set data.max_bad_fraction=0.1`\n",
        );
    }
    std::fs::create_dir(scene.path("bad")).unwrap();
    std::fs::write(scene.path("bad/0.png"), "no picture").unwrap();
    let ran = scene.run(&format!("train {TINY} --data bad --set data.max_bad_fraction=1"));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("error: `bad` holds no PNG, JPEG, WebP, BMP or TIFF pictures"),
        "{}",
        ran.stderr
    );
    assert_eq!(scene.names(""), ["bad", "photos"]);
}

#[test]
fn configurations_that_are_none() {
    let scene = scene();
    let photos = |options: &str, words: &str| refuses(&scene, &format!("--data photos {options}"), 2, words);
    photos(
        "--set generator.resolutions=32",
        "error: `--set generator.resolutions=32`: unknown key `generator.resolutions`\n\n\
         hint: did you mean `generator.resolution`? `stylegan config` lists every key\n",
    );
    photos(
        "--set resolution=32",
        "error: `--set resolution=32`: unknown key `resolution`\n\n\
         hint: did you mean `generator.resolution`? `stylegan config` lists every key\n",
    );
    photos(
        "--set generator.resolution",
        "error: `--set generator.resolution` is not of the form KEY=VALUE\n\n\
         hint: for instance `--set schedule.total_kimg=5000`\n",
    );
    photos(
        "--set generator.resolution=100",
        "error: `generator.resolution` is 100, but must be a power of two from 8 to 1024, or a width and a height such as 512x384 \
         that are one power of two times up to 16 each\n",
    );
    photos(
        "--set schedule.initial_resolution=32 --set run.tick_kimg=0 --set schedule.total_kimg=-1",
        "error: the configuration has 3 errors:\n  \
         `schedule.initial_resolution` is 32, but must be a power of two from 4 to `generator.resolution` (16)\n  \
         `schedule.total_kimg` is -1, but must be 0 to 1000000000\n  \
         `run.tick_kimg` is 0, but must be above 0 and at most 1000000000\n",
    );
    photos("--kimg -1", "error: `schedule.total_kimg` is -1, but must be 0 to 1000000000\n");
    for (preset, nearest) in
        [("face-64", "faces-64"), ("ffhq1024", "ffhq-1024"), ("ablation/A", "ablation/a")]
    {
        let ran = scene.run(&format!("train {TINY} --data photos --config {preset}"));
        let words = format!(
            "error: there is no preset and no file `{preset}`\n\nhint: did you mean `{nearest}`? the presets are `demo`, "
        );
        assert!(ran.code == 2 && ran.stderr.starts_with(&words), "{}: {}", ran.code, ran.stderr);
    }
    std::fs::write(scene.path("own.toml"), "[run]\nname = \"own\"\n\n[generator]\nresolution = \"large\"\n")
        .unwrap();
    let ran = scene.run("train --data photos --config own.toml");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.starts_with("error: `own.toml`: TOML parse error at line 5, column 14\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(scene.names(""), ["own.toml", "photos"]);
}

#[test]
fn places_that_cannot_be_written() {
    let scene = scene();
    std::fs::write(scene.path("file"), "precious").unwrap();
    let ran = scene.run(&format!("train {TINY} --data photos --out file"));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_eq!(ran.stderr, "error: cannot write `file/.cache`\ncaused by: Not a directory (os error 20)\n");
    assert_eq!(scene.bytes("file"), b"precious");
    assert_eq!(scene.names(""), ["file", "photos"]);
}

#[test]
fn a_device_that_is_not_built_in() {
    if candle_core::utils::cuda_is_available() {
        return;
    }
    let scene = scene();
    let ran = scene.run(&format!("train {TINY} --data photos --device cuda:0"));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    let words = "error: `--device cuda:0` was asked for, but this program was built without CUDA\n\n\
                 hint: leave `--device` out to compute on the CPU\n";
    assert!(ran.stderr.ends_with(words), "{}", ran.stderr);
    // Pictures may be packed by then, but no run begins.
    assert!(!scene.path("runs/00000-tiny").exists());
    assert_eq!(scene.run(&format!("train {TINY} --data photos --device tpu")).code, 2);
}
