//! Tar files, from friends and from strangers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};

use pictures::{folder, png};
use stylegan_dataset::{Error, ErrorKind, LabelMode, Labels, PackOptions, Pyramid, Source, pack};
use tar::{Builder, EntryType, Header};

fn packed(source: &Path) -> Result<Pyramid, Error> {
    let parent = tempfile::tempdir().unwrap();
    let options = PackOptions { max_bad_fraction: 0.5, ..PackOptions::default() };
    pack(source, &parent.path().join("packed"), &options, &mut |_| {}).map(|(pyramid, _)| pyramid)
}

fn header(kind: EntryType, length: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(length as u64);
    header.set_mode(0o644);
    header
}

fn tar(path: &Path, files: &[(&str, Vec<u8>)]) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut builder = Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in files {
        builder.append_data(&mut header(EntryType::Regular, bytes.len()), name, &bytes[..]).unwrap();
    }
    builder.finish().unwrap();
    path.to_owned()
}

fn classes(indices: &[u32]) -> Labels {
    let count = indices.iter().max().map_or(0, |&max| max as usize + 1);
    Labels::Classes { count, indices: indices.to_vec(), names: vec![] }
}

#[test]
fn a_tar_holds_what_a_folder_does() {
    let parent = tempfile::tempdir().unwrap();
    let long = format!("{}/0.png", "long".repeat(60));
    let files = [
        ("b/1.png", png(16, 16, 1)),
        ("a.png", png(20, 16, 2)),
        (long.as_str(), png(16, 16, 3)),
        ("notes.txt", b"hello".to_vec()),
        (".hidden/0.png", png(8, 8, 4)),
        ("__MACOSX/._a.png", b"x".to_vec()),
        (
            "dataset.json",
            format!(r#"{{"labels": [["a.png", 2], ["b/1.png", 0], ["{long}", 1]]}}"#).into_bytes(),
        ),
    ];
    let photos = folder(parent.path(), "photos", &files);
    let as_tar = tar(&parent.path().join("photos.tar"), &files);
    // By what is in it, whatever it is called.
    let renamed = parent.path().join("download");
    fs::copy(&as_tar, &renamed).unwrap();
    let [expected, ..] = [&photos, &as_tar, &renamed].map(|source| {
        let pyramid = packed(source).unwrap();
        assert_eq!(pyramid.names(), ["a.png", "b/1.png", &long]);
        let left_out = Source::open(source).unwrap().left_out().clone();
        assert_eq!(left_out.counted_files(), "1 `.txt`");
        assert_eq!(left_out.hidden, [".hidden", "__MACOSX"]);
        let labels = pyramid.found_labels().choose(LabelMode::Auto).unwrap();
        assert_eq!(labels, Some(classes(&[2, 0, 1])));
        pyramid.contents(true).unwrap().fingerprint()
    });
    assert_eq!(packed(&as_tar).unwrap().contents(true).unwrap().fingerprint(), expected);
}

#[test]
fn a_folder_of_tars_is_one_data_set_with_the_labels_beside_each_picture() {
    let parent = tempfile::tempdir().unwrap();
    let set = parent.path().join("set");
    let numbered = |first: u32| {
        (first..first + 3).flat_map(|number| {
            [
                (format!("{number:06}.png"), png(16, 16, number)),
                (format!("{number:06}.cls"), format!("{}", number % 4).into_bytes()),
                (format!("{number:06}.txt"), b"a caption".to_vec()),
            ]
        })
    };
    for shard in 0..3 {
        let files: Vec<_> = numbered(3 * shard).collect();
        let files: Vec<(&str, Vec<u8>)> =
            files.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
        tar(&set.join(format!("data/train-{shard:04}.tar")), &files);
    }
    fs::write(set.join("README.md"), "x").unwrap();
    let source = Source::open(&set).unwrap();
    assert_eq!((source.len(), &*source.names()[8]), (9, "000008.png"));
    assert_eq!(source.left_out().counted_files(), "9 `.txt`, 1 `.md`");
    let found = source.found_labels();
    assert_eq!(found.file.unwrap().name, "*.cls");
    assert_eq!(found.choose(LabelMode::Auto).unwrap(), Some(classes(&[0, 1, 2, 3, 0, 1, 2, 3, 0])));
    let pyramid = packed(&set).unwrap();
    let expected = packed(&folder(parent.path(), "one", &[("0.png", png(16, 16, 8))])).unwrap();
    assert_eq!(pyramid.picture(16.into(), 8).unwrap(), expected.picture(16.into(), 0).unwrap());

    // Names that come again are those of their files.
    let again = parent.path().join("again");
    for shard in 0..2 {
        tar(&again.join(format!("{shard}.tar")), &[("0.png", png(16, 16, shard)), ("0.cls", b"1".to_vec())]);
    }
    assert_eq!(Source::open(&again).unwrap().names(), ["0/0.png", "1/0.png"]);
    // Beside pictures, tars are left alone.
    fs::write(again.join("0.png"), png(16, 16, 1)).unwrap();
    assert_eq!(Source::open(&again).unwrap().names(), ["0.png"]);
    assert_eq!(Source::open(&again).unwrap().left_out().counted_files(), "2 `.tar`");
}

#[test]
fn links_and_devices_lead_nowhere() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("links.tar");
    let mut builder = Builder::new(fs::File::create(&path).unwrap());
    for (kind, name) in [
        (EntryType::Symlink, "a.png"),
        (EntryType::Link, "b.png"),
        (EntryType::Char, "c.png"),
        (EntryType::Fifo, "d.png"),
        (EntryType::GNUSparse, "e.png"),
        (EntryType::Directory, "f.png"),
    ] {
        let mut header = header(kind, 0);
        header.set_path(name).unwrap();
        header.set_link_name("/etc/passwd").unwrap();
        header.set_cksum();
        builder.append(&header, &[][..]).unwrap();
    }
    let picture = png(16, 16, 1);
    let mut header = header(EntryType::Regular, picture.len());
    // A path is a name and nothing else.
    header.as_gnu_mut().unwrap().name[..15].copy_from_slice(b"../../up\x1b/0.png");
    header.set_cksum();
    builder.append(&header, &picture[..]).unwrap();
    builder.finish().unwrap();
    let source = Source::open(&path).unwrap();
    assert_eq!(source.names(), ["../../up\u{fffd}/0.png"]);
    assert_eq!(packed(&path).unwrap().len(), 1);
}

