//! What holds for every critic, whatever its weights.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use candle_core::{DType, Device, Result, Tensor};
use stylegan_discriminator::{Critic, CriticConfig, CriticSwitches};
use stylegan_ops::{Key, Parameters, RandomTensors, Widths, backward};

/// 16 pixels with 5, 6 and 8 feature maps, the last layer with 10.
fn small() -> CriticConfig {
    CriticConfig {
        resolution: 16.into(),
        widths: Widths { fmap_base: 10, fmap_decay: 0.3, fmap_max: 512 },
        ..CriticConfig::default()
    }
}

/// The same with groups of so many samples and so many features in the minibatch stddev.
fn with_stddev(mbstd_group_size: usize, mbstd_num_features: usize) -> CriticConfig {
    let switches = CriticSwitches { mbstd_group_size, mbstd_num_features, ..CriticSwitches::default() };
    CriticConfig { switches, ..small() }
}

fn build(config: &CriticConfig) -> Result<(Parameters, Critic)> {
    let parameters = Parameters::new(Key::new("init", &[1]));
    let critic = Critic::new(config, &parameters.builder(DType::F32, &Device::Cpu))?;
    Ok((parameters, critic))
}

fn pictures(batch: usize, side: usize) -> Result<Tensor> {
    Key::new("pictures", &[]).normal((batch, 3, side, side), DType::F32, &Device::Cpu)
}

/// The side of the block or layer that a parameter belongs to, and whether it is a `from_rgb`.
fn place(name: &str) -> (usize, bool) {
    let part = name.split('.').next().unwrap();
    let (kind, side) = part.rsplit_once('_').unwrap();
    (side.parse().unwrap(), kind == "from_rgb")
}

#[test]
fn parameters_in_use_get_a_gradient_and_no_others() -> Result<()> {
    let (parameters, critic) = build(&small())?;
    for (lod, side) in [(0.0, 16), (0.3, 16), (1.0, 8), (1.6, 8), (2.0, 4)] {
        let gradients = backward(&critic.forward(&pictures(3, side)?, lod, None)?.sum_all()?)?;
        for (name, var) in parameters.vars() {
            let (of, from_rgb) = place(&name);
            let is_fading = lod.fract() > 0.0;
            let in_use = if from_rgb { of == side || (is_fading && of * 2 == side) } else { of <= side };
            assert_eq!(gradients.get(&var).is_some(), in_use, "`{name}` at {lod}");
        }
    }
    Ok(())
}

/// While a level fades in, the scores go from those of the halved pictures to those of the new level without a jump.
#[test]
fn a_fade_ends_where_the_next_level_begins() -> Result<()> {
    let (_, critic) = build(&small())?;
    let full = pictures(4, 16)?;
    let half = full.avg_pool2d(2)?;
    let almost = critic.forward(&full, 1.0 - 1e-7, None)?.to_vec1::<f32>()?;
    let below = critic.forward(&half, 1.0, None)?.to_vec1::<f32>()?;
    for (almost, below) in almost.iter().zip(below) {
        assert!((almost - below).abs() < 1e-4, "{almost} against {below}");
    }
    Ok(())
}

/// The samples of a group are strided through the batch: swapping samples of different groups changes the scores,
/// swapping whole groups only moves them.
#[test]
fn scores_depend_on_the_group_and_not_on_the_order_of_groups() -> Result<()> {
    let (_, critic) = build(&with_stddev(2, 1))?;
    let x = pictures(4, 16)?;
    let scores = |order: [u32; 4]| {
        critic.forward(&x.index_select(&Tensor::new(&order, &Device::Cpu)?, 0)?, 0.0, None)?.to_vec1::<f32>()
    };
    let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
    let plain = scores([0, 1, 2, 3])?;
    // Groups are {0, 2} and {1, 3}.
    let swapped = scores([1, 0, 3, 2])?;
    for (sample, &of) in [1, 0, 3, 2].iter().enumerate() {
        assert!(near(swapped[sample], plain[of]), "{plain:?} {swapped:?}");
    }
    let regrouped = scores([0, 2, 1, 3])?;
    assert!(!near(regrouped[0], plain[0]), "{plain:?} {regrouped:?}");
    Ok(())
}

