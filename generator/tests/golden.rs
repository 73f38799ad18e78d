//! The generator against the numbers of an independent implementation.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use candle_core::{Result, Tensor, Var};
use stylegan_generator::{Generator, GeneratorConfig, Noise, Truncation, is_buffer, mix_styles};
use stylegan_golden::{Golden, TestDevice};
use stylegan_ops::{Key, Parameters, Resolution, Widths, backward};

/// A narrow 32-pixel network, and a 16-pixel one with no two widths equal and fused up-convolutions.
const NETWORKS: [&str; 2] = ["a", "b"];
/// These, and networks that are not square and have one or four channels.
const ALL_SHAPES: [&str; 4] = ["a", "b", "e", "f"];

fn config(golden: &Golden) -> GeneratorConfig {
    let golden_config = golden.config();
    let (width, height) = golden_config.size();
    GeneratorConfig {
        resolution: Resolution { width, height },
        num_channels: golden_config.num_channels,
        z_dim: golden_config.latent_size,
        w_dim: golden_config.dlatent_size,
        mapping_layers: golden_config.mapping_layers,
        mapping_fmaps: golden_config.mapping_fmaps,
        mapping_lrmul: golden_config.mapping_lrmul,
        label_dim: golden_config.label_size,
        widths: Widths {
            fmap_base: golden_config.fmap_base,
            fmap_decay: golden_config.fmap_decay,
            fmap_max: golden_config.fmap_max,
        },
        ..GeneratorConfig::default()
    }
}

fn load(golden: &Golden) -> Result<(Parameters, Generator)> {
    let TestDevice { dtype, device, .. } = golden.test_device();
    let parameters = Parameters::new(Key::new("overwritten", &[]));
    let generator = Generator::new(&config(golden), &parameters.builder(*dtype, device))?;
    parameters.assign(&golden.weights("gen."))?;
    Ok((parameters, generator))
}

/// The network of this prefix.
fn network(on: &TestDevice, prefix: &str) -> Result<(Parameters, Generator)> {
    load(&on.golden(&format!("{prefix}_weights")))
}

/// The trainable variables whose name starts with `prefix`, by the rest of the name.
fn trainable(parameters: &Parameters, prefix: &str) -> Vec<(String, Var)> {
    let vars = parameters.vars().into_iter().filter(|(name, _)| !is_buffer(name));
    vars.filter_map(|(name, var)| Some((name.strip_prefix(prefix)?.to_owned(), var))).collect()
}

/// The noise image of every layer that has one, by names like `noise.0`.
fn given_noise(golden: &Golden) -> Noise {
    let names = (0..).map(|layer| format!("noise.{layer}"));
    Noise::Given(names.take_while(|name| golden.contains(name)).map(|name| golden.get(&name)).collect())
}

/// The same noise image, whatever the layer up to `layer`.
fn noise_for(layer: usize, image: Tensor) -> Noise {
    Noise::Given(vec![image; layer + 1])
}

fn mapping_and_its_gradients(on: &TestDevice) -> Result<()> {
    for prefix in NETWORKS {
        let (parameters, generator) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_mapping"));
        let z = Var::from_tensor(&golden.get("z"))?;
        let w = generator.mapping().forward(&z, None)?;
        golden.assert_close("w", &w);
        let gradients = backward(&(w * golden.get("w_cotangent"))?.sum_all()?)?;
        golden.assert_close("z_grad", gradients.get(&z).unwrap());
        golden.assert_gradients("grad.", &trainable(&parameters, "mapping."), &gradients);
    }
    Ok(())
}

