//! How a tensor of another program becomes one of ours.

use candle_core::{Result, Tensor, bail};

/// Steps from another program's tensor to ours, in this order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    /// Order of the axes.
    axes: &'static [usize],
    /// Whether the last two axes run the other way.
    flips: bool,
    /// Whether all axes become one.
    flattens: bool,
    factor: f64,
    /// Added to the first half of the numbers, the scales of a style.
    to_scales: f64,
}

impl Change {
    /// As it is.
    pub(crate) const NONE: Self =
        Self { axes: &[], flips: false, flattens: false, factor: 1.0, to_scales: 0.0 };
    /// A matrix `[in, out]`.
    pub(crate) const MATRIX: Self = Self { axes: &[1, 0], ..Self::NONE };
    /// A kernel `[height, width, in, out]`.
    pub(crate) const KERNEL: Self = Self { axes: &[3, 2, 0, 1], ..Self::NONE };
    /// A kernel `[in, out, height, width]`.
    pub(crate) const TRANSPOSED_KERNEL: Self = Self { axes: &[1, 0, 2, 3], ..Self::NONE };
    /// A number for each channel, whatever the axes.
    pub(crate) const FLAT: Self = Self { flattens: true, ..Self::NONE };

    pub(crate) fn flipped(self, flips: bool) -> Self {
        Self { flips, ..self }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    pub(crate) fn scales_plus(self, to_scales: f64) -> Self {
        Self { to_scales, ..self }
    }

    /// The shape of our tensor; none if theirs has another number of axes.
    pub(crate) fn shape(self, theirs: &[usize]) -> Option<Vec<usize>> {
        if self.flattens {
            return Some(vec![theirs.iter().product()]);
        }
        match self.axes {
            [] => Some(theirs.to_vec()),
            axes if axes.len() == theirs.len() => Some(axes.iter().map(|&axis| theirs[axis]).collect()),
            _ => None,
        }
    }

    /// Our tensor.
    pub(crate) fn apply(self, tensor: Tensor) -> Result<Tensor> {
        let mut tensor =
            if self.axes.is_empty() { tensor } else { tensor.permute(self.axes)?.contiguous()? };
        if self.flips {
            let rank = tensor.rank();
            if rank < 2 {
                bail!("a tensor of {rank} axes has no height and width")
            }
            tensor = tensor.flip(&[rank - 2, rank - 1])?;
        }
        if self.flattens {
            tensor = tensor.flatten_all()?;
        }
        if self.factor != 1.0 {
            tensor = (tensor * self.factor)?;
        }
        if self.to_scales != 0.0 {
            let half = tensor.dim(0)? / 2;
            let scales = (tensor.narrow(0, 0, half)? + self.to_scales)?;
            tensor = Tensor::cat(&[scales, tensor.narrow(0, half, half)?], 0)?;
        }
        Ok(tensor)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn the_shape_is_that_of_the_changed_tensor() {
        let shapes: [&[usize]; 3] = [&[6], &[4, 5], &[2, 3, 4, 5]];
        for change in [Change::NONE, Change::MATRIX, Change::KERNEL, Change::TRANSPOSED_KERNEL, Change::FLAT]
        {
            for shape in shapes {
                let tensor = Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
                if let Some(expected) = change.shape(shape) {
                    assert_eq!(change.apply(tensor).unwrap().dims(), expected);
                } else {
                    assert!(change.apply(tensor).is_err());
                }
            }
        }
    }

    #[test]
    fn each_step_does_what_it_says() -> Result<()> {
        let matrix = Tensor::new(&[[1_f32, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::Cpu)?;
        let flipped = Change::MATRIX.flipped(true).times(2.0).apply(matrix)?;
        assert_eq!(flipped.to_vec2::<f32>()?, [[12.0, 6.0], [10.0, 4.0], [8.0, 2.0]]);
        let style = Tensor::new(&[1_f32, 2.0, 3.0, 4.0], &Device::Cpu)?;
        assert_eq!(Change::NONE.scales_plus(-1.0).apply(style)?.to_vec1::<f32>()?, [0.0, 1.0, 3.0, 4.0]);
        Ok(())
    }
}
