//! What `RUST_LOG` and `--log-file` tell.

use serde_json::Value;

use crate::scene::Scene;
use crate::train;

const SAMPLE: &str = "sample --checkpoint net.safetensors --seeds 3,5";

/// The lines of a log file.
fn lines(scene: &Scene, name: &str) -> Vec<Value> {
    let text = String::from_utf8(scene.bytes(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// Whether a line says this, in a span of this name if one is given.
fn says(line: &Value, span: Option<&str>, message: &str) -> bool {
    line["fields"]["message"] == message && span.is_none_or(|span| line["span"]["name"] == span)
}

#[test]
fn more_is_told_on_stderr_where_it_is_asked_for() {
    let scene = Scene::new();
    let quiet = scene.draws(&format!("{SAMPLE} --out quiet.png"));
    assert_eq!(quiet, "wrote 2 pictures of 16x16 to `quiet.png`\n");
    let ran = scene.run_logged("stylegan=info", &format!("{SAMPLE} --out out.png"));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    for part in [
        "opened checkpoint path=net.safetensors ",
        "drawing from checkpoint=net.safetensors hash=\"",
        "drawing{resolution=16x16 total=2}: new\n",
        "drawing{resolution=16x16 total=2}: close ",
        "wrote pictures count=2 resolution=16x16 path=out.png\n",
        "\nwrote 2 pictures of 16x16 to `out.png`\n",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert_eq!(scene.bytes("quiet.png"), scene.bytes("out.png"));
}

#[test]
fn a_log_file_keeps_what_was_done_as_json() {
    let scene = Scene::new();
    for name in ["a.png", "b.png"] {
        let words = scene.draws(&format!("--log-file log.jsonl {SAMPLE} --out {name}"));
        assert_eq!(words, format!("wrote 2 pictures of 16x16 to `{name}`\n"));
    }
    let log = lines(&scene, "log.jsonl");
    for line in &log {
        for key in ["timestamp", "level", "target", "fields"] {
            assert!(!line[key].is_null(), "{key}: {line}");
        }
    }
    // The second command adds to what the first one said.
    let wrote: Vec<_> = log.iter().filter(|line| says(line, None, "wrote pictures")).collect();
    assert_eq!(wrote.iter().map(|line| &line["fields"]["path"]).collect::<Vec<_>>(), ["a.png", "b.png"]);
    let closed: Vec<_> = log.iter().filter(|line| says(line, Some("drawing"), "close")).collect();
    assert_eq!(closed.len(), 2, "{log:?}");
    assert_eq!((&closed[0]["span"]["total"], &closed[0]["span"]["done"]), (&2.into(), &2.into()));

    scene.refuses(
        &format!("{SAMPLE} --out c.png --log-file missing/log.jsonl"),
        1,
        "error: cannot write `missing/log.jsonl`\ncaused by: No such file or directory (os error 2)\n",
    );
}

#[test]
fn a_training_tells_what_takes_time() {
    let scene = train::scene();
    train::train(&scene, "--log-file log.jsonl");
    let log = lines(&scene, "log.jsonl");
    for span in ["packing", "level", "snapshot"] {
        for message in ["new", "close"] {
            assert!(log.iter().any(|line| says(line, Some(span), message)), "{span} {message}: {log:?}");
        }
    }
}
