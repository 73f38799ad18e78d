//! Numbers that go bad.

use std::cell::{Cell, RefCell};
use std::fs;
use std::rc::Rc;

use candle_core::Var;
use stylegan_base::Hint;
use stylegan_ops::Parameters;
use stylegan_trainer::{BeforeStep, Event, RunError, Signals, Trainer};

use crate::scene::{Scene, assert_same_run, listen, ticks, tiny};

fn var(parameters: &Parameters, name: &str) -> Var {
    let found = parameters.vars().into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("{name} is not among {:?}", parameters.names())).1
}

/// A number that is no number in the critic during these iterations, so that all gradients are none; the critic has
/// its own number again afterwards.
fn bad_gradients(steps: std::ops::Range<u64>) -> BeforeStep {
    let mut good = None;
    Box::new(move |trainer, position| {
        let bias = var(&trainer.networks().d, "block_4.dense0.bias");
        if steps.contains(&position.step) {
            good.get_or_insert_with(|| bias.copy().unwrap());
            bias.set(&(bias.as_tensor() * f64::NAN).unwrap()).unwrap();
        } else if let Some(good) = good.take() {
            bias.set(&good).unwrap();
        }
    })
}

#[test]
fn a_bad_gradient_costs_its_update_and_is_counted() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let mut job = scene.job("runs", &config);
    job.before_step = Some(bad_gradients(7..9));
    let (result, warnings) = listen(job, &Signals::default(), |_| {});
    let outcome = result.unwrap();
    assert_eq!(warnings, ["4 updates skipped: gradients were not finite"]);
    let ticks = ticks(&outcome.run_dir);
    let skipped: Vec<u64> = ticks.iter().map(|tick| tick["skipped_updates"].as_u64().unwrap()).collect();
    assert_eq!(skipped, [0, 4, 0, 0, 0, 0, 0, 0]);
    assert!(ticks.iter().all(|tick| tick["d_loss"].is_number() && tick["rollbacks"] == 0), "{ticks:?}");
}

#[test]
fn a_bad_weight_takes_the_run_back_with_half_the_rates() {
    let scene = Scene::new();
    let config = tiny(&["run.max_skipped=3"]);
    let mut job = scene.job("runs", &config);
    let mut is_done = false;
    job.before_step = Some(Box::new(move |trainer, position| {
        if position.step == 18 && !std::mem::replace(&mut is_done, true) {
            let weight = var(&trainer.networks().g, "synthesis.layer1.weight");
            weight.set(&(weight.as_tensor() * f64::NAN).unwrap()).unwrap();
        }
    }));
    let mut back = Vec::new();
    let (result, _) = listen(job, &Signals::default(), |event| {
        if let Event::RolledBack { to, kimg, rate_factor, rollbacks, reason } = event {
            back.push((to.clone().unwrap(), *kimg, *rate_factor, *rollbacks, reason.clone()));
        }
    });
    let outcome = result.unwrap();
    assert!(outcome.finished);
    let [(to, kimg, rate_factor, rollbacks, reason)] = back.as_slice() else { panic!("{back:?}") };
    assert!(to.ends_with("training-state-000000.060.safetensors"), "{to:?}");
    assert_eq!(
        (*kimg, *rate_factor, *rollbacks, reason.as_str()),
        (0.06, 0.5, 1, "4 updates skipped in a tick")
    );
    let ticks = ticks(&outcome.run_dir);
    let factors: Vec<f64> = ticks.iter().map(|tick| tick["rate_factor"].as_f64().unwrap()).collect();
    assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5]);
    let rate = |tick: usize| ticks[tick]["g_lrate"].as_f64().unwrap();
    assert_eq!(rate(7), 0.5 * rate(0));
    let log = fs::read_to_string(outcome.run_dir.join("log.txt")).unwrap();
    assert!(log.contains("warning: 4 updates skipped in a tick; back to `"), "{log}");
}

#[test]
fn a_run_taken_back_and_stopped_is_the_run_taken_back() {
    let scene = Scene::new();
    let config = tiny(&["run.max_skipped=1", "run.snapshot_ticks=2"]);
    // Harm that depends on the state alone: it comes again whenever the run is where it was.
    let bias =
        |trainer: &Trainer| var(&trainer.networks().d, "block_4.dense0.bias").to_vec1::<f32>().unwrap();
    let seen = Rc::new(RefCell::new(None::<Vec<f32>>));
    let job = |runs: &str| {
        let seen = seen.clone();
        let mut job = scene.job(runs, &config);
        job.before_step = Some(Box::new(move |trainer, position| {
            if position.step == 18 && *seen.borrow_mut().get_or_insert_with(|| bias(trainer)) == bias(trainer)
            {
                let weight = var(&trainer.networks().d, "block_4.dense0.weight");
                weight.set(&(weight.as_tensor() * f64::NAN).unwrap()).unwrap();
            }
        }));
        job
    };
    let (whole, warnings) = listen(job("whole"), &Signals::default(), |_| {});
    let whole = whole.unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for stops in [[9, 18], [17, 21], [13, 28]] {
        let runs = format!("{stops:?}");
        for stop in stops.into_iter().chain([100]) {
            let signals = Signals::default();
            let (result, _) = listen(job(&runs), &signals, |event| {
                if matches!(event, Event::Step(progress) if progress.step == stop) {
                    signals.stop();
                }
            });
            if result.unwrap().finished {
                break;
            }
        }
        assert_same_run(&scene.folder.path().join(runs).join("00000-tiny"), &whole.run_dir);
    }
}

