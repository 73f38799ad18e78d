//! Commands of this program, one after the other.

use std::env::current_exe;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use stylegan_trainer::Signals;
use tokio::runtime::Runtime;

use crate::signals;
use stylegan_base::shell::quoted_word;

/// How often it is looked whether a command has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs commands, and passes on to them what asks this process to stop.
///
/// Each is a process of its own: what one does to itself, the next is not concerned by, and the same command can be typed.
pub(super) struct Commands {
    signals: Arc<Signals>,
    _runtime: Runtime,
}

/// The words of a command, for a person to type.
pub(super) fn shown(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted_word(word)).collect();
    format!("stylegan {}", words.join(" "))
}

impl Commands {
    pub(super) fn new() -> Result<Self> {
        let (runtime, signals) = signals::heard()?;
        Ok(Self { signals, _runtime: runtime })
    }

    /// Whether this process was asked to stop.
    pub(super) fn are_stopped(&self) -> bool {
        self.signals.wants_stop()
    }

    /// Runs a command to its end; what it says goes where this process's words go.
    pub(super) fn run(&self, words: &[String]) -> Result<ExitStatus> {
        let mut child = Self::start(words, Stdio::null())?;
        self.wait(&mut child)
    }

    /// The same, of a command whose standard output is wanted.
    pub(super) fn output(&self, words: &[String]) -> Result<Output> {
        let mut child = Self::start(words, Stdio::piped())?;
        // A few lines of numbers, which any pipe holds.
        self.wait(&mut child)?;
        child.wait_with_output().context("cannot read what the command said")
    }

    fn start(words: &[String], stdout: Stdio) -> Result<Child> {
        let program = current_exe().context("cannot tell where this program lies")?;
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::null()).stdout(stdout);
        command.spawn().with_context(|| format!("cannot start `{}`", shown(words)))
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let mut told = false;
        loop {
            if let Some(status) = child.try_wait().context("cannot wait for a command")? {
                return Ok(status);
            }
            if self.are_stopped() && !told {
                told = true;
                ask_to_stop(child);
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Asks a command to save and stop. Ctrl-C at a terminal has reached it already, and so soon after counts once.
#[cfg(unix)]
fn ask_to_stop(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended by now.
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}

#[cfg(not(unix))]
fn ask_to_stop(_child: &Child) {}
