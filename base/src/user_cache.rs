//! Where programs of a user keep what they can find out again.

use std::path::PathBuf;

/// The folder in which this program keeps what it can find out again: `stylegan` in `$XDG_CACHE_HOME`, else in `~/.cache`;
/// none where neither is known.
pub fn user_cache() -> Option<PathBuf> {
    // A relative path counts as none there.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("stylegan"))
}
