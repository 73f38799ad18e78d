//! What projections find, and that it is the same whatever is beside them or whenever they were stopped.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor, Var};
use stylegan_checkpoint::{Checkpoint, ProjectionFile};
use stylegan_drawing::{DrawOptions, LatentFile, NoiseMode, Origin, Painter};
use stylegan_features::{Depth, Vgg, Weights};
use stylegan_generator::{Generator, GeneratorConfig, Noise, SeedStyle, Truncation};
use stylegan_ops::{Key, Parameters, RandomTensors, Resolution, Widths, backward};
use stylegan_projector::{
    Error, LossWeights, MeanW, Perception, Photo, ProjectOptions, Projection, Results, Space, Target, run,
};

fn options_of(class: Option<usize>) -> DrawOptions {
    DrawOptions {
        seed_style: SeedStyle::Native,
        class,
        label: None,
        truncation_psi: 1.0,
        truncation_cutoff: 8,
        truncation_layers: None,
        noise_mode: NoiseMode::Const,
        noise_seed: 0,
    }
}

/// A narrow network of 20x16 pixels with random weights.
fn small(change: impl FnOnce(&mut GeneratorConfig)) -> Painter {
    let mut config = GeneratorConfig {
        resolution: Resolution { width: 20, height: 16 },
        z_dim: 7,
        w_dim: 9,
        mapping_fmaps: 8,
        mapping_layers: 2,
        widths: Widths { fmap_base: 64, fmap_max: 8, ..Widths::default() },
        ..GeneratorConfig::default()
    };
    change(&mut config);
    let parameters = Parameters::new(Key::new("init", &[1]));
    Generator::new(&config, &parameters.builder(DType::F32, &Device::Cpu)).unwrap();
    for (name, var) in parameters.vars() {
        if name.ends_with("noise_strength") {
            var.set(&(var.as_tensor() + 0.2).unwrap()).unwrap();
        }
    }
    let generator = Generator::new(&config, &parameters.frozen(DType::F32, &Device::Cpu)).unwrap();
    let class = (config.label_dim > 0).then_some(1);
    Painter::of(generator, Origin::Checkpoint("0123456789abcdef".to_owned()), 0.0, options_of(class)).unwrap()
}

fn demo() -> Painter {
    let checkpoint = Checkpoint::open("../demo/faces-64.safetensors").unwrap();
    Painter::new(&checkpoint, options_of(None), &Device::Cpu).unwrap()
}

