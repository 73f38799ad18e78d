//! Walks through latent space.

use candle_core::{IndexOp, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_base::Key;
use stylegan_generator::{Curve, Easing, Truncation, interpolate};
use stylegan_media::{DynamicImage, grid};
use stylegan_ops::RandomTensors;

use crate::mixing::mixed;
use crate::{
    Error, Latent, LatentId, LatentIds, LatentSource, LatentSpace, Layers, Layout, Painter, Result, Sample,
    Seeds, pixels, text,
};

/// Latents and frames of the longest walk.
pub const MAX_FRAMES: u32 = 100_000;

/// Where a Gaussian is cut off, in its deviations: beyond, it weighs less than 4e-4.
const TAILS: f64 = 4.0;

/// A walk through latent space, or several side by side, under the names of a recipe's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// What it visits in order, at least two; the latents of several walks one walk after the other.
    #[serde(with = "text")]
    pub seeds: LatentIds,
    /// The space that it goes through.
    pub space: WalkSpace,
    /// How many frames it has, 1 to [`MAX_FRAMES`].
    pub frames: u32,
    /// Whether it goes on from the last latent back to the first.
    #[serde(rename = "loop")]
    pub looping: bool,
    /// How it goes from one to the next.
    #[serde(default, skip_serializing_if = "is_default")]
    pub path: WalkPath,
    /// How fast it goes.
    #[serde(default, with = "EasingName", skip_serializing_if = "is_default")]
    pub easing: Easing,
    /// The layers that go; the others stay with the first latent. All of them if not given.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,
    /// How many walks stand side by side in each frame.
    #[serde(default = "one", with = "text", skip_serializing_if = "is_one")]
    pub walks: Layout,
    /// The class at each latent, for a network with labels: none for the painter's own, one for all, or one for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<usize>,
}

/// The space that a walk goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WalkSpace {
    /// z is on a sphere.
    Z,
    /// w is flat.
    W,
}

/// How a walk goes from one latent to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WalkPath {
    /// Straight: in w along lines, in z along great circles.
    #[default]
    Straight,
    /// Along a cubic spline, without corners.
    Spline,
    /// It visits nothing: each frame's z is Gaussian noise, smoothed over time around the loop, as in the films of Progressive
    /// GAN (Karras et al. 2018). A seed names each walk.
    Smooth {
        /// The deviation of the smoothing Gaussian in frames.
        deviation: f64,
    },
}

/// The names of the easings in a recipe.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Easing", rename_all = "kebab-case")]
enum EasingName {
    None,
    InOut,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> Layout {
    Layout::ONE
}

fn is_one(layout: &Layout) -> bool {
    *layout == Layout::ONE
}

/// Some frames of a walk in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strip {
    /// The walk.
    #[serde(flatten)]
    pub walk: Walk,
    /// Numbers of the frames, from 0.
    #[serde(with = "text")]
    pub shown: Seeds,
    /// How they stand side by side.
    #[serde(with = "text")]
    pub grid: Layout,
}

impl Walk {
    /// A walk straight through w, or along the great circles of z.
    pub fn new(seeds: LatentIds, space: WalkSpace, frames: u32, looping: bool) -> Self {
        Self {
            seeds,
            space,
            frames,
            looping,
            path: WalkPath::default(),
            easing: Easing::default(),
            layers: None,
            walks: Layout::ONE,
            classes: Vec::new(),
        }
    }

    /// The numbers of all its frames.
    pub fn all(&self) -> Vec<u64> {
        (0..self.frames.into()).collect()
    }

    /// Makes sure that it goes somewhere, and has an end.
    ///
    /// # Errors
    /// If it has too few or too many latents, frames or classes.
    pub fn check(&self) -> Result<()> {
        let (count, walks) = (self.seeds.0.len(), self.walks.columns.saturating_mul(self.walks.rows));
        let refuse = |words: String| Err(Error::Walk(words));
        if !(1..=MAX_FRAMES).contains(&self.frames) {
            return Err(Error::Frames { frames: self.frames });
        }
        if count > MAX_FRAMES as usize {
            return Err(Error::TooManySeeds { count });
        }
        if let WalkPath::Smooth { deviation } = self.path {
            if !(deviation > 0.0 && deviation <= f64::from(MAX_FRAMES)) {
                return refuse(format!("is smoothed over more than 0 frames, not {deviation}"));
            }
            if self.seeds.has_rows() || !self.classes.is_empty() || self.space != WalkSpace::Z {
                return refuse(
                    "of smooth noise goes through z, and visits neither latents nor classes".into(),
                );
            }
            if count != walks {
                return refuse(format!("of smooth noise has a seed, but {count} were given for {walks}"));
            }
            return Ok(());
        }
        if count < 2 {
            return Err(Error::OneSeed);
        }
        if count % walks != 0 || count / walks < 2 {
            let each = "visits at least two latents, each as many";
            return refuse(format!("{each}, but {count} were given for {walks}"));
        }
        if !self.classes.is_empty() && self.classes.len() != count {
            return refuse(format!("has a class for each latent, but {} for {count}", self.classes.len()));
        }
        if self.space == WalkSpace::Z && !self.classes.is_empty() {
            return refuse("between classes goes through w, where they have a place".into());
        }
        Ok(())
    }

