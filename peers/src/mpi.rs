//! Processes that speak through an MPI library.

use std::cell::Cell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

use candle_core::Tensor;
use mpi::Threading;
use mpi::datatype::Equivalence;
use mpi::environment::Universe;
use mpi::request::Request;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Source};
use stylegan_ops::upload;
use tracing::debug;

use crate::pieces::{joined, pieces, replace};
use crate::{Error, Peers, Seat, Traffic};

/// Bytes of a message, so that its length fits where MPI counts.
const MESSAGE: usize = 64 << 20;
/// Looks at messages that are on their way before this process sleeps between looks, and how long it sleeps.
const SPINS: u32 = 200;
const NAP: Duration = Duration::from_micros(50);

/// Processes that speak through an MPI library.
///
/// Messages go from each process to each other one, and every sum is made in the order of ranks, by one process for all: so
/// the same values give the same bytes, whatever the library and the network do. Of a mean of `L` values, each of `n` processes
/// adds up `L/n` and sends the others theirs: it sends and receives `2 (n - 1)/n · L` values, of which no way needs fewer.
pub struct Mpi {
    rank: usize,
    world: usize,
    communicator: SimpleCommunicator,
    /// How long the others may be silent.
    patience: Duration,
    /// Hears why the processes end when others are silent for longer.
    tell: fn(&Error),
    traffic: Cell<Traffic>,
    /// Ends MPI when it is dropped, for which all processes must come. One that fails must not wait for the others.
    universe: ManuallyDrop<Cell<Option<Universe>>>,
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mpi").field("rank", &self.rank).field("world", &self.world).finish_non_exhaustive()
    }
}

impl Mpi {
    /// Joins the processes that were started together. To be called once, and by the thread that computes.
    ///
    /// Where others are silent for longer than `patience`, `tell` hears of it, and all processes are ended: what they have in
    /// common is lost. So `patience` must be longer than anything that one of them does alone.
    ///
    /// # Errors
    /// If MPI cannot be started, or knows of other processes than the launcher of `seat`.
    pub fn join(seat: &Seat, patience: Duration, tell: fn(&Error)) -> Result<Self, Error> {
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled).ok_or(Error::NoMpi)?;
        let communicator = universe.world();
        let (rank, found) = (communicator.rank() as usize, communicator.size() as usize);
        if (rank, found) != (seat.rank, seat.world) {
            let Seat { rank, world, launcher, .. } = *seat;
            return Err(Error::OtherWorld { launcher: launcher.name(), rank, world, found });
        }
        debug!(rank, world = found, "joined by MPI");
        let universe = ManuallyDrop::new(Cell::new(Some(universe)));
        Ok(Self { rank, world: found, communicator, patience, tell, traffic: Cell::default(), universe })
    }

    /// Sends to each other process what `outgoing` has for it and fills what `incoming` has of it, both by rank. What stands for
    /// this process itself is left alone. All processes end when others are silent for longer than `patience`.
    fn exchange<T: Equivalence>(
        &self,
        outgoing: &[&[T]],
        incoming: &mut [&mut [T]],
        patience: Duration,
    ) -> Result<(), Error> {
        let started = Instant::now();
        mpi::request::scope(|scope| {
            let others = || (0..self.world).filter(|&rank| rank != self.rank);
            let peer = |rank: usize| self.communicator.process_at_rank(rank as i32);
            let mut arriving: Vec<_> = incoming
                .iter_mut()
                .enumerate()
                .filter(|(rank, _)| *rank != self.rank)
                .map(|(rank, values)| {
                    let expected = values.len();
                    (rank, expected, peer(rank).immediate_receive_into(scope, &mut **values))
                })
                .collect();
            let mut leaving: Vec<_> =
                others().map(|rank| (rank, 0, peer(rank).immediate_send(scope, outgoing[rank]))).collect();
            let mut wrong = None;
            let mut looks = 0;
            while !(arriving.is_empty() && leaving.is_empty()) {
                leaving = unfinished(leaving, |_, _, _| {});
                arriving = unfinished(arriving, |rank, expected, status| {
                    let found = status.count(T::equivalent_datatype()) as usize;
                    if found != expected {
                        let size = size_of::<T>();
                        wrong = Some(Error::Length { rank, found: found * size, expected: expected * size });
                    }
                });
                if started.elapsed() > patience {
                    let waiting = if arriving.is_empty() { leaving.iter() } else { arriving.iter() };
                    self.give_up(waiting.map(|(rank, ..)| *rank).collect());
                }
                looks += 1;
                if looks < SPINS { yield_now() } else { sleep(NAP) }
            }
            wrong.map_or(Ok(()), Err)
        })
    }

    /// Ends all processes, since some are silent.
    fn give_up(&self, missing: Vec<usize>) -> ! {
        (self.tell)(&Error::Silent { missing, secs: self.patience.as_secs() });
        self.communicator.abort(1)
    }

    /// Replaces the values by their means over all processes; returns how many values this one has sent.
    fn mean_of(&self, values: &mut [f32]) -> Result<usize, Error> {
        let world = self.world;
        let bounds: Vec<usize> = (0..=world).map(|rank| values.len() * rank / world).collect();
        let own = bounds[self.rank]..bounds[self.rank + 1];
        let mut received = vec![0f32; own.len() * world];
        {
            let outgoing: Vec<&[f32]> = bounds.windows(2).map(|ends| &values[ends[0]..ends[1]]).collect();
            let mut incoming: Vec<&mut [f32]> = split(&mut received, world, own.len());
            self.exchange(&outgoing, &mut incoming, self.patience)?;
        }
        let mut sums = vec![0f32; own.len()];
        for rank in 0..world {
            let theirs = if rank == self.rank {
                &values[own.clone()]
            } else {
                &received[rank * own.len()..][..own.len()]
            };
            sums.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += value);
        }
        let share = 1.0 / world as f32;
        for sum in &mut sums {
            *sum *= share;
        }
        {
            let outgoing = vec![&sums[..]; world];
            let mut rest = &mut *values;
            let mut incoming = Vec::with_capacity(world);
            for ends in bounds.windows(2) {
                let (chunk, behind) = rest.split_at_mut(ends[1] - ends[0]);
                incoming.push(chunk);
                rest = behind;
            }
            self.exchange(&outgoing, &mut incoming, self.patience)?;
        }
        let sent = values.len() - own.len() + (world - 1) * own.len();
        values[own].copy_from_slice(&sums);
        Ok(sent)
    }

    /// As [`Peers::gather`], but the others may be silent for so long.
    fn gather_within(&self, own: &[u8], patience: Duration) -> Result<Vec<Vec<u8>>, Error> {
        let mut lengths = vec![0u64; self.world];
        let length = [own.len() as u64];
        self.exchange(&vec![&length[..]; self.world], &mut split(&mut lengths, self.world, 1), patience)?;
        lengths[self.rank] = length[0];
        let mut said: Vec<Vec<u8>> = lengths.iter().map(|&length| vec![0; length as usize]).collect();
        let longest = lengths.into_iter().max().unwrap_or(0) as usize;
        for start in (0..longest).step_by(MESSAGE) {
            let part = |len: usize| start.min(len)..(start + MESSAGE).min(len);
            let outgoing = vec![&own[part(own.len())]; self.world];
            let mut incoming: Vec<&mut [u8]> = said
                .iter_mut()
                .map(|said| {
                    let part = part(said.len());
                    &mut said[part]
                })
                .collect();
            self.exchange(&outgoing, &mut incoming, patience)?;
        }
        said[self.rank].copy_from_slice(own);
        Ok(said)
    }
}

