//! What the program says when it ends, and its exit code.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _, stderr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use stylegan_ops::is_out_of_memory;
use stylegan_peers::Seat;

use crate::hints;
use crate::progress::suspended;

/// How long one that fails beside the first waits before it says so: what is wrong with all is said once, by the first, and
/// the launcher ends the others.
const AFTER_THE_FIRST: Duration = Duration::from_secs(4);

mod drawing;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for is done.
    Done,
    /// It could not be done.
    Failed,
    /// It was asked for in a way that makes no sense.
    Usage,
    /// A signal stopped it; what was computed is saved.
    Stopped,
    /// The numbers of a training went bad again and again.
    Diverged,
}

impl Exit {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Stopped => 3,
            Self::Diverged => 4,
        })
    }
}

/// A reason of the program itself not to do what it was asked for.
#[derive(Debug)]
pub(crate) struct Refusal {
    message: String,
    hint: Option<String>,
    exit: Exit,
}

impl Refusal {
    /// What was asked for cannot be done.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Failed }
    }

    /// What was asked for makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(message) }
    }

    /// What to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Refusal {}

/// Prints an error with its causes and the advice that any of them has; returns how the program ends.
pub(crate) fn failure(error: &anyhow::Error) -> Exit {
    if let Some(refusal) = error.downcast_ref().and_then(drawing::refusal) {
        return failure(&refusal.into());
    }
    let paint = |name: &str, color: u8| {
        if is_colored(stderr().is_terminal()) {
            format!("\x1b[1;{color}m{name}:\x1b[0m")
        } else {
            format!("{name}:")
        }
    };
    let mut text = String::new();
    let mut last = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let message = plain(cause);
        // Some libraries repeat their source in their own message.
        if depth == 0 {
            let _ = writeln!(text, "{}{} {message}", of_rank(), paint("error", 31));
        } else if !last.ends_with(&message) {
            let _ = writeln!(text, "{} {message}", paint("caused by", 31));
        }
        last = message;
    }
    if let Some(hint) = error.chain().find_map(hint_of) {
        let _ = writeln!(text, "\n{} {hint}", paint("hint", 36));
    }
    let_the_first_speak();
    say(&text);
    error.chain().find_map(exit_of).unwrap_or(Exit::Failed)
}

fn exit_of(error: &(dyn Error + 'static)) -> Option<Exit> {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return Some(refusal.exit);
    }
    if let Some(stylegan_trainer::RunError::Diverged { .. }) = error.downcast_ref() {
        return Some(Exit::Diverged);
    }
    if let Some(stylegan_import::Error::Foreign {
        kind: stylegan_import::ErrorKind::UntoldResolution { .. },
        ..
    }) = error.downcast_ref()
    {
        return Some(Exit::Usage);
    }
    error.is::<stylegan_trainer::ConfigError>().then_some(Exit::Usage)
}

/// candle adds a backtrace to its messages when one is asked for; only the first line is for people.
fn plain(error: &(dyn Error + 'static)) -> String {
    let message = error.to_string();
    if is_shortage(error) {
        return "the GPU has too little memory left".to_owned();
    }
    match error.downcast_ref::<candle_core::Error>() {
        Some(_) => message.lines().next().unwrap_or_default().to_owned(),
        None => message,
    }
}

/// Whether the memory of a GPU was too little, whichever room says so.
fn is_shortage(error: &(dyn Error + 'static)) -> bool {
    let of_tensors = match hints::checkpoint_error(error) {
        Some(stylegan_checkpoint::Error { kind: stylegan_checkpoint::ErrorKind::Tensor(error), .. }) => {
            Some(error)
        }
        Some(_) => None,
        None => match hints::media_error(error) {
            Some(stylegan_media::Error::Tensor(error)) => Some(error),
            _ => error.downcast_ref(),
        },
    };
    of_tensors.is_some_and(is_out_of_memory)
}

fn hint_of(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refusal.hint.clone();
    }
    if is_shortage(error) {
        return Some("`nvidia-smi` shows what else is in it; without `--device` the CPU computes".to_owned());
    }
    hints::hint_of(error)
}

/// The number of this process among those that were started together.
static RANK: AtomicUsize = AtomicUsize::new(0);

/// From now on this is one of several processes, of which the first alone speaks, unless it fails.
pub(crate) fn speak_as(rank: usize) {
    RANK.store(rank, Ordering::Relaxed);
}

/// Whether this is the process that speaks.
pub(crate) fn is_first() -> bool {
    RANK.load(Ordering::Relaxed) == 0
}

/// Waits until the first process has had its say, in any other that fails.
fn let_the_first_speak() {
    if Seat::from_environment().is_ok_and(|seat| seat.rank > 0) {
        sleep(AFTER_THE_FIRST);
    }
}

/// A sentence for the person in front of the terminal, on stderr.
pub(crate) fn note(message: &str) {
    if is_first() {
        say(&format!("{message}\n"));
    }
}

/// The same, whichever process this is.
#[cfg(any(feature = "mpi", feature = "nccl"))]
pub(crate) fn insist(message: &str) {
    say(&format!("{}{message}\n", of_rank()));
}

/// How a line of a process begins that is not the first.
fn of_rank() -> String {
    match RANK.load(Ordering::Relaxed) {
        0 => String::new(),
        rank => format!("rank {rank}: "),
    }
}

fn say(text: &str) {
    // Nobody is there to be told that nobody is there.
    let _ = suspended(|| stderr().lock().write_all(text.as_bytes()));
}

/// Data for whoever reads stdout; that it stops reading is no error.
pub(crate) fn data(text: &str) -> io::Result<()> {
    if !is_first() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    match suspended(|| stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Whether to write colors: to a terminal, unless `NO_COLOR` is set.
pub(crate) fn is_colored(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
