//! `stylegan figure`

use image::{ColorType, DynamicImage, GenericImageView, RgbImage};
use stylegan_generator::SeedStyle;
use stylegan_media::{read_text, save_png_with_texts};
use stylegan_ops::Resolution;

use crate::scene::Scene;

const NETWORK: &str = "--checkpoint net.safetensors";

/// Every figure, small.
const FIGURES: [&str; 5] = [
    "figure uncurated --rows 1",
    "figure mixing --sources 3,4 --destinations 5-7",
    "figure noise --seeds 3",
    "figure noise-detail --seeds 3,9 --draws 6",
    "figure truncation --seeds 3,4 --psi 1,0,-1",
];

/// The part of a picture of 16x16 pixels that stands in this column and row.
fn cell(figure: &RgbImage, column: u32, row: u32) -> RgbImage {
    figure.view(16 * column, 16 * row, 16, 16).to_image()
}

/// The picture of a seed.
fn single(scene: &Scene, seed: u32, options: &str) -> RgbImage {
    scene.draws(&format!("sample {NETWORK} --seeds {seed} {options} --out single.png --force"));
    scene.picture("single.png")
}

#[test]
fn truncation_leads_from_seeds_through_the_mean_to_their_opposites() {
    let scene = Scene::new();
    let words = scene.draws(&format!("figure truncation {NETWORK} --out psi.png"));
    assert_eq!(words, "wrote 6x2 pictures of 16x16 to `psi.png`\n");
    let figure = scene.picture("psi.png");
    assert_eq!(figure.dimensions(), (6 * 16, 2 * 16));
    for (row, seed) in [91, 388].into_iter().enumerate() {
        for (column, psi) in ["1", "0.7", "0.5", "0", "-0.5", "-1"].into_iter().enumerate() {
            let expected = single(&scene, seed, &format!("--truncation-psi {psi} --truncation-cutoff 18"));
            assert_eq!(cell(&figure, column as u32, row as u32), expected, "{seed} {psi}");
        }
    }
    assert_eq!(cell(&figure, 3, 0), cell(&figure, 3, 1), "the mean is nobody's");
    assert_ne!(cell(&figure, 2, 0), cell(&figure, 2, 1));
    // In the first layers alone, the mean keeps something of each.
    scene.draws(&format!("figure truncation {NETWORK} --psi 1,0 --truncation-cutoff 2 --out first.png"));
    let first = scene.picture("first.png");
    assert_eq!(cell(&first, 0, 1), cell(&figure, 0, 1));
    assert_ne!(cell(&first, 1, 0), cell(&first, 1, 1));
}

#[test]
fn noise_is_in_all_layers_none_the_fine_and_the_coarse_ones() {
    let scene = Scene::new();
    let words = scene.draws(&format!("figure noise {NETWORK} --out noise.png"));
    assert_eq!(
        words,
        "wrote 4x2 pictures of 16x16 to `noise.png`\n\
         from left to right: noise in all layers, in none, in 4-5 alone, in 0-3 alone\n"
    );
    let figure = scene.picture("noise.png");
    assert_eq!(figure.dimensions(), (4 * 16, 2 * 16));
    for (row, seed) in [1967, 1555].into_iter().enumerate() {
        let columns = [0, 1, 2, 3].map(|column| cell(&figure, column, row as u32));
        let expected = ["const", "none"]
            .map(|mode| single(&scene, seed, &format!("--truncation-psi 1 --noise-mode {mode}")));
        assert_eq!(columns[..2], expected);
        for (column, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            assert_ne!(columns[column], columns[other], "{column} {other}");
        }
    }
    scene.draws(&format!("figure noise {NETWORK} --fine-from 1 --out first.png"));
    let first = scene.picture("first.png");
    assert_eq!([cell(&first, 0, 0), cell(&first, 1, 0)], [cell(&figure, 0, 0), cell(&figure, 1, 0)]);
    assert_ne!(cell(&first, 2, 0), cell(&figure, 2, 0));
}

