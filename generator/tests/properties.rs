//! What holds for every generator, whatever its weights.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use stylegan_generator::{Generator, GeneratorConfig, Noise, Norm, SeedStyle, Truncation, is_buffer};
use stylegan_ops::{Key, Level, Parameters, RandomTensors, Resolution, Widths, backward};

/// A narrow network of 16 pixels with no two widths equal.
fn small() -> GeneratorConfig {
    GeneratorConfig {
        resolution: 16.into(),
        z_dim: 7,
        w_dim: 9,
        mapping_fmaps: 8,
        widths: Widths { fmap_base: 40, fmap_max: 11, ..Widths::default() },
        ..GeneratorConfig::default()
    }
}

fn build(config: &GeneratorConfig) -> Result<(Parameters, Generator)> {
    let parameters = Parameters::new(Key::new("init", &[1]));
    let generator = Generator::new(config, &parameters.builder(DType::F32, &Device::Cpu))?;
    Ok((parameters, generator))
}

/// The same with biases and noise strengths, which start at zero, at generic values.
fn build_generic(config: &GeneratorConfig) -> Result<(Parameters, Generator)> {
    let (parameters, generator) = build(config)?;
    for (name, var) in parameters.vars() {
        if !name.ends_with("weight") && !is_buffer(&name) {
            let start = Key::new("generic values", &[]).child(&name, 0).normal(
                var.shape(),
                DType::F32,
                &Device::Cpu,
            )?;
            var.set(&(var.as_tensor() + (start * 0.3)?)?)?;
        }
    }
    Ok((parameters, generator))
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// Rows A to F of Table 1: what each adds to the one before.
fn ablation() -> Vec<(char, GeneratorConfig)> {
    let f = small();
    // F mixes styles in training; its generator is that of E.
    let e = f.clone();
    let d = GeneratorConfig { noise: false, ..e.clone() };
    let c = GeneratorConfig { const_input: false, ..d.clone() };
    let b =
        GeneratorConfig { styles: false, norm: Norm::Pixel, mapping_layers: 0, w_dim: f.z_dim, ..c.clone() };
    let a = GeneratorConfig { blur: false, ..b.clone() };
    vec![('A', a), ('B', b), ('C', c), ('D', d), ('E', e), ('F', f)]
}

/// Whether the trainable parameter of this name plays a part in pictures at `level`.
fn is_in_use(name: &str, level: Level, config: &GeneratorConfig) -> bool {
    let part = name.split('.').nth(1).unwrap();
    if let Some(layer) = part.strip_prefix("layer") {
        let layer: usize = layer.parse().unwrap();
        let side = config.resolution.levels().nth(layer / 2).unwrap().side();
        side <= level.resolution.side() && (config.styles || !name.contains("style"))
    } else if let Some(side) = part.strip_prefix("to_rgb_") {
        let side = side.parse::<usize>().unwrap();
        let largest = level.resolution.side();
        side == largest || (level.fade > 0.0 && side * 2 == largest)
    } else {
        true
    }
}

#[test]
fn every_row_of_table_1_draws_and_trains() -> Result<()> {
    let shapes = [("16", 3), ("16x12", 4), ("16x20", 1)];
    let all = ablation().into_iter().flat_map(|(row, config)| {
        shapes.map(|(resolution, num_channels)| {
            let resolution = resolution.parse().unwrap();
            (row, GeneratorConfig { resolution, num_channels, ..config.clone() })
        })
    });
    for (row, config) in all {
        let (parameters, generator) = build_generic(&config)?;
        let z = generator.latents(&[1, 2, 3], SeedStyle::Native)?;
        for lod in [0.0, 0.3, 1.0, 1.6, 2.0] {
            let level = Level::new(config.resolution, lod)?;
            let w_plus = generator.broadcast(&generator.mapping().forward(&z, None)?)?;
            let noise = Noise::Random(Key::new("noise", &[]));
            let pictures = generator.synthesis().forward(&w_plus, lod, &noise)?;
            let Resolution { width, height } = level.resolution;
            assert_eq!(pictures.dims(), [3, config.num_channels, height, width], "row {row} at {lod}");
            assert!(values(&pictures).iter().all(|pixel| pixel.is_finite()), "row {row} at {lod}");
            let samples: Vec<_> = (0..3).map(|i| values(&pictures.get(i).unwrap())).collect();
            assert!(
                samples[0] != samples[1] && samples[1] != samples[2],
                "row {row}: every z gives the same picture"
            );
            let cotangent = Key::new("cotangent", &[]).normal(pictures.shape(), DType::F32, &Device::Cpu)?;
            let gradients = backward(&(pictures * cotangent)?.sum_all()?)?;
            for (name, var) in parameters.vars() {
                let gradient = gradients.get(&var);
                let in_use = !is_buffer(&name) && is_in_use(&name, level, &config);
                assert_eq!(gradient.is_some(), in_use, "row {row} at {lod}: `{name}`");
                let Some(gradient) = gradient else { continue };
                assert!(
                    values(gradient).iter().all(|entry| entry.is_finite()),
                    "row {row} at {lod}: `{name}`"
                );
                assert!(values(gradient).iter().any(|&entry| entry != 0.0), "row {row} at {lod}: `{name}`");
            }
        }
    }
    Ok(())
}

/// Without the noise switch, the noise that a caller passes changes nothing, and no strength exists.
#[test]
fn a_network_without_noise_ignores_it() -> Result<()> {
    let (parameters, generator) = build_generic(&GeneratorConfig { noise: false, ..small() })?;
    assert!(parameters.names().iter().all(|name| !name.contains("noise")));
    let z = generator.latents(&[4], SeedStyle::Native)?;
    let draw = |noise: &Noise| generator.draw(&z, None, 0.0, Truncation::OFF, noise).map(|x| values(&x));
    let none = draw(&Noise::None)?;
    assert_eq!(draw(&Noise::Const)?, none);
    assert_eq!(draw(&Noise::Random(Key::new("noise", &[])))?, none);
    Ok(())
}

/// In training, channels have mean 0 and variance 1 in the batch; what is drawn later is drawn by running statistics, which are
/// those of a batch once that was shown often enough, and every picture by itself.
#[test]
fn batch_norm_takes_a_batch_in_training_and_running_statistics_after() -> Result<()> {
    let config =
        GeneratorConfig { norm: Norm::Batch, styles: false, const_input: false, noise: false, ..small() };
    let parameters = Parameters::new(Key::new("init", &[1]));
    let in_training = Generator::new(&config, &parameters.builder(DType::F64, &Device::Cpu))?.in_training();
    let drawing = Generator::new(&config, &parameters.frozen(DType::F64, &Device::Cpu))?;
    let z = drawing.latents(&[1, 2, 3, 4, 5], SeedStyle::Native)?;
    let first_layer = |generator: &Generator, z: &Tensor| {
        let w = generator.mapping().forward(z, None)?;
        let synthesis = generator.synthesis();
        synthesis.layers()[0].forward(&synthesis.input(&w)?, &w, &Noise::None)
    };
    let shown = first_layer(&in_training, &z)?;
    let (batch, channels, height, width) = shown.dims4()?;
    let pixels = shown.transpose(0, 1)?.reshape((channels, batch * height * width))?;
    for mean in pixels.mean(1)?.to_vec1::<f64>()? {
        assert!(mean.abs() < 1e-6, "{mean}");
    }
    for square in pixels.sqr()?.mean(1)?.to_vec1::<f64>()? {
        assert!((square - 1.0).abs() < 1e-4, "{square}");
    }

    let drawn = first_layer(&drawing, &z)?;
    let farthest = |a: &Tensor, b: &Tensor| (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f64>();
    assert!(farthest(&drawn, &shown)? > 0.1, "a tenth of the way is not there");
    for _ in 0..200 {
        first_layer(&in_training, &z)?;
    }
    // The running variance is that of a sample, 80 pixels of which 79 are free.
    let drawn = (first_layer(&drawing, &z)? * (80f64 / 79.0).sqrt())?;
    assert!(farthest(&drawn, &shown)? < 1e-4, "{}", farthest(&drawn, &shown)?);
    let alone = first_layer(&drawing, &z.narrow(0, 3, 1)?)?;
    assert_eq!(farthest(&alone, &first_layer(&drawing, &z)?.narrow(0, 3, 1)?)?, 0.0);

    let names = parameters.names();
    let of_layers = |part: &str| names.iter().filter(|name| name.ends_with(part) && is_buffer(name)).count();
    assert_eq!((of_layers("running_mean"), of_layers("running_var")), (6, 6));
    Ok(())
}

/// Batch norm's gradient is that of its equation, by finite differences.
#[test]
fn batch_norm_is_differentiated_through_the_statistics() -> Result<()> {
    let config = GeneratorConfig { norm: Norm::Batch, noise: false, ..small() };
    let parameters = Parameters::new(Key::new("init", &[1]));
    let generator = Generator::new(&config, &parameters.builder(DType::F64, &Device::Cpu))?.in_training();
    let z = generator.latents(&[1, 2, 3], SeedStyle::Native)?;
    let loss = || {
        let pictures = generator.draw(&z, None, 0.0, Truncation::OFF, &Noise::None)?;
        let cotangent = Key::new("cotangent", &[]).normal(pictures.shape(), DType::F64, &Device::Cpu)?;
        (pictures * cotangent)?.sum_all()
    };
    let gradients = backward(&loss()?)?;
    for name in ["synthesis.layer1.weight", "synthesis.layer3.bias", "synthesis.layer2.style_weight"] {
        let (_, var) = parameters.vars().into_iter().find(|(found, _)| found == name).unwrap();
        let gradient = gradients.get(&var).unwrap();
        let start = var.as_tensor().copy()?;
        let direction = Key::new("direction", &[]).normal(start.shape(), DType::F64, &Device::Cpu)?;
        let at = |step: f64| {
            var.set(&(&start + (&direction * step)?)?)?;
            loss()?.to_scalar::<f64>()
        };
        let measured = (at(1e-5)? - at(-1e-5)?) / 2e-5;
        var.set(&start)?;
        let expected = (gradient * &direction)?.sum_all()?.to_scalar::<f64>()?;
        assert!((measured - expected).abs() < 1e-5 * expected.abs(), "`{name}`: {measured}, {expected}");
    }
    Ok(())
}

/// The switches of Table 1 act: each row draws something else from the same weights.
#[test]
fn blur_norm_and_noise_change_the_picture() -> Result<()> {
    let draw = |config: &GeneratorConfig| -> Result<Vec<f32>> {
        let (_, generator) = build_generic(config)?;
        let z = generator.latents(&[4], SeedStyle::Native)?;
        Ok(values(&generator.draw(&z, None, 0.0, Truncation::OFF, &Noise::Const)?))
    };
    let plain = draw(&small())?;
    for config in [
        GeneratorConfig { blur: false, ..small() },
        GeneratorConfig { norm: Norm::Pixel, ..small() },
        GeneratorConfig { norm: Norm::None, ..small() },
        GeneratorConfig { noise: false, ..small() },
    ] {
        assert_ne!(draw(&config)?, plain, "{config:?}");
    }
    Ok(())
}

/// What enters layer 0 of row A: `[batch, channels, 4, 4]`, w times one weight. Its bias is that of the epilogue.
#[test]
fn a_network_without_styles_starts_from_w() -> Result<()> {
    let (a, config) = ablation().swap_remove(0);
    assert_eq!(a, 'A');
    let (parameters, generator) = build_generic(&config)?;
    let channels = config.feature_maps(4);
    let vars: HashMap<_, _> = parameters.vars().into_iter().collect();
    let weight = &vars["synthesis.input.weight"];
    assert_eq!(weight.dims(), [16 * channels, config.w_dim]);
    let w = generator.latents(&[1, 2], SeedStyle::Native)?;
    // Progressive GAN's gain is sqrt(2) / 4.
    let scale = 2f64.sqrt() / 4.0 / (config.w_dim as f64).sqrt();
    let expected = (w.matmul(&weight.t()?)? * scale)?;
    assert!(!vars.contains_key("synthesis.input.bias"));
    let input = generator.synthesis().input(&w)?;
    assert_eq!(input.dims(), [2, channels, 4, 4]);
    let off =
        values(&(input.flatten_from(1)? - expected)?).into_iter().fold(0f32, |most, x| most.max(x.abs()));
    assert!(off < 1e-5, "{off}");
    Ok(())
}

/// Without instance norm the style is a step of its own: `x · (scale + 1) + shift`, behind pixel norm if there is one.
#[test]
fn a_style_without_instance_norm() -> Result<()> {
    for norm in [Norm::None, Norm::Pixel] {
        let config = GeneratorConfig { norm, noise: false, ..small() };
        let channels = config.feature_maps(4);
        // The first layer has no convolution, biases are zero and x is positive, so nothing but norm and style acts.
        let (_, generator) = build(&config)?;
        let layer = &generator.synthesis().layers()[0];
        let x = Key::new("x", &[]).normal((2, channels, 4, 4), DType::F32, &Device::Cpu)?.exp()?;
        let w = generator.latents(&[1, 2], SeedStyle::Native)?.pad_with_zeros(1, 0, 2)?;
        let style = layer.style(&w)?.unwrap().to_vec2::<f32>()?;
        let y = layer.forward(&x, &w, &Noise::None)?;
        let (sample, channel, row, column) = (1, 2, 3, 1);
        let pixel: Vec<f32> = (0..channels)
            .map(|c| x.get(sample)?.get(c)?.get(row)?.get(column)?.to_scalar())
            .collect::<Result<_>>()?;
        let mean_square = pixel.iter().map(|entry| entry * entry).sum::<f32>() / channels as f32;
        let normed = if norm == Norm::Pixel { pixel[channel] / mean_square.sqrt() } else { pixel[channel] };
        let expected = normed * (style[sample][channel] + 1.0) + style[sample][channels + channel];
        let actual = y.get(sample)?.get(channel)?.get(row)?.get(column)?.to_scalar::<f32>()?;
        assert!((actual - expected).abs() < 1e-5, "{norm:?}: {actual} against {expected}");
    }
    Ok(())
}

#[test]
fn without_mapping_layers_w_is_the_normalized_z() -> Result<()> {
    let (parameters, generator) =
        build(&GeneratorConfig { z_dim: 7, w_dim: 14, mapping_layers: 0, label_dim: 2, ..small() })?;
    let vars: HashMap<_, _> = parameters.vars().into_iter().collect();
    let embed = vars["mapping.label_embed"].to_vec2::<f32>()?;
    let z = generator.latents(&[6], SeedStyle::Native)?;
    let labels = Tensor::new(&[[0f32, 1.0]], &Device::Cpu)?;
    let w = values(&generator.mapping().forward(&z, Some(&labels))?);
    // z, then the embedding of the label, normalized together.
    let joined: Vec<f32> = values(&z).into_iter().chain(embed[1].iter().copied()).collect();
    let mean_square = joined.iter().map(|x| x * x).sum::<f32>() / 14.0;
    for (actual, entry) in w.iter().zip(&joined) {
        assert!((actual - entry / mean_square.sqrt()).abs() < 1e-5, "{w:?}");
    }
    Ok(())
}

#[test]
fn labels_are_needed_and_matter() -> Result<()> {
    let (parameters, generator) = build(&GeneratorConfig { label_dim: 3, ..small() })?;
    let z = generator.latents(&[1, 2], SeedStyle::Native)?;
    let first = Tensor::new(&[[1f32, 0.0, 0.0], [0.0, 1.0, 0.0]], &Device::Cpu)?;
    let other = Tensor::new(&[[1f32, 0.0, 0.0], [0.0, 0.0, 1.0]], &Device::Cpu)?;
    let map = |labels: &Tensor| generator.mapping().forward(&z, Some(labels))?.to_vec2::<f32>();
    assert_eq!(map(&first)?[0], map(&other)?[0]);
    assert_ne!(map(&first)?[1], map(&other)?[1]);
    let gradients = backward(&generator.mapping().forward(&z, Some(&first))?.sum_all()?)?;
    for (name, var) in parameters.vars() {
        assert_eq!(gradients.get(&var).is_some(), name.starts_with("mapping."), "`{name}`");
    }
    let error = generator.draw(&z, None, 0.0, Truncation::OFF, &Noise::None).unwrap_err().to_string();
    assert!(error.contains("needs labels"), "{error}");
    let (_, unlabeled) = build(&small())?;
    let error = unlabeled.draw(&z, Some(&first), 0.0, Truncation::OFF, &Noise::None).unwrap_err().to_string();
    assert!(error.contains("has none"), "{error}");
    Ok(())
}

#[test]
fn noise_modes() -> Result<()> {
    let (_, generator) = build_generic(&small())?;
    let w_plus = generator
        .broadcast(&generator.mapping().forward(&generator.latents(&[5, 5], SeedStyle::Native)?, None)?)?;
    let draw =
        |noise: &Noise| generator.synthesis().forward(&w_plus, 0.0, noise)?.flatten_from(1)?.to_vec2::<f32>();
    let random = |seed: u64| draw(&Noise::Random(Key::new("noise", &[seed])));

    let stored = draw(&Noise::Const)?;
    assert_eq!(stored, draw(&Noise::Const)?, "stored noise is the same every time");
    assert_eq!(stored[0], stored[1], "and for every sample");

    let fresh = random(1)?;
    assert_eq!(fresh, random(1)?, "random noise is a function of its key");
    assert_ne!(fresh, random(2)?);
    assert_ne!(fresh[0], fresh[1], "and differs between samples");

    let none = draw(&Noise::None)?;
    assert_ne!(none, stored);
    assert_ne!(none, fresh);
    assert_eq!(none[0], none[1]);

    // Noise in some layers alone is another's there.
    let some = |layers, noise: &Noise| draw(&Noise::InLayers(layers, Box::new(noise.clone())));
    let num_layers = generator.config().num_layers();
    let key = Noise::Random(Key::new("noise", &[1]));
    for (noise, all) in [(Noise::Const, &stored), (key, &fresh), (Noise::None, &none)] {
        assert_eq!(&some(0..num_layers, &noise)?, all);
        assert_eq!(some(3..3, &noise)?, none);
    }
    let (first, rest) = (some(0..3, &Noise::Const)?, some(3..num_layers, &Noise::Const)?);
    for other in [&stored, &none, &rest] {
        assert_ne!(&first, other);
    }
    assert!(rest != stored && rest != none);
    Ok(())
}

/// Fresh noise in one layer must not be the noise of another, even where the sides are equal.
#[test]
fn layers_get_noise_of_their_own() -> Result<()> {
    let (parameters, generator) = build(&small())?;
    let vars: HashMap<_, _> = parameters.vars().into_iter().collect();
    let stored = |layer: usize| values(&vars[&format!("synthesis.layer{layer}.noise_const")]);
    assert_ne!(stored(2), stored(3));
    let w = Tensor::zeros((1, 9), DType::F32, &Device::Cpu)?;
    let strengths = |layer: usize| &vars[&format!("synthesis.layer{layer}.noise_strength")];
    let of_layer = |layer: usize, side: usize| -> Result<Vec<f32>> {
        let x = Tensor::zeros((1, small().feature_maps(side), side, side), DType::F32, &Device::Cpu)?;
        strengths(layer).set(&strengths(layer).ones_like()?)?;
        let noise = Noise::Random(Key::new("noise", &[]));
        Ok(values(&generator.synthesis().layers()[layer].forward(&x, &w, &noise)?))
    };
    let (second, third) = (of_layer(2, 4)?, of_layer(3, 8)?);
    assert!(second.iter().any(|&entry| entry != 0.0));
    assert_ne!(second, third);
    Ok(())
}

#[test]
fn feature_maps_follow_their_decay() -> Result<()> {
    let config =
        GeneratorConfig { widths: Widths { fmap_base: 40, fmap_decay: 0.5, fmap_max: 26 }, ..small() };
    // 40 / 2^(stage / 2) for stages 1, 2, 3 is 28.28, 20, 14.14.
    let widths: Vec<usize> = [4, 8, 16].into_iter().map(|side| config.feature_maps(side)).collect();
    assert_eq!(widths, [26, 20, 14]);
    let (parameters, generator) = build(&config)?;
    let vars: HashMap<String, Var> = parameters.vars().into_iter().collect();
    assert_eq!(vars["synthesis.to_rgb_16.weight"].dims(), [3, 14, 1, 1]);
    assert_eq!(vars["synthesis.layer4.weight"].dims(), [14, 20, 3, 3]);
    assert_eq!(vars["synthesis.layer5.weight"].dims(), [14, 14, 3, 3]);
    assert_eq!(vars["synthesis.layer2.style_weight"].dims(), [40, 9]);
    let pictures = generator.draw(
        &generator.latents(&[0], SeedStyle::Native)?,
        None,
        0.0,
        Truncation::default(),
        &Noise::Const,
    )?;
    assert_eq!(pictures.dims(), [1, 3, 16, 16]);
    assert_eq!(Widths { fmap_max: 512, ..config.widths }.feature_maps(16), 14);
    Ok(())
}

#[test]
fn the_smallest_and_a_large_resolution() -> Result<()> {
    for (resolution, layers) in [(8, 4), (256, 14)] {
        let (_, generator) = build(&GeneratorConfig {
            resolution: resolution.into(),
            widths: Widths { fmap_max: 5, ..small().widths },
            ..small()
        })?;
        assert_eq!(generator.synthesis().layers().len(), layers);
        let z = generator.latents(&[3, 8], SeedStyle::Native)?;
        let pictures = generator.draw(&z, None, 0.0, Truncation::default(), &Noise::Const)?;
        assert_eq!(pictures.dims(), [2, 3, resolution, resolution]);
        assert!(values(&pictures).iter().all(|pixel| pixel.is_finite()));
        let lowest = f64::from(resolution.ilog2() - 2);
        let w_plus = generator.broadcast(&generator.mapping().forward(&z, None)?)?;
        assert_eq!(generator.synthesis().forward(&w_plus, lowest, &Noise::Const)?.dims(), [2, 3, 4, 4]);
        assert!(generator.synthesis().forward(&w_plus, lowest + 0.1, &Noise::Const).is_err());
    }
    Ok(())
}

/// While a level fades in, the picture goes from the upscaled lower level to the new one without a jump.
#[test]
fn a_fade_ends_where_the_next_level_begins() -> Result<()> {
    let (_, generator) = build_generic(&small())?;
    let w_plus = generator
        .broadcast(&generator.mapping().forward(&generator.latents(&[5, 6], SeedStyle::Native)?, None)?)?;
    let draw = |lod: f64| generator.synthesis().forward(&w_plus, lod, &Noise::Const);
    for level in 0..2 {
        let almost = draw(f64::from(level) + 1.0 - 1e-7)?;
        let below = draw(f64::from(level) + 1.0)?;
        let side = almost.dim(3)?;
        let off = values(&(almost - below.upsample_nearest2d(side, side)?)?);
        let off = off.into_iter().fold(0f32, |most, x| most.max(x.abs()));
        assert!(off < 1e-4, "{off} at level {level}");
    }
    Ok(())
}

/// One sample of a batch is drawn as if it were alone, up to the order in which a product sums.
#[test]
fn samples_do_not_see_each_other() -> Result<()> {
    let (_, generator) = build_generic(&small())?;
    let z = generator.latents(&[5, 6, 7], SeedStyle::Native)?;
    let draw = |z: &Tensor| generator.draw(z, None, 0.0, Truncation::default(), &Noise::Const);
    let off = values(&(draw(&z)?.narrow(0, 1, 1)? - draw(&z.narrow(0, 1, 1)?)?)?);
    let off = off.into_iter().fold(0f32, |most, x| most.max(x.abs()));
    assert!(off < 1e-4, "{off}");
    Ok(())
}

#[test]
fn a_seed_names_one_latent() -> Result<()> {
    let (_, generator) = build(&small())?;
    let batch = generator.latents(&[3, 4], SeedStyle::Native)?.to_vec2::<f32>()?;
    assert_eq!(batch[1], values(&generator.latents(&[4], SeedStyle::Native)?));
    assert_ne!(batch[0], batch[1]);
    Ok(())
}

/// The generator that samples are drawn from sees the same storage and computes no gradients.
#[test]
fn a_frozen_generator_draws_the_same_and_takes_no_gradient() -> Result<()> {
    let (parameters, generator) = build_generic(&small())?;
    let frozen = Generator::new(&small(), &parameters.frozen(DType::F32, &Device::Cpu))?;
    let z = generator.latents(&[9], SeedStyle::Native)?;
    let draw = |generator: &Generator| generator.draw(&z, None, 0.0, Truncation::OFF, &Noise::Const);
    assert_eq!(values(&draw(&generator)?), values(&draw(&frozen)?));
    assert!(!draw(&frozen)?.track_op());

    // It follows the running mean too.
    generator.track_w_avg(&generator.mapping().forward(&z, None)?, 0.5)?;
    assert_eq!(values(generator.w_avg()), values(frozen.w_avg()));
    assert!(values(frozen.w_avg()).iter().any(|&entry| entry != 0.0));
    Ok(())
}

/// The published networks' sizes, without buffers.
/// Features may be of a type of their own: pictures and gradients stay near, and of the type of the weights.
#[test]
fn features_of_another_type() -> Result<()> {
    let before_blur = GeneratorConfig { bias_before_blur: true, ..small() };
    for (row, config) in ablation().into_iter().chain([('G', before_blur)]) {
        let (parameters, plain) = build_generic(&config)?;
        let mixed = plain.clone().with_features_in(DType::F64);
        let z = Key::new("z", &[]).normal((2, config.z_dim), DType::F32, &Device::Cpu)?;
        let w_plus = plain.broadcast(&plain.mapping().forward(&z, None)?)?;
        for lod in [0.0, 0.6] {
            let draw = |network: &Generator| {
                network.synthesis().forward(&w_plus, lod, &Noise::Random(Key::new("noise", &[])))
            };
            let (a, b) = (draw(&plain)?, draw(&mixed)?);
            assert_eq!(b.dtype(), DType::F32);
            assert_ne!(values(&a), values(&b), "row {row}: nothing was computed in another type");
            assert_near(&a, &b, row);
            let (of_a, of_b) = (backward(&a.sqr()?.sum_all()?)?, backward(&b.sqr()?.sum_all()?)?);
            for (_, var) in parameters.vars() {
                match (of_a.get(&var), of_b.get(&var)) {
                    (Some(a), Some(b)) => assert_near(a, b, row),
                    (a, b) => assert_eq!(a.is_some(), b.is_some()),
                }
            }
        }
    }
    Ok(())
}

fn assert_near(a: &Tensor, b: &Tensor, row: char) {
    let (a, b) = (values(a), values(b));
    let scale = a.iter().fold(1e-3, |scale: f32, v| scale.max(v.abs()));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4 * scale), "row {row}");
}

