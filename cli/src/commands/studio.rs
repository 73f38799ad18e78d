//! `stylegan studio`

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::Device;
use stylegan_studio::{LiveRun, Network, Studio, StudioOptions, Token};
use stylegan_trainer::Signals;
use tokio::runtime::{Builder, Handle};

use crate::commands::weights::WeightsArgs;
use crate::device::DeviceName;
use crate::hints::hint_of;
use crate::pretrained;
use crate::report::{Exit, Refusal, note};
use stylegan_base::shell::quoted;

/// The studio's usual address.
pub(crate) const ADDRESS: &str = "127.0.0.1:7860";
/// Where runs are if nobody says so.
const RUNS: &str = "runs";
/// How files of networks end.
const ENDINGS: [&str; 5] = ["safetensors", "pkl", "pt", "pth", "model"];
/// Threads that answer requests; pictures are drawn by others.
const THREADS: usize = 2;

/// Look into networks and trainings in the browser
///
/// Explorer: drag through the latent space, mix styles, move along directions, export films, project photos. Dashboard: curves,
/// pictures and log of every training. The page is part of the program and needs no network. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of runs or of checkpoints, single runs, and checkpoints of whatever program [default: `runs`, if it is there]
    #[arg(value_name = "RUN|FILE|FOLDER")]
    paths: Vec<PathBuf>,

    /// Address to listen at; another than this machine's own asks for a token, which is printed
    #[arg(long, value_name = "IP:PORT", default_value = ADDRESS)]
    addr: SocketAddr,

    /// Side for which networks of other programs were trained, where their files do not say it
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(4..=1024))]
    resolution: Option<u32>,

    /// Device to draw on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    device: DeviceName,

    #[command(flatten)]
    weights: WeightsArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let mut networks = vec![pretrained::NETWORK_OF_PROGRAM];
    let mut folders = Vec::new();
    let resolution = args.resolution.map(|side| side as usize);
    let usual = PathBuf::from(RUNS);
    let paths = if args.paths.is_empty() && usual.is_dir() { vec![usual] } else { args.paths.clone() };
    for path in paths {
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                let files = networks_in(&path)?;
                // The usual folder may get its first run later.
                if files.is_empty() && path != Path::new(RUNS) && !holds_runs(&path)? {
                    return Err(holds_nothing(&path));
                }
                networks.extend(files.into_iter().map(|path| Network::File { path, resolution }));
                folders.push(path);
            }
            Ok(_) => networks.push(Network::File { path, resolution }),
            Err(_) if path.as_os_str() == pretrained::NAME => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        }
    }
    let options = options(args.addr, networks, folders, args.device.open()?, &args.weights, None)?;
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.context("cannot start threads for requests")?;
    runtime.block_on(async {
        let studio = Studio::bind(options).await.map_err(busy)?;
        note(&format!("Studio    {}", studio.url()));
        tokio::select! {
            () = studio.serve() => {}
            ended = ended() => ended.context("cannot listen to signals")?,
        }
        anyhow::Ok(())
    })?;
    // Whoever is still connected is not waited for.
    runtime.shutdown_background();
    Ok(Exit::Done)
}

/// Serves the training of this process, on its runtime.
pub(crate) fn serve_training(
    address: SocketAddr,
    runs: &Path,
    device: Device,
    runtime: &Handle,
    signals: Arc<Signals>,
) -> Result<LiveRun> {
    let live = LiveRun::new(signals);
    let (networks, folders) = (vec![pretrained::NETWORK_OF_PROGRAM], vec![runs.to_owned()]);
    let options = options(address, networks, folders, device, &WeightsArgs::default(), Some(live.clone()))?;
    let studio = runtime.block_on(Studio::bind(options)).map_err(busy)?;
    note(&format!("Watch     {}", studio.url()));
    runtime.spawn(studio.serve());
    Ok(live)
}

fn options(
    address: SocketAddr,
    networks: Vec<Network>,
    folders: Vec<PathBuf>,
    device: Device,
    weights: &WeightsArgs,
    live: Option<LiveRun>,
) -> Result<StudioOptions> {
    let token = if address.ip().is_loopback() { None } else { Some(Token::random()?) };
    Ok(StudioOptions { address, token, networks, folders, device, weights: weights.places(), hint_of, live })
}

/// Another studio, mostly.
fn busy(error: stylegan_studio::Error) -> anyhow::Error {
    match &error {
        stylegan_studio::Error::Listen { address, source }
            if source.kind() == std::io::ErrorKind::AddrInUse =>
        {
            let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            Refusal::new(format!("{address} is taken, perhaps by another studio"))
                .hint(format!("`--addr {free}` takes any port that is free"))
                .into()
        }
        _ => error.into(),
    }
}

/// The files of networks that lie in a folder themselves, by name; those of a run are its snapshots.
fn networks_in(folder: &Path) -> Result<Vec<PathBuf>> {
    if is_run(folder) {
        return Ok(Vec::new());
    }
    let mut files = entries(folder)?;
    files.retain(|path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) && path.is_file()
    });
    files.sort();
    Ok(files)
}

fn holds_runs(folder: &Path) -> Result<bool> {
    Ok(is_run(folder) || entries(folder)?.iter().any(|path| is_run(path)))
}

fn is_run(folder: &Path) -> bool {
    folder.join("config.toml").is_file()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = || format!("cannot read the folder `{}`", folder.display());
    let entries = std::fs::read_dir(folder).with_context(failed)?;
    entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>().with_context(failed)
}

/// The refusal of a folder of which nothing would be shown.
fn holds_nothing(folder: &Path) -> anyhow::Error {
    Refusal::new(format!("`{}` holds neither runs nor checkpoints", folder.display()))
        .hint(format!(
            "give a folder of runs, such as `stylegan studio {}`, or a checkpoint",
            quoted(Path::new(RUNS))
        ))
        .into()
}

/// A signal that ends the studio.
async fn ended() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
