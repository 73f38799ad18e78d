//! Batches prepared ahead of the step that needs them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::batch::{Batch, BatchRequest, assemble};
use super::order::Order;
use crate::error::Error;
use crate::pack::Pyramid;

/// A background task that assembles batches while the step before them is computed.
///
/// It yields what [`assemble`] yields, in the order of the requests; after an error it ends. Dropping it ends the
/// task, and is to be done before the runtime is shut down, which waits for it.
#[derive(Debug)]
pub struct Prefetcher {
    batches: mpsc::Receiver<Result<Batch, Error>>,
    task: Option<JoinHandle<()>>,
    handle: Handle,
    last_wait: Duration,
}

impl Prefetcher {
    /// Starts assembling `requests` on the runtime of `handle`, at most `ahead` batches before they are taken.
    ///
    /// With `mirror`, half of the pictures are mirrored, as the order says.
    pub fn spawn(
        handle: &Handle,
        pyramid: Arc<Pyramid>,
        order: Order,
        mirror: bool,
        requests: impl Iterator<Item = BatchRequest> + Send + 'static,
        ahead: usize,
    ) -> Self {
        let (sender, batches) = mpsc::channel(ahead.max(1));
        let task = handle.spawn_blocking(move || {
            for request in requests {
                let batch = assemble(&pyramid, &order, mirror, &request);
                let is_last = batch.is_err();
                if sender.blocking_send(batch).is_err() || is_last {
                    break;
                }
            }
        });
        Self { batches, task: Some(task), handle: handle.clone(), last_wait: Duration::ZERO }
    }

    /// How long the last call of `next` waited for its batch.
    pub fn last_wait(&self) -> Duration {
        self.last_wait
    }
}

impl Iterator for Prefetcher {
    type Item = Result<Batch, Error>;

    /// The next batch, as soon as it is ready; `None` after the last request or an error.
    ///
    /// # Panics
    /// If called from asynchronous code, which must not wait, or if the task panicked.
    fn next(&mut self) -> Option<Self::Item> {
        let start = Instant::now();
        let batch = self.batches.blocking_recv();
        self.last_wait = start.elapsed();
        if batch.is_none()
            && let Some(task) = self.task.take()
            && let Err(e) = self.handle.block_on(task)
            && let Ok(panic) = e.try_into_panic()
        {
            // A task that fell over must not look like one that came to its end.
            std::panic::resume_unwind(panic);
        }
        batch
    }
}
