//! The critic, and the gradient of its scores with respect to the pictures.

use candle_core::{DType, Result, Tensor, bail};
use candle_nn::VarBuilder;
use stylegan_ops::{Chain, FeatureLayout, Level, Resolution, blend, downscale2x, downscale2x_adjoint};

use crate::CriticConfig;
use crate::block::{Block, FromRgb, Head, HeadRecord};

/// Scores pictures, higher for those that look real: the mirror image of the generator's growing network.
#[derive(Clone, Debug)]
pub struct Critic {
    config: CriticConfig,
    /// One for each level from the smallest on.
    from_rgb: Vec<FromRgb>,
    /// One for each level but the smallest, which is the head's.
    blocks: Vec<Block>,
    head: Head,
    /// The type of features above the head; none for that of the pictures.
    features: Option<DType>,
    layout: FeatureLayout,
}

/// What a forward pass leaves behind for [`Recording::input_gradient`].
#[derive(Clone, Debug)]
pub struct Recording {
    critic: Critic,
    labels: Option<Tensor>,
    /// Samples in each set of pictures.
    batch: usize,
    /// From the pictures to the next smaller level.
    top: Chain,
    fade: Option<Fade>,
    /// From there to the head; none if that is where `top` ends.
    below: Option<Chain>,
    head: HeadRecord,
}

/// The path of the half-size pictures while a level fades in.
#[derive(Clone, Debug)]
struct Fade {
    share: f64,
    from_rgb: Chain,
}

impl Critic {
    /// The critic of `config`, with its tensors from `vb`: `from_rgb_4`, `from_rgb_8`, ..., `block_4`, `block_8`, ..., by the
    /// longer side.
    ///
    /// # Errors
    /// If the configuration is impossible or `vb` has no such tensors.
    pub fn new(config: &CriticConfig, vb: &VarBuilder) -> Result<Self> {
        if let Some(violation) = config.violations().first() {
            bail!("{violation}")
        }
        let start = config.resolution.start();
        let sides = || config.resolution.levels().map(Resolution::side);
        Ok(Self {
            from_rgb: sides()
                .map(|side| FromRgb::new(config, side, &vb.pp(format!("from_rgb_{side}"))))
                .collect::<Result<_>>()?,
            blocks: sides()
                .skip(1)
                .map(|side| Block::new(config, side, &vb.pp(format!("block_{side}"))))
                .collect::<Result<_>>()?,
            head: Head::new(config, start, &vb.pp(format!("block_{}", start.side())))?,
            config: config.clone(),
            features: None,
            layout: FeatureLayout::Nchw,
        })
    }

    /// The same network with features of another type above the head, such as `bf16` on a GPU; weights, pictures, scores and
    /// gradients keep theirs.
    #[must_use]
    pub fn with_features_in(self, dtype: DType) -> Self {
        Self { features: Some(dtype), ..self }
    }

    /// The same network, with features that lie so in memory; where it is not `nchw`, on a GPU only.
    #[must_use]
    pub fn with_layout(self, layout: FeatureLayout) -> Self {
        Self { layout, ..self }
    }

    /// The shape of this network.
    pub fn config(&self) -> &CriticConfig {
        &self.config
    }

    /// The score of each picture.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, num_channels, height, width]` in -1..1, those of the resolution `/ 2^floor(lod)`; the batch
    ///   divisible by the group size of the minibatch stddev, or smaller than it
    /// - `labels`: `[batch, label_dim]`, for a critic with labels
    /// - returns: `[batch]`
    ///
    /// # Errors
    /// If a shape differs, or `lod` is outside the network.
    pub fn forward(&self, pictures: &Tensor, lod: f64, labels: Option<&Tensor>) -> Result<Tensor> {
        Ok(self.forward_recorded(pictures, lod, labels)?.0)
    }

    /// The same, and what the gradient with respect to the pictures needs.
    ///
    /// # Errors
    /// As [`Critic::forward`].
    pub fn forward_recorded(
        &self,
        pictures: &Tensor,
        lod: f64,
        labels: Option<&Tensor>,
    ) -> Result<(Tensor, Recording)> {
        let (mut scores, recording) = self.forward_sets(&[pictures], lod, labels)?;
        Ok((scores.remove(0), recording))
    }

