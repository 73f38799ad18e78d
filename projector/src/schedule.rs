//! What changes from step to step.

use std::f64::consts::PI;

use crate::ProjectOptions;

/// Share of the steps in which the learning rate rises.
const RAMP_UP: f64 = 0.05;
/// Share of the steps in which it falls.
const RAMP_DOWN: f64 = 0.25;
/// Share of the steps in which w is noisy.
const NOISY: f64 = 0.75;

/// Learning rate and noise at each step (Karras et al. 2020, appendix D).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    steps: u32,
    learning_rate: f64,
    w_noise: f64,
}

impl Schedule {
    /// That of a projection.
    pub fn new(options: &ProjectOptions) -> Self {
        let &ProjectOptions { steps, learning_rate, w_noise, .. } = options;
        Self { steps, learning_rate, w_noise }
    }

    /// How much of the way is behind, from 0 to below 1.
    fn time(&self, step: u32) -> f64 {
        f64::from(step) / f64::from(self.steps.max(1))
    }

    /// The learning rate: it rises in a line over the first twentieth, and falls as a cosine over the last quarter.
    pub fn learning_rate(&self, step: u32) -> f64 {
        let time = self.time(step);
        let fall = 0.5 - 0.5 * (PI * ((1.0 - time) / RAMP_DOWN).min(1.0)).cos();
        self.learning_rate * fall * (time / RAMP_UP).min(1.0)
    }

    /// The deviation of the noise on w, in deviations of the network's w: it falls as a square over the first three quarters.
    pub fn w_noise(&self, step: u32) -> f64 {
        self.w_noise * (1.0 - self.time(step) / NOISY).max(0.0).powi(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_paper() {
        let schedule = Schedule::new(&ProjectOptions::default());
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        for (step, learning_rate) in [
            (0, 0.0),
            (25, 0.05),
            (50, 0.1),
            (500, 0.1),
            (750, 0.1),
            (875, 0.05),
            // (1 - cos(pi/25)) / 20
            (990, 0.000_394_264_934_276),
        ] {
            assert!(close(schedule.learning_rate(step), learning_rate), "{step}: {learning_rate}");
        }
        for (step, noise) in [(0, 0.05), (375, 0.0125), (600, 0.002), (750, 0.0), (999, 0.0)] {
            assert!(close(schedule.w_noise(step), noise), "{step}: {noise}");
        }
    }
}
