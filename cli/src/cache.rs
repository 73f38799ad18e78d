//! The pictures that training packed by itself, and the runs that use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use stylegan_base::units::Bytes;
use stylegan_dataset::{CachedPack, Contents, Error, Pyramid, cached_packs};

use crate::report::note;

/// So long a pack stays that no run uses, since a run that starts right now may be about to.
const SPARED: Duration = Duration::from_hours(1);

/// The files of a run that list what it is trained on: pictures, or contents and styles.
const LISTS: [&str; 3] = ["pictures.json", "contents.json", "styles.json"];

/// The folder of packed pictures inside the folder of runs.
pub(crate) fn folder(runs: &Path) -> PathBuf {
    runs.join(".cache")
}

/// What the runs of a folder are trained on.
pub(crate) struct Uses {
    told: Vec<(String, Contents)>,
    /// Runs of earlier versions, which do not tell.
    untold: Vec<String>,
}

impl Uses {
    pub(crate) fn of(runs: &Path) -> Self {
        let mut uses = Self { told: Vec::new(), untold: Vec::new() };
        let entries = fs::read_dir(runs).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| path.join("config.toml").is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let listed =
                LISTS.iter().filter_map(|list| Contents::from_json(&fs::read(path.join(list)).ok()?));
            let before = uses.told.len();
            uses.told.extend(listed.map(|contents| (name.clone(), contents)));
            if uses.told.len() == before {
                uses.untold.push(name);
            }
        }
        uses.told.sort_by(|(a, _), (b, _)| a.cmp(b));
        uses
    }

    /// The runs that use a pack, as far as they tell.
    pub(crate) fn by_runs(&self, pack: &CachedPack) -> Vec<&str> {
        self.told.iter().filter(|(_, contents)| pack.holds(contents)).map(|(name, _)| name.as_str()).collect()
    }

    /// Whether a pack may be removed without a run missing it.
    pub(crate) fn spare(&self, pack: &CachedPack) -> bool {
        self.by_runs(pack).is_empty() && (!pack.is_early || self.untold.is_empty())
    }
}

/// Removes what the runs of a folder need no more, now that `pyramids` are what is trained on, and says so.
pub(crate) fn clean(runs: &Path, pyramids: &[&Pyramid]) -> Result<(), Error> {
    let cache = folder(runs);
    let mut packs = cached_packs(&cache)?;
    packs.retain(|pack| pyramids.iter().all(|pyramid| pack.path != pyramid.path()));
    if packs.is_empty() {
        return Ok(());
    }
    // Of the same pictures one pack in the cache is enough.
    let cached = pyramids.iter().filter(|pyramid| pyramid.path().starts_with(&cache));
    let contents = cached.map(|pyramid| pyramid.contents(true)).collect::<Result<Vec<_>, _>>()?;
    let uses = Uses::of(runs);
    let now = SystemTime::now();
    for pack in packs {
        let is_old = now.duration_since(pack.made).is_ok_and(|age| age >= SPARED);
        if (is_old && uses.spare(&pack)) || contents.iter().any(|contents| pack.holds_all(contents)) {
            // One that cannot be removed only takes space.
            if let Err(error) = pack.remove() {
                note(&format!("warning: {error}"));
                continue;
            }
            note(&format!(
                "removed `{}`, {}, which no run uses any more",
                pack.path.display(),
                Bytes(pack.bytes)
            ));
        }
    }
    Ok(())
}
