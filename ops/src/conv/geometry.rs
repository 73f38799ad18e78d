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
    /// Rows and columns.
    pub(crate) kernel: [usize; 2],
    /// Rows of zeros above and below, columns of zeros at the left and at the right.
    pub(crate) padding: [usize; 2],
    /// Whether pixels of the input as in a mirror stand in for the zeros, which are one on each side then; on a CPU alone.
    pub(crate) is_mirrored: bool,
    /// 1, or 2, which comes with a 3x3 kernel and without padding.
    pub(crate) stride: usize,
    /// What features pass to become the input, from planes smaller by a pixel.
    pub(crate) smooth: Option<Smooth>,
    /// What the weight is multiplied by as it is read; 1 but in `f32` on a CPU. The gradient of the weight is of the product.
    pub(crate) weight_scale: f64,
}

impl Geometry {
    /// A convolution that keeps the size.
    pub(crate) fn same(batch: usize, input: Planes, out_channels: usize, kernel: usize) -> Self {
        Self {
            batch,
            input,
            output: Planes { channels: out_channels, ..input },
            kernel: [kernel; 2],
            padding: [kernel / 2; 2],
            is_mirrored: false,
            stride: 1,
            smooth: None,
            weight_scale: 1.,
        }
    }

    /// A convolution with so many zeros around the input; none where the kernel does not fit in, or would see zeros alone.
    pub(crate) fn padded(
        batch: usize,
        input: Planes,
        out_channels: usize,
        kernel: [usize; 2],
        padding: [usize; 2],
    ) -> Option<Self> {
        let side = |input: usize, axis: usize| {
            let fits = kernel[axis] > padding[axis];
            (input + 2 * padding[axis] + 1).checked_sub(kernel[axis]).filter(|&side| fits && side > 0)
        };
        let (height, width) = (side(input.height, 0)?, side(input.width, 1)?);
        let output = Planes { channels: out_channels, height, width, ..input };
        Some(Self {
            batch,
            input,
            output,
            kernel,
            padding,
            is_mirrored: false,
            stride: 1,
            smooth: None,
            weight_scale: 1.,
        })
    }

    /// A 3x3 convolution that takes `2 n + 1` pixels to `n`.
    pub(crate) fn halving(batch: usize, in_channels: usize, output: Planes) -> Self {
        let (height, width) = (2 * output.height + 1, 2 * output.width + 1);
        let input = Planes { channels: in_channels, height, width, ..output };
        Self {
            batch,
            input,
            output,
            kernel: [3; 2],
            padding: [0; 2],
            is_mirrored: false,
            stride: 2,
            smooth: None,
            weight_scale: 1.,
        }
    }

    /// A 3x3 convolution that keeps the size and sees pixels as in a mirror around the input.
    pub(crate) fn mirrored(batch: usize, input: Planes, out_channels: usize) -> Self {
        Self { is_mirrored: true, ..Self::same(batch, input, out_channels, 3) }
    }

    /// The same of an input with its frame of mirrored pixels around it, if it sees any.
    pub(crate) fn framed(&self) -> Self {
        if !self.is_mirrored {
            return *self;
        }
        let input = Planes { height: self.input.height + 2, width: self.input.width + 2, ..self.input };
        Self { input, padding: [0; 2], is_mirrored: false, ..*self }
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
        let padding = [0, 1].map(|axis| self.kernel[axis] - 1 - self.padding[axis]);
        Self { input: self.output, output: self.input, padding, ..*self }
    }

    #[cfg(test)]
    pub(crate) fn input_len(&self) -> usize {
        self.batch * self.input.len()
    }

    pub(crate) fn output_len(&self) -> usize {
        self.batch * self.output.len()
    }

    /// Values in one filter: all that one output channel takes in.
    pub(crate) fn taps(&self) -> usize {
        self.input.channels * self.window()
    }

    /// Places in the kernel.
    pub(crate) fn window(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The shape of the weight, whose axes lie as those of the features do.
    pub(crate) fn weight_shape(&self) -> Shape {
        let Self { input, kernel: [height, width], .. } = *self;
        Planes { height, width, ..input }.shape(self.output.channels)
    }

    pub(crate) fn weight_len(&self) -> usize {
        self.output.channels * self.taps()
    }
}
