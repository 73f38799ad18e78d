//! `stylegan interpolate`

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Cursor};

use candle_core::{Device, Tensor};
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::{AnimationDecoder, DynamicImage, GenericImageView, RgbImage};

use crate::scene::Scene;

const WALK: &str = "interpolate --checkpoint net.safetensors --seeds 3,5";

#[test]
fn a_walk_starts_and_ends_at_its_seeds() {
    let scene = Scene::new();
    scene.draws("sample --checkpoint net.safetensors --seeds 3,5 --out single");
    for space in ["w", "z"] {
        let words = scene.draws(&format!("{WALK} --space {space} --frames 4 --out {space}"));
        assert_eq!(words, format!("wrote 4 frames of 16x16 to `{space}`\n"));
        let frames = scene.names(space);
        assert_eq!(frames, ["frame0000.png", "frame0001.png", "frame0002.png", "frame0003.png"]);
        let [first, last] =
            ["frame0000.png", "frame0003.png"].map(|name| scene.picture(&format!("{space}/{name}")));
        assert_eq!(first, scene.picture("single/seed0003.png"), "{space}");
        assert_eq!(last, scene.picture("single/seed0005.png"), "{space}");
    }
    // In between, straight lines of one space are none of the other.
    assert_ne!(scene.picture("w/frame0001.png"), scene.picture("z/frame0001.png"));
}

#[test]
fn a_strip_shows_the_frames_of_the_folder() {
    let scene = Scene::new();
    scene.draws(&format!("{WALK} --frames 3 --loop --out frames"));
    scene.draws(&format!("{WALK} --frames 3 --loop --out strip.png"));
    let strip = scene.picture("strip.png");
    assert_eq!(strip.dimensions(), (48, 16));
    for frame in 0..3 {
        let cell = strip.view(frame * 16, 0, 16, 16).to_image();
        assert_eq!(cell, scene.picture(&format!("frames/frame000{frame}.png")));
    }
    scene.draws(&format!("{WALK} --frames 12 --out grid.png"));
    assert_eq!(scene.picture("grid.png").dimensions(), (64, 48));
}

#[test]
fn a_film_has_its_frames_and_its_speed() {
    let scene = Scene::new();
    for name in ["a.gif", "b.gif"] {
        scene.draws(&format!("{WALK} --frames 5 --fps 25 --loop --out {name}"));
    }
    assert_eq!(scene.bytes("a.gif"), scene.bytes("b.gif"));
    let decoder = GifDecoder::new(BufReader::new(File::open(scene.path("a.gif")).unwrap())).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 5);
    for frame in frames {
        assert_eq!(frame.buffer().dimensions(), (16, 16));
        assert_eq!(frame.delay().numer_denom_ms(), (40, 1));
    }
}

#[test]
fn films_of_every_format() {
    let scene = Scene::new();
    let words = scene.draws(&format!("{WALK} --seconds 0.5 --fps 60 --out walk.apng"));
    assert_eq!(words, "wrote 30 frames of 16x16 to `walk.apng`\n");
    let decoder = PngDecoder::new(Cursor::new(scene.bytes("walk.apng"))).unwrap();
    let frames = decoder.apng().unwrap().into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 30);
    // Nothing is lost.
    scene.draws(&format!("{WALK} --frames 30 --out frames"));
    let shown = DynamicImage::from(frames[7].buffer().clone()).to_rgb8();
    assert_eq!(shown, scene.picture("frames/frame0007.png"));

    scene.draws(&format!("{WALK} --frames 4 --grid 1x1 --out walk.mp4"));
    assert_eq!(&scene.bytes("walk.mp4")[4..8], b"ftyp");
}

#[test]
fn walks_stand_side_by_side() {
    let scene = Scene::new();
    let walk = "interpolate --checkpoint net.safetensors --frames 3 --noise-mode none";
    scene.draws(&format!("{walk} --seeds 1-4 --grid 2x1 --out both"));
    let both = scene.picture("both/frame0001.png");
    assert_eq!(both.dimensions(), (32, 16));
    for (walked, seeds) in ["1,2", "3,4"].into_iter().enumerate() {
        scene.draws(&format!("{walk} --seeds {seeds} --out {walked}"));
        let cell = both.view(walked as u32 * 16, 0, 16, 16).to_image();
        assert_eq!(cell, scene.picture(&format!("{walked}/frame0001.png")), "{seeds}");
    }
    scene.draws("sample --checkpoint net.safetensors --like both/frame0001.png --out again.png");
    assert_eq!(scene.picture("again.png"), both);
}

