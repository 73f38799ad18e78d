//! Perceptual path lengths from latents to the score, through LPIPS, against golden numbers.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::path::Path;

use candle_core::{DType, Device, Result, Tensor};
use serde_json::Value;
use stylegan_features::{Depth, Lpips, PixelRange, Vgg, Weights};
use stylegan_metrics::{Mapped, PathLength, PathPart, PathScore, PathSpace};

type Tensors = HashMap<String, Tensor>;

fn golden(room: &str, file: &str) -> Result<Tensors> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{room}/tests/fixtures/{file}"));
    candle_core::safetensors::load(path, &Device::Cpu)
}

/// `tanh(Σ_k w_k cos(2π(f_k0 i + f_k1 j)/64 + phase_kc)/√8)` at row i, column j and channel c; in `f64`.
struct Waves {
    m: Tensor,
    /// `[8, 3 * 64 * 64]`
    waves: Tensor,
}

impl Waves {
    fn new(golden: &Tensors) -> Result<Self> {
        let of = |name: &str| golden[name].to_dtype(DType::F64)?.to_vec2::<f64>();
        let (frequency, phase) = (of("generator.frequency")?, of("generator.phase")?);
        let mut values = Vec::new();
        for (frequency, phase) in frequency.iter().zip(&phase) {
            for phase in phase {
                for (i, j) in (0..64).flat_map(|i| (0..64).map(move |j| (f64::from(i), f64::from(j)))) {
                    let turns = (frequency[0] * i + frequency[1] * j) / 64.0;
                    values.push((TAU * turns + phase).cos() / 8f64.sqrt());
                }
            }
        }
        let waves = Tensor::from_vec(values, (8, 3 * 64 * 64), &Device::Cpu)?;
        Ok(Self { m: golden["generator.m"].to_dtype(DType::F64)?, waves })
    }
}

impl Mapped for Waves {
    fn map(&self, z: &Tensor) -> Result<Tensor> {
        let n = z.broadcast_div(&(z.sqr()?.mean_keepdim(1)? + 1e-8)?.sqrt()?)?;
        &n + (n.matmul(&self.m.t()?)?.tanh()? * 0.3)?
    }

    fn draw(&self, w: &Tensor) -> Result<Tensor> {
        w.matmul(&self.waves)?.tanh()?.reshape(((), 3, 64, 64))
    }
}

/// LPIPS with the golden trunk of few channels.
fn lpips() -> anyhow::Result<Lpips> {
    let golden = golden("features", "lpips.safetensors")?;
    let trunk = golden
        .iter()
        .filter_map(|(name, tensor)| name.strip_prefix("net.").map(|name| (name.to_owned(), tensor.clone())));
    let mut tensors: Tensors = trunk.collect();
    // (x − shift) / scale of -1..1, as the authors have it, for 0..255.
    let shift = [-0.030, -0.088, -0.188].map(|shift: f32| (shift + 1.0) * 127.5);
    let scale = [0.458, 0.448, 0.450].map(|scale: f32| scale * 127.5);
    for (name, values) in [("colors.mean", shift), ("colors.deviation", scale)] {
        tensors.insert(name.to_owned(), Tensor::new(&values, &Device::Cpu)?);
    }
    let weights = Weights::new(tensors, "golden");
    let trunk = Vgg::with_widths(&weights, Depth::Sixteen, [8, 16, 32, 64, 64])?;
    let linear = (0..5).map(|number| golden[&format!("lin{number}.weight")].clone());
    Ok(Lpips::of_parts(trunk, linear.collect()))
}

#[test]
fn scores_are_those_of_an_independent_implementation() -> anyhow::Result<()> {
    let golden = golden("metrics", "ppl.safetensors")?;
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../metrics/tests/fixtures/expected.json"),
    )?)?;
    let (generator, lpips) = (Waves::new(&golden)?, lpips()?);
    let of = |name: &str| golden[name].to_dtype(DType::F64);
    let (z0, z1, t) = (of("z0")?, of("z1")?, of("t")?.unsqueeze(1)?);
    let distance = |a: &Tensor, b: &Tensor| lpips.distance(a, b, PixelRange::Signed);
    let whole = |length| PathLength { crop: false, ..length };
    for (name, length) in [
        ("w_full", PathLength::new(PathSpace::W, PathPart::Full)),
        ("w_end", PathLength::new(PathSpace::W, PathPart::End)),
        ("z_full", PathLength::new(PathSpace::Z, PathPart::Full)),
        ("z_end", PathLength::new(PathSpace::Z, PathPart::End)),
        ("w_full_uncropped", whole(PathLength::new(PathSpace::W, PathPart::Full))),
    ] {
        let lengths = length.lengths((&z0, &z1), &t, &generator, &distance)?;
        // The two pictures differ by 1e-4, and the network computes in `f32`: three digits are lost.
        for (at, (found, expected)) in
            lengths.iter().zip(of(&format!("distances.{name}"))?.to_vec1::<f64>()?).enumerate()
        {
            assert!((found - expected).abs() < 1e-2 * expected, "{name} at {at}: {found} against {expected}");
        }
        let score = expected[format!("ppl.{name}")]["value"].as_f64().unwrap();
        let PathScore { mean, kept, .. } = PathScore::of(&lengths)?;
        assert!((mean - score).abs() < 1e-3 * score, "{name}: {mean} against {score}");
        assert_eq!(kept, 246);
    }
    Ok(())
}
