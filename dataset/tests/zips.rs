//! Zips, from friends and from strangers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::path::Path;

use pictures::{folder, names_in, picture, png, zip};
use stylegan_base::Hint;
use stylegan_dataset::{
    BatchRequest, Error, ErrorKind, ExportFormat, LabelFile, LabelFileState, LabelMode, Labels, Order,
    PackOptions, Pyramid, Source, assemble, export, pack,
};

fn packed(source: &Path, max_bad_fraction: f64) -> Result<(Pyramid, Vec<String>), Error> {
    let parent = tempfile::tempdir().unwrap();
    let options = PackOptions { max_bad_fraction, ..PackOptions::default() };
    let (pyramid, report) = pack(source, &parent.path().join("packed"), &options, &mut |_| {})?;
    Ok((pyramid, report.skipped.into_iter().map(|skipped| skipped.reason).collect()))
}

/// The zip with each place where `from` stands changed to `to`, of the same length.
fn changed(path: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    let mut at = 0;
    let mut count = 0;
    while let Some(offset) = bytes[at..].windows(from.len()).position(|window| window == from) {
        bytes[at + offset..at + offset + from.len()].copy_from_slice(to);
        at += offset + from.len();
        count += 1;
    }
    assert!(count > 0, "nothing to change");
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_zip_with_labels_is_read() {
    let parent = tempfile::tempdir().unwrap();
    let path = zip(
        parent.path(),
        "faces.zip",
        &[
            ("00000/img00000001.png", png(16, 16, 1)),
            (
                "dataset.json",
                br#"{"labels": [["00000/img00000000.png", 1], ["00000/img00000001.png", 0]]}"#.to_vec(),
            ),
            ("readme.txt", b"hello".to_vec()),
            ("00000/img00000000.png", png(16, 16, 0)),
        ],
    );
    let source = Source::open(&path).unwrap();
    assert_eq!((source.len(), source.left_out().counted_files()), (2, "1 `.txt`".to_owned()));
    let (pyramid, _) = packed(&path, 0.0).unwrap();
    assert_eq!(pyramid.names(), ["00000/img00000000.png", "00000/img00000001.png"]);
    assert_eq!(pyramid.labels(), Some(&Labels::Classes { count: 2, indices: vec![1, 0], names: vec![] }));
    let expected: Vec<u8> = picture(16, 16, 1).pixels().map(|pixel| pixel.0[0]).collect();
    assert_eq!(pyramid.picture(16.into(), 1).unwrap()[..256], expected);

    let order = Order::new(0, 2);
    let request = BatchRequest { first_position: 0, batch: 3, resolution: 8.into() };
    let batch = assemble(&pyramid, &order, false, &request).unwrap();
    let labels: Vec<f32> =
        (0..3).flat_map(|at| if order.index(at) == 0 { [0.0, 1.0] } else { [1.0, 0.0] }).collect();
    assert_eq!(batch.labels, Some(labels));
}

#[test]
fn a_zip_is_told_by_what_is_in_it() {
    let parent = tempfile::tempdir().unwrap();
    let faces = zip(parent.path(), "faces.download", &[("0.png", png(8, 8, 1))]);
    assert_eq!(Source::open(&faces).unwrap().names(), ["0.png"]);
    let empty = zip(parent.path(), "empty", &[]);
    let error = Source::open(&empty).unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::NoPictures { left_out } if left_out.is_empty()), "{error}");
    // By its name it is one, by what is in it a damaged one.
    let text = parent.path().join("text.ZIP");
    fs::write(&text, "hello").unwrap();
    let error = Source::open(&text).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Container { .. }), "{error}");
}

#[test]
fn bad_labels_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let files = [("0.png", png(8, 8, 1)), ("dataset.json", br#"{"labels": [["1.png", 0]]}"#.to_vec())];
    for path in [zip(parent.path(), "faces.zip", &files), folder(parent.path(), "faces", &files)] {
        // The pictures are there all the same.
        let (pyramid, _) = packed(&path, 0.0).unwrap();
        assert_eq!(pyramid.labels(), None);
        let error = pyramid.found_labels().choose(LabelMode::Auto).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "`dataset.json` of `{}` has no label for any of the pictures: its names are such as `1.png`, not `0.png`",
                path.display()
            )
        );
        assert!(error.hint().is_some());
        assert!(matches!(pyramid.found_labels().choose(LabelMode::Off), Ok(None)));
    }
}

