//! Where a projection starts.

use candle_core::{DType, Tensor};
use stylegan_drawing::Painter;
use stylegan_ops::{Key, RandomTensors};

use crate::Result;

/// Latents z that are mapped.
const SAMPLES: u64 = 10_000;
/// Of them at a time.
const AT_A_TIME: usize = 1000;

/// The mean of a network's w, and how far w is from it.
#[derive(Clone, Debug)]
pub struct MeanW {
    /// `[w_dim]`
    pub mean: Tensor,
    /// The root of the mean square of the distance from the mean.
    pub deviation: f64,
}

impl MeanW {
    /// That of 10,000 latents z, the same ones for every network, in the painter's class.
    ///
    /// # Errors
    /// If the network has labels and the painter no class, or the device fails.
    pub fn of(painter: &Painter) -> Result<Self> {
        painter.check_class(stylegan_drawing::LatentSpace::Z)?;
        let z_dim = painter.config().z_dim;
        let key = Key::new("mean of w for projections", &[]);
        let mut all = Vec::new();
        for part in 0..SAMPLES / AT_A_TIME as u64 {
            let z = key.child("part", part).normal((AT_A_TIME, z_dim), DType::F32, painter.device())?;
            let labels = painter.label().map(|label| label.broadcast_as((AT_A_TIME, label.dim(1)?)));
            let labels = labels.transpose()?.map(|labels| labels.contiguous()).transpose()?;
            all.push(painter.generator().mapping().forward(&z, labels.as_ref())?.to_dtype(DType::F64)?);
        }
        let all = Tensor::cat(&all, 0)?;
        let mean = all.mean(0)?;
        let squares = all.broadcast_sub(&mean)?.sqr()?.sum_all()?.to_scalar::<f64>()?;
        Ok(Self { mean: mean.to_dtype(DType::F32)?.detach(), deviation: (squares / SAMPLES as f64).sqrt() })
    }
}
