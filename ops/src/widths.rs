//! Widths: how many feature maps a network has at each side.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The numbers behind the widths of a network, as every configuration has them; the defaults are the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Widths {
    /// Feature maps double with every halving of the side, from `fmap_base / (resolution / 2)` on.
    pub fmap_base: usize,
    /// log2 of the factor between the feature maps of neighboring sides.
    pub fmap_decay: f64,
    /// Most feature maps of any layer.
    pub fmap_max: usize,
}

impl Default for Widths {
    fn default() -> Self {
        Self { fmap_base: 8192, fmap_decay: 1.0, fmap_max: 512 }
    }
}

impl Widths {
    /// Largest `fmap_base`, far beyond any network that was ever trained, as are the other limits.
    pub const MAX_BASE: usize = 1 << 20;

    /// Feature maps of the block whose longer side has `side` pixels: `min(fmap_base / 2^(stage · fmap_decay), fmap_max)`, at
    /// least 1, where the stage is `floor(log2(side)) - 1`.
    pub fn feature_maps(&self, side: usize) -> usize {
        let stage = f64::from(side.max(2).ilog2() - 1);
        let unlimited = self.fmap_base as f64 / (stage * self.fmap_decay).exp2();
        (unlimited as usize).clamp(1, self.fmap_max.max(1))
    }

    /// Everything that makes them impossible, one sentence each; `table` is that of the configuration they are in.
    pub fn violations(&self, table: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (key, value, most) in
            [("fmap_base", self.fmap_base, Self::MAX_BASE), ("fmap_max", self.fmap_max, 4096)]
        {
            if !(1..=most).contains(&value) {
                found.push(format!("`{table}.{key}` is {value}, but must be 1 to {most}"));
            }
        }
        if !(0.0..=8.0).contains(&self.fmap_decay) {
            found.push(format!("`{table}.fmap_decay` is {}, but must be 0 to 8", self.fmap_decay));
        }
        found
    }
}

/// Some of the numbers of [`Widths`]; what is not given is another network's, and is not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PartialWidths {
    /// Feature maps double with every halving of the side, from `fmap_base / (resolution / 2)` on, if otherwise than in the
    /// generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fmap_base: Option<usize>,
    /// log2 of the factor between the feature maps of neighboring sides, if another than in the generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fmap_decay: Option<f64>,
    /// Most feature maps of any layer, if others than in the generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fmap_max: Option<usize>,
}

impl PartialWidths {
    /// The numbers that are given, the others of `rest`.
    #[must_use]
    pub fn or(self, rest: Widths) -> Widths {
        Widths {
            fmap_base: self.fmap_base.unwrap_or(rest.fmap_base),
            fmap_decay: self.fmap_decay.unwrap_or(rest.fmap_decay),
            fmap_max: self.fmap_max.unwrap_or(rest.fmap_max),
        }
    }
}

impl From<Widths> for PartialWidths {
    fn from(Widths { fmap_base, fmap_decay, fmap_max }: Widths) -> Self {
        Self { fmap_base: Some(fmap_base), fmap_decay: Some(fmap_decay), fmap_max: Some(fmap_max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_widths() {
        let levels = crate::Resolution::square(1024).levels();
        let widths: Vec<usize> = levels.map(|level| Widths::default().feature_maps(level.side())).collect();
        assert_eq!(widths, [512, 512, 512, 512, 256, 128, 64, 32, 16]);
    }

    #[test]
    fn impossible_widths_are_named_all_at_once() {
        assert_eq!(Widths::default().violations("g"), [""; 0]);
        let widths = Widths { fmap_base: (1 << 20) + 1, fmap_decay: f64::NAN, fmap_max: 0 };
        assert_eq!(
            widths.violations("generator"),
            [
                "`generator.fmap_base` is 1048577, but must be 1 to 1048576",
                "`generator.fmap_max` is 0, but must be 1 to 4096",
                "`generator.fmap_decay` is NaN, but must be 0 to 8"
            ]
        );
    }

    #[test]
    fn what_is_not_given_is_the_others() {
        let whole = Widths { fmap_base: 40, fmap_decay: 0.5, fmap_max: 26 };
        assert_eq!(PartialWidths::default().or(whole), whole);
        let partial = PartialWidths { fmap_decay: Some(0.7), ..PartialWidths::default() };
        assert_eq!(partial.or(whole), Widths { fmap_decay: 0.7, ..whole });
        assert_eq!(PartialWidths::from(whole).or(Widths::default()), whole);
    }
}
