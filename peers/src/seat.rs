//! What the program that started this process says of it.

use std::fmt;

use crate::Error;

/// The place of a process among those that were started together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number, from 0.
    pub rank: usize,
    /// How many there are.
    pub world: usize,
    /// Its number among those of this machine, if that is known.
    pub local_rank: Option<usize>,
    /// How many there are on this machine, if that is known.
    pub local_world: Option<usize>,
    /// Who says so.
    pub launcher: Launcher,
    /// Host and port of the first one, where the launcher names them.
    pub meeting_point: Option<String>,
}

/// Who starts processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Nobody: there is one process.
    None,
    /// `mpirun` of Open MPI.
    OpenMpi,
    /// A launcher that speaks PMI, as those of MPICH and Intel MPI.
    Pmi,
    /// `torchrun`, or `stylegan launch`, or whatever else sets the variables of PyTorch.
    Torchrun,
    /// `srun` of Slurm.
    Slurm,
}

/// The variables of a launcher: rank, world, rank and world on this machine.
struct Variables {
    launcher: Launcher,
    rank: &'static str,
    world: &'static str,
    local_rank: &'static str,
    local_world: &'static str,
}

/// Those that start single processes come before those that start the jobs in which they do.
///
/// Slurm tells tasks of a job as well where nobody has started them, in the script of the job; tasks of a step are there.
const LAUNCHERS: [Variables; 4] = [
    Variables {
        launcher: Launcher::OpenMpi,
        rank: "OMPI_COMM_WORLD_RANK",
        world: "OMPI_COMM_WORLD_SIZE",
        local_rank: "OMPI_COMM_WORLD_LOCAL_RANK",
        local_world: "OMPI_COMM_WORLD_LOCAL_SIZE",
    },
    Variables {
        launcher: Launcher::Torchrun,
        rank: "RANK",
        world: "WORLD_SIZE",
        local_rank: "LOCAL_RANK",
        local_world: "LOCAL_WORLD_SIZE",
    },
    Variables {
        launcher: Launcher::Pmi,
        rank: "PMI_RANK",
        world: "PMI_SIZE",
        local_rank: "MPI_LOCALRANKID",
        local_world: "MPI_LOCALNRANKS",
    },
    Variables {
        launcher: Launcher::Slurm,
        rank: "SLURM_PROCID",
        world: "SLURM_STEP_NUM_TASKS",
        local_rank: "SLURM_LOCALID",
        local_world: "SLURM_STEP_TASKS_PER_NODE",
    },
];

/// More processes than any machine has, so that a number beyond is a mistake.
const MOST: usize = 1 << 20;

impl Launcher {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "nobody",
            Self::OpenMpi => "mpirun",
            Self::Pmi => "a launcher by PMI",
            Self::Torchrun => "a launcher in the manner of torchrun",
            Self::Slurm => "srun",
        }
    }
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Seat {
    /// The place of a process that was started alone.
    pub fn alone() -> Self {
        Self {
            rank: 0,
            world: 1,
            local_rank: Some(0),
            local_world: Some(1),
            launcher: Launcher::None,
            meeting_point: None,
        }
    }

    /// What the variables of the environment say.
    ///
    /// # Errors
    /// If a variable is no number, too large, or missing where its companion is there.
    pub fn from_environment() -> Result<Self, Error> {
        // A variable that is no text is as wrong as one that is no number, and says so.
        Self::of(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// What variables say.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        for Variables { launcher, rank, world, local_rank, local_world } in LAUNCHERS {
            let (given_rank, given_world) = (variable(rank), variable(world));
            let (Some(own), Some(all)) = (&given_rank, &given_world) else {
                // Half of them is a mistake, except where others use such a name for other things.
                if matches!(launcher, Launcher::OpenMpi | Launcher::Pmi) {
                    match (given_rank, given_world) {
                        (Some(_), None) => return Err(Error::Missing { given: rank, missing: world }),
                        (None, Some(_)) => return Err(Error::Missing { given: world, missing: rank }),
                        _ => {}
                    }
                }
                continue;
            };
            let all = number(world, all, 1, MOST)?;
            let own = number(rank, own, 0, all - 1)?;
            let local_rank =
                variable(local_rank).map(|value| number(local_rank, &value, 0, all - 1)).transpose()?;
            let local_world = match variable(local_world) {
                // "2(x3),1": so many on each of the machines, of which it is not said which is this one.
                Some(value) if launcher == Launcher::Slurm => same_everywhere(&value),
                Some(value) => Some(number(local_world, &value, 1, all)?),
                None => None,
            };
            let meeting_point = match (variable("MASTER_ADDR"), variable("MASTER_PORT")) {
                (Some(host), Some(port)) => Some(meeting_point(&host, &port)?),
                _ => None,
            };
            return Ok(Self { rank: own, world: all, local_rank, local_world, launcher, meeting_point });
        }
        Ok(Self::alone())
    }
}

