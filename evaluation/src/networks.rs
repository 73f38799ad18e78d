//! The networks that measures look through.

use std::sync::Arc;

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use stylegan_features::{
    FeatureNetwork, Inception, InceptionClasses, MobileNet, PixelRange, Places, Resize, Vgg16Features,
};
use stylegan_metrics::{LooksAt, Measure};

use crate::Result;

/// Networks, which several evaluations may share.
pub type Networks = Arc<[Box<dyn FeatureNetwork>]>;

/// The network whose features classifiers read: it comes with the program.
pub const OF_CLASSIFIERS: &str = "mobilenet";

/// A distance of pictures by a network's features: that of their directions, squared.
///
/// # Shapes
/// - `a`, `b`: `[batch, channels, height, width]` in -1..1
/// - returns: `[batch]`
///
/// # Errors
/// If the pictures are none of the network.
pub fn distance_of_features(network: &dyn FeatureNetwork, a: &Tensor, b: &Tensor) -> TensorResult<Tensor> {
    let direction = |pictures: &Tensor| {
        let features = network.features(pictures, PixelRange::Signed)?.to_dtype(DType::F64)?;
        features.broadcast_div(&features.sqr()?.sum_keepdim(1)?.sqrt()?)
    };
    (direction(a)? - direction(b)?)?.sqr()?.sum(1)
}

/// Those that these measures need, with weights from `places`; what is not known is left out, and missed by its measure.
///
/// # Errors
/// If weights are not there, or are damaged.
pub fn networks(
    measures: &[&'static Measure],
    places: &Places,
    resize: Resize,
    device: &Device,
) -> Result<Networks> {
    let mut names: Vec<&str> = measures
        .iter()
        .filter_map(|measure| match measure.looks_at {
            LooksAt::Features { network, .. } => Some(network),
            LooksAt::Classes | LooksAt::Factors => Some(OF_CLASSIFIERS),
            LooksAt::Pictures(_) | LooksAt::Paths { .. } => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut networks: Vec<Box<dyn FeatureNetwork>> = Vec::new();
    for name in names {
        match name {
            "inception" => networks.push(Box::new(Inception::new(&places.open(name, device)?, resize)?)),
            "inception-classes" => {
                networks.push(Box::new(InceptionClasses::new(&places.open(name, device)?, resize)?));
            }
            "vgg16-fc2" => networks.push(Box::new(Vgg16Features::new(&places.open(name, device)?)?)),
            "mobilenet" => networks.push(Box::new(MobileNet::embedded(device)?)),
            _ => {}
        }
    }
    Ok(networks.into())
}
