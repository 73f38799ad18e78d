//! `stylegan sample`

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use image::GenericImageView;
use stylegan_generator::SeedStyle;

use crate::scene::Scene;

const SAMPLE: &str = "sample --checkpoint net.safetensors";

#[test]
fn the_picture_of_a_seed_does_not_depend_on_its_company() {
    let scene = Scene::new();
    for noise in ["const", "random", "none"] {
        let options = format!("{SAMPLE} --noise-mode {noise} --force");
        scene.draws(&format!("{options} --seeds 7 --out alone.png"));
        scene.draws(&format!("{options} --seeds 0-4,7,9 --out many"));
        scene.draws(&format!("{options} --seeds 9,7,3 --grid 3x1 --out grid.png"));
        assert_eq!(scene.bytes("alone.png"), scene.bytes("many/seed0007.png"), "{noise}");
        let grid = scene.picture("grid.png");
        for (column, seed) in [9, 7, 3].into_iter().enumerate() {
            let cell = grid.view(column as u32 * 16, 0, 16, 16).to_image();
            assert_eq!(cell, scene.picture(&format!("many/seed000{seed}.png")), "{noise} {seed}");
        }
        assert_ne!(scene.picture("many/seed0003.png"), scene.picture("many/seed0007.png"));
    }
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let scene = Scene::new();
    for name in ["a.png", "b.png"] {
        let words =
            scene.draws(&format!("{SAMPLE} --seeds 0-4 --noise-mode random --noise-seed 3 --out {name}"));
        assert_eq!(words, format!("wrote 5 pictures of 16x16 to `{name}`\n"));
    }
    assert_eq!(scene.bytes("a.png"), scene.bytes("b.png"));
    // Five pictures nearly square: three columns, two rows.
    assert_eq!(scene.picture("a.png").dimensions(), (48, 32));
}

#[test]
fn every_option_changes_the_picture() {
    let scene = Scene::new();
    let mut seen = Vec::new();
    for (i, options) in [
        "",
        "--truncation-psi 1",
        "--truncation-psi -0.5",
        "--truncation-cutoff 2",
        "--noise-mode none",
        "--noise-mode random",
        "--noise-mode random --noise-seed 1",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{i}.png");
        scene.draws(&format!("{SAMPLE} --seeds 5 {options} --out {name}"));
        let picture = scene.picture(&name);
        assert!(!seen.contains(&picture), "{options}");
        seen.push(picture);
    }
}

#[test]
fn a_run_folder_stands_for_its_newest_snapshot() {
    let scene = Scene::empty();
    std::fs::create_dir(scene.path("run")).unwrap();
    scene.checkpoint("run/network-snapshot-000100.safetensors", 0.0, 0);
    scene.checkpoint("run/network-snapshot-000090.safetensors", 1.0, 0);
    scene.draws("sample --checkpoint run --seeds 1 --out out.png");
    assert_eq!(scene.picture("out.png").dimensions(), (16, 16));
}

#[test]
fn a_network_that_is_growing_draws_at_its_side() {
    let scene = Scene::empty();
    scene.checkpoint("half.safetensors", 1.25, 0);
    let words = scene.draws("sample --checkpoint half.safetensors --seeds 1 --out out.png");
    assert_eq!(
        words,
        "`half.safetensors` is in the middle of growing: pictures are 8x8 (lod 1.25 of 16x16)\n\
         wrote 1 picture of 8x8 to `out.png`\n"
    );
    assert_eq!(scene.picture("out.png").dimensions(), (8, 8));
}

#[test]
fn layers_are_truncated_each_as_far_as_it_is_asked() {
    let scene = Scene::new();
    for (out, flags) in [
        ("two.png", "--truncation-psi 0.5 --truncation-cutoff 2"),
        ("both.png", "--truncation-layers 0.5,0.5"),
        ("whole.png", "--truncation-psi 1"),
        ("third.png", "--truncation-layers 1,1,-1"),
    ] {
        scene.draws(&format!("{SAMPLE} --seeds 1 {flags} --out {out}"));
    }
    assert_eq!(scene.picture("both.png"), scene.picture("two.png"));
    assert_ne!(scene.picture("third.png"), scene.picture("whole.png"));
    scene.draws(&format!("{SAMPLE} --like third.png --out again.png"));
    assert_eq!(scene.picture("again.png"), scene.picture("third.png"));
    let said = scene.run("inspect third.png").stdout;
    assert!(said.contains("psi 1,1,-1 of the layers from the coarsest on"), "{said}");
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --truncation-layers 1,1,1,1,1,1,0 --out out.png"),
        2,
        "error: layer 6 is asked for, but the network has 6 layers\n\nhint: layers are counted from 0 to 5\n",
    );
}