#[test]
fn ways_and_speeds() {
    let scene = Scene::new();
    let walk = "interpolate --checkpoint net.safetensors --noise-mode none";
    for (out, flags) in [
        ("straight", "--seeds 1-3 --frames 5"),
        ("spline", "--seeds 1-3 --frames 5 --walk spline"),
        ("eased", "--seeds 1-3 --frames 9 --easing in-out"),
        ("coarse", "--seeds 1,2 --frames 3 --layers 0-1"),
        ("smooth", "--seeds 1 --frames 8 --fps 4 --walk smooth --smoothing 0.5"),
    ] {
        scene.draws(&format!("{walk} {flags} --out {out}"));
        let picture = scene.picture(&format!("{out}/frame0001.png"));
        scene.draws(&format!(
            "sample --checkpoint net.safetensors --like {out}/frame0001.png --out again-{out}.png"
        ));
        assert_eq!(scene.picture(&format!("again-{out}.png")), picture, "{out}");
    }
    let frame = |walk: &str, frame: u32| scene.picture(&format!("{walk}/frame{frame:04}.png"));
    assert_eq!(frame("spline", 2), frame("straight", 2), "all ways visit the seeds");
    assert_ne!(frame("spline", 1), frame("straight", 1));
    assert_eq!(frame("eased", 2), frame("straight", 1), "half of the way is half of the way");
    assert_ne!(frame("eased", 1), frame("eased", 0));

    // Colors stay: the layers that go end where a mix has them.
    scene.draws(
        "mix --checkpoint net.safetensors --noise-mode none --rows 1 --cols 2 --styles 0-1 --out mix.png",
    );
    assert_eq!(frame("coarse", 2), scene.picture("mix.png").view(18, 18, 16, 16).to_image());

    let steps: Vec<u64> =
        (0..8).map(|at| difference(&frame("smooth", at), &frame("smooth", (at + 1) % 8))).collect();
    let (least, most) = (steps.iter().min().unwrap(), steps.iter().max().unwrap());
    assert!(
        *least > 0 && *most < 8 * least,
        "a smooth walk has no jump, not even from its end to its start: {steps:?}"
    );
}

fn difference(a: &RgbImage, b: &RgbImage) -> u64 {
    a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
}

#[test]
fn latents_of_a_file_are_visited() {
    let scene = Scene::new();
    let z: Vec<f32> = (1..=3 * 12).map(|index| (index * index) as f32).map(f32::sin).collect();
    let z = Tensor::from_vec(z, (3, 12), &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("z", z)]), scene.path("z.safetensors")).unwrap();
    let walk = "interpolate --checkpoint net.safetensors --noise-mode none --latents z.safetensors";
    scene.draws("sample --checkpoint net.safetensors --noise-mode none --latents z.safetensors --out rows");
    scene.draws("sample --checkpoint net.safetensors --noise-mode none --seeds 5 --out seed");
    scene.draws(&format!("{walk} --frames 3 --out all"));
    scene.draws(&format!("{walk} --seeds 5,@2 --frames 2 --out one"));
    for (frame, like) in [
        ("all/frame0000.png", "rows/latent0000.png"),
        ("all/frame0002.png", "rows/latent0002.png"),
        ("one/frame0000.png", "seed/seed0005.png"),
        ("one/frame0001.png", "rows/latent0002.png"),
    ] {
        assert_eq!(scene.picture(frame), scene.picture(like), "{frame}");
    }
    let like = "sample --checkpoint net.safetensors --like one/frame0001.png --out again.png";
    assert_eq!(scene.run(like).code, 2, "the file is needed");
    scene.draws(&format!("{like} --latents z.safetensors"));
    assert_eq!(scene.picture("again.png"), scene.picture("one/frame0001.png"));
    assert_eq!(scene.run(&format!("{walk} --seeds 1,@3 --out new")).code, 2, "there is no row 3");
}

#[test]
fn what_is_no_walk() {
    let scene = Scene::new();
    scene.refuses(
        "interpolate --checkpoint net.safetensors --seeds 3 --out out.gif",
        2,
        "error: a walk needs at least two seeds\n\nhint: `--seeds 0,1` walks from seed 0 to seed 1\n",
    );
    scene.refuses(
        &format!("{WALK} --frames 2 --out out.webm"),
        1,
        "error: `out.webm` is of a format that `ffmpeg` alone writes\n\n\
         hint: `--ffmpeg` has it do so where it is installed; `.mp4`, `.apng` and `.gif` need nothing\n",
    );
    scene.refuses(
        &format!("{WALK},@0 --frames 2 --out new.gif"),
        2,
        "error: `@` stands for rows of a file of latents, but none was given\n\nhint: `--latents FILE` names it\n",
    );
    scene.refuses(
        &format!("{WALK} --fps 60 --frames 2 --out new.gif"),
        2,
        "error: `--fps 60`: a GIF shows 1 to 50 frames a second, not 60\n\n\
         hint: an animated PNG or an MP4 may be faster, `.apng` or `.mp4`\n",
    );
    std::fs::write(scene.path("out.gif"), "precious").unwrap();
    scene.refuses(
        &format!("{WALK} --frames 2 --out out.gif"),
        1,
        "error: `out.gif` exists; nothing was overwritten\n\nhint: give another name, or `--force` to overwrite it\n",
    );
    scene.refuses(
        &format!("{WALK} --frames 2 --out out.safetensors"),
        2,
        "error: `--out out.safetensors`: a walk is written as pictures\n\n\
         hint: `stylegan sample` writes the numbers of seeds or latents\n",
    );
    for wrong in ["--frames 0", "--fps 51", "--fps 0", "--space x"] {
        let ran = scene.run(&format!("{WALK} {wrong} --out new.gif"));
        assert_eq!(ran.code, 2, "{wrong}: {}", ran.stderr);
    }
    assert_eq!(scene.bytes("out.gif"), b"precious");
}
