//! How many threads compute, and whose.

use std::env;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use stylegan_peers::{Launcher, Seat};

/// Where both rayon and candle look for a number of threads.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// Starts rayon's threads: as many as asked for, as `RAYON_NUM_THREADS` says, or one for each core, which processes that were
/// started together on a machine share. To be called before anything else is started.
///
/// candle has threads of its own for element-wise operations, which spin while they wait for one another. Beside rayon's
/// they take more than they give, and on a busy machine half of the time; so candle is told to compute such operations
/// where it is called. The operations that matter are ours, and rayon's.
pub(crate) fn start(asked_for: Option<usize>) -> Result<()> {
    let given = || env::var(VARIABLE).ok()?.parse().ok().filter(|&threads| threads > 0);
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let share = match Seat::from_environment() {
        // Slurm gives each process cores of its own, and the system counts those alone.
        Ok(Seat { launcher: Launcher::Slurm, .. }) | Err(_) => cores,
        Ok(seat) => (cores / seat.local_world.unwrap_or(1)).max(1),
    };
    let threads = asked_for.or_else(given).unwrap_or(share);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .context("cannot start the threads that compute")?;
    #[expect(unsafe_code, reason = "candle's number of threads is set by the environment alone")]
    // SAFETY: rayon's threads wait for work and read no variables; there are no others yet.
    unsafe {
        env::set_var(VARIABLE, "1");
    }
    Ok(())
}
