//! What networks of other programs do differently from the paper's.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;

use candle_core::{D, DType, Device, Result, Tensor, Var};
use stylegan_generator::{
    Generator, GeneratorConfig, Noise, SeedStyle, SynthesisLayer, Truncation, is_buffer,
};
use stylegan_golden::TestDevice;
use stylegan_ops::{Key, Parameters, RandomTensors, Widths, backward};

const BATCH: usize = 3;

/// A narrow network of 16 pixels with all that is different.
fn different() -> GeneratorConfig {
    GeneratorConfig {
        resolution: 16.into(),
        z_dim: 7,
        w_dim: 9,
        mapping_fmaps: 8,
        widths: Widths { fmap_base: 40, fmap_max: 11, ..Widths::default() },
        norm_epsilon: 1e-2,
        bias_before_blur: true,
        noise_per_block: true,
        ..GeneratorConfig::default()
    }
}

fn normal(name: &str, shape: &[usize]) -> Tensor {
    Key::new(name, &[3]).normal(shape, DType::F64, &Device::Cpu).unwrap()
}

/// A network of `f64` whose parameters are all at generic values.
fn build(config: &GeneratorConfig) -> Result<(HashMap<String, Var>, Generator)> {
    let parameters = Parameters::new(Key::new("init", &[1]));
    let generator = Generator::new(config, &parameters.builder(DType::F64, &Device::Cpu))?;
    let vars: HashMap<_, _> = parameters.vars().into_iter().collect();
    for (name, var) in &vars {
        if !name.ends_with("weight") {
            var.set(&normal(name, var.dims()))?;
        }
    }
    Ok((vars, generator))
}

fn assert_close(what: &str, actual: &Tensor, expected: &Tensor) {
    assert_eq!(actual.dims(), expected.dims(), "{what}");
    let scalar = |x: Tensor| x.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    let (error, scale) = (scalar((actual - expected).unwrap()), scalar(expected.clone()));
    assert!(error <= 1e-10 * scale.max(1.0), "{what} is {error} off, at values up to {scale}");
}

