//! What is common to all commands.

use crate::scene::Scene;

#[test]
fn every_flag_is_explained() {
    let scene = Scene::empty();
    for command in [
        "train",
        "launch",
        "demo",
        "sample",
        "mix",
        "interpolate",
        "figure uncurated",
        "figure mixing",
        "figure noise",
        "figure noise-detail",
        "figure truncation",
        "film",
        "latent mean",
        "latent add",
        "latent scale",
        "latent direction",
        "latent factorize",
        "project",
        "plot",
        "studio",
        "experiment",
        "inspect",
        "convert",
        "export",
        "dataset align",
        "dataset pack",
        "config",
        "bench train",
        "bench sample",
        "bench project",
        "doctor",
        "weights",
        "weights check",
        "weights convert",
    ] {
        let ran = scene.run(&format!("{command} --help"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{command}");
        let mut lines = ran.stdout.lines().peekable();
        while let Some(line) = lines.next() {
            if line.trim_start().starts_with('-') {
                // The explanation follows in the same line or the next.
                let words = line.split_whitespace().count();
                let next = lines.peek().copied().unwrap_or_default();
                assert!(words > 3 || !next.trim().is_empty(), "{command}: {line}");
            }
        }
    }
    let overview = scene.run("--help").stdout;
    for command in ["train", "sample", "export", "dataset", "bench"] {
        let mut words = overview.lines().map(str::split_whitespace);
        assert!(
            words.any(|mut line| line.next() == Some(command) && line.count() > 2),
            "{command}: {overview}"
        );
    }
    let help = scene.run("sample --help").stdout;
    for part in [
        "is a function of the checkpoint",
        "[default: 0.7]",
        "[default: 8]",
        "[default: const]",
        "[default: cpu]",
        "[default: nearly square]",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn words_of_the_original_are_understood() {
    let scene = Scene::new();
    scene.draws("generate --network net.safetensors --trunc 0.5 --seeds 1-2 --outdir theirs");
    scene.draws("sample --checkpoint net.safetensors --truncation-psi 0.5 --seeds 1-2 --out ours");
    assert_eq!(scene.bytes("theirs/seed0002.png"), scene.bytes("ours/seed0002.png"));
    let ran = scene.run("sample --checkpoint https://example.com/net.pkl --seeds 1 --out a.png");
    assert!(ran.stderr.contains("hint: nothing is fetched from the network"), "{}", ran.stderr);
}

#[test]
fn slips_of_the_pen_are_wrong_usage_with_a_suggestion() {
    let scene = Scene::empty();
    let ran = scene.run("smaple");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: unrecognized subcommand 'smaple'"), "{}", ran.stderr);
    assert!(ran.stderr.contains("'sample'"), "{}", ran.stderr);
    let ran = scene.run("sample --sedes 1");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("'--seeds'"), "{}", ran.stderr);
    let ran = scene.run("sample --checkpoint x --out y.png --seeds 5-3");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.starts_with(
            "error: invalid value '5-3' for '--seeds <LIST>': `5-3` runs backwards; write `3-5`\n"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn checkpoints_that_are_none() {
    let scene = Scene::new();
    let need = scene.bytes("net.safetensors").len();
    std::fs::write(scene.path("cut.safetensors"), &scene.bytes("net.safetensors")[..need - 1]).unwrap();
    std::fs::write(scene.path("text.txt"), "not a network at all").unwrap();
    std::fs::create_dir(scene.path("empty")).unwrap();
    let commands: [fn(&str) -> String; 5] = [
        |checkpoint| format!("sample --checkpoint {checkpoint} --seeds 1 --out out.png"),
        |checkpoint| format!("mix --checkpoint {checkpoint} --rows 1 --cols 2 --styles 0 --out out.png"),
        |checkpoint| format!("interpolate --checkpoint {checkpoint} --seeds 1,2 --frames 2 --out out.gif"),
        |checkpoint| format!("inspect {checkpoint}"),
        |checkpoint| format!("convert {checkpoint} out.safetensors"),
    ];
    for command in commands {
        scene.refuses(
            &command("missing"),
            1,
            "error: there is no checkpoint `missing`\n\n\
             hint: give a file `network-snapshot-*.safetensors` or the folder of a run\n",
        );
        scene.refuses(
            &command("cut.safetensors"),
            1,
            &format!(
                "error: `cut.safetensors` is truncated: it has {} of at least {need} bytes\n\n\
                 hint: copy the file again, or take the snapshot before it\n",
                need - 1
            ),
        );
        scene.refuses(
            &command("text.txt"),
            1,
            "error: `text.txt` is no safetensors file\n\n\
             hint: checkpoints are written by `stylegan train` as `network-snapshot-*.safetensors`\n",
        );
        scene.refuses(
            &command("empty"),
            1,
            "error: `empty` holds no `network-snapshot-*.safetensors`\n\n\
             hint: give the folder of a run that has written a snapshot, such as `runs/00000-NAME`\n",
        );
    }
}

#[test]
fn a_device_that_is_not_built_in() {
    let scene = Scene::new();
    if candle_core::utils::cuda_is_available() {
        return;
    }
    scene.refuses(
        "sample --checkpoint net.safetensors --seeds 1 --device cuda:0 --out out.png",
        1,
        "error: `--device cuda:0` was asked for, but this program was built without CUDA\n\n\
         hint: leave `--device` out to compute on the CPU\n",
    );
    let ran = scene.run("sample --checkpoint net.safetensors --seeds 1 --device tpu --out out.png");
    assert_eq!(ran.code, 2);
}

#[test]
fn files_that_are_not_written_are_no_folders() {
    let scene = Scene::new();
    let numbers = "`stylegan sample` writes numbers as safetensors, `--out x.safetensors`";
    let pictures = "pictures are written as PNG, `--out NAME.png`, or one by one into a folder, `--out DIR`";
    for command in ["sample --seeds 1", "interpolate --seeds 1,2", "mix --rows 0 --cols 1 --styles 0"] {
        for (out, hint) in [("my w.flv", pictures), ("x.npy", numbers), ("x.ZIP", pictures)] {
            scene.refuses(
                &format!("{command} --checkpoint net.safetensors --out '{out}'"),
                2,
                &format!("error: `--out {out}` is of a kind that is not written\n\nhint: {hint}\n"),
            );
        }
    }
    scene.photos("photos", 2, (8, 8));
    let folder = "a folder of that name is `--out 'my runs.zip/'`";
    for (command, hint) in [
        ("train --data photos", folder),
        ("dataset pack photos", &format!("`--format zip` writes a zip; {folder}")),
        ("demo", folder),
    ] {
        scene.refuses(
            &format!("{command} --out 'my runs.zip'"),
            2,
            &format!("error: `--out my runs.zip` is a file by its name, not a folder\n\nhint: {hint}\n"),
        );
    }
    scene.draws("dataset pack photos --out 'my pictures.zip/'");
    assert!(scene.names("my pictures.zip").contains(&"index.json".to_owned()));
    scene.draws("sample --seeds 1 --checkpoint net.safetensors --out x.zip/");
    assert_eq!(scene.names("x.zip"), ["seed0001.png"]);
}

#[test]
fn commands_that_are_suggested_are_quoted() {
    let scene = Scene::new();
    scene.refuses(
        "sample --seeds 1 --checkpoint net.safetensors --out './a (1)/x.png'",
        1,
        "error: the folder `./a (1)` does not exist\n\nhint: `mkdir -p './a (1)'` makes it\n",
    );
}
