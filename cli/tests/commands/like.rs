//! `stylegan sample --like`

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use image::{DynamicImage, RgbImage};
use stylegan_checkpoint::Checkpoint;
use stylegan_media::{read_text, save_png_with_texts};

use crate::scene::Scene;
use crate::train;

const LIKE: &str = "sample --checkpoint net.safetensors --like";

fn recipe(scene: &Scene, picture: &str) -> String {
    read_text(&scene.path(picture), "stylegan").unwrap().unwrap()
}

#[test]
fn every_picture_is_drawn_again_to_the_same_bytes() {
    let scene = Scene::new();
    let z: Vec<f32> = (0..36).map(|i| (i as f32).sin()).collect();
    let z = Tensor::from_vec(z, (3, 12), &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("z", z)]), scene.path("z.safetensors")).unwrap();
    let random = "--noise-mode random --noise-seed 9";
    for (command, latents) in [
        ("sample --seeds 3 --out a.png".to_owned(), ""),
        (format!("sample --seeds 5,0-3,5 --grid 4x2 --truncation-psi -0.3 {random} --out a.png"), ""),
        (
            "sample --seeds 0-2 --seed-style numpy --truncation-cutoff 3 --noise-mode none --out many"
                .to_owned(),
            "",
        ),
        (
            format!("sample --latents z.safetensors --truncation-psi 0.1 {random} --out a.png"),
            "--latents z.safetensors",
        ),
        (format!("sample --latents z.safetensors {random} --out many"), "--latents z.safetensors"),
        (format!("mix --rows 0,7 --cols 4-6 --styles 1-2,5 --truncation-psi 0.9 {random} --out a.png"), ""),
        (format!("interpolate --seeds 3,5,1 --frames 12 --space z --loop {random} --out a.png"), ""),
        (format!("interpolate --seeds 3,5 --frames 3 {random} --out many"), ""),
    ] {
        scene.draws(&format!("{command} --checkpoint net.safetensors"));
        let mut pictures = vec!["a.png".to_owned()];
        if command.ends_with("many") {
            pictures = scene.names("many").iter().map(|name| format!("many/{name}")).collect();
        }
        for picture in &pictures {
            let words = scene.draws(&format!("{LIKE} {picture} {latents} --out again.png --force"));
            let (width, height) = scene.picture(picture).dimensions();
            assert_eq!(words, format!("wrote `{picture}` of {width}x{height} again to `again.png`\n"));
            // The pixels and the recipe, so that it can be drawn again and again.
            assert_eq!(scene.bytes("again.png"), scene.bytes(picture), "{command}");
            std::fs::remove_file(scene.path(picture)).unwrap();
        }
        if command.ends_with("many") {
            std::fs::remove_dir(scene.path("many")).unwrap();
        }
    }
}