#[test]
fn tars_that_no_honest_program_writes_are_refused_by_name() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("bad.tar");
    let picture = png(16, 16, 1);
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        Source::open(&path).unwrap_err()
    };
    tar(&path, &[("0.png", picture.clone())]);
    let whole = fs::read(&path).unwrap();
    let entry = |error: Error| match error.kind {
        ErrorKind::Entry { entry, reason } => (entry, reason),
        _ => panic!("{error}"),
    };
    // Longer than the file.
    let mut huge = header(EntryType::Regular, usize::MAX >> 2);
    huge.set_path("0.png").unwrap();
    huge.set_cksum();
    let mut bytes = huge.as_bytes().to_vec();
    bytes.extend(&whole[512..]);
    assert_eq!(entry(refused(&bytes)), ("0.png".into(), "ends after the file does".into()));
    // Cut in the middle of the picture.
    assert_eq!(entry(refused(&whole[..600])), ("0.png".into(), "ends after the file does".into()));
    // A name as long as a picture.
    let mut long = header(EntryType::GNULongName, 100_000);
    long.set_path("long").unwrap();
    long.set_cksum();
    let mut bytes = long.as_bytes().to_vec();
    bytes.resize(512 + 100_352, b'a');
    bytes.extend(&whole);
    assert_eq!(
        entry(refused(&bytes)),
        ("long".into(), "is a name of 100000 bytes; 65536 are accepted".into())
    );
    // A size that the header does not tell.
    let mut extended = header(EntryType::XHeader, 13);
    extended.set_path("extended").unwrap();
    extended.set_cksum();
    let mut bytes = extended.as_bytes().to_vec();
    bytes.extend(b"13 size=1234\n");
    bytes.resize(1024, 0);
    bytes.extend(&whole);
    assert_eq!(entry(refused(&bytes)), ("extended".into(), "gives the next entry a size of its own".into()));
    // The same name twice in one file.
    tar(&path, &[("0.png", picture.clone()), ("0.png", picture.clone())]);
    assert_eq!(entry(Source::open(&path).unwrap_err()), ("0.png".into(), "is there more than once".into()));
    // No tar at all.
    let error = refused(&[b'x'; 1024]);
    assert!(matches!(error.kind, ErrorKind::Container { form: "a tar file", .. }), "{error}");
    fs::write(&path, whole).unwrap();
    assert!(Source::open(&path).is_ok());
}

#[test]
fn damage_anywhere_is_an_error_and_no_panic() {
    let parent = tempfile::tempdir().unwrap();
    let long = format!("{}.cls", "l".repeat(120));
    let path = tar(
        &parent.path().join("a.tar"),
        &[("0.png", png(8, 8, 1)), ("0.cls", b"1".to_vec()), (&long, b"2".to_vec()), ("1.png", png(8, 8, 2))],
    );
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, &bytes).unwrap();
        if let Ok(source) = Source::open(&path) {
            assert!(source.len() <= 2);
            if at % 41 == 0 {
                let _ = packed(&path);
            }
        }
        if at % 5 == 0 {
            fs::write(&path, &whole[..at]).unwrap();
            if let Ok(source) = Source::open(&path) {
                assert!(source.len() <= 2);
            }
        }
    }
}
