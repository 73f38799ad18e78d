//! Reading packs: batches, and what damaged packs get.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pictures::{folder, png};
use stylegan_base::Hint;
use stylegan_dataset::{
    BatchRequest, Error, ErrorKind, Order, PackOptions, Prefetcher, Pyramid, assemble, open_or_pack, pack,
};

fn packed(parent: &Path, count: u32) -> Pyramid {
    let names: Vec<String> = (0..count).map(|i| format!("{i:02}.png")).collect();
    let files: Vec<_> = names.iter().zip(0..).map(|(name, seed)| (&**name, png(16, 16, seed))).collect();
    let source = folder(parent, "photos", &files);
    pack(&source, &parent.join("packed"), &PackOptions::default(), &mut |_| {}).unwrap().0
}

#[test]
fn a_batch_follows_the_order() {
    let parent = tempfile::tempdir().unwrap();
    let pyramid = packed(parent.path(), 5);
    let order = Order::new(11, pyramid.len());
    // Over the end of the first epoch.
    let request = BatchRequest { first_position: 3, batch: 7, resolution: 8.into() };
    let plain = assemble(&pyramid, &order, false, &request).unwrap();
    let mirrored = assemble(&pyramid, &order, true, &request).unwrap();
    assert_eq!((plain.request, plain.labels.as_ref()), (request, None));
    let mut flips = 0;
    for (offset, pixels) in plain.pixels.chunks(3 * 8 * 8).enumerate() {
        let position = 3 + offset as u64;
        assert_eq!(pixels, pyramid.picture(8.into(), order.index(position)).unwrap());
        let other = &mirrored.pixels[offset * 3 * 8 * 8..][..3 * 8 * 8];
        let expected: Vec<u8> = if order.mirrored(position, 0.5) {
            flips += 1;
            pixels.chunks(8).flat_map(|row| row.iter().rev().copied()).collect()
        } else {
            pixels.to_vec()
        };
        assert_eq!(other, expected);
    }
    assert!((1..7).contains(&flips), "{flips}");
    let request = BatchRequest { resolution: 32.into(), ..request };
    assert!(matches!(
        assemble(&pyramid, &order, false, &request),
        Err(Error { kind: ErrorKind::NoSuchLevel { level, .. }, .. }) if level == 32.into()
    ));
    let order = Order::new(11, 6);
    let request = BatchRequest { batch: 6, resolution: 8.into(), first_position: 0 };
    assert!(matches!(
        assemble(&pyramid, &order, false, &request),
        Err(Error { kind: ErrorKind::NoSuchPicture { .. }, .. })
    ));
}

#[test]
fn prefetched_batches_are_the_same() {
    let parent = tempfile::tempdir().unwrap();
    let pyramid = Arc::new(packed(parent.path(), 5));
    let order = Order::new(2, pyramid.len());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let requests: Vec<BatchRequest> = (0..9)
        .map(|i| BatchRequest {
            first_position: i * 4,
            batch: 4,
            resolution: if i < 5 { 8 } else { 16 }.into(),
        })
        .collect();
    let spawn = |requests: Vec<BatchRequest>| {
        Prefetcher::spawn(runtime.handle(), pyramid.clone(), order.clone(), true, requests.into_iter(), 2)
    };
    let mut prefetcher = spawn(requests.clone());
    for request in &requests {
        let batch = prefetcher.next().unwrap().unwrap();
        assert_eq!(batch, assemble(&pyramid, &order, true, request).unwrap());
        assert!(prefetcher.last_wait().as_secs() < 60);
    }
    assert!(prefetcher.next().is_none());
    assert!(prefetcher.next().is_none());

    let mut wrong = requests.clone();
    wrong[1].resolution = 64.into();
    let mut prefetcher = spawn(wrong);
    assert!(prefetcher.next().unwrap().is_ok());
    assert!(matches!(prefetcher.next(), Some(Err(Error { kind: ErrorKind::NoSuchLevel { .. }, .. }))));
    assert!(prefetcher.next().is_none());

    // Dropped in the middle of endless requests, it lets the runtime end.
    let endless = requests.into_iter().cycle();
    let mut prefetcher = Prefetcher::spawn(runtime.handle(), pyramid, order, true, endless, 2);
    assert!(prefetcher.next().unwrap().is_ok());
    drop(prefetcher);
    drop(runtime);
}

#[test]
fn a_task_that_falls_over_is_noticed() {
    let parent = tempfile::tempdir().unwrap();
    let pyramid = Arc::new(packed(parent.path(), 2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let requests = std::iter::once_with(|| panic!("no more requests"));
    let mut prefetcher = Prefetcher::spawn(runtime.handle(), pyramid, Order::new(0, 2), false, requests, 2);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| prefetcher.next().is_none()));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"no more requests"));
}

