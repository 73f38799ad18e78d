//! The studio as a whole: what it is started with, and that it serves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use candle_core::Device;
use stylegan_features::Places;
use tokio::net::TcpListener;
use tracing::info;

use crate::artist::Artist;
use crate::explanation::HintOf;
use crate::files::Kept;
use crate::guard::{Guard, Token};
use crate::http::{router, serve};
use crate::jobs::Jobs;
use crate::latents::LatentFiles;
use crate::models::{Models, Network};
use crate::photos::Photos;
use crate::runs::Runs;
use crate::state::Shared;
use crate::{Error, LiveRun, Result};

/// How a studio is started.
#[derive(Debug)]
pub struct StudioOptions {
    /// Where it listens. Port 0 is any that is free.
    pub address: SocketAddr,
    /// What clients must know, where the address is not of this machine alone.
    pub token: Option<Token>,
    /// Networks to draw from.
    pub networks: Vec<Network>,
    /// Folders of runs, and folders of such folders.
    pub folders: Vec<PathBuf>,
    /// Where pictures are drawn.
    pub device: Device,
    /// Where weights are that look at projected photos.
    pub weights: Places,
    /// What is known to help against an error.
    pub hint_of: HintOf,
    /// The training that this process does.
    pub live: Option<LiveRun>,
}

/// A server that looks into networks and trainings.
#[derive(Debug)]
pub struct Studio {
    shared: Arc<Shared>,
    listener: TcpListener,
}

impl Studio {
    /// Takes the address. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// If the address is taken or not of this machine, or the folder for what clients send cannot be made.
    pub async fn bind(options: StudioOptions) -> Result<Self> {
        let StudioOptions { address, token, networks, folders, device, weights, hint_of, live } = options;
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let shared = Shared {
            guard: Guard { address, token },
            artist: Artist::start(),
            weights,
            hint_of,
            kept: Kept::new()?,
            models: Models::new(networks, device.clone()),
            device,
            latents: LatentFiles::default(),
            photos: Photos::default(),
            jobs: Jobs::default(),
            runs: Runs::new(folders, live),
        };
        // So that addresses of before are understood at once.
        shared.runs.refresh_snapshots(&shared.models);
        Ok(Self { shared: Arc::new(shared), listener })
    }

    /// The address to open, with the token where there is one.
    pub fn url(&self) -> String {
        let Guard { address, token } = &self.shared.guard;
        let mut shown = *address;
        if shown.ip().is_unspecified() {
            shown.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        match token {
            Some(token) => format!("http://{shown}/#token={}", token.as_str()),
            None => format!("http://{shown}/"),
        }
    }

    /// Answers whoever asks, as long as this is polled.
    pub async fn serve(self) {
        info!(address = %self.shared.guard.address, "studio serves");
        serve(self.listener, router(self.shared)).await;
    }
}
