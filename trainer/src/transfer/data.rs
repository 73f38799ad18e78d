//! Contents and styles on their way to the device.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use stylegan_base::{Key, Resolution};
use stylegan_dataset::{Batch, BatchRequest, Contents, Order, Prefetcher, Pyramid};
use stylegan_ops::upload;
use tokio::runtime::Handle;
use tracing::debug;

use super::config::TransferConfig;
use crate::RunError;
use crate::run::{Clock, Comparison, Data, list, requests};

/// Two sources of pictures, each in an order of its own.
pub(crate) struct ContentsAndStyles {
    pub(crate) contents: Arc<Pyramid>,
    pub(crate) styles: Arc<Pyramid>,
    pub(crate) runtime: Handle,
    pub(crate) device: Device,
}

/// What lists the pictures of a run, contents and styles.
const LISTS: [&str; 2] = ["contents.json", "styles.json"];

impl ContentsAndStyles {
    fn sources(&self) -> [(&'static str, &Arc<Pyramid>); 2] {
        [("content", &self.contents), ("style", &self.styles)]
    }
}

/// The seed of the order of a source, so that both do not go side by side.
pub(super) fn order_of(config: &TransferConfig, source: &str, pyramid: &Pyramid) -> Order {
    let key = Key::new("order of pictures", &[config.run.seed]).child(source, 0);
    let [a, b, c, d, e, f, g, h, ..] = *key.bytes();
    Order::new(u64::from_le_bytes([a, b, c, d, e, f, g, h]), pyramid.len())
}

/// A square of each picture of a batch, where `seed` and its position in the training say.
///
/// # Shapes
/// - returns: the bytes of `[batch, 3, crop, crop]`
pub(super) fn crops(batch: &Batch, source: &str, seed: u64, crop: usize) -> Vec<u8> {
    let BatchRequest { first_position, resolution: Resolution { width, height }, .. } = batch.request;
    let mut cut = Vec::with_capacity(batch.request.batch * batch.channels * crop * crop);
    let pictures = batch.pixels.chunks_exact(batch.channels * width * height);
    for (position, picture) in (first_position..).zip(pictures) {
        let key = Key::new("crop", &[seed, position]).child(source, 0);
        let place = |axis: &str, room: usize| (key.child(axis, 0).uniform() * (room + 1) as f64) as usize;
        let (row, column) = (place("row", height - crop), place("column", width - crop));
        for plane in picture.chunks_exact(width * height) {
            for line in plane.chunks_exact(width).skip(row).take(crop) {
                cut.extend_from_slice(&line[column..column + crop]);
            }
        }
    }
    cut
}

/// Bytes as numbers from 0 to 1.
pub(super) fn unit(bytes: &Tensor) -> candle_core::Result<Tensor> {
    bytes.to_dtype(DType::F32)?.affine(1.0 / 255.0, 0.0)
}

impl Data for ContentsAndStyles {
    type Config = TransferConfig;
    type Batches = [Prefetcher; 2];
    /// Contents and styles, bytes.
    type Batch = [Tensor; 2];

    fn check(&self, config: &TransferConfig) -> Result<(), RunError> {
        let wanted = Resolution::square(config.data.side);
        for (_, pyramid) in self.sources() {
            let packed = pyramid.resolution();
            if wanted.doublings_to(packed).is_none() {
                return Err(RunError::Packed { packed, wanted });
            }
            let found = pyramid.channels().count();
            if found != 3 || pyramid.bits() != stylegan_dataset::Bits::Eight {
                return Err(RunError::NoColors { path: pyramid.path().to_owned() });
            }
        }
        Ok(())
    }

    fn contents(&self, _: &TransferConfig) -> Result<Vec<(&'static str, Contents)>, RunError> {
        let all = LISTS.into_iter().zip(self.sources());
        all.map(|(list, (_, pyramid))| Ok((list, pyramid.contents(false)?))).collect()
    }

