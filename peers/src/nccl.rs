//! Processes with an NVIDIA GPU each, which speak through NCCL.

use std::cell::Cell;
use std::fmt;
use std::process::exit;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::cuda_backend::cudarc::nccl::result::{NcclError, NcclStatus};
use candle_core::cuda_backend::cudarc::nccl::{Comm, Id, ReduceOp, group_end, group_start};
use candle_core::{
    CpuStorage, CudaStorage, Device, InplaceOp1, Layout, Result as TensorResult, Tensor, bail,
};
use tracing::debug;

use crate::wire::{Wire, mean, sent_bytes};
use crate::{Error, Peers, Seat, Traffic};

/// The variable in which NCCL looks where processes meet, `HOST:PORT` of the first.
pub const MEETING_POINT: &str = "NCCL_COMM_ID";

/// How often it is looked whether others are silent.
const LOOKS: Duration = Duration::from_millis(500);

/// Processes with an NVIDIA GPU each, which speak through NCCL.
///
/// NCCL adds up in an order that follows from how the GPUs are connected: means of the same values are the same bytes where as
/// many processes run on the same machines.
pub struct Nccl {
    comm: Comm,
    watch: Arc<Watch>,
    traffic: Cell<Traffic>,
}

impl fmt::Debug for Nccl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nccl")
            .field("rank", &self.rank())
            .field("world", &self.world())
            .finish_non_exhaustive()
    }
}

/// Since when the others have been waited for.
#[derive(Default)]
struct Watch(Mutex<Option<Instant>>);

impl Watch {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn waited(&self) -> Duration {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Nccl {
    /// Joins the processes of `seat`, which meet where the variable [`MEETING_POINT`] says. To be called once, and by the thread
    /// that computes.
    ///
    /// Where others are silent for longer than `patience`, `tell` hears of it, and this process ends.
    ///
    /// # Errors
    /// If `device` is no GPU, or NCCL is not there or cannot connect.
    pub fn join(seat: &Seat, device: &Device, patience: Duration, tell: fn(&Error)) -> Result<Self, Error> {
        let Device::Cuda(device) = device else {
            return Err(Error::Nccl { what: "the device is no GPU".to_owned() });
        };
        let watch = Arc::new(Watch::default());
        let watched = watch.clone();
        spawn(move || {
            loop {
                sleep(LOOKS);
                if watched.waited() > patience {
                    tell(&Error::Silent { missing: Vec::new(), secs: patience.as_secs() });
                    exit(1);
                }
            }
        });
        watch.set(Some(Instant::now()));
        let id = Id::new().map_err(failed)?;
        let comm = Comm::from_rank(device.cuda_stream(), seat.rank, seat.world, id).map_err(failed)?;
        watch.set(None);
        debug!(rank = seat.rank, world = seat.world, "joined by NCCL");
        Ok(Self { comm, watch, traffic: Cell::default() })
    }

    /// What all processes say in as many bytes, one behind the other.
    fn gather_equal(&self, own: &[u8]) -> Result<Vec<u8>, Error> {
        let stream = self.comm.stream();
        let driver = |error| Error::Device(candle_core::Error::wrap(error));
        let sent: CudaSlice<u8> = stream.clone_htod(own).map_err(driver)?;
        let mut received = stream.alloc_zeros::<u8>(own.len() * self.world()).map_err(driver)?;
        self.comm.all_gather(&sent, &mut received).map_err(failed)?;
        let said = stream.clone_dtoh(&received).map_err(driver)?;
        stream.synchronize().map_err(driver)?;
        Ok(said)
    }

    fn gather_within(&self, own: &[u8], since: Option<Instant>) -> Result<Vec<Vec<u8>>, Error> {
        self.watch.set(since);
        let lengths = self.gather_equal(&(own.len() as u64).to_le_bytes())?;
        let lengths: Vec<usize> =
            lengths.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes) as usize).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut said = vec![Vec::new(); self.world()];
        if longest > 0 {
            let mut padded = own.to_vec();
            padded.resize(longest, 0);
            let all = self.gather_equal(&padded)?;
            for ((said, all), len) in said.iter_mut().zip(all.chunks(longest)).zip(lengths) {
                *said = all[..len].to_vec();
            }
        }
        self.watch.set(None);
        Ok(said)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "results give it so")]
fn failed(error: NcclError) -> Error {
    Error::Nccl { what: format!("{:?}", error.0) }
}

impl Wire for Comm {
    fn group_start(&self) -> Result<(), Error> {
        group_start().map(drop).map_err(failed)
    }

    fn sum(&self, values: &Tensor) -> Result<(), Error> {
        Ok(values.inplace_op1(&AllReduce(self))?)
    }

    fn group_end(&self) -> Result<(), Error> {
        group_end().map(drop).map_err(failed)
    }
}

/// The sum over all processes, in place.
struct AllReduce<'a>(&'a Comm);

impl InplaceOp1 for AllReduce<'_> {
    fn name(&self) -> &'static str {
        "all-reduce"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> TensorResult<()> {
        bail!("NCCL adds up what is on a GPU")
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> TensorResult<()> {
        let values = storage.as_cuda_slice_mut::<f32>()?;
        if layout.contiguous_offsets() != Some((0, values.len())) {
            bail!("NCCL adds up whole tensors")
        }
        match self.0.all_reduce_in_place(values, &ReduceOp::Sum) {
            Ok(NcclStatus::Success | NcclStatus::InProgress) => Ok(()),
            Ok(NcclStatus::NumResults) => bail!("NCCL answers what is no answer"),
            Err(error) => Err(candle_core::Error::wrap(failed(error))),
        }
    }
}

impl Peers for Nccl {
    fn rank(&self) -> usize {
        self.comm.rank()
    }

    fn world(&self) -> usize {
        self.comm.world_size()
    }

    fn mean(&self, tensors: &mut [Tensor]) -> Result<(), Error> {
        let started = Instant::now();
        let values = mean(&self.comm, self.world(), tensors)?;
        let sent_bytes = sent_bytes(self.world(), values);
        self.traffic.set(self.traffic.get().and(Traffic { sent_bytes, took: started.elapsed() }));
        Ok(())
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        self.gather_within(own, Some(Instant::now()))
    }

    fn barrier(&self) -> Result<(), Error> {
        self.gather_within(&[], None).map(drop)
    }

    fn leave(&self) {}

    fn traffic(&self) -> Traffic {
        self.traffic.get()
    }
}