#[test]
fn a_wrong_checksum_is_a_bad_picture() {
    let parent = tempfile::tempdir().unwrap();
    let path = zip(parent.path(), "faces.zip", &[("0.png", png(16, 16, 1)), ("1.png", png(16, 16, 2))]);
    let mut bytes = fs::read(&path).unwrap();
    // Inside the first picture, which is stored.
    let at = bytes.windows(4).position(|window| window == b"IEND").unwrap();
    bytes[at + 4] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (pyramid, reasons) = packed(&path, 0.5).unwrap();
    assert_eq!(pyramid.names(), ["1.png"]);
    assert_eq!(reasons, ["Invalid checksum"]);
}

#[test]
fn a_huge_declared_size_is_refused_by_name() {
    let parent = tempfile::tempdir().unwrap();
    let picture = png(16, 16, 1);
    let path = zip(parent.path(), "faces.zip", &[("a.txt", vec![]), ("0.png", picture.clone())]);
    changed(&path, &(picture.len() as u32).to_le_bytes(), &0xf000_0000u32.to_le_bytes());
    let error = packed(&path, 1.0).unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::Entry { entry, .. } if entry == "0.png"), "{error}");
    assert!(error.to_string().contains("inflates to 4026531840 bytes"), "{error}");
}

#[test]
fn an_entry_inflates_no_further_than_declared() {
    let parent = tempfile::tempdir().unwrap();
    let bomb = vec![0; 50_000_000];
    let path = zip(parent.path(), "bomb.zip", &[("0.png", png(16, 16, 1)), ("bomb.png", bomb)]);
    changed(&path, &50_000_000u32.to_le_bytes(), &1_000u32.to_le_bytes());
    let (pyramid, reasons) = packed(&path, 0.5).unwrap();
    assert_eq!(pyramid.names(), ["0.png"]);
    assert_eq!(reasons, ["File is larger than its declared uncompressed size"]);
}

#[test]
fn repeated_and_encrypted_entries_are_refused_by_name() {
    let parent = tempfile::tempdir().unwrap();
    let files = [("0.png", png(8, 8, 1)), ("1.png", png(8, 8, 2))];
    let path = zip(parent.path(), "twice.zip", &files);
    changed(&path, b"1.png", b"0.png");
    let error = packed(&path, 1.0).unwrap_err();
    assert_eq!(error.to_string(), format!("entry `0.png` of `{}` is there more than once", path.display()));

    let path = zip(parent.path(), "slashes.zip", &[("a/0.png", png(8, 8, 1)), ("a_0.png", png(8, 8, 2))]);
    changed(&path, b"a_0.png", b"a\\0.png");
    let error = packed(&path, 1.0).unwrap_err();
    assert!(error.to_string().starts_with("entry `a/0.png`"), "{error}");

    let path = zip(parent.path(), "secret.zip", &files[..1]);
    // The flags of a central header stand 8 bytes after its mark.
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[at + 8] |= 1;
    fs::write(&path, bytes).unwrap();
    let error = packed(&path, 1.0).unwrap_err();
    assert_eq!(error.to_string(), format!("entry `0.png` of `{}` is encrypted", path.display()));
}

