//! The critic against the numbers of an independent implementation.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use candle_core::{Result, Tensor, Var};
use stylegan_discriminator::{Critic, CriticConfig, CriticSwitches};
use stylegan_golden::{Golden, TestDevice};
use stylegan_ops::{Key, Level, Parameters, Resolution, Widths, backward};

fn config(golden: &Golden) -> CriticConfig {
    let golden_config = golden.config();
    let (width, height) = golden_config.size();
    CriticConfig {
        resolution: Resolution { width, height },
        num_channels: golden_config.num_channels,
        label_dim: golden_config.label_size,
        widths: Widths {
            fmap_base: golden_config.fmap_base,
            fmap_decay: golden_config.fmap_decay,
            fmap_max: golden_config.fmap_max,
        },
        switches: CriticSwitches {
            mbstd_group_size: golden_config.mbstd_group_size,
            mbstd_num_features: golden_config.mbstd_num_features,
            ..CriticSwitches::default()
        },
    }
}

fn load(golden: &Golden) -> Result<(Parameters, Critic)> {
    let TestDevice { dtype, device, .. } = golden.test_device();
    let parameters = Parameters::new(Key::new("overwritten", &[]));
    let critic = Critic::new(&config(golden), &parameters.builder(*dtype, device))?;
    parameters.assign(&golden.weights("critic."))?;
    Ok((parameters, critic))
}

/// The critic of this prefix.
fn network(on: &TestDevice, prefix: &str) -> Result<(Parameters, Critic)> {
    load(&on.golden(&format!("{prefix}_weights")))
}

/// The files of a loss: a narrow 32-pixel network, a 16-pixel one with no two widths equal, and two that are not square and
/// have four channels and one.
fn files(loss: &str) -> Vec<String> {
    let of = |prefix: &str| ["lod0", "fade"].map(|at| format!("{prefix}_{loss}_{at}"));
    ["a", "b", "e", "f"].into_iter().flat_map(of).collect()
}

/// The norm of each sample's gradient, `[batch]`.
fn norms(gradient: &Tensor) -> Result<Tensor> {
    gradient.sqr()?.sum((1, 2, 3))?.sqrt()
}

fn scores_and_input_gradients_at_every_level_of_detail(on: &TestDevice) -> Result<()> {
    for (prefix, cases) in [("a", 7), ("b", 5), ("e", 5), ("f", 5)] {
        let (_, critic) = network(on, prefix)?;
        let golden = on.golden(&format!("{prefix}_critic_lods"));
        for case in 0..cases {
            let name = |part: &str| format!("case{case}.{part}");
            let lod = golden.scalar(&name("lod"));
            let level = Level::new(critic.config().resolution, lod)?;
            let at_full_size =
                if golden.contains(&name("images")) { name("images") } else { "images_full".into() };
            let pictures = Var::from_tensor(&golden.get(&at_full_size))?;
            golden.assert_close(&name("scores"), &critic.forward(&pictures, lod, None)?);
            let (scores, recording) = critic.forward_recorded(&pictures, lod, None)?;
            golden.assert_close(&name("scores"), &scores);
            let gradient = recording.input_gradient()?;
            golden.assert_close(&name("input_grad"), &gradient);
            let norms = norms(&gradient)?;
            golden.assert_close(&name("grad_norm_native"), &norms);
            golden.assert_close(&name("grad_norm_fullsize"), &(norms / level.pixel_repeat as f64)?);
            // The generator's step takes the same gradient from an ordinary backward pass.
            let gradients = backward(&scores.sum_all()?)?;
            golden.assert_close(&name("input_grad"), gradients.get(&pictures).unwrap());
        }
        assert!(!golden.contains(&format!("case{cases}.lod")));
    }
    Ok(())
}

fn gradient_penalty_and_its_gradient_for_every_weight(on: &TestDevice) -> Result<()> {
    for file in files("gp") {
        let file = &file;
        let (parameters, critic) = network(on, &file[..1])?;
        let golden = on.golden(file);
        let lod = golden.scalar("lod");
        let level = Level::new(critic.config().resolution, lod)?;
        let (reals, fakes) = (golden.get("reals"), golden.get("fakes"));
        let mixed = (&reals + (fakes - &reals)?.broadcast_mul(&golden.get("mix"))?)?;
        golden.assert_close("mixed_images", &mixed);
        let (scores, recording) = critic.forward_recorded(&mixed, lod, None)?;
        golden.assert_close("mixed_scores", &scores);
        let gradient = recording.input_gradient()?;
        golden.assert_close("mixed_input_grad", &gradient);
        let norms = (norms(&gradient)? / level.pixel_repeat as f64)?;
        golden.assert_close("mixed_norms", &norms);
        let penalty = (norms - 1.0)?.sqr()?;
        golden.assert_close("penalty", &penalty);
        let loss = (penalty.mean_all()? * 10.0)?;
        golden.assert_close("loss", &loss);
        golden.assert_gradients("grad.critic.", &parameters.vars(), &backward(&loss)?);
    }
    Ok(())
}

