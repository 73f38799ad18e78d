//! MNIST and CIFAR.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use pictures::folder;
use stylegan_dataset::{Error, ErrorKind, LabelMode, Labels, PackOptions, Pyramid, Source, pack};

fn packed(source: &Path) -> Result<Pyramid, Error> {
    let parent = tempfile::tempdir().unwrap();
    pack(source, &parent.path().join("packed"), &PackOptions::default(), &mut |_| {})
        .map(|(pyramid, _)| pyramid)
}

fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let sizes_bytes = sizes.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, sizes.len() as u8].into_iter().chain(sizes_bytes).chain(values.iter().copied()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn refused(path: &Path, bytes: &[u8]) -> String {
    fs::write(path, bytes).unwrap();
    let error = Source::open(path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Container { .. }), "{error}");
    error.to_string().split_once("cannot be read: ").unwrap().1.to_owned()
}

#[test]
fn mnist_is_read_packed_or_not_and_padded_as_in_the_original() {
    let parent = tempfile::tempdir().unwrap();
    let values: Vec<u8> = (0..3 * 28 * 28_u32).map(|at| (at % 251) as u8).collect();
    let (pixels, classes) = (idx(&[3, 28, 28], &values), idx(&[3], &[7, 0, 9]));
    let set = folder(
        parent.path(),
        "mnist",
        &[
            ("train-images-idx3-ubyte.gz", gzip(&pixels)),
            ("train-images-idx3-ubyte", pixels.clone()),
            ("train-labels-idx1-ubyte.gz", gzip(&classes)),
            ("t10k-images-idx3-ubyte.gz", gzip(&idx(&[1, 28, 28], &values[..784]))),
            ("t10k-labels-idx1-ubyte.gz", gzip(&idx(&[1], &[1]))),
        ],
    );
    let other_name = parent.path().join("digits");
    fs::write(&other_name, gzip(&pixels)).unwrap();
    for path in
        [&set, &set.join("train-images-idx3-ubyte.gz"), &set.join("train-images-idx3-ubyte"), &other_name]
    {
        let pyramid = packed(path).unwrap();
        assert_eq!((pyramid.len(), pyramid.resolution().side()), (3, 32), "{}", path.display());
        let picture = pyramid.picture(32.into(), 2).unwrap();
        for (row, column, expected) in [
            (0, 0, 0),
            (1, 16, 0),
            (31, 31, 0),
            (2, 2, values[2 * 784]),
            (29, 29, values[3 * 784 - 1]),
            (10, 5, values[2 * 784 + 8 * 28 + 3]),
        ] {
            assert!(
                (0..3).all(|channel| picture[channel * 1024 + row * 32 + column] == expected),
                "{row} {column}"
            );
        }
        let labels = pyramid.found_labels().choose(LabelMode::Auto).unwrap();
        let expected = Labels::Classes { count: 10, indices: vec![7, 0, 9], names: vec![] };
        assert_eq!(labels, (path != &other_name).then_some(expected));
    }
    assert_eq!(Source::open(&set).unwrap().left_out().counted_files(), "3 `.gz`");
    assert_eq!(packed(&set.join("t10k-images-idx3-ubyte.gz")).unwrap().len(), 1);
    // Other sizes are left as they are.
    fs::write(&other_name, idx(&[2, 16, 20], &values[..640])).unwrap();
    let source = Source::open(&other_name).unwrap();
    assert_eq!((source.len(), packed(&other_name).unwrap().resolution().side()), (2, 16));
}

