//! The folder of FFHQ.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pictures;

use std::fs;

use pictures::{folder, png};
use stylegan_base::Hint;
use stylegan_dataset::{ErrorKind, PackOptions, Source, pack};

#[test]
fn each_picture_is_there_once_and_small_ones_are_thumbnails() {
    let parent = tempfile::tempdir().unwrap();
    // An MD5 that is known: that of the bytes "abc".
    let json = r#"{"0": {"image": {"file_path": "images1024x1024/00000/00000.png", "file_md5": "900150983cd24fb0d6963f7d28e17f72"},
                         "thumbnail": {"file_path": "thumbnails128x128/00000/00000.png", "file_md5": "900150983cd24fb0d6963f7d28e17f72"}},
                   "9": {"image": {"file_path": "images1024x1024/69000/69999.png", "file_md5": "900150983cd24fb0d6963f7d28e17f72"}}}"#;
    let full = png(256, 256, 1);
    let set = folder(
        parent.path(),
        "ffhq",
        &[
            ("images1024x1024/00000/00000.png", full.clone()),
            ("images1024x1024/01000/01000.png", png(256, 256, 2)),
            ("thumbnails128x128/00000/00000.png", png(128, 128, 3)),
            ("in-the-wild-images/00000/00000.png", png(300, 200, 4)),
            ("LICENSE.txt", vec![]),
            ("ffhq-dataset-v2.json", json.into()),
        ],
    );
    let source = Source::open(&set).unwrap();
    assert_eq!(source.names(), ["00000/00000.png", "01000/01000.png"]);
    assert_eq!(source.left_out().beside, ["in-the-wild-images"]);
    assert_eq!(source.left_out().counted_files(), "1 `.txt`");

    let at = |resolution: Option<usize>| {
        let out = parent.path().join(format!("packed{}", resolution.unwrap_or(0)));
        let options = PackOptions { resolution: resolution.map(Into::into), ..PackOptions::default() };
        pack(&set, &out, &options, &mut |_| {}).unwrap().0
    };
    let of = |side: u32, seed| {
        pictures::picture(side, side, seed).pixels().map(|pixel| pixel.0[0]).collect::<Vec<u8>>()
    };
    let (large, small) = (at(None), at(Some(128)));
    assert_eq!(large.picture(256.into(), 0).unwrap()[..256 * 256], of(256, 1));
    assert_eq!(small.picture(128.into(), 0).unwrap()[..128 * 128], of(128, 3));
    // Sides of large pictures are their means, and a thumbnail that is missing is made.
    assert_ne!(large.picture(128.into(), 0).unwrap(), small.picture(128.into(), 0).unwrap());
    assert_eq!(small.names().len(), 2);

    // The list of checksums does not know the second picture, and not the first as it is.
    let error = source.verify().unwrap_err();
    let ErrorKind::WrongChecksums { wrong, files: 1 } = &error.kind else { panic!("{error}") };
    assert_eq!(wrong[0].name, "00000/00000.png");
    assert!(wrong[0].reason.starts_with("its MD5 is ") && error.hint().is_some(), "{error}");
    fs::write(set.join("images1024x1024/00000/00000.png"), "abc").unwrap();
    assert_eq!(source.verify().unwrap(), 1);
    fs::write(set.join("ffhq-dataset-v2.json"), "{").unwrap();
    assert!(matches!(source.verify().unwrap_err().kind, ErrorKind::Container { .. }));
    fs::remove_file(set.join("ffhq-dataset-v2.json")).unwrap();
    assert!(matches!(source.verify().unwrap_err().kind, ErrorKind::NoChecksums));

    // Thumbnails alone are pictures, and so is a folder of one side.
    fs::remove_dir_all(set.join("images1024x1024")).unwrap();
    assert_eq!(Source::open(&set).unwrap().names(), ["00000/00000.png"]);
    assert_eq!(Source::open(set.join("thumbnails128x128")).unwrap().names(), ["00000/00000.png"]);
}
