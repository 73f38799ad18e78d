//! Path lengths of a generator.

use candle_core::{Device, Result as TensorResult, Tensor};
use stylegan_base::Key;
use stylegan_generator::{Generator, Noise, Truncation};
use stylegan_metrics::{LooksAt, Mapped, Measure, PathScore};
use stylegan_ops::RandomTensors;
use tracing::field::Empty;

use crate::{Error, Outcome, Result};

/// Pairs that are drawn at a time.
const AT_ONCE: usize = 4;

/// A perceptual distance of two batches `[batch, channels, height, width]` in -1..1, one number a picture.
pub type PerceptualDistance<'a> = dyn Fn(&Tensor, &Tensor) -> TensorResult<Tensor> + 'a;

/// A generator with its level of detail and, where it has labels, that of its pictures.
struct Drawing<'a> {
    generator: &'a Generator,
    lod: f64,
    /// `[1, label_dim]`
    label: Option<&'a Tensor>,
}

impl Mapped for Drawing<'_> {
    fn map(&self, z: &Tensor) -> TensorResult<Tensor> {
        let labels = self.label.map(|label| label.repeat((z.dim(0)?, 1))).transpose()?;
        self.generator.mapping().forward(z, labels.as_ref())
    }

    fn draw(&self, w: &Tensor) -> TensorResult<Tensor> {
        let w_plus = self.generator.broadcast(w)?;
        self.generator.draw_w_plus(&w_plus, self.lod, Truncation::OFF, &Noise::Const)
    }
}

/// A measure of paths, of so many pairs of latents at most; latents are a function of the measure's name and their number.
///
/// # Errors
/// If the measure is none of paths, pictures cannot be compared, or the device fails.
pub fn path_length(
    measure: &'static Measure,
    generator: &Generator,
    lod: f64,
    label: Option<&Tensor>,
    pairs: usize,
    distance: &PerceptualDistance<'_>,
) -> Result<Outcome> {
    let LooksAt::Paths { length, .. } = measure.looks_at else {
        return Err(Error::NotOfPaths { measure: measure.name });
    };
    let start = std::time::Instant::now();
    let failed = |source| Error::Measure { measure: measure.name, source };
    let pairs = pairs.min(measure.fakes);
    let span = tracing::info_span!("walking", total = pairs as u64, done = Empty).entered();
    let drawing = Drawing { generator, lod, label };
    let (dtype, device) = (generator.w_avg().dtype(), generator.w_avg().device());
    let z_dim = generator.config().z_dim;
    let mut lengths = Vec::with_capacity(pairs);
    for first in (0..pairs).step_by(AT_ONCE) {
        let batch = AT_ONCE.min(pairs - first);
        let key = |what: u64| Key::new(measure.name, &[first as u64, what]);
        let latents = |what| key(what).normal((batch, z_dim), dtype, &Device::Cpu)?.to_device(device);
        let found = (|| {
            let t = key(2).uniform_tensor((batch, 1), dtype, &Device::Cpu)?.to_device(device)?;
            length.lengths((&latents(0)?, &latents(1)?), &t, &drawing, distance)
        })();
        lengths.extend(found.map_err(failed)?);
        span.record("done", (first + batch) as u64);
    }
    let PathScore { mean, .. } = PathScore::of(&lengths).map_err(failed)?;
    let elapsed_secs = start.elapsed().as_secs_f64();
    Ok(Outcome {
        measure,
        numbers: vec![(measure.name.to_owned(), mean)],
        reals: 0,
        fakes: pairs,
        elapsed_secs,
    })
}

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use stylegan_generator::GeneratorConfig;
    use stylegan_ops::{Parameters, Widths};

    use super::*;

    #[test]
    fn steps_are_small_enough_and_latents_are_those_of_their_numbers() -> anyhow::Result<()> {
        let widths = Widths { fmap_base: 32, fmap_max: 8, ..Widths::default() };
        let config = GeneratorConfig {
            resolution: 16.into(),
            widths,
            z_dim: 12,
            w_dim: 10,
            ..GeneratorConfig::default()
        };
        let parameters = Parameters::new(Key::new("init", &[0]));
        Generator::new(&config, &parameters.builder(DType::F64, &Device::Cpu))?;
        let generator = Generator::new(&config, &parameters.frozen(DType::F64, &Device::Cpu))?;
        let squares = |a: &Tensor, b: &Tensor| (a - b)?.sqr()?.flatten_from(1)?.mean(1);
        let measure = Measure::of("ppl_wend").unwrap();
        let of = |pairs, distance: &PerceptualDistance<'_>| {
            path_length(measure, &generator, 0.0, None, pairs, distance).map(|outcome| outcome.first())
        };
        let all = of(9, &squares)?;
        assert!(all.is_finite() && all > 0.0);
        assert_eq!(all, of(9, &squares)?);
        // The distance of a picture twice as bright is four times as far.
        let doubled = of(9, &|a, b| squares(&(a * 2.0)?, &(b * 2.0)?))?;
        assert!((doubled / all - 4.0).abs() < 1e-6, "{doubled} against {all}");
        assert!(path_length(Measure::of("swd").unwrap(), &generator, 0.0, None, 9, &squares).is_err());
        Ok(())
    }
}
