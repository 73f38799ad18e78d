//! `stylegan plot`

use std::fmt::Write as _;
use std::fs;

use image::Rgb;

use crate::scene::Scene;

/// A line of `stats.jsonl`.
fn tick(kimg: u32, resolution: usize) -> String {
    let loss = 10.0 / f64::from(kimg);
    let seconds = 60.0 * f64::from(kimg);
    let swd = if kimg < 5 { "null" } else { "0.25" };
    format!(
        "{{\"tick\":{kimg},\"kimg\":{kimg}.0,\"step\":{kimg},\"lod\":0.0,\"resolution\":{resolution},\"g_loss\":-{loss},\
         \"d_loss\":{loss},\"real_score\":1.5,\"fake_score\":-1.5,\"gradient_norm\":0.0,\"swd\":{swd},\
         \"images_per_sec\":99.5,\"elapsed_sec\":{seconds},\"penalty\":0.5}}\n"
    )
}

/// Makes the folder of a run with so many ticks and two lines of a measure.
fn run(scene: &Scene, folder: &str, ticks: u32) {
    fs::create_dir_all(scene.path(folder)).unwrap();
    let stats: String = (1..=ticks).map(|kimg| tick(kimg, if kimg < 5 { 8 } else { 16 })).collect();
    fs::write(scene.path(folder).join("stats.jsonl"), stats).unwrap();
    let mut measured = String::new();
    for (kimg, value) in [(2, 9.0), (4, 7.0)] {
        writeln!(
            measured,
            "{{\"results\":{{\"swd\":{value},\"swd_16\":{value}}},\"kimg\":{kimg},\"resolution\":16}}"
        )
        .unwrap();
    }
    fs::write(scene.path(folder).join("metric-swd.jsonl"), measured).unwrap();
}

fn text(scene: &Scene, name: &str) -> String {
    String::from_utf8(scene.bytes(name)).unwrap()
}

