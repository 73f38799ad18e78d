//! How photos are projected.

use serde::{Deserialize, Serialize};
use stylegan_drawing::LatentSpace;

/// The most photos of one command.
pub const MOST_PHOTOS: usize = 256;

/// The most steps.
pub const MOST_STEPS: u32 = 100_000;

/// Where latents are looked for; its name is that of the tensor in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// One w for all layers, `[w_dim]`: what comes out is a picture that the network may draw by itself.
    #[default]
    W,
    /// One w for each layer, `[num_layers, w_dim]`: nearer to the photo, and further from what the network knows.
    WPlus,
}

impl Space {
    /// The same among all spaces of latents.
    pub fn latents(self) -> LatentSpace {
        match self {
            Self::W => LatentSpace::W,
            Self::WPlus => LatentSpace::WPlus,
        }
    }
}

/// What the parts of the loss count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossWeights {
    /// The perceptual distance; nothing where no network looks.
    pub perceptual: f64,
    /// The mean squared difference of pixels from -1 to 1, over a pyramid of halvings.
    pub pixels: f64,
    /// The mean square of how far w is from the mean w, in deviations of the network's w.
    pub mean: f64,
    /// How much the pixels of optimized noise tell of their neighbors.
    pub noise: f64,
}

impl Default for LossWeights {
    fn default() -> Self {
        Self { perceptual: 1.0, pixels: 1.0, mean: 0.0, noise: 1e5 }
    }
}

/// All that decides a projection besides networks and photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectOptions {
    /// Where latents are looked for.
    pub space: Space,
    /// Steps of the optimizer.
    pub steps: u32,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Deviation of the noise on w at the start, in deviations of the network's w.
    pub w_noise: f64,
    /// Whether noise images are found as well.
    pub optimize_noise: bool,
    /// What the parts of the loss count.
    pub weights: LossWeights,
    /// Seed of all draws.
    pub seed: u64,
}

impl Default for ProjectOptions {
    fn default() -> Self {
        Self {
            space: Space::default(),
            steps: 1000,
            learning_rate: 0.1,
            w_noise: 0.05,
            optimize_noise: false,
            weights: LossWeights::default(),
            seed: 0,
        }
    }
}

impl ProjectOptions {
    /// Everything wrong with them.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !(1..=MOST_STEPS).contains(&self.steps) {
            found.push(format!("there are {} steps, but must be 1 to {MOST_STEPS}", self.steps));
        }
        let LossWeights { perceptual, pixels, mean, noise } = self.weights;
        for (name, value, most) in [
            ("learning rate", self.learning_rate, 100.0),
            ("noise on w", self.w_noise, 100.0),
            ("weight of perception", perceptual, 1e9),
            ("weight of pixels", pixels, 1e9),
            ("weight of the mean", mean, 1e9),
            ("weight of noise", noise, 1e9),
        ] {
            if !(0.0..=most).contains(&value) {
                found.push(format!("the {name} is {value}, but must be 0 to {most}"));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_of_its_bounds_is_said_at_once() {
        assert!(ProjectOptions::default().violations().is_empty());
        let weights = LossWeights { mean: f64::NAN, ..LossWeights::default() };
        let found = ProjectOptions { steps: 0, learning_rate: -0.1, weights, ..ProjectOptions::default() };
        assert_eq!(
            found.violations(),
            [
                "there are 0 steps, but must be 1 to 100000",
                "the learning rate is -0.1, but must be 0 to 100",
                "the weight of the mean is NaN, but must be 0 to 1000000000",
            ]
        );
    }
}