#[test]
fn idx_files_that_are_none_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("train-images-idx3-ubyte");
    assert_eq!(refused(&path, &idx(&[2, 2, 2], &[0; 7])), "it has 7 values for sizes of [2, 2, 2]");
    assert_eq!(
        refused(&path, &idx(&[u32::MAX, u32::MAX, u32::MAX], &[0; 7])),
        format!("it has 7 values for sizes of [{0}, {0}, {0}]", u32::MAX)
    );
    assert_eq!(refused(&path, &idx(&[0, 28, 28], &[])), "it has 0 values for sizes of [0, 28, 28]");
    assert_eq!(refused(&path, &[0, 0, 8, 3, 0, 0]), "it is cut short");
    let packed_up = gzip(&idx(&[2, 20, 20], &[9; 800]));
    for end in [packed_up.len() / 2, packed_up.len() - 3] {
        refused(&path, &packed_up[..end]);
    }
    // Labels of other pictures leave the pictures as they are.
    fs::write(&path, idx(&[2, 20, 20], &[9; 800])).unwrap();
    fs::write(parent.path().join("train-labels-idx1-ubyte"), idx(&[3], &[0; 3])).unwrap();
    let error = packed(&path).unwrap().found_labels().choose(LabelMode::Auto).unwrap_err();
    assert!(error.to_string().ends_with("has 3 labels for 2 pictures"), "{error}");
    // Several data sets in one folder.
    for name in ["emnist-letters-train-images-idx3-ubyte", "emnist-digits-train-images-idx3-ubyte"] {
        fs::write(parent.path().join(name), idx(&[2, 20, 20], &[9; 800])).unwrap();
    }
    let error = Source::open(parent.path()).unwrap_err().to_string();
    assert!(
        error.contains("is a folder of several data sets that cannot be read: each of `emnist-digits-train"),
        "{error}"
    );
}

#[test]
fn a_gzip_bomb_is_refused_before_it_bursts() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("train-images-idx3-ubyte.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    // A hundred thousand pictures more than are accepted, in a few megabytes.
    encoder.write_all(&idx(&[2_000_000, 28, 28], &[])).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..1025 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 16 << 20);
    let error = Source::open(&path).unwrap_err();
    assert!(error.to_string().ends_with("it holds more than 1073741824 bytes"), "{error}");
}