#[test]
fn a_page_shows_what_people_look_at() {
    let scene = Scene::empty();
    run(&scene, "runs/00000-a<&b", 9);
    let words = scene.draws("plot 'runs/00000-a<&b' --out page.svg");
    assert_eq!(words, "wrote 6 panels of 1200x800 to `page.svg`\n");
    let svg = text(&scene, "page.svg");
    for part in [
        "00000-a&lt;&amp;b",
        "critic",
        "reals",
        "penalty",
        "images/s",
        "swd, lower is better",
        "swd_16",
        "16x16",
        "kimg",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    // Zeros are what the loss has no number for.
    assert!(!svg.contains("norm of"));
    let words = scene.draws("plot 'runs/00000-a<&b' --size 640x480 --title '' --out page.png");
    assert_eq!(words, "wrote 6 panels of 640x480 to `page.png`\n");
    let picture = scene.picture("page.png");
    assert_eq!(picture.dimensions(), (640, 480));
    for color in [Rgb([0, 114, 178]), Rgb([213, 94, 0])] {
        assert!(picture.pixels().any(|pixel| *pixel == color));
    }
}

#[test]
fn several_runs_have_a_panel_for_each_value() {
    let scene = Scene::empty();
    run(&scene, "a/00000-x", 9);
    run(&scene, "b/00000-x", 5);
    run(&scene, "b/00001-y", 1);
    let words = scene.draws(
        "plot a/00000-x b/00000-x b/00001-y --values d_loss,g_loss,metric-swd,lod --log --out plot.svg",
    );
    assert_eq!(
        words,
        "`loss, generator` stays linear: it has values below 0\nwrote 4 panels of 1200x800 to `plot.svg`\n"
    );
    let svg = text(&scene, "plot.svg");
    for part in [
        "a/00000-x",
        "b/00000-x",
        "00001-y",
        "loss, critic",
        "loss, generator",
        "swd, lower is better",
        "lod",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    scene.draws("plot a/00000-x --values g_loss,d_loss --out one.svg");
    assert!(!text(&scene, "one.svg").contains("loss, critic"));
    // The first number of a measure alone, and no sides of pictures: runs grow at different times.
    scene.draws("plot a/00000-x b/00000-x --out page.svg");
    let svg = text(&scene, "page.svg");
    assert!(!svg.contains("swd_16") && !svg.contains("16x16"));
}

#[test]
fn files_are_taken_one_by_one() {
    let scene = Scene::empty();
    run(&scene, "00000-x", 9);
    scene.draws("plot 00000-x/metric-swd.jsonl --out measure.svg");
    let svg = text(&scene, "measure.svg");
    assert!(svg.contains("swd, lower is better") && svg.contains("00000-x") && !svg.contains("critic"));
    scene.draws("plot 00000-x/metric-swd.jsonl 00000-x/stats.jsonl --values swd,d_loss --out both.svg");
    assert!(text(&scene, "both.svg").contains("critic"));
}

#[test]
fn the_time_of_training_is_an_axis_as_well() {
    let scene = Scene::empty();
    run(&scene, "00000-x", 9);
    scene.draws("plot 00000-x --over seconds --smooth 3 --out plot.svg");
    assert!(text(&scene, "plot.svg").contains("minutes of training"));
    // The measure has its seconds from the statistics beside it.
    scene.draws("plot 00000-x/metric-swd.jsonl --over seconds --out measure.svg");
    fs::remove_file(scene.path("00000-x/stats.jsonl")).unwrap();
    scene.refuses(
        "plot 00000-x --over seconds --out no.svg",
        1,
        "error: `00000-x` does not tell its seconds\n\n\
         hint: they stand in `stats.jsonl` of the run; `--over kimg` does without\n",
    );
}

#[test]
fn files_of_strangers_are_read_as_far_as_they_go() {
    let scene = Scene::empty();
    fs::create_dir(scene.path("run")).unwrap();
    let long = "9".repeat(1 << 17);
    let name = "n".repeat(1000);
    let lines = format!(
        "{}what\n\n[1,2]\n{{\"kimg\":1e999}}\n{{\"kimg\":-3,\"d_loss\":1}}\n{long}\n\
         {{\"kimg\":3,\"d_loss\":1e300,\"{name}\":1,\"\\u001b[31m<&\":4}}\n{{\"kimg\":4,\"d_loss\":-1e300}}\n{{\"kimg\":5,\"d_lo",
        tick(2, 8)
    );
    fs::write(scene.path("run/stats.jsonl"), [lines.as_bytes(), b"\xff"].concat()).unwrap();
    fs::write(scene.path("run/metric-x.jsonl"), "{\"results\":{\"x\":null},\"kimg\":1}\n").unwrap();
    let words = scene.draws("plot run --log --out plot.svg");
    assert!(words.starts_with("`run/stats.jsonl`: 5 lines could not be read\n"), "{words}");
    let svg = text(&scene, "plot.svg");
    assert!(svg.contains("\u{fffd}[31m&lt;&amp;") && !svg.contains(&name));
    scene.draws("plot run --out plot.png");
}

#[test]
fn runs_without_values_are_left_out_or_refused() {
    let scene = Scene::empty();
    run(&scene, "runs/00000-x", 1);
    fs::create_dir(scene.path("runs/00001-y")).unwrap();
    fs::write(scene.path("runs/00001-y/stats.jsonl"), "").unwrap();
    let words = scene.draws("plot runs/00000-x runs/00001-y --out plot.png");
    assert_eq!(words, "`runs/00001-y` has nothing to plot yet\nwrote 5 panels of 1200x800 to `plot.png`\n");
    scene.refuses(
        "plot runs/00001-y --out no.png",
        1,
        "`runs/00001-y` has nothing to plot yet\nerror: there is nothing to plot\n\n\
         hint: a run writes its first line after a tick\n",
    );
    scene.refuses(
        "plot runs --out no.png",
        1,
        "error: `runs` holds no `stats.jsonl`\n\nhint: it holds runs: `stylegan plot runs/00000-x`\n",
    );
    scene.refuses(
        "plot missing --out no.png",
        1,
        "error: there is no run `missing`\n\n\
         hint: give the folder of a run, such as `runs/00000-NAME`, or its file `stats.jsonl`\n",
    );
    scene.refuses(
        "plot plot.png --out no.png",
        1,
        "error: `plot.png` is no file of curves\n\n\
         hint: give a file `stats.jsonl` or `metric-NAME.jsonl`, or the folder of a run\n",
    );
}

#[test]
fn unknown_values_are_refused_with_the_nearest() {
    let scene = Scene::empty();
    fs::create_dir(scene.path("run")).unwrap();
    fs::write(scene.path("run/stats.jsonl"), "{\"kimg\":1,\"d_loss\":2,\"g_loss\":3,\"lod\":0}\n").unwrap();
    scene.refuses(
        "plot run --values dloss --out no.png",
        2,
        "error: `--values dloss`: no run has a value of this name\n\n\
         hint: did you mean `d_loss`? the values are `d_loss`, `g_loss`, `lod`\n",
    );
    scene.refuses(
        "plot run --values d_loss,?? --out no.png",
        2,
        "error: `--values ??`: no run has a value of this name\n\n\
         hint: the values are `d_loss`, `g_loss`, `lod`\n",
    );
}

#[test]
fn nothing_is_overwritten_and_endings_tell_formats() {
    let scene = Scene::empty();
    run(&scene, "run", 3);
    for name in ["plot.png", "plot.svg"] {
        fs::write(scene.path(name), "mine").unwrap();
        scene.refuses(
            &format!("plot run --out {name}"),
            1,
            &format!(
                "error: `{name}` exists; nothing was overwritten\n\n\
                 hint: give another name, or `--force` to overwrite it\n"
            ),
        );
        assert_eq!(scene.bytes(name), b"mine");
        scene.draws(&format!("plot run --out {name} --force"));
        assert_ne!(scene.bytes(name), b"mine");
    }
    scene.refuses(
        "plot run --out plot.pdf",
        2,
        "error: `--out plot.pdf` is of a kind that is not written\n\n\
         hint: plots are written as PNG or SVG: `--out plot.png`\n",
    );
    scene.refuses(
        "plot run --out run",
        1,
        "error: `--out run` is a folder\n\nhint: name a file in it: `--out run/plot.png`\n",
    );
}
