//! Parquet files, from pyarrow and from strangers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};

use pictures::png;
use stylegan_dataset::{Error, ErrorKind, LabelMode, Labels, PackOptions, Pyramid, Source, pack};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn packed(source: &Path) -> Result<Pyramid, Error> {
    let parent = tempfile::tempdir().unwrap();
    let options = PackOptions { max_bad_fraction: 0.5, ..PackOptions::default() };
    pack(source, &parent.path().join("packed"), &options, &mut |_| {}).map(|(pyramid, _)| pyramid)
}

#[test]
fn a_downloaded_data_set_is_read_with_its_classes() {
    let parent = tempfile::tempdir().unwrap();
    let set = parent.path().join("set");
    fs::create_dir_all(set.join("data")).unwrap();
    for name in ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"] {
        fs::copy(fixture("hf_parquet/data").join(name), set.join("data").join(name)).unwrap();
    }
    fs::write(set.join("README.md"), "a card").unwrap();
    let pyramid = packed(&set).unwrap();
    assert_eq!((pyramid.len(), pyramid.resolution().side(), &*pyramid.names()[8]), (9, 16, "00000008"));
    let labels = pyramid.found_labels().choose(LabelMode::Auto).unwrap();
    let names = ["airplane", "bird", "cat"].map(str::to_owned).to_vec();
    assert_eq!(labels, Some(Labels::Classes { count: 3, indices: vec![0, 2, 1, 0, 2, 1, 0, 2, 1], names }));
    assert_eq!(pyramid.found_labels().file.unwrap().name, "label");
    assert_eq!(Source::open(&set).unwrap().left_out().counted_files(), "1 `.md`");

    // One file is a data set too; bare bytes are pictures, and whole numbers classes without names.
    let plain = packed(&fixture("plain.parquet")).unwrap();
    for (number, at) in [(0, 5), (3, 8)] {
        assert_eq!(plain.picture(16.into(), number).unwrap(), pyramid.picture(16.into(), at).unwrap());
    }
    let labels = plain.found_labels().choose(LabelMode::Auto).unwrap();
    assert_eq!(labels, Some(Labels::Classes { count: 2, indices: vec![0, 1, 1, 0], names: vec![] }));

    // Beside pictures, such files are left alone.
    fs::write(set.join("0.png"), png(16, 16, 1)).unwrap();
    assert_eq!(Source::open(&set).unwrap().names(), ["0.png"]);
}

#[test]
fn damage_anywhere_is_an_error_and_no_panic() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a.parquet");
    for whole in [fixture("hf_parquet/data/train-00001-of-00002.parquet"), fixture("plain.parquet")] {
        let whole = fs::read(whole).unwrap();
        // The library panics now and then, and a backtrace takes longer than all the rest.
        for (at, change) in (4..whole.len()).step_by(5).zip([0x01, 0x80, 0xff].into_iter().cycle()) {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            fs::write(&path, &bytes).unwrap();
            if let Ok(source) = Source::open(&path) {
                for index in 0..source.len() {
                    let _ = source.decode(index);
                }
            }
        }
        for end in (4..whole.len()).step_by(3) {
            fs::write(&path, &whole[..end]).unwrap();
            let error = Source::open(&path).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::Container { form: "a Parquet file", .. }), "{error}");
        }
    }
}

#[test]
fn files_of_other_things_are_refused_by_name() {
    let error = Source::open(fixture("numbers.parquet")).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with(
            "is a Parquet file that cannot be read: it has no column of pictures, but `a`, `text`"
        ),
        "{message}"
    );
    let error = Source::open(fixture("two_columns.parquet")).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with("several of its columns may be pictures: `left.bytes`, `right.bytes`"),
        "{message}"
    );
}
