//! Files of points, good and hostile.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;

use image::RgbImage;
use proptest::prelude::*;
use stylegan_alignment::{FindFaces, LandmarkFile};

fn open(name: &str, text: &[u8]) -> Result<LandmarkFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    LandmarkFile::open(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), name))
}

/// The first point of each face of a photo.
fn faces(file: &LandmarkFile, name: &str) -> Vec<[f64; 2]> {
    let found = file.find(name, &RgbImage::new(1, 1)).unwrap();
    found.iter().map(|face| face.points.points()[0]).collect()
}

/// Points of a face as JSON, beginning at `x`.
fn points(x: usize, count: usize) -> String {
    let points: Vec<String> = (0..count).map(|number| format!("[{}, {}.5]", x + number, number)).collect();
    format!("[{}]", points.join(", "))
}

#[test]
fn points_are_read_in_every_form() {
    let (five, sixty_eight) = (points(1, 5), points(2, 68));
    let flat = "[3, 0.5, 1, 2, 3, 4, 5, 6, 7, 8]";
    let json = format!(
        "\u{feff}{{\"a/one.jpg\": {five}, \"two.jpg\": [{sixty_eight}, {five}], \"none.jpg\": [], \"null.jpg\": null,
         \"flat.jpg\": {flat}, \"object.jpg\": {{\"face_landmarks\": [{five}], \"other\": {{\"x\": [1]}}}}}}"
    );
    let file = open("points.JSON", json.as_bytes()).unwrap();
    assert_eq!(faces(&file, "a/one.jpg"), [[1.0, 0.5]]);
    assert_eq!(faces(&file, "two.jpg"), [[2.0, 0.5], [1.0, 0.5]]);
    assert_eq!(faces(&file, "flat.jpg"), [[3.0, 0.5]]);
    assert_eq!(faces(&file, "object.jpg"), [[1.0, 0.5]]);
    for none in ["none.jpg", "null.jpg", "other.jpg"] {
        assert!(faces(&file, none).is_empty() && file.knows_none(none), "{none}");
    }
    assert!(!file.knows_none("a/one.jpg"));

    let row =
        |x: f64| (0..10).map(|number| (x + f64::from(number)).to_string()).collect::<Vec<_>>().join(",");
    let csv = format!("name,x,y\n\"a, b.jpg\", {}\nc.jpg,{}\nc.jpg,{}\n\n", row(1.5), row(2.0), row(-3e2));
    let file = open("points.csv", csv.as_bytes()).unwrap();
    assert_eq!(faces(&file, "a, b.jpg"), [[1.5, 2.5]]);
    assert_eq!(faces(&file, "c.jpg"), [[2.0, 3.0], [-300.0, -299.0]]);
}

#[test]
fn ffhqs_own_file_is_read() {
    let json = format!(
        r#"{{"0": {{"category": "training", "metadata": {{"author": "x"}},
            "image": {{"file_path": "images1024x1024/00000/00000.png", "face_landmarks": {}}},
            "in_the_wild": {{"file_path": "in-the-wild-images/00000/00000.png", "pixel_size": [2016, 1512],
                "face_landmarks": {}, "face_rect": [1, 2, 3, 4]}}}}}}"#,
        points(900, 68),
        points(400, 68)
    );
    let file = open("ffhq-dataset-v2.json", json.as_bytes()).unwrap();
    for name in [
        "in-the-wild-images/00000/00000.png",
        "00000/00000.png",
        "00000.png",
        "x/in-the-wild-images/00000/00000.png",
    ] {
        assert_eq!(faces(&file, name), [[400.0, 0.5]], "{name}");
    }
    assert!(faces(&file, "01000/00000.png").is_empty());
}

#[test]
fn names_that_may_be_meant_both_are_refused() {
    let json = format!("{{\"a/1.jpg\": {0}, \"b\\\\1.jpg\": {0}, \"./c/1.jpg\": {0}}}", points(1, 5));
    let file = open("p.json", json.as_bytes()).unwrap();
    assert_eq!(faces(&file, "photos/b/1.jpg").len(), 1);
    assert_eq!(faces(&file, "c/1.jpg").len(), 1);
    let refusal = file.find("1.jpg", &RgbImage::new(1, 1)).unwrap_err();
    assert!(
        refusal.ends_with("has points for `a/1.jpg` and for `b/1.jpg`, which may both be meant"),
        "{refusal}"
    );
    file.check_names(&["1.jpg".to_owned()]).unwrap();
    let error = file.check_names(&["x.png".to_owned()]).unwrap_err().to_string();
    assert!(
        error.ends_with("has none of the photos: its names are such as `a/1.jpg`, not `x.png`"),
        "{error}"
    );
    // Letters with marks are the same in both forms.
    let json = format!("{{\"\u{e9}.jpg\": {}}}", points(1, 5));
    assert_eq!(faces(&open("p.json", json.as_bytes()).unwrap(), "e\u{301}.jpg").len(), 1);
}

