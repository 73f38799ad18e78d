//! Every number that a flag takes, at its least, its most, and beyond.

use crate::scene::Scene;
use crate::train::TINY;

/// Values of a flag, `{}` in a command.
struct Bounds {
    command: &'static str,
    /// Values at the bounds that are cheap to try.
    within: &'static [&'static str],
    beyond: &'static [&'static str],
}

const TRAIN: &str = "train --data photos --dry-run";
const COUNT: &[&str] = &["-1", "1.5", "18446744073709551616"];
const SIDE: &[&str] = &["-8", "0", "4", "100", "2048"];
const RESOLUTION: &[&str] = &["-8", "0", "4", "100", "2048", "8x", "4x3", "511x384", "1920x1080", "16x12x3"];
const CHANNELS: &[&str] = &["-1", "0", "2", "5", "1.5"];
const BITS: &[&str] = &["-8", "0", "1", "12", "32"];
const RATE: &[&str] = &["-0.1", "100.1", "nan", "inf"];
const WEIGHT: &[&str] = &["-1", "1.1e9", "nan", "inf"];
const ADDRESS: &[&str] = &["7860", "1.2.3:7860", "127.0.0.1:65536", "127.0.0.1:-1", "localhost"];
const WIDTH: &[&str] = &["-1", "0", "1048577"];

