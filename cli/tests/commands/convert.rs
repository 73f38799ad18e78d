//! `stylegan convert`

use candle_core::DType;
use stylegan_checkpoint::{Checkpoint, Network, convert, save};

use crate::scene::Scene;

#[test]
fn a_file_for_sampling_draws_the_same_bytes() {
    let scene = Scene::new();
    let words = scene.draws("convert net.safetensors small.safetensors --sampling-only");
    let (whole, small) = (scene.bytes("net.safetensors").len(), scene.bytes("small.safetensors").len());
    let size = small as f64 / f64::from(1 << 20);
    assert_eq!(words, format!("wrote g_ema to `small.safetensors`, {size:.1} MiB\n"));
    assert!(2 * small < whole, "{small} of {whole}");
    for commands in [
        "sample --seeds 0-3 --noise-mode random --truncation-psi 0.9",
        "mix --rows 0 --cols 1,2 --styles 0-2",
        "interpolate --seeds 1,2 --frames 3",
    ] {
        for network in ["net", "small"] {
            scene
                .draws(&format!("{commands} --checkpoint {network}.safetensors --out {network}.png --force"));
        }
        assert_eq!(scene.picture("net.png"), scene.picture("small.png"), "{commands}");
    }
    let facts = scene.run("inspect small.safetensors").stdout;
    assert!(facts.contains("kind         StyleGAN checkpoint for sampling (g_ema)\n"), "{facts}");
    assert!(facts.contains("trained for  123.456 kimg\n"), "{facts}");
}

#[test]
fn half_the_size_draws_nearly_the_same() {
    let scene = Scene::new();
    scene.draws("convert net.safetensors half.safetensors --dtype f16");
    let (whole, half) = (scene.bytes("net.safetensors").len(), scene.bytes("half.safetensors").len());
    assert!(half < whole * 2 / 3, "{half} of {whole}");
    let facts = scene.run("inspect half.safetensors").stdout;
    assert_eq!(facts.matches(" tensors of f16\n").count(), 3, "{facts}");
    for network in ["net", "half"] {
        scene.draws(&format!(
            "sample --checkpoint {network}.safetensors --seeds 0-8 --truncation-psi 1 --out {network}.png"
        ));
    }
    let (whole, half) = (scene.picture("net.png"), scene.picture("half.png"));
    let off: Vec<u8> = whole.iter().zip(half.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
    let mean = off.iter().map(|&off| f64::from(off)).sum::<f64>() / off.len() as f64;
    assert!(off.iter().max() <= Some(&4) && mean < 0.5, "at most {:?}, mean {mean}", off.iter().max());

    // What is f16 stays f16 unasked, and back in f32 it draws the same.
    scene.draws("convert half.safetensors again.safetensors");
    assert_eq!(scene.bytes("half.safetensors"), scene.bytes("again.safetensors"));
    scene.draws("convert half.safetensors back.safetensors --dtype f32");
    scene.draws("sample --checkpoint back.safetensors --seeds 0-8 --truncation-psi 1 --out back.png");
    assert_eq!(scene.picture("back.png"), scene.picture("half.png"));
    let facts = scene.run("inspect back.safetensors").stdout;
    assert_eq!(facts.matches(" tensors of f32\n").count(), 3, "{facts}");
}

#[test]
fn the_newest_snapshot_of_a_run_comes_back_as_it_was() {
    let scene = Scene::empty();
    std::fs::create_dir(scene.path("run")).unwrap();
    scene.checkpoint("run/network-snapshot-000100.safetensors", 0.0, 0);
    scene.checkpoint("run/network-snapshot-000090.safetensors", 1.0, 0);
    scene.draws("convert run copy.safetensors");
    assert_eq!(scene.bytes("copy.safetensors"), scene.bytes("run/network-snapshot-000100.safetensors"));
    // A file may be written over itself.
    scene.draws("convert copy.safetensors copy.safetensors --sampling-only --dtype f16 --force");
    let checkpoint = Checkpoint::open(scene.path("copy.safetensors")).unwrap();
    assert_eq!(checkpoint.networks(), [Network::GEma]);
    assert_eq!(checkpoint.dtypes(Network::GEma), [DType::F16]);
}

/// Writes `name`, the scene's network with one tensor multiplied.
fn multiplied(scene: &Scene, name: &str, factor: f64) {
    let checkpoint = Checkpoint::open(scene.path("net.safetensors")).unwrap();
    let g_ema =
        convert(checkpoint.path(), Network::GEma, checkpoint.tensors(Network::GEma).unwrap(), None).unwrap();
    let (_, var) = g_ema.vars().into_iter().find(|(name, _)| name == "synthesis.const").unwrap();
    var.set(&(var.as_tensor() * factor).unwrap()).unwrap();
    save(&scene.path(name), &checkpoint.meta().for_sampling(), &[(Network::GEma, &g_ema)], false).unwrap();
}

#[test]
fn what_is_not_converted() {
    let scene = Scene::new();
    multiplied(&scene, "large.safetensors", 70_000.0);
    multiplied(&scene, "broken.safetensors", f64::NAN);
    scene.refuses(
        "convert large.safetensors out.safetensors --dtype f16",
        1,
        "error: the tensor `g_ema.synthesis.const` holds numbers up to 70000, more than f16 can hold\n\n\
         hint: `--dtype f32` holds them\n",
    );
    for dtype in ["", "--dtype f16", "--dtype f32"] {
        scene.refuses(
            &format!("convert broken.safetensors out.safetensors {dtype}"),
            1,
            "error: the tensor `g_ema.synthesis.const` holds numbers that are not finite\n\n\
             hint: take the snapshot before it\n",
        );
    }
    let before = scene.bytes("large.safetensors");
    scene.refuses(
        "convert net.safetensors large.safetensors",
        1,
        "error: `large.safetensors` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    scene.refuses(
        "convert large.safetensors large.safetensors --dtype f16 --force",
        1,
        "error: the tensor `g_ema.synthesis.const` holds numbers up to 70000, more than f16 can hold\n\n\
         hint: `--dtype f32` holds them\n",
    );
    assert_eq!(scene.bytes("large.safetensors"), before);
    scene.refuses(
        "convert net.safetensors out",
        2,
        "error: `out` is no safetensors file by its name\n\n\
         hint: checkpoints are written as `NAME.safetensors`\n",
    );
    scene.refuses(
        "convert net.safetensors missing/out.safetensors",
        1,
        "error: the folder `missing` does not exist\n\nhint: `mkdir -p missing` makes it\n",
    );
    assert_eq!(scene.run("convert net.safetensors out.safetensors --dtype f8").code, 2);
}
