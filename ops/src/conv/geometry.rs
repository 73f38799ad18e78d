//! The sizes that describe one convolution.

/// What `conv2d` is applied to; its two gradients are described by the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) batch: usize,
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// 1, or 3 with one pixel of zeros on each side.
    pub(super) kernel: usize,
}

impl Geometry {
    /// The convolution by the rotated weight that is the adjoint of this one.
    pub(super) fn transposed(&self) -> Self {
        Self { in_channels: self.out_channels, out_channels: self.in_channels, ..*self }
    }

    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    pub(super) fn output_len(&self) -> usize {
        self.batch * self.out_channels * self.pixels()
    }

    /// Values in one filter: all that one output channel takes in.
    pub(super) fn taps(&self) -> usize {
        self.in_channels * self.kernel * self.kernel
    }

    pub(super) fn weight_len(&self) -> usize {
        self.out_channels * self.taps()
    }
}
