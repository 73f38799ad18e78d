//! What the system tells a training: signals.

use std::io;
use std::process::{Child, exit};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use stylegan_trainer::Signals;
use tokio::runtime::Runtime;

use crate::report::note;

/// A signal that comes again so soon is the same one: `timeout` sends each twice, to the process and to its group.
const ECHO: Duration = Duration::from_millis(100);

/// A runtime of one thread.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start a thread beside the work")
}

/// The same, and the signals that are heard while it lasts.
pub(crate) fn heard() -> Result<(Runtime, Arc<Signals>)> {
    let runtime = runtime()?;
    let signals = Arc::new(Signals::default());
    runtime.block_on(async { listen(&signals) }).context("cannot listen to signals")?;
    Ok((runtime, signals))
}

/// Passes signals on to a training, from now on and in the background of the present runtime.
///
/// Whatever ends a process politely asks it to save and stop; SIGUSR1 asks it to save and go on. A second Ctrl-C, SIGQUIT or
/// SIGTERM ends the program at once. The others do not: a terminal that closes sends SIGHUP more than once, and a limit of
/// CPU time SIGXCPU every second.
#[cfg(unix)]
fn listen(signals: &Arc<Signals>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let on = |kind, heard: fn(&Signals)| -> io::Result<()> {
        let (mut stream, signals) = (signal(kind)?, signals.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                heard(&signals);
            }
        });
        Ok(())
    };
    for kind in [SignalKind::interrupt(), SignalKind::quit(), SignalKind::terminate()] {
        on(kind, stop_or_end)?;
    }
    for kind in [SignalKind::user_defined2(), SignalKind::from_raw(libc::SIGXCPU)] {
        on(kind, stop)?;
    }
    if !is_ignored(libc::SIGHUP) {
        on(SignalKind::hangup(), stop)?;
    }
    on(SignalKind::user_defined1(), Signals::save)?;
    // Where files may not grow beyond a limit, writing fails instead, which is told as a full disk is.
    on(SignalKind::from_raw(libc::SIGXFSZ), |_| {})
}

/// Whether the program was started so that it does not hear a signal, as `nohup` does with SIGHUP.
#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    #[expect(unsafe_code, reason = "the standard library does not tell what becomes of a signal")]
    // SAFETY: zeros are a valid action; without a new one the old one is written there, and nothing is changed.
    let action = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0).then_some(action)
    };
    action.is_some_and(|action| action.sa_sigaction == libc::SIG_IGN)
}

/// Passes Ctrl-C on to a training, from now on and in the background of the present runtime.
#[cfg(not(unix))]
fn listen(signals: &Arc<Signals>) -> io::Result<()> {
    let signals = signals.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            stop_or_end(&signals);
        }
    });
    Ok(())
}

/// Stops the training; the second time ends the program.
fn stop_or_end(signals: &Signals) {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    if FIRST.get_or_init(Instant::now).elapsed() > ECHO {
        // Files get their names when they are whole, so the last good ones are there.
        exit(1);
    }
    if !signals.stop() {
        note("finishing the step and saving; Ctrl-C or SIGTERM again stops at once");
    }
}

/// Stops the training, however often it comes.
#[cfg(unix)]
fn stop(signals: &Signals) {
    if !signals.stop() {
        note("finishing the step and saving");
    }
}

/// What was asked of a program that passes it on to others, and how often.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    stops: AtomicUsize,
    saves: AtomicUsize,
    last_stop: OnceLock<Instant>,
}

impl Asked {
    /// How often it was asked to save and stop.
    pub(crate) fn stops(&self) -> usize {
        self.stops.load(Ordering::Relaxed)
    }

    /// How often it was asked to save and go on.
    pub(crate) fn saves(&self) -> usize {
        self.saves.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        let first = *self.last_stop.get_or_init(Instant::now);
        if self.stops() == 0 || first.elapsed() > ECHO {
            self.stops.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn save(&self) {
        self.saves.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is passed on to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// To save and go on.
    Save,
    /// To save and stop.
    Stop,
    /// To end at once.
    End,
    /// To be gone.
    Kill,
}

/// A runtime of one thread, and the signals that are counted while it lasts.
pub(crate) fn counted() -> Result<(Runtime, Arc<Asked>)> {
    let runtime = runtime()?;
    let asked = Arc::new(Asked::default());
    runtime.block_on(async { count(&asked) }).context("cannot listen to signals")?;
    Ok((runtime, asked))
}

#[cfg(unix)]
fn count(asked: &Arc<Asked>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let on = |kind, heard: fn(&Asked)| -> io::Result<()> {
        let (mut stream, asked) = (signal(kind)?, asked.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                heard(&asked);
            }
        });
        Ok(())
    };
    for kind in [
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::user_defined2(),
        SignalKind::from_raw(libc::SIGXCPU),
    ] {
        on(kind, Asked::stop)?;
    }
    if !is_ignored(libc::SIGHUP) {
        on(SignalKind::hangup(), Asked::stop)?;
    }
    on(SignalKind::user_defined1(), Asked::save)
}

#[cfg(not(unix))]
fn count(asked: &Arc<Asked>) -> io::Result<()> {
    let asked = asked.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            asked.stop();
        }
    });
    Ok(())
}

/// Sends a process what is passed on. `mpirun` passes SIGUSR1 and SIGUSR2 on to its own, and ends them for SIGTERM.
#[cfg(unix)]
pub(crate) fn send(child: &Child, what: Passed) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match what {
        Passed::Save => Signal::USR1,
        Passed::Stop => Signal::USR2,
        Passed::End => Signal::TERM,
        Passed::Kill => Signal::KILL,
    };
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // One that has ended in the meantime needs to hear nothing.
        let _ = kill_process(pid, signal);
    }
}

#[cfg(not(unix))]
pub(crate) fn send(_: &Child, _: Passed) {}
