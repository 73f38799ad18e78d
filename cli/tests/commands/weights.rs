//! `stylegan weights`

use std::collections::HashMap;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use candle_core::{DType, Device, Tensor};

use crate::scene::Scene;

/// `MobileNetV2` as torchvision's files have it, with all weights zero.
fn mobilenet(scene: &Scene, name: &str) {
    let mut tensors = HashMap::new();
    let mut add = |conv: String, norm: String, shape: [usize; 4]| {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        tensors.insert(format!("features.{conv}.weight"), zeros(&shape));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensors.insert(format!("features.{norm}.{part}"), zeros(&shape[..1]));
        }
    };
    add("0.0".to_owned(), "0.1".to_owned(), [32, 3, 3, 3]);
    let (mut number, mut from) = (1, 32);
    for (times, to, count) in
        [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)]
    {
        for _ in 0..count {
            let inside = times * from;
            let shapes = [[inside, from, 1, 1], [inside, 1, 3, 3]];
            let activated = &shapes[usize::from(times == 1)..];
            for (place, shape) in activated.iter().enumerate() {
                add(format!("{number}.conv.{place}.0"), format!("{number}.conv.{place}.1"), *shape);
            }
            let place = activated.len();
            add(format!("{number}.conv.{place}"), format!("{number}.conv.{}", place + 1), [to, inside, 1, 1]);
            (number, from) = (number + 1, to);
        }
    }
    add("18.0".to_owned(), "18.1".to_owned(), [1280, 320, 1, 1]);
    candle_core::safetensors::save(&tensors, scene.path(name)).unwrap();
}

#[test]
fn what_is_known_and_what_is_there() {
    let scene = Scene::empty();
    let nothing = scene.path("nothing");
    std::fs::create_dir(&nothing).unwrap();
    let run = |arguments: &str| {
        let mut command: Command = cargo_bin_cmd!("stylegan");
        command.args(arguments.split(' ')).env("XDG_CACHE_HOME", &nothing).env("STYLEGAN_WEIGHTS", &nothing);
        scene.run_command(command)
    };
    let ran = run("weights");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("not there: scripts/fetch-weights inception\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("not there: download https://"), "{}", ran.stdout);

    mobilenet(&scene, "mine.safetensors");
    let ran = run("weights --weights mine.safetensors --json");
    let facts: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let of =
        |name: &str| facts["weights"].as_array().unwrap().iter().find(|fact| fact["name"] == name).unwrap();
    assert_eq!(of("mobilenet")["file"], "mine.safetensors");
    assert_eq!(of("mobilenet")["is_converted"], false);
    assert!(of("vgg16")["file"].is_null() && of("inception")["file"].is_null());
    assert!(facts["places"][2].as_str().unwrap().ends_with("nothing/stylegan/weights"), "{facts}");
}

#[test]
fn a_file_is_checked_and_converted() {
    let scene = Scene::empty();
    mobilenet(&scene, "mine.safetensors");
    let checked = scene.run("weights check mine.safetensors");
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(
        checked.stdout.starts_with("`mine.safetensors` holds the weights of `mobilenet`\nSHA-256 "),
        "{}",
        checked.stdout
    );
    assert!(checked.stdout.ends_with(", of an unknown file, whose layers fit\n"), "{}", checked.stdout);
    assert!(checked.stderr.contains("weights of an unknown file"), "{}", checked.stderr);

    let words = scene.run("weights convert mine.safetensors ours.safetensors");
    assert_eq!(words.code, 0, "{}", words.stderr);
    let json = |file: &str| -> serde_json::Value {
        serde_json::from_str(&scene.run(&format!("weights check {file} --json")).stdout).unwrap()
    };
    // What is converted still tells what it was made of.
    assert_eq!(json("ours.safetensors")["sha256"], json("mine.safetensors")["sha256"]);
    let again = scene.run("weights convert mine.safetensors ours.safetensors");
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("`ours.safetensors` exists; nothing was overwritten"), "{}", again.stderr);
}

#[test]
fn what_are_no_weights_is_said() {
    let scene = Scene::new();
    for (file, bytes, message) in [
        ("net.safetensors", None, "holds the weights of no network that is known"),
        ("a.png", Some(&b"\x89PNG\r\n\x1a\n"[..]), "it is a PNG picture"),
        ("long.safetensors", Some(b"\xff\xff\xff\x7f\0\0\0\0{"), "larger than that of any network"),
        ("short.safetensors", Some(b"\x02\0\0\0\0\0\0\0{}left over"), "not what its header says"),
        ("empty", Some(b""), "caused by"),
    ] {
        if let Some(bytes) = bytes {
            std::fs::write(scene.path(file), bytes).unwrap();
        }
        let ran = scene.run(&format!("weights check {file}"));
        assert_eq!(ran.code, 1, "{file}");
        assert!(ran.stderr.contains(message), "{file}: {}", ran.stderr);
    }
    let ran = scene.run("weights check nothing.pth");
    assert!(ran.stderr.starts_with("error: cannot read `nothing.pth`\n"), "{}", ran.stderr);
}