    /// The scores of several sets of pictures in one pass, each a minibatch of its own.
    ///
    /// # Shapes
    /// - `sets`: `[batch, num_channels, height, width]` each
    /// - `labels`: `[batch, label_dim]`, the same for all sets
    /// - returns: `[batch]` for each set
    ///
    /// # Errors
    /// As [`Critic::forward`], or if the sets differ in shape or there are none.
    pub fn forward_sets(
        &self,
        sets: &[&Tensor],
        lod: f64,
        labels: Option<&Tensor>,
    ) -> Result<(Vec<Tensor>, Recording)> {
        let Some(first) = sets.first() else { bail!("the critic was given no pictures") };
        if let Some(other) = sets.iter().find(|set| set.dims() != first.dims()) {
            bail!("sets of pictures differ: {:?} and {:?}", first.dims(), other.dims())
        }
        let batch = first.dim(0)?;
        let labels = labels.map(|labels| Tensor::cat(&vec![labels; sets.len()], 0)).transpose()?;
        let pictures = &if sets.len() == 1 { (*first).clone() } else { Tensor::cat(sets, 0)? };
        let level = Level::new(self.config.resolution, lod)?;
        let (_, channels, height, width) = pictures.dims4()?;
        let (found, expected) = (Resolution { width, height }, level.resolution);
        if (channels, found) != (self.config.num_channels, expected) {
            bail!(
                "the critic expects pictures of {expected} with {} channels at level of detail {lod}, not {found} with \
                 {channels}",
                self.config.num_channels
            )
        }
        // Index of the pictures' level in `from_rgb`, and number of blocks above the head in use.
        let count = level.resolution.doublings() as usize;
        let mut links = vec![self.from_rgb[count].link()];
        let (blocks, top_block) = match self.blocks[..count].split_last() {
            Some((top, blocks)) => (blocks, Some(top)),
            None => (&[][..], None),
        };
        if let Some(block) = top_block {
            links.extend(block.links());
        }
        let (dtype, features) = (pictures.dtype(), self.features.unwrap_or(pictures.dtype()));
        let layout = self.layout;
        let top = Chain::new(&layout.of_planes(&pictures.to_dtype(features)?)?, &links, layout)?;
        let mut x = top.output().clone();
        let mut fade = None;
        if level.fade > 0.0 {
            let small = layout.of_planes(&downscale2x(pictures)?.to_dtype(features)?)?;
            let small = Chain::new(&small, &[self.from_rgb[count - 1].link()], layout)?;
            x = blend(&x, small.output(), level.fade)?;
            fade = Some(Fade { share: level.fade, from_rgb: small });
        }
        let mut below = None;
        if !blocks.is_empty() {
            let mut links = Vec::with_capacity(2 * blocks.len());
            for block in blocks.iter().rev() {
                links.extend(block.links());
            }
            let chain = Chain::new(&x, &links, layout)?;
            x = chain.output().clone();
            below = Some(chain);
        }
        let x = layout.to_planes(&x)?.to_dtype(dtype)?;
        let head = self.head.forward(&x, labels.as_ref(), sets.len())?;
        let scores =
            (0..sets.len()).map(|set| head.scores.narrow(0, set * batch, batch)).collect::<Result<_>>()?;
        Ok((scores, Recording { critic: self.clone(), labels, batch, top, fade, below, head }))
    }
}

impl Recording {
    /// The gradient of the sum of the scores with respect to the pictures, as a part of the graph; of several sets, the
    /// first.
    ///
    /// It is a differentiable function of the critic's weights: a loss made of it, such as the gradient penalty, gives
    /// exact second-order gradients by one ordinary backward pass. No gradient of a weight is computed here.
    ///
    /// # Shapes
    /// - returns: as the pictures, `[batch, num_channels, height, width]`
    ///
    /// # Errors
    /// If the device fails.
    pub fn input_gradient(&self) -> Result<Tensor> {
        self.input_gradient_of(0)
    }

    /// The same for the pictures of set number `set`.
    ///
    /// # Errors
    /// If there is no such set or the device fails.
    pub fn input_gradient_of(&self, set: usize) -> Result<Tensor> {
        let first = set * self.batch;
        let g = self.critic.head.input_gradient(&self.head, self.labels.as_ref(), (first, self.batch))?;
        let (dtype, features) = (g.dtype(), self.top.output().dtype());
        let layout = self.critic.layout;
        let mut g = layout.of_planes(&g.to_dtype(features)?)?;
        // To the pictures' planes and type.
        let out = |g: Tensor| layout.to_planes(&g)?.to_dtype(dtype);
        if let Some(below) = &self.below {
            g = below.input_gradient_of(&g, first)?;
        }
        match &self.fade {
            None => out(self.top.input_gradient_of(&g, first)?),
            Some(Fade { share, from_rgb }) => {
                let of_small = out(from_rgb.input_gradient_of(&(&g * *share)?, first)?)?;
                let of_large = out(self.top.input_gradient_of(&(g * (1.0 - share))?, first)?)?;
                of_large + downscale2x_adjoint(&of_small)?
            }
        }
    }
}