#[test]
fn labels_choose_the_score() -> Result<()> {
    let (_, critic) = build(&CriticConfig { label_dim: 3, ..small() })?;
    let x = pictures(2, 8)?;
    let scores = |labels: [[f32; 3]; 2]| {
        critic.forward(&x, 1.0, Some(&Tensor::new(&labels, &Device::Cpu)?))?.to_vec1::<f32>()
    };
    let first = scores([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])?;
    let last = scores([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])?;
    let mixed = scores([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])?;
    assert_eq!(mixed, [last[0], first[1]]);
    assert_ne!(first, last);
    Ok(())
}

#[test]
fn feature_maps_follow_their_decay() -> Result<()> {
    let (parameters, _) = build(&CriticConfig { label_dim: 3, ..with_stddev(4, 2) })?;
    for (name, shape) in [
        ("from_rgb_16.weight", vec![5, 3, 1, 1]),
        ("block_16.conv0.weight", vec![5, 5, 3, 3]),
        ("block_16.conv1_down.weight", vec![6, 5, 3, 3]),
        ("block_8.conv1_down.weight", vec![8, 6, 3, 3]),
        ("block_4.conv.weight", vec![8, 10, 3, 3]),
        ("block_4.dense0.weight", vec![10, 128]),
        ("block_4.dense1.weight", vec![3, 10]),
    ] {
        let (_, var) = parameters.vars().into_iter().find(|(of, _)| of == name).unwrap();
        assert_eq!(var.dims(), shape, "`{name}`");
    }
    Ok(())
}

#[test]
fn sets_of_pictures_do_not_see_each_other() -> Result<()> {
    let (_, critic) = build(&CriticConfig { label_dim: 2, ..small() })?;
    let labels = Key::new("labels", &[]).normal((8, 2), DType::F32, &Device::Cpu)?;
    let set = |number| Key::new("set", &[number]).normal((8, 3, 16, 16), DType::F32, &Device::Cpu);
    let sets = [set(0)?, (set(1)? * 0.1)?, set(2)?];
    let assert_close = |what: &str, a: &Tensor, b: &Tensor| -> Result<()> {
        let (error, scale) = ((a - b)?.abs()?.max_all()?, b.abs()?.max_all()?);
        let (error, scale) = (error.to_scalar::<f32>()?, scale.to_scalar::<f32>()?);
        assert!(error <= 1e-5 * scale, "{what}: {error} of {scale}");
        Ok(())
    };
    for lod in [0.0, 0.4] {
        let (scores, recording) =
            critic.forward_sets(&sets.iter().collect::<Vec<_>>(), lod, Some(&labels))?;
        for (number, pictures) in sets.iter().enumerate() {
            let (alone, recorded) = critic.forward_recorded(pictures, lod, Some(&labels))?;
            assert_close("scores", &scores[number], &alone)?;
            let gradient = recording.input_gradient_of(number)?;
            assert_close("input gradient", &gradient, &recorded.input_gradient()?)?;
        }
    }
    let other = Tensor::zeros((7, 3, 16, 16), DType::F32, &Device::Cpu)?;
    assert!(critic.forward_sets(&[&sets[0], &other], 0.0, Some(&labels)).is_err());
    assert!(critic.forward_sets(&[], 0.0, None).is_err());
    Ok(())
}

