//! Processes that are started together, and what becomes of them.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::report::{Exit, Refusal, note};
use crate::signals::{self, Asked};

/// How often it is looked at the processes.
const LOOKS: Duration = Duration::from_millis(50);
/// How long the others may take to end when one has failed, before they are killed.
const GRACE: Duration = Duration::from_secs(5);

/// Processes of one training on this machine.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) command: &'a [OsString],
    pub(crate) world: u32,
    pub(crate) on_gpus: bool,
}

/// How they ended.
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// Whether somebody asked for it.
    pub(crate) was_stopped: bool,
}

/// A process with its name.
struct Named {
    name: String,
    child: Child,
}

impl Launch<'_> {
    /// Starts them, passes on what they are asked for, and waits for their end.
    pub(crate) fn run(&self) -> Result<Ended> {
        if self.world > 1 && !cfg!(any(feature = "mpi", feature = "nccl")) {
            return Err(Refusal::new(
                "this program was built without MPI and NCCL, by which processes speak",
            )
            .hint("build it with `--features mpi`, or `--features nccl` for GPUs")
            .into());
        }
        let (_runtime, asked) = signals::counted()?;
        let processes =
            if self.on_gpus && cfg!(feature = "nccl") { self.each()? } else { vec![self.mpirun()?] };
        let status = watch(processes, &asked)?;
        let exit = match status.code() {
            Some(0) => Exit::Done,
            Some(2) => Exit::Usage,
            Some(3) => Exit::Stopped,
            Some(4) => Exit::Diverged,
            _ => Exit::Failed,
        };
        Ok(Ended { exit, was_stopped: asked.stops() > 0 })
    }

    /// All of them, by `mpirun`.
    fn mpirun(&self) -> Result<Named> {
        let mut command = Command::new("mpirun");
        command.args(["-n", &self.world.to_string()]).arg(self.program).args(self.command);
        // What Open MPI is told by variables does not disturb others. More processes than cores are no mistake, and each has
        // threads that must not share one core.
        command
            .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
            .env("OMPI_MCA_hwloc_base_binding_policy", "none")
            .env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")
            .env("PRTE_MCA_hwloc_default_binding_policy", "none");
        // In a container, everybody is root.
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        match apart(&mut command).spawn() {
            Ok(child) => Ok(Named { name: "mpirun".to_owned(), child }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Refusal::new("there is no `mpirun` in `PATH`")
                    .hint("it comes with Open MPI, `openmpi-bin` of Debian and Ubuntu")
                    .into())
            }
            Err(error) => Err(error).context("cannot start `mpirun`"),
        }
    }

    /// Each of them, which meet where NCCL listens.
    fn each(&self) -> Result<Vec<Named>> {
        let port = free_port()?;
        let mut processes = Vec::new();
        for rank in 0..self.world {
            let mut command = Command::new(self.program);
            command.args(self.command);
            for (name, value) in [("RANK", rank), ("LOCAL_RANK", rank)] {
                command.env(name, value.to_string());
            }
            for name in ["WORLD_SIZE", "LOCAL_WORLD_SIZE"] {
                command.env(name, self.world.to_string());
            }
            command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
            match apart(&mut command).spawn() {
                Ok(child) => processes.push(Named { name: format!("rank {rank}"), child }),
                Err(error) => {
                    for process in &mut processes {
                        drop(process.child.kill());
                    }
                    return Err(error).with_context(|| format!("cannot start rank {rank}"));
                }
            }
        }
        Ok(processes)
    }
}

/// A process that a terminal does not send signals to, and which does not read from it: what is asked for is passed on once.
fn apart(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    command
}

/// A port of this machine that nobody listens on.
fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("cannot find a port")?;
    Ok(listener.local_addr().context("cannot find a port")?.port())
}

/// Waits until all have ended. Where one fails, it is named, and the others are ended; its status is returned.
fn watch(mut running: Vec<Named>, asked: &Asked) -> Result<ExitStatus> {
    let mut passed_on = (0, 0);
    let mut last = None;
    let mut failed: Option<(ExitStatus, Instant)> = None;
    while !running.is_empty() {
        let mut still = Vec::new();
        for mut process in running {
            let Some(status) = process.child.try_wait().context("cannot wait for a process")? else {
                still.push(process);
                continue;
            };
            // One that has saved and stopped has not failed.
            let is_good = matches!(status.code(), Some(0 | 3));
            if !is_good && failed.is_none() {
                note(&format!("{} ended: {status}", process.name));
                failed = Some((status, Instant::now()));
            }
            last = match (last, status.code()) {
                (Some(last), Some(0)) => Some(last),
                _ => Some(status),
            };
        }
        running = still;
        pass_on(&running, asked, &mut passed_on);
        if let Some((_, since)) = failed {
            let end = if since.elapsed() > GRACE { signals::Passed::Kill } else { signals::Passed::End };
            send_all(&running, end);
        }
        sleep(LOOKS);
    }
    failed.map(|(status, _)| status).or(last).context("no process was started")
}

/// Passes on what was asked for since the last time: to save and stop, once, and to end at once if that is asked again.
fn pass_on(running: &[Named], asked: &Asked, passed_on: &mut (usize, usize)) {
    let (stops, saves) = (asked.stops(), asked.saves());
    if saves > passed_on.1 {
        send_all(running, signals::Passed::Save);
    }
    if stops > passed_on.0 {
        send_all(running, if passed_on.0 == 0 { signals::Passed::Stop } else { signals::Passed::End });
    }
    *passed_on = (stops, saves);
}

fn send_all(running: &[Named], what: signals::Passed) {
    for process in running {
        signals::send(&process.child, what);
    }
}
