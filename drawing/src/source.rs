//! Where latents come from: seeds, and the rows of a file.

use candle_core::{DType, Device, Tensor};
use stylegan_generator::Truncation;
use stylegan_media::{DynamicImage, grid};

use crate::{
    Error, Latent, LatentFile, LatentId, LatentSpace, Latents, Layout, NoiseImages, Painter, Result, Sample,
};

/// Where latents come from, each by its [`LatentId`].
#[derive(Debug, Default)]
pub struct LatentSource {
    file: Option<LatentFile>,
    directions: Option<LatentFile>,
    factorized: Option<Latents>,
}

impl LatentSource {
    /// Seeds alone.
    pub const SEEDS: Self = Self { file: None, directions: None, factorized: None };

    /// Seeds, and the rows of a file.
    pub fn with_file(file: LatentFile) -> Self {
        Self { file: Some(file), ..Self::SEEDS }
    }

    /// The same with a file of directions, along which pictures are moved.
    #[must_use]
    pub fn with_directions(self, directions: LatentFile) -> Self {
        Self { directions: Some(directions), ..self }
    }

    /// The same with the directions of [`factorize`](crate::factorize), which then need not be found again.
    #[must_use]
    pub fn with_factorized(self, found: Latents) -> Self {
        Self { factorized: Some(found), ..self }
    }

    /// The directions that were found in the weights.
    pub(crate) fn factorized(&self) -> Option<&Latents> {
        self.factorized.as_ref()
    }

    /// The file of directions.
    pub fn directions(&self) -> Option<&LatentFile> {
        self.directions.as_ref()
    }

    /// The file.
    pub fn file(&self) -> Option<&LatentFile> {
        self.file.as_ref()
    }

    /// Makes sure that the network can draw these.
    ///
    /// # Errors
    /// If there is no such seed or row, the network takes latents of another shape, or a label is missing.
    pub fn check(&self, painter: &Painter, ids: &[LatentId]) -> Result<()> {
        let (seeds, rows): (Vec<LatentId>, Vec<LatentId>) =
            ids.iter().partition(|id| matches!(id, LatentId::Seed(_)));
        let seeds: Vec<u64> = seeds.into_iter().map(LatentId::number).collect();
        if !seeds.is_empty() {
            painter.check_seeds(&seeds)?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        let Some(file) = &self.file else { return Err(Error::NoLatentFile) };
        // A class is for the seeds beside them, if not for these.
        if seeds.is_empty() || file.space() == LatentSpace::Z {
            painter.check_class(file.space())?;
        }
        file.check(painter.config())?;
        file.check_noise(painter.resolution())?;
        match rows.into_iter().map(LatentId::number).find(|&row| row >= file.count() as u64) {
            Some(row) => Err(Error::Row { row, count: file.count() }),
            None => Ok(()),
        }
    }

    /// The latent of a seed or row.
    ///
    /// # Errors
    /// If there is no such seed or row, or the device fails.
    pub fn latent(&self, painter: &Painter, id: LatentId) -> Result<Latent> {
        match (id, &self.file) {
            (LatentId::Seed(seed), _) => Ok(Latent::Z(painter.z(seed)?)),
            (LatentId::Row(row), Some(file)) => file.row(row, painter.device()),
            (LatentId::Row(_), None) => Err(Error::NoLatentFile),
        }
    }

    /// The noise images of a row that has its own.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn noise(&self, painter: &Painter, id: LatentId) -> Result<Option<Vec<Tensor>>> {
        match (id, &self.file) {
            (LatentId::Row(row), Some(file)) => file.noise(row, painter.device()),
            _ => Ok(None),
        }
    }

    /// The picture of a seed or row, to be drawn.
    ///
    /// # Errors
    /// If there is no such seed or row, or the device fails.
    pub fn sample(&self, painter: &Painter, id: LatentId) -> Result<Sample> {
        let noise = self.noise(painter, id)?;
        Ok(Sample { noise, ..Sample::new(self.latent(painter, id)?, vec![id.number()]) })
    }

    /// The same among others of which some are seeds: `w_plus`, which was made for its own sake, is not truncated.
    ///
    /// # Errors
    /// As [`LatentSource::sample`].
    pub(crate) fn sample_of_many(&self, painter: &Painter, id: LatentId) -> Result<Sample> {
        let sample = self.sample(painter, id)?;
        let truncation = matches!(sample.latent, Latent::WPlus(_)).then_some(Truncation::OFF);
        Ok(Sample { truncation, ..sample })
    }

    /// Whether some of these are `w_plus`.
    pub(crate) fn has_w_plus(&self, ids: &[LatentId]) -> bool {
        let space = self.file.as_ref().map(LatentFile::space);
        space == Some(LatentSpace::WPlus) && ids.iter().any(|id| matches!(id, LatentId::Row(_)))
    }

    /// The w of every layer as it is drawn among others, `[1, num_layers, w_dim]`: truncated, but for rows of `w_plus`.
    ///
    /// # Errors
    /// As [`LatentSource::sample`].
    pub(crate) fn truncated(&self, painter: &Painter, id: LatentId) -> Result<Tensor> {
        let sample = self.sample_of_many(painter, id)?;
        painter.truncated(&painter.w_plus(&sample.latent)?, sample.truncation)
    }

    /// The noise images of these, if all are rows of a file that has some.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn noise_images(&self, ids: &[LatentId]) -> Result<Option<NoiseImages>> {
        let row = |id: &LatentId| match *id {
            LatentId::Row(row) => Some(row),
            LatentId::Seed(_) => None,
        };
        match (&self.file, ids.iter().map(row).collect::<Option<Vec<u64>>>()) {
            (Some(file), Some(rows)) => Ok(file.noise_of(&rows)?),
            _ => Ok(None),
        }
    }

    /// The latents of these in one space: z and w are not truncated, `w_plus` is as it is drawn by the painter.
    ///
    /// # Errors
    /// As [`LatentSource::sample`], and if one is behind the space in the network.
    pub fn latents(&self, painter: &Painter, ids: &[LatentId], space: LatentSpace) -> Result<Latents> {
        let of_one = |&id: &LatentId| match (space, self.latent(painter, id)?) {
            (LatentSpace::Z, Latent::Z(z)) => Ok(z),
            (LatentSpace::W, Latent::Z(z)) => painter.w(&z),
            (LatentSpace::W, Latent::W(w)) => Ok(w),
            (LatentSpace::WPlus, _) => self.truncated(painter, id),
            (_, latent) => Err(Error::BehindSpace { found: latent.space(), asked: space }),
        };
        let all =
            ids.iter().map(|id| Ok(of_one(id)?.to_device(&Device::Cpu)?)).collect::<Result<Vec<_>>>()?;
        Ok(Latents { space, all: Tensor::cat(&all, 0)?.to_dtype(DType::F32)? })
    }

    /// All of these in one picture; rows of `w_plus` beside seeds are not truncated.
    ///
    /// # Errors
    /// As [`LatentSource::check`], and if the picture would be too large or the device fails.
    pub fn grid(&self, painter: &Painter, ids: &[LatentId], layout: Layout) -> Result<DynamicImage> {
        self.check(painter, ids)?;
        layout.check_size(painter.resolution())?;
        let beside_seeds = ids.iter().any(|id| matches!(id, LatentId::Seed(_)));
        let pictures = painter.pictures(ids, |&id| {
            if beside_seeds { self.sample_of_many(painter, id) } else { self.sample(painter, id) }
        })?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}
