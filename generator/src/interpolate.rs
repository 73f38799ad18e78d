//! Paths through latent space.

use candle_core::{DType, Result, Tensor, bail};

/// How a path goes from one key to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Straight on (lerp), as in w, which is flat.
    Line,
    /// Along the great circle (slerp), as in z, which is on a sphere.
    GreatCircle,
    /// Without a corner at the keys: the cubic through each pair of neighbors whose slope at a key is half of what lies between
    /// the keys beside it (Catmull and Rom 1974).
    Spline,
}

/// How fast a path goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Easing {
    /// At even steps.
    #[default]
    None,
    /// Slowly away from each key and slowly towards the next.
    InOut,
}

/// `frames` points along a path through `keys`, which takes equally long from each to the next.
///
/// An open path starts at the first key and ends at the last. A loop goes on from the last back to the first and
/// stops one step before it, so that playing it again shows no key twice.
///
/// # Shapes
/// - `keys`: `[keys, dim]`, at least 2
/// - returns: `[frames, dim]`
///
/// # Errors
/// If there are fewer than two keys, or no frames.
pub fn interpolate(
    keys: &Tensor,
    frames: usize,
    looping: bool,
    curve: Curve,
    easing: Easing,
) -> Result<Tensor> {
    let (count, _) = keys.dims2()?;
    if count < 2 || frames == 0 {
        bail!("a path of {frames} frames through {count} keys: at least two keys and one frame are needed")
    }
    let (segments, steps) = if looping { (count, frames) } else { (count - 1, (frames - 1).max(1)) };
    // Beyond the ends of an open path there is the key at the end.
    let key = |index: usize, step: isize| match index.checked_add_signed(step) {
        Some(index) if looping => keys.get(index % count),
        None if looping => keys.get(count - 1),
        index => keys.get(index.unwrap_or(0).min(count - 1)),
    };
    let points = (0..frames)
        .map(|frame| {
            let position = frame as f64 * segments as f64 / steps as f64;
            let segment = (position as usize).min(segments - 1);
            let (a, b) = (key(segment, 0)?, key(segment, 1)?);
            let t = match (easing, position - segment as f64) {
                (Easing::None, t) => t,
                (Easing::InOut, t) => t * t * (3.0 - 2.0 * t),
            };
            match curve {
                // Keys are met to the bit, which `a + (b - a)` would miss by rounding.
                _ if t == 0.0 => a.contiguous(),
                _ if t == 1.0 => b.contiguous(),
                Curve::Line => (&a + ((&b - &a)? * t)?)?.contiguous(),
                Curve::GreatCircle => slerp(&a, &b, t),
                Curve::Spline => catmull_rom([&key(segment, -1)?, &a, &b, &key(segment, 2)?], t),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    Tensor::stack(&points, 0)
}

/// Between the second and the third of four keys.
fn catmull_rom(keys: [&Tensor; 4], t: f64) -> Result<Tensor> {
    let (t2, t3) = (t * t, t * t * t);
    let shares = [
        -0.5 * t + t2 - 0.5 * t3,
        1.0 - 2.5 * t2 + 1.5 * t3,
        0.5 * t + 2.0 * t2 - 1.5 * t3,
        0.5 * t3 - 0.5 * t2,
    ];
    let [first, rest @ ..] = keys;
    rest.iter().zip(&shares[1..]).try_fold((first * shares[0])?, |sum, (key, share)| sum + (*key * *share)?)
}

/// Along the great circle between the directions of `a` and `b` at constant angular speed; the length goes linearly.
fn slerp(a: &Tensor, b: &Tensor, t: f64) -> Result<Tensor> {
    let norm = |x: &Tensor| x.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>().map(f64::sqrt);
    let (norm_a, norm_b) = (norm(a)?, norm(b)?);
    let dot = (a.to_dtype(DType::F64)? * b.to_dtype(DType::F64)?)?.sum_all()?.to_scalar::<f64>()?;
    let angle = (dot / (norm_a * norm_b)).clamp(-1.0, 1.0).acos();
    let length = norm_a + (norm_b - norm_a) * t;
    // The circle is not defined by parallel (or zero) vectors; there the straight line is as good as any.
    let (share_a, share_b) = if angle.sin() > 1e-6 {
        (
            ((1.0 - t) * angle).sin() / angle.sin() * length / norm_a,
            (t * angle).sin() / angle.sin() * length / norm_b,
        )
    } else {
        (1.0 - t, t)
    };
    (a * share_a)? + (b * share_b)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn keys() -> Result<Tensor> {
        Tensor::new(&[[1f64, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]], &Device::Cpu)
    }

    #[test]
    fn keys_are_met_to_the_bit() -> Result<()> {
        let keys: Vec<f32> = (0..3 * 64).map(|index| (index as f32).sin()).collect();
        let keys = Tensor::from_vec(keys, (3, 64), &Device::Cpu)?;
        for curve in [Curve::Line, Curve::GreatCircle, Curve::Spline] {
            for (frames, looping) in [(5, false), (6, true)] {
                let path = interpolate(&keys, frames, looping, curve, Easing::InOut)?.to_vec2::<f32>()?;
                for (key, point) in keys.to_vec2::<f32>()?.iter().zip(path.iter().step_by(2)) {
                    assert_eq!(point, key, "{curve:?}, looping: {looping}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_loop_does_not_repeat_its_first_frame_and_steps_evenly() -> Result<()> {
        let path = interpolate(&keys()?, 30, true, Curve::Line, Easing::None)?.to_vec2::<f64>()?;
        assert_eq!(path.len(), 30);
        let step = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let wrap = step(&path[29], &path[0]);
        let before = step(&path[28], &path[29]);
        assert!((wrap - before).abs() < 1e-12 && wrap > 0.0, "{wrap} against {before}");
        Ok(())
    }

    #[test]
    fn slerp_keeps_the_angle_even_and_the_length_linear() -> Result<()> {
        let path = interpolate(&keys()?.narrow(0, 0, 2)?, 3, false, Curve::GreatCircle, Easing::None)?
            .get(1)?
            .to_vec1::<f64>()?;
        let half = 1.5 * std::f64::consts::FRAC_1_SQRT_2;
        for (got, expected) in path.iter().zip([half, half, 0.0]) {
            assert!((got - expected).abs() < 1e-12, "{path:?}");
        }
        Ok(())
    }

    /// Steps of a path, the last one from its end back to its start.
    fn steps(path: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let ends = path.iter().skip(1).chain(path.first());
        path.iter().zip(ends).map(|(a, b)| b.iter().zip(a).map(|(b, a)| b - a).collect()).collect()
    }

    #[test]
    fn a_spline_has_no_corners() -> Result<()> {
        let frames = 3000;
        let path = interpolate(&keys()?, frames, true, Curve::Spline, Easing::None)?.to_vec2::<f64>()?;
        let steps = steps(&path);
        for (step, next) in steps.iter().zip(steps.iter().skip(1).chain(steps.first())) {
            for (step, next) in step.iter().zip(next) {
                assert!((step - next).abs() < 2e-5, "a corner of {step} to {next}");
            }
        }
        // The slope at a key is half of what lies between those beside it.
        let at_second = &steps[frames / 3];
        for (step, slope) in at_second.iter().zip([-0.5, 0.0, 0.5]) {
            assert!((step * 1000.0 - slope).abs() < 0.01, "{at_second:?}");
        }
        Ok(())
    }

    #[test]
    fn what_is_eased_rests_at_its_keys() -> Result<()> {
        let path = interpolate(&keys()?, 3000, true, Curve::Line, Easing::InOut)?.to_vec2::<f64>()?;
        let length = |step: &Vec<f64>| step.iter().map(|x| x * x).sum::<f64>().sqrt();
        let steps: Vec<f64> = steps(&path).iter().map(length).collect();
        assert!(steps[1000] < steps[1500] / 100.0 && steps[999] < steps[1500] / 100.0);
        Ok(())
    }

    #[test]
    fn too_few_keys_are_refused() -> Result<()> {
        assert!(interpolate(&keys()?.narrow(0, 0, 1)?, 5, true, Curve::Line, Easing::None).is_err());
        assert!(interpolate(&keys()?, 0, true, Curve::Line, Easing::None).is_err());
        Ok(())
    }
}