/// A number among `least..=most`.
fn number(name: &'static str, value: &str, least: usize, most: usize) -> Result<usize, Error> {
    value.trim().parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Error::Variable {
            name,
            value: shown(value),
            expected: format!("a whole number from {least} to {most}"),
        }
    })
}

/// The number of tasks on each machine, if it is the same on all.
fn same_everywhere(value: &str) -> Option<usize> {
    let (count, times) = value.split_once("(x").unwrap_or((value, "1)"));
    times.strip_suffix(')')?.parse::<usize>().ok()?;
    count.parse().ok().filter(|count| (1..=MOST).contains(count))
}

/// Host and port of the first process.
fn meeting_point(host: &str, port: &str) -> Result<String, Error> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || host.len() > 253 || !host.chars().all(is_host) {
        let expected = "the name or address of a machine".to_owned();
        return Err(Error::Variable { name: "MASTER_ADDR", value: shown(host), expected });
    }
    let port = number("MASTER_PORT", port, 1, 65_535)?;
    Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// The beginning of what anyone may have set, in one line.
fn shown(value: &str) -> String {
    value.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(variables: &[(&str, &str)]) -> Result<Seat, Error> {
        Seat::of(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_launcher_is_understood() {
        let ompi = [
            ("OMPI_COMM_WORLD_RANK", "5"),
            ("OMPI_COMM_WORLD_SIZE", "8"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "4"),
        ];
        let of = |launcher, meeting_point: Option<&str>| Seat {
            rank: 5,
            world: 8,
            local_rank: Some(1),
            local_world: Some(4),
            launcher,
            meeting_point: meeting_point.map(str::to_owned),
        };
        assert_eq!(seat(&ompi).unwrap(), of(Launcher::OpenMpi, None));
        let pmi = [("PMI_RANK", "5"), ("PMI_SIZE", "8"), ("MPI_LOCALRANKID", "1"), ("MPI_LOCALNRANKS", "4")];
        assert_eq!(seat(&pmi).unwrap(), of(Launcher::Pmi, None));
        let torchrun = [
            ("RANK", "5"),
            ("WORLD_SIZE", "8"),
            ("LOCAL_RANK", "1"),
            ("LOCAL_WORLD_SIZE", "4"),
            ("MASTER_ADDR", "fd00::1"),
            ("MASTER_PORT", "29500"),
        ];
        assert_eq!(seat(&torchrun).unwrap(), of(Launcher::Torchrun, Some("[fd00::1]:29500")));
        let slurm = [
            ("SLURM_PROCID", "5"),
            ("SLURM_STEP_NUM_TASKS", "8"),
            ("SLURM_LOCALID", "1"),
            ("SLURM_STEP_TASKS_PER_NODE", "4(x2)"),
        ];
        assert_eq!(seat(&slurm).unwrap(), of(Launcher::Slurm, None));
        // mpirun within a job of Slurm.
        assert_eq!(seat(&[&slurm[..], &ompi[..]].concat()).unwrap().launcher, Launcher::OpenMpi);
        let uneven = seat(&[
            ("SLURM_PROCID", "0"),
            ("SLURM_STEP_NUM_TASKS", "3"),
            ("SLURM_STEP_TASKS_PER_NODE", "2,1"),
        ]);
        assert_eq!(uneven.unwrap().local_world, None);
    }

    #[test]
    fn nobody_started_it() {
        assert_eq!(seat(&[]).unwrap(), Seat::alone());
        // The script of a job of eight tasks is one process.
        assert_eq!(seat(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")]).unwrap(), Seat::alone());
        // Names that others use as well.
        assert_eq!(seat(&[("RANK", "captain")]).unwrap(), Seat::alone());
    }

    #[test]
    fn nonsense_is_refused() {
        let message = |variables: &[(&str, &str)]| seat(variables).unwrap_err().to_string();
        assert_eq!(
            message(&[("RANK", "8"), ("WORLD_SIZE", "8")]),
            "the variable `RANK` is `8`, but must be a whole number from 0 to 7"
        );
        for size in ["", "0", "-1", "1e3", "99999999999999999999", "8\u{1b}[2J"] {
            let words = message(&[("PMI_RANK", "0"), ("PMI_SIZE", size)]);
            assert!(
                words.starts_with("the variable `PMI_SIZE` is `") && !words.contains('\u{1b}'),
                "{words}"
            );
        }
        assert_eq!(
            message(&[("OMPI_COMM_WORLD_RANK", "0")]),
            "`OMPI_COMM_WORLD_RANK` is set, but `OMPI_COMM_WORLD_SIZE` is not"
        );
        let torchrun = [("RANK", "0"), ("WORLD_SIZE", "2")];
        for (host, port) in [("", "1"), ("a b", "1"), ("$(reboot)", "1"), ("host", "0"), ("host", "65536")] {
            message(&[&torchrun[..], &[("MASTER_ADDR", host), ("MASTER_PORT", port)]].concat());
        }
    }
}
