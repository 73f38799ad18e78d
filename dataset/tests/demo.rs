//! The pictures that come with the program.

use std::fs;
use std::path::Path;

use stylegan_dataset::{PackOptions, pack};

#[test]
fn the_demo_pictures_are_whole() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/faces64.zip");
    assert!(fs::metadata(&source).unwrap().len() < 10_000_000);
    let parent = tempfile::tempdir().unwrap();
    let (pyramid, report) =
        pack(&source, &parent.path().join("packed"), &PackOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((pyramid.len(), pyramid.resolution(), pyramid.labels()), (3_575, 64.into(), None));
    assert!(report.skipped.is_empty() && report.converted.is_empty() && report.left_out.is_empty());
}
