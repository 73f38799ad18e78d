//! `stylegan train`, once more: to a later end, in another shape, with larger pictures.

use crate::scene::Scene;
use crate::train::{TINY, scene, train};

/// Networks of 8x8 that are trained for this long, in `runs/00000-tiny`.
fn trained(kimg: &str) -> Scene {
    let scene = scene();
    train(&scene, &format!("--set generator.resolution=8 --kimg {kimg}"));
    scene
}

#[test]
fn a_finished_run_goes_on_to_a_later_end() {
    let scene = trained("0.032");
    let again = train(&scene, "--set generator.resolution=8 --kimg 0.048");
    assert!(
        again.contains("\n`runs/00000-tiny` was finished at 0.032 kimg and goes on to 0.048 kimg\n"),
        "{again}"
    );
    assert!(again.ends_with("\nfinished  at 0.048 kimg\n"), "{again}");
    assert_eq!(scene.names("runs"), [".cache", "00000-tiny"]);
    // Nothing is left to do: a new run, as is asked for by `--resume no`.
    let again = train(&scene, "--set generator.resolution=8 --kimg 0.048");
    assert!(again.contains("\n`runs/00000-tiny` is finished at 0.048 kimg; a new run starts\n"), "{again}");
    train(&scene, "--set generator.resolution=8 --kimg 0.064 --resume no");
    assert_eq!(scene.names("runs"), [".cache", "00000-tiny", "00001-tiny", "00002-tiny"]);
}

#[test]
fn another_shape_is_refused_and_nothing_is_touched() {
    let scene = trained("0.032");
    let config = scene.bytes("runs/00000-tiny/config.toml");
    let refusal = |options: &str| {
        let ran = scene.run(&format!("train --data photos {TINY} --kimg 0.048 --allow-changes {options}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert_eq!(scene.bytes("runs/00000-tiny/config.toml"), config, "{options}");
        assert_eq!(scene.names("runs"), [".cache", "00000-tiny"]);
        let (_, words) = ran.stderr.split_once("error: ").unwrap();
        words.to_owned()
    };
    let words = refusal("--set generator.resolution=16");
    assert!(
        words.starts_with(
            "the networks of `runs/00000-tiny` have another shape:\n  \
             `generator.resolution` is 16, but was 8\n  \
             `d.block_16.conv0.bias` is [8], but was not there\n"
        ),
        "{words}"
    );
    assert!(
        words.ends_with(
            "more tensors\n\n\
             hint: `--resume runs/00000-tiny` grows them to 16x16 in a new run folder, `--resume no` starts a new run\n"
        ),
        "{words}"
    );
    assert_eq!(
        refusal("--set generator.resolution=8 --set generator.z_dim=9"),
        "the networks of `runs/00000-tiny` have another shape:\n  \
         `generator.z_dim` is 9, but was 8\n  \
         `g.mapping.dense0.weight` is [8, 9], but was [8, 8]\n\n\
         hint: `--set generator.z_dim=8` goes on with the shape that they have, `--resume no` starts a new run\n"
    );
}

#[test]
fn networks_for_sampling_alone_are_refused_before_a_folder_is_made() {
    let scene = trained("0.008");
    scene.draws("convert runs/00000-tiny small.safetensors --sampling-only");
    let ran = scene.run(&format!("train --data photos {TINY} --out other --resume small.safetensors"));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert!(
        ran.stderr.ends_with(
            "error: cannot go on from what was saved\n\
             caused by: `small.safetensors` has no `d`: it was written for sampling alone\n\n\
             hint: take a snapshot with all three networks from the run's folder\n"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(scene.names("other"), [".cache"]);
}

#[test]
fn a_run_grows_to_larger_pictures() {
    let scene = trained("0.032");
    let before = scene.names("runs/00000-tiny");
    let words = train(&scene, "--resume runs/00000-tiny");
    assert!(
        words.contains(
            "\n`runs/00000-tiny` grows from 8x8 to 16x16, 20 tensors start afresh, the time goes from 0.032 kimg back to \
             0.024, where 16x16 fades in\n"
        ),
        "{words}"
    );
    assert!(words.contains("\nrun       `runs/00001-tiny`\n"), "{words}");
    assert!(words.ends_with("\nfinished  at 0.048 kimg\n"), "{words}");
    assert_eq!(scene.names("runs/00000-tiny"), before);
    scene.draws("sample --checkpoint runs/00001-tiny --seeds 1 --out large.png");
    assert_eq!(scene.picture("large.png").dimensions(), (16, 16));
    let ran = scene.run(&format!("train --data photos {TINY} --kimg 0.024 --resume runs/00000-tiny"));
    assert!(
        ran.stderr.ends_with(
            "error: `runs/00000-tiny` cannot grow: the schedule starts at 4x4 and ends at 0.024 kimg, so that 16x16 never \
             fades in\n\n\
             hint: a longer `--kimg`, of more than 0.032, trains the new side\n"
        ),
        "{}",
        ran.stderr
    );
}
