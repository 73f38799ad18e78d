//! `stylegan train`: pictures of every kind, and a disk that is full.

use image::{DynamicImage, GrayImage, RgbaImage};

use assert_cmd::Command;
use stylegan_checkpoint::Checkpoint;

use crate::scene::{Ran, Scene};
use crate::train::{TINY, scene, snapshot, train};

fn save(scene: &Scene, name: &str, picture: impl Into<DynamicImage>) {
    picture.into().save(scene.path("photos").join(name)).unwrap();
}

#[test]
fn bad_files_among_good_ones_are_named_and_left_out() {
    let scene = scene();
    let good = scene.bytes("photos/00.png");
    std::fs::write(scene.path("photos/cut.png"), &good[..good.len() / 2]).unwrap();
    std::fs::write(scene.path("photos/html.jpg"), "<html>404 not found</html>").unwrap();
    std::fs::write(scene.path("photos/notes.txt"), "no picture by its name").unwrap();
    let words = train(&scene, "--set data.max_bad_fraction=0.2 --kimg 0.004");
    for line in [
        "skipped `cut.png`: the file ends too early\n",
        "skipped `html.jpg`: a web page, not PNG, JPEG, WebP, BMP or TIFF\n",
        "packed 12 pictures of 16x16 in ",
        "2 could not be read and were left out\n",
    ] {
        assert_eq!(words.matches(line).count(), 1, "{line}: {words}");
    }

    // A cut JPEG may be cut in its head or in its picture.
    let jpeg = scene.path("photos/whole.jpg");
    DynamicImage::from(scene.picture("photos/00.png")).save(&jpeg).unwrap();
    let jpeg = scene.bytes("photos/whole.jpg");
    for length in [jpeg.len() / 3, jpeg.len() - 2] {
        std::fs::write(scene.path(&format!("photos/cut{length}.jpg")), &jpeg[..length]).unwrap();
    }
    let words = train(&scene, "--set data.max_bad_fraction=0.3 --kimg 0.004");
    assert_eq!(words.matches(": the file ends too early\n").count(), 3, "{words}");
    assert!(words.contains("4 could not be read and were left out\n"), "{words}");
}

#[test]
fn pictures_of_other_kinds_are_converted_and_that_is_said_once() {
    let scene = scene();
    for number in 0..3 {
        save(
            &scene,
            &format!("grey{number}.png"),
            GrayImage::from_fn(20, 20, |x, _| [(x * 12) as u8].into()),
        );
    }
    for number in 0..2 {
        let clear = RgbaImage::from_fn(20, 20, |x, y| [200, 10, 10, (x * y / 2) as u8].into());
        save(&scene, &format!("clear{number}.png"), clear);
    }
    let words = train(&scene, "--kimg 0.004");
    for line in [
        "packed 17 pictures of 16x16 in ",
        "3 were grey and were given three equal channels\n",
        "2 were transparent and were set on white\n",
    ] {
        assert_eq!(words.matches(line).count(), 1, "{line}: {words}");
    }
}

#[test]
fn small_pictures_are_enlarged_if_asked_for() {
    let scene = scene();
    let enlarge = "--set generator.resolution=32 --kimg 0.004";
    let words = train(&scene, &format!("{enlarge} --allow-upscale"));
    assert!(words.contains("12 were smaller and were enlarged\n"), "{words}");
    let words = train(&scene, &format!("{enlarge} --set data.allow_upscale=true --out again"));
    assert!(words.contains("12 were smaller and were enlarged\n"), "{words}");
}

#[test]
fn labels_are_trained_and_drawn_by() {
    let scene = scene();
    let labels: Vec<_> = (0..12).map(|number| format!("[\"{number:02}.png\", {}]", number % 3)).collect();
    std::fs::write(scene.path("photos/dataset.json"), format!("{{\"labels\": [{}]}}", labels.join(", ")))
        .unwrap();
    train(&scene, "--set generator.label_dim=3");
    let snapshot = snapshot(&scene, "runs");
    let checkpoint = Checkpoint::open(&snapshot).unwrap();
    assert_eq!(checkpoint.meta().generator.label_dim, 3);
    assert_eq!(checkpoint.meta().critic.as_ref().unwrap().label_dim, 3);
    for class in 0..3 {
        scene.draws(&format!(
            "sample --checkpoint {} --seeds 1 --truncation-psi 1 --class {class} --out {class}.png",
            snapshot.display()
        ));
    }
    assert_ne!(scene.picture("0.png"), scene.picture("1.png"));
    // Labels may be left alone.
    train(&scene, "--kimg 0.004 --labels off --out unlabeled");
    let ran = scene.run(&format!("train --data photos {TINY} --set generator.label_dim=2 --out wrong"));
    let message = "error: `generator.label_dim` is 2, but the labels of the pictures have 3 numbers, one for each class\n";
    assert!(ran.code == 1 && ran.stderr.contains(message), "{}: {}", ran.code, ran.stderr);
    assert_eq!(scene.names("wrong"), [".cache"]);
}

