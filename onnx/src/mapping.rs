//! z to w.

use candle_core::Result;
use candle_nn::VarBuilder;
use stylegan_generator::GeneratorConfig;
use stylegan_ops::{EqualizedWeight, GAIN_LEAKY_RELU};

use crate::graph::{Graph, Value};

/// The mapping network, as `stylegan_generator::Mapping`.
pub(crate) fn mapping(
    graph: &mut Graph,
    config: &GeneratorConfig,
    vb: &VarBuilder,
    z: &Value,
    labels: Option<&Value>,
) -> Result<Value> {
    graph.enter(vb);
    let mut width = config.z_dim;
    let mut x = z.clone();
    if let Some(labels) = labels {
        let embed = vb.get((config.label_dim, config.z_dim), "label_embed")?.t()?.contiguous()?;
        let embed = graph.tensor(vb, "label_embed", &embed)?;
        let labels = graph.dense(labels, &embed, None);
        x = graph.concat(z, &labels);
        width *= 2;
    }
    x = graph.pixel_norm(&x)?;
    let lrmul = config.mapping_lrmul;
    for index in 0..config.mapping_layers {
        let vb = vb.pp(format!("dense{index}"));
        graph.enter(&vb);
        let out = if index + 1 == config.mapping_layers { config.w_dim } else { config.mapping_fmaps };
        let weight = EqualizedWeight::new(&[out, width], GAIN_LEAKY_RELU, lrmul, "weight", &vb)?;
        let weight = graph.tensor(&vb, "weight", &weight.effective()?)?;
        let bias = graph.tensor(&vb, "bias", &(vb.get(out, "bias")? * lrmul)?)?;
        x = graph.dense(&x, &weight, Some(&bias));
        x = graph.leaky_relu(&x);
        width = out;
    }
    Ok(x)
}