#[test]
fn cifar_is_read_with_its_classes() {
    let parent = tempfile::tempdir().unwrap();
    let pixels = |seed: u32| (0..3072_u32).map(move |at| ((at * 7 + seed * 31) % 253) as u8);
    let ten = |first: u32| -> Vec<u8> {
        (first..first + 3).flat_map(|seed| [(seed % 10) as u8].into_iter().chain(pixels(seed))).collect()
    };
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    let set = folder(
        parent.path(),
        "cifar-10-batches-bin",
        &[
            ("data_batch_1.bin", ten(0)),
            ("data_batch_2.bin", ten(3)),
            ("test_batch.bin", ten(6)),
            ("batches.meta.txt", names.into()),
            ("readme.html", vec![]),
        ],
    );
    let pyramid = packed(&set).unwrap();
    assert_eq!((pyramid.len(), pyramid.resolution().side()), (6, 32));
    assert_eq!(pyramid.picture(32.into(), 4).unwrap(), pixels(4).collect::<Vec<u8>>());
    let labels = pyramid.found_labels().choose(LabelMode::Auto).unwrap().unwrap();
    assert_eq!((labels.class_names().len(), &*labels.class_names()[9]), (10, "truck"));
    assert_eq!(labels.class_sizes().unwrap(), [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(Source::open(&set).unwrap().left_out().counted_files(), "1 `.bin`, 1 `.html`");
    assert_eq!(packed(&set.join("test_batch.bin")).unwrap().len(), 3);

    let hundred: Vec<u8> =
        (0..2).flat_map(|seed| [4, 90 + seed as u8].into_iter().chain(pixels(seed))).collect();
    let files = [
        ("train.bin", hundred.clone()),
        ("test.bin", hundred),
        ("fine_label_names.txt", b"apple\n".to_vec()),
    ];
    let pyramid = packed(&folder(parent.path(), "cifar-100-binary", &files)).unwrap();
    let labels = pyramid.found_labels().choose(LabelMode::Auto).unwrap().unwrap();
    let Labels::Classes { indices, names, .. } = labels else { panic!("{labels:?}") };
    assert_eq!((pyramid.len(), indices, names.len()), (2, vec![90, 91], 0));
    assert_eq!(pyramid.picture(32.into(), 1).unwrap(), pixels(1).collect::<Vec<u8>>());

    let bad = set.join("data_batch_3.bin");
    assert_eq!(refused(&bad, &[1; 5000]), "its 5000 bytes are no records of classes and 3x32x32 pixels");
    assert_eq!(refused(&bad, &[]), "its 0 bytes are no records of classes and 3x32x32 pixels");
    assert_eq!(refused(&bad, &[200; 3073]), "its 3073 bytes are no records of classes and 3x32x32 pixels");
}

/// A batch as Python 2 pickled it: the classes and `[pictures, 3072]` bytes under these keys.
fn python_batch(key: &str, classes: &[u8], pixels: &[u8]) -> Vec<u8> {
    let text = |text: &str| [b"U", &[text.len() as u8][..], text.as_bytes()].concat();
    let numbers: Vec<u8> = classes.iter().flat_map(|&class| [b'K', class]).collect();
    let count = (pixels.len() / 3072) as u16;
    [
        b"\x80\x02}q\x01(",
        &text("batch_label")[..],
        &text("training batch 1 of 5"),
        &text(key),
        b"](",
        &numbers,
        b"e",
        &text("data"),
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R",
        b"(K\x01M",
        &count.to_le_bytes(),
        b"M\x00\x0c\x86",
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
        b"\x89T",
        &(pixels.len() as u32).to_le_bytes(),
        pixels,
        b"tbu.",
    ]
    .concat()
}

#[test]
fn the_python_version_of_cifar_is_the_binary_one() {
    let parent = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..3 * 3072_u32).map(|at| (at * 7 % 253) as u8).collect();
    let names: Vec<u8> = ["cat", "dog", "frog"]
        .iter()
        .flat_map(|name| [b"U", &[name.len() as u8][..], name.as_bytes()].concat())
        .collect();
    let meta = [b"\x80\x02}U\x0blabel_names](", &names[..], b"es."].concat();
    let files = [
        ("data_batch_1", python_batch("labels", &[2, 0], &pixels[..2 * 3072])),
        ("data_batch_2", python_batch("labels", &[1], &pixels[2 * 3072..])),
        ("test_batch", python_batch("labels", &[0], &pixels[..3072])),
        ("batches.meta", meta),
    ];
    let set = folder(parent.path(), "cifar-10-batches-py", &files);
    let records: Vec<u8> = [2_u8, 0, 1]
        .iter()
        .zip(pixels.chunks(3072))
        .flat_map(|(&class, pixels)| [&[class], pixels].concat())
        .collect();
    let binary = folder(parent.path(), "binary", &[("data_batch_1.bin", records)]);
    let [ours, expected] = [&set, &binary].map(|source| packed(source).unwrap());
    for number in 0..3 {
        assert_eq!(ours.picture(32.into(), number).unwrap(), expected.picture(32.into(), number).unwrap());
    }
    let labels = ours.found_labels().choose(LabelMode::Auto).unwrap();
    let names = ["cat", "dog", "frog"].map(str::to_owned).to_vec();
    assert_eq!(labels, Some(Labels::Classes { count: 3, indices: vec![2, 0, 1], names }));
    assert_eq!(packed(&set.join("test_batch")).unwrap().len(), 1);

    let hundred = folder(
        parent.path(),
        "cifar-100-python",
        &[("train", python_batch("fine_labels", &[99], &pixels[..3072])), ("meta", b"\x80\x02}.".to_vec())],
    );
    assert_eq!(packed(&hundred).unwrap().found_labels().labels.unwrap().width(), 100);

    let path = set.join("data_batch_3");
    assert_eq!(
        refused(&path, &python_batch("labels", &[1, 2], &pixels[..3072])),
        "it has no `labels` of its 1 pictures"
    );
    assert_eq!(
        refused(&path, &python_batch("labels", &[1], &pixels[..3071])),
        "it has no `data`, an array of bytes `[pictures, 3072]`"
    );
    // Nothing is run.
    assert_eq!(refused(&path, b"\x80\x02cos\nsystem\nU\x02ls\x85R."), "it asks for `os.system`");
    let whole = python_batch("labels", &[1], &pixels[..3072]);
    for end in (1..whole.len()).step_by(7) {
        refused(&path, &whole[..end]);
    }
}