    /// What contradicts itself in a recipe, if something does.
    pub(crate) fn violation(&self) -> Option<&'static str> {
        let has_frames = (1..=MAX_FRAMES).contains(&self.frames);
        (!has_frames).then_some("its walk has too few or too many frames")
    }

    /// Makes sure that the network can draw what it visits.
    ///
    /// # Errors
    /// As [`Walk::check`], and if a latent, class or layer is not the network's, or the device fails.
    pub fn check_latents(&self, painter: &Painter, source: &LatentSource) -> Result<()> {
        self.routes(painter, source).map(drop)
    }

    /// Draws these frames and hands them to `sink` in order.
    ///
    /// # Errors
    /// As [`Walk::check`], if a latent cannot be drawn, a frame would be too large or the device fails, or with the error of
    /// `sink`; nothing more is drawn then.
    pub fn draw<E: From<Error>>(
        &self,
        painter: &Painter,
        source: &LatentSource,
        frames: &[u64],
        mut sink: impl FnMut(u64, DynamicImage) -> Result<(), E>,
    ) -> Result<(), E> {
        self.walks.check_size(painter.resolution())?;
        let routes = self.routes(painter, source)?;
        let jobs: Vec<(u64, usize)> =
            frames.iter().flat_map(|&frame| (0..routes.len()).map(move |walk| (frame, walk))).collect();
        let mut beside = Vec::with_capacity(routes.len());
        painter.draw_all(
            &jobs,
            |&(frame, walk)| {
                let mut sample = routes[walk].sample(painter, frame)?;
                if walk > 0 {
                    sample.noise_numbers.push(walk as u64);
                }
                Ok(sample)
            },
            |&(frame, _), picture| {
                beside.push(pixels(&picture).map_err(E::from)?);
                if beside.len() < routes.len() {
                    return Ok(());
                }
                let whole = match beside.pop() {
                    Some(only) if beside.is_empty() => only,
                    last => {
                        beside.extend(last);
                        grid(&beside, self.walks.columns, self.walks.rows)
                    }
                };
                beside.clear();
                sink(frame, whole)
            },
        )
    }

    /// Each walk's way.
    fn routes(&self, painter: &Painter, source: &LatentSource) -> Result<Vec<Route>> {
        self.check()?;
        let ids = &self.seeds.0;
        let of_classes = !self.classes.is_empty();
        if !of_classes {
            source.check(painter, ids)?;
        } else if source.has_w_plus(ids) || self.seeds.has_rows() {
            return Err(Error::Walk("between classes visits seeds, not latents of a file".to_owned()));
        }
        let num_layers = painter.config().num_layers();
        self.layers.iter().try_for_each(|layers| layers.check(num_layers))?;
        let walks = self.walks.columns * self.walks.rows;
        ids.chunks(ids.len() / walks)
            .enumerate()
            .map(|(walk, ids)| {
                let classes = self.classes.get(walk * ids.len()..(walk + 1) * ids.len()).unwrap_or(&[]);
                let points = self.points(painter, source, ids, classes)?;
                let still = match &self.layers {
                    Some(layers) => Some((layers.clone(), points.w_plus(painter, 0)?)),
                    None => None,
                };
                Ok(Route { points, still })
            })
            .collect()
    }

    fn points(
        &self,
        painter: &Painter,
        source: &LatentSource,
        ids: &[LatentId],
        classes: &[usize],
    ) -> Result<Points> {
        let curve = match (self.path, self.space) {
            (WalkPath::Smooth { deviation }, _) => {
                return Ok(Points::Smooth(SmoothNoise::new(ids[0].number(), self.frames, deviation)));
            }
            (WalkPath::Spline, _) => Curve::Spline,
            (WalkPath::Straight, WalkSpace::Z) => Curve::GreatCircle,
            (WalkPath::Straight, WalkSpace::W) => Curve::Line,
        };
        // Where some are truncated and others are not, they are so before they are walked between.
        let (space, truncated) = match self.space {
            WalkSpace::Z => (LatentSpace::Z, false),
            WalkSpace::W if source.has_w_plus(&self.seeds.0) => (LatentSpace::WPlus, true),
            WalkSpace::W => (LatentSpace::W, false),
        };
        let key = |(index, &id): (usize, &LatentId)| match (space, source.latent(painter, id)?) {
            (LatentSpace::WPlus, _) => source.truncated(painter, id),
            (LatentSpace::W, Latent::Z(z)) => match classes.get(index) {
                Some(&class) => painter.w_of_class(&z, class),
                None => painter.w(&z),
            },
            (LatentSpace::W, Latent::W(w)) => Ok(w),
            (LatentSpace::Z, Latent::Z(z)) => Ok(z),
            _ => Err(Error::Walk("through z visits no latents of w".to_owned())),
        };
        let keys = ids.iter().enumerate().map(key).collect::<Result<Vec<_>>>()?;
        let keys = Tensor::cat(&keys, 0)?;
        let shape = keys.dims().to_vec();
        let flat = keys.flatten_from(1)?;
        let points = interpolate(&flat, self.frames as usize, self.looping, curve, self.easing)?;
        let shape: Vec<usize> = std::iter::once(self.frames as usize).chain(shape[1..].to_vec()).collect();
        Ok(Points::Through { space, truncated, points: points.reshape(shape)? })
    }
}

