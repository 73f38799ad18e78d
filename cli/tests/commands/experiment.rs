//! `stylegan experiment`

use std::fs;

use serde_json::Value;

use crate::scene::Scene;

/// Two rows of networks of 16x16, each trained by four batches.
const NORMS: &str = r#"
title = "Norms"
text = "Why."
preset = "demo"
draw = ["sample --seeds 0-3 --grid 4x1"]

[config.run]
tick_kimg = 0.02

[config.generator]
resolution = 16
z_dim = 6
w_dim = 5
mapping_fmaps = 7
fmap_base = 16
fmap_max = 4

[config.schedule]
initial_resolution = 8
steady_kimg = 0.01
fade_kimg = 0.01
total_kimg = 0.04
batch = { 4 = 4 }

[[measure]]
metrics = ["ms_ssim"]
fakes = 4

[[row]]
name = "instance"
title = "instance norm"
paper = { "FID" = 4.4 }

[[row]]
name = "batch"
title = "batch norm"
config.generator.norm = "batch"
draw = ["sample --seeds 0-1 --grid 2x1", "sample --seeds 0-2 --grid 3x1"]
"#;

fn scene(experiment: &str) -> Scene {
    let scene = Scene::empty();
    scene.photos("photos", 12, (16, 16));
    fs::write(scene.path("norms.toml"), experiment).unwrap();
    scene
}

/// What a command says on standard output.
fn said(scene: &Scene, arguments: &str) -> String {
    let ran = scene.run(arguments);
    assert_eq!(ran.code, 0, "{arguments}: {}", ran.stderr);
    ran.stdout
}

fn text(scene: &Scene, name: &str) -> String {
    String::from_utf8(scene.bytes(name)).unwrap()
}

#[test]
fn a_table_is_trained_measured_and_drawn_once() {
    let scene = scene(NORMS);
    let command = "experiment norms.toml --data photos --out out";
    let planned = said(&scene, &format!("{command} --dry-run"));
    let kinds: Vec<&str> = planned.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(kinds, ["train", "metrics", "train", "metrics"], "{planned}");
    assert!(planned.contains("--set 'generator.norm=\"batch\"'"), "{planned}");
    assert!(!scene.path("out").exists());

    let ran = scene.run(command);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("2 of 2: row `batch`, seed 0: training"), "{}", ran.stderr);
    assert_eq!(scene.names("out"), ["pictures", "results", "results.md", "runs"]);
    let page = text(&scene, "out/results.md");
    let row = |title: &str| {
        let line = page.lines().find(|line| line.starts_with(&format!("| {title} |"))).unwrap();
        line.split('|').map(str::trim).collect::<Vec<_>>()
    };
    let record: Value = serde_json::from_str(&text(&scene, "out/results/batch-seed0.json")).unwrap();
    let (_, measured) = record["measured"].as_object().unwrap().iter().next().unwrap();
    let value: f64 = row("batch norm")[2].parse().unwrap();
    assert!((value - measured["ms_ssim"].as_f64().unwrap()).abs() < 1e-3, "{page}");
    assert_eq!((row("instance norm")[4], row("batch norm")[4]), ("4.4", ""));
    for (picture, width) in
        [("00000-instance-seed0-0", 64), ("00001-batch-seed0-0", 32), ("00001-batch-seed0-1", 48)]
    {
        let name = format!("pictures/{picture}.png");
        assert!(page.contains(&format!("({name})")), "{page}");
        assert_eq!(scene.picture(&format!("out/{name}")).dimensions(), (width, 16));
    }
    assert_eq!(scene.names("out/pictures").len(), 3);

    // Nothing is left, so nothing is done; what was added is.
    assert_eq!(said(&scene, &format!("{command} --dry-run")), "");
    let before = scene.names("out/runs");
    let added = NORMS.replace("fakes = 4", "fakes = 4\n[[measure]]\ntitle = \"mixed\"\nmetrics = [\"ms_ssim\"]\nfakes = 5\nflags = [\"--mixed-latents\", \"2\"]");
    fs::write(scene.path("norms.toml"), added).unwrap();
    let left = said(&scene, &format!("{command} --dry-run --rows batch"));
    assert_eq!(left.lines().count(), 1, "{left}");
    assert!(left.contains("--mixed-latents 2"), "{left}");
    assert_eq!(scene.run(command).code, 0);
    assert_eq!(scene.names("out/runs"), before);
    assert!(text(&scene, "out/results.md").contains("`ms_ssim`, mixed"));
}

#[test]
fn shares_of_several_machines_make_one_page() {
    let scene = scene(NORMS);
    for (share, out) in [("1/2", "one"), ("2/2", "two")] {
        assert_eq!(
            scene.run(&format!("experiment norms.toml --data photos --out {out} --share {share}")).code,
            0
        );
    }
    assert_eq!(scene.names("one/results"), ["instance-seed0.json"]);
    assert_eq!(scene.names("two/results"), ["batch-seed0.json"]);
    let name = "results/batch-seed0.json";
    fs::copy(scene.path(&format!("two/{name}")), scene.path(&format!("one/{name}"))).unwrap();
    fs::rename(scene.path("two/runs/00000-batch-seed0"), scene.path("one/runs/00000-batch-seed0")).unwrap();
    assert_eq!(said(&scene, "experiment norms.toml --data photos --out one --dry-run"), "");
    assert_eq!(scene.run("experiment norms.toml --data photos --out one").code, 0);
    assert!(text(&scene, "one/results.md").contains("2 of 2 runs"));
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_trained() {
    let scene = scene(NORMS);
    fs::create_dir(scene.path("own")).unwrap();
    fs::write(scene.path("own/results.md"), "# Mine\n").unwrap();
    let learning = NORMS.replace("\"ms_ssim\"", "\"ls\"");
    fs::write(scene.path("learning.toml"), learning).unwrap();
    let before = scene.names("");
    for (command, code, words) in [
        ("norms.toml --rows batch,layer", 2, "the experiment has no row `layer`"),
        ("norm", 2, "there is no experiment and no file `norm`"),
        ("norms.toml --out own", 1, "`own/results.md` exists and was not written by an experiment"),
        ("norms.toml --out out.png", 2, "`--out out.png` is a file by its name"),
        ("learning.toml", 2, "`learning.toml` measures by what the pictures show"),
        ("norms.toml --share 3/2", 2, "a share is I/N"),
    ] {
        let ran = scene.run(&format!("experiment {command} --data photos"));
        assert_eq!(ran.code, code, "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{command}: {}", ran.stderr);
    }
    assert_eq!(scene.names(""), before);
    assert_eq!(text(&scene, "own/results.md"), "# Mine\n");
    let listed = said(&scene, "experiment --list");
    assert!(listed.lines().any(|line| line.starts_with("quick ")), "{listed}");
}