#[test]
fn labels_are_asked_for_where_there_are_some() {
    let scene = Scene::new();
    scene.checkpoint("labels.safetensors", 0.0, 3);
    let labels = "sample --checkpoint labels.safetensors --seeds 1";
    scene.draws(&format!("{labels} --class 0 --out 0.png"));
    scene.draws(&format!("{labels} --class 2 --out 2.png"));
    assert_ne!(scene.picture("0.png"), scene.picture("2.png"));
    scene.refuses(
        &format!("{labels} --out out.png"),
        2,
        "error: this network has 3 labels, but no `--class` was given\n\nhint: `--class N` takes a number from 0 to 2\n",
    );
    for class in ["3", "cat", "1.0"] {
        scene.refuses(
            &format!("{labels} --class {class} --out out.png"),
            2,
            &format!(
                "error: `--class {class}` is not from 0 to 2\n\n\
                 hint: the classes of this network have numbers and no names\n"
            ),
        );
    }
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --class 0 --out out.png"),
        2,
        "error: `--class` was given, but this network has no labels\n",
    );
}

#[test]
fn nothing_is_overwritten_unasked() {
    let scene = Scene::new();
    std::fs::write(scene.path("out.png"), "precious").unwrap();
    std::fs::create_dir(scene.path("many")).unwrap();
    std::fs::write(scene.path("many/seed0002.png"), "precious").unwrap();
    let hint = "hint: give another name, or `--force` to overwrite it\n";
    // Said before the checkpoint is even looked at.
    for checkpoint in ["net.safetensors", "missing"] {
        scene.refuses(
            &format!("sample --checkpoint {checkpoint} --seeds 1 --out out.png"),
            1,
            &format!("error: `out.png` exists; nothing was overwritten\n\n{hint}"),
        );
        scene.refuses(
            &format!("sample --checkpoint {checkpoint} --seeds 1-3 --out many"),
            1,
            &format!("error: `many/seed0002.png` exists; nothing was overwritten\n\n{hint}"),
        );
    }
    assert_eq!(scene.names("many"), ["seed0002.png"]);
    assert_eq!(scene.bytes("out.png"), b"precious");
    scene.draws(&format!("{SAMPLE} --seeds 1-3 --force --out many"));
    assert_eq!(scene.names("many"), ["seed0001.png", "seed0002.png", "seed0003.png"]);
    assert_eq!(scene.picture("many/seed0002.png").dimensions(), (16, 16));
    // Others' files are no obstacle.
    scene.draws(&format!("{SAMPLE} --seeds 4 --out many"));
}

#[test]
fn places_that_cannot_be_written() {
    let scene = Scene::new();
    for out in ["missing/out.png", "missing/many"] {
        scene.refuses(
            &format!("{SAMPLE} --seeds 1 --out {out}"),
            1,
            "error: the folder `missing` does not exist\n\nhint: `mkdir -p missing` makes it\n",
        );
    }
    std::fs::write(scene.path("plain"), "").unwrap();
    let png_or_folder =
        "hint: pictures are written as PNG, `--out NAME.png`, or one by one into a folder, `--out DIR`\n";
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --out plain"),
        1,
        &format!("error: `plain` is a file, not a folder\n\n{png_or_folder}"),
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --out net.safetensors"),
        1,
        "error: `net.safetensors` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --out out.jpg"),
        2,
        &format!("error: `--out out.jpg` is of a kind that is not written\n\n{png_or_folder}"),
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --out out.gif"),
        2,
        "error: `--out out.gif`: single pictures make no film\n\n\
         hint: `stylegan interpolate` writes a walk between seeds as a film\n",
    );
}

