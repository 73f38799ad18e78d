//! `stylegan bench`

use crate::scene::Scene;

#[test]
fn every_kind_of_work_is_measured() {
    let scene = Scene::empty();
    for what in ["train", "sample", "project"] {
        let tiny = "--resolution 8 --fmap-base 32 --fmap-max 4 --batch 2 --steps 1";
        let ran = scene.run(&format!("bench {what} {tiny} --json"));
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        let measured: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&measured["what"], &measured["batch"]), (&what.into(), &2.into()));
        assert_eq!(measured["precision"], "f32", "{what}: a CPU computes in nothing else");
        assert!(measured["images_per_sec"].as_f64().unwrap() > 0.0, "{what}");
        assert_eq!(measured["step_millis"].as_array().unwrap().len(), 1);
        assert_eq!((&measured["resolution"], &measured["widths"]), (&8.into(), &vec![4, 4].into()));
        let wide = tiny.replace("--resolution 8", "--resolution 16x12");
        let ran = scene.run(&format!("bench {what} {wide} --set generator.num_channels=4"));
        assert!(ran.stdout.starts_with(&format!("{what} 16x12, batch 2, ")), "{}{}", ran.stdout, ran.stderr);
    }
}
