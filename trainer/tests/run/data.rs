//! Pictures that are cut short or vanish under a run.

use std::fs::{self, OpenOptions};

use stylegan_trainer::{Event, RunError, Signals};

use crate::scene::{Scene, assert_same_run, listen, tiny};

#[test]
fn a_level_cut_short_stops_the_run_after_saving() {
    let scene = Scene::new();
    let (whole, _) = scene.train("whole", &tiny(&[]));
    let level = scene.packed().join("level-0008.bin");
    let pixels = fs::read(&level).unwrap();
    // In the middle of a tick, and so that the end of a tick is the first to notice.
    for (step, prefetch) in [(22, 1), (24, 64)] {
        let config = tiny(&[&format!("data.prefetch={prefetch}")]);
        let runs = format!("cut-{step}");
        let (result, _) = listen(scene.job(&runs, &config), &Signals::default(), |event| {
            if matches!(event, Event::Step(progress) if progress.step == step) {
                OpenOptions::new().write(true).open(&level).unwrap().set_len(100).unwrap();
            }
        });
        let error = result.unwrap_err();
        let RunError::Data(data) = &error else { panic!("{error:?}") };
        let words = data.to_string();
        assert!(words.starts_with(&format!("cannot read `{}` at byte ", level.display())), "{words}");

        fs::write(&level, &pixels).unwrap();
        let mut resumed_at = None;
        let (result, warnings) = listen(scene.job(&runs, &config), &Signals::default(), |event| {
            if let Event::Started { kimg, .. } = event {
                resumed_at = Some(*kimg);
            }
        });
        let outcome = result.unwrap();
        // Saved where it stopped, not at a snapshot before.
        assert!(resumed_at.unwrap() >= 0.088 && warnings.is_empty(), "{resumed_at:?} {warnings:?}");
        assert_same_run(&outcome.run_dir, &whole.run_dir);
    }
}

#[cfg(unix)]
#[test]
fn a_pack_that_is_deleted_is_read_to_the_end() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let (result, warnings) = listen(scene.job("deleted", &config), &Signals::default(), |event| {
        if matches!(event, Event::Step(progress) if progress.step == 12) {
            fs::remove_dir_all(scene.packed()).unwrap();
        }
    });
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_same_run(&result.unwrap().run_dir, &whole.run_dir);
}
