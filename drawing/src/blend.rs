//! One picture of several latents.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use stylegan_media::DynamicImage;

use crate::mixing::mixed;
use crate::{
    Error, Latent, LatentId, LatentIds, LatentSource, LatentSpace, Layers, Painter, Result, Sample, pixels,
    text,
};

/// The most latents of one picture.
const MOST_LATENTS: usize = 64;
/// The most directions of one picture.
const MOST_MOVES: usize = 64;
/// Shares and strengths are between this and its negative.
const FAR: f64 = 1000.0;

/// One picture whose w is blended of several latents, takes some layers from another one, and is moved along directions; under
/// the names of a recipe's JSON.
///
/// Everything happens to w before it is truncated, rows of `w_plus` included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// What it is blended of: the sum of each w times its share.
    #[serde(rename = "blend", with = "text")]
    pub latents: Shares,
    /// What some layers take, in place of the sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub styles: Option<Styles>,
    /// Where it is moved then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
}

/// Latents and how much each counts, as text `12:0.25,@3:0.75`; without a number, 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares(pub Vec<(LatentId, f64)>);

/// The latent that some layers take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Styles {
    /// Which.
    #[serde(with = "text")]
    pub latent: LatentId,
    /// The layers.
    #[serde(with = "text")]
    pub layers: Layers,
}

/// A way along a direction, in all layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Row of the file of directions, or number of a direction that is found in the weights ([`factorize`](crate::factorize)).
    pub row: u64,
    /// How many times it is added.
    pub strength: f64,
}

impl Shares {
    /// Whether a file of latents is needed.
    pub fn has_rows(&self) -> bool {
        self.0.iter().any(|(id, _)| matches!(id, LatentId::Row(_)))
    }
}

impl Blend {
    /// The picture of one latent.
    pub fn of(id: LatentId) -> Self {
        Self { latents: Shares(vec![(id, 1.0)]), styles: None, moves: Vec::new() }
    }

    /// The latent, if it is the picture of one as it is.
    pub fn only(&self) -> Option<LatentId> {
        match self.latents.0.as_slice() {
            [(id, 1.0)] if self.styles.is_none() && self.moves.is_empty() => Some(*id),
            _ => None,
        }
    }

    /// All latents in it, those of the layers apart included.
    pub(crate) fn ids(&self) -> LatentIds {
        LatentIds(
            self.latents
                .0
                .iter()
                .map(|(id, _)| *id)
                .chain(self.styles.iter().map(|styles| styles.latent))
                .collect(),
        )
    }

    /// What contradicts itself, if something does.
    pub(crate) fn violation(&self) -> Option<&'static str> {
        let is_near = |value: f64| (-FAR..=FAR).contains(&value);
        if self.moves.len() > MOST_MOVES {
            return Some("it is moved along too many directions");
        }
        if !self.moves.iter().all(|Move { strength, .. }| is_near(*strength)) {
            return Some("it is moved further than anything is");
        }
        None
    }

    /// The w of every layer, `[1, num_layers, w_dim]`, not truncated.
    ///
    /// # Errors
    /// If a latent, layer or direction is not there or not of this network, or the device fails.
    pub fn w_plus(&self, painter: &Painter, source: &LatentSource) -> Result<Tensor> {
        if let Some(violation) = self.violation() {
            return Err(Error::Blend(violation));
        }
        source.check(painter, &self.ids().0)?;
        let w_plus = |id| painter.w_plus(&source.latent(painter, id)?);
        let mut sum: Option<Tensor> = None;
        for &(id, share) in &self.latents.0 {
            let part = if share == 1.0 { w_plus(id)? } else { (w_plus(id)? * share)? };
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        let mut blended = sum.ok_or(Error::Blend("it is blended of nothing"))?;
        if let Some(Styles { latent, layers }) = &self.styles {
            layers.check(painter.config().num_layers())?;
            blended = mixed(&blended, &w_plus(*latent)?, &layers.0)?;
        }
        if self.moves.is_empty() {
            return Ok(blended);
        }
        let (directions, device) = (self.directions(painter, source)?, painter.device());
        for &Move { row, strength } in &self.moves {
            let count = directions.count();
            if row >= count as u64 {
                return Err(Error::Row { row, count });
            }
            let direction = directions.all.narrow(0, row as usize, 1)?.to_device(device)?;
            let direction = painter.w_plus(&Latent::new(directions.space, direction))?;
            blended = (blended + (direction * strength)?)?;
        }
        Ok(blended)
    }

    fn directions(&self, painter: &Painter, source: &LatentSource) -> Result<crate::Latents> {
        if let Some(file) = source.directions() {
            if file.space() == LatentSpace::Z {
                return Err(Error::DirectionOfZ);
            }
            file.check(painter.config())?;
            return Ok(file.latents());
        }
        let rows = self.moves.iter().map(|Move { row, .. }| row.saturating_add(1)).max().unwrap_or(1);
        match source.factorized() {
            Some(found) if found.count() as u64 >= rows => Ok(found.clone()),
            _ => crate::factorize(painter.generator(), None, usize::try_from(rows).unwrap_or(usize::MAX)),
        }
    }

    /// The picture, to be drawn.
    ///
    /// # Errors
    /// As [`Blend::w_plus`].
    pub fn sample(&self, painter: &Painter, source: &LatentSource) -> Result<Sample> {
        let numbers: BTreeSet<u64> = self.latents.0.iter().map(|(id, _)| id.number()).collect();
        let latent = Latent::WPlus(self.w_plus(painter, source)?);
        let noise = match self.latents.0.as_slice() {
            &[(id, _)] => source.noise(painter, id)?,
            _ => None,
        };
        Ok(Sample { noise, ..Sample::new(latent, numbers.into_iter().collect()) })
    }

    /// Draws it.
    ///
    /// # Errors
    /// As [`Blend::w_plus`].
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        pixels(&painter.draw(&self.sample(painter, source)?)?)
    }
}

