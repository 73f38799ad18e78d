//! Requests of strangers.

use serde_json::json;

use super::{seed, studio};
use crate::scene::Scene;

#[test]
fn only_the_page_itself_is_heard() {
    let scene = Scene::new();
    let served = studio(&scene);
    let page = served.get("/");
    assert!(page.text().starts_with("<!doctype html>") || page.text().starts_with("<!DOCTYPE html>"));
    for header in ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff"] {
        assert!(page.head.contains(header), "{}", page.head);
    }
    assert!(!page.head.contains("unsafe"), "{}", page.head);
    let refused = |headers: &[(&str, &str)]| served.ask("GET", "/api/models", headers, &[]);
    assert_eq!(refused(&[("host", "evil.example")]).status, 403);
    let answer = refused(&[("origin", "http://evil.example")]);
    assert_eq!((answer.status, answer.json()["error"].is_string()), (403, true));
    assert!(answer.head.contains("content-security-policy"), "{}", answer.head);
    assert_eq!(refused(&[("sec-fetch-site", "cross-site")]).status, 403);
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/etc/passwd", "//etc/passwd", "/main.js/.."] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    assert_eq!(served.get("/api/nothing").json()["error"], "there is no such page");
}

/// Ten thousand requests that nobody should send, in turn. The studio answers the next good one, and holds no more memory.
#[test]
fn ten_thousand_hostile_requests_leave_it_answering() {
    let scene = Scene::new();
    let served = studio(&scene);
    let draws =
        |served: &super::Served| served.post("/api/models/1/picture", &json!({ "draw": seed(1) })).status;
    assert_eq!(draws(&served), 200);
    let host = served.address.clone();
    let long = "a".repeat(40_000);
    let deep = "[".repeat(200_000);
    let raw: Vec<Vec<u8>> = [
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\0\u{1}\u{2}\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000)),
        format!("POST /api/photos HTTP/1.1\r\nhost: {host}\r\ncontent-length: 99999999999999999999\r\n\r\n"),
        format!("POST /api/photos HTTP/1.1\r\nhost: {host}\r\ncontent-length: -1\r\n\r\n"),
        format!("POST /api/photos HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        format!("GET /api/runs/0/events HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\u{1}\u{2}"),
        format!("CONNECT evil.example:80 HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ]
    .map(String::into_bytes)
    .into();
    let bodies = [
        "{}".to_owned(),
        "null".to_owned(),
        deep.clone(),
        format!(r#"{{"draw":{deep}"#),
        r#"{"draw":{"blend":"1:1","truncation_psi":1e999}}"#.to_owned(),
        r#"{"draw":{"blend":"1:NaN"}}"#.to_owned(),
        r#"{"draw":{"blend":"18446744073709551616:1"}}"#.to_owned(),
        r#"{"draw":{"blend":"@5:1","latents":18446744073709551615}}"#.to_owned(),
        format!(r#"{{"draw":{{"blend":"{}"}}}}"#, vec!["1:1"; 5000].join(",")),
        r#"{"draw":{"blend":"1:1","moves":[{"row":18446744073709551615,"strength":1}]}}"#.to_owned(),
        r#"{"draw":{"blend":"1:1","moves":[{"row":9999999,"strength":1}]}}"#.to_owned(),
        r#"{"draw":{"blend":"1:1","styles":{"latent":"1","layers":"0-999999"}}}"#.to_owned(),
        r#"{"draw":{"blend":"1:1","label":"1,2,3"}}"#.to_owned(),
        r#"{"draw":{"blend":"1:1"},"coarser":4294967295}"#.to_owned(),
        r#"{"draw":{"blend":"1:1"},"frames":4294967295,"fps":0,"format":"mp4","seeds":"0-999999"}"#
            .to_owned(),
        r#"{"draw":{"blend":"1:1"},"rows":"0-999999","cols":"0-999999","styles":"0"}"#.to_owned(),
        r#"{"draw":{"blend":"1:1"},"seeds":"0-999999"}"#.to_owned(),
        r#"{"photo":7,"steps":0}"#.to_owned(),
        r#"{"points":[[0,0],[0,0],[0,0],[0,0],[0,0]],"side":4000000000}"#.to_owned(),
        "\u{1}".repeat(2 << 20),
    ];
    let paths = [
        "/api/models/1/picture",
        "/api/models/1/grid",
        "/api/models/1/mix",
        "/api/models/1/layers",
        "/api/models/1/layers/99999999999999999999",
        "/api/models/1/films",
        "/api/models/1/projections",
        "/api/models/18446744073709551615/picture",
        "/api/models/1/recipe",
        "/api/models/1/latents",
        "/api/photos",
        "/api/photos/0/crop",
        "/api/latents",
        "/api/jobs/0/stop",
        "/api/runs/0/pause",
    ];
    let threads = 4;
    let before = served.memory_mib();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (served, raw, bodies, paths) = (&served, &raw, &bodies, &paths);
            scope.spawn(move || {
                for number in (thread..10_000).step_by(threads) {
                    if number % 3 == 0 {
                        served.raw(&raw[number / 3 % raw.len()]);
                        continue;
                    }
                    let (path, body) = (paths[number % paths.len()], &bodies[number / 7 % bodies.len()]);
                    let status = served.send(path, body.as_bytes()).status;
                    let is_refused = (400..500).contains(&status) || status == 0 && body.len() > 1 << 20;
                    assert!(is_refused || status == 200, "{path} {body:.100}: {status}");
                }
            });
        }
    });
    assert_eq!(draws(&served), 200);
    if let (Some(before), Some(after)) = (before, served.memory_mib()) {
        assert!(after < before + 300, "{before} MiB before, {after} MiB after");
    }
}
