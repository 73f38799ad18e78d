//! A training step on a GPU against the same step on the CPU: both start with the same values and draw the same numbers.
#![cfg(feature = "cuda")]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var};
use stylegan_golden::{Closeness, TestDevice, on_gpu};
use stylegan_ops::cuda::{allow_tf32, open};
use stylegan_ops::{Key, RandomTensors, backward};
use stylegan_trainer::{
    CriticBatch, Draws, Layout, LossKind, Precision, Report, Settings, TrainConfig, Trainer, process_reals,
};

const BATCH: usize = 4;

/// What a step consists of: losses and scores, and the gradients of both networks.
struct Step {
    numbers: Vec<(&'static str, f64)>,
    gradients: Vec<(String, Tensor)>,
}

/// The networks of the preset `faces-64`, in the middle of a fade to their full size, or behind it; off their first values,
/// since noise that has no strength yet leaves the constant's instance norm without a deviation to divide by.
fn step(kind: LossKind, lod: f64, precision: Precision, layout: Layout, device: &Device) -> Result<Step> {
    let mut config = TrainConfig::load(Some("faces-64"), &[]).unwrap();
    config.loss.kind = kind;
    (config.device.precision, config.device.layout) = (precision, layout);
    let resolution = config.generator.resolution;
    let draws = |purpose| Draws::new(Key::new(purpose, &[0]), &config, BATCH, lod, DType::F32, device);
    let (d_draws, g_draws) = (draws("critic step")?, draws("generator step")?);
    let pixels = Key::new("pictures", &[]).uniform_tensor(
        (BATCH, 3, resolution.height, resolution.width),
        DType::F32,
        &Device::Cpu,
    )?;
    let pixels_u8 = (pixels * 255.0)?.to_dtype(DType::U8)?.to_device(device)?;
    let reals = process_reals(&pixels_u8, lod, DType::F32)?;
    let fakes = process_reals(&pixels_u8.flip(&[3])?, lod, DType::F32)?;
    let mix = config.loss.chosen().draw(&|purpose| Key::new(purpose, &[]), BATCH, DType::F32, device)?;

    let mut trainer = Trainer::new(config, DType::F32, device)?;
    for parameters in [&trainer.networks().g, &trainer.networks().d] {
        for (name, var) in parameters.vars() {
            let off = Key::new(&name, &[]).normal(var.shape(), DType::F32, device)?;
            var.set(&(var.as_tensor() + (off * 0.1)?)?)?;
        }
    }
    let batch = CriticBatch { reals: &reals, fakes: &fakes, drawn: mix.as_ref(), labels: None, lod };
    let critic = trainer.critic_loss(batch, &mut Report::default())?.mean_all()?;
    let g_loss =
        |trainer: &Trainer| trainer.generator_loss(&g_draws, None, lod, &mut Report::default())?.mean_all();
    let generator = g_loss(&trainer)?;
    let mut gradients = Vec::new();
    let networks = trainer.networks();
    for (prefix, vars, loss) in [("d", networks.d.vars(), critic), ("g", networks.g.vars(), generator)] {
        collect(prefix, &vars, &backward(&loss)?, &mut gradients)?;
    }

    let settings = Settings { lod, resolution, batch: BATCH, g_lrate: 0.001, d_lrate: 0.001 };
    trainer.enter_level(settings)?;
    let (d_loss, report) = trainer.critic_step(&reals, None, &d_draws, mix.as_ref(), settings)?;
    // What the critic's step has done shows in the generator's loss.
    let losses = [("d_loss", d_loss), ("g_loss", g_loss(&trainer)?)];
    let number = |x: &Tensor| Ok::<_, candle_core::Error>(f64::from(x.mean_all()?.to_scalar::<f32>()?));
    let numbers = losses.iter().map(|(name, value)| (*name, value)).chain(report.numbers());
    let numbers = numbers.map(|(name, value)| Ok((name, number(value)?))).collect::<Result<_>>()?;
    Ok(Step { numbers, gradients })
}

fn collect(
    prefix: &str,
    vars: &[(String, Var)],
    found: &GradStore,
    all: &mut Vec<(String, Tensor)>,
) -> Result<()> {
    for (name, var) in vars {
        if let Some(gradient) = found.get(var) {
            all.push((format!("{prefix}.{name}"), gradient.to_device(&Device::Cpu)?.flatten_all()?));
        }
    }
    Ok(())
}

fn length(x: &Tensor) -> Result<f64> {
    x.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>().map(f64::sqrt)
}

fn a_step_is_that_of_the_cpu(on: &TestDevice) -> Result<()> {
    // Of numbers, and of the gradients of one tensor.
    let (precision, numbers, gradients) = match on.closeness {
        // Where a feature is as near to zero as rounding, the two may differ in its sign, and in the gradient behind it.
        Closeness::Entries(_) => (Precision::F32, 1e-3, 5e-3),
        Closeness::Length { values, derivatives } => (Precision::Tf32, values, derivatives),
    };
    let (nchw, nhwc) = (Layout::Nchw, Layout::Nhwc);
    for (kind, lod, layout) in [
        (LossKind::WganGp, 0.0, nchw),
        (LossKind::WganGp, 0.6, nchw),
        (LossKind::WganGp, 0.6, nhwc),
        (LossKind::LogisticR1, 0.0, nchw),
        (LossKind::LogisticR1, 0.0, nhwc),
    ] {
        let actual = step(kind, lod, precision, layout, &on.device)?;
        let expected = step(kind, lod, precision, nchw, &Device::Cpu)?;
        for ((name, actual), (_, expected)) in actual.numbers.iter().zip(&expected.numbers) {
            let difference = (actual - expected).abs();
            assert!(
                difference <= numbers * expected.abs().max(1.0),
                "{kind:?} at {lod}: `{name}` is {actual} and should be {expected}"
            );
        }
        assert_eq!(actual.gradients.len(), expected.gradients.len());
        let longest = expected.gradients.iter().map(|(_, gradient)| length(gradient));
        let longest = longest.collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
        for ((name, actual), (_, expected)) in actual.gradients.iter().zip(&expected.gradients) {
            let difference = length(&(actual - expected)?)?;
            // Some gradients are zero up to rounding, such as that of a bias which a norm takes out again.
            let bound = gradients * (length(expected)? + 1e-3 * longest);
            assert!(
                difference <= bound,
                "{kind:?} at {lod}: the gradient of `{name}` is {difference} off, more than {bound}"
            );
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs a CUDA device"]
fn a_step_on_a_gpu_is_that_of_the_cpu() -> Result<()> {
    on_gpu(open, allow_tf32, &[DType::F32], a_step_is_that_of_the_cpu)
}
