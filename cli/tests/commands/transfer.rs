//! `stylegan transfer`: a decoder is trained and draws pictures in styles.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use candle_core::{DType, Device};
use image::{GrayImage, Luma};
use stylegan_ops::{Key, Parameters};
use stylegan_transfer::{Decoder, DecoderConfig, EncoderConfig, decoder_file};

use crate::scene::{Ran, Scene};

/// A training of six steps on crops of 16x16, in ticks of three.
const TINY: &str = "--set run.name=tiny --set run.grid=[2,2] --set run.tick_kimg=0.006 --set run.snapshot_ticks=1 \
     --set decoder.widths=[4,6,8] --set schedule.batch=2 --set data.side=32 --set data.crop=16";

/// The layers of VGG19 with made-up numbers, as this program keeps them.
fn weights() -> PathBuf {
    static WEIGHTS: OnceLock<PathBuf> = OnceLock::new();
    let path = WEIGHTS.get_or_init(|| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("random-vgg19.safetensors");
        if !path.is_file() {
            let partial = path.with_extension(std::process::id().to_string());
            fs::write(&partial, vgg19()).unwrap();
            fs::rename(&partial, &path).unwrap();
        }
        path
    });
    path.clone()
}

/// A number from 0 to 1 that looks like chance (Steele et al. 2014, `SplitMix`).
fn uniform(seed: u64, at: u64) -> f32 {
    let mut x = (at + (seed << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 40) as f32 / (1 << 24) as f32
}

/// A safetensors file, written by hand so that nothing else decides its texts.
fn vgg19() -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::<u8>::new());
    header.insert(
        "__metadata__".to_owned(),
        serde_json::json!({ "weights": "vgg19", "sha256": "5".repeat(64) }),
    );
    let mut add = |name: String, shape: &[usize], value: &dyn Fn(usize) -> f32| {
        let start = data.len();
        for at in 0..shape.iter().product() {
            data.extend(value(at).to_le_bytes());
        }
        let tensor =
            serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] });
        header.insert(name, tensor);
    };
    let mut from: usize = 3;
    for (block, (width, count)) in [(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)].into_iter().enumerate() {
        for number in 1..=count {
            let name = format!("conv{}_{number}", block + 1);
            let scale = (24.0 / (9 * from) as f32).sqrt();
            let value = |at: usize| (uniform((from + number) as u64, at as u64) - 0.5) * scale;
            add(format!("{name}.weight"), &[width, from, 3, 3], &value);
            add(format!("{name}.bias"), &[width], &|_| 0.0);
            from = width;
        }
    }
    add("colors.mean".to_owned(), &[3], &|_| 127.5);
    add("colors.deviation".to_owned(), &[3], &|_| 64.0);
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    file
}

/// A folder with contents, styles and a decoder, `decoder.safetensors`.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.photos("contents", 3, (32, 32));
    scene.photos("styles", 4, (40, 36));
    scene
}

fn command(arguments: &str) -> String {
    format!("transfer {arguments} --weights {}", weights().display())
}

fn train(scene: &Scene, options: &str) -> Ran {
    scene.run(&command(&format!("train --content contents --style styles {TINY} {options}")))
}

/// A scene in which a decoder was trained, and how it is asked to draw.
fn trained() -> Scene {
    let scene = scene();
    let ran = train(&scene, "--kimg 0.006");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene
}

/// A scene with a decoder that draws something, which one of a few iterations does not.
fn drawing() -> Scene {
    let scene = scene();
    let config = DecoderConfig { features: 512, widths: [4, 6, 8] };
    let parameters = Parameters::new(Key::new("decoder", &[0]));
    Decoder::new(config, &parameters.builder(DType::F32, &Device::Cpu)).unwrap();
    for (name, var) in parameters.vars() {
        let value = match name.as_str() {
            "conv1_1.weight" => var.affine(0.05, 0.0),
            "conv1_1.bias" => var.affine(1.0, 0.5),
            name if name.ends_with("bias") => var.affine(1.0, 0.1),
            _ => continue,
        };
        var.set(&value.unwrap()).unwrap();
    }
    let file = decoder_file(EncoderConfig::default(), config, &parameters, 0).unwrap();
    file.save_new(&scene.path("decoder.safetensors"), false).unwrap();
    scene
}

fn apply(options: &str) -> String {
    command(&format!("apply --checkpoint decoder.safetensors {options}"))
}

