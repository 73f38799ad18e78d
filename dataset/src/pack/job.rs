//! One source on its way into one pack.

use std::path::Path;
use std::time::Instant;

use stylegan_base::Resolution;
use stylegan_base::files::{NewFolder, folder_of};

use super::format::Format;
use super::index::Index;
use super::level_files::LevelFiles;
use super::options::PackOptions;
use super::pyramid::Pyramid;
use super::report::{PackReport, open};
use super::shard::ShardOfPack;
use super::sizes::Sizes;
use super::skips::{self, Skips};
use super::write::{Sink, write_levels};
use crate::error::{Error, ErrorKind};
use crate::readers::Source;
use crate::shard::Shard;
use crate::skipped::Skipped;

pub(super) struct Job<'a> {
    source: &'a Source,
    options: PackOptions,
    skips: Skips<'a>,
    /// Where they had to be found out.
    sizes: Option<Sizes>,
    start: Instant,
}

/// What is to be written.
pub(super) struct Plan {
    /// The pictures that are, by their numbers.
    candidates: Vec<usize>,
    /// All that is known of them before they are decoded.
    index: Index,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        source: &'a Source,
        options: PackOptions,
        on_skipped: &'a mut dyn FnMut(&Skipped),
        start: Instant,
    ) -> Self {
        let skips = Skips::new(source, options.max_bad_fraction, on_skipped);
        Self { source, options, skips, sizes: None, start }
    }

    fn sizes(&mut self) -> Result<&Sizes, Error> {
        let sizes = match self.sizes.take() {
            Some(sizes) => sizes,
            None => Sizes::measure(self.source, &mut self.skips)?,
        };
        Ok(self.sizes.insert(sizes))
    }

    /// What the pictures are made.
    pub(super) fn format(&mut self) -> Result<Format, Error> {
        let PackOptions { channels, bits, .. } = self.options;
        Ok(Format { resolution: self.resolution()?, channels, bits })
    }

    fn resolution(&mut self) -> Result<Resolution, Error> {
        let fit = self.options.fit;
        match self.options.resolution {
            Some(resolution) => Ok(resolution),
            None => Ok(self.sizes()?.common_square(fit)),
        }
    }

    /// Opens what is at `out`, if it is what this job would make.
    pub(super) fn reuse(&mut self, out: &Path) -> Result<(Pyramid, PackReport), Error> {
        let index = Index::find(out)?.ok_or_else(|| ErrorKind::OutputExists.at(out))?;
        let differs = |difference: String| Err(ErrorKind::OutputDiffers { difference }.at(out));
        if index.fingerprint != self.source.fingerprint() {
            return differs(format!("of other pictures than are in `{}` now", self.source.path().display()));
        }
        let resolution = match self.options.resolution {
            None if index.automatic_resolution => index.resolution,
            _ => self.resolution()?,
        };
        if resolution != index.resolution {
            let (found, asked) = (index.resolution.short(), resolution.short());
            return differs(format!("of resolution {found}, not {asked}"));
        }
        if index.channels != self.options.channels {
            let (found, asked) = (index.channels.counted(), self.options.channels);
            return differs(format!("of {found}, not {asked}"));
        }
        if index.bits != self.options.bits {
            return differs(format!("of {} bits, not {}", index.bits, self.options.bits));
        }
        let shard = index.shard.as_ref().map(|part| part.shard);
        if shard != self.options.shard {
            let named =
                |shard: Option<Shard>| shard.map_or("all of them".into(), |shard| format!("part {shard}"));
            return differs(format!("of {}, not of {}", named(shard), named(self.options.shard)));
        }
        if index.fit != self.options.fit {
            return differs(format!("with `{}`, not `{}`", index.fit, self.options.fit));
        }
        if !index.too_small.is_empty() && self.options.allow_upscale {
            return differs(format!("{} small pictures were left out of it", index.too_small.len()));
        }
        if index.upscaled > 0 && !self.options.allow_upscale {
            return differs(format!("{} of its pictures were enlarged", index.upscaled));
        }
        skips::check(self.source, &index.skipped, self.options.max_bad_fraction)?;
        open(out, index, self.source.left_out().clone(), true, self.start)
    }

    /// Makes the pack.
    pub(super) fn make(&mut self, out: &Path) -> Result<(Pyramid, PackReport), Error> {
        let format = self.format()?;
        let plan = self.plan(format)?;
        let partial = NewFolder::begin(out).map_err(Error::write(folder_of(out)))?;
        let write = || {
            let mut files = LevelFiles::create(partial.partial_path(), format)?;
            let index = self.write(plan, &mut files)?;
            files.finish()?;
            index.write(partial.partial_path())?;
            Ok(index)
        };
        let index = write().map_err(|error: Error| error.inside(&partial))?;
        if partial.finish().map_err(Error::write(out))? {
            open(out, index, self.source.left_out().clone(), false, self.start)
        } else {
            self.reuse(out)
        }
    }

    /// Finds out which pictures are packed in that format, before the long work begins.
    pub(super) fn plan(&mut self, format: Format) -> Result<Plan, Error> {
        let source = self.source;
        let fit = self.options.fit;
        let too_small = if self.options.allow_upscale {
            Vec::new()
        } else {
            self.sizes()?.too_small(source, format.resolution, fit)?
        };
        let mut candidates: Vec<usize> = (0..source.len())
            .filter(|&i| self.sizes.as_ref().is_none_or(|sizes| sizes.is_readable(i)))
            .filter(|i| too_small.binary_search(i).is_err())
            .collect();

        let mut index = Index::new(format, source.fingerprint(), source.path());
        index.fit = fit;
        if let Some(sizes) = &self.sizes {
            let small = |&i: &usize| Skipped { name: source.names()[i].clone(), reason: sizes.shown(i) };
            index.too_small = too_small.iter().map(small).collect();
            index.uncropped = sizes.uncropped();
        }
        index.automatic_resolution = self.options.resolution.is_none();
        if let Some(shard) = self.options.shard {
            let names = candidates.iter().map(|&i| &source.names()[i]);
            index.shard = Some(ShardOfPack::new(shard, names));
            let count = candidates.len();
            candidates = candidates.drain(shard.range(count)).collect();
            if candidates.is_empty() {
                return Err(ErrorKind::EmptyShard { shard, count }.at(source.path()));
            }
        }
        Ok(Plan { candidates, index })
    }

    /// Writes the pictures of a plan; returns what became of them.
    pub(super) fn write(
        &mut self,
        Plan { candidates, mut index }: Plan,
        sink: &mut dyn Sink,
    ) -> Result<Index, Error> {
        let source = self.source;
        let kept = write_levels(source, &candidates, &mut index, &mut self.skips, sink)?;
        if kept.is_empty() {
            return Err(
                ErrorKind::NoPictures { left_out: Box::new(source.left_out().clone()) }.at(source.path())
            );
        }
        index.count = kept.len();
        let found = source.found_labels();
        index.label_file = found.file.cloned();
        index.labels = found.labels.map(|labels| labels.select(&kept));
        index.pictures = kept.iter().map(|&i| source.names()[i].clone()).collect();
        index.skipped = self.skips.list().to_vec();
        Ok(index)
    }
}
