//! `stylegan demo`

use std::fs::File;
use std::io::BufReader;

use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;

use crate::scene::Scene;
use crate::train::TINY;

#[test]
fn the_demo_leaves_pictures_and_says_what_to_type_next() {
    let scene = Scene::empty();
    // A name that a shell would take apart.
    let ran = scene.run("demo --kimg 0.1 --out 'my runs'");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let run = "my runs/00000-demo";
    let names = scene.names(run);
    for name in ["config.toml", "log.txt", "mix.png", "reals.png", "stats.jsonl", "swd.txt", "walk.gif"] {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("network-snapshot-")), "{names:?}");
    // So short a demo may end while its pictures are still small.
    let stats = String::from_utf8(scene.bytes(&format!("{run}/stats.jsonl"))).unwrap();
    let last: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    let side = last["resolution"].as_u64().unwrap() as u32;
    let gap = side + 2;
    assert_eq!(scene.picture(&format!("{run}/mix.png")).dimensions(), (gap + 6 * side, gap + 4 * side));
    let film = BufReader::new(File::open(scene.path(run).join("walk.gif")).unwrap());
    assert_eq!(GifDecoder::new(film).unwrap().into_frames().count(), 120);
    let measured = String::from_utf8(scene.bytes(&format!("{run}/swd.txt"))).unwrap();
    assert!(measured.starts_with("sliced Wasserstein distance x1000 of 64 fakes to reals"), "{measured}");

    // The three commands are to be typed as they stand.
    let commands: Vec<&str> =
        ran.stdout.lines().filter_map(|line| line.trim_start().strip_prefix("stylegan ")).collect();
    let [train, sample, interpolate] = commands[..] else { panic!("{}", ran.stdout) };
    let words = scene.draws(sample);
    assert!(words.ends_with(&format!("wrote 16 pictures of {side}x{side} to `faces.png`\n")), "{words}");
    assert_eq!(scene.picture("faces.png").dimensions(), (4 * side, 4 * side));
    let words = scene.draws(interpolate);
    assert!(words.ends_with(&format!("wrote 120 frames of {side}x{side} to `walk.gif`\n")), "{words}");
    assert_eq!(train, "train --data YOUR_PHOTOS");
    scene.photos("YOUR_PHOTOS", 12, (20, 18));
    scene.draws(&format!("{train} {TINY} --kimg 0.004"));
}

#[test]
fn minutes_are_those_of_this_machine() {
    let scene = Scene::empty();
    let ran = scene.run("demo --minutes 0.02 --out runs");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let stats = String::from_utf8(scene.bytes("runs/00000-demo/stats.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    let config = String::from_utf8(scene.bytes("runs/00000-demo/config.toml")).unwrap();
    // The preset's 48 would take minutes.
    let total = |config: &str| -> f64 {
        let line = config.lines().find_map(|line| line.strip_prefix("total_kimg = ")).unwrap();
        line.parse().unwrap()
    };
    let (total, kimg) = (total(&config), last["kimg"].as_f64().unwrap());
    assert!(total < 10.0 && (kimg - total).abs() < 0.02, "{kimg} of {total}");
}

#[test]
fn a_length_that_makes_no_sense_is_wrong_usage() {
    let scene = Scene::empty();
    for minutes in ["0", "-1", "nan", "1e9"] {
        scene.refuses(
            &format!("demo --minutes={minutes}"),
            2,
            &format!(
                "error: `--minutes {}` is not between 0.01 and 10000\n",
                minutes.parse::<f64>().unwrap()
            ),
        );
    }
}