    fn compare(
        &self,
        config: &TransferConfig,
        fingerprint: &str,
        path: &Path,
        _: Option<&TransferConfig>,
    ) -> Result<Comparison, RunError> {
        let now = self.contents(config)?;
        let before: Vec<&str> = fingerprint.split('+').collect();
        let mut differences = Vec::new();
        for (number, ((name, now), (source, _))) in now.iter().zip(self.sources()).enumerate() {
            let fingerprint = before.get(number).copied().unwrap_or_default();
            if fingerprint == now.fingerprint() {
                continue;
            }
            let listed = path.parent().and_then(|folder| list(folder, name));
            let found = match listed.filter(|list| list.fingerprint() == fingerprint) {
                Some(before) => now.differences(&before),
                None => vec!["the pictures are others".to_owned()],
            };
            differences.extend(found.into_iter().map(|sentence| format!("{source}: {sentence}")));
        }
        Ok(if differences.is_empty() { Comparison::Same } else { Comparison::Different(differences) })
    }

    fn class_names(&self, _: &TransferConfig) -> Vec<String> {
        Vec::new()
    }

    fn batches(&self, config: &TransferConfig, clock: &Clock) -> [Prefetcher; 2] {
        self.sources().map(|(source, pyramid)| {
            // Pictures are read whole, and cut when they are there.
            let resolution = Resolution::square(config.data.side);
            let whole = requests(config, clock).map(move |request| BatchRequest { resolution, ..request });
            let order = order_of(config, source, pyramid);
            Prefetcher::spawn(&self.runtime, pyramid.clone(), order, false, whole, config.data.prefetch)
        })
    }

    fn next(
        &self,
        config: &TransferConfig,
        batches: &mut [Prefetcher; 2],
    ) -> Result<([Tensor; 2], Duration), RunError> {
        let mut wait = Duration::ZERO;
        let crop = config.data.crop;
        let mut next = |batches: &mut Prefetcher, source: &str| -> Result<Tensor, RunError> {
            let batch = batches.next().ok_or(RunError::NoMoreData)??;
            wait += batches.last_wait();
            let bytes = crops(&batch, source, config.run.seed, crop);
            Ok(upload(&bytes, (batch.request.batch, 3, crop, crop), &self.device)?)
        };
        let [contents, styles] = batches;
        let both = [next(contents, "content")?, next(styles, "style")?];
        debug!(wait_secs = wait.as_secs_f64(), "batch fetched");
        Ok((both, wait))
    }
}

#[cfg(test)]
mod tests {
    use stylegan_dataset::Bits;

    use super::*;

    #[test]
    fn crops_are_parts_of_their_pictures_and_come_again() {
        let request = BatchRequest { first_position: 7, batch: 3, resolution: Resolution::square(8) };
        let pixels: Vec<u8> = (0..3 * 3 * 64).map(|at| (at % 251) as u8).collect();
        let batch = Batch { request, channels: 3, bits: Bits::Eight, pixels, labels: None };
        let cut = crops(&batch, "content", 5, 4);
        assert_eq!(cut.len(), 3 * 3 * 16);
        assert_eq!(cut, crops(&batch, "content", 5, 4));
        assert_ne!(cut, crops(&batch, "style", 5, 4));
        // Of each picture the same place of all planes, and rows one below the other.
        for (picture, whole) in cut.chunks(48).zip(batch.pixels.chunks(192)) {
            let at = |plane: usize, row: usize| {
                let line = &picture[plane * 16 + row * 4..][..4];
                whole[plane * 64..][..64].windows(4).position(|window| window == line).unwrap()
            };
            let first = at(0, 0);
            assert!(first % 8 <= 4);
            for (plane, row) in [(0, 1), (1, 0), (2, 3)] {
                assert_eq!(at(plane, row), first + 8 * row, "{plane} {row}");
            }
        }
        assert_eq!(crops(&batch, "content", 5, 8), batch.pixels);
    }
}