#[test]
fn a_decoder_is_trained_stopped_and_gone_on_with() {
    let scene = scene();
    let ran = train(&scene, "--kimg 0.012");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("Decoder   4, 6 and 8 channels, for the encoder `vgg19`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nfinished  at 0.012 kimg"), "{}", ran.stderr);
    let names = scene.names("runs/00000-tiny");
    for name in ["config.toml", "contents.json", "styles.json", "stats.jsonl", "styled000000.012.png"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    // Two packs, which the next training does not take away.
    assert_eq!(scene.names("runs/.cache").len(), 2);
    let longer = train(&scene, "--kimg 0.018 --json");
    assert_eq!(longer.code, 0, "{}", longer.stderr);
    assert!(longer.stdout.contains(r#""event":"stopped","finished":true,"kimg":0.018"#), "{}", longer.stdout);
    assert!(scene.names("runs/00000-tiny").iter().any(|name| name == "styled000000.018.png"));
    assert_eq!(scene.names("runs/.cache").len(), 2);
}

#[test]
fn pictures_are_drawn_in_styles() {
    let scene = drawing();
    let said = scene.draws(&apply("--content contents/00.png --style styles/01.png --out one.png"));
    assert_eq!(said, "wrote 1 picture to `one.png`\n");
    assert_eq!(scene.picture("one.png").dimensions(), (32, 32));
    scene.draws(&apply("--content contents/00.png --style styles/01.png --out again.png"));
    assert!(scene.bytes("one.png") == scene.bytes("again.png"));

    scene.draws(&apply("--content contents/00.png contents/01.png --style styles/00.png styles/01.png styles/02.png --out all"));
    let names = scene.names("all");
    assert_eq!((names.len(), names[1].as_str()), (6, "00-01.png"));
    assert!(scene.picture("all/00-01.png") == scene.picture("one.png"));
    scene.draws(&apply("--content contents/00.png contents/01.png --style styles/00.png styles/01.png styles/02.png --out all.png"));
    // Three styles and two contents, with four pixels between them.
    assert_eq!(scene.picture("all.png").dimensions(), (4 * 32 + 3 * 4, 3 * 32 + 2 * 4));

    let alone = "--content contents/00.png --style styles/01.png";
    scene.draws(&apply(&format!("{alone} --sweep 5 --out strip.png")));
    assert_eq!(scene.picture("strip.png").dimensions(), (5 * 32 + 4 * 4, 32));
    scene.draws(&apply(&format!("{alone} --sweep 5 --out sweep.gif")));
    assert_eq!(&scene.bytes("sweep.gif")[..6], b"GIF89a");
    scene.draws(&apply(&format!("{alone} --alpha 0.5 --sweep 2 --out sweep")));
    assert_eq!(scene.names("sweep"), ["00-01-0000.png", "00-01-0001.png"]);
    scene.draws(&apply(&format!("{alone} --alpha 0.5 --out half.png")));
    assert!(scene.picture("sweep/00-01-0001.png") == scene.picture("half.png"));
    scene.draws(&apply(&format!("{alone} --keep-color --out color.png")));
    assert!(scene.picture("color.png") != scene.picture("one.png"));
}

#[test]
fn styles_are_mixed_and_kept_apart() {
    let scene = drawing();
    let two = "--content contents/00.png --style styles/01.png styles/02.png";
    scene.draws(&apply("--content contents/00.png --style styles/01.png --out one.png"));
    scene.draws(&apply(&format!("{two} --style-weights 1,0 --out first.png")));
    assert!(scene.picture("first.png") == scene.picture("one.png"));
    scene.draws(&apply(&format!("{two} --style-weights 1,3 --out between.png")));
    assert!(scene.picture("between.png") != scene.picture("one.png"));

    GrayImage::from_pixel(4, 4, Luma([255])).save(scene.path("white.png")).unwrap();
    GrayImage::from_fn(32, 32, |x, _| Luma([if x < 16 { 0 } else { 255 }]))
        .save(scene.path("right.png"))
        .unwrap();
    scene.draws(&apply(&format!("{two} --mask white.png right.png --out masks.png")));
    assert!(scene.picture("masks.png") != scene.picture("one.png"));

    let said = scene.run("inspect masks.png").stdout;
    for part in
        ["picture of `stylegan transfer apply`", "content      file ", " is white\n", "alpha        1\n"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn seeds_are_drawn_in_styles() {
    let scene = drawing();
    scene.draws(&apply("--content-checkpoint net.safetensors --seeds 3-4 --style styles/01.png --out seeds"));
    assert_eq!(scene.names("seeds"), ["seed0003-01.png", "seed0004-01.png"]);
    assert_eq!(scene.picture("seeds/seed0003-01.png").dimensions(), (16, 16));
    let said = scene.run("inspect seeds/seed0003-01.png").stdout;
    assert!(said.contains("content      seed 3 of the checkpoint "), "{said}");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_drawn() {
    let scene = scene();
    let one = "--content contents/00.png --style styles/01.png";
    let refused = |options: &str, code: i32, words: &str| {
        let before = scene.names("");
        let ran = scene.run(&command(&format!("apply --checkpoint net.safetensors {options}")));
        assert!(ran.code == code && ran.stderr.contains(words), "{options}: {}: {}", ran.code, ran.stderr);
        assert_eq!(scene.names(""), before, "{options}");
    };
    refused(&format!("{one} --out a.gif"), 2, "a film is a sweep of one content and one style");
    refused(&format!("{one} --out a.safetensors"), 2, "is no picture by its name");
    refused(
        &format!("{one} --style-weights 1,2 --out a.png"),
        2,
        "`--style-weights` has 2 values, but `--style` 1",
    );
    refused(&format!("{one} --style-weights 0 --out a.png"), 2, "`--style-weights` are all 0");
    refused(&format!("{one} --mask a.png b.png --out a.png"), 2, "`--mask` has 2 values, but `--style` 1");
    refused(
        "--content contents/00.png contents/00.png --style styles/01.png --out x",
        2,
        "two results would be called `00-01.png`",
    );
    refused("--style styles/01.png --out a.png", 2, "--content");
    // A generator is no decoder.
    refused(&format!("{one} --out a.png"), 1, "holds no decoder of a style transfer");
    fs::write(scene.path("a.png"), "mine").unwrap();
    refused(&format!("{one} --out a.png"), 1, "exists; nothing was overwritten");
}

#[test]
fn a_decoder_is_no_generator() {
    let scene = trained();
    let ran = scene.run("sample --checkpoint runs/00000-tiny --seeds 1 --out a.png");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("holds the decoder of a style transfer, no generator"), "{}", ran.stderr);
    assert!(ran.stderr.contains("stylegan transfer apply --checkpoint"), "{}", ran.stderr);
    scene.photos("small", 1, (20, 8));
    let decoder = "--checkpoint runs/00000-tiny --content contents/00.png";
    let ran = scene.run(&command(&format!("apply {decoder} --style small/00.png --out a.png")));
    assert!(ran.stderr.contains("is 20x8, but 9 pixels along each side is the least"), "{}", ran.stderr);
}

#[test]
fn decoders_are_written_in_half_the_size() {
    let scene = Scene::empty();
    let parameters = Parameters::new(Key::new("decoder", &[]));
    let config = DecoderConfig { widths: [4, 6, 8], ..DecoderConfig::default() };
    Decoder::new(config, &parameters.builder(DType::F32, &Device::Cpu)).unwrap();
    let file = decoder_file(EncoderConfig::default(), config, &parameters, 9).unwrap();
    file.save_new(&scene.path("decoder.safetensors"), false).unwrap();
    let words = scene.draws("convert decoder.safetensors half.safetensors --dtype f16");
    assert!(words.starts_with("wrote the decoder to `half.safetensors`"), "{words}");
    let [whole, half] = ["decoder", "half"].map(|name| scene.bytes(&format!("{name}.safetensors")).len());
    assert!(half < whole * 6 / 10, "{half} of {whole}");
    scene.refuses(
        "convert decoder.safetensors half.safetensors",
        1,
        "error: `half.safetensors` exists; nothing was overwritten\n\nhint: give another name, or `--force` to overwrite it\n",
    );
    scene.photos("photos", 2, (40, 24));
    let weights = weights();
    for name in ["decoder", "half"] {
        let ran = scene.run(&format!(
            "transfer apply --checkpoint {name}.safetensors --weights {} --content photos/00.png --style photos/01.png --out {name}.png",
            weights.display()
        ));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let (whole, half) = (scene.picture("decoder.png"), scene.picture("half.png"));
    assert!(
        whole.pixels().zip(half.pixels()).all(|(a, b)| a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) <= 3))
    );
}

#[test]
fn the_program_has_a_decoder_of_its_own() {
    let scene = Scene::empty();
    scene.photos("photos", 2, (40, 24));
    let draw = |out: &str| {
        let command =
            "transfer apply --checkpoint demo --content photos/00.png --style photos/01.png --weights";
        scene.run(&format!("{command} {} --out {out}", weights().display()))
    };
    let ran = draw("one.png");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(scene.picture("one.png").dimensions(), (40, 24));
    // A folder of this name without a snapshot is none.
    fs::create_dir(scene.path("demo")).unwrap();
    let ran = draw("two.png");
    assert!(ran.stderr.contains("the folder `demo` here holds no snapshot"), "{}", ran.stderr);
    assert_eq!(scene.bytes("one.png"), scene.bytes("two.png"));
}
