//! Pictures, films and photos.

use serde_json::{Value, json};

use super::{Served, seed, studio};
use crate::scene::Scene;

/// Writes a picture of the studio into the scene.
fn picture(scene: &Scene, served: &Served, request: &Value, name: &str) -> Vec<u8> {
    let answer = served.post("/api/models/1/picture", request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.head.contains("content-type: image/png"), "{}", answer.head);
    std::fs::write(scene.path(name), &answer.body).unwrap();
    answer.body
}

fn command(served: &Served, request: &Value) -> String {
    let command =
        served.post("/api/models/1/command", request).json()["command"].as_str().unwrap().to_owned();
    command.strip_prefix("stylegan ").unwrap().to_owned()
}

#[test]
fn networks_are_listed_and_described() {
    let scene = Scene::new();
    let served = studio(&scene);
    let models = served.get("/api/models").json();
    assert_eq!(models[0]["name"], "demo");
    assert_eq!((&models[1]["name"], &models[1]["kind"]), (&json!("net.safetensors"), &json!("file")));
    let net = served.get("/api/models/1").json();
    assert_eq!((&net["resolution"]["width"], &net["num_layers"]), (&json!(16), &json!(6)));
    assert_eq!(net["layers"].as_array().unwrap().len(), 6);
    assert_eq!(net["scales"], json!({ "coarse": "0-1", "middle": "2-3", "fine": "4-5" }));
    assert_eq!(net["command"], "net.safetensors");
    assert_eq!(served.get("/api/models/2").status, 404);
    let about = served.get("/api/about").json();
    assert_eq!((&about["has_token"], &about["serving_run"]), (&json!(false), &Value::Null));
}

#[test]
fn pictures_are_those_of_the_commands() {
    let scene = Scene::new();
    let served = studio(&scene);
    for (number, draw) in [
        seed(7),
        json!({ "blend": "7:1", "truncation_psi": 1, "truncation_cutoff": 2, "noise_mode": "random", "noise_seed": 5 }),
        json!({ "blend": "0:0.25,1:0.25,100:0.375,101:0.125", "truncation_psi": -0.5 }),
        json!({ "blend": "3:1", "styles": { "latent": "9", "layers": "0-1,4" }, "truncation_psi": 0.7 }),
        json!({ "blend": "3:0.5,4:0.5", "directions": "sefa", "moves": [{ "row": 2, "strength": -1.5 }], "truncation_psi": 1 }),
    ]
    .into_iter()
    .enumerate()
    {
        let (shown, copied) = (format!("{number}.png"), format!("{number}-copied.png"));
        let bytes = picture(&scene, &served, &json!({ "draw": draw }), &shown);
        let command = command(&served, &json!({ "draw": draw }));
        let (words, _) = command.rsplit_once(" --out ").unwrap();
        scene.draws(&format!("{words} --out {copied}"));
        assert_eq!(scene.bytes(&copied), bytes, "{command}");
        scene.draws(&format!("sample --like {shown} --checkpoint net.safetensors --out {number}-again.png"));
        assert_eq!(scene.bytes(&format!("{number}-again.png")), bytes);
        // And back into the controls.
        let restored = served.send("/api/models/1/recipe", &bytes).json();
        assert_eq!((&restored["model"], &restored["kind"]), (&json!(1), &json!("draw")));
        let again = picture(&scene, &served, &json!({ "draw": restored["draw"] }), "restored.png");
        assert_eq!(again, bytes, "{restored}");
    }
    let coarse = served.post("/api/models/0/picture", &json!({ "draw": seed(1), "coarser": 1 }));
    assert_eq!(image::load_from_memory(&coarse.body).unwrap().width(), 32);
    assert_eq!(served.send("/api/models/0/recipe", &coarse.body).status, 400, "it is no picture to keep");
}