#[rustfmt::skip]
const BOUNDS: &[Bounds] = &[
    Bounds { command: "train --kimg {}", within: &["0", "1e9"], beyond: &["-1", "1.1e9", "nan", "inf"] },
    Bounds { command: "train --resolution {}", within: &["8", "8x6", "24"], beyond: RESOLUTION },
    Bounds { command: "train --channels {}", within: &["1", "4"], beyond: CHANNELS },
    Bounds { command: "train --bits {}", within: &["8", "16"], beyond: BITS },
    Bounds { command: "train --serve {}", within: &[], beyond: ADDRESS },
    Bounds { command: "train --batch-table {}", within: &["1", "8"], beyond: &["-1", "0", "3", "16", "1.5"] },
    Bounds { command: "train --peer-timeout {}", within: &["1", "86400"], beyond: &["-1", "0", "86401", "1.5"] },
    Bounds { command: "launch --gpus {}", within: &[], beyond: &["-1", "0", "1025", "1.5"] },
    Bounds { command: "launch --ranks {}", within: &[], beyond: &["-1", "0", "1025", "1.5"] },
    Bounds { command: "launch --ranks 1 --restarts {}", within: &[], beyond: &["-1", "1000001", "1.5"] },
    Bounds { command: "launch --ranks 1 --restarts 1 --min-ranks {}", within: &[], beyond: &["-1", "0", "1025", "1.5"] },
    Bounds { command: "studio --addr {}", within: &[], beyond: ADDRESS },
    Bounds { command: "studio --resolution {}", within: &[], beyond: &["-4", "0", "3", "1025", "1.5"] },
    Bounds { command: "train --seed {}", within: &["0", "9223372036854775807"], beyond: &["-1", "9223372036854775808", "1.5"] },
    Bounds { command: "demo --minutes {}", within: &[], beyond: &["-1", "0", "0.0099", "10001", "nan", "inf"] },
    Bounds { command: "demo --kimg {}", within: &[], beyond: &["-1", "0", "0.0099", "100001", "nan", "inf"] },
    Bounds { command: "demo --seed {}", within: &[], beyond: &["-1", "9223372036854775808", "1.5"] },
    Bounds { command: "sample --seeds {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "sample --seeds 1 --resolution {}", within: &[], beyond: SIDE },
    Bounds { command: "sample --seeds 1 --class {}", within: &["0", "2"], beyond: &["-1", "3"] },
    Bounds { command: "sample --seeds 1 --label {}", within: &["0.5,0.5,-1"], beyond: &["1,0", "1,0,0,0", "nan,0,0", "1001,0,0"] },
    Bounds { command: "sample --seeds 1 --class 0,{}", within: &["1"], beyond: &["3", "-1", "x"] },
    Bounds { command: "sample --seeds 1 --truncation-psi {}", within: &["-100", "100"], beyond: &["-100.1", "101", "nan", "inf", "-inf"] },
    Bounds { command: "sample --seeds 1 --truncation-cutoff {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "sample --seeds 1 --truncation-layers {}", within: &["-100,1,100"], beyond: &["-100.1", "101", "nan", "inf", "1,", "1,1,1,1,1,1,1"] },
    Bounds { command: "sample --seeds 1 --noise-mode random --noise-seed {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "sample --seeds 1 --grid {}", within: &["1x1"], beyond: &["0x1", "1x0", "100001x1", "-1x1", "1x1.5"] },
    Bounds { command: "sample --seed-style numpy --seeds {}", within: &["4294967295"], beyond: &["4294967296"] },
    Bounds { command: "mix --cols 1 --styles 0 --rows {}", within: &["0"], beyond: COUNT },
    Bounds { command: "mix --rows 1 --styles 0 --cols {}", within: &["0"], beyond: COUNT },
    Bounds { command: "mix --rows 1 --cols 1 --styles {}", within: &["0", "5"], beyond: &["-1", "6", "18446744073709551616"] },
    Bounds { command: "mix --rows 1 --cols 1 --styles 0/{}", within: &[], beyond: &["-1", "5"] },
    Bounds { command: "figure uncurated --rows 1 --lods 0 --seed {}", within: &["0", "9223372036854775807"], beyond: &["-1", "9223372036854775808", "1.5"] },
    Bounds { command: "figure uncurated --rows 1 --lods {}", within: &["0", "2"], beyond: &["-1", "3", "64", "4294967296", "1.5"] },
    Bounds { command: "figure uncurated --lods 0 --rows {}", within: &["1"], beyond: &["-1", "0", "100001", "1.5"] },
    Bounds { command: "figure mixing --destinations 1 --sources {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "figure mixing --sources 1 --destinations {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "figure mixing --sources 1 --destinations 1 --styles {}", within: &["0", "5"], beyond: &["-1", "6", "0/1"] },
    Bounds { command: "figure noise --seeds {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "figure noise --seeds 1 --fine-from {}", within: &["1", "5"], beyond: &["-1", "0", "6", "1.5", "18446744073709551616"] },
    Bounds { command: "figure noise-detail --draws 4 --seeds {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "figure noise-detail --seeds 1 --draws {}", within: &["4"], beyond: &["-1", "3", "100001", "1.5"] },
    Bounds { command: "figure noise-detail --seeds 1 --draws 4 --area {}", within: &["1x1+15+15", "16x16+0+0"], beyond: &["0x1+0+0", "17x1+0+0", "4x4+13+0", "4x4+0+13", "-1x4+0+0", "4x4"] },
    Bounds { command: "figure truncation --psi 0 --seeds {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "figure truncation --seeds 1 --psi {}", within: &["-100,100"], beyond: &["-100.1", "101", "nan", "inf", "-inf", "1,"] },
    Bounds { command: "figure truncation --seeds 1 --psi 0 --truncation-cutoff {}", within: &["0", "18446744073709551615"], beyond: COUNT },
    Bounds { command: "sample --seeds 1 --direction way.npz --strength {}", within: &[], beyond: &["1001", "nan", "..", "1..inf"] },
    Bounds { command: "sample --seeds 1 --direction way.npz --direction-row {}", within: &[], beyond: COUNT },
    Bounds { command: "sample --seeds 1 --direction way.npz --layers {}", within: &[], beyond: COUNT },
    Bounds { command: "latent add a.npz b.npz --times {}", within: &[], beyond: &["-1001", "1001", "nan", "inf"] },
    Bounds { command: "latent scale a.npz --by {}", within: &[], beyond: &["-1001", "1001", "nan", "inf"] },
    Bounds { command: "latent factorize --count {}", within: &["1", "10"], beyond: &["-1", "0", "11", "1.5"] },
    Bounds { command: "latent factorize --layers {}", within: &["0", "5"], beyond: &["-1", "6"] },
    Bounds { command: "film run --seeds {}", within: &[], beyond: COUNT },
    Bounds { command: "film run --grid {}", within: &[], beyond: &["0x1", "1x0", "100001x1"] },
    Bounds { command: "film run --class {}", within: &[], beyond: &["-1", "0"] },
    Bounds { command: "film run --fps {}", within: &[], beyond: &["-1", "0", "241", "1.5"] },
    Bounds { command: "film run --hold {}", within: &[], beyond: &["-1", "61", "nan", "inf"] },
    Bounds { command: "film run --truncation-psi {}", within: &[], beyond: &["-101", "101", "nan"] },
    Bounds { command: "film run --truncation-cutoff {}", within: &[], beyond: COUNT },
    Bounds { command: "film run --truncation-layers {}", within: &[], beyond: &["-101", "101", "nan", "1,"] },
    Bounds { command: "film run --noise-seed {}", within: &[], beyond: COUNT },
    Bounds { command: "transfer apply --fps {}", within: &[], beyond: &["-1", "0", "241"] },
    Bounds { command: "interpolate --frames 1 --seeds {}", within: &["0,18446744073709551615"], beyond: COUNT },
    Bounds { command: "interpolate --seeds 1,2 --frames {}", within: &["1"], beyond: &["-1", "0", "100001", "4294967296"] },
    Bounds { command: "interpolate --seeds 1,2 --frames 1 --fps {}", within: &["1", "50"], beyond: &["-1", "0", "51"] },
    Bounds { command: "interpolate --seeds 1,2 --frames 1 --grid {}", within: &["1x1"], beyond: &["0x1", "2x1", "100001x1"] },
    Bounds { command: "interpolate --seeds 1,2 --frames 1 --layers {}", within: &["0", "5"], beyond: &["-1", "6", "18446744073709551616"] },
    Bounds { command: "interpolate --seeds 1,2 --frames 1 --classes {}", within: &["0,2"], beyond: &["-1", "3", "0,1,2"] },
    Bounds { command: "interpolate --seeds 1,2 --fps 1 --seconds {}", within: &["0.01", "2"], beyond: &["-1", "0", "100001", "nan", "inf"] },
    Bounds { command: "interpolate --seeds 1 --frames 2 --walk smooth --smoothing {}", within: &["0.01", "400"], beyond: &["-1", "0", "401", "nan", "inf"] },
    Bounds { command: "project --steps 1 --label {}", within: &[], beyond: &["1,0", "nan", "1001"] },
    Bounds { command: "project --steps {}", within: &["1"], beyond: &["-1", "0", "100001", "1.5"] },
    Bounds { command: "project --steps 1 --learning-rate {}", within: &["0", "100"], beyond: RATE },
    Bounds { command: "project --steps 1 --w-noise {}", within: &["0", "100"], beyond: RATE },
    Bounds { command: "project --steps 1 --perceptual-weight {}", within: &["0", "1e9"], beyond: WEIGHT },
    Bounds { command: "project --steps 1 --pixel-weight {}", within: &["0", "1e9"], beyond: WEIGHT },
    Bounds { command: "project --steps 1 --mean-weight {}", within: &["0", "1e9"], beyond: WEIGHT },
    Bounds { command: "project --steps 1 --optimize-noise --noise-weight {}", within: &["0", "1e9"], beyond: WEIGHT },
    Bounds { command: "project --steps 1 --seed {}", within: &["0", "9223372036854775807"], beyond: &["-1", "9223372036854775808", "1.5"] },
    Bounds { command: "project --steps 1 --batch {}", within: &["1", "256"], beyond: &["-1", "0", "257", "1.5"] },
    Bounds { command: "project --steps 1 --resolution {}", within: &[], beyond: SIDE },
    Bounds { command: "project --steps 1 --class {}", within: &[], beyond: &["-1", "0"] },
    Bounds { command: "transfer train --kimg {}", within: &[], beyond: &["-1", "1.1e9", "nan", "inf"] },
    Bounds { command: "transfer train --seed {}", within: &[], beyond: &["-1", "9223372036854775808", "1.5"] },
    Bounds { command: "transfer apply --seeds {}", within: &[], beyond: COUNT },
    Bounds { command: "transfer apply --seeds 1 --truncation-psi {}", within: &[], beyond: &["-100.1", "101", "nan", "inf"] },
    Bounds { command: "transfer apply --style-weights {}", within: &[], beyond: &["-1", "0", "1001", "nan", "inf"] },
    Bounds { command: "transfer apply --alpha {}", within: &[], beyond: &["-0.1", "1.1", "nan", "inf"] },
    Bounds { command: "transfer apply --sweep {}", within: &[], beyond: &["-1", "0", "1", "1001"] },
    Bounds { command: "transfer apply --tile {}", within: &[], beyond: &["-1", "0", "63", "4097", "1.5"] },
    Bounds { command: "plot --smooth {}", within: &["1", "1001"], beyond: &["-1", "0", "1002", "1.5"] },
    Bounds { command: "plot --size {}", within: &["240x300", "8192x240"], beyond: &["-1x300", "300", "239x300", "300x239", "8193x300", "300x8193", "300x300x3", "nanx300"] },
    Bounds { command: "metrics --fakes {}", within: &["2"], beyond: &["-1", "0", "1", "10000001", "1.5", "photos"] },
    Bounds { command: "metrics --fakes 2 --truncation-psi {}", within: &["-100", "100"], beyond: &["-100.1", "101", "nan", "inf"] },
    Bounds { command: "experiment quick --dry-run --share {}", within: &["1/1", "2/3"], beyond: &["0/2", "3/2", "-1/2", "2"] },
    Bounds { command: "metrics --fakes 2 --mixed-latents {}", within: &["1", "4"], beyond: &["-1", "0", "19", "1.5"] },
    Bounds { command: "metrics --fakes 2 --class {}", within: &[], beyond: &["-1", "0"] },
    Bounds { command: "metrics --fakes 2 --resolution {}", within: &[], beyond: SIDE },
    Bounds { command: "convert --resolution {}", within: &[], beyond: SIDE },
    Bounds { command: "export --resolution {}", within: &[], beyond: SIDE },
    Bounds { command: "export --truncation-cutoff {}", within: &["0"], beyond: COUNT },
    Bounds { command: "dataset align --landmarks points.csv --size {}", within: &["16", "2048"], beyond: &["-1", "0", "15", "2049", "1.5"] },
    Bounds { command: "dataset align --min-confidence {}", within: &[], beyond: &["-0.1", "1.1", "nan", "inf"] },
    Bounds { command: "dataset align --min-size {}", within: &[], beyond: &["-1", "0", "11.9", "100001", "nan", "inf"] },
    Bounds { command: "dataset pack --resolution {}", within: &["8", "8x6"], beyond: RESOLUTION },
    Bounds { command: "dataset pack --channels {}", within: &["1", "4"], beyond: CHANNELS },
    Bounds { command: "dataset pack --bits {}", within: &["8", "16"], beyond: BITS },
    Bounds { command: "dataset pack --shard {}", within: &["1/1", "2/2"], beyond: &["-1/2", "0/2", "3/2", "1/0", "1/100001", "1.5/2"] },
    Bounds { command: "dataset pack --max-bad-fraction {}", within: &["0", "1"], beyond: &["-0.1", "1.1", "nan", "inf"] },
    Bounds { command: "bench train --resolution {}", within: &[], beyond: RESOLUTION },
    Bounds { command: "bench train --fmap-base {}", within: &[], beyond: WIDTH },
    Bounds { command: "bench train --fmap-max {}", within: &[], beyond: &["-1", "0", "4097"] },
    Bounds { command: "bench train --batch {}", within: &[], beyond: &["-1", "0", "65537"] },
    Bounds { command: "bench train --steps {}", within: &[], beyond: &["-1", "0", "1000001"] },
    Bounds { command: "bench train --seconds {}", within: &[], beyond: &["-1", "0", "3601"] },
    Bounds { command: "bench train --threads {}", within: &[], beyond: &["-1", "0", "1025"] },
    Bounds { command: "bench sample --resolution {}", within: &[], beyond: RESOLUTION },
    Bounds { command: "bench sample --fmap-base {}", within: &[], beyond: WIDTH },
    Bounds { command: "bench sample --fmap-max {}", within: &[], beyond: &["-1", "0", "4097"] },
    Bounds { command: "bench sample --batch {}", within: &[], beyond: &["-1", "0", "65537"] },
    Bounds { command: "bench sample --resolution 8 --fmap-base 1 --fmap-max 1 --batch 1 --threads 1 --steps {}", within: &["1"], beyond: &["-1", "0", "1000001"] },
    Bounds { command: "bench sample --seconds {}", within: &[], beyond: &["-1", "0", "3601"] },
    Bounds { command: "bench sample --threads {}", within: &[], beyond: &["-1", "0", "1025"] },
    Bounds { command: "bench project --resolution {}", within: &[], beyond: RESOLUTION },
    Bounds { command: "bench project --fmap-base {}", within: &[], beyond: WIDTH },
    Bounds { command: "bench project --fmap-max {}", within: &[], beyond: &["-1", "0", "4097"] },
    Bounds { command: "bench project --batch {}", within: &[], beyond: &["-1", "0", "65537"] },
    Bounds { command: "bench project --resolution 8 --fmap-base 1 --fmap-max 1 --batch 1 --threads 1 --steps {}", within: &["1"], beyond: &["-1", "0", "1000001"] },
    Bounds { command: "bench project --seconds {}", within: &[], beyond: &["-1", "0", "3601"] },
    Bounds { command: "bench project --threads {}", within: &[], beyond: &["-1", "0", "1025"] },
];

/// Value names of what is no number.
const NO_NUMBERS: &[&str] = &[
    "SOURCE",
    "PICTURE",
    "PHOTO",
    "PRESET|FILE",
    "KEY=VALUE",
    "JSON",
    "NAMES",
    "RESIZE",
    "FILE|DIR",
    "DIR",
    "DEVICE",
    "LAYOUT",
    "PRECISION",
    "FILE",
    "FILE|RUN_DIR",
    "FILE|RUN_DIR|demo",
    "MODE",
    "STYLE",
    "SPACE",
    "WAY",
    "EASING",
    "LATENTS",
    "FILE.txt",
    "FILE.safetensors|FILE.npz|FILE.npy",
    "AXIS",
    "TEXT",
    "TYPE",
    "FIT",
    "FORMAT",
    "PATH",
    "on|off",
    "auto|off",
    "auto|off|folders",
    "auto|no|PATH",
];

/// What a command needs beside the flag, with `out` in the name of what it writes.
fn complete(command: &str, value: &str) -> String {
    let command = command.replace("{}", value);
    let (name, flags) = command.split_once(" --").unwrap();
    match name {
        "train" => format!("{TRAIN} {TINY} --{flags}"),
        "transfer train" => format!("{name} --content photos --style photos --{flags}"),
        "transfer apply" if flags.contains("--seeds") => {
            format!(
                "{name} --checkpoint net.safetensors --content-checkpoint net.safetensors --style photos/00.png --out out.png --{flags}"
            )
        }
        "transfer apply" => {
            format!(
                "{name} --checkpoint net.safetensors --content photos/00.png --style photos/01.png --out out.png --{flags}"
            )
        }
        "launch" => format!("launch --{flags} -- train"),
        "demo" => format!("demo --out out --{flags}"),
        "sample" if flags.contains("--class") || flags.contains("--label") => {
            format!("sample --checkpoint labels.safetensors --out out.png --{flags}")
        }
        name if name == "sample" || name == "mix" || name.starts_with("figure ") => {
            format!("{name} --checkpoint net.safetensors --out out.png --{flags}")
        }
        "interpolate" if flags.contains("--classes") => {
            format!("{name} --checkpoint labels.safetensors --out out.gif --{flags}")
        }
        "project" => {
            let photo = "photos/00.png --no-film --perceptual pixels";
            format!("{name} --checkpoint net.safetensors {photo} --out out --{flags}")
        }
        "interpolate" => format!("{name} --checkpoint net.safetensors --out out.gif --{flags}"),
        "latent factorize" => format!("{name} --checkpoint net.safetensors --out out.npz --{flags}"),
        name if name.starts_with("latent ") => format!("{name} --out out.npz --{flags}"),
        "film run" => format!("{name} --out out.gif --{flags}"),
        "plot" => format!("plot run --out out.png --{flags}"),
        "convert" => format!("convert net.safetensors out.safetensors --{flags}"),
        "export" => format!("export --checkpoint net.safetensors --out out.onnx --{flags}"),
        "metrics" => format!("metrics --checkpoint net.safetensors --metrics ms_ssim --{flags}"),
        "dataset align" => format!("dataset align photos --out out --{flags}"),
        "dataset pack" => format!("dataset pack photos --out out --{flags}"),
        _ => command,
    }
}

#[test]
fn numbers_are_refused_beyond_their_bounds_before_the_work_begins() {
    let scene = Scene::new();
    scene.checkpoint("labels.safetensors", 0.0, 3);
    scene.photos("photos", 3, (16, 16));
    std::fs::create_dir(scene.path("run")).unwrap();
    std::fs::write(scene.path("run/stats.jsonl"), "{\"kimg\": 1, \"d_loss\": 2}\n").unwrap();
    std::fs::write(scene.path("points.csv"), "00.png,5,6,10,6,7,8,6,12,9,12\n").unwrap();
    let before = scene.names("");
    for Bounds { command, within, beyond } in BOUNDS {
        for value in *within {
            let ran = scene.run(&complete(command, value));
            assert_eq!(ran.code, 0, "{command}: {value}: {}", ran.stderr);
            for out in scene.names("").iter().filter(|name| name.starts_with("out")) {
                let path = scene.path(out);
                if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
                    .unwrap();
            }
        }
        for value in *beyond {
            let ran = scene.run(&complete(command, value));
            assert!([1, 2].contains(&ran.code), "{command}: {value}: {}", ran.stderr);
            assert!(ran.stderr.starts_with("error: "), "{command}: {value}: {}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{command}: {value}: {}", ran.stderr);
            assert_eq!(scene.names(""), before, "{command}: {value}");
        }
    }
}

#[test]
fn every_number_of_the_command_line_is_in_the_table() {
    let scene = Scene::empty();
    let mut commands: Vec<&str> =
        BOUNDS.iter().map(|bounds| bounds.command.split_once(" --").unwrap().0).collect();
    commands.extend(["inspect", "config"]);
    commands.dedup();
    for command in commands {
        let help = scene.run(&format!("{command} --help")).stdout;
        for line in help.lines().filter(|line| line.trim_start().starts_with("--")) {
            let Some((flag, rest)) = line.trim().split_once(" <") else { continue };
            let (value, _) = rest.split_once('>').unwrap();
            // Files are told by their endings.
            if NO_NUMBERS.contains(&value) || value.contains('.') {
                continue;
            }
            // Flags of all commands that draw are tried with one of them.
            let drawn = (["mix", "interpolate"].contains(&command) || command.starts_with("figure "))
                && [
                    "--resolution",
                    "--class",
                    "--label",
                    "--noise-seed",
                    "--truncation-psi",
                    "--truncation-cutoff",
                    "--truncation-layers",
                ]
                .contains(&flag);
            let name = if drawn { "sample" } else { command };
            let is_tried = |bounds: &Bounds| {
                bounds.command.starts_with(name) && bounds.command.ends_with(&format!("{flag} {{}}"))
            };
            assert!(BOUNDS.iter().any(is_tried), "`{command} {flag} <{value}>`");
        }
    }
}

#[test]
fn the_largest_seed_is_written_into_snapshots() {
    let scene = Scene::empty();
    scene.photos("photos", 3, (16, 16));
    scene.draws(&format!("train --data photos {TINY} --kimg 0.008 --seed 9223372036854775807"));
    let config = String::from_utf8(scene.bytes("runs/00000-tiny/config.toml")).unwrap();
    assert!(config.contains("\nseed = 9223372036854775807\n"), "{config}");
    let ran = scene.run(&format!("train --data photos {TINY} --seed 9223372036854775808"));
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("a seed is a whole number from 0 to 9223372036854775807\n"),
        "{}",
        ran.stderr
    );
}
