//! `stylegan interpolate`

use std::fs::File;
use std::io::BufReader;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, GenericImageView};

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
fn what_is_no_walk() {
    let scene = Scene::new();
    scene.refuses(
        "interpolate --checkpoint net.safetensors --seeds 3 --out out.gif",
        2,
        "error: a walk needs at least two seeds\n\nhint: `--seeds 0,1` walks from seed 0 to seed 1\n",
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