#[test]
fn what_is_no_such_file_is_said() {
    let (five, four) = (points(1, 5), points(1, 4));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = format!("[{}]", vec![five.as_str(); 1001].join(","));
    let long = format!("[{}]", vec!["1"; 1001].join(","));
    for (json, reason) in [
        (String::new(), "EOF while parsing a value"),
        ("[]".into(), "invalid type: sequence, expected an object of photos"),
        (format!("{{\"a\": {four}}}"), "the face of `a`: has 4 points, not 68 or 5"),
        (format!("{{\"a\": [{five}, {four}]}}"), "the face of `a`: has 4 points, not 68 or 5"),
        ("{\"a\": [1, 2, 3]}".into(), "the face of `a`: has 3 numbers, which are no points"),
        ("{\"a\": [[1, 2, 3], [1, 2, 3]]}".into(), "the face of `a`: has 3 points, not 68 or 5"),
        ("{\"a\": [\"x\"]}".into(), "invalid type: string \"x\", expected points `[x, y]`"),
        ("{\"a\": 7}".into(), "invalid type: integer `7`, expected points of faces"),
        ("{\"a\": {\"b\": 1}}".into(), "neither `in_the_wild` nor `face_landmarks` is there"),
        ("{\"a\": {\"in_the_wild\": {\"file_path\": \"x\"}}}".into(), "missing field `face_landmarks`"),
        ("{\"a\": [[1e999, 2]]}".into(), "number out of range"),
        (format!("{{\"a\": {deep}}}"), "lists are nested too deep for points"),
        (format!("{{\"a\": {many}}}"), "a list of more than 1000 entries"),
        (format!("{{\"a\": {long}}}"), "a list of more than 1000 entries"),
        (format!("{{\"a\": {five}}} x"), "trailing characters"),
        (format!("{{\"\\u001b[31m\": {four}}}"), "the face of `\u{fffd}[31m`: has 4 points, not 68 or 5"),
    ] {
        let refusal = open("p.json", json.as_bytes()).unwrap_err();
        assert_eq!(refusal, format!("`p.json` cannot be understood at line 1: {reason}"));
    }
    let ten = "1,2,3,4,5,6,7,8,9,10";
    for (csv, line, reason) in [
        (
            format!("a.jpg,{ten}\nb.jpg,{ten},11\n"),
            2,
            "the face of `b.jpg`: has 11 numbers, which are no points",
        ),
        (format!("a.jpg,{ten}\nb.jpg,1,x,3,4,5,6,7,8,9,10"), 2, "the face of `b.jpg`: `x` is no number"),
        (format!("a.jpg,nan,{}", &ten[2..]), 1, "the face of `a.jpg`: point 0 is not finite"),
        ("name,x\nname,y".to_owned(), 2, "the face of `name`: `y` is no number"),
    ] {
        let refusal = open("p.csv", csv.as_bytes()).unwrap_err();
        assert_eq!(refusal, format!("`p.csv` cannot be understood at line {line}: {reason}"));
    }
    let refusal = open("p.csv", b"a.jpg,1,\xff\xfe\n").unwrap_err();
    assert_eq!(refusal, "`p.csv` cannot be understood at line 1: not text in UTF-8");
    assert_eq!(open("p.txt", b"").unwrap_err(), "`p.txt` is no JSON or CSV file by its name");
    assert_eq!(
        LandmarkFile::open(Path::new("missing.json")).unwrap_err().to_string(),
        "cannot read `missing.json`"
    );
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("x.json");
    std::fs::create_dir(&inside).unwrap();
    assert!(
        LandmarkFile::open(&inside).unwrap_err().to_string().ends_with("is no JSON or CSV file by its name")
    );
    let empty = open("p.json", b"{}").unwrap().check_names(&["a".to_owned()]).unwrap_err().to_string();
    assert!(empty.ends_with("holds no points"), "{empty}");
}

proptest! {
    #[test]
    fn damage_anywhere_is_no_panic(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
        let json = format!("{{\"0\": {{\"in_the_wild\": {{\"file_path\": \"a.png\", \"face_landmarks\": {0}}}}}, \"b\": [{0}]}}", points(1, 5));
        let csv = format!("name,x\na.jpg,{0}\n\"b\",{0}\n", "1,2.5,3,4,-5,6,7e3,8,9,10");
        for (name, text) in [("p.json", json), ("p.csv", csv)] {
            let mut bytes = text.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = open(name, &bytes);
            let _ = open(name, &bytes[..cut % bytes.len()]);
        }
    }
}
