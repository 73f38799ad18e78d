//! The truncation trick.

/// How far, and in how many layers, w is pulled towards its mean: `w_avg + (w - w_avg) · psi`.
///
/// The default is the original's for sampling, psi 0.7 in the first 8 layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truncation {
    /// 1 leaves w alone, 0 gives the mean, a negative number the opposite of w.
    pub psi: f64,
    /// Layers below this one are truncated; 0 truncates none.
    pub cutoff: usize,
}

impl Truncation {
    /// No truncation.
    pub const OFF: Self = Self { psi: 1.0, cutoff: 0 };

    /// Whether it changes nothing.
    pub fn is_off(&self) -> bool {
        self.psi == 1.0 || self.cutoff == 0
    }
}

impl Default for Truncation {
    fn default() -> Self {
        Self { psi: 0.7, cutoff: 8 }
    }
}