#[test]
fn a_recipe_says_all_and_no_path() {
    let scene = Scene::new();
    let hash = Checkpoint::open(scene.path("net.safetensors")).unwrap().hash();
    let version = env!("CARGO_PKG_VERSION");
    scene.draws("sample --checkpoint net.safetensors --seeds 0-2,9 --out a.png");
    assert_eq!(
        recipe(&scene, "a.png"),
        format!(
            r#"{{"program":"stylegan {version}","checkpoint":"{hash}","command":"sample","seeds":"0-2,9","grid":"2x2","#
        ) + r#""seed_style":"native","class":null,"truncation_psi":0.7,"truncation_cutoff":8,"#
            + r#""noise_mode":"const","noise_seed":0}"#
    );
    let software = read_text(&scene.path("a.png"), "Software").unwrap();
    assert_eq!(software, Some(format!("stylegan {version}")));
    scene.checkpoint("labels.safetensors", 1.0, 3);
    scene.draws("sample --checkpoint labels.safetensors --class 2 --seeds 1 --out b.png");
    assert!(recipe(&scene, "b.png").contains(r#""class":2"#));
    scene.draws("sample --checkpoint labels.safetensors --like b.png --out again.png");
    assert_eq!(scene.bytes("again.png"), scene.bytes("b.png"));
}

#[test]
fn the_grid_of_a_training_is_drawn_again() {
    let scene = train::scene();
    // A snapshot at every tick; in the first, the network is half as large as it will be.
    let kept = "--set run.snapshot_ticks=1 --set run.keep_last=10";
    train::train(&scene, kept);
    let run = "runs/00000-tiny";
    let named = |prefix: &str| {
        let mut names = scene.names(run);
        names.retain(|name| name.starts_with(prefix) && name.contains("000000.016"));
        assert_eq!(names.len(), 1, "{names:?}");
        format!("{run}/{}", names[0])
    };
    let (fakes, snapshot) = (named("fakes"), named("network-snapshot-"));
    let said = scene.draws(&format!("sample --like {fakes} --checkpoint {snapshot} --out again.png"));
    assert!(said.ends_with("of 48x32 again to `again.png`\n"), "{said}");
    assert!(scene.picture("again.png") == scene.picture(&fakes), "other pixels");
    let told = scene.run(&format!("inspect {fakes}")).stdout;
    assert!(
        told.contains(
            "\nnetwork      of a training, at 0.016 kimg\nseeds        0  1  2\n             3  4  5\n"
        ),
        "{told}"
    );

    // The newest snapshot is a later one.
    let refused = scene.run(&format!("sample --like {fakes} --checkpoint {run} --out b.png"));
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("was drawn from a training at 0.016 kimg ("), "{}", refused.stderr);
    assert!(refused.stderr.contains("is a training at 0.048 kimg ("), "{}", refused.stderr);
}

#[test]
fn what_cannot_be_drawn_again_says_why() {
    let scene = Scene::new();
    scene.checkpoint("other.safetensors", 1.0, 0);
    let hash = |name: &str| Checkpoint::open(scene.path(name)).unwrap().hash();
    scene.draws("sample --checkpoint net.safetensors --seeds 3 --out a.png");
    scene.refuses(
        "sample --checkpoint other.safetensors --like a.png --out b.png",
        1,
        &format!(
            "error: `a.png` was drawn from the checkpoint {}, but `other.safetensors` is the checkpoint {}\n\n\
             hint: `stylegan inspect CHECKPOINT` says the hash of each\n",
            hash("net.safetensors"),
            hash("other.safetensors")
        ),
    );
    RgbImage::new(3, 2).save(scene.path("plain.png")).unwrap();
    scene.refuses(
        &format!("{LIKE} plain.png --out b.png"),
        1,
        "error: `plain.png` has no recipe in it\n\n\
         hint: `stylegan sample`, `mix`, `figure` and `interpolate` write one into every PNG; most programs that \
         change a picture leave it out\n",
    );
    scene.refuses(
        &format!("{LIKE} net.safetensors --out b.png"),
        1,
        "error: `net.safetensors` cannot be read as a PNG picture\ncaused by: Invalid PNG signature.\n",
    );
    scene.refuses(
        &format!("{LIKE} a.png --out many"),
        2,
        "error: `--out many` is no PNG file\n\nhint: a picture is drawn again as one, `--out NAME.png`\n",
    );
    scene.refuses(
        &format!("{LIKE} a.png --out a.png"),
        1,
        "error: `a.png` exists; nothing was overwritten\n\nhint: give another name, or `--force` to overwrite it\n",
    );
    for option in ["--seeds 1", "--truncation-psi 0.5", "--class 0", "--grid 1x1", "--seed-style numpy"] {
        let ran = scene.run(&format!("{LIKE} a.png {option} --out b.png"));
        assert_eq!(ran.code, 2, "{option}");
        assert!(ran.stderr.contains("cannot be used with"), "{option}: {}", ran.stderr);
    }
}

#[test]
fn latents_must_be_those_of_the_recipe() {
    let scene = Scene::new();
    for (name, value) in [("z.safetensors", 0.5f32), ("other.safetensors", 0.25)] {
        let z = Tensor::full(value, (1, 12), &Device::Cpu).unwrap();
        candle_core::safetensors::save(&HashMap::from([("z", z)]), scene.path(name)).unwrap();
    }
    let hash = |name: &str| blake3::hash(&scene.bytes(name)).to_hex().to_string()[..16].to_owned();
    let (own, other) = (hash("z.safetensors"), hash("other.safetensors"));
    scene.draws("sample --checkpoint net.safetensors --latents z.safetensors --out a.png");
    scene.refuses(
        &format!("{LIKE} a.png --out b.png"),
        2,
        &format!(
            "error: `a.png` was drawn from the latents {own}, which are needed\n\n\
             hint: give their file, `--latents FILE.safetensors`\n"
        ),
    );
    scene.refuses(
        &format!("{LIKE} a.png --latents other.safetensors --out b.png"),
        1,
        &format!("error: `a.png` was drawn from the latents {own}, but `other.safetensors` is {other}\n"),
    );
    scene.draws("sample --checkpoint net.safetensors --seeds 1 --out seed.png");
    scene.refuses(
        &format!("{LIKE} seed.png --latents z.safetensors --out b.png"),
        2,
        "error: `--latents` was given, but `seed.png` was drawn from seeds, which its recipe names\n",
    );
}

#[test]
fn a_recipe_may_ask_for_anything() {
    let scene = Scene::new();
    scene.draws("sample --checkpoint net.safetensors --seeds 3 --out a.png");
    let good = recipe(&scene, "a.png");
    let picture = DynamicImage::from(scene.picture("a.png"));
    for (from, to, words) in [
        (
            r#""seeds":"3""#,
            r#""seeds":"0-1000000""#,
            "the recipe in `bad.png` cannot be understood: more than 1,000,000",
        ),
        (r#""grid":"1x1""#, r#""grid":"100000x100000""#, "100000x100000 pictures of 16x16 make a picture of"),
        (
            r#""command":"sample""#,
            "\"command\":\"\\u001b[2J\"",
            "cannot be understood: unknown variant `[2J`",
        ),
        (r#""seed_style":"native""#, r#""seed_style":"numpy","wings":2"#, "unknown key `wings`"),
        ("\"seeds\":\"3\",\"grid\":\"1x1\"", r#""seeds":"3""#, "missing field `grid`"),
        (
            r#""command":"sample","seeds":"3","grid":"1x1""#,
            r#""command":"mix","rows":"0","cols":"1","styles":"0-999999""#,
            "layer 6 is asked for, but the network has 6 layers",
        ),
        (
            r#""command":"sample""#,
            r#""command":"interpolate","space":"w","frames":4,"loop":false,"shown":"0""#,
            "a walk needs at least two seeds",
        ),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        save_png_with_texts(&scene.path("bad.png"), &picture, &[("stylegan", &bad)], true).unwrap();
        let before = scene.names("");
        let ran = scene.run(&format!("{LIKE} bad.png --out b.png"));
        assert!(matches!(ran.code, 1 | 2), "{bad}: {}", ran.stderr);
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("panicked"), "{bad}: {}", ran.stderr);
        assert_eq!(scene.names(""), before, "{bad}");
    }
}