impl FromStr for Shares {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = |part: &str| {
            let (id, share) = part.split_once(':').unwrap_or((part, "1"));
            let number = share.trim().parse::<f64>().ok().filter(|share| (-FAR..=FAR).contains(share));
            let number =
                number.ok_or_else(|| format!("`{share}` is no share, a number from -{FAR} to {FAR}"))?;
            Ok::<_, String>((id.parse::<LatentId>()?, number))
        };
        let all = text.split(',').map(share).collect::<Result<Vec<_>, _>>()?;
        if all.len() > MOST_LATENTS {
            return Err(format!("{} latents are more than {MOST_LATENTS} to be blended", all.len()));
        }
        Ok(Self(all))
    }
}

impl Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (id, share)) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            write!(f, "{id}:{share}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use stylegan_checkpoint::Checkpoint;

    use super::*;
    use crate::{DrawOptions, LatentSource};

    fn painter() -> Painter {
        let checkpoint = Checkpoint::open("../demo/faces-64.safetensors").unwrap();
        Painter::new(&checkpoint, DrawOptions::of(&checkpoint), &Device::Cpu).unwrap()
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn blend(latents: &str) -> Blend {
        Blend { latents: latents.parse().unwrap(), styles: None, moves: Vec::new() }
    }

    #[test]
    fn shares_are_written_as_they_are_read() {
        for (text, written) in
            [("7", "7:1"), ("12:0.25, @3:-0.75", "12:0.25,@3:-0.75"), ("0:1e-3", "0:0.001")]
        {
            let shares: Shares = text.parse().unwrap();
            assert_eq!(shares.to_string(), written);
            assert_eq!(written.parse::<Shares>().unwrap(), shares);
        }
        for text in ["", ",", "1:", "1:NaN", "1:1001", "x:1", "1:1:1", "-1:1", &["1"; 65].join(",")] {
            assert!(text.parse::<Shares>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_blend_is_the_sum_mixed_and_moved() {
        let painter = painter();
        let source = LatentSource::SEEDS;
        let w_plus = |blend: &Blend| values(&blend.w_plus(&painter, &source).unwrap());
        let [one, other] = [3, 4].map(|seed| w_plus(&Blend::of(LatentId::Seed(seed))));
        assert_eq!(one, values(&painter.w_plus(&painter.seed(3).unwrap().latent).unwrap()));
        for (found, (one, other)) in w_plus(&blend("3:0.25,4:0.75")).iter().zip(one.iter().zip(&other)) {
            assert!((found - (0.25 * one + 0.75 * other)).abs() < 1e-5);
        }
        let (num_layers, w_dim) = (painter.config().num_layers(), painter.config().w_dim);
        let styles = Styles { latent: LatentId::Seed(4), layers: "2".parse().unwrap() };
        let mixed = w_plus(&Blend { styles: Some(styles.clone()), ..blend("3") });
        for layer in 0..num_layers {
            let places = layer * w_dim..(layer + 1) * w_dim;
            assert_eq!(mixed[places.clone()], if layer == 2 { &other } else { &one }[places]);
        }
        let moved = Blend { moves: vec![Move { row: 1, strength: -2.0 }], ..blend("3") };
        let direction = crate::factorize(painter.generator(), None, 4).unwrap();
        let found = moved.w_plus(&painter, &source).unwrap();
        let known = LatentSource::SEEDS.with_factorized(direction.clone());
        assert_eq!(values(&found), values(&moved.w_plus(&painter, &known).unwrap()), "found before or now");
        let step = values(&direction.all.narrow(0, 1, 1).unwrap());
        for (at, (found, one)) in values(&found).iter().zip(&one).enumerate() {
            assert!((found - (one - 2.0 * step[at % w_dim])).abs() < 1e-4);
        }
        let layers = "99".parse().unwrap();
        for wrong in [
            Blend { styles: Some(Styles { layers, ..styles }), ..blend("3") },
            Blend { moves: vec![Move { row: u64::MAX, strength: 1.0 }], ..blend("3") },
            Blend { moves: vec![Move { row: 0, strength: f64::NAN }], ..blend("3") },
            Blend { latents: Shares(Vec::new()), ..blend("3") },
            blend("@0"),
        ] {
            assert!(wrong.w_plus(&painter, &source).is_err(), "{wrong:?}");
        }
    }
}
