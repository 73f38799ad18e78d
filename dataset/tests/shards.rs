//! A set packed in parts is the set packed at once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};

use pictures::{encoded, folder, names_in, png};
use stylegan_dataset::{PackOptions, Shard, join, pack};

/// Eleven pictures of two classes, one of them too small and one broken.
fn photos(parent: &Path) -> PathBuf {
    let mut files: Vec<(String, Vec<u8>)> =
        (0..11).map(|seed| (format!("{}/{seed:02}.png", seed % 2), png(32, 32, seed))).collect();
    files[4].1 = png(8, 8, 4);
    files[7].1.truncate(200);
    files[9].1 = encoded(&image::DynamicImage::new_luma8(40, 32), image::ImageFormat::Png);
    let labels: Vec<String> =
        files.iter().enumerate().map(|(i, (name, _))| format!("[\"{name}\", {}]", i % 2)).collect();
    files.push(("dataset.json".into(), format!("{{\"labels\": [{}]}}", labels.join(", ")).into_bytes()));
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    folder(parent, "photos", &files)
}

fn options(shard: Option<&str>) -> PackOptions {
    let shard = shard.map(|text| text.parse().unwrap());
    PackOptions { shard, max_bad_fraction: 0.2, ..PackOptions::default() }
}

fn packed(source: &Path, shard: Option<&str>) -> PathBuf {
    let out = source.with_file_name(shard.map_or("whole".into(), |shard| shard.replace('/', "of")));
    let report = pack(source, &out, &options(shard), &mut |_| {}).unwrap().1;
    assert_eq!(report.shard, shard.map(|text| text.parse().unwrap()));
    out
}

fn joined(parts: &[PathBuf], out: &Path) -> Result<usize, String> {
    join(parts, out).map(|(pyramid, _)| pyramid.len()).map_err(|error| error.to_string())
}

#[test]
fn parts_join_to_the_bytes_of_the_whole() {
    let parent = tempfile::tempdir().unwrap();
    let photos = photos(parent.path());
    let whole = packed(&photos, None);
    for of in [1, 3, 9] {
        // In whatever order they are given.
        let parts: Vec<PathBuf> =
            (1..=of).rev().map(|number| packed(&photos, Some(&format!("{number}/{of}")))).collect();
        let out = parent.path().join(format!("joined {of}"));
        assert_eq!(joined(&parts, &out), Ok(9));
        assert_eq!(names_in(&out), names_in(&whole));
        for name in names_in(&out) {
            assert!(
                fs::read(out.join(&name)).unwrap() == fs::read(whole.join(&name)).unwrap(),
                "{name} {of}"
            );
        }
        // It serves as what was packed at once, and the parts do not.
        let again = pack(&photos, &out, &options(None), &mut |_| {}).unwrap().1;
        assert!(again.is_reused && again.skipped.len() == 1 && again.too_small.len() == 1);
        let error = pack(&photos, &parts[0], &options(None), &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(&format!("but of part {of}/{of}, not of all of them")), "{error}");
    }
    let empty = pack(&photos, &parent.path().join("empty"), &options(Some("1/20")), &mut |_| {});
    let error = empty.unwrap_err().to_string();
    assert!(
        error.starts_with("part 1/20 of `") && error.ends_with("is empty: there are 10 pictures"),
        "{error}"
    );
}

#[test]
fn what_is_not_all_parts_of_one_set_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let photos = photos(parent.path());
    let [one, two, three] = ["1/3", "2/3", "3/3"].map(|shard| packed(&photos, Some(shard)));
    let (whole, half) = (packed(&photos, None), packed(&photos, Some("1/2")));
    let others =
        folder(parent.path(), "others/photos", &[("a.png", png(32, 32, 1)), ("b.png", png(32, 32, 2))]);
    let foreign = packed(&others, Some("2/3"));
    let coarse = parent.path().join("coarse");
    let smaller = PackOptions { resolution: Some(16.into()), ..options(Some("2/3")) };
    pack(&photos, &coarse, &smaller, &mut |_| {}).unwrap();
    let damaged = parent.path().join("damaged");
    fs::create_dir(&damaged).unwrap();
    for name in names_in(&two) {
        let mut bytes = fs::read(two.join(&name)).unwrap();
        if name == "level-0032.bin" {
            bytes[4000] ^= 1;
        }
        fs::write(damaged.join(&name), bytes).unwrap();
    }

    let out = parent.path().join("joined");
    for (parts, reason) in [
        (vec![&one, &three], "2 of 3 parts are given, not part 2"),
        (vec![&two], "1 of 3 parts is given, not part 1"),
        (vec![&one, &two, &two, &three], "it is the same part as `"),
        (vec![&one, &foreign, &three], "it is a part of other pictures than `"),
        (vec![&one, &half], "it is a part of other pictures than `"),
        (vec![&one, &coarse, &three], "it is packed in another way than `"),
        (vec![&whole], "it is no part of a set of pictures"),
        (vec![&one, &damaged, &three], "has other pixels than were packed"),
        (vec![&one, &photos], "is not a packed data set"),
        (vec![], "no parts were given"),
    ] {
        let parts: Vec<PathBuf> = parts.into_iter().cloned().collect();
        let error = joined(&parts, &out).unwrap_err();
        assert!(error.contains(reason), "{error} for {reason}");
        assert!(!out.exists() && !names_in(parent.path()).iter().any(|name| name.starts_with('.')));
    }
    assert!(joined(&[one, two, three], &whole).unwrap_err().contains("nothing was overwritten"));
    assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
}
