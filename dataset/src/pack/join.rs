//! Parts of one source that were packed by themselves become one pack.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use stylegan_base::files::{NewFolder, folder_of};
use tracing::field::Empty;

use super::contents::picture_digest;
use super::index::Index;
use super::level_files::LevelFiles;
use super::levels::levels;
use super::pyramid::Pyramid;
use super::report::{PackReport, open};
use super::shard::ShardOfPack;
use super::write::Sink;
use crate::error::{Error, ErrorKind};
use crate::left_out::LeftOut;
use crate::shard::Shard;
use crate::skipped::Skipped;

/// Joins the packs in the folders `parts`, which are all parts of one source in any order, into the new folder `out`: the
/// pack that would have been made of the whole source.
///
/// Pixels are compared with their digests on the way.
///
/// # Errors
/// If one of `parts` is no part, they are not all of one source, packed in the same way, one is missing or there twice or
/// damaged, if there is something at `out`, or it cannot be written. Nothing is left behind then.
pub fn join(parts: &[PathBuf], out: &Path) -> Result<(Pyramid, PackReport), Error> {
    let start = Instant::now();
    if std::fs::symlink_metadata(out).is_ok() {
        return Err(ErrorKind::OutputTaken.at(out));
    }
    let parts = in_order(parts)?;
    let partial = NewFolder::begin(out).map_err(Error::write(folder_of(out)))?;
    let write = || {
        let index = joined(&parts)?;
        let mut files = LevelFiles::create(partial.partial_path(), index.format())?;
        copy(&parts, index.count, &mut files)?;
        files.finish()?;
        index.write(partial.partial_path())?;
        Ok(index)
    };
    let index = write().map_err(|error: Error| error.inside(&partial))?;
    if partial.finish().map_err(Error::write(out))? {
        open(out, index, LeftOut::default(), false, start)
    } else {
        Err(ErrorKind::OutputTaken.at(out))
    }
}

/// Opens the parts, in the order of their numbers.
fn in_order(paths: &[PathBuf]) -> Result<Vec<Pyramid>, Error> {
    let mut parts = Vec::with_capacity(paths.len());
    for path in paths {
        let part = Pyramid::open(path)?;
        let shard = part.index().shard.clone();
        parts.push((shard.ok_or_else(|| refused(path, "it is no part of a set of pictures"))?, part));
    }
    parts.sort_by_key(|(ShardOfPack { shard, .. }, _)| shard.number);
    for pair in parts.windows(2) {
        let [(before, one), (this, other)] = pair else { continue };
        let (index, expected) = (other.index(), one.index());
        let is = if (this.shard.of, &this.names_digest) != (before.shard.of, &before.names_digest) {
            "is a part of other pictures than"
        } else if this.shard == before.shard {
            "is the same part as"
        } else if index.format() != expected.format() || index.fit != expected.fit {
            "is packed in another way than"
        } else {
            continue;
        };
        return Err(refused(other.path(), &format!("it {is} `{}`", one.path().display())));
    }
    let there: Vec<usize> = parts.iter().map(|(ShardOfPack { shard, .. }, _)| shard.number).collect();
    if let Some((ShardOfPack { shard: Shard { of, .. }, .. }, part)) = parts.first()
        && let Some(missing) = (1..=*of).find(|number| there.binary_search(number).is_err())
    {
        let (given, are) = (there.len(), if there.len() == 1 { "is" } else { "are" });
        return Err(refused(part.path(), &format!("{given} of {of} parts {are} given, not part {missing}")));
    }
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

fn refused(path: &Path, reason: &str) -> Error {
    ErrorKind::Join { reason: reason.to_owned() }.at(path)
}

/// What the joined pack holds.
fn joined(parts: &[Pyramid]) -> Result<Index, Error> {
    let mut indices = parts.iter().map(|part| (part.path(), part.index().clone()));
    let (_, mut all) = indices.next().ok_or_else(|| refused(Path::new(""), "no parts were given"))?;
    all.shard = None;
    for (path, index) in indices {
        add(&mut all, index).map_err(|reason| Error::damaged(path, reason))?;
    }
    Ok(all)
}

/// Copies the pictures, which must be those that the parts were packed with.
fn copy(parts: &[Pyramid], total: usize, sink: &mut dyn Sink) -> Result<(), Error> {
    let span = tracing::info_span!("joining", total = total as u64, done = Empty).entered();
    let (mut pixels, mut done) = (Vec::new(), 0);
    for part in parts {
        let (format, digests) = (part.index().format(), &part.index().digests);
        for (number, digest) in digests.iter().enumerate() {
            pixels.clear();
            for level in levels(format.resolution) {
                part.append_picture(level, number, &mut pixels)?;
            }
            if picture_digest(&pixels[..format.bytes_at(format.resolution)]) != *digest {
                let name = &part.names()[number];
                return Err(Error::damaged(
                    part.path(),
                    format!("`{name}` has other pixels than were packed"),
                ));
            }
            sink.add(&pixels)?;
            done += 1;
            if done % 256 == 0 {
                span.record("done", done);
            }
        }
    }
    Ok(())
}

/// Adds what a part holds to what those before it do.
fn add(all: &mut Index, part: Index) -> Result<(), String> {
    all.count += part.count;
    all.upscaled += part.upscaled;
    all.other_ratio += part.other_ratio;
    all.colorless += part.colorless;
    all.converted.add(part.converted);
    // Those that could not be read when all pictures were measured are in the list of each part.
    let known: HashSet<String> = all.skipped.iter().map(|Skipped { name, .. }| name.clone()).collect();
    all.skipped.extend(part.skipped.into_iter().filter(|skipped| !known.contains(&skipped.name)));
    match (&mut all.labels, part.labels) {
        (None, None) => {}
        (Some(labels), Some(more)) => labels.extend(more)?,
        _ => return Err("its pictures have labels or none, unlike those of the parts before".to_owned()),
    }
    all.pictures.extend(part.pictures);
    all.digests.extend(part.digests);
    if all.digests.len() == all.count { Ok(()) } else { Err("`index.json` has no digests".to_owned()) }
}
