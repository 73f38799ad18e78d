//! A GPU whose memory is taken by others.

use candle_core::{DType, Device, Tensor};
use stylegan_base::Hint;
use stylegan_ops::GpuMemory;
use stylegan_trainer::{Event, Job, RunError, Signals};

use crate::scene::{Scene, listen, tiny};

fn gpu() -> Device {
    stylegan_ops::cuda::open(0).unwrap()
}

/// All memory that is left, but for small pieces.
fn take_memory(device: &Device) -> Vec<Tensor> {
    let mut taken = Vec::new();
    let mut bytes = GpuMemory::of(device).unwrap().unwrap().available_bytes;
    while bytes >= 1 << 12 {
        match Tensor::zeros(bytes as usize, DType::U8, device) {
            Ok(tensor) => taken.push(tensor),
            Err(_) => bytes /= 2,
        }
    }
    taken
}

/// Trains until all memory is taken by others before the first iteration that `is_time` tells by its number and its
/// level of detail; returns the error, and the kimg at which the run goes on when the memory is free again.
fn train_without_memory(scene: &Scene, is_time: impl Fn(u64, f64) -> bool + 'static) -> (RunError, f64) {
    // A snapshot every 40 pictures, and a look at the schedule every 12.
    let (config, device) = (tiny(&["run.tick_kimg=0.04"]), gpu());
    let mut taken = Vec::new();
    let job = Job {
        before_step: Some(Box::new({
            let device = device.clone();
            move |trainer, position| {
                let lod = trainer.config().schedule.at(8.into(), position.round_nimg).lod;
                if is_time(position.step, lod) && taken.is_empty() {
                    taken = take_memory(&device);
                }
            }
        })),
        device: device.clone(),
        ..scene.job("runs", &config)
    };
    let (result, _) = listen(job, &Signals::default(), |_| {});
    let mut resumed_at = None;
    let job = Job { device, ..scene.job("runs", &config) };
    let (again, warnings) = listen(job, &Signals::default(), |event| {
        if let Event::Started { kimg, .. } = event {
            resumed_at = Some(*kimg);
        }
    });
    assert!(again.unwrap().finished && warnings.is_empty(), "{warnings:?}");
    (result.unwrap_err(), resumed_at.unwrap())
}

#[test]
#[ignore = "needs a CUDA device"]
fn memory_that_is_too_little_for_a_level_costs_nothing_of_those_before() {
    let scene = Scene::new();
    let (error, resumed_at) = train_without_memory(&scene, |_, lod| lod.fract() > 0.0);
    assert!(
        error.to_string().starts_with("`cuda:0` ran out of memory in minibatches of 4 at 8x8, "),
        "{error}"
    );
    assert!(!error.to_string().contains("lost"), "{error}");
    let RunError::OutOfMemory(error) = error else { panic!("{error:?}") };
    let [level] = error.oversized() else { panic!("{error}") };
    assert_eq!((level.resolution.side(), level.batch), (8, 4));
    assert!(level.largest < Some(4), "{error}");
    // The first look after 0.05 kimg, where the fade starts.
    assert_eq!(resumed_at, 0.06);
}

#[test]
#[ignore = "needs a CUDA device"]
fn an_iteration_that_breaks_off_is_not_saved() {
    let scene = Scene::new();
    let (error, resumed_at) = train_without_memory(&scene, |step, _| step == 12);
    let words = error.to_string();
    assert!(words.contains(" in minibatches of 4 at 4x4, "), "{words}");
    assert!(words.ends_with("; what was trained since the last snapshot is lost"), "{words}");
    assert_eq!(resumed_at, 0.04);
}

#[test]
#[ignore = "needs a CUDA device"]
fn what_does_not_fit_is_refused_with_what_does() {
    let (scene, device) = (Scene::new(), gpu());
    let left = Tensor::zeros(24 << 20, DType::U8, &device).unwrap();
    let taken = take_memory(&device);
    drop(left);
    let job = |config: &_| Job { device: device.clone(), ..scene.job("runs", config) };
    let (result, _) = listen(job(&tiny(&["schedule.batch=1024"])), &Signals::default(), |_| {});
    let error = result.unwrap_err();
    let RunError::OutOfMemory(found) = &error else { panic!("{error:?}") };
    let [.., level] = found.oversized() else { panic!("{error}") };
    let largest = level.largest.unwrap();
    assert!(level.resolution.side() == 8 && (4..1024).contains(&largest), "{error}");
    assert!(!scene.folder.path().join("runs").exists());

    // What the hint says can be trained with what is left.
    let hint = error.hint().unwrap();
    let assignment = hint.strip_prefix("`").and_then(|hint| hint.strip_suffix("` fits")).unwrap();
    let mut peaks = Vec::new();
    let (result, warnings) = listen(job(&tiny(&[assignment])), &Signals::default(), |event| {
        if let Event::Tick(tick) = event {
            assert!(tick.line().contains(" gpumem "), "{}", tick.line());
            peaks.push(tick.peak_memory_bytes);
        }
    });
    assert!(result.unwrap().finished && warnings.is_empty(), "{warnings:?}");
    let bytes = taken.iter().map(|tensor| tensor.elem_count() as u64).sum();
    let total = GpuMemory::of(&device).unwrap().unwrap().total_bytes;
    assert!(!peaks.is_empty() && peaks.iter().all(|peak| (bytes..total).contains(peak)), "{peaks:?}");
}