/// A network with labels that must compute the same w: each sample's label is embedded as that sample's own z, which
/// leaves the mean square as it is, and the first layer's weight is shared out between the two halves of its input.
fn mapping_with_labels(on: &TestDevice) -> Result<()> {
    for prefix in NETWORKS {
        let weights = on.golden(&format!("{prefix}_weights"));
        let golden = on.golden(&format!("{prefix}_mapping"));
        let z = golden.get("z");
        let batch = z.dim(0)?;
        let parameters = Parameters::new(Key::new("overwritten", &[]));
        let labeled = GeneratorConfig { label_dim: batch, ..config(&weights) };
        let generator = Generator::new(&labeled, &parameters.builder(on.dtype, &on.device))?;
        let mut values = weights.weights("gen.");
        // Twice the inputs divide the run-time weight by the root of 2.
        let first = (&values["mapping.dense0.weight"] * 2f64.sqrt())?;
        let shared = Tensor::cat(&[(&first * 0.3)?, (&first * 0.7)?], 1)?;
        values.insert("mapping.dense0.weight".to_owned(), shared);
        values.insert("mapping.label_embed".to_owned(), z.clone());
        parameters.assign(&values)?;
        let labels = Tensor::eye(batch, on.dtype, &on.device)?;
        golden.assert_close("w", &generator.mapping().forward(&z, Some(&labels))?);
    }
    Ok(())
}

fn synthesis_layer_by_layer(on: &TestDevice) -> Result<()> {
    for prefix in ALL_SHAPES {
        let (_, generator) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_layers"));
        let w_plus = golden.get("dlatents");
        let synthesis = generator.synthesis();
        let mut x = synthesis.input(&w_plus.get_on_dim(1, 0)?)?;
        for (index, layer) in synthesis.layers().iter().enumerate() {
            let w = w_plus.get_on_dim(1, index)?;
            let noise = noise_for(index, golden.get(&format!("layer{index}.noise")));
            golden.assert_close(&format!("layer{index}.style"), &layer.style(&w)?.unwrap());
            x = layer.forward(&x, &w, &noise)?;
            golden.assert_close(&format!("layer{index}.out"), &x);
        }
        assert!(!golden.contains(&format!("layer{}.out", synthesis.layers().len())));
    }
    Ok(())
}

fn gradients_of_single_layers(on: &TestDevice) -> Result<()> {
    for prefix in NETWORKS {
        let (parameters, generator) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_layer_grads"));
        let mut seen = 0;
        for (index, layer) in generator.synthesis().layers().iter().enumerate() {
            let name = |part: &str| format!("layer{index}.{part}");
            if !golden.contains(&name("y")) {
                continue;
            }
            seen += 1;
            let (x, w) =
                (Var::from_tensor(&golden.get(&name("x")))?, Var::from_tensor(&golden.get(&name("w")))?);
            let noise = noise_for(index, golden.get(&name("noise")));
            let y = layer.forward(&x, &w, &noise)?;
            golden.assert_close(&name("y"), &y);
            let gradients = backward(&(y * golden.get(&name("dy")))?.sum_all()?)?;
            golden.assert_close(&name("dx"), gradients.get(&x).unwrap());
            golden.assert_close(&name("dw"), gradients.get(&w).unwrap());
            let vars = trainable(&parameters, &format!("synthesis.layer{index}."));
            golden.assert_gradients(&name("grad."), &vars, &gradients);
        }
        assert_eq!(seen, 5, "constant, 4x4, up, plain, largest up");
    }
    Ok(())
}

fn pictures_at_every_level_of_detail(on: &TestDevice) -> Result<()> {
    for (prefix, cases) in [("a", 7), ("b", 5), ("e", 5), ("f", 5)] {
        let (_, generator) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_synthesis_lods"));
        let w_plus = golden.get("dlatents");
        let noise = given_noise(&golden);
        for case in 0..cases {
            let lod = golden.scalar(&format!("case{case}.lod"));
            let pictures = generator.synthesis().forward(&w_plus, lod, &noise)?;
            golden.assert_close(&format!("case{case}.image"), &pictures);
        }
        assert!(!golden.contains(&format!("case{cases}.lod")));
        let const_noise = generator.synthesis().forward(&w_plus, 0.0, &Noise::Const)?;
        golden.assert_close("image_const_noise", &const_noise);
        golden.assert_close("image_zero_noise", &generator.synthesis().forward(&w_plus, 0.0, &Noise::None)?);
    }
    Ok(())
}