#[test]
fn weights_that_are_bad_at_a_snapshot_are_not_saved() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let mut job = scene.job("runs", &config);
    let mut is_done = false;
    job.before_step = Some(Box::new(move |trainer, position| {
        // The running mean of w takes part in no loss.
        if position.step == 17 && !std::mem::replace(&mut is_done, true) {
            let w_avg = var(&trainer.networks().g, "w_avg");
            w_avg.set(&(w_avg.as_tensor() * f64::NAN).unwrap()).unwrap();
        }
    }));
    let (result, warnings) = listen(job, &Signals::default(), |_| {});
    assert!(result.unwrap().finished);
    assert!(warnings[0].starts_with("the losses of a tick were not finite; back to "), "{warnings:?}");
}

#[test]
fn a_run_that_diverges_again_and_again_stops_and_names_the_last_good_state() {
    let scene = Scene::new();
    let config = tiny(&["run.max_skipped=3", "run.max_rollbacks=2"]);
    let (whole, _) = scene.train("whole", &config);
    let times = Rc::new(Cell::new(0));
    let count = times.clone();
    let mut job = scene.job("runs", &config);
    job.before_step = Some(Box::new(move |trainer, position| {
        if position.step == 18 {
            count.set(count.get() + 1);
            let weight = var(&trainer.networks().d, "block_4.dense0.weight");
            weight.set(&(weight.as_tensor() * f64::INFINITY).unwrap()).unwrap();
        }
    }));
    let (result, _) = listen(job, &Signals::default(), |_| {});
    let error = result.unwrap_err();
    let words = error.to_string();
    assert!(
        words.starts_with("training diverged after 2 rollbacks: 4 updates skipped in a tick; "),
        "{words}"
    );
    assert!(words.ends_with("training-state-000000.060.safetensors`"), "{words}");
    assert!(matches!(error, RunError::Diverged { rollbacks: 2, .. }) && error.hint().is_some());
    assert_eq!(times.get(), 3);
    // Started again without the harm, it goes on from there.
    let (resumed, _) = scene.train("runs", &config);
    assert_same_run(&resumed.run_dir, &whole.run_dir);
}

#[test]
fn numbers_that_are_bad_before_the_first_snapshot_start_over() {
    let scene = Scene::new();
    let config = tiny(&["run.max_skipped=1"]);
    let mut job = scene.job("runs", &config);
    let mut is_done = false;
    job.before_step = Some(Box::new(move |trainer, position| {
        if position.step == 2 && !std::mem::replace(&mut is_done, true) {
            let weight = var(&trainer.networks().d, "block_4.dense0.weight");
            weight.set(&(weight.as_tensor() * f64::NAN).unwrap()).unwrap();
        }
    }));
    let (result, warnings) = listen(job, &Signals::default(), |_| {});
    assert!(result.unwrap().finished);
    assert!(warnings[0].contains("; back to the beginning at 0 kimg"), "{warnings:?}");
}

#[test]
fn many_skipped_updates_are_seen_before_a_long_tick_ends() {
    let scene = Scene::new();
    let config = tiny(&["run.max_skipped=20", "run.tick_kimg=1.0"]);
    let mut job = scene.job("runs", &config);
    job.before_step = Some(bad_gradients(18..32));
    let (result, warnings) = listen(job, &Signals::default(), |_| {});
    // Looked at after 32 of 36 iterations; then it all comes again, since it depends on the iteration alone.
    assert!(warnings[0].starts_with("28 updates skipped in a tick; back to the beginning"), "{warnings:?}");
    assert!(matches!(result.unwrap_err(), RunError::Diverged { rollbacks: 3, .. }));
}

#[test]
fn a_generator_that_draws_one_picture_rings_the_alarm() {
    let scene = Scene::new();
    let config = tiny(&["training.ema_half_life_kimg=0.0", "schedule.g_lrate=0.0"]);
    let mut job = scene.job("runs", &config);
    job.before_step = Some(Box::new(|trainer, position| {
        if position.step == 12 {
            for (name, var) in trainer.networks().g.vars() {
                if name.contains("style") || name.contains("noise_strength") {
                    var.set(&var.zeros_like().unwrap()).unwrap();
                }
            }
        }
    }));
    let (result, warnings) = listen(job, &Signals::default(), |_| {});
    let outcome = result.unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("the fakes look alike: their mean distance is 0.0000"), "{warnings:?}");
    let ticks = ticks(&outcome.run_dir);
    assert!(ticks[0]["fake_distance"].as_f64().unwrap() > 0.0 && ticks[0]["texture_distance"].is_null());
    assert_eq!(ticks[7]["fake_distance"].as_f64(), Some(0.0));
}