/// One walk's way.
#[derive(Debug)]
struct Route {
    points: Points,
    /// The layers that go, and the w of the others, `[1, num_layers, w_dim]`.
    still: Option<(Layers, Tensor)>,
}

/// Where a walk is in each frame.
#[derive(Debug)]
enum Points {
    Through {
        space: LatentSpace,
        /// Whether truncation is in them already.
        truncated: bool,
        /// `[frames, z_dim]`, `[frames, w_dim]` or `[frames, num_layers, w_dim]`
        points: Tensor,
    },
    Smooth(SmoothNoise),
}

impl Route {
    fn sample(&self, painter: &Painter, frame: u64) -> Result<Sample> {
        let mut latent = self.points.latent(painter, frame)?;
        if let Some((layers, still)) = &self.still {
            latent = Latent::WPlus(mixed(still, &painter.w_plus(&latent)?, &layers.0)?);
        }
        let truncated = matches!(self.points, Points::Through { truncated: true, .. });
        let truncation = truncated.then_some(Truncation::OFF);
        Ok(Sample { truncation, ..Sample::new(latent, vec![frame]) })
    }
}

impl Points {
    fn latent(&self, painter: &Painter, frame: u64) -> Result<Latent> {
        match self {
            Self::Through { space, points, .. } => {
                let index = frame as usize;
                Ok(Latent::new(*space, points.i(index..=index)?.contiguous()?))
            }
            Self::Smooth(noise) => Ok(Latent::Z(noise.z(painter, frame)?)),
        }
    }

    fn w_plus(&self, painter: &Painter, frame: u64) -> Result<Tensor> {
        painter.w_plus(&self.latent(painter, frame)?)
    }
}

/// Gaussian noise of every frame, smoothed over time around the loop.
#[derive(Debug)]
struct SmoothNoise {
    seed: u64,
    frames: u64,
    /// What the noise of a frame, and of those beside it on both sides, counts; squares sum up to 1.
    weights: Vec<f64>,
}

impl SmoothNoise {
    fn new(seed: u64, frames: u32, deviation: f64) -> Self {
        // Around the loop once at most.
        let reach = ((TAILS * deviation).ceil() as u32).min((frames - 1) / 2);
        let gaussian: Vec<f64> =
            (0..=reach).map(|step| (-(f64::from(step) / deviation).powi(2) / 2.0).exp()).collect();
        let squares: f64 =
            gaussian.iter().enumerate().map(|(step, x)| if step == 0 { x * x } else { 2.0 * x * x }).sum();
        let weights = gaussian.iter().map(|x| x / squares.sqrt()).collect();
        Self { seed, frames: frames.into(), weights }
    }

    /// `[1, z_dim]`
    fn z(&self, painter: &Painter, frame: u64) -> Result<Tensor> {
        let z_dim = painter.config().z_dim;
        let noise = |frame: u64| {
            let key = Key::new("smooth walk", &[self.seed, frame % self.frames]);
            key.normal((1, z_dim), candle_core::DType::F32, painter.device())
        };
        let mut z = (noise(frame)? * self.weights[0])?;
        for (step, &weight) in self.weights.iter().enumerate().skip(1) {
            let step = step as u64;
            let both = (noise(frame + step)? + noise(frame + self.frames - step)?)?;
            z = (z + (both * weight)?)?;
        }
        Ok(z)
    }
}

