//! What looks at pictures, as a command line asks for it.

use anyhow::Result;
use clap::ValueEnum;
use stylegan_base::Hint;
use stylegan_drawing::Painter;
use stylegan_features::{KnownWeights, Places, WeightsError};
use stylegan_projector::{LEAST_SIDE, Perception};

use super::Args;
use crate::report::note;

/// What looks at pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Perceptual {
    /// The best of those below whose weights are there
    Auto,
    /// LPIPS, which looks through VGG16
    Lpips,
    /// Features of VGG19
    Vgg19,
    /// Nothing: pixels alone
    Pixels,
}

/// Opens it, and says which it is where that was not asked for.
pub(super) fn open(args: &Args, painter: &Painter) -> Result<Perception> {
    let places = args.weights.places();
    let device = painter.device();
    Ok(match args.perceptual {
        Perceptual::Lpips => Perception::lpips(&places.open("vgg16", device)?, device)?,
        Perceptual::Vgg19 => Perception::vgg19(&places.open("vgg19", device)?)?,
        Perceptual::Pixels => Perception::Pixels,
        Perceptual::Auto => {
            let side = painter.resolution().shorter_side();
            let found = Perception::at_hand(&places, side, device)?;
            note(&match &found {
                Perception::Lpips { .. } => "comparing by LPIPS and by pixels".to_owned(),
                Perception::Vgg19 { .. } => format!(
                    "comparing by features of VGG19 and by pixels; for LPIPS, {}",
                    advice("vgg16", &places)
                ),
                Perception::Pixels if side < LEAST_SIDE => format!(
                    "comparing pixels alone: no network looks at pictures of less than {LEAST_SIDE} pixels a side"
                ),
                Perception::Pixels => format!(
                    "comparing pixels alone; for a network that looks at pictures, {}",
                    advice("vgg19", &places)
                ),
            });
            found
        }
    })
}

/// What brings weights.
fn advice(name: &str, places: &Places) -> String {
    let places = places.all().cloned().collect();
    let hint = KnownWeights::of(name).and_then(|known| WeightsError::Missing { known, places }.hint());
    hint.unwrap_or_default()
}