#[test]
fn parameter_counts() -> Result<()> {
    for (resolution, expected) in
        [(64, 25_137_935), (128, 25_843_858), (256, 26_086_229), (512, 26_179_768), (1024, 26_219_627)]
    {
        let (parameters, _) =
            build(&GeneratorConfig { resolution: resolution.into(), ..GeneratorConfig::default() })?;
        let vars = parameters.vars();
        let trainable = vars.iter().filter(|(name, _)| !is_buffer(name));
        assert_eq!(trainable.map(|(_, var)| var.elem_count()).sum::<usize>(), expected, "{resolution}");
    }
    Ok(())
}

/// Row A of Table 1 has exactly the weights of Progressive GAN's published 1024x1024 generator.
#[test]
fn row_a_is_as_large_as_progressive_gan() -> Result<()> {
    let (a, narrow) = ablation().swap_remove(0);
    assert_eq!(a, 'A');
    let full = GeneratorConfig::default();
    let GeneratorConfig { mapping_layers, styles, const_input, noise, norm, blur, .. } = narrow;
    let (parameters, _) =
        build(&GeneratorConfig { mapping_layers, styles, const_input, noise, norm, blur, ..full })?;
    let vars = parameters.vars();
    let trainable = vars.iter().filter(|(name, _)| !is_buffer(name));
    assert_eq!(trainable.map(|(_, var)| var.elem_count()).sum::<usize>(), 23_079_115);
    Ok(())
}