#[test]
fn the_smallest_and_a_large_resolution() -> Result<()> {
    for resolution in [8, 256] {
        let widths = Widths { fmap_max: 5, ..small().widths };
        let (_, critic) = build(&CriticConfig { resolution: resolution.into(), widths, ..small() })?;
        let (scores, recording) = critic.forward_recorded(&pictures(2, resolution)?, 0.5, None)?;
        assert_eq!(scores.dims(), [2]);
        let gradient = recording.input_gradient()?;
        assert_eq!(gradient.dims(), [2, 3, resolution, resolution]);
        assert!(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?.is_finite());
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() -> Result<()> {
    let (_, critic) = build(&small())?;
    let refusal = |critic: &Critic, batch, side, lod, labels: Option<&Tensor>| {
        critic.forward(&pictures(batch, side).unwrap(), lod, labels).unwrap_err().to_string()
    };
    let error = refusal(&critic, 4, 16, 1.0, None);
    assert!(error.contains("pictures of 8x8") && error.contains("not 16x16"), "{error}");
    let wide = Tensor::zeros((4, 3, 12, 16), DType::F32, &Device::Cpu)?;
    let error = critic.forward(&wide, 0.0, None).unwrap_err().to_string();
    assert!(error.contains("pictures of 16x16 with 3 channels") && error.contains("not 16x12"), "{error}");
    let grey = Tensor::zeros((4, 1, 16, 16), DType::F32, &Device::Cpu)?;
    let error = critic.forward(&grey, 0.0, None).unwrap_err().to_string();
    assert!(error.contains("not 16x16 with 1"), "{error}");
    let error = refusal(&critic, 6, 16, 0.0, None);
    assert!(error.contains("a batch of 6") && error.contains("groups of 4"), "{error}");
    let error = refusal(&critic, 4, 4, 2.5, None);
    assert!(error.contains("level of detail 2.5"), "{error}");
    let labels = Tensor::ones((4, 3), DType::F32, &Device::Cpu)?;
    let error = refusal(&critic, 4, 16, 0.0, Some(&labels));
    assert!(error.contains("critic that has none"), "{error}");
    let (_, labeled) = build(&CriticConfig { label_dim: 3, ..small() })?;
    let error = refusal(&labeled, 4, 16, 0.0, None);
    assert!(error.contains("needs labels"), "{error}");
    let error = build(&with_stddev(4, 3)).unwrap_err().to_string();
    assert!(error.contains("`discriminator.mbstd_num_features` is 3"), "{error}");
    Ok(())
}

/// The published networks' sizes.
/// Features may be of a type of their own: scores and gradients stay near, and of the type of the weights.
#[test]
fn features_of_another_type() -> Result<()> {
    let (parameters, plain) = build(&small())?;
    let mixed = plain.clone().with_features_in(DType::F64);
    for (lod, side) in [(0.0, 16), (0.3, 16), (2.0, 4)] {
        let run = |critic: &Critic| {
            let (scores, recording) = critic.forward_recorded(&pictures(4, side)?, lod, None)?;
            let gradient = recording.input_gradient()?;
            let loss = (scores.sum_all()? + gradient.sqr()?.sum_all()?)?;
            Result::Ok((scores, gradient, backward(&loss)?))
        };
        let ((scores, gradient, of_plain), (mixed_scores, mixed_gradient, of_mixed)) =
            (run(&plain)?, run(&mixed)?);
        assert_near(&scores, &mixed_scores);
        assert_near(&gradient, &mixed_gradient);
        for (_, var) in parameters.vars() {
            match (of_plain.get(&var), of_mixed.get(&var)) {
                (Some(a), Some(b)) => assert_near(a, b),
                (a, b) => assert_eq!(a.is_some(), b.is_some()),
            }
        }
    }
    Ok(())
}

#[track_caller]
fn assert_near(a: &Tensor, b: &Tensor) {
    assert_eq!(a.dtype(), b.dtype());
    let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (a, b) = (values(a), values(b));
    let scale = a.iter().fold(1e-3, |scale: f32, v| scale.max(v.abs()));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4 * scale));
}

#[test]
fn parameter_counts() -> Result<()> {
    for (resolution, expected) in
        [(64, 22_498_049), (128, 22_941_313), (256, 23_052_353), (512, 23_080_225), (1024, 23_087_249)]
    {
        let (parameters, _) =
            build(&CriticConfig { resolution: resolution.into(), ..CriticConfig::default() })?;
        let count = parameters.vars().iter().map(|(_, var)| var.elem_count()).sum::<usize>();
        assert_eq!(count, expected, "{resolution}");
    }
    Ok(())
}
