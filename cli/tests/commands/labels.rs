//! Labels: which are found, which are trained by, and how a class is asked for.

use std::fs;

use stylegan_checkpoint::Checkpoint;

use crate::scene::Scene;
use crate::train::{TINY, snapshot};

const ZIP: &[u8] = include_bytes!("data/labels_in_top_folder.zip");

/// Twelve pictures in the folders `birds`, `cats` and `dogs` of `pets`.
fn pets() -> Scene {
    let scene = Scene::empty();
    scene.photos("photos", 12, (20, 18));
    for (number, class) in ["cats", "dogs", "birds", "dogs"].iter().cycle().take(12).enumerate() {
        let folder = scene.path("pets").join(class);
        fs::create_dir_all(&folder).unwrap();
        fs::rename(scene.path(&format!("photos/{number:02}.png")), folder.join(format!("{number:02}.png")))
            .unwrap();
    }
    scene
}

/// Trains on `data` in `out`, which must succeed; returns what was said of labels.
fn train(scene: &Scene, data: &str, options: &str) -> String {
    let said = scene.draws(&format!("train --data {data} {TINY} --kimg 0.016 {options}"));
    let line = said.lines().find(|line| line.starts_with("Labels    ")).unwrap_or_else(|| panic!("{said}"));
    line["Labels    ".len()..].to_owned()
}

fn label_dim(scene: &Scene, out: &str) -> usize {
    let meta = Checkpoint::open(snapshot(scene, out)).unwrap().meta().clone();
    assert_eq!(meta.critic.unwrap().label_dim, meta.generator.label_dim);
    meta.generator.label_dim
}

#[test]
fn labels_are_used_by_themselves_and_that_is_said() {
    let scene = Scene::empty();
    fs::write(scene.path("photos.zip"), ZIP).unwrap();
    let found = "2 classes of 4 pictures, from `photos/dataset.json`";
    assert_eq!(train(&scene, "photos.zip", "--out used"), format!("{found}; `--labels off` trains without"));
    assert_eq!(label_dim(&scene, "used"), 2);
    let unused = "not used, as asked for; `photos/dataset.json` has 2 classes of 4 pictures";
    for (out, options) in [("off", "--labels off"), ("none", "--set generator.label_dim=0")] {
        assert_eq!(train(&scene, "photos.zip", &format!("{options} --out {out}")), unused);
        assert_eq!(label_dim(&scene, out), 0);
    }
    // A pack keeps them, and a plan tells them too.
    let words = scene.draws("dataset pack photos.zip --out packed");
    assert!(words.ends_with(&format!("\nlabels: {found}\n")), "{words}");
    for data in ["packed", "photos.zip"] {
        let plan = scene.run(&format!("train --data {data} {TINY} --dry-run")).stdout;
        assert!(plan.contains(&format!("\nLabels    {found}; ")), "{plan}");
    }
    let ran = scene.run(&format!("train --data photos.zip {TINY} --set generator.label_dim=3"));
    assert_eq!(ran.code, 1);
    let message = "\nerror: `generator.label_dim` is 3, but the labels of the pictures have 2 numbers, one for each class\n\n\
                   hint: leave `generator.label_dim` out, as it follows from the pictures; `--labels off` trains without \
                   labels\n";
    assert!(ran.stderr.ends_with(message), "{}", ran.stderr);
}

#[test]
fn folders_are_classes_with_names() {
    let scene = pets();
    let classes = "3 classes of 3 to 6 pictures (birds, cats, dogs)";
    assert_eq!(train(&scene, "pets", "--out plain"), format!("none; `--labels folders` makes {classes}"));
    assert_eq!(train(&scene, "pets", "--labels folders"), format!("{classes}, by folder"));
    let checkpoint = snapshot(&scene, "runs");
    assert_eq!(Checkpoint::open(&checkpoint).unwrap().meta().class_names, ["birds", "cats", "dogs"]);

    let checkpoint = checkpoint.display();
    let options = format!("--checkpoint {checkpoint} --truncation-psi 1");
    for class in ["cats", "1", "dogs"] {
        scene.draws(&format!("sample {options} --seeds 1 --class {class} --out {class}.png"));
        scene.draws(&format!(
            "mix {options} --rows 1 --cols 2 --styles 0 --class {class} --out mix{class}.png"
        ));
        scene.draws(&format!(
            "interpolate {options} --seeds 1,2 --frames 2 --class {class} --out film{class}.png"
        ));
    }
    for stem in ["", "mix", "film"] {
        assert_eq!(scene.bytes(&format!("{stem}cats.png")), scene.bytes(&format!("{stem}1.png")));
        assert_ne!(scene.picture(&format!("{stem}cats.png")), scene.picture(&format!("{stem}dogs.png")));
    }
    let sample = format!("sample {options} --seeds 1 --out out.png");
    scene.refuses(
        &sample,
        2,
        "error: this network has 3 classes, but no `--class` was given\n\n\
         hint: `--class NAME` takes one of birds, cats, dogs\n",
    );
    for (class, hint) in [("cat", "did you mean `cats`? the"), ("3", "the"), ("-1", "the")] {
        let message = format!(
            "error: there is no class `{class}` in this network\n\nhint: {hint} classes are birds, cats, dogs\n"
        );
        scene.refuses(&format!("{sample} --class={class}"), 2, &message);
    }
    let told = scene.run(&format!("inspect {checkpoint}")).stdout;
    assert!(told.contains("\nlabels       3: birds, cats, dogs\n"), "{told}");
    // The training's own grids show a class for each seed.
    let fakes = scene.names("runs/00000-tiny");
    let last = fakes.iter().rfind(|name| name.starts_with("fakes")).unwrap();
    scene.draws(&format!("sample --like runs/00000-tiny/{last} --checkpoint {checkpoint} --out again.png"));
    assert!(scene.picture("again.png") == scene.picture(&format!("runs/00000-tiny/{last}")), "other pixels");
    let told = scene.run(&format!("inspect runs/00000-tiny/{last}")).stdout;
    assert!(told.contains("\nclasses      "), "{told}");
    // Names outlast a conversion.
    scene.draws(&format!("convert {checkpoint} small.safetensors --sampling-only"));
    scene.draws(
        "sample --checkpoint small.safetensors --seeds 1 --truncation-psi 1 --class cats --out small.png",
    );
    assert_eq!(scene.picture("small.png"), scene.picture("cats.png"));
}

