//! `stylegan film`

use std::io::Cursor;

use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;

use crate::train::{scene, train};

#[test]
fn a_training_is_a_film() {
    let scene = scene();
    train(&scene, "--set run.snapshot_ticks=1 --set run.keep_snapshots=10 --out runs");
    let run = "runs/00000-tiny";
    let mut snapshots = scene.names(run);
    snapshots.retain(|name| name.starts_with("network-snapshot-"));
    assert!(snapshots.len() > 1, "{snapshots:?}");
    let words = scene.draws(&format!("film {run} --seeds 0-2 --grid 3x1 --hold 0.2 --out film.gif"));
    assert_eq!(words, format!("drew {} snapshots to `film.gif`\n", snapshots.len()));
    let decoder = GifDecoder::new(Cursor::new(scene.bytes("film.gif"))).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), snapshots.len() + 2, "it rests for two frames");
    assert_eq!(frames[0].buffer().dimensions(), (48, 16));

    scene.draws(&format!("film {run} --seeds 0-2 --grid 3x1 --out frames"));
    let names: Vec<String> = snapshots.iter().map(|name| name.replace(".safetensors", ".png")).collect();
    assert_eq!(scene.names("frames"), names);
    let last = scene.picture(&format!("frames/{}", names.last().unwrap()));
    scene.draws(&format!("sample --checkpoint {run} --seeds 0-2 --grid 3x1 --out last.png"));
    assert_eq!(last, scene.picture("last.png"));
    // While the network grows, pixels are repeated.
    let first = scene.picture(&format!("frames/{}", names[0]));
    assert_eq!(first.dimensions(), (48, 16));
    let like =
        format!("sample --like frames/{} --checkpoint {run}/{} --out again.png", names[0], snapshots[0]);
    scene.draws(&like);
    assert_eq!(scene.picture("again.png"), first);

    scene.refuses(
        "film photos --out new.gif",
        1,
        "error: there is no snapshot in `photos`\n\n\
         hint: `stylegan train` writes them into a run's folder as `network-snapshot-*.safetensors`\n",
    );
    scene.refuses(
        &format!("film {run} --out new.png"),
        2,
        "error: `--out new.png` is no film\n\n\
         hint: give one of `.mp4`, `.gif` or `.apng`, or a folder for single pictures, `--out DIR`\n",
    );
    scene.refuses(
        &format!("film {run} --seeds 0-2 --grid 1x2 --out new.gif"),
        2,
        "error: `--grid 1x2` has 2 cells, but 3 seeds were given\n\nhint: leave `--grid` out for a grid that fits\n",
    );
    for hold in ["-1", "61", "nan"] {
        assert_eq!(scene.run(&format!("film {run} --hold {hold} --out new.gif")).code, 2);
    }
}
