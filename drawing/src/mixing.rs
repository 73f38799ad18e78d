//! The w of one latent with layers of another.

use candle_core::{Result, Tensor};

/// `one` with these layers of `other`, `[1, num_layers, w_dim]` each.
pub(crate) fn mixed(one: &Tensor, other: &Tensor, layers: &[usize]) -> Result<Tensor> {
    let (_, num_layers, _) = one.dims3()?;
    let of_layer = |layer| if layers.contains(&layer) { other } else { one }.narrow(1, layer, 1);
    let all = (0..num_layers).map(of_layer).collect::<Result<Vec<_>>>()?;
    Tensor::cat(&all, 1)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_others_styles_enter_in_their_layers_alone() {
        let one = Tensor::new(&[[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]]], &Device::Cpu).unwrap();
        let other = (&one * 10.0).unwrap();
        let mix = mixed(&one, &other, &[0, 2]).unwrap().to_vec3::<f32>().unwrap();
        assert_eq!(mix, [[[10.0, 20.0], [3.0, 4.0], [50.0, 60.0]]]);
    }
}
