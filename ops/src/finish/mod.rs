//! What happens to the results of a convolution where they are written, so that it costs no pass over memory.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;

use crate::planes::NoisePlanes;

/// What happens to the values of features, or of their gradient, where they are written; `V` is how values are seen.
#[derive(Clone, Copy)]
pub(crate) enum Finish<V> {
    /// Noise and bias are added, and what is negative then is multiplied by the slope.
    Activate {
        /// One number for each channel.
        bias: V,
        /// The noise with its strength in each channel.
        noise: Option<(V, NoisePlanes<V>)>,
        /// [`SLOPE`](crate::leaky_relu::SLOPE), or 0 for a plain `ReLU`.
        slope: f64,
    },
    /// The gradient passes the leaky `ReLU` whose output was this.
    Mask(V),
}
