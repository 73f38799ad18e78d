//! `stylegan dataset pack`

use crate::scene::Scene;

#[test]
fn pictures_are_packed_once() {
    let scene = Scene::empty();
    scene.photos("photos", 12, (20, 18));
    std::fs::write(scene.path("photos/broken.png"), "no picture").unwrap();
    let words = scene.draws("dataset pack photos --out packed");
    assert!(words.starts_with("skipped `broken.png`: "), "{words}");
    assert!(words.contains("packed 12 pictures of 16x16 in `packed`, 0.0 MiB\n"), "{words}");
    assert!(words.ends_with("1 could not be read and was left out\n"), "{words}");
    let words = scene.draws("dataset pack photos --out packed");
    assert!(words.starts_with("found 12 pictures of 16x16 in `packed`"), "{words}");
}

#[test]
fn what_cannot_be_packed() {
    let scene = Scene::empty();
    scene.photos("photos", 3, (20, 18));
    std::fs::create_dir(scene.path("empty")).unwrap();
    let refuses = |arguments: &str, message: &str, hint: &str| {
        let before = scene.names("");
        let ran = scene.run(&format!("dataset pack {arguments}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{arguments}");
        let (_skipped, error) = ran.stderr.split_at(ran.stderr.find("error: ").unwrap_or(0));
        assert!(error.starts_with(&format!("error: {message}")), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("\n\nhint: {hint}")), "{}", ran.stderr);
        assert_eq!(scene.names(""), before, "{arguments}");
    };
    refuses("empty --out packed", "`empty` holds no PNG, JPEG or WebP pictures\n", "pictures are found by");
    refuses(
        "photos --out packed --resolution 100",
        "resolution 100 is not a power of two",
        "the nearest are 64 and 128",
    );
    refuses(
        "photos --out packed --resolution 32",
        "3 of the pictures in `photos` are smaller",
        "`--resolution 16`",
    );
    refuses("photos --out empty", "`empty` exists and is not a packed data set", "choose a folder");
    std::fs::write(scene.path("photos/broken.png"), "no picture").unwrap();
    refuses("photos --out packed --max-bad-fraction 0.1", "at least 1 of the 4 pictures", "mend or remove");
    let words = scene
        .draws("dataset pack photos --out packed --max-bad-fraction 0.5 --resolution 32 --allow-upscale");
    assert!(words.contains("3 were smaller and were enlarged\n"), "{words}");
}