/// Parts of `len` values each.
fn split<T>(values: &mut [T], count: usize, len: usize) -> Vec<&mut [T]> {
    if len == 0 { (0..count).map(|_| &mut [][..]).collect() } else { values.chunks_mut(len).collect() }
}

/// A message on its way from or to a process, with its length.
type OnItsWay<'a, T, S> = (usize, usize, Request<'a, [T], S>);

/// Those that are still on their way; `arrived` hears of the others.
fn unfinished<'a, T, S: mpi::request::Scope<'a>>(
    messages: Vec<OnItsWay<'a, T, S>>,
    mut arrived: impl FnMut(usize, usize, mpi::point_to_point::Status),
) -> Vec<OnItsWay<'a, T, S>> {
    let mut left = Vec::new();
    for (rank, len, message) in messages {
        match message.test() {
            Ok(status) => arrived(rank, len, status),
            Err(message) => left.push((rank, len, message)),
        }
    }
    left
}

impl Peers for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world(&self) -> usize {
        self.world
    }

    fn mean(&self, tensors: &mut [Tensor]) -> Result<(), Error> {
        let (started, mut sent) = (Instant::now(), 0);
        for piece in pieces(tensors)? {
            let tensors = &mut tensors[piece.tensors];
            let whole = joined(tensors)?;
            let mut values = whole.to_vec1::<f32>()?;
            sent += self.mean_of(&mut values)?;
            replace(tensors, &upload(&values, values.len(), whole.device())?)?;
        }
        let sent_bytes = (sent * size_of::<f32>()) as u64;
        self.traffic.set(self.traffic.get().and(Traffic { sent_bytes, took: started.elapsed() }));
        Ok(())
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        self.gather_within(own, self.patience)
    }

    fn barrier(&self) -> Result<(), Error> {
        self.gather_within(&[], Duration::MAX).map(drop)
    }

    fn leave(&self) {
        drop(self.universe.take());
    }

    fn traffic(&self) -> Traffic {
        self.traffic.get()
    }
}
