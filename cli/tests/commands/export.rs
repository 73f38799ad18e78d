//! `stylegan export`

use stylegan_checkpoint::Checkpoint;

use crate::scene::Scene;

/// Whether a file holds a text.
fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_checkpoint_becomes_a_model() {
    let scene = Scene::new();
    let words = scene.draws("export --checkpoint net.safetensors --out model.onnx");
    let model = scene.bytes("model.onnx");
    let size = model.len() as f64 / f64::from(1 << 20);
    assert_eq!(words, format!("wrote a generator of 16x16 pictures to `model.onnx`, {size:.1} MiB\n"));
    assert_eq!(scene.names(""), ["model.onnx", "net.safetensors"]);
    // Its numbers are those of `g_ema`; the rest is names.
    let checkpoint = Checkpoint::open(scene.path("net.safetensors")).unwrap();
    let shapes = checkpoint.shapes(stylegan_checkpoint::Network::GEma);
    let numbers: usize = shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    assert!(
        (4 * numbers..4 * numbers + (20 << 10)).contains(&model.len()),
        "{} for {numbers} numbers",
        model.len()
    );
    for text in ["stylegan", env!("CARGO_PKG_VERSION"), &checkpoint.hash(), "noise_const", "image", "psi"] {
        assert!(holds(&model, text), "`{text}`");
    }
    assert!(!holds(&model, "labels"));

    scene.draws("export --checkpoint net.safetensors --out again.onnx");
    assert_eq!(scene.bytes("again.onnx"), model);
    scene.draws("export --checkpoint net.safetensors --out again.onnx --noise-mode none --force");
    assert!(!holds(&scene.bytes("again.onnx"), "noise_const"));
    scene.draws("export --checkpoint net.safetensors --out again.onnx --truncation-cutoff 0 --force");
    assert!(!holds(&scene.bytes("again.onnx"), "w_avg"));
}

#[test]
fn the_newest_snapshot_of_a_run_in_the_middle_of_growing() {
    let scene = Scene::empty();
    std::fs::create_dir(scene.path("run")).unwrap();
    scene.checkpoint("run/network-snapshot-000090.safetensors", 2.0, 4);
    scene.checkpoint("run/network-snapshot-000100.safetensors", 1.25, 4);
    let words = scene.draws("export --checkpoint run --out model.onnx");
    assert!(
        words.starts_with("wrote a generator of 8x8 pictures, growing to 16x16, to `model.onnx`"),
        "{words}"
    );
    let model = scene.bytes("model.onnx");
    assert!(holds(&model, "labels") && holds(&model, "to_rgb_4") && holds(&model, "to_rgb_8"));
    assert!(!holds(&model, "to_rgb_16"));
}

#[test]
fn the_help_says_what_a_model_takes_and_gives() {
    let help = Scene::empty().run("export --help").stdout;
    for text in [
        "Write the generator as an ONNX model",
        "`z [batch, z_dim]`",
        "`psi`",
        "`image [batch, channels, height, width]`",
    ] {
        assert!(help.contains(text), "{text}: {help}");
    }
}

#[test]
fn what_is_not_exported() {
    let scene = Scene::new();
    std::fs::write(scene.path("old.onnx"), "old").unwrap();
    scene.refuses(
        "export --checkpoint net.safetensors --out old.onnx",
        1,
        "error: `old.onnx` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    assert_eq!(scene.bytes("old.onnx"), b"old");
    scene.refuses(
        "export --checkpoint net.safetensors --out model.pt",
        2,
        "error: `--out model.pt` is no ONNX file by its name\n\nhint: models are written as `--out NAME.onnx`\n",
    );
    scene.refuses(
        "export --checkpoint net.safetensors --out missing/model.onnx",
        1,
        "error: the folder `missing` does not exist\n\nhint: `mkdir -p missing` makes it\n",
    );
    scene.refuses(
        "export --checkpoint nothing.safetensors --out model.onnx",
        1,
        "error: there is no checkpoint `nothing.safetensors`\n\n\
         hint: give a file `network-snapshot-*.safetensors` or the folder of a run\n",
    );
    assert_eq!(scene.run("export --checkpoint net.safetensors --out model.onnx --noise-mode random").code, 2);
}