/// Both orders of derivative in one loss, as a training step has them.
fn complete_critic_losses_and_their_gradients(on: &TestDevice) -> Result<()> {
    for file in files("wgan_gp") {
        let file = &file;
        let (parameters, critic) = network(on, &file[..1])?;
        let golden = on.golden(file);
        let lod = golden.scalar("lod");
        let repeat = Level::new(critic.config().resolution, lod)?.pixel_repeat as f64;
        let (reals, fakes) = (golden.get("reals"), golden.get("fakes"));
        let mixed = (&reals + (&fakes - &reals)?.broadcast_mul(&golden.get("mix"))?)?;
        let (real, fake) = (critic.forward(&reals, lod, None)?, critic.forward(&fakes, lod, None)?);
        let (_, recording) = critic.forward_recorded(&mixed, lod, None)?;
        let penalty = ((norms(&recording.input_gradient()?)? / repeat)? - 1.0)?.sqr()?;
        let loss = ((fake - &real)? + ((penalty * 10.0)? + (real.sqr()? * 0.001)?)?)?;
        golden.assert_close("d_loss_per_sample", &loss);
        golden.assert_gradients("grad.critic.", &parameters.vars(), &backward(&loss.mean_all()?)?);
    }
    for file in files("r1") {
        let file = &file;
        let (parameters, critic) = network(on, &file[..1])?;
        let golden = on.golden(file);
        let lod = golden.scalar("lod");
        let repeat = Level::new(critic.config().resolution, lod)?.pixel_repeat as f64;
        let softplus = |x: &Tensor| (x.exp()? + 1.0)?.log();
        let fake = critic.forward(&golden.get("fakes"), lod, None)?;
        let (real, recording) = critic.forward_recorded(&golden.get("reals"), lod, None)?;
        let penalty = (recording.input_gradient()?.sqr()?.sum((1, 2, 3))? / repeat.powi(2))?;
        golden.assert_close("d_r1", &penalty);
        let loss = (softplus(&fake)? + (softplus(&real.neg()?)? + (penalty * 5.0)?)?)?;
        golden.assert_close("d_loss_per_sample", &loss);
        golden.assert_gradients("grad.critic.", &parameters.vars(), &backward(&loss.mean_all()?)?);
    }
    Ok(())
}

/// A critic with three labels whose second score is the golden one.
fn a_label_chooses_its_score(on: &TestDevice) -> Result<()> {
    for prefix in ["a", "b"] {
        let weights = on.golden(&format!("{prefix}_weights"));
        let golden = on.golden(&format!("{prefix}_critic_lods"));
        let parameters = Parameters::new(Key::new("other labels", &[]));
        let labeled = CriticConfig { label_dim: 3, ..config(&weights) };
        let critic = Critic::new(&labeled, &parameters.builder(on.dtype, &on.device))?;
        let mut values = weights.weights("critic.");
        for name in ["block_4.dense1.weight", "block_4.dense1.bias"] {
            let others = (&values[name] * -2.5)?;
            let rows = Tensor::cat(&[&others, &values[name], &others], 0)?;
            values.insert(name.to_owned(), rows);
        }
        parameters.assign(&values)?;
        let pictures = golden.get("images_full");
        let labels =
            Tensor::new(&[0f32, 1.0, 0.0], &on.device)?.expand((pictures.dim(0)?, 3))?.contiguous()?;
        let (scores, recording) = critic.forward_recorded(&pictures, 0.0, Some(&labels))?;
        golden.assert_close("case0.scores", &scores);
        golden.assert_close("case0.input_grad", &recording.input_gradient()?);
    }
    Ok(())
}

fn one_picture_at_128_pixels(on: &TestDevice) -> Result<()> {
    let golden = on.golden("c_forward");
    let (_, critic) = load(&golden)?;
    let (scores, recording) = critic.forward_recorded(&golden.get("critic_images"), 0.0, None)?;
    golden.assert_close("scores", &scores);
    golden.assert_close("input_grad", &recording.input_gradient()?);
    Ok(())
}

stylegan_golden::tests! {
    F32:
    scores_and_input_gradients_at_every_level_of_detail,
    gradient_penalty_and_its_gradient_for_every_weight,
    complete_critic_losses_and_their_gradients,
    a_label_chooses_its_score,
    one_picture_at_128_pixels,
}