/// w of these seeds, and their pictures.
fn samples(painter: &Painter, seeds: &[u64]) -> (Tensor, Target) {
    let z = painter.generator().latents(seeds, SeedStyle::Native).unwrap();
    let labels = painter.label().map(|label| label.repeat((seeds.len(), 1)).unwrap());
    let w = painter.generator().mapping().forward(&z, labels.as_ref()).unwrap();
    let w_plus = painter.generator().broadcast(&w).unwrap();
    let pictures = painter.generator().draw_w_plus(&w_plus, 0.0, Truncation::OFF, &Noise::Const).unwrap();
    (w, Target { pictures, numbers: (0..seeds.len() as u64).collect() })
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn length(x: &Tensor) -> f64 {
    values(x).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

fn go(projection: &mut Projection<'_>) {
    assert!(run(projection, &|| false, &mut |_| Ok(())).unwrap());
}

#[test]
fn faces_of_the_network_are_drawn_again() {
    let painter = demo();
    let mean = MeanW::of(&painter).unwrap();
    // Usual faces, as `sample` draws them.
    let drawn = |seed: u64| {
        let (w, _) = samples(&painter, &[seed]);
        let w_plus = painter.generator().broadcast(&w).unwrap();
        let truncation = Truncation::default();
        painter.generator().draw_w_plus(&w_plus, 0.0, truncation, &Noise::Const).unwrap()
    };
    let options = ProjectOptions { steps: 150, ..ProjectOptions::default() };
    for seed in [4, 8] {
        let target = Target { pictures: drawn(seed), numbers: vec![0] };
        let mut projection = Projection::new(&painter, &Perception::Pixels, &mean, &options, target).unwrap();
        let before = projection.losses().unwrap().pixels[0];
        go(&mut projection);
        let after = projection.losses().unwrap().pixels[0];
        assert!(after < before / 50.0 && after < 1e-3, "{before} to {after}");
    }
}

#[test]
fn the_w_of_a_sample_is_found_again() {
    let painter = small(|_| {});
    let mean = MeanW::of(&painter).unwrap();
    // Half as far from the mean as those that are drawn at random: from further away, a way may end beside them.
    let (w, _) = samples(&painter, &[1, 2, 3]);
    let w = (w.broadcast_add(&mean.mean).unwrap() * 0.5).unwrap();
    let w_plus = painter.generator().broadcast(&w).unwrap();
    let pictures = painter.generator().draw_w_plus(&w_plus, 0.0, Truncation::OFF, &Noise::Const).unwrap();
    let target = Target { pictures, numbers: vec![0, 1, 2] };
    let options = ProjectOptions { steps: 400, ..ProjectOptions::default() };
    let mut projection = Projection::new(&painter, &Perception::Pixels, &mean, &options, target).unwrap();
    go(&mut projection);
    let found = projection.latents().unwrap();
    for photo in 0..3 {
        let off = length(&(found.get(photo).unwrap() - w.get(photo).unwrap()).unwrap());
        let start = length(&(&mean.mean - w.get(photo).unwrap()).unwrap());
        assert!(off < 1e-3 * start, "{off} of {start}");
    }
}

#[test]
fn a_stop_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let painter = small(|_| {});
    let mean = MeanW::of(&painter).unwrap();
    let (_, target) = samples(&painter, &[1, 5]);
    let weights = LossWeights { mean: 0.01, ..LossWeights::default() };
    for space in [Space::W, Space::WPlus] {
        let options =
            ProjectOptions { space, steps: 30, optimize_noise: true, weights, ..ProjectOptions::default() };
        let begin =
            || Projection::new(&painter, &Perception::Pixels, &mean, &options, target.clone()).unwrap();
        let mut whole = begin();
        go(&mut whole);
        let mut part = begin();
        let count = std::cell::Cell::new(0);
        let stop_at = |steps: u32| {
            count.set(count.get() + 1);
            count.get() > steps
        };
        let mut saved = 0;
        let is_done = run(&mut part, &|| stop_at(11), &mut |projection| {
            saved += 1;
            Ok(projection.state()?.save(&path)?)
        });
        assert!(!is_done.unwrap() && saved == 1 && part.steps_done() == 11);
        let mut second = begin();
        second.restore(&ProjectionFile::open(&path).unwrap(), &path).unwrap();
        assert_eq!(second.steps_done(), 11);
        go(&mut second);
        let bytes = |projection: &Projection<'_>| {
            projection.state().unwrap().save(&path).unwrap();
            std::fs::read(&path).unwrap()
        };
        assert!(bytes(&whole) == bytes(&second), "{space:?}");
        assert_eq!(values(&whole.drawn().unwrap()), values(&second.drawn().unwrap()));
    }
}

#[test]
fn photos_do_not_know_of_each_other() {
    let painter = small(|config| config.label_dim = 3);
    let mean = MeanW::of(&painter).unwrap();
    let (_, target) = samples(&painter, &[1, 5, 9]);
    for optimize_noise in [false, true] {
        let options =
            ProjectOptions { space: Space::WPlus, steps: 15, optimize_noise, ..ProjectOptions::default() };
        let project = |target: Target| {
            let mut projection =
                Projection::new(&painter, &Perception::Pixels, &mean, &options, target).unwrap();
            go(&mut projection);
            projection.latents().unwrap()
        };
        let together = project(target.clone());
        for number in 0..3 {
            let pictures = target.pictures.narrow(0, number, 1).unwrap();
            let alone = project(Target { pictures, numbers: vec![number as u64] });
            let moved = length(&alone.broadcast_sub(&mean.mean).unwrap());
            let off = length(&(alone.squeeze(0).unwrap() - together.get(number).unwrap()).unwrap());
            assert!(off < 2e-3 * moved, "{off} of {moved}");
        }
        let other = project(Target { numbers: vec![0, 1, 7], ..target.clone() });
        let off =
            |number: usize| length(&(other.get(number).unwrap() - together.get(number).unwrap()).unwrap());
        assert!(off(0) == 0.0 && off(2) > 1e-3, "{} {}", off(0), off(2));
    }
}