#[test]
fn a_zip_and_a_packed_folder_train_to_the_same_snapshot() {
    let scene = scene();
    scene.draws("dataset pack photos --out packed --resolution 16");
    for (data, out) in [("photos", "a"), ("packed", "b")] {
        scene.draws(&format!("train --data {data} {TINY} --out {out}"));
    }
    let bytes = |out| std::fs::read(snapshot(&scene, out)).unwrap();
    assert!(bytes("a") == bytes("b"), "a pack gave other bytes than its pictures");
    assert_eq!(scene.names("b"), ["00000-tiny"]);
}

/// Runs the binary with `full` as a disk of its own of so many bytes; returns also what lies on it in the end.
///
/// None where the system does not let this user mount one.
#[expect(clippy::print_stdout, reason = "a test that cannot run says so")]
fn on_a_small_disk(scene: &Scene, bytes: u32, arguments: &str) -> Option<(Ran, Vec<String>)> {
    let mount = format!("mkdir -p full && mount -t tmpfs -o size={bytes} tmpfs full");
    let shell = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        command
    };
    let probe = shell(&mount).current_dir(scene.path("")).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: this system lets nobody mount a small disk");
        return None;
    }
    let mut command = shell(&format!("{mount} || exit 9; \"$@\"; code=$?; find full -type f; exit $code"));
    command.arg(assert_cmd::cargo::cargo_bin!("stylegan")).args(shlex::split(arguments).unwrap());
    let ran = scene.run_command(command);
    let files = ran.stdout.lines().map(str::to_owned).collect();
    Some((ran, files))
}

#[test]
fn a_disk_that_fills_up_while_packing() {
    let scene = scene();
    let Some((ran, files)) =
        on_a_small_disk(&scene, 16 << 10, &format!("train --data photos {TINY} --out full"))
    else {
        return;
    };
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: cannot write `full/.cache/"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\ncaused by: No space left on device (os error 28)\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n\nhint: free some space or write to another disk; "), "{}", ran.stderr);
    assert_eq!(files, [""; 0]);
}

#[test]
fn a_disk_that_fills_up_while_training() {
    let scene = scene();
    // The pictures fit, the networks do not.
    let options = "--set generator.z_dim=512 --set generator.w_dim=512 --set generator.mapping_fmaps=512";
    let Some((ran, files)) = on_a_small_disk(
        &scene,
        512 << 10,
        &format!("train --data photos {TINY} {options} --kimg 0.004 --out full"),
    ) else {
        return;
    };
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("\nerror: what was trained since the last snapshot is lost"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("cannot write `full/00000-tiny/network-snapshot-"), "{}", ran.stderr);
    assert!(ran.stderr.contains("No space left on device (os error 28)\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n\nhint: make room on the disk; "), "{}", ran.stderr);
    assert!(files.iter().all(|name| !name.contains("network-snapshot-")), "{files:?}");
}

#[test]
fn a_run_inside_the_pictures_is_not_trained_on() {
    let scene = scene();
    // `--data .` in the folder of the pictures, twice, with the runs inside and beside.
    let again = |out: &str| {
        let mut command: Command = assert_cmd::cargo::cargo_bin_cmd!("stylegan");
        let arguments = format!("train --data . --out {out} {TINY} --kimg 0.004 --resume no");
        command.args(shlex::split(&arguments).unwrap()).current_dir(scene.path("photos"));
        let output = command.output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{words}");
        words
    };
    for out in ["runs", "."] {
        again(out);
        let words = again(out);
        assert!(words.starts_with("found 12 pictures of 16x16 in "), "{words}");
        let run = if out == "." { "`00000-tiny`" } else { "`runs/00000-tiny`" };
        assert!(words.contains(" left out: ") && words.contains(run), "{words}");
    }
    let ran = scene.run("train --data photos/runs/00000-tiny");
    assert!(
        ran.stderr.starts_with(
            "error: `photos/runs/00000-tiny` is the folder of a run; the pictures in it are its own\n"
        ),
        "{}",
        ran.stderr
    );
}
