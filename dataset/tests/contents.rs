//! What is trained on, whatever files it came from.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pictures::{folder, names_in, png, zip};
use stylegan_dataset::{Contents, PackOptions, Pyramid, cached_packs, open_or_pack, pack};

fn opened(source: &Path, cache: &Path) -> Pyramid {
    open_or_pack(source, cache, &PackOptions::default(), &mut |_| {}).unwrap().0
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![("a.png", png(16, 16, 1)), ("b/c.png", png(20, 16, 2)), ("d.png", png(16, 16, 3))]
}

#[test]
fn the_same_pictures_in_other_files_are_the_same() {
    let parent = tempfile::tempdir().unwrap();
    let cache = parent.path().join("cache");
    let photos = folder(parent.path(), "photos", &files());
    let first = opened(&photos, &cache);
    let expected = first.contents(true).unwrap();
    assert!(Contents::is_fingerprint(&expected.fingerprint()));
    assert!(!Contents::is_fingerprint(first.source_fingerprint()));

    let file = fs::File::options().write(true).open(photos.join("a.png")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(99)).unwrap();
    let copied = folder(parent.path(), "copied", &files());
    // Each file is stored in one and deflated in the other.
    let zipped = zip(parent.path(), "zipped.zip", &files());
    let mut rotated = files();
    rotated.rotate_left(1);
    let rezipped = zip(parent.path(), "rezipped.zip", &rotated);
    let mut renamed = files();
    renamed[2].0 = "e.png";
    let renamed = folder(parent.path(), "renamed", &renamed);
    for source in [&photos, &copied, &zipped, &rezipped, &renamed] {
        let pyramid = opened(source, &cache);
        assert_ne!(pyramid.source_fingerprint(), first.source_fingerprint(), "{}", source.display());
        assert_eq!(
            pyramid.contents(true).unwrap().fingerprint(),
            expected.fingerprint(),
            "{}",
            source.display()
        );
    }

    let mut changed = files();
    changed[1].1 = png(16, 16, 4);
    changed.push(("new.png", png(16, 16, 5)));
    changed.remove(0);
    let changed = opened(&folder(parent.path(), "changed", &changed), &cache).contents(true).unwrap();
    assert_eq!(
        changed.differences(&expected),
        ["1 picture was added: `new.png`; 1 was removed: `a.png`; 1 was changed: `b/c.png`"]
    );
}

#[test]
fn labels_count_only_where_they_are_used() {
    let parent = tempfile::tempdir().unwrap();
    let cache = parent.path().join("cache");
    let plain = opened(&folder(parent.path(), "plain", &files()), &cache);
    let mut labeled = files();
    labeled.push(("dataset.json", br#"{"labels": [["a.png", 1], ["b/c.png", 0], ["d.png", 1]]}"#.to_vec()));
    let labeled = opened(&folder(parent.path(), "labeled", &labeled), &cache);
    assert_eq!(labeled.contents(false).unwrap(), plain.contents(false).unwrap());
    assert_ne!(labeled.contents(true).unwrap().fingerprint(), plain.contents(true).unwrap().fingerprint());
}

/// Takes out of a pack what packs of the first version did not say.
fn make_early(pack: &Path) {
    let path = pack.join("index.json");
    let text = fs::read_to_string(&path).unwrap();
    let end = text.find(",\"digests\":[").unwrap();
    let text = format!("{}}}\n", &text[..end]);
    let text = text.replace("\"version\":2", "\"version\":1").replace("\"fit\":\"crop\",", "");
    fs::write(&path, text.replace("\"not_square\":1,", "").replace("\"too_small\":[],", "")).unwrap();
}

#[test]
fn an_early_pack_opens_and_tells_what_it_holds() {
    let parent = tempfile::tempdir().unwrap();
    let photos = folder(parent.path(), "photos", &files());
    let packed = parent.path().join("packed");
    let (pyramid, _) = pack(&photos, &packed, &PackOptions::default(), &mut |_| {}).unwrap();
    let expected = pyramid.contents(false).unwrap();
    make_early(&packed);
    let early = Pyramid::open(&packed).unwrap();
    assert_eq!(early.contents(false).unwrap(), expected);
    // It is found out once, and the pack stays one that the versions of its time read.
    let text = fs::read_to_string(packed.join("index.json")).unwrap();
    assert!(text.contains("\"version\":1") && text.contains("\"digests\":[\""), "{text}");
    assert_eq!(Pyramid::open(&packed).unwrap().contents(false).unwrap(), expected);
    assert!(pack(&photos, &packed, &PackOptions::default(), &mut |_| {}).unwrap().1.is_reused);
}

#[test]
fn packs_of_a_cache_are_found_by_what_they_were_made_of() {
    let parent = tempfile::tempdir().unwrap();
    let cache = parent.path().join("cache");
    assert!(cached_packs(&cache).unwrap().is_empty());
    let photos = folder(parent.path(), "photos", &files());
    let first = opened(&photos, &cache);
    fs::write(photos.join("e.png"), png(16, 16, 9)).unwrap();
    let second = opened(&photos, &cache);
    fs::create_dir(cache.join("something else")).unwrap();
    let packs = cached_packs(&cache).unwrap();
    assert_eq!((packs.len(), names_in(&cache).len()), (2, 3));
    let found = second.beside(first.source_fingerprint()).unwrap();
    assert_eq!(found.path(), first.path());
    assert!(second.beside("of nothing").is_none());

    let of_first = packs.iter().find(|pack| pack.path == first.path()).unwrap();
    assert!(
        of_first.holds(&first.contents(true).unwrap()) && !of_first.holds(&second.contents(true).unwrap())
    );
    assert!(!of_first.holds_all(&second.contents(true).unwrap()));
    assert!(of_first.holds_all(&first.contents(true).unwrap()));
    of_first.remove().unwrap();
    assert!(!first.path().exists());
}
