//! Connections: how many there are, and how long they may take to ask.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::debug;

/// Connections at a time; a browser opens up to six, and further ones wait.
const MOST: usize = 512;
/// How long the head of a request may take, and a connection may be idle.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest head of a request.
const MOST_HEAD_BYTES: usize = 32 << 10;

/// Answers whoever connects, as long as this is polled.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Too many open files, or a client that left at once.
            Err(error) => {
                debug!(%error, "connection refused");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(MOST_HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
}
