//! How the weight of a convolution lies, and what is kept of it.

use super::winograd::FrozenFilters;

/// The weight of a convolution: `[out_channels, in_channels, height, width]`, or turned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight<'a, V> {
    pub(super) values: V,
    /// Whether it is `[in_channels, out_channels, …]`, every kernel turned by half a turn.
    pub(super) is_turned: bool,
    /// What is kept of a weight that never changes; on a CPU alone.
    pub(super) frozen: Option<&'a FrozenFilters>,
}

impl<'a, V> Weight<'a, V> {
    pub(crate) fn new(values: V) -> Self {
        Self { values, is_turned: false, frozen: None }
    }

    /// The same for the convolution that sees it turned.
    pub(crate) fn turned(self) -> Self {
        Self { is_turned: !self.is_turned, ..self }
    }

    /// The same of a weight that never changes.
    pub(crate) fn frozen(self, frozen: Option<&'a FrozenFilters>) -> Self {
        Self { frozen, ..self }
    }
}
