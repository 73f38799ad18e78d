//! A network at work on one set of pictures.

use std::ops::Range;
use std::path::Path;

use candle_core::{DType, Tensor};
use stylegan_features::{FeatureNetwork, PixelRange};
use stylegan_peers::Peers;
use tracing::{info, warn};

use crate::cache::{FeatureKey, FeatureReader, FeatureWriter};
use crate::shared::{joined, own_part};
use crate::{Error, Pictures, Result};

/// Where the features of a set come from.
pub(crate) enum FeatureSource<'a> {
    /// They were kept.
    Kept(FeatureReader),
    /// They have to be computed.
    Computed(Looking<'a>),
}

/// A network that computes the features of the first pictures of a set, and keeps them if it can.
pub(crate) struct Looking<'a> {
    network: &'a dyn FeatureNetwork,
    /// Pictures that it is to look at.
    pub(crate) count: usize,
    seen: usize,
    writer: Option<FeatureWriter>,
}

impl<'a> Looking<'a> {
    /// The features of the first `count` pictures, kept in the folder `cache` if there is one.
    pub(crate) fn begin(
        network: &'a dyn FeatureNetwork,
        pictures: &dyn Pictures,
        count: usize,
        cache: Option<&Path>,
    ) -> FeatureSource<'a> {
        let place = cache.zip(pictures.fingerprint());
        let place = place.map(|(folder, fingerprint)| (folder, FeatureKey::new(fingerprint, count, network)));
        if let Some((folder, key)) = &place
            && let Some(kept) = FeatureReader::open(key, folder)
        {
            info!(network = network.name(), path = %key.path(folder).display(), "features were kept");
            return FeatureSource::Kept(kept);
        }
        let writer = place.and_then(|(folder, key)| kept(FeatureWriter::create(key, folder)));
        FeatureSource::Computed(Self { network, count, seen: 0, writer })
    }

    /// The features of a batch, of which no more pictures are taken than are still to be looked at; none if that is none.
    ///
    /// Of several processes, each looks at a part of it.
    pub(crate) fn features(&mut self, batch: &Tensor, peers: &dyn Peers) -> Result<Option<Tensor>> {
        let wanted = batch.dim(0)?.min(self.count - self.seen);
        if wanted == 0 {
            return Ok(None);
        }
        self.seen += wanted;
        let (network, part) = (self.network, own_part(peers, wanted));
        let features = |part: Range<usize>| {
            let features = network.features(&batch.narrow(0, part.start, part.len())?, PixelRange::Bytes);
            features.map_err(|source| Error::Network { network: network.name().to_owned(), source })
        };
        let own = if part.is_empty() { None } else { Some(features(part)?) };
        joined(peers, own, (wanted, &[network.width()]), DType::F32).map(Some)
    }

    /// Keeps features.
    pub(crate) fn keep(&mut self, features: &Tensor) {
        self.writer = self.writer.take().and_then(|mut writer| {
            kept(writer.add(features))?;
            Some(writer)
        });
    }

    /// All of them have been kept.
    pub(crate) fn finish(self) {
        if let Some(writer) = self.writer {
            kept(writer.finish());
        }
    }
}

/// Features that cannot be kept are computed again the next time, and no reason to stop.
fn kept<T>(result: std::io::Result<T>) -> Option<T> {
    result.map_err(|error| warn!(%error, "features are not kept")).ok()
}
