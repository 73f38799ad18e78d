//! `stylegan metrics`

use serde_json::Value;

use crate::scene::Scene;
use crate::train::TINY;

/// The numbers of `--json`.
fn numbers(scene: &Scene, arguments: &str) -> Value {
    let ran = scene.run(&format!("metrics --json {arguments}"));
    assert_eq!(ran.code, 0, "{arguments}: {}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn pictures_of_anybody_are_measured() {
    let scene = Scene::empty();
    scene.photos("reals", 6, (32, 24));
    scene.photos("fakes", 8, (32, 24));
    let found = numbers(&scene, "--fakes fakes --reals reals");
    let names: Vec<&str> = found.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["swd", "swd_32", "ms_ssim", "ms_ssim_std"]);
    let distance = found["swd"].as_f64().unwrap();
    // The same pictures, other patches.
    let same = numbers(&scene, "--fakes reals --data reals --metrics swd")["swd"].as_f64().unwrap();
    assert!(distance > same && same > 0.0, "{distance}, {same}");
    assert_eq!(found, numbers(&scene, "--fakes fakes --reals reals --metrics swd,ms_ssim,swd"));

    let ran = scene.run("metrics --fakes fakes --reals reals");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines.len(), lines[0][0], &lines[0][2..]), (4, "swd", &["6", "fakes,", "6", "reals"][..]));
    assert_eq!((lines[2][0], &lines[2][2..]), ("ms_ssim", &["8", "fakes"][..]));
    assert_eq!(scene.names(""), ["fakes", "reals"]);
}

#[test]
fn what_cannot_be_read_is_named_and_left_out() {
    let scene = Scene::empty();
    scene.photos("fakes", 4, (16, 16));
    std::fs::write(scene.path("fakes/zz.png"), "text").unwrap();
    let ran = scene.run("metrics --fakes fakes --metrics ms_ssim");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "skipped `zz.png`: not a picture\n"));
    assert!(ran.stdout.contains("4 fakes"), "{}", ran.stdout);
}

