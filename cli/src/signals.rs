//! What the system tells a training: SIGINT, SIGTERM, SIGUSR1.

use std::io;
use std::process::exit;
use std::sync::Arc;

use stylegan_trainer::Signals;

use crate::report::note;

/// Passes signals on to a training, from now on and in the background of the present runtime.
///
/// The first SIGINT or SIGTERM asks it to save and stop, the second ends the program; SIGUSR1 asks it to save and go
/// on.
#[cfg(unix)]
pub(crate) fn listen(signals: &Arc<Signals>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut save = signal(SignalKind::user_defined1())?;
    let signals = signals.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = interrupt.recv() => stop(&signals),
                Some(()) = terminate.recv() => stop(&signals),
                Some(()) = save.recv() => signals.save(),
                else => break,
            }
        }
    });
    Ok(())
}

/// Passes Ctrl-C on to a training, from now on and in the background of the present runtime.
#[cfg(not(unix))]
pub(crate) fn listen(signals: &Arc<Signals>) -> io::Result<()> {
    let signals = signals.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            stop(&signals);
        }
    });
    Ok(())
}

fn stop(signals: &Signals) {
    if signals.stop() {
        // Files get their names when they are whole, so the last good ones are there.
        exit(1);
    }
    note("finishing the step and saving; the same signal again stops at once");
}
