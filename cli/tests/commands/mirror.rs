//! Mirroring: that it is said, and can be left.

use image::{Rgb, RgbImage};

use crate::scene::Scene;
use crate::train::TINY;

/// Twelve pictures of 16x16 that are bright on the left.
fn scene() -> Scene {
    let scene = Scene::empty();
    std::fs::create_dir(scene.path("letters")).unwrap();
    for number in 0..12u8 {
        let picture = RgbImage::from_fn(16, 16, |x, y| {
            Rgb([if x < 6 { 200 + number } else { 30 }, 10 * number, (y * 9) as u8])
        });
        picture.save(scene.path(&format!("letters/{number:02}.png"))).unwrap();
    }
    scene
}

/// How many pictures of the grid `reals.png`, 6x4 of 16x16, are turned around.
fn turned(scene: &Scene, out: &str) -> usize {
    let reals = scene.picture(&format!("{out}/00000-tiny/reals.png"));
    let cells = (0..24).map(|cell| (cell % 6 * 16, cell / 6 * 16));
    cells.filter(|&(x, y)| reals.get_pixel(x, y).0[0] < reals.get_pixel(x + 15, y).0[0]).count()
}

#[test]
fn mirroring_is_said_shown_and_left_if_asked_for() {
    let scene = scene();
    let train = |options: &str| {
        scene.draws(&format!("train --data letters {TINY} --set run.grid=[6,4] --kimg 0.004 {options}"))
    };
    let words = train("--out on");
    let said = "\nPictures  mirrored at random; `--mirror off` for text, logos, medical pictures\n";
    assert!(words.contains(said), "{words}");
    let warning = "\nwarning: the pictures look one way: 12 of 12 can be told from their mirror images by light and \
                   shade\nhint: if left and right matter, as in letters, `--mirror off`\n";
    assert!(words.contains(warning), "{words}");
    assert!((4..=20).contains(&turned(&scene, "on")), "{}", turned(&scene, "on"));

    for (out, options) in [("off", "--mirror off"), ("set", "--set data.mirror=false")] {
        let words = train(&format!("{options} --out {out}"));
        assert!(words.contains("\nPictures  as they are, never mirrored\n"), "{words}");
        assert!(!words.contains("warning: "), "{words}");
        assert_eq!(turned(&scene, out), 0);
    }
    // A flag comes after `--set`.
    let words = train("--set data.mirror=false --mirror on --out again");
    assert!(words.contains(said), "{words}");

    let ran = scene.run(&format!("train --data letters {TINY} --dry-run"));
    assert!(ran.stdout.starts_with(&said[1..]), "{}", ran.stdout);
}

#[test]
fn pictures_without_left_and_right_are_not_warned_of() {
    let scene = Scene::empty();
    scene.photos("photos", 24, (16, 16));
    let words = scene.draws(&format!("train --data photos {TINY} --kimg 0.004"));
    assert!(!words.contains("warning: "), "{words}");
}