impl Strip {
    /// Draws the frames side by side.
    ///
    /// # Errors
    /// As [`Walk::draw`], and if the picture would be too large.
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        let Self { walk, shown: Seeds(shown), grid: layout } = self;
        let whole = Layout {
            columns: layout.columns.saturating_mul(walk.walks.columns),
            rows: layout.rows.saturating_mul(walk.walks.rows),
        };
        whole.check_size(painter.resolution())?;
        let mut pictures = Vec::with_capacity(shown.len());
        walk.draw(painter, source, shown, |_, picture| {
            pictures.push(picture);
            Ok::<(), Error>(())
        })?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(seeds: &str) -> Walk {
        Walk::new(seeds.parse().unwrap(), WalkSpace::W, 9, true)
    }

    #[test]
    fn walks_that_go_nowhere_say_why() {
        let smooth = Walk { path: WalkPath::Smooth { deviation: 2.0 }, space: WalkSpace::Z, ..walk("3") };
        smooth.check().unwrap();
        walk("0,@1").check().unwrap();
        let four = Layout { columns: 2, rows: 2 };
        Walk { walks: four, ..walk("0-7") }.check().unwrap();
        Walk { walks: four, ..smooth.clone() }.check().unwrap_err();
        for (wrong, words) in [
            (walk("3"), "a walk needs at least two seeds"),
            (Walk { frames: 0, ..walk("0-1") }, "a walk has 1 to 100,000 frames, not 0"),
            (walk("0-100000"), "a walk visits up to 100,000 seeds, not 100,001"),
            (
                Walk { walks: four, ..walk("0-4") },
                "a walk visits at least two latents, each as many, but 5 were given for 4",
            ),
            (
                Walk { walks: four, ..walk("0-3") },
                "a walk visits at least two latents, each as many, but 4 were given for 4",
            ),
            (Walk { classes: vec![1], ..walk("0-1") }, "a walk has a class for each latent, but 1 for 2"),
            (
                Walk { path: WalkPath::Smooth { deviation: f64::NAN }, ..smooth.clone() },
                "a walk is smoothed over more than 0 frames, not NaN",
            ),
            (
                Walk { space: WalkSpace::W, ..smooth.clone() },
                "a walk of smooth noise goes through z, and visits neither latents nor classes",
            ),
            (
                Walk { seeds: LatentIds::seeds([1, 2]), ..smooth },
                "a walk of smooth noise has a seed, but 2 were given for 1",
            ),
        ] {
            assert_eq!(wrong.check().unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn smooth_noise_has_weights_of_one_length() {
        for (frames, deviation) in [(1, 5.0), (2, 0.1), (60, 3.0), (60, 100.0)] {
            let SmoothNoise { weights, .. } = SmoothNoise::new(7, frames, deviation);
            let squares: f64 = weights[0].powi(2) + 2.0 * weights[1..].iter().map(|x| x * x).sum::<f64>();
            assert!((squares - 1.0).abs() < 1e-12, "{squares}");
            assert!(weights.is_sorted_by(|a, b| a > b));
            assert!(2 * weights.len() as u32 - 1 <= frames, "a frame counts twice");
        }
        assert_eq!(SmoothNoise::new(7, 600, 3.0).weights.len(), 13);
    }

    #[test]
    fn recipes_of_before_are_read_and_written_as_they_were() {
        let json = r#"{"seeds":"0-1","space":"z","frames":7,"loop":true}"#;
        let read: Walk = serde_json::from_str(json).unwrap();
        assert_eq!(read, Walk::new(LatentIds::seeds([0, 1]), WalkSpace::Z, 7, true));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        let walk = Walk {
            path: WalkPath::Smooth { deviation: 1.5 },
            easing: Easing::InOut,
            layers: Some("0-3".parse().unwrap()),
            walks: Layout { columns: 2, rows: 1 },
            classes: vec![1, 2],
            ..read
        };
        let json = serde_json::to_string(&walk).unwrap();
        assert_eq!(serde_json::from_str::<Walk>(&json).unwrap(), walk);
        assert!(json.ends_with(
            r#""path":{"smooth":{"deviation":1.5}},"easing":"in-out","layers":"0-3","walks":"2x1","classes":[1,2]}"#
        ), "{json}");
    }
}