fn layers_beyond_the_level_of_detail_need_no_noise(on: &TestDevice) -> Result<()> {
    let (_, generator) = network(on, "b")?;
    let golden = on.golden("b_synthesis_lods");
    let lod = golden.scalar("case3.lod");
    assert!(lod > 1.0 && lod < 2.0);
    let noise = Noise::Given((0..4).map(|layer| golden.get(&format!("noise.{layer}"))).collect());
    let pictures = generator.synthesis().forward(&golden.get("dlatents"), lod, &noise)?;
    golden.assert_close("case3.image", &pictures);
    assert!(generator.synthesis().forward(&golden.get("dlatents"), 0.5, &noise).is_err());
    Ok(())
}

fn truncation(on: &TestDevice) -> Result<()> {
    for prefix in NETWORKS {
        let (_, generator) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_truncation_mixing"));
        let z = golden.get("z");
        let w_plus = generator.broadcast(&generator.mapping().forward(&z, None)?)?;
        for case in 0..7 {
            let truncation = Truncation {
                psi: golden.scalar(&format!("trunc{case}.psi")),
                cutoff: golden.scalar(&format!("trunc{case}.cutoff")) as usize,
            };
            golden.assert_close(&format!("trunc{case}.dlatents"), &generator.truncate(&w_plus, truncation)?);
            let pictures = generator.draw(&z, None, 0.0, truncation, &Noise::Const)?;
            golden.assert_close(&format!("trunc{case}.image"), &pictures);
        }
        assert!(!golden.contains("trunc7.psi"));
    }
    Ok(())
}

fn style_mixing(on: &TestDevice) -> Result<()> {
    for prefix in NETWORKS {
        let (_, generator) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_truncation_mixing"));
        let w_plus = |z: &str| generator.broadcast(&generator.mapping().forward(&golden.get(z), None)?);
        let (first, second) = (w_plus("z")?, w_plus("z2")?);
        for case in 0..4 {
            let cutoff = golden.scalar(&format!("mix{case}.cutoff")) as usize;
            let mixed = mix_styles(&first, &second, cutoff)?;
            golden.assert_close(&format!("mix{case}.dlatents"), &mixed);
            let pictures = generator.synthesis().forward(&mixed, 0.0, &Noise::Const)?;
            golden.assert_close(&format!("mix{case}.image"), &pictures);
        }
        assert!(!golden.contains("mix4.cutoff"));
    }
    Ok(())
}

fn running_mean_of_w(on: &TestDevice) -> Result<()> {
    for prefix in NETWORKS {
        let (parameters, generator) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_truncation_mixing"));
        let w = generator.mapping().forward(&golden.get("z"), None)?;
        generator.track_w_avg(&w, golden.scalar("w_avg_beta"))?;
        golden.assert_close("w_avg_updated", generator.w_avg());
        // The parameter of this name is what a checkpoint saves.
        let (_, w_avg) = parameters.vars().into_iter().find(|(name, _)| name == "w_avg").unwrap();
        golden.assert_close("w_avg_updated", &w_avg);
    }
    Ok(())
}

fn one_picture_of_a_network_fused_at_its_last_resolution(on: &TestDevice) -> Result<()> {
    let golden = on.golden("c_forward");
    let (_, generator) = load(&golden)?;
    let picture = generator.draw(&golden.get("z"), None, 0.0, Truncation::OFF, &Noise::Const)?;
    golden.assert_close("image", &picture);
    Ok(())
}

stylegan_golden::tests! {
    F32:
    mapping_and_its_gradients,
    mapping_with_labels,
    synthesis_layer_by_layer,
    gradients_of_single_layers,
    pictures_at_every_level_of_detail,
    layers_beyond_the_level_of_detail_need_no_noise,
    truncation,
    style_mixing,
    running_mean_of_w,
    one_picture_of_a_network_fused_at_its_last_resolution,
}
