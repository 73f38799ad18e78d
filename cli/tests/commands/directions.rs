//! `stylegan latent`, and what is drawn along directions.

use image::GenericImageView;
use stylegan_drawing::{LatentFile, LatentSpace};

use crate::scene::Scene;

const SAMPLE: &str = "sample --checkpoint net.safetensors";

/// The numbers of a file of latents.
fn numbers(scene: &Scene, name: &str) -> Vec<f32> {
    LatentFile::open(&scene.path(name)).unwrap().latents().all.flatten_all().unwrap().to_vec1().unwrap()
}

fn space(scene: &Scene, name: &str) -> (LatentSpace, Vec<usize>) {
    let latents = LatentFile::open(&scene.path(name)).unwrap().latents();
    (latents.space, latents.all.dims().to_vec())
}

#[test]
fn saved_latents_draw_the_same_pictures() {
    let scene = Scene::new();
    scene.draws(&format!("{SAMPLE} --seeds 3,4 --out seeds"));
    for (name, flags, shape) in [
        ("z.safetensors", "--latent-space z", vec![2, 12]),
        ("w.safetensors", "--latent-space w", vec![2, 10]),
        ("w.npz", "--latent-space w", vec![2, 10]),
        ("all.safetensors", "", vec![2, 6, 10]),
        ("all.npz", "--latent-space w_plus", vec![2, 6, 10]),
        ("all.npy", "", vec![2, 6, 10]),
    ] {
        let words = scene
            .draws(&format!("{SAMPLE} --seeds 3,4 --save-latents {name} {flags} --out grid.png --force"));
        assert!(words.starts_with("wrote 2 latents `"), "{words}");
        assert_eq!(space(&scene, name).1, shape, "{name}");
        scene.draws(&format!("{SAMPLE} --latents {name} --out again --force"));
        for (row, seed) in [(0, 3), (1, 4)] {
            let (again, seed) = (format!("again/latent000{row}.png"), format!("seeds/seed000{seed}.png"));
            assert_eq!(scene.picture(&again), scene.picture(&seed), "{name}");
        }
    }
    // Beside seeds, and in any order.
    scene.draws(&format!("{SAMPLE} --seeds @1,3,@0 --latents all.npz --grid 3x1 --out mixed.png"));
    let mixed = scene.picture("mixed.png");
    for (column, seed) in [(0, 4), (1, 3), (2, 3)] {
        let cell = mixed.view(column * 16, 0, 16, 16).to_image();
        assert_eq!(cell, scene.picture(&format!("seeds/seed000{seed}.png")));
    }
    scene.draws(&format!("{SAMPLE} --like mixed.png --latents all.npz --out mixed-again.png"));
    assert_eq!(scene.picture("mixed-again.png"), mixed);
    // A mix of what was saved is that of the seeds, but for the last bits of its truncation.
    scene.draws("mix --checkpoint net.safetensors --rows 3 --cols 4 --styles 0-1 --out mix.png");
    scene.draws(
        "mix --checkpoint net.safetensors --rows @0 --cols 4 --latents w.npz --styles 0-1 --out mix-w.png",
    );
    assert_eq!(scene.picture("mix-w.png"), scene.picture("mix.png"));

    scene.refuses(
        &format!("{SAMPLE} --latents w.npz --save-latents z.npz --latent-space z --out new.png"),
        2,
        "error: `--latent-space z` is asked for, but `w` of the file is behind it in the network\n",
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --save-latents all.npy --out new.png"),
        1,
        "error: `all.npy` exists; nothing was overwritten\n\nhint: give another name, or `--force` to overwrite it\n",
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --save-latents z.npy --latent-space z --out new.png"),
        1,
        "error: `z.npy`: an array without a name is `w_plus`, not `z`\n\n\
         hint: latents are written as `.safetensors`, `.npz`, or `.npy` of `w_plus`\n",
    );
    scene.refuses(
        "mix --checkpoint net.safetensors --rows 1 --cols 2 --styles 0 --latents w.npz --out new.png",
        2,
        "error: `--latents` was given, but no row of it is drawn\n\n\
         hint: `@0` stands for its first row where seeds are listed\n",
    );
    assert!(!scene.path("new.png").exists());
}

