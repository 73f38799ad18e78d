//! The sizes that describe one convolution.

use candle_core::Shape;

use crate::planes::Planes;
use crate::smooth::{Smooth, Way};

/// What `conv2d` is applied to; its two gradients are described by the same numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Geometry {
    pub(crate) batch: usize,
    pub(crate) input: Planes,
    pub(crate) output: Planes,
    /// 1 or 3.
    pub(crate) kernel: usize,
    /// 1, where a kernel of 3 sees one pixel of zeros on each side, or 2, where it sees none.
    pub(crate) stride: usize,
    /// What features pass to become the input, from planes smaller by a pixel.
    pub(crate) smooth: Option<Smooth>,
}

impl Geometry {
    /// A convolution that keeps the size.
    pub(crate) fn same(batch: usize, input: Planes, out_channels: usize, kernel: usize) -> Self {
        Self {
            batch,
            input,
            output: Planes { channels: out_channels, ..input },
            kernel,
            stride: 1,
            smooth: None,
        }
    }

    /// A 3x3 convolution that takes `2 n + 1` pixels to `n`.
    pub(crate) fn halving(batch: usize, in_channels: usize, output: Planes) -> Self {
        let (height, width) = (2 * output.height + 1, 2 * output.width + 1);
        let input = Planes { channels: in_channels, height, width, ..output };
        Self { batch, input, output, kernel: 3, stride: 2, smooth: None }
    }

    /// The same of features that are smoothed first.
    pub(crate) fn smoothed(self, blur: bool, scale: f64) -> Self {
        Self { smooth: Some(Smooth { way: Way::Grow, blur, scale }), ..self }
    }

    /// The planes of the features.
    pub(crate) fn features(&self) -> Planes {
        let before = usize::from(self.smooth.is_some());
        Planes { height: self.input.height - before, width: self.input.width - before, ..self.input }
    }

    /// The adjoint, which takes the output back to the input.
    pub(crate) fn transposed(&self) -> Self {
        Self { input: self.output, output: self.input, ..*self }
    }

    #[cfg(test)]
    pub(crate) fn input_len(&self) -> usize {
        self.batch * self.input.len()
    }

    pub(crate) fn output_len(&self) -> usize {
        self.batch * self.output.len()
    }

    /// Pixels of zeros on each side.
    pub(crate) fn padding(&self) -> usize {
        if self.stride == 1 { self.kernel / 2 } else { 0 }
    }

    /// Values in one filter: all that one output channel takes in.
    pub(crate) fn taps(&self) -> usize {
        self.input.channels * self.kernel * self.kernel
    }

    /// The shape of the weight, whose axes lie as those of the features do.
    pub(crate) fn weight_shape(&self) -> Shape {
        let Self { input, kernel, .. } = *self;
        Planes { height: kernel, width: kernel, ..input }.shape(self.output.channels)
    }

    pub(crate) fn weight_len(&self) -> usize {
        self.output.channels * self.taps()
    }
}