/// A pack with something done to one of its files.
fn damaged(parent: &Path, damage: impl FnOnce(PathBuf)) -> Error {
    let path = packed(parent, 2).path().to_path_buf();
    damage(path.clone());
    let error = Pyramid::open(&path).unwrap_err();
    // The other way in tells the same.
    let by_source = open_or_pack(&path, parent, &PackOptions::default(), &mut |_| {}).unwrap_err();
    if !matches!(error.kind, ErrorKind::NotAPack) {
        assert_eq!(by_source.to_string(), error.to_string());
    }
    assert!(error.hint().is_some());
    error
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn damaged_levels_are_refused() {
    let with_level = |damage: fn(PathBuf)| {
        damaged(tempfile::tempdir().unwrap().path(), |pack| damage(pack.join("level-0008.bin"))).to_string()
    };
    let message = with_level(|level| fs::write(level, [0; 383]).unwrap());
    assert!(message.ends_with("is damaged: `level-0008.bin` has 383 bytes instead of 384"), "{message}");
    let message = with_level(|level| fs::write(level, [0; 385]).unwrap());
    assert!(message.contains("has 385 bytes"), "{message}");
    let message = with_level(|level| fs::remove_file(level).unwrap());
    assert!(message.ends_with("`level-0008.bin` is missing"), "{message}");
}

#[test]
fn a_level_cut_short_or_deleted_while_it_is_open() {
    let parent = tempfile::tempdir().unwrap();
    let pyramid = packed(parent.path(), 5);
    let (first, last) = (pyramid.picture(8.into(), 0).unwrap(), pyramid.picture(16.into(), 4).unwrap());
    let level = pyramid.path().join("level-0008.bin");
    fs::OpenOptions::new().write(true).open(&level).unwrap().set_len(3 * 192 + 10).unwrap();
    assert_eq!(pyramid.picture(8.into(), 0).unwrap(), first);
    for (index, offset) in [(3, 576), (4, 768)] {
        let mut pixels_u8 = vec![7];
        let error = pyramid.append_picture(8.into(), index, &mut pixels_u8).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read `{}` at byte {offset}", level.display()));
        assert!(error.hint().unwrap().starts_with("the file was cut short"), "{error:?}");
        assert_eq!(pixels_u8, [7]);
    }
    let request = BatchRequest { first_position: 0, batch: 5, resolution: 8.into() };
    let error = assemble(&pyramid, &Order::new(1, 5), false, &request).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ReadAt { .. }), "{error:?}");
    // What is open outlasts its name, where the system lets an open file be deleted.
    if cfg!(unix) {
        fs::remove_dir_all(pyramid.path()).unwrap();
        assert_eq!(pyramid.picture(16.into(), 4).unwrap(), last);
    }
}

#[test]
fn damaged_indices_are_refused() {
    for (from, to, expected) in [
        ("\"count\":2", "\"count\":3", "names 2 of 3 pictures"),
        ("\"count\":2", "\"count\":18446744073709551615", "gives 18446744073709551615 pictures"),
        ("\"count\":2", "\"count\":-2", "cannot be understood"),
        ("\"resolution\":16", "\"resolution\":17", "gives the resolution 17"),
        ("\"resolution\":16", "\"resolution\":32", "`level-0032.bin` is missing"),
        ("\"labels\":null", "\"labels\":{\"classes\":{\"count\":2,\"indices\":[0,2]}}", "label out of range"),
        (
            "\"labels\":null",
            "\"labels\":{\"vectors\":{\"width\":3,\"values\":[0]}}",
            "0 labels for 2 pictures",
        ),
        ("\"fingerprint\":\"", "\"fingerprint\":\"zz", "has no fingerprint"),
        ("\"version\":2", "\"version\":5", "format version 5; this program reads up to version 4"),
        ("\"resolution\":16", "\"resolution\":\"16x12\"", "`level-0016.bin` has 1536 bytes instead of 1152"),
        ("\"resolution\":16", "\"resolution\":\"16x11\"", "gives the resolution 16x11"),
        ("\"resolution\":16", "\"resolution\":16,\"channels\":2", "1, 3 or 4 channels, not 2"),
        ("\"digests\":[\"", "\"digests\":[\"z", "has digests that are none of its pictures"),
        ("\"fit\":\"crop\"", "\"fit\":\"turn\"", "is none of `crop`"),
        ("\"pictures\":[", "\"pictures\":", "cannot be understood"),
        ("stylegan-pyramid", "something else", "is not a packed data set"),
    ] {
        let parent = tempfile::tempdir().unwrap();
        let error = damaged(parent.path(), |pack| edit(&pack.join("index.json"), from, to));
        assert!(error.to_string().contains(expected), "{from} to {to}: {error}");
    }
    let parent = tempfile::tempdir().unwrap();
    let error = damaged(parent.path(), |pack| {
        let index = pack.join("index.json");
        let bytes = fs::read(&index).unwrap();
        fs::write(&index, &bytes[..bytes.len() / 2]).unwrap();
    });
    assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error}");
}

#[test]
fn what_is_no_pack_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    assert!(matches!(Pyramid::open(parent.path()), Err(Error { kind: ErrorKind::NotAPack, .. })));
    assert!(matches!(
        Pyramid::open(parent.path().join("nothing")),
        Err(Error { kind: ErrorKind::NotFound, .. })
    ));
    fs::write(parent.path().join("index.json"), "[".repeat(100_000)).unwrap();
    assert!(matches!(Pyramid::open(parent.path()), Err(Error { kind: ErrorKind::NotAPack, .. })));
}
