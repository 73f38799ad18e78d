//! Trainings, finished and going on.

use serde_json::{Value, json};

use super::{Served, client};
use crate::scene::Scene;

const TRAIN: &str = "train --data photos --out runs --resolution 8 --kimg KIMG --set run.tick_kimg=0.04 \
    --set run.snapshot_ticks=2 --set run.grid=[2,2] --set generator.fmap_base=32 --set generator.fmap_max=8 \
    --set generator.z_dim=8 --set generator.w_dim=8 --set generator.mapping_fmaps=8 --set generator.mapping_layers=2 \
    --set schedule.steady_kimg=0.04 --set schedule.fade_kimg=0.04 --set schedule.batch=4";

fn train(kimg: &str) -> String {
    TRAIN.replace("KIMG", kimg)
}

#[test]
fn a_finished_run_is_shown() {
    let scene = Scene::empty();
    scene.photos("photos", 6, (8, 8));
    let ran = scene.run(&train("0.2"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let served = Served::start(&scene, "studio runs --addr 127.0.0.1:0");
    let runs = served.get("/api/runs").json();
    assert_eq!((&runs[0]["state"], &runs[0]["live"]), (&json!("finished"), &json!(false)), "{runs}");
    assert_eq!((&runs[0]["kimg"], &runs[0]["total_kimg"]), (&json!(0.2), &json!(0.2)));
    let run = served.get("/api/runs/0").json();
    assert!(run["config"].as_str().unwrap().contains("[schedule]"));
    assert_eq!(run["levels"][0]["resolution"], "8x8");
    assert!(run["changes"].as_array().unwrap().iter().any(|change| change["key"] == "generator.z_dim"));
    let stats = served.get("/api/runs/0/stats").json();
    let count = stats["count"].as_u64().unwrap();
    assert!(count >= 4 && stats["numbers"]["d_loss"].as_array().unwrap().len() as u64 == count, "{stats}");
    let rest = served.get(&format!("/api/runs/0/stats?after={}", count - 1)).json();
    assert_eq!((rest["kimg"].as_array().unwrap().len(), &rest["count"]), (1, &json!(count)));
    let log = served.get("/api/runs/0/log").json();
    let lines = log["lines"].as_array().unwrap();
    assert!(lines.last().unwrap()["text"].as_str().unwrap().starts_with("finished at"), "{log}");
    let after = served.get(&format!("/api/runs/0/log?after={}", log["end"])).json();
    assert_eq!((after["lines"].as_array().unwrap().len(), &after["end"]), (0, &log["end"]));
    let picture = run["grids"][0]["file"].as_str().unwrap();
    assert_eq!(served.get(&format!("/api/runs/0/pictures/{picture}")).body, {
        let name = run["name"].as_str().unwrap();
        scene.bytes(&format!("runs/{name}/{picture}"))
    });
    for other in ["config.toml", "..%2f..%2fphotos%2f00.png", "../config.toml", "fakes.png", "%00"] {
        assert_eq!(served.get(&format!("/api/runs/0/pictures/{other}")).status, 404, "{other}");
    }
    // Its snapshots are networks to draw from.
    let model = run["snapshots"][0]["model"].as_u64().unwrap();
    let drawn = served.post(&format!("/api/models/{model}/picture"), &json!({ "draw": super::seed(1) }));
    assert_eq!(drawn.status, 200, "{}", drawn.text());
    assert_eq!(served.post("/api/runs/0/pause", &json!({})).status, 409);
    assert_eq!(served.post("/api/runs/0/burn", &json!({})).status, 404);
    let told = served.event("/api/runs/0/events", |_| true);
    assert_eq!((&told["stats"], &told["state"]), (&json!(count), &json!("finished")));
}

fn wait_for(served: &Served, is_it: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let run = served.get("/api/runs/0").json();
        if is_it(&run) {
            return run;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it does not come to that: {}", served.get("/api/runs/0").text());
}

#[test]
fn a_training_is_paused_saved_and_stopped() {
    let scene = Scene::empty();
    scene.photos("photos", 6, (8, 8));
    let served = Served::start(&scene, &format!("{} --serve 127.0.0.1:0", train("100000")));
    wait_for(&served, |run| run["live"] == true && run["kimg"].as_f64().unwrap() > 0.0);
    let step = served.event("/api/runs/0/events", |event| event["step"].is_u64());
    assert_eq!(step["total_nimg"], 100_000_000);
    assert_eq!(served.post("/api/runs/0/pause", &json!({})).status, 200);
    wait_for(&served, |run| run["state"] == "paused");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let kimg = wait_for(&served, |run| run["state"] == "paused")["kimg"].clone();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(wait_for(&served, |run| run["state"] == "paused")["kimg"], kimg, "it stands still");
    assert_eq!(served.post("/api/runs/0/save", &json!({})).status, 200);
    wait_for(&served, |run| {
        run["snapshots"].as_array().unwrap().last().is_some_and(|last| last["kimg"] == kimg)
    });
    assert_eq!(served.post("/api/runs/0/resume", &json!({})).status, 200);
    wait_for(&served, |run| run["kimg"].as_f64() > kimg.as_f64());
    assert_eq!(served.post("/api/runs/0/stop", &json!({})).status, 200);
    let (code, said) = served.ended();
    assert_eq!(code, Some(3), "{said}");
}

#[test]
fn a_folder_of_checkpoints_is_a_list_of_networks() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("zoo")).unwrap();
    for name in ["zoo/b.safetensors", "zoo/a.SAFETENSORS"] {
        std::fs::copy(scene.path("net.safetensors"), scene.path(name)).unwrap();
    }
    std::fs::write(scene.path("zoo/notes.txt"), "of mine").unwrap();
    let served = client::Served::start(&scene, "studio zoo --addr 127.0.0.1:0");
    let models = served.get("/api/models").json();
    let names: Vec<_> =
        models.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo", "a.SAFETENSORS", "b.safetensors"]);
}

#[test]
fn another_address_asks_for_a_token() {
    let scene = Scene::new();
    let served = client::Served::start(&scene, "studio net.safetensors --addr 0.0.0.0:0");
    let token = served.token.clone().expect("a token in the address");
    assert_eq!(served.get("/").status, 200);
    assert_eq!(served.get("/api/models").status, 401);
    let bearer = format!("Bearer {token}");
    assert_eq!(served.ask("GET", "/api/models", &[("authorization", &bearer)], &[]).status, 200);
    assert_eq!(served.get(&format!("/api/models?token={token}")).status, 200);
}

#[test]
fn what_cannot_be_served_says_why() {
    let scene = Scene::new();
    let served = super::studio(&scene);
    let words = format!(
        "error: {0} is taken, perhaps by another studio\n\nhint: `--addr 127.0.0.1:0` takes any port that is free\n",
        served.address
    );
    scene.refuses(&format!("studio --addr {}", served.address), 1, &words);
    std::fs::create_dir(scene.path("nothing")).unwrap();
    let ran = scene.run("studio nothing");
    assert_eq!(
        (ran.code, ran.stderr.lines().next()),
        (1, Some("error: `nothing` holds neither runs nor checkpoints"))
    );
    assert_eq!(scene.run("studio gone").code, 1);
}