#[test]
fn names_are_only_names() {
    let parent = tempfile::tempdir().unwrap();
    let inside = folder(parent.path(), "inside", &[]);
    fs::create_dir_all(&inside).unwrap();
    let files = [("../up.png", png(8, 8, 1)), ("/root.png", png(8, 8, 2)), ("a\u{1b}[2J.png", png(8, 8, 3))];
    let path = zip(&inside, "names.zip", &files);
    let (pyramid, report) =
        pack(&path, &inside.join("packed"), &PackOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((pyramid.len(), report.skipped.len()), (3, 0));
    assert!(pyramid.names().iter().all(|name| !name.contains('\u{1b}')), "{:?}", pyramid.names());
    assert_eq!(names_in(parent.path()), ["inside"]);
    assert_eq!(names_in(&inside), ["names.zip", "packed"]);
}

#[test]
fn damage_anywhere_is_an_error_and_no_panic() {
    let parent = tempfile::tempdir().unwrap();
    let path = zip(
        parent.path(),
        "faces.zip",
        &[
            ("0.png", png(8, 8, 1)),
            ("1.png", png(8, 8, 2)),
            ("dataset.json", br#"{"labels": null}"#.to_vec()),
        ],
    );
    let whole = fs::read(&path).unwrap();
    let out = parent.path().join("packed");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, &bytes).unwrap();
        let options = PackOptions { max_bad_fraction: 0.5, ..PackOptions::default() };
        // What opens is packed too, though not every time, as each waits for the disk.
        if Source::open(&path).is_ok()
            && at % 7 == 0
            && let Ok((pyramid, _)) = pack(&path, &out, &options, &mut |_| {})
        {
            assert!(pyramid.len() <= 2);
            fs::remove_dir_all(&out).unwrap();
        }
        if at % 5 == 0 {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(
                matches!(
                    Source::open(&path),
                    Err(Error { kind: ErrorKind::Container { form: "a zip", .. }, .. })
                ),
                "cut at {at}"
            );
        }
    }
    assert_eq!(names_in(parent.path()), ["faces.zip"]);
}