/// A layer by candle's own operations, bias before blur.
fn plain(
    vars: &HashMap<String, Var>,
    layer: usize,
    x: &Tensor,
    w: &Tensor,
    noise: Option<&Tensor>,
    config: &GeneratorConfig,
) -> Result<Tensor> {
    let get = |name: &str| vars[&format!("synthesis.layer{layer}.{name}")].as_tensor();
    let weight = get("weight");
    let (channels, inputs, ..) = weight.dims4()?;
    let column = |values: &Tensor| values.reshape(((), channels, 1, 1));
    let (batch, _, height, width) = x.dims4()?;
    let twice = (batch, inputs, height, 2, width, 2);
    let x = x.reshape((batch, inputs, height, 1, width, 1))?.broadcast_as(twice)?;
    let x = x.reshape((batch, inputs, 2 * height, 2 * width))?;
    let x = x.conv2d(&(weight * (2.0 / (9 * inputs) as f64).sqrt())?, 1, 1, 1, 1)?;
    let x = x.broadcast_add(&column(get("bias"))?)?;
    let filter = Tensor::new(&[[1f64, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], &Device::Cpu)?;
    let filter = (filter / 16.0)?.reshape((1, 1, 3, 3))?;
    let x = x.reshape((batch * channels, 1, 2 * height, 2 * width))?.conv2d(&filter, 1, 1, 1, 1)?;
    let mut x = x.reshape((batch, channels, 2 * height, 2 * width))?;
    if let Some(noise) = noise {
        x = x.broadcast_add(&noise.broadcast_mul(&column(get("noise_strength"))?)?)?;
    }
    let x = (x.relu()? - (x.neg()?.relu()? * 0.2)?)?;
    let mean_of = |x: &Tensor| x.mean_keepdim(D::Minus1)?.mean_keepdim(D::Minus2);
    let x = x.broadcast_sub(&mean_of(&x)?)?;
    let x = x.broadcast_div(&(mean_of(&x.sqr()?)? + config.norm_epsilon)?.sqrt()?)?;
    let style_weight = (get("style_weight") / (config.w_dim as f64).sqrt())?;
    let style = w.matmul(&style_weight.t()?)?.broadcast_add(get("style_bias"))?;
    let (scale, shift) = (style.narrow(1, 0, channels)?, style.narrow(1, channels, channels)?);
    x.broadcast_mul(&(column(&scale)? + 1.0)?)?.broadcast_add(&column(&shift)?)
}

/// Layer 4 of a network, which doubles the side, and its gradients against the same by candle's own operations.
fn assert_is_plain(config: &GeneratorConfig, noise: &Noise, image: Option<&Tensor>) -> Result<()> {
    let (vars, generator) = build(config)?;
    let layer: &SynthesisLayer = &generator.synthesis().layers()[4];
    let x = Var::from_tensor(&normal("x", &[BATCH, config.feature_maps(8), 8, 8]))?;
    let w = Var::from_tensor(&normal("w", &[BATCH, config.w_dim]))?;
    let y = layer.forward(&x, &w, noise)?;
    let expected = plain(&vars, 4, &x, &w, image, config)?;
    assert_close("the result", &y, &expected);
    let cotangent = normal("cotangent", y.dims());
    let gradients = |y: Tensor| backward(&(y * &cotangent)?.sum_all()?);
    let (actual, expected) = (gradients(y)?, gradients(expected)?);
    assert_close("the gradient of x", actual.get(&x).unwrap(), expected.get(&x).unwrap());
    assert_close("the gradient of w", actual.get(&w).unwrap(), expected.get(&w).unwrap());
    let mut count = 0;
    for (name, var) in vars.iter().filter(|(name, _)| name.starts_with("synthesis.layer4.")) {
        assert_eq!(actual.get(var).is_some(), expected.get(var).is_some(), "{name}");
        if let (Some(actual), Some(expected)) = (actual.get(var), expected.get(var)) {
            assert_close(name, actual, expected);
            count += 1;
        }
    }
    // Weight and bias of convolution and style, and the strength of the noise if there is some.
    assert_eq!(count, if image.is_some() { 5 } else { 4 });
    Ok(())
}

#[test]
fn a_bias_before_the_blur_is_dimmed_at_the_border() -> Result<()> {
    let images: Vec<Tensor> = (0..5).map(|_| normal("image", &[BATCH, 1, 16, 16])).collect();
    assert_is_plain(&different(), &Noise::Given(images.clone()), Some(&images[4]))?;
    assert_is_plain(&different(), &Noise::None, None)?;
    assert_is_plain(&GeneratorConfig { noise: false, ..different() }, &Noise::Const, None)
}

#[test]
fn the_fused_layer_has_the_epsilon_of_the_network() -> Result<()> {
    let config = GeneratorConfig { bias_before_blur: false, ..different() };
    let (vars, generator) = build(&config)?;
    // Without a bias there is none to be dimmed.
    let bias = &vars["synthesis.layer4.bias"];
    bias.set(&bias.zeros_like()?)?;
    let image = normal("image", &[1, 1, 16, 16]);
    let (x, w) = (normal("x", &[BATCH, config.feature_maps(8), 8, 8]), normal("w", &[BATCH, config.w_dim]));
    let y = generator.synthesis().layers()[4].forward(&x, &w, &Noise::Given(vec![image.clone(); 5]))?;
    assert_close("the result", &y, &plain(&vars, 4, &x, &w, Some(&image), &config)?);
    Ok(())
}

#[test]
fn both_layers_of_a_side_add_one_image() -> Result<()> {
    let (vars, generator) = build(&different())?;
    let z = generator.latents(&[1, 2, 3], SeedStyle::Native)?;
    let draw = |noise: &Noise| generator.draw(&z, None, 0.0, Truncation::OFF, noise);
    let side = |layer: usize| 4 << (layer / 2);

    // The image of a second layer may be of any shape: nobody looks at it.
    let key = Key::new("noise", &[]);
    let images = |batch: usize, of: &dyn Fn(usize) -> Result<Tensor>| -> Result<Noise> {
        let unused = Tensor::zeros((batch, 1, 1, 1), DType::F64, &Device::Cpu)?;
        let image = |layer: usize| if layer.is_multiple_of(2) { of(layer) } else { Ok(unused.clone()) };
        Ok(Noise::Given((0..6).map(image).collect::<Result<_>>()?))
    };
    let drawn = images(BATCH, &|layer| {
        let shape = (BATCH, 1, side(layer), side(layer));
        key.child("layer", layer as u64).normal(shape, DType::F64, &Device::Cpu)
    })?;
    assert_close("random noise", &draw(&Noise::Random(key))?, &draw(&drawn)?);

    // A second layer alone adds it as well.
    let second = draw(&Noise::InLayers(3..4, Box::new(Noise::Const)))?;
    assert!((second - draw(&Noise::None)?)?.abs()?.max_all()?.to_scalar::<f64>()? > 1e-3);

    let stored = |layer: usize| &vars[&format!("synthesis.layer{layer}.noise_const")];
    let stored_images = images(1, &|layer| stored(layer).as_tensor().copy())?;
    let before = draw(&Noise::Const)?;
    assert_close("stored noise", &before, &draw(&stored_images)?);
    stored(3).set(&stored(3).zeros_like()?)?;
    assert_close("another image of a second layer", &draw(&Noise::Const)?, &before);
    Ok(())
}

#[test]
fn such_a_network_trains() -> Result<()> {
    let (vars, generator) = build(&different())?;
    let z = generator.latents(&[1, 2, 3], SeedStyle::Native)?;
    let pictures = generator.draw(&z, None, 0.0, Truncation::OFF, &Noise::Random(Key::new("noise", &[])))?;
    let cotangent = normal("cotangent", pictures.dims());
    let loss = |pictures: Tensor| (pictures * &cotangent)?.sum_all();
    let gradients = backward(&loss(pictures)?)?;
    // All but the layers of color that only smaller pictures pass.
    let unused = |name: &str| name.starts_with("synthesis.to_rgb_") && !name.contains("to_rgb_16");
    for (name, var) in vars.iter().filter(|(name, _)| !is_buffer(name) && !unused(name)) {
        let gradient = gradients.get(var).unwrap_or_else(|| panic!("`{name}` has no gradient"));
        let direction = normal("direction", var.dims());
        let slope = (gradient * &direction)?.sum_all()?.to_scalar::<f64>()?;
        let (start, step) = (var.as_tensor().copy()?, 1e-6);
        let at = |step: f64| -> Result<f64> {
            var.set(&(&start + (&direction * step)?)?)?;
            let noise = Noise::Random(Key::new("noise", &[]));
            loss(generator.draw(&z, None, 0.0, Truncation::OFF, &noise)?)?.to_scalar()
        };
        let expected = (at(step)? - at(-step)?) / (2.0 * step);
        var.set(&start)?;
        let error = (slope - expected).abs() / expected.abs().max(1.0);
        assert!(error < 1e-5, "`{name}`: {slope} and should be {expected}");
    }
    Ok(())
}

/// The same weights by the formulas of the program that they come from, and by the original's.
#[test]
fn a_network_of_another_program_draws_its_pictures() -> Result<()> {
    let golden = TestDevice::cpu(DType::F32).golden("d_compatibility");
    let (z_dim, width) = (golden.get("z").dim(1)?, golden.get("gen.synthesis.layer0.bias").dim(0)?);
    let original = GeneratorConfig {
        resolution: 16.into(),
        z_dim,
        w_dim: z_dim,
        mapping_fmaps: z_dim,
        widths: Widths { fmap_max: width, ..Widths::default() },
        ..GeneratorConfig::default()
    };
    let other = GeneratorConfig {
        norm_epsilon: 1e-5,
        bias_before_blur: true,
        noise_per_block: true,
        ..original.clone()
    };
    for (config, name) in [(original, "image_16_after_conversion"), (other, "image_16")] {
        let parameters = Parameters::new(Key::new("overwritten", &[]));
        let generator = Generator::new(&config, &parameters.builder(DType::F32, &Device::Cpu))?;
        let mut values = golden.weights("gen.");
        for (name, var) in parameters.vars().into_iter().filter(|(name, _)| name.ends_with("noise_const")) {
            values.insert(name, var.as_tensor().copy()?);
        }
        parameters.assign(&values)?;
        let w = generator.mapping().forward(&golden.get("z"), None)?;
        golden.assert_close("w", &w);
        let pictures = generator.synthesis().forward(&generator.broadcast(&w)?, 0.0, &Noise::None)?;
        golden.assert_close(name, &pictures);
    }
    Ok(())
}
