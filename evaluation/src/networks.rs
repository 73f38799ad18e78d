//! The networks that measures look through.

use std::sync::Arc;

use candle_core::Device;
use stylegan_features::{
    FeatureNetwork, Inception, InceptionClasses, MobileNet, Places, Resize, Vgg16Features,
};
use stylegan_metrics::{LooksAt, Measure};

use crate::Result;

/// Networks, which several evaluations may share.
pub type Networks = Arc<[Box<dyn FeatureNetwork>]>;

/// The network whose features classifiers read: it comes with the program.
pub const OF_CLASSIFIERS: &str = "mobilenet";

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
            LooksAt::Pictures(_) | LooksAt::Paths(_) => None,
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