#[test]
fn labels_that_cannot_be_used_stop_a_training_and_say_why() {
    let scene = pets();
    let entries = |label: &dyn Fn(usize) -> String| {
        let entry = |number: usize| {
            let class = ["cats", "dogs", "birds", "dogs"][number % 4];
            format!("[\"{class}/{number:02}.png\", {}]", label(number))
        };
        format!("{{\"labels\": [{}]}}", (0..12).map(entry).collect::<Vec<_>>().join(", "))
    };
    let write = |json: &str| fs::write(scene.path("pets/dataset.json"), json).unwrap();
    for (json, reason) in [
        (
            entries(&|number| if number < 9 { "1".into() } else { "null".into() }),
            "has no label for 3 of the 12 pictures, such as `",
        ),
        (entries(&|_| "-1".into()), "gives `birds/02.png` the class -1; classes are whole numbers from 0"),
        (entries(&|_| "0.5".into()), "gives `birds/02.png` the class 0.5; classes are whole numbers from 0"),
        ("{".to_owned(), "cannot be understood: EOF while parsing an object at line 1 column 1"),
    ] {
        write(&json);
        let ran = scene.run(&format!("train --data pets {TINY}"));
        let message = "\nerror: `dataset.json` of `pets` ";
        assert!(ran.code == 1 && ran.stderr.contains(message), "{}: {}", ran.code, ran.stderr);
        assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
        assert!(
            ran.stderr.ends_with("\n\nhint: mend the file, or leave its labels alone, `--labels off`\n"),
            "{}",
            ran.stderr
        );
        assert_eq!(scene.names("runs"), [".cache"]);
        let words = scene.draws("dataset pack pets --out packed");
        assert!(words.contains("\nwarning: the labels were left out: `dataset.json` "), "{words}");
        fs::remove_dir_all(scene.path("packed")).unwrap();
    }
    assert_eq!(train(&scene, "pets", "--labels off --out off"), "not used, as asked for");
    assert_eq!(
        train(&scene, "pets", "--labels folders --out folders"),
        "3 classes of 3 to 6 pictures (birds, cats, dogs), by folder"
    );

    // What is odd and can be used is used.
    for (json, said) in [
        (
            entries(&|number| (number % 2 * 4).to_string()),
            "5 classes of 6 pictures, 3 of them without any, from `dataset.json`",
        ),
        (
            entries(&|number| format!("\"{}\"", ["old", "young"][number % 2])),
            "2 classes of 6 pictures (old, young), from `dataset.json`",
        ),
        (entries(&|number| format!("[{number}, 0.5]")), "2 numbers for each picture, from `dataset.json`"),
        (
            entries(&|number| format!("{}.0], [\"gone{number}.png\", 7", number % 2)),
            "2 classes of 6 pictures, from `dataset.json`, which has 12 more of pictures that are not there",
        ),
    ] {
        write(&json);
        let plan = scene.run(&format!("train --data pets {TINY} --dry-run")).stdout;
        assert!(
            plan.contains(&format!("\nLabels    {said}; `--labels off` trains without\n")),
            "{said}: {plan}"
        );
    }
    for (json, said) in [
        (
            entries(&|_| "0".into()),
            "not used, since there is one class alone; `dataset.json` has 1 class of 12 pictures",
        ),
        ("{\"labels\": null}".to_owned(), "none in `dataset.json`"),
    ] {
        write(&json);
        let plan = scene.run(&format!("train --data pets {TINY} --dry-run")).stdout;
        assert!(plan.contains(&format!("\nLabels    {said}\n")), "{said}: {plan}");
    }
    fs::rename(scene.path("pets/dataset.json"), scene.path("pets/cats/dataset.json")).unwrap();
    let plan = scene.run(&format!("train --data pets {TINY} --dry-run")).stdout;
    let said = "none; `cats/dataset.json` is not used, since its folder does not hold all pictures";
    assert!(plan.contains(&format!("\nLabels    {said}\n")), "{plan}");
}