#[test]
fn arithmetic() {
    let scene = Scene::new();
    for (seeds, name) in [("0-3", "a.npz"), ("4,5", "b.safetensors")] {
        scene.draws(&format!(
            "{SAMPLE} --seeds {seeds} --save-latents {name} --latent-space w --out {name}.png"
        ));
    }
    let words = scene.draws("latent mean a.npz b.safetensors --out mean.safetensors");
    assert_eq!(words, "wrote the mean, `w` [1, 10], to `mean.safetensors`\n");
    let (a, b, mean) =
        (numbers(&scene, "a.npz"), numbers(&scene, "b.safetensors"), numbers(&scene, "mean.safetensors"));
    for (at, mean) in mean.iter().enumerate() {
        let expected = a.iter().chain(&b).skip(at).step_by(10).sum::<f32>() / 6.0;
        assert!((mean - expected).abs() < 1e-6);
    }
    scene.draws("latent scale a.npz --by -0.5 --out scaled.npz");
    let expected: Vec<f32> = a.iter().map(|x| x * -0.5).collect();
    assert_eq!(numbers(&scene, "scaled.npz"), expected);
    scene.draws("latent add a.npz mean.safetensors --times 2 --out sum.safetensors");
    let expected: Vec<f32> = a.iter().zip(mean.iter().cycle()).map(|(x, mean)| x + mean * 2.0).collect();
    assert_eq!(numbers(&scene, "sum.safetensors"), expected);
    scene.draws("latent direction --from a.npz --to b.safetensors --out way.safetensors");
    let center = |numbers: &[f32], at| {
        let all: Vec<f32> = numbers.iter().copied().skip(at).step_by(10).collect();
        all.iter().sum::<f32>() / all.len() as f32
    };
    for (at, x) in numbers(&scene, "way.safetensors").iter().enumerate() {
        assert!((x - (center(&b, at) - center(&a, at))).abs() < 1e-5);
    }
    scene.refuses(
        "latent add a.npz b.safetensors --out new.npz",
        1,
        "error: latents `w` of shape [4, 10] and `w` of shape [2, 10] do not go together\n",
    );
    scene.refuses(
        "latent mean a.npz --out mean.safetensors",
        1,
        "error: `mean.safetensors` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    assert_eq!(scene.run("latent direction --from a.npz --out new.npz").code, 2);
    assert_eq!(scene.run("latent direction --latents a.npz --out new.npz").code, 2);
    assert_eq!(scene.run("latent mean net.safetensors --out new.npz").code, 1, "a network is no latents");
}

#[test]
fn directions_of_labels() {
    let scene = Scene::new();
    scene.draws(&format!("{SAMPLE} --seeds 0-63 --save-latents w.npz --latent-space w --out grid.png"));
    let w = numbers(&scene, "w.npz");
    for (name, label) in [
        ("number", (|x: f32| x.to_string()) as fn(f32) -> String),
        ("class", |x: f32| u8::from(x > 0.0).to_string()),
    ] {
        let lines: Vec<String> = w.chunks(10).map(|row| label(row[3])).collect();
        std::fs::write(scene.path("labels.txt"), lines.join("\n")).unwrap();
        scene
            .draws(&format!("latent direction --latents w.npz --labels labels.txt --out {name}.safetensors"));
        let direction = numbers(&scene, &format!("{name}.safetensors"));
        let length = direction.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!(direction[3] > 0.7 * length, "{name}: {direction:?}");
    }
    std::fs::write(scene.path("labels.txt"), "1\n2\nthree\u{1b}[2J\n").unwrap();
    scene.refuses(
        "latent direction --latents w.npz --labels labels.txt --out new.npz",
        1,
        "error: line 3 of `labels.txt` is no number: `three[2J`\n",
    );
    std::fs::write(scene.path("labels.txt"), "1\n2\n\n").unwrap();
    scene.refuses(
        "latent direction --latents w.npz --labels labels.txt --out new.npz",
        1,
        "error: `labels.txt` has 2 numbers, but `w.npz` 64 latents\n",
    );
}

#[test]
fn pictures_are_moved_along_a_direction() {
    let scene = Scene::new();
    let words = scene
        .draws("latent factorize --checkpoint net.safetensors --count 3 --layers 0-3 --out sefa.safetensors");
    assert_eq!(words, "wrote directions, `w` [3, 10], to `sefa.safetensors`\n");
    scene.draws(&format!("{SAMPLE} --seeds 1,2 --out seeds"));
    let moved = format!("{SAMPLE} --direction sefa.safetensors --direction-row 2");
    let words = scene.draws(&format!("{moved} --strength -1..1 --seeds 1,2 --out moved.png"));
    assert_eq!(words, "wrote 7x2 pictures of 16x16 to `moved.png`\n");
    let picture = scene.picture("moved.png");
    assert_eq!(picture.dimensions(), (7 * 16, 2 * 16));
    let cell = |column: u32, row: u32| picture.view(column * 16, row * 16, 16, 16).to_image();
    assert_eq!(cell(3, 1), scene.picture("seeds/seed0002.png"), "no strength is no move");
    assert_ne!(cell(0, 1), cell(3, 1));
    assert_ne!(cell(0, 1), cell(6, 1));
    // What the recipe says is drawn again.
    let like = format!("{SAMPLE} --like moved.png --out again.png");
    assert!(scene.run(&like).stderr.contains("was moved along a direction of"), "the file is needed");
    scene.draws(&format!("{like} --direction sefa.safetensors"));
    assert_eq!(scene.picture("again.png"), picture);
    let shown = scene.run("inspect moved.png").stdout;
    assert!(shown.contains("-1,-0.6666666666666667"), "{shown}");

    // In layers that no size has, nothing moves: the last ones here do.
    scene.draws(&format!("{moved} --strength 0,2 --layers 4-5 --seeds 1 --out fine.png"));
    scene.draws(&format!("{moved} --strength 0,2 --layers 0-3 --seeds 1 --out coarse.png"));
    assert_ne!(scene.picture("fine.png"), scene.picture("coarse.png"));

    scene.draws(&format!("{SAMPLE} --seeds 1 --save-latents z.npz --latent-space z --out z.png"));
    for (flags, words) in [
        ("--direction sefa.safetensors --direction-row 3", "there is no row 3 in 3 latents"),
        ("--direction z.npz", "directions are of `w` or `w_plus`, not of `z`"),
        ("--direction sefa.safetensors --layers 6", "the network has 6 layers"),
        ("--direction sefa.safetensors --strength 1001", "is no strength, a number from -1000 to 1000"),
        ("--direction sefa.safetensors --grid 1x1", "whose rows are seeds"),
        ("--strength 1", "--direction"),
    ] {
        let ran = scene.run(&format!("{SAMPLE} --seeds 1 {flags} --out new.png"));
        assert!(ran.code != 0 && ran.stderr.contains(words), "{flags}: {}", ran.stderr);
    }
    for count in ["0", "11"] {
        scene.refuses(
            &format!("latent factorize --checkpoint net.safetensors --count {count} --out new.npz"),
            2,
            &format!("error: there are 1 to 10 directions of w, not {count}\n"),
        );
    }
}
