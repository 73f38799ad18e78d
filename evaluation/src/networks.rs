//! The networks that measures look through.

use candle_core::Device;
use stylegan_features::{FeatureNetwork, Inception, MobileNet, Places, Resize};
use stylegan_metrics::{LooksAt, Measure};

use crate::Result;

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
) -> Result<Vec<Box<dyn FeatureNetwork>>> {
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
            "mobilenet" => networks.push(Box::new(MobileNet::embedded(device)?)),
            _ => {}
        }
    }
    Ok(networks)
}