#[test]
fn impossible_shapes_are_refused_with_a_reason() -> Result<()> {
    let error = build(&GeneratorConfig { resolution: 100.into(), ..small() }).unwrap_err().to_string();
    assert!(error.contains("`generator.resolution` is 100"), "{error}");
    let (_, generator) = build(&small())?;
    let too_few_layers = Tensor::zeros((2, 4, 9), DType::F32, &Device::Cpu)?;
    let error = generator.synthesis().forward(&too_few_layers, 0.0, &Noise::None).unwrap_err().to_string();
    assert!(error.contains("4 layers where the network has 6"), "{error}");
    Ok(())
}

#[test]
fn noise_that_is_tracked_draws_the_same_and_gets_its_gradient() -> Result<()> {
    let mut networks = vec![small()];
    networks.push(GeneratorConfig { bias_before_blur: true, ..small() });
    networks.push(GeneratorConfig { blur: false, norm: Norm::Pixel, ..small() });
    networks.push(GeneratorConfig { noise_per_block: true, ..small() });
    for (number, config) in networks.into_iter().enumerate() {
        let (_, generator) = build_in_f64(&config)?;
        let normal =
            |purpose: &str, shape: &[usize]| Key::new(purpose, &[]).normal(shape, DType::F64, &Device::Cpu);
        let w_plus = normal("w", &[2, config.num_layers(), config.w_dim])?;
        let images = (0..config.num_layers())
            .map(|layer| {
                let side = 4 << (layer / 2);
                normal("noise", &[2, 1, side, side])
            })
            .collect::<Result<Vec<_>>>()?;
        let draw = |images: &[Tensor]| {
            generator.draw_w_plus(&w_plus, 0.0, Truncation::OFF, &Noise::Given(images.to_vec()))
        };
        let plain = draw(&images)?;
        let weights = normal("weights", plain.dims())?;
        let loss = |images: &[Tensor]| (draw(images)? * &weights)?.sum_all();
        let vars = images.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
        let tracked: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let off = (draw(&tracked)? - &plain)?.abs()?.max_all()?.to_scalar::<f64>()?;
        assert!(off < 1e-10, "{number}: {off}");
        let gradients = backward(&loss(&tracked)?)?;
        for layer in [0, 1, 2, 5] {
            let direction = normal("direction", images[layer].dims())?;
            let Some(gradient) = gradients.get(&vars[layer]) else {
                assert!(config.noise_per_block && layer % 2 == 1, "{number}: {layer}");
                continue;
            };
            let found = (gradient * &direction)?.sum_all()?.to_scalar::<f64>()?;
            let at = |step: f64| {
                let mut moved = images.clone();
                moved[layer] = (&moved[layer] + (&direction * step)?)?;
                loss(&moved)?.to_scalar::<f64>()
            };
            let expected = (at(1e-5)? - at(-1e-5)?) / 2e-5;
            assert!(
                (found - expected).abs() < 1e-5 * expected.abs().max(1.0),
                "{number}: {layer}: {found} {expected}"
            );
        }
    }
    Ok(())
}

/// A network as [`build_generic`] makes it, in `f64`.
fn build_in_f64(config: &GeneratorConfig) -> Result<(Parameters, Generator)> {
    let parameters = Parameters::new(Key::new("init", &[1]));
    Generator::new(config, &parameters.builder(DType::F64, &Device::Cpu))?;
    for (name, var) in parameters.vars() {
        if !name.ends_with("weight") && !is_buffer(&name) {
            let start = Key::new("generic values", &[]).child(&name, 0);
            let start = start.normal(var.shape(), DType::F64, &Device::Cpu)?;
            var.set(&(var.as_tensor() + (start * 0.3)?)?)?;
        }
    }
    let generator = Generator::new(config, &parameters.frozen(DType::F64, &Device::Cpu))?;
    Ok((parameters, generator))
}
