//! Paths through latent space.

use candle_core::{DType, Result, Tensor, bail};

/// The space a path is drawn in, which decides what a straight line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// z is on a sphere: great circles (slerp).
    Z,
    /// w is flat: straight lines (lerp).
    W,
}

/// `frames` points at even steps along a path through `keys`.
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
pub fn interpolate(keys: &Tensor, frames: usize, looping: bool, space: Space) -> Result<Tensor> {
    let (count, _) = keys.dims2()?;
    if count < 2 || frames == 0 {
        bail!("a path of {frames} frames through {count} keys: at least two keys and one frame are needed")
    }
    let (segments, steps) = if looping { (count, frames) } else { (count - 1, (frames - 1).max(1)) };
    let points = (0..frames)
        .map(|frame| {
            let position = frame as f64 * segments as f64 / steps as f64;
            let segment = (position as usize).min(segments - 1);
            let (a, b) = (keys.get(segment)?, keys.get((segment + 1) % count)?);
            let t = position - segment as f64;
            match space {
                Space::W => (&a + ((&b - &a)? * t)?)?.contiguous(),
                Space::Z => slerp(&a, &b, t),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    Tensor::stack(&points, 0)
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
    fn an_open_path_ends_at_its_keys() -> Result<()> {
        for space in [Space::Z, Space::W] {
            let path = interpolate(&keys()?, 5, false, space)?;
            for (frame, key) in [(0, 0), (2, 1), (4, 2)] {
                let off = (path.get(frame)? - keys()?.get(key)?)?.abs()?.max_all()?.to_scalar::<f64>()?;
                assert!(off < 1e-12, "{space:?} frame {frame} is {off} off");
            }
        }
        Ok(())
    }

    #[test]
    fn a_loop_does_not_repeat_its_first_frame_and_steps_evenly() -> Result<()> {
        let path = interpolate(&keys()?, 30, true, Space::W)?.to_vec2::<f64>()?;
        assert_eq!(path.len(), 30);
        let step = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let wrap = step(&path[29], &path[0]);
        let before = step(&path[28], &path[29]);
        assert!((wrap - before).abs() < 1e-12 && wrap > 0.0, "{wrap} against {before}");
        Ok(())
    }

    #[test]
    fn slerp_keeps_the_angle_even_and_the_length_linear() -> Result<()> {
        let path = interpolate(&keys()?.narrow(0, 0, 2)?, 3, false, Space::Z)?.get(1)?.to_vec1::<f64>()?;
        let half = 1.5 * std::f64::consts::FRAC_1_SQRT_2;
        for (got, expected) in path.iter().zip([half, half, 0.0]) {
            assert!((got - expected).abs() < 1e-12, "{path:?}");
        }
        Ok(())
    }

    #[test]
    fn too_few_keys_are_refused() -> Result<()> {
        assert!(interpolate(&keys()?.narrow(0, 0, 1)?, 5, true, Space::W).is_err());
        assert!(interpolate(&keys()?, 0, true, Space::W).is_err());
        Ok(())
    }
}
