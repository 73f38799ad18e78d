//! `stylegan project`: from photos to latents that draw them.

use std::fs;
use std::process::{Command as Process, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use image::{GenericImageView, RgbImage};

use crate::scene::Scene;

/// A projection by pixels alone, of few steps.
const PROJECT: &str = "project --checkpoint net.safetensors --perceptual pixels --steps 8";

/// The picture at the right of two.
fn right(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    picture.view(width / 2, 0, width / 2, height).to_image()
}

#[test]
fn a_photo_becomes_latents_that_draw_it() {
    let scene = Scene::new();
    scene.draws("sample --checkpoint net.safetensors --seeds 3 --out own");
    let said = scene.draws(&format!("{PROJECT} own/seed0003.png --out found"));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("`seed0003.png`: PSNR ") && lines[0].ends_with(" dB"), "{said}");
    assert_eq!(lines[1], "wrote 1 projection to `found`");
    assert_eq!(
        scene.names("found"),
        ["latents.safetensors", "proj.gif", "proj.png", "project.json", "projected_w.npz", "target.png"]
    );
    assert_eq!(scene.picture("found/target.png"), scene.picture("own/seed0003.png"));
    let pair = scene.picture("found/proj.png");
    assert_eq!(pair.dimensions(), (32, 16));
    // What it says draws the projection again, from either file.
    let told = lines[2].split('`').nth(1).unwrap().strip_prefix("stylegan ").unwrap();
    scene.draws(told);
    assert_eq!(scene.picture("again.png"), right(&pair));
    scene.draws("sample --checkpoint net.safetensors --latents found/projected_w.npz --out numpy.png");
    assert_eq!(scene.picture("numpy.png"), right(&pair));
    let record: serde_json::Value = serde_json::from_slice(&scene.bytes("found/project.json")).unwrap();
    assert_eq!(record["perceptual"], "pixels");
    assert_eq!(record["projected"][0]["fitted"], "as it is");
    scene.refuses(
        &format!("{PROJECT} own/seed0003.png --out found"),
        1,
        "error: `found/latents.safetensors` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    scene.draws(&format!("{PROJECT} own/seed0003.png --out found --space w_plus --no-film --force"));
    scene.draws(
        "sample --checkpoint net.safetensors --latents found/latents.safetensors --out again.png --force",
    );
    assert_eq!(scene.picture("again.png"), right(&scene.picture("found/proj.png")));
}

#[test]
fn photos_of_any_size_are_fitted_and_do_not_know_of_each_other() {
    let scene = Scene::new();
    scene.photos("photos", 3, (50, 40));
    let said =
        scene.draws(&format!("{PROJECT} photos/00.png photos/01.png photos/02.png --out all --no-film"));
    assert!(said.starts_with("no face was found in `photos/00.png`: its middle is taken\n"), "{said}");
    assert!(said.contains("wrote 3 projections to `all`"), "{said}");
    let said = scene.draws(&format!("{PROJECT} photos/00.png --out one --align off"));
    assert!(!said.contains("face"), "{said}");
    assert_eq!(scene.picture("all/proj0000.png"), scene.picture("one/proj.png"));
    assert_eq!(scene.picture("all/target0000.png"), scene.picture("one/target.png"));
    let together = "photos/00.png photos/01.png photos/02.png --out beside --no-film --batch 2 --align off";
    scene.draws(&format!("{PROJECT} {together}"));
    let near = |a: u8, b: u8| a.abs_diff(b) < 3;
    for name in ["proj0000.png", "proj0002.png"] {
        let [a, b] = ["all", "beside"].map(|folder| scene.picture(&format!("{folder}/{name}")).into_raw());
        assert!(a.iter().zip(&b).all(|(&a, &b)| near(a, b)), "{name}");
    }
}

#[test]
fn networks_of_any_kind_are_projected_into() {
    let scene = Scene::empty();
    scene.photos("photos", 1, (50, 40));
    scene.checkpoint_with("net.safetensors", 0.0, stylegan_generator::SeedStyle::Native, |generator| {
        generator.label_dim = 3;
        generator.num_channels = 1;
        generator.resolution = "12x8".parse().unwrap();
    });
    scene.draws(&format!("{PROJECT} photos/00.png --class 2 --optimize-noise --out found"));
    assert_eq!(scene.picture("found/proj.png").dimensions(), (24, 8));
    let noisy = right(&scene.picture("found/proj.png"));
    let sample = "sample --checkpoint net.safetensors --latents found/latents.safetensors --truncation-psi 1";
    scene.draws(&format!("{sample} --out again.png"));
    assert_eq!(scene.picture("again.png"), noisy);
    scene.draws(&format!("{sample} --noise-mode none --out plain.png"));
    assert_ne!(scene.picture("plain.png"), noisy);
    scene.draws(
        "sample --checkpoint net.safetensors --latents found/latents.safetensors --like again.png --out like.png",
    );
    assert_eq!(scene.picture("like.png"), noisy);
    scene.draws(&format!("{sample} --save-latents saved.safetensors --out saved.png"));
    scene.draws(
        "sample --checkpoint net.safetensors --latents saved.safetensors --truncation-psi 1 --out same.png",
    );
    assert_eq!(scene.picture("same.png"), noisy);
    scene.refuses(
        &format!("{PROJECT} photos/00.png --out other"),
        2,
        "error: this network has 3 labels, but no `--class` was given\n\n\
         hint: `--class N` takes a number from 0 to 2\n",
    );
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_and_the_same_command_goes_on() {
    let scene = Scene::new();
    scene.photos("photos", 1, (16, 16));
    let arguments = "project --checkpoint net.safetensors --perceptual pixels --steps 1500 photos/00.png --optimize-noise";
    let command = |out: &str| format!("{arguments} --out {out}");
    let mut child = Process::new(cargo_bin!("stylegan"))
        .args(shlex::split(&command("stopped")).unwrap())
        .current_dir(scene.path(""))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let state = scene.path("stopped/state0000.safetensors");
    let started = Instant::now();
    while !state.exists() && started.elapsed() < Duration::from_mins(1) {
        sleep(Duration::from_millis(5));
    }
    let killed = Process::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(scene.names("stopped"), ["state0000.safetensors"]);
    // Another projection does not take it.
    scene.refuses(
        &format!("{} --seed 1", command("stopped")),
        1,
        "error: `stopped/state0000.safetensors` is the state of another projection: `seed` differs\n\n\
         hint: `--force` starts anew, and so does another folder\n",
    );
    scene.draws(&command("stopped"));
    scene.draws(&command("whole"));
    let names = scene.names("whole");
    assert_eq!(scene.names("stopped"), names);
    for name in names {
        assert!(scene.bytes(&format!("stopped/{name}")) == scene.bytes(&format!("whole/{name}")), "{name}");
    }
    // What is no state is not gone on from.
    fs::create_dir(scene.path("damaged")).unwrap();
    fs::write(scene.path("damaged/state0000.safetensors"), "no state").unwrap();
    let ran = scene.run(&command("damaged"));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("`damaged/state0000.safetensors`"), "{}", ran.stderr);
    assert!(
        ran.stderr.ends_with("hint: `--force` starts anew, and so does another folder\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_cannot_be_projected() {
    let scene = Scene::new();
    scene.photos("photos", 1, (16, 16));
    fs::write(scene.path("text.png"), "no picture").unwrap();
    scene.checkpoint_with("plain.safetensors", 0.0, stylegan_generator::SeedStyle::Native, |generator| {
        generator.noise = false;
    });
    for (arguments, code, words) in [
        ("photos/01.png --out out", 1, "`photos/01.png` does not exist"),
        ("text.png --out out", 1, "`text.png`"),
        ("photos/00.png --out out.png", 2, "`--out out.png` is a file by its name, not a folder"),
        ("photos/00.png --out missing/out", 1, "the folder `missing` does not exist"),
        ("photos/00.png --out out --noise-weight 1", 2, "--optimize-noise"),
        ("photos/00.png --out out --space z", 2, "invalid value 'z'"),
        ("--out out", 2, "<PHOTO>"),
    ] {
        let before = scene.names("");
        let ran = scene.run(&format!("{PROJECT} {arguments}"));
        assert_eq!(ran.code, code, "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{arguments}: {}", ran.stderr);
        assert_eq!(scene.names(""), before, "{arguments}");
    }
    let photos = "photos/00.png ".repeat(257);
    scene.refuses(
        &format!("{PROJECT} {photos} --out out"),
        2,
        "error: 257 photos are more than 256\n\nhint: several commands take them in parts\n",
    );
    scene.refuses(
        "project --checkpoint plain.safetensors --perceptual pixels photos/00.png --optimize-noise --out out",
        1,
        "error: this network has no noise, so there is none to be optimized\n\nhint: leave `--optimize-noise` out\n",
    );
    fs::create_dir(scene.path("nothing")).unwrap();
    let ran = scene.run(
        "project --checkpoint net.safetensors --perceptual lpips --weights nothing photos/00.png --out out",
    );
    // Where this machine has the weights, they are taken.
    if ran.code != 0 {
        assert!(ran.stderr.starts_with("error: the weights of `vgg16` are not there\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: download https://"), "{}", ran.stderr);
    }
}
