//! `stylegan mix`

use image::{GenericImageView, RgbImage};

use crate::scene::Scene;

const MIX: &str = "mix --checkpoint net.safetensors --rows 0,1 --cols 4-6";

/// A cell of the figure of 16x16 pictures, 0 along the edges.
fn cell(figure: &RgbImage, row: u32, column: u32) -> RgbImage {
    let start = |index: u32| if index == 0 { 0 } else { 18 + (index - 1) * 16 };
    figure.view(start(column), start(row), 16, 16).to_image()
}

#[test]
fn rows_take_the_columns_styles_in_the_given_layers() {
    let scene = Scene::new();
    let figures = ["0-3", "0-5", "5"].map(|styles| {
        let name = format!("{styles}.png");
        let words = scene.draws(&format!("{MIX} --styles {styles} --out {name}"));
        assert_eq!(words, format!("wrote 3x2 mixes of 16x16 to `{name}`\n"));
        scene.picture(&name)
    });
    assert_eq!(figures[0].dimensions(), (18 + 3 * 16, 18 + 2 * 16));
    scene.draws("sample --checkpoint net.safetensors --seeds 0,1,4-6 --out single");
    let single = |seed: u32| scene.picture(&format!("single/seed000{seed}.png"));
    for figure in &figures {
        for (row, seed) in [0, 1].into_iter().enumerate() {
            assert_eq!(cell(figure, row as u32 + 1, 0), single(seed));
        }
        for (column, seed) in [4, 5, 6].into_iter().enumerate() {
            assert_eq!(cell(figure, 0, column as u32 + 1), single(seed));
        }
    }
    // With all layers from the column, the row is gone; with some, it is neither.
    let [some, all, last] = &figures;
    for row in 1..3 {
        assert_eq!(cell(all, row, 2), single(5));
        assert_ne!(cell(some, row, 2), single(5));
        assert_ne!(cell(some, row, 2), single(row - 1));
        assert_ne!(cell(last, row, 2), single(row - 1));
        assert_ne!(cell(last, row, 2), cell(some, row, 2));
    }
    scene.draws(&format!("{MIX} --styles 0-3 --out again.png"));
    assert_eq!(scene.bytes("0-3.png"), scene.bytes("again.png"));
}

#[test]
fn what_is_no_mix() {
    let scene = Scene::new();
    scene.refuses(
        &format!("{MIX} --styles 0-6 --out out.png"),
        2,
        "error: layer 6 is asked for, but the network has 6 layers\n\nhint: layers are counted from 0 to 5\n",
    );
    scene.refuses(
        &format!("{MIX} --styles 0 --out many"),
        2,
        "error: `--out many` is no PNG file\n\nhint: the figure is one picture, `--out NAME.png`\n",
    );
    std::fs::write(scene.path("out.png"), "precious").unwrap();
    scene.refuses(
        &format!("{MIX} --styles 0 --out out.png"),
        1,
        "error: `out.png` exists; nothing was overwritten\n\nhint: give another name, or `--force` to overwrite it\n",
    );
    scene.draws(&format!("{MIX} --styles 0 --out out.png --force"));
}