#[test]
fn grids_that_do_not_fit() {
    let scene = Scene::new();
    scene.refuses(
        &format!("{SAMPLE} --seeds 0-4 --grid 2x2 --out out.png"),
        2,
        "error: `--grid 2x2` has 4 cells, but 5 seeds were given\n\nhint: leave `--grid` out for a grid that fits\n",
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 0-3 --grid 2x2 --out many"),
        2,
        "error: `--grid` makes one picture, but `--out many` is a folder\n\n\
         hint: give a file, `--out NAME.png`, or leave `--grid` out\n",
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 0 --grid 2000x2000 --out out.png"),
        1,
        "error: 2000x2000 pictures of 16x16 make a picture of 1,024,000,000 pixels, more than 268,435,456\n\n\
         hint: write single pictures into a folder, `--out DIR`, or draw fewer\n",
    );
}

#[test]
fn a_seed_of_numpy_is_its_random_state() {
    let scene = Scene::new();
    scene.checkpoint_of("official.safetensors", 0.0, 0, SeedStyle::Numpy);
    // numpy.random.RandomState(seed).randn(12)
    for (seed, z) in [
        (
            5,
            [
                0.441_227_486_885_041_43,
                -0.330_870_151_894_087_64,
                2.430_771_187_007_78,
                -0.252_092_129_603_076_9,
                0.109_609_841_578_182_78,
                1.582_481_117_061_563_4,
                -0.909_232_404_856_241_9,
                -0.591_636_657_930_288_4,
                0.187_603_225_837_035_48,
                -0.329_869_957_779_359_24,
                -1.192_764_612_421_806,
                -0.204_876_510_587_587_3,
            ],
        ),
        (
            u32::MAX,
            [
                0.648_408_674_230_652_7,
                0.669_323_530_633_816_1,
                -1.080_543_722_747_449_3,
                0.284_501_044_798_630_9,
                0.113_887_736_521_671_04,
                0.867_621_893_792_938_2,
                -0.044_026_015_448_043_285,
                0.248_771_617_409_079_13,
                -0.988_230_150_863_984_4,
                -0.545_922_714_051_562_3,
                -0.026_158_136_126_360_088,
                1.004_376_419_864_639_2,
            ],
        ),
    ] {
        let z = Tensor::new(&[z], &Device::Cpu).unwrap();
        candle_core::safetensors::save(&HashMap::from([("z", z)]), scene.path("z.safetensors")).unwrap();
        scene.draws(&format!("{SAMPLE} --latents z.safetensors --out expected.png --force"));
        scene.draws(&format!("{SAMPLE} --seeds {seed} --seed-style numpy --out asked.png --force"));
        // What the checkpoint says is the default.
        let official = "sample --checkpoint official.safetensors";
        scene.draws(&format!("{official} --seeds {seed} --out numpy.png --force"));
        scene.draws(&format!("{official} --seeds {seed} --seed-style native --out native.png --force"));
        scene.draws(&format!("{SAMPLE} --seeds {seed} --out own.png --force"));
        let [expected, asked, numpy, native, own] =
            ["expected", "asked", "numpy", "native", "own"].map(|name| scene.picture(&format!("{name}.png")));
        assert_eq!((&asked, &numpy), (&expected, &expected), "{seed}");
        assert_eq!(native, own, "{seed}");
        assert_ne!(native, expected, "{seed}");
    }
    let hint = "hint: `--seed-style native` takes it, but other seeds draw other pictures then\n";
    for command in [
        "sample --seeds 1,4294967296 --out out",
        "mix --rows 0 --cols 1,4294967296 --styles 0 --out out.png",
        "interpolate --seeds 0,4294967296 --out out",
    ] {
        scene.refuses(
            &format!("{command} --checkpoint official.safetensors"),
            2,
            &format!("error: there is no seed 4294967296 in the style of numpy, the last one is 4294967295\n\n{hint}"),
        );
    }
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_gives_the_systems_reason() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let locked = scene.path("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    // A superuser is not kept out.
    if std::fs::write(locked.join("probe"), "").is_ok() {
        return;
    }
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --out locked/out.png"),
        1,
        "error: cannot write `locked/out.png`\ncaused by: Permission denied (os error 13)\n",
    );
}
