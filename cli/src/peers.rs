//! The other processes of a training.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use stylegan_peers::{Alone, Peers, Seat};

use crate::device::DeviceName;
use crate::report;

/// How long others may be silent where nobody says it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(10);

/// The processes that were started together with this one, if there are any. From here on the first alone speaks.
///
/// `patience` is how long others may be silent in a step.
pub(crate) fn join(device: DeviceName, patience: Duration) -> Result<Rc<dyn Peers>> {
    let seat = Seat::from_environment()?;
    if seat.world == 1 {
        return Ok(Rc::new(Alone));
    }
    report::speak_as(seat.rank);
    join_others(&seat, device, patience)
}

/// Tells NCCL where processes meet, as the launcher says. To be called before anything else is started.
#[cfg(feature = "nccl")]
pub(crate) fn name_meeting_point() {
    use std::env;

    use stylegan_peers::MEETING_POINT;

    let Ok(Seat { meeting_point: Some(place), .. }) = Seat::from_environment() else { return };
    if env::var_os(MEETING_POINT).is_none() {
        #[expect(unsafe_code, reason = "NCCL looks for it in the environment alone")]
        // SAFETY: there are no other threads yet.
        unsafe {
            env::set_var(MEETING_POINT, place);
        }
    }
}

#[cfg(feature = "nccl")]
fn join_others(seat: &Seat, device: DeviceName, patience: Duration) -> Result<Rc<dyn Peers>> {
    use std::env;

    use stylegan_peers::{MEETING_POINT, Nccl};

    if device == DeviceName::Cpu {
        return join_by_mpi(seat, patience);
    }
    if env::var_os(MEETING_POINT).is_none() {
        return join_by_mpi(seat, patience);
    }
    Ok(Rc::new(Nccl::join(seat, &device.open()?, patience, give_up)?))
}

#[cfg(not(feature = "nccl"))]
fn join_others(seat: &Seat, _: DeviceName, patience: Duration) -> Result<Rc<dyn Peers>> {
    join_by_mpi(seat, patience)
}

#[cfg(feature = "mpi")]
fn join_by_mpi(seat: &Seat, patience: Duration) -> Result<Rc<dyn Peers>> {
    Ok(Rc::new(stylegan_peers::Mpi::join(seat, patience, give_up)?))
}

#[cfg(not(feature = "mpi"))]
fn join_by_mpi(seat: &Seat, _: Duration) -> Result<Rc<dyn Peers>> {
    let Seat { rank, world, launcher, .. } = seat;
    Err(report::Refusal::new(format!(
        "{launcher} started this as process {rank} of {world}, but this program was built without MPI"
    ))
    .hint("build it with `--features mpi`, or start one process")
    .into())
}

/// Says why all processes end.
#[cfg(any(feature = "mpi", feature = "nccl"))]
fn give_up(error: &stylegan_peers::Error) {
    report::insist(&format!(
        "error: {error}, and all processes end; the same command goes on from the last snapshot"
    ));
}

/// What the first process says, as text; the others say nothing.
pub(crate) fn of_first(peers: &dyn Peers, own: Option<String>) -> Result<Option<String>> {
    let said = peers.broadcast(own.unwrap_or_default().as_bytes())?;
    Ok(Some(String::from_utf8_lossy(&said).into_owned()).filter(|said| !said.is_empty()))
}

/// Does `work` of which one for each file system is enough: the first process, then one of each machine, then all others, which
/// find what is done already.
pub(crate) fn in_turn<R>(peers: &dyn Peers, work: impl Fn() -> Result<R>) -> Result<R> {
    if peers.world() == 1 {
        return work();
    }
    let own_turn = match Seat::from_environment()? {
        Seat { rank: 0, .. } => 0,
        Seat { local_rank: Some(0), .. } => 1,
        _ => 2,
    };
    (0..own_turn).try_for_each(|_| peers.barrier())?;
    let done = work()?;
    (own_turn..2).try_for_each(|_| peers.barrier())?;
    Ok(done)
}
