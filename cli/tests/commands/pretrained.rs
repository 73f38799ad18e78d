//! `--checkpoint demo`: the network that comes with the program.

use std::fs;

use crate::scene::Scene;

#[test]
fn faces_are_drawn_without_any_training() {
    let scene = Scene::empty();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/faces-64.safetensors");
    let words = scene.draws("sample --checkpoint demo --seeds 0-15 --out faces.png");
    assert_eq!(words, "wrote 16 pictures of 64x64 to `faces.png`\n");
    scene.draws(&format!("sample --checkpoint '{file}' --seeds 0-15 --out of-the-file.png"));
    assert_eq!(scene.bytes("faces.png"), scene.bytes("of-the-file.png"));
    scene.draws("mix --checkpoint demo --rows 0,1 --cols 4,5 --styles 0-3 --out mix.png");
    scene.draws("interpolate --checkpoint demo --seeds 0,1 --frames 6 --loop --out walk.gif");
    scene.draws("sample --checkpoint demo --like faces.png --out again.png");
    assert_eq!(scene.bytes("faces.png"), scene.bytes("again.png"));

    let facts: serde_json::Value = serde_json::from_str(&scene.run("inspect demo --json").stdout).unwrap();
    assert_eq!((&facts["kind"], &facts["resolution"]), (&"sampling".into(), &64.into()));
    let networks = facts["networks"].as_array().unwrap();
    assert_eq!((networks.len(), &networks[0]["network"]), (1, &"g_ema".into()));
    assert!(facts["size_bytes"].as_u64().unwrap() <= 12 << 20);

    scene.draws("export --checkpoint demo --out demo.onnx");
    scene.draws("convert demo copy.safetensors");
    scene.draws("sample --checkpoint copy.safetensors --seeds 3 --out copy.png");
    scene.draws("sample --checkpoint demo --seeds 3 --out demo.png");
    assert_eq!(scene.picture("copy.png"), scene.picture("demo.png"));
}

#[test]
fn what_else_is_called_so_is_taken_if_it_can_be_drawn_from() {
    let scene = Scene::new();
    let draw = "sample --checkpoint demo --seeds 0 --force --out out.png";

    fs::create_dir(scene.path("demo")).unwrap();
    let words = scene.draws(draw);
    assert_eq!(
        words,
        "taking the network `demo` of the program; the folder `demo` here holds no snapshot\n\
         wrote 1 picture of 64x64 to `out.png`\n"
    );

    let of_here = "taking `demo` here; the program's network of that name is taken where there is none\n\
                   wrote 1 picture of 16x16 to `out.png`\n";
    fs::rename(scene.path("net.safetensors"), scene.path("demo/network-snapshot-000123.safetensors"))
        .unwrap();
    assert_eq!(scene.draws(draw), of_here);
    fs::rename(scene.path("demo"), scene.path("run")).unwrap();
    fs::copy(scene.path("run/network-snapshot-000123.safetensors"), scene.path("demo")).unwrap();
    assert_eq!(scene.draws(draw), of_here);
    // A path always means what lies there.
    fs::remove_file(scene.path("demo")).unwrap();
    assert_eq!(scene.run("inspect ./demo").code, 1);
}