#[test]
fn a_run_keeps_what_was_measured_of_its_snapshots() {
    let scene = Scene::empty();
    scene.photos("photos", 12, (40, 32));
    scene.draws(&format!(
        "train --data photos {TINY} --resolution 16 --set run.snapshot_ticks=1 --set run.keep_all_snapshots=true"
    ));
    let run = "runs/00000-tiny";
    let flags = "--data photos --fakes 8 --metrics swd,ms_ssim";
    let one = numbers(&scene, &format!("--checkpoint {run} {flags}"));
    assert_eq!(one, numbers(&scene, &format!("--checkpoint {run} {flags}")));
    let lines = |name: &str| -> Vec<Value> {
        let text = String::from_utf8(scene.bytes(&format!("{run}/metric-{name}.jsonl"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let of_swd = lines("swd");
    assert_eq!((of_swd.len(), lines("ms_ssim").len()), (2, 2));
    assert_eq!(of_swd[0]["results"]["swd"], one["swd"]);
    assert_eq!((&of_swd[0]["metric"], &of_swd[0]["num_fakes"]), (&"swd".into(), &8.into()));
    let newest = of_swd[0]["snapshot_pkl"].as_str().unwrap();
    assert!(scene.path(run).join(newest).is_file(), "{newest}");

    let all = scene.names(run).iter().filter(|name| name.starts_with("network-snapshot-")).count();
    let ran = scene.run(&format!("metrics --checkpoint {run} --all-snapshots {flags}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // Of 8x8, while the network grew.
    let small = ran.stderr.matches("is left out: pictures of 8x8 are too small for `swd`").count();
    let snapshots = all - small;
    assert!(small > 0 && snapshots > 1, "{:?}: {}", scene.names(run), ran.stderr);
    let rows: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!((rows.len(), ran.stdout.matches('*').count()), (snapshots + 1, 1), "{}", ran.stdout);
    assert!(rows[0].starts_with("snapshot ") && rows[0].ends_with("swd       ms_ssim"), "{}", rows[0]);
    assert_eq!(lines("swd").len(), 2 + snapshots);
}

#[test]
fn the_network_of_the_program_is_measured_without_a_run() {
    let scene = Scene::empty();
    let found = numbers(&scene, "--checkpoint demo --fakes 4 --metrics ms_ssim");
    let similarity = found["ms_ssim"].as_f64().unwrap();
    assert!((0.0..1.0).contains(&similarity), "{similarity}");
    assert!(scene.names("").is_empty());
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_helps() {
    let scene = Scene::new();
    scene.photos("fakes", 3, (16, 16));
    scene.refuses(
        "metrics --metrics swd",
        2,
        "error: there are no fakes to measure\n\n\
         hint: `--fakes FOLDER` measures pictures, `--checkpoint RUN` those that a network draws\n",
    );
    scene.refuses(
        "metrics --fakes fakes --metrics fid-50k-full",
        2,
        "error: there is no measure `fid-50k-full`\n\n\
         hint: there is `fid50k_full`; `stylegan metrics --list` says all\n",
    );
    scene.refuses(
        "metrics --fakes fakes",
        1,
        "error: `swd` compares with real pictures, of which none were given\n\n\
         hint: `--reals FOLDER` gives them\n",
    );
    scene.refuses(
        "metrics --fakes fakes --reals fakes --metrics pr50k3_full",
        1,
        "error: the weights of `vgg16-fc2` are not there\n\n\
         hint: download https://download.pytorch.org/models/vgg16-397923af.pth and name it, `--weights FILE`\n",
    );
    scene.refuses(
        "metrics --fakes fakes --metrics is50k",
        1,
        "error: the weights of `inception-classes` are not there\n\n\
         hint: download https://github.com/mseitzer/pytorch-fid/releases and name it, `--weights FILE`\n",
    );
    scene.refuses(
        "metrics --checkpoint net.safetensors --all-snapshots --metrics ms_ssim --fakes 4",
        2,
        "error: `--all-snapshots` is for the folder of a run, which `net.safetensors` is not\n",
    );
    scene.photos("other", 3, (24, 16));
    scene.refuses(
        "metrics --fakes fakes --reals other --metrics swd",
        1,
        "error: cannot take `swd`\n\
         caused by: sliced Wasserstein distance: pictures of 16x16 with 3 channels after some of 24x16 with 3\n",
    );
}

#[test]
fn the_fakes_that_are_nearest_to_reals_are_drawn_beside_them() {
    let scene = Scene::empty();
    scene.photos("reals", 9, (32, 24));
    scene.photos("fakes", 4, (16, 24));
    // One that was repeated, under a name that comes last.
    let repeated = scene.names("reals")[7].clone();
    std::fs::copy(scene.path("reals").join(&repeated), scene.path("fakes/zz.png")).unwrap();
    let command = "metrics --fakes fakes --reals reals --metrics nn-small --nearest near.png";
    let ran = scene.run(command);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("wrote the 5 fakes that are nearest to reals, each beside its nearest, to `near.png`"),
        "{}",
        ran.stderr
    );
    let figure = image::open(scene.path("near.png")).unwrap().into_rgb8();
    // A fake, a gap, five reals; the repeated one stands first, and beside it what it repeats.
    assert_eq!(figure.dimensions(), (32 + 2 + 5 * 32, 5 * 24));
    let original = image::open(scene.path("reals").join(&repeated)).unwrap().into_rgb8();
    for left in [0, 34] {
        let cell = image::imageops::crop_imm(&figure, left, 0, 32, 24).to_image();
        assert!(cell == original, "at {left}");
    }
    scene.refuses(
        command,
        1,
        "error: `near.png` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    assert_eq!(scene.run(&format!("{command} --force")).code, 0);

    scene.photos("large", 7, (64, 64));
    let ran = scene
        .run("metrics --checkpoint demo --data large --fakes 3 --metrics nn-small --nearest of-demo.png");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let figure = image::open(scene.path("of-demo.png")).unwrap().into_rgb8();
    assert_eq!(figure.dimensions(), (64 + 4 + 5 * 64, 3 * 64));
    scene.refuses(
        "metrics --fakes fakes --reals reals --metrics swd --nearest other.png",
        2,
        "error: `--nearest` is for measures of neighbors\n\n\
         hint: `--metrics nn-small` is one, `--metrics nn` looks through VGG16\n",
    );
    scene.refuses(
        "metrics --fakes fakes --reals reals --metrics nn-small --nearest near.gif",
        2,
        "error: `--nearest near.gif` is no PNG file\n\n\
         hint: it is one picture, `--nearest NAME.png`\n",
    );
}

#[test]
fn all_measures_are_listed() {
    let ran = Scene::empty().run("metrics --list");
    assert_eq!(ran.code, 0);
    for name in [
        "fid50k_full",
        "kid50k_full",
        "pr50k3_full",
        "is50k",
        "ppl_zfull",
        "ppl2_wend",
        "ls",
        "swd",
        "nn",
        "dci",
    ] {
        assert!(
            ran.stdout.lines().any(|line| line.starts_with(&format!("{name} "))),
            "{name}: {}",
            ran.stdout
        );
    }
}

#[test]
fn a_training_measures_itself_and_keeps_its_best() {
    let scene = Scene::empty();
    scene.photos("photos", 12, (20, 18));
    let measured = "--metrics kid-small,swd --set run.metrics_fakes=10 --set run.metrics_every_kimg=0.016";
    let train =
        |out: &str, options: &str| scene.draws(&format!("train --data photos {TINY} --out {out} {options}"));
    let said = train("plain", "");
    assert!(!said.contains("kid-small"));
    // Stopped in between, and gone on.
    let grown = train("measured", &format!("{measured} --kimg 0.032"));
    // Whatever the smaller ones before were.
    assert!(grown.contains("the best of 16x16 so far: `network-best-kid-small.safetensors`"), "{grown}");
    let said = train("measured", &format!("{measured} --kimg 0.048"));
    assert!(said.contains("kid-small "), "{said}");

    let run = "measured/00000-tiny";
    // A head of the length that the first eight bytes tell, then all numbers of the networks.
    let trained = |out: &str| {
        let run = format!("{out}/00000-tiny");
        let mut names = scene.names(&run);
        names.retain(|name| name.starts_with("network-snapshot-"));
        let bytes = scene.bytes(&format!("{run}/{}", names.last().unwrap()));
        let head = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + head..].to_vec()
    };
    assert!(trained("plain") == trained("measured"));
    let lines = |file: &str| -> Vec<Value> {
        let text = String::from_utf8(scene.bytes(&format!("{run}/{file}"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let measured = lines("metric-kid-small.jsonl");
    let kimgs: Vec<f64> = measured.iter().map(|line| line["kimg"].as_f64().unwrap()).collect();
    assert_eq!(kimgs, [0.016, 0.032, 0.048]);
    // At the first one pictures were too small for `swd`.
    assert_eq!(lines("metric-swd.jsonl").len(), 2);
    let values: Vec<f64> =
        measured.iter().map(|line| line["results"]["kid-small"].as_f64().unwrap()).collect();
    let of_ticks: Vec<f64> =
        lines("stats.jsonl").iter().filter_map(|line| line["kid-small"].as_f64()).collect();
    assert_eq!(of_ticks, values);
    // Of the pictures of the last size: smaller ones are easier.
    let is_last = |number: &usize| measured[*number]["resolution"] == measured[2]["resolution"];
    assert_eq!((measured[2]["resolution"].clone(), is_last(&0)), (16.into(), false));
    let best = (0..3).filter(is_last).min_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap();
    let kept = scene.path(&format!("{run}/network-best-kid-small.safetensors"));
    let kept = stylegan_checkpoint::Checkpoint::open(kept).unwrap();
    assert_eq!(kept.meta().progress.nimg as f64 / 1000.0, kimgs[best]);
}

#[test]
fn latents_are_measured_by_what_pictures_show() {
    let scene = Scene::empty();
    scene.photos("photos", 40, (20, 18));
    scene.draws(&format!("train --data photos {TINY} --kimg 0.03"));
    let names = scene.names("photos");
    let line = |(number, name): (usize, &String)| {
        format!("{{\"name\": \"{name}\", \"age\": {}, \"odd\": {}}}\n", number * 7 % 11, number % 2)
    };
    std::fs::write(scene.path("shown.jsonl"), names.iter().enumerate().map(line).collect::<String>())
        .unwrap();
    let flags = "--checkpoint runs/00000-tiny --data photos --fakes 40 --metrics ls,dci";
    let found = numbers(&scene, &format!("{flags} --attributes shown.jsonl"));
    let names: Vec<&str> = found.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["ls_z", "ls_w", "dci_disentanglement", "dci_completeness", "dci_informativeness"]);
    assert!(found.as_object().unwrap().values().all(|value| value.as_f64().is_some()), "{found}");
    assert!(found["ls_w"].as_f64().unwrap() >= 1.0);
    assert_eq!(found, numbers(&scene, &format!("{flags} --attributes shown.jsonl")));
    // Beside a measure that looks at the same pictures through the same network.
    let beside = numbers(&scene, &format!("{flags},kid-small --attributes shown.jsonl"));
    assert!(names.iter().all(|name| beside[name] == found[name]), "{beside}, {found}");
    assert!(beside["kid-small"].as_f64().is_some());
    // Along what is learned, pictures are moved.
    let ran = scene.run(&format!("metrics {flags} --attributes shown.jsonl --directions ways.safetensors"));
    let words = "wrote the directions of age, odd, a row each, to `ways.safetensors`\n";
    assert!(ran.code == 0 && ran.stderr.contains(words), "{}", ran.stderr);
    scene.draws("sample --checkpoint runs/00000-tiny --seeds 1 --direction ways.safetensors --direction-row 1 --out moved.png");
    scene.refuses(
        "metrics --checkpoint runs/00000-tiny --data photos --metrics swd --attributes shown.jsonl --directions new.safetensors",
        2,
        "error: `--directions` is learned with `ls` or `dci`, and neither is measured\n",
    );
    scene.refuses(
        &format!("metrics {flags}"),
        2,
        "error: `ls` needs to know what the real pictures show\n\n\
         hint: `--attributes FILE.jsonl` has a line of JSON for each of them, its `name` and numbers\n",
    );
    std::fs::write(scene.path("few.jsonl"), "{\"name\": \"0.png\", \"age\": 1}").unwrap();
    let ran = scene.run(&format!("metrics {flags} --attributes few.jsonl"));
    assert!(ran.code == 1 && ran.stderr.contains("`few.jsonl` says nothing of `"), "{}", ran.stderr);
}

#[test]
fn pictures_of_all_classes_are_measured_unless_one_is_named() {
    let scene = Scene::empty();
    scene.checkpoint("labels.safetensors", 0.0, 3);
    let measure = |flags: &str| {
        let ran = scene.run(&format!(
            "metrics --checkpoint labels.safetensors --metrics ms_ssim --fakes 6 --json {flags}"
        ));
        assert_eq!(ran.code, 0, "{flags}: {}", ran.stderr);
        (serde_json::from_str::<Value>(&ran.stdout).unwrap(), ran.stderr)
    };
    let (of_all, words) = measure("");
    assert!(words.starts_with("measuring pictures of all 3 classes, each as often"), "{words}");
    for class in 0..3 {
        let (of_one, words) = measure(&format!("--class {class}"));
        assert!(!words.contains("classes"), "{words}");
        assert_ne!(of_one, of_all, "{class}");
    }
    assert_ne!(measure("--mixed-latents 2").0, of_all);
}
