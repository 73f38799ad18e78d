//! The critic's derivatives of first and second order in float64 against finite differences.

use candle_core::{DType, Device, Result, Tensor, Var};
use stylegan_discriminator::{Critic, CriticConfig, CriticSwitches};
use stylegan_ops::{Key, Level, Parameters, RandomTensors, Resolution, Widths, backward};

/// Half the distance between the two points of a difference: large enough for float64, and so small that no
/// activation crosses the kink of the leaky `ReLU` between them.
const STEP: f64 = 1e-6;

struct Case {
    name: &'static str,
    config: CriticConfig,
    batch: usize,
    lod: f64,
}

/// 16 pixels with 5, 6 and 8 feature maps, the last layer with 10.
fn small() -> CriticConfig {
    CriticConfig {
        resolution: 16.into(),
        widths: Widths { fmap_base: 10, fmap_decay: 0.3, fmap_max: 512 },
        ..CriticConfig::default()
    }
}

fn cases() -> Vec<Case> {
    let case = |name, config, batch, lod| Case { name, config, batch, lod };
    let usual = CriticSwitches::default();
    let switched = |switches| CriticConfig { switches, ..small() };
    let stddev = |group, features| {
        switched(CriticSwitches { mbstd_group_size: group, mbstd_num_features: features, ..usual })
    };
    let shaped = |width, height, num_channels| CriticConfig {
        resolution: Resolution { width, height },
        num_channels,
        ..small()
    };
    vec![
        case("full size", small(), 4, 0.0),
        case("fading to full size", small(), 4, 0.4),
        case("fading at half size", small(), 4, 1.7),
        case("the smallest side", small(), 4, 2.0),
        case("two groups of three", stddev(3, 1), 6, 0.3),
        case("two features, two groups of two", stddev(2, 2), 4, 0.6),
        case("two features, smaller batch than group", stddev(4, 2), 3, 1.2),
        case("no stddev", stddev(1, 1), 3, 0.3),
        case("labels", CriticConfig { label_dim: 3, ..small() }, 4, 0.3),
        case("no blur", switched(CriticSwitches { blur: false, ..usual }), 4, 0.3),
        case("wide, fading in", shaped(16, 12, 4), 4, 0.4),
        case("wide, the smallest", shaped(16, 12, 3), 4, 2.0),
        case("high, grey", shaped(8, 10, 1), 4, 0.0),
        case("high, fading at half size", shaped(12, 16, 1), 4, 1.7),
        case("wide, the smallest is 16x9", shaped(32, 18, 3), 2, 1.0),
    ]
}

struct Setup {
    parameters: Parameters,
    critic: Critic,
    pictures: Tensor,
    labels: Option<Tensor>,
    lod: f64,
    repeat: f64,
}

fn normal(purpose: &str, of: &str, shape: &[usize]) -> Result<Tensor> {
    Key::new(purpose, &[]).child(of, 0).normal(shape, DType::F64, &Device::Cpu)
}

impl Setup {
    fn new(case: &Case) -> Result<Self> {
        let parameters = Parameters::new(Key::new("init", &[2]));
        let critic = Critic::new(&case.config, &parameters.builder(DType::F64, &Device::Cpu))?;
        for (name, var) in parameters.vars().iter().filter(|(name, _)| name.ends_with("bias")) {
            var.set(&(normal("bias", name, var.dims())? * 0.3)?)?;
        }
        let level = Level::new(case.config.resolution, case.lod)?;
        let Resolution { width, height } = level.resolution;
        let labels = match case.config.label_dim {
            0 => None,
            // Not only zeros and ones: the product with the scores must be right, too.
            count => Some(normal("labels", case.name, &[case.batch, count])?),
        };
        Ok(Self {
            parameters,
            critic,
            pictures: normal("pictures", case.name, &[case.batch, case.config.num_channels, height, width])?,
            labels,
            lod: case.lod,
            repeat: level.pixel_repeat as f64,
        })
    }

    fn scores(&self, pictures: &Tensor) -> Result<Tensor> {
        self.critic.forward(pictures, self.lod, self.labels.as_ref())
    }

    fn input_gradient(&self, pictures: &Tensor) -> Result<Tensor> {
        self.critic.forward_recorded(pictures, self.lod, self.labels.as_ref())?.1.input_gradient()
    }

    /// `10 · mean((norm of the full-size gradient - 1)²)`
    fn penalty(&self) -> Result<Tensor> {
        let norms = (self.input_gradient(&self.pictures)?.sqr()?.sum((1, 2, 3))?.sqrt()? / self.repeat)?;
        (norms - 1.0)?.sqr()?.mean_all()? * 10.0
    }
}

fn number(x: &Tensor) -> Result<f64> {
    x.to_scalar()
}

/// The derivative of `f` at 0 by a central difference.
fn slope(mut f: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    Ok((f(STEP)? - f(-STEP)?) / (2.0 * STEP))
}

#[test]
fn input_gradient_against_differences_of_the_scores() -> Result<()> {
    for case in cases() {
        let setup = Setup::new(&case)?;
        let gradient = setup.input_gradient(&setup.pictures)?;
        // One sample at a time, so that no sample's error hides behind another's.
        for sample in 0..case.batch {
            let mut only = vec![0f64; case.batch];
            only[sample] = 1.0;
            let only = Tensor::from_vec(only, (case.batch, 1, 1, 1), &Device::Cpu)?;
            let direction = normal("direction", case.name, setup.pictures.dims())?.broadcast_mul(&only)?;
            let measured =
                slope(|t| number(&setup.scores(&(&setup.pictures + (&direction * t)?)?)?.sum_all()?))?;
            let expected = number(&(&gradient * &direction)?.sum_all()?)?;
            let off = (measured - expected).abs() / expected.abs();
            assert!(off < 1e-6, "{}, sample {sample}: {measured} against {expected}", case.name);
        }
        // And every entry against candle's own backward pass.
        let pictures = Var::from_tensor(&setup.pictures)?;
        let backward = backward(&setup.scores(&pictures)?.sum_all()?)?;
        let off = number(&(backward.get(&pictures).unwrap() - gradient)?.abs()?.max_all()?)?;
        assert!(off < 1e-12, "{}: {off}", case.name);
    }
    Ok(())
}

#[test]
fn second_order_against_differences_of_the_penalty() -> Result<()> {
    for case in cases() {
        let setup = Setup::new(&case)?;
        let gradients = backward(&setup.penalty()?)?;
        let mut with_gradient = 0;
        for (name, var) in setup.parameters.vars() {
            let start = var.as_tensor().copy()?;
            let direction = normal("direction", &name, var.dims())?;
            let measured = slope(|t| {
                var.set(&(&start + (&direction * t)?)?)?;
                number(&setup.penalty()?)
            })?;
            var.set(&start)?;
            let expected = match gradients.get(&var) {
                Some(gradient) => number(&(gradient * &direction)?.sum_all()?)?,
                None => 0.0,
            };
            // The penalty itself is of order 10, so its differences carry rounding of about 1e-9.
            let off = (measured - expected).abs() / expected.abs().max(1e-2);
            assert!(off < 1e-6, "{}, `{name}`: {measured} against {expected}", case.name);
            with_gradient += usize::from(expected != 0.0);
        }
        assert!(with_gradient >= 4, "{}: only {with_gradient} parameters have a gradient", case.name);
    }
    Ok(())
}