#[test]
fn no_gradient_is_found_but_that_of_w() {
    let painter = demo();
    let (w, _) = samples(&painter, &[3]);
    let w = Var::from_tensor(&w).unwrap();
    let w_plus = w.broadcast_as((painter.config().num_layers(), w.dim(1).unwrap())).unwrap();
    let w_plus = w_plus.unsqueeze(0).unwrap().contiguous().unwrap();
    let drawn = painter.generator().draw_w_plus(&w_plus, 0.0, Truncation::OFF, &Noise::Const).unwrap();
    let loss = drawn.sqr().unwrap().sum_all().unwrap();
    let gradients = backward(&loss).unwrap();
    let found: Vec<_> = gradients.get_ids().collect();
    assert_eq!(found, [&w.id()], "of weights, nothing is found");
    assert!(length(gradients.get(&w).unwrap()) > 0.0);
}

#[test]
fn optimized_noise_stays_noise() {
    let painter = small(|_| {});
    let mean = MeanW::of(&painter).unwrap();
    let (_, target) = samples(&painter, &[2, 4]);
    let options = ProjectOptions { steps: 40, optimize_noise: true, ..ProjectOptions::default() };
    let mut projection = Projection::new(&painter, &Perception::Pixels, &mean, &options, target).unwrap();
    let before = projection.noise().unwrap().unwrap();
    go(&mut projection);
    let after = projection.noise().unwrap().unwrap();
    assert_eq!(after.len(), 6);
    for (layer, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before.dims(), after.dims());
        assert_ne!(values(before), values(after), "{layer}");
        for photo in 0..2 {
            let image = values(&after.get(photo).unwrap());
            let mean = image.iter().sum::<f32>() / image.len() as f32;
            let square = image.iter().map(|x| x * x).sum::<f32>() / image.len() as f32;
            assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-4, "{layer}: {mean} {square}");
        }
    }
}

/// VGG19 with few channels and made-up numbers.
fn narrow_vgg19() -> Perception {
    let widths = [4, 6, 8, 10, 12];
    let (mut tensors, mut channels) = (HashMap::new(), 3);
    for (block, (width, count)) in widths.into_iter().zip([2, 2, 4, 4, 4]).enumerate() {
        for number in 1..=count {
            let name = format!("conv{}_{number}", block + 1);
            let key = Key::new("a made-up network", &[block as u64, number]);
            let weight = key.normal((width, channels, 3, 3), DType::F32, &Device::Cpu).unwrap();
            let gain = (2.0 / (9 * channels) as f64).sqrt();
            tensors.insert(format!("{name}.weight"), (weight * gain).unwrap());
            tensors.insert(format!("{name}.bias"), Tensor::zeros(width, DType::F32, &Device::Cpu).unwrap());
            channels = width;
        }
    }
    for (name, value) in [("colors.mean", 127.5_f32), ("colors.deviation", 64.0)] {
        tensors.insert(name.to_owned(), Tensor::full(value, 3, &Device::Cpu).unwrap());
    }
    let network = Vgg::with_widths(&Weights::new(tensors, "made-up"), Depth::Nineteen, widths).unwrap();
    Perception::Vgg19 { network: Box::new(network), fingerprint: "made-up".to_owned() }
}

#[test]
fn a_network_that_looks_pulls_the_picture_nearer() {
    let perception = narrow_vgg19();
    for num_channels in [1, 3, 4] {
        let painter = small(|config| config.num_channels = num_channels);
        let mean = MeanW::of(&painter).unwrap();
        let (_, target) = samples(&painter, &[2]);
        let weights = LossWeights { pixels: 0.0, ..LossWeights::default() };
        let options = ProjectOptions { steps: 60, weights, ..ProjectOptions::default() };
        let mut projection = Projection::new(&painter, &perception, &mean, &options, target).unwrap();
        let before = projection.losses().unwrap().perceptual.unwrap()[0];
        go(&mut projection);
        let after = projection.losses().unwrap().perceptual.unwrap()[0];
        // By how much, rounding decides.
        assert!(after < 0.9 * before, "{before} to {after}");
    }
}

