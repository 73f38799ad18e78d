//! What a pack knows of the parts beside it.

use serde::{Deserialize, Serialize};

use crate::shard::Shard;

/// What a pack knows of the parts beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardOfPack {
    #[serde(flatten)]
    pub(super) shard: Shard,
    /// Of the names of all pictures of all parts, in their order.
    pub(super) names_digest: String,
}

impl ShardOfPack {
    pub(super) fn new<'a>(shard: Shard, names: impl Iterator<Item = &'a String>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("stylegan names of pictures of all parts v1");
        for name in names {
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        }
        Self { shard, names_digest: hasher.finalize().to_hex().to_string() }
    }
}