#[test]
fn a_label_file_counts_in_any_folder_that_holds_all_pictures() {
    let parent = tempfile::tempdir().unwrap();
    let json = |names: [&str; 2]| {
        format!(r#"{{"labels": [["{}", 1], ["{}", 0]]}}"#, names[0], names[1]).into_bytes()
    };
    let inside = ["a/0.png", "b/1.png"];
    for (number, (file, names)) in [
        ("dataset.json", ["photos/a/0.png", "photos/b/1.png"]),
        ("dataset.json", inside),
        ("photos/dataset.json", inside),
        ("photos/dataset.json", ["photos\\\\a\\\\0.png", "./photos/b/1.png"]),
    ]
    .into_iter()
    .enumerate()
    {
        let files = [("photos/a/0.png", png(8, 8, 1)), ("photos/b/1.png", png(8, 8, 2)), (file, json(names))];
        for path in [
            zip(parent.path(), &format!("{number}.zip"), &files),
            folder(parent.path(), &number.to_string(), &files),
        ] {
            let (pyramid, _) = packed(&path, 0.0).unwrap();
            let labels = pyramid.found_labels().choose(LabelMode::Auto).unwrap();
            assert_eq!(labels, Some(Labels::Classes { count: 2, indices: vec![1, 0], names: vec![] }));
            let read = LabelFile { name: file.into(), state: LabelFileState::Read { strangers: 0 } };
            assert_eq!(pyramid.found_labels().file, Some(&read));
        }
    }
    let files = [
        ("photos/a/0.png", png(8, 8, 1)),
        ("photos/b/1.png", png(8, 8, 2)),
        ("photos/a/dataset.json", json(inside)),
        ("photos/b/dataset.json", json(inside)),
    ];
    let path = zip(parent.path(), "each.zip", &files);
    let (pyramid, _) = packed(&path, 0.0).unwrap();
    let misplaced = LabelFile { name: "photos/a/dataset.json".into(), state: LabelFileState::Misplaced };
    assert_eq!((pyramid.found_labels().file, pyramid.labels()), (Some(&misplaced), None));
}

#[test]
fn other_labels_have_another_fingerprint() {
    let parent = tempfile::tempdir().unwrap();
    let files = [
        ("a/0.png", png(8, 8, 1)),
        ("b/1.png", png(8, 8, 2)),
        ("dataset.json", br#"{"labels": [["a/0.png", 1], ["b/1.png", 0]]}"#.to_vec()),
    ];
    let path = folder(parent.path(), "faces", &files);
    let open = || packed(&path, 0.0).unwrap().0;
    let fingerprint = |mode, with_labels| {
        let labels = open().found_labels().choose(mode).unwrap();
        open().with_labels(labels).unwrap().contents(with_labels).unwrap().fingerprint()
    };
    let whole = |with_labels| open().contents(with_labels).unwrap().fingerprint();
    assert_eq!(fingerprint(LabelMode::Auto, true), whole(true));
    assert_eq!(fingerprint(LabelMode::Off, true), whole(false));
    assert_ne!(fingerprint(LabelMode::Folders, true), whole(true));
    assert_eq!(fingerprint(LabelMode::Folders, false), whole(false));
    let error = open().with_labels(Some(Labels::Vectors { width: 2, values: vec![0.0; 6] })).unwrap_err();
    assert!(error.to_string().ends_with("has 3 labels for 2 pictures"), "{error}");
}

#[test]
fn what_is_written_for_stylegan2_ada_is_what_it_reads() {
    let parent = tempfile::tempdir().unwrap();
    let files = [
        ("cats/0.png", png(20, 16, 1)),
        ("dogs/1.png", png(16, 16, 2)),
        ("dataset.json", br#"{"labels": [["cats/0.png", 1], ["dogs/1.png", 0]]}"#.to_vec()),
    ];
    let photos = folder(parent.path(), "photos", &files);
    let out = parent.path().join("out.zip");
    let write = |out: &Path| export(&photos, out, ExportFormat::Zip, &PackOptions::default(), &mut |_| {});
    let written = write(&out).unwrap();
    assert_eq!((written.report.count, written.report.other_ratio), (2, 1));
    assert_eq!(written.report.bytes, fs::metadata(&out).unwrap().len());

    let mut archive = zip::ZipArchive::new(fs::File::open(&out).unwrap()).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["00000/img00000000.png", "00000/img00000001.png", "dataset.json"]);
    for index in 0..3 {
        let mut entry = archive.by_index(index).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        match index {
            // Uncompressed pixels, and little else.
            0 | 1 => assert!(bytes.len() > 3 * 16 * 16),
            _ => assert_eq!(
                String::from_utf8(bytes).unwrap(),
                r#"{"labels":[["00000/img00000000.png",1],["00000/img00000001.png",0]]}"#
            ),
        }
    }
    let [ours, theirs] = [&out, &photos].map(|source| packed(source, 0.0).unwrap().0.contents(true).unwrap());
    assert_eq!(ours.fingerprint(), theirs.fingerprint());

    // The same pictures are the same bytes; nothing is overwritten; vectors stay, and so does that there are none.
    let again = parent.path().join("again.zip");
    write(&again).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&out).unwrap());
    assert!(matches!(write(&again).unwrap_err().kind, ErrorKind::OutputTaken));
    for (number, (json, expected)) in [
        (
            r#"{"labels": [["cats/0.png", [0.5, 1]], ["dogs/1.png", [2, -3]]]}"#,
            Some(vec![0.5, 1.0, 2.0, -3.0]),
        ),
        (r#"{"labels": null}"#, None),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(photos.join("dataset.json"), json).unwrap();
        let out = parent.path().join(format!("{number}.zip"));
        write(&out).unwrap();
        let labels = packed(&out, 0.0).unwrap().0.found_labels().choose(LabelMode::Auto).unwrap();
        assert_eq!(labels, expected.map(|values| Labels::Vectors { width: 2, values }));
    }
}

#[test]
fn a_zip_that_cannot_be_written_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let photos = folder(parent.path(), "photos", &[("0.png", b"no picture".to_vec())]);
    let options = PackOptions { max_bad_fraction: 1.0, ..PackOptions::default() };
    let out = parent.path().join("out.zip");
    let error = export(&photos, &out, ExportFormat::Zip, &options, &mut |_| {}).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoPictures { .. } | ErrorKind::TooSmall { .. }), "{error}");
    assert_eq!(names_in(parent.path()), ["photos"]);
}