#[test]
fn what_cannot_be_projected_says_why() {
    let painter = small(|config| config.noise = false);
    let mean = MeanW::of(&painter).unwrap();
    let (_, target) = samples(&painter, &[1]);
    let words = |options: &ProjectOptions, target: Target, perception: &Perception| {
        Projection::new(&painter, perception, &mean, options, target).unwrap_err().to_string()
    };
    let usual = ProjectOptions::default();
    let turned = Target { pictures: target.pictures.transpose(2, 3).unwrap(), numbers: vec![0] };
    assert_eq!(
        words(&usual, turned, &Perception::Pixels),
        "photos have shape [1, 3, 20, 16] where the network draws [1, 3, 16, 20]"
    );
    let noisy = ProjectOptions { optimize_noise: true, ..usual.clone() };
    assert_eq!(
        words(&noisy, target.clone(), &Perception::Pixels),
        "this network has no noise, so there is none to be optimized"
    );
    let still = ProjectOptions { steps: 0, ..usual.clone() };
    assert_eq!(
        words(&still, target.clone(), &Perception::Pixels),
        "there are 0 steps, but must be 1 to 100000"
    );

    let fast = ProjectOptions { steps: 5, learning_rate: 50.0, ..usual.clone() };
    let begin = |options: &ProjectOptions| {
        Projection::new(&painter, &Perception::Pixels, &mean, options, target.clone()).unwrap()
    };
    let path = Path::new("FILE");
    let state = begin(&usual).state().unwrap();
    let error = begin(&fast).restore(&state, path).unwrap_err();
    assert_eq!(error.to_string(), "`FILE` is the state of another projection: `steps` differs");
    for (name, part) in [("w", "`w` is missing"), ("kept", "`kept` is missing")] {
        let mut state = state.clone();
        state.tensors.remove(name);
        let words = begin(&usual).restore(&state, path).unwrap_err().to_string();
        assert!(words.starts_with("`FILE` cannot be gone on from: ") && words.contains(part), "{words}");
    }
    for progress in ["", "[]", r#"{"step":4000000,"adam_steps":1,"kept_steps":[0]}"#] {
        let state = ProjectionFile { progress: progress.to_owned(), ..state.clone() };
        assert!(matches!(begin(&usual).restore(&state, path), Err(Error::State { .. })), "{progress}");
    }

    let square = small(|config| config.resolution = 8.into());
    let mean = MeanW::of(&square).unwrap();
    let (_, target) = samples(&square, &[1]);
    let error = Projection::new(&square, &narrow_vgg19(), &mean, &usual, target).unwrap_err().to_string();
    assert_eq!(error, "pictures of 8x8 are too small for `vgg19`, which needs 16 pixels a side");
}

#[test]
fn results_are_files_that_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let painter = small(|_| {});
    let mean = MeanW::of(&painter).unwrap();
    let (_, target) = samples(&painter, &[1, 5]);
    let options = ProjectOptions { steps: 7, optimize_noise: true, ..ProjectOptions::default() };
    let mut projection = Projection::new(&painter, &Perception::Pixels, &mean, &options, target).unwrap();
    go(&mut projection);
    let photo =
        |name: &str| Photo { name: name.to_owned(), hash: "0".repeat(16), fitted: "as it is".to_owned() };
    let mut results = Results::new(folder.path(), 2, true, false);
    assert_eq!(results.add(&projection, vec![photo("a.png"), photo("b.png")]).unwrap().len(), 2);
    let projected = results.finish().unwrap();
    assert_eq!(projected[1].photo.name, "b.png");
    // The start, and each of the seven steps.
    assert_eq!(projected[0].walk.len(), 8);
    assert!(projected[0].pixels < projected[0].walk[0].pixels);
    let mut names = Results::names(2, true);
    names.sort();
    let mut found: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, names);
    for (name, count) in [("latents.safetensors", 2), ("projected_w.npz", 2)] {
        let file = LatentFile::open(&folder.path().join(name)).unwrap();
        file.check(painter.config()).unwrap();
        assert_eq!(file.count(), count);
    }
    let latents =
        candle_core::safetensors::load(folder.path().join("latents.safetensors"), &Device::Cpu).unwrap();
    assert_eq!(latents["noise.layer5"].dims(), [2, 1, 16, 20]);
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("project.json")).unwrap()).unwrap();
    assert_eq!(record["command"], "project");
    assert_eq!(record["checkpoint"], "0123456789abcdef");
    assert_eq!(record["projected"][0]["walk"][7]["step"], 7);
    let words =
        Results::new(folder.path(), 2, true, false).add(&projection, vec![photo("a.png")]).unwrap_err();
    assert!(words.to_string().ends_with("exists; nothing was overwritten"), "{words}");
}
