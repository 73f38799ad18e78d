//! The thread that draws.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::{Error, Result};

/// Requests that wait for the thread. A page has one at a time for each of its pictures.
const WAITING: usize = 64;

/// One thread that draws, request by request in the order of their coming, with all cores for each.
///
/// A request whose client is gone is not drawn.
#[derive(Clone, Debug)]
pub(crate) struct Artist(SyncSender<Work>);

type Work = Box<dyn FnOnce() + Send>;

impl Artist {
    /// Starts the thread, which ends when nobody can ask it any more.
    pub(crate) fn start() -> Self {
        let (sender, receiver) = sync_channel::<Work>(WAITING);
        thread::spawn(move || receiver.into_iter().for_each(|work| work()));
        Self(sender)
    }

    /// What `work` returns, when it is its turn.
    ///
    /// # Errors
    /// If too much is waiting, `work` panics, or with the error of `work`.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move || {
            if !answer.is_closed() {
                // A client that left in the meantime misses nothing.
                let _ = answer.send(caught(work));
            }
        });
        self.0.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Panic,
        })?;
        answered.await.unwrap_or(Err(Error::Panic))
    }
}

/// What `work` returns; a panic is an error, which ends nothing but the request.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Panic))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn a_panic_is_an_error_of_its_request_alone() {
        let artist = Artist::start();
        runtime().block_on(async {
            let failed: Result<()> = artist.ask(|| panic!("on purpose")).await;
            assert!(matches!(failed, Err(Error::Panic)));
            assert_eq!(artist.ask(|| Ok(7)).await.unwrap(), 7);
        });
    }

    #[test]
    fn what_nobody_waits_for_is_not_drawn_and_too_much_is_refused() {
        let artist = Artist::start();
        let (begun, wait) =
            (std::sync::Arc::new(std::sync::Barrier::new(2)), std::sync::mpsc::channel::<()>());
        let (go, held) = wait;
        runtime().block_on(async {
            let barrier = begun.clone();
            let first = tokio::spawn({
                let artist = artist.clone();
                async move {
                    artist
                        .ask(move || {
                            barrier.wait();
                            held.recv().ok();
                            Ok(())
                        })
                        .await
                }
            });
            tokio::task::yield_now().await;
            tokio::task::spawn_blocking(move || begun.wait()).await.unwrap();
            // Asked for, and then given up.
            for _ in 0..WAITING {
                let asked = artist.ask(|| -> Result<()> { panic!("drawn for nobody") });
                assert!(asked.now_or_never().is_none());
            }
            assert!(matches!(artist.ask(|| Ok(())).await, Err(Error::Busy)));
            go.send(()).unwrap();
            first.await.unwrap().unwrap();
        });
    }
}