#[test]
fn figures_are_those_of_the_commands() {
    let scene = Scene::new();
    let served = studio(&scene);
    let draw = seed(0);
    for (path, request, kind) in [
        ("grid", json!({ "seeds": "0-4,9", "columns": 3, "draw": draw }), "grid"),
        ("mix", json!({ "rows": "0-1", "cols": "5-7", "styles": "0-1", "draw": draw }), "mix"),
    ] {
        let answer = served.post(&format!("/api/models/1/{path}"), &request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let command = command(&served, &json!({ path: request }));
        scene.draws(&command);
        assert_eq!(scene.bytes(&format!("{path}.png")), answer.body, "{command}");
        let restored = served.send("/api/models/1/recipe", &answer.body).json();
        assert_eq!(restored["kind"], kind);
    }
    let refused = served.post("/api/models/1/grid", &json!({ "seeds": "0-100000", "draw": draw }));
    assert_eq!(refused.json()["error"], "the request is not understood: 100001 pictures are more than 400");
    let none =
        served.post("/api/models/1/mix", &json!({ "rows": "0", "cols": "1", "styles": "77", "draw": draw }));
    assert_eq!(none.json()["error"], "there is no layer 77, the network has 6 layers");
}

#[test]
fn layers_are_shown_in_numbers_and_pictures() {
    let scene = Scene::new();
    let served = studio(&scene);
    let layers = served.post("/api/models/1/layers", &json!({ "draw": seed(3) })).json();
    let sides: Vec<u64> =
        layers.as_array().unwrap().iter().map(|layer| layer["width"].as_u64().unwrap()).collect();
    assert_eq!(sides, [4, 4, 8, 8, 16, 16]);
    assert!(layers.as_array().unwrap().iter().all(|layer| layer["deviation"].as_f64().unwrap() > 0.0));
    let shown = served.post("/api/models/1/layers/4", &json!({ "draw": seed(3), "count": 3 }));
    let columns = shown.head.lines().find_map(|line| line.strip_prefix("x-columns: ")).unwrap().to_owned();
    assert_eq!((columns.as_str(), image::load_from_memory(&shown.body).unwrap().width()), ("2", 32));
    assert_eq!(served.post("/api/models/1/layers/6", &json!({ "draw": seed(3) })).status, 404);
}

#[test]
fn keyframes_become_films_and_latents_files() {
    let scene = Scene::new();
    let served = studio(&scene);
    let mixed =
        json!({ "blend": "3:1", "styles": { "latent": "9", "layers": "0-1" }, "truncation_psi": 0.7 });
    let film = |format: &str, more: Value| {
        let mut request = json!({
            "keyframes": [seed(1), mixed], "frames": 6, "fps": 12, "format": format, "looping": true,
            "draw": seed(1),
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        served.post("/api/models/1/films", &request)
    };
    for (format, starts) in [("mp4", &b"\0\0\0"[..]), ("gif", b"GIF89a"), ("apng", b"\x89PNG")] {
        let job = film(format, json!({})).json()["job"].as_u64().unwrap();
        let end = served.event(&format!("/api/jobs/{job}/events"), |event| event["state"] != "running");
        assert_eq!((&end["state"], &end["done"]), (&json!("done"), &json!(6)), "{end}");
        let file = served.get(&format!("/api/jobs/{job}/file"));
        assert!(file.body.starts_with(starts) && file.head.contains("attachment"), "{}", file.head);
    }
    let refused = film("mp4", json!({ "keyframes": [seed(1)] }));
    assert_eq!(
        refused.json()["error"],
        "the request is not understood: a walk goes between 2 to 200 keyframes"
    );
    // Each keyframe is truncated as it says.
    let far = json!({ "blend": "1:1", "truncation_psi": -1, "noise_mode": "none" });
    let draws = json!([seed(1), mixed, far]);
    let job = film("apng", json!({ "keyframes": draws })).json()["job"].as_u64().unwrap();
    let end = served.event(&format!("/api/jobs/{job}/events"), |event| event["state"] != "running");
    assert_eq!(end["state"], "done", "{end}");
    let shown = served.get(&format!("/api/jobs/{job}/file")).body;
    let kept = served.post("/api/models/1/latents", &json!({ "draws": draws })).json();
    let file = served.get(&format!("/api/latents/{}", kept["latents"]));
    std::fs::write(scene.path("latents.safetensors"), &file.body).unwrap();
    let request = json!({
        "keyframes": draws, "frames": 6, "fps": 12, "format": "apng", "looping": true, "draw": seed(1),
    });
    let words = command(&served, &json!({ "film": request }));
    scene.draws(&words);
    assert_eq!(scene.bytes("walk.apng"), shown, "{words}");
    std::fs::remove_file(scene.path("latents.safetensors")).unwrap();
    // The keyframes as a file, which the command draws the same from.
    let kept = served.post("/api/models/1/latents", &json!({ "draws": [seed(1), mixed] })).json();
    assert_eq!((&kept["count"], &kept["space"]), (&json!(2), &json!("w_plus")));
    let id = kept["latents"].as_u64().unwrap();
    let file = served.get(&format!("/api/latents/{id}"));
    std::fs::write(scene.path("latents.safetensors"), &file.body).unwrap();
    let request = json!({ "draw": { "blend": "@1:1", "latents": id, "truncation_psi": 1 } });
    let bytes = picture(&scene, &served, &request, "row.png");
    let command = command(&served, &request);
    scene.draws(&command);
    assert_eq!(scene.bytes("picture.png"), bytes, "{command}");
    assert_eq!(scene.picture("row.png"), {
        picture(&scene, &served, &json!({ "draw": mixed }), "mixed.png");
        scene.picture("mixed.png")
    });
    assert_eq!(served.get("/api/latents/999").status, 404);
}

#[test]
fn a_photo_is_projected_and_drawn() {
    let scene = Scene::new();
    let served = studio(&scene);
    let photo = picture(&scene, &served, &json!({ "draw": seed(5) }), "photo.png");
    let known = served.send("/api/photos?name=../me.png", &photo).json();
    assert_eq!((&known["width"], &known["faces"]), (&json!(16), &json!([])));
    let request = json!({ "photo": known["photo"], "space": "w_plus", "steps": 15 });
    let job = served.post("/api/models/1/projections", &request).json()["job"].as_u64().unwrap();
    let end = served.event(&format!("/api/jobs/{job}/events"), |event| event["state"] != "running");
    assert_eq!(end["state"], "done", "{end}");
    assert!(end["psnr"].as_f64().unwrap() > 5.0 && end["pictures"].as_u64().unwrap() > 0, "{end}");
    for what in ["picture", "target"] {
        let shown = served.get(&format!("/api/jobs/{job}/{what}"));
        assert_eq!(image::load_from_memory(&shown.body).unwrap().width(), 16, "{what}");
    }
    let draw = json!({ "blend": "@0:1", "latents": end["latents"], "truncation_psi": 1 });
    picture(&scene, &served, &json!({ "draw": draw }), "found.png");
    // One that is stopped leaves what it has.
    let request = json!({ "photo": known["photo"], "steps": 10_000 });
    let job = served.post("/api/models/1/projections", &request).json()["job"].as_u64().unwrap();
    served.event(&format!("/api/jobs/{job}/events"), |event| event["done"].as_u64().unwrap() > 0);
    assert_eq!(served.post(&format!("/api/jobs/{job}/stop"), &json!({})).status, 200);
    let end = served.event(&format!("/api/jobs/{job}/events"), |event| event["state"] != "running");
    assert_eq!((&end["state"], end["latents"].is_u64()), (&json!("stopped"), true), "{end}");
}

#[test]
fn what_is_dropped_in_is_opened_or_says_why_not() {
    let scene = Scene::new();
    scene.checkpoint("labeled.safetensors", 0.0, 3);
    let served = studio(&scene);
    let sent =
        served.send("/api/models?name=labeled.safetensors", &scene.bytes("labeled.safetensors")).json();
    assert_eq!((&sent["kind"], &sent["label_dim"]), (&json!("uploaded"), &json!(3)), "{sent}");
    let model = sent["model"].as_u64().unwrap();
    let without = served.post(&format!("/api/models/{model}/picture"), &json!({ "draw": seed(1) }));
    assert_eq!(without.json()["error"], "this network has 3 labels, but no class was given");
    let mut of_class = seed(1);
    of_class["class"] = json!(2);
    assert_eq!(
        served.post(&format!("/api/models/{model}/picture"), &json!({ "draw": of_class })).status,
        200
    );
    for (path, body) in [
        ("/api/models?name=x.pkl", &b"no checkpoint"[..]),
        ("/api/latents", b"no latents"),
        ("/api/photos", b"no photo"),
        ("/api/models/1/recipe", b"no picture"),
    ] {
        let answer = served.send(path, body);
        assert!(answer.status == 400 && answer.json()["error"].is_string(), "{path}: {}", answer.text());
    }
    let damaged = &scene.bytes("labeled.safetensors")[..900];
    assert_eq!(served.send("/api/models?name=cut.safetensors", damaged).status, 400);
}