#[test]
fn noise_is_looked_at_closely() {
    let scene = Scene::new();
    let words = scene.draws(&format!("figure noise-detail {NETWORK} --draws 9 --area 4x4+6+5 --out d.png"));
    assert_eq!(
        words,
        "wrote 2 rows of pictures of 16x16 to `d.png`\n\
         from left to right: the picture, 4x4+6+5 of it in four draws of noise, the standard deviation of 9 draws times 4\n"
    );
    let figure = scene.picture("d.png");
    assert_eq!(figure.dimensions(), (3 * 16, 2 * 16));
    for (row, seed) in [1157, 1012].into_iter().enumerate() {
        let [picture, close, deviation] = [0, 1, 2].map(|column| cell(&figure, column, row as u32));
        assert_eq!(picture, single(&scene, seed, "--truncation-psi 1 --noise-mode random"));
        for (x, y, pixel) in close.view(0, 0, 8, 8).pixels() {
            assert_eq!(pixel, *picture.get_pixel(6 + x / 2, 5 + y / 2), "{x} {y}");
        }
        for (left, top) in [(8, 0), (0, 8), (8, 8)] {
            assert_ne!(close.view(left, top, 8, 8).to_image(), close.view(0, 0, 8, 8).to_image());
        }
        assert!(deviation.pixels().all(|pixel| pixel.0 == [pixel.0[0]; 3]), "it is grey");
        assert!(deviation.pixels().any(|pixel| pixel.0[0] > 8));
    }
    // Where all draws are one, nothing deviates.
    let recipe = read_text(&scene.path("d.png"), "stylegan").unwrap().unwrap();
    let constant = recipe.replace(r#""noise_mode":"random""#, r#""noise_mode":"const""#);
    assert_ne!(constant, recipe);
    save_png_with_texts(&scene.path("c.png"), &figure.into(), &[("stylegan", &constant)], false).unwrap();
    scene.draws(&format!("sample {NETWORK} --like c.png --out again.png"));
    let figure = scene.picture("again.png");
    let [picture, close, deviation] = [0, 1, 2].map(|column| cell(&figure, column, 0));
    assert_eq!(picture, single(&scene, 1157, "--truncation-psi 1"));
    for (left, top) in [(8, 0), (0, 8), (8, 8)] {
        assert_eq!(close.view(left, top, 8, 8).to_image(), close.view(0, 0, 8, 8).to_image());
    }
    assert!(deviation.pixels().all(|pixel| pixel.0 == [0; 3]));
}

#[test]
fn uncurated_pictures_shrink_from_column_to_column() {
    let scene = Scene::new();
    // The paper's 3s are more than pictures of 16x16 can be halved.
    let words = scene.draws(&format!("figure uncurated {NETWORK} --out all.png"));
    assert_eq!(words, "wrote 33 uncurated pictures of 16x16 to `all.png`\n");
    let figure = scene.picture("all.png");
    assert_eq!(figure.dimensions(), (16 + 8 + 4 + 4, 3 * 16));
    let mut seeds = 5..;
    for (left, lod) in [(0, 0), (16, 1), (24, 2), (28, 2)] {
        let (side, block) = (16 >> lod, 1 << lod);
        for row in 0..3 * block {
            let seed = seeds.next().unwrap();
            let whole = single(&scene, seed, "");
            let shrunk = figure.view(left, row * side, side, side).to_image();
            for (x, y, pixel) in shrunk.enumerate_pixels() {
                let block = whole.view(x * block, y * block, block, block).to_image();
                for (channel, &value) in pixel.0.iter().enumerate() {
                    let sum: f64 = block.pixels().map(|pixel| f64::from(pixel.0[channel])).sum();
                    let mean = sum / f64::from(block.width() * block.height());
                    // A mean of values before they became whole numbers.
                    let tolerance = if lod == 0 { 0.0 } else { 1.0 };
                    assert!((f64::from(value) - mean).abs() <= tolerance, "{seed}: {value}, {mean}");
                }
            }
        }
    }
    scene.draws(&format!("figure uncurated {NETWORK} --seed 8 --lods 1,0 --rows 1 --out some.png"));
    let some = scene.picture("some.png");
    assert_eq!(some.dimensions(), (24, 16));
    assert_eq!(some.view(0, 0, 8, 16).to_image(), figure.view(16, 0, 8, 16).to_image());
    assert_eq!(some.view(8, 0, 16, 16).to_image(), single(&scene, 10, ""));
}

#[test]
fn rows_of_the_mixing_figure_take_coarse_middle_and_fine_styles() {
    let scene = Scene::new();
    let words = scene.draws(&format!("figure mixing {NETWORK} --out mixing.png"));
    assert_eq!(
        words,
        "wrote 5x6 mixes of 16x16 to `mixing.png`\n\
         from top to bottom: 3 rows by layers 0-1, 2 rows by layers 2-3, 1 row by layers 4-5\n"
    );
    let mix = "mix --rows 888,829,1898,1733,1614,845 --cols 639,701,687,615,2268 --truncation-psi 1";
    scene.draws(&format!("{mix} {NETWORK} --styles 0-1/0-1/0-1/2-3/2-3/4-5 --out mix.png"));
    assert!(scene.picture("mix.png") == scene.picture("mixing.png"), "other pixels");
    // Each row is that of a figure whose rows all have its layers.
    for (styles, rows) in [("0-1", 0..3), ("2-3", 3..5), ("4-5", 5..6)] {
        scene.draws(&format!("{mix} {NETWORK} --styles {styles} --out {styles}.png"));
        let (one, all) = (scene.picture(&format!("{styles}.png")), scene.picture("mixing.png"));
        for row in 0..6 {
            let [one, all] = [&one, &all].map(|figure| figure.view(18, 18 + 16 * row, 5 * 16, 16).to_image());
            assert_eq!(one == all, rows.contains(&row), "{styles} {row}");
        }
    }
    let words = scene.draws(&format!("figure mixing {NETWORK} --destinations 1,2 --styles 3 --out one.png"));
    assert_eq!(words, "wrote 5x2 mixes of 16x16 to `one.png`\n");
}

#[test]
fn every_figure_is_drawn_again_to_the_same_bytes() {
    let scene = Scene::new();
    for figure in FIGURES {
        let options =
            if figure.contains("detail") { "--noise-seed 7" } else { "--noise-mode random --noise-seed 7" };
        scene.draws(&format!("{figure} {options} {NETWORK} --seed-style numpy --out a.png --force"));
        scene.draws(&format!("sample {NETWORK} --like a.png --out again.png --force"));
        assert_eq!(scene.bytes("again.png"), scene.bytes("a.png"), "{figure}");
    }
}

#[test]
fn figures_of_networks_of_every_shape() {
    let scene = Scene::empty();
    let network = |name: &str, lod, width, height, num_channels, label_dim| {
        scene.checkpoint_with(name, lod, SeedStyle::Native, |generator| {
            generator.resolution = Resolution { width, height };
            (generator.num_channels, generator.label_dim) = (num_channels, label_dim);
        });
    };
    network("grey", 0.0, 16, 12, 1, 0);
    network("alpha", 0.0, 12, 24, 4, 0);
    network("labels", 0.0, 8, 8, 3, 3);
    // 16x12 in the middle of growing from 8x6.
    network("growing", 0.5, 16, 12, 3, 0);
    network("small", 1.0, 16, 12, 3, 0);
    for (name, (width, height), color, options) in [
        ("grey", (16, 12), ColorType::L8, ""),
        ("alpha", (12, 24), ColorType::Rgba8, ""),
        ("labels", (8, 8), ColorType::Rgb8, "--class 2"),
        ("growing", (16, 12), ColorType::Rgb8, ""),
        ("small", (8, 6), ColorType::Rgb8, ""),
    ] {
        for figure in FIGURES {
            scene.draws(&format!("{figure} --checkpoint {name} {options} --out a.png --force"));
            let picture = image::open(scene.path("a.png")).unwrap();
            assert_eq!(picture.color(), color, "{figure} {name}");
            let rows = match figure.split(' ').nth(1).unwrap() {
                "uncurated" | "noise" => Some(1),
                "noise-detail" | "truncation" => Some(2),
                _ => None,
            };
            if let Some(rows) = rows {
                assert_eq!(picture.height(), rows * height, "{figure} {name}");
            }
            let columns = match figure.split(' ').nth(1).unwrap() {
                "noise" => Some(4),
                "noise-detail" | "truncation" => Some(3),
                _ => None,
            };
            if let Some(columns) = columns {
                assert_eq!(picture.width(), columns * width, "{figure} {name}");
            }
            scene.draws(&format!("sample --checkpoint {name} --like a.png --out again.png --force"));
            assert_eq!(scene.bytes("again.png"), scene.bytes("a.png"), "{figure} {name}");
        }
    }
    // Deviations are seen, whatever the picture lets through.
    scene.draws("figure noise-detail --checkpoint alpha --seeds 1 --draws 4 --out a.png --force");
    let DynamicImage::ImageRgba8(picture) = image::open(scene.path("a.png")).unwrap() else {
        panic!("alpha")
    };
    assert!(picture.view(24, 0, 12, 24).pixels().all(|(_, _, pixel)| pixel.0[3] == 255));
    scene.refuses(
        "figure noise --checkpoint labels --out out.png",
        2,
        "error: this network has 3 labels, but no `--class` was given\n\nhint: `--class N` takes a number from 0 to 2\n",
    );
}

#[test]
fn what_a_network_does_not_have_is_not_shown() {
    let scene = Scene::empty();
    scene.checkpoint_with("plain", 0.0, SeedStyle::Native, |generator| {
        (generator.styles, generator.const_input, generator.noise) = (false, false, false);
    });
    scene.refuses(
        "figure mixing --checkpoint plain --out out.png",
        1,
        "error: this network has no styles, so there are none to be mixed\n\n\
         hint: it is a row of the ablation without them, such as `ablation/a`\n",
    );
    for figure in ["noise", "noise-detail"] {
        scene.refuses(
            &format!("figure {figure} --checkpoint plain --out out.png"),
            1,
            "error: this network has no noise, so there is none to be shown\n\n\
             hint: it is a row of the ablation without it, such as `ablation/d`\n",
        );
    }
    scene.draws("figure truncation --checkpoint plain --out psi.png");
    scene.draws("figure uncurated --checkpoint plain --out uncurated.png");
}

#[test]
fn what_makes_no_figure() {
    let scene = Scene::new();
    for (arguments, code, words) in [
        (
            "truncation --out many",
            2,
            "`--out many` is no PNG file\n\nhint: the figure is one picture, `--out NAME.png`\n",
        ),
        ("noise --noise-mode none --out a.png", 2, "`--noise-mode none` leaves no noise to be shown\n"),
        (
            "noise --fine-from 6 --out a.png",
            2,
            "`--fine-from 6` is not from 1 to 5\n\nhint: layers are counted from 0 to 5\n",
        ),
        (
            "uncurated --lods 0,3 --out a.png",
            2,
            "`--lods` names level 3, but pictures of 16x16 are halved at most 2 times\n",
        ),
        (
            "uncurated --lods 0,0,0,0,0,0,0,0,0,0,0 --rows 100000 --out a.png",
            1,
            "the figure would have 176x1600000 pixels, 281,600,000, more than 268,435,456\n\nhint: take fewer seeds\n",
        ),
        (
            "noise-detail --area 4x4+13+0 --out a.png",
            2,
            "`--area 4x4+13+0` does not lie in a picture of 16x16\n",
        ),
        (
            "mixing --styles 0/1 --out a.png",
            2,
            "`--styles` has layers for 2 rows, but there are 6 rows\n\n\
             hint: `--styles 0-3` is for all rows, `--styles 0-3/4-7` for two\n",
        ),
        (
            "truncation --seeds 0-999999 --out a.png",
            1,
            "6x1000000 pictures of 16x16 make a picture of 1,536,000,000 pixels, more than 268,435,456\n\n\
             hint: take fewer seeds\n",
        ),
        (
            "uncurated --seed 4294967290 --seed-style numpy --out a.png",
            2,
            "there is no seed 4294967296 in the style of numpy, the last one is 4294967295\n\n\
             hint: `--seed-style native` takes it, but other seeds draw other pictures then\n",
        ),
    ] {
        scene.refuses(&format!("figure {arguments} {NETWORK}"), code, &format!("error: {words}"));
    }
    std::fs::write(scene.path("out.png"), "precious").unwrap();
    for figure in FIGURES {
        scene.refuses(
            &format!("{figure} {NETWORK} --out out.png"),
            1,
            "error: `out.png` exists; nothing was overwritten\n\nhint: give another name, or `--force` to overwrite it\n",
        );
    }
}

#[test]
fn recipes_of_figures_may_ask_for_anything() {
    let scene = Scene::new();
    for (figure, from, to, words) in [
        (0, r#""rows":1"#, r#""rows":4294967295"#, "more than 268,435,456"),
        (0, r#""lods":"0,1,2,2""#, r#""lods":"4294967295""#, "halved at most 2 times"),
        (0, r#""seed":5"#, r#""seed":-5"#, "cannot be understood"),
        (1, r#""styles":"0-1/2-3/4-5""#, r#""styles":"0-1/2-3""#, "not as many lists of layers as rows"),
        (1, r#""styles":"0-1/2-3/4-5""#, r#""styles":"99""#, "layer 99"),
        (3, r#""draws":6"#, r#""draws":3"#, "from 4 to 100,000 draws of noise, not 3"),
        (3, r#""area":"4x4+10+2""#, r#""area":"4x4+4294967295+2""#, "does not lie in a picture"),
        (4, r#""psi":"1,0,-1""#, r#""psi":"1e9""#, "is no psi"),
        (4, r#""layers":6"#, r#""layers":6,"wings":2"#, "unknown key `wings`"),
    ] {
        scene.draws(&format!("{} {NETWORK} --out a.png --force", FIGURES[figure]));
        let good = read_text(&scene.path("a.png"), "stylegan").unwrap().unwrap();
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        let picture = scene.picture("a.png").into();
        save_png_with_texts(&scene.path("bad.png"), &picture, &[("stylegan", &bad)], true).unwrap();
        let ran = scene.run(&format!("sample {NETWORK} --like bad.png --out b.png"));
        assert!(matches!(ran.code, 1 | 2), "{bad}: {}", ran.stderr);
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("panicked"), "{bad}: {}", ran.stderr);
        assert!(!scene.path("b.png").exists(), "{bad}");
    }
    // Layers that the network does not have take no noise, and no truncation.
    scene.draws(&format!("figure noise --seeds 3 {NETWORK} --out n.png"));
    let recipe = read_text(&scene.path("n.png"), "stylegan").unwrap().unwrap();
    let beyond = recipe.replace(r#""fine_from":4"#, r#""fine_from":18446744073709551615"#);
    let picture = scene.picture("n.png").into();
    save_png_with_texts(&scene.path("beyond.png"), &picture, &[("stylegan", &beyond)], true).unwrap();
    scene.draws(&format!("sample {NETWORK} --like beyond.png --out drawn.png"));
    let figure = scene.picture("drawn.png");
    assert_eq!([cell(&figure, 2, 0), cell(&figure, 3, 0)], [cell(&figure, 1, 0), cell(&figure, 0, 0)]);
}

#[test]
fn pictures_say_which_figure_they_are() {
    let scene = Scene::new();
    for (figure, lines) in FIGURES.into_iter().zip([
        "figure uncurated`\n\
         seeds        11 from 5 on, down each column\n\
         columns      lod 0,1,2,2, from left to right\n\
         drawn with   psi 0.7 in 8 layers, stored noise, native seeds\n",
        "mix`\n\
         rows         5-7, from top to bottom\n\
         columns      3-4, from left to right\n\
         styles       layers 0-1 / 2-3 / 4-5, from top to bottom\n\
         drawn with   no truncation, stored noise, native seeds\n",
        "figure noise`\n\
         rows         3, from top to bottom\n\
         columns      noise in all layers, none, from 4 on alone, below 4 alone\n\
         drawn with   no truncation, stored noise, native seeds\n",
        "figure noise-detail`\n\
         rows         3,9, from top to bottom\n\
         columns      the picture, 4x4+10+2 of it in four draws, deviation of 6 draws times 4\n\
         drawn with   no truncation, random noise of seed 0, native seeds\n",
        "figure truncation`\n\
         rows         3-4, from top to bottom\n\
         columns      psi 1,0,-1 in 6 layers, from left to right\n\
         drawn with   stored noise, native seeds\n",
    ]) {
        scene.draws(&format!("{figure} {NETWORK} --out a.png --force"));
        let told = scene.run("inspect a.png").stdout;
        let (_, kind) = told.split_once("picture of `stylegan ").unwrap();
        let (name, rest) = kind.split_once('\n').unwrap();
        // Beside the checkpoint's hash and how to draw it again.
        let kept: Vec<&str> = rest.lines().skip(1).filter(|line| !line.starts_with("again ")).collect();
        assert_eq!(format!("{name}\n{}\n", kept.join("\n")), lines, "{told}");
    }
}
