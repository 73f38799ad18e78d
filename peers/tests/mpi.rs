//! Several processes of this very test, started by `mpirun`.

#![cfg(feature = "mpi")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use stylegan_peers::{Error, Mpi, Peers, Seat};

/// Starts so many processes that each run `test`, which is for them alone.
fn start(world: usize, test: &str) {
    let (is_good, [stdout, stderr]) = ended(world, test);
    assert!(is_good, "{world} processes: {stdout}{stderr}");
    assert_eq!(stdout.matches("1 passed").count(), world, "{stdout}");
}

/// Whether they ended well, and what they said on standard output and error.
fn ended(world: usize, test: &str) -> (bool, [String; 2]) {
    let mut mpirun = Command::new("mpirun");
    mpirun.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", &world.to_string()]);
    mpirun.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--ignored", "--test-threads", "1"]);
    let output = mpirun.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said)
}

fn join() -> Mpi {
    join_for(Duration::from_mins(1))
}

fn join_for(patience: Duration) -> Mpi {
    Mpi::join(&Seat::from_environment().unwrap(), patience, |error| panic!("{error}")).unwrap()
}

/// Long, for processes that are patient for a second.
const LONG: Duration = Duration::from_secs(3);

#[test]
fn the_first_is_waited_for_however_long_it_works() {
    start(3, "each_process_waits_for_the_first");
}

#[test]
#[ignore = "is started several times by another test"]
fn each_process_waits_for_the_first() {
    let peers = join_for(Duration::from_secs(1));
    if peers.is_first() {
        sleep(LONG);
    }
    peers.await_first().unwrap();
    assert_eq!(peers.broadcast(&[peers.rank() as u8]).unwrap(), [0]);
    peers.leave();
}

#[test]
fn the_first_does_not_wait_for_one_that_hangs() {
    let (is_good, said) = ended(3, "the_last_process_hangs");
    assert!(!is_good, "{said:?}");
    assert!(said.concat().contains("rank 2 did not answer for 1 second"), "{said:?}");
}

#[test]
#[ignore = "is started several times by another test"]
fn the_last_process_hangs() {
    let peers = join_for(Duration::from_secs(1));
    if peers.rank() == 2 {
        sleep(Duration::from_mins(5));
    }
    peers.await_first().unwrap();
}

#[test]
fn means_are_those_of_all_and_cost_what_they_must() {
    for world in [1, 2, 3, 4] {
        start(world, "each_process_has_the_mean");
    }
}

#[test]
#[ignore = "is started several times by another test"]
fn each_process_has_the_mean() {
    let peers = join();
    let (rank, world) = (peers.rank(), peers.world());
    // Lengths that the number of processes does not divide, a single number, nothing at all, and more than one piece.
    let shapes: [&[usize]; 5] = [&[5, 3], &[], &[0], &[7, 2, 1], &[(8 << 20) + 1]];
    let of = |rank: usize| -> Vec<Tensor> {
        let ramp = |shape: &[usize]| {
            let len = shape.iter().product::<usize>();
            let values = Tensor::arange(0f32, len as f32, &Device::Cpu)?;
            (values * (0.1 + rank as f64))?.sin()?.reshape(shape)
        };
        shapes.iter().map(|shape| ramp(shape).unwrap()).collect()
    };
    let mut averaged = of(rank);
    peers.mean(&mut averaged).unwrap();
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let all: Vec<Vec<Tensor>> = (0..world).map(of).collect();
    for (index, averaged) in averaged.iter().enumerate() {
        assert_eq!(averaged.dims(), shapes[index]);
        let mut expected = vec![0f32; averaged.elem_count()];
        // In the order of ranks, whoever adds up.
        for tensors in &all {
            expected.iter_mut().zip(values(&tensors[index])).for_each(|(sum, value)| *sum += value);
        }
        let share = 1.0 / world as f32;
        assert!(
            values(averaged)
                .iter()
                .zip(expected)
                .all(|(mean, sum)| mean.to_bits() == (sum * share).to_bits())
        );
    }
    // All of them together send each value to each other process once, and each mean once.
    let sent = peers.gather(&peers.traffic().sent_bytes.to_le_bytes()).unwrap();
    let sent: Vec<u64> = sent.iter().map(|bytes| u64::from_le_bytes(bytes[..].try_into().unwrap())).collect();
    let bytes = 4 * averaged.iter().map(Tensor::elem_count).sum::<usize>() as u64;
    let others = world as u64 - 1;
    assert_eq!(sent.iter().sum::<u64>(), 2 * others * bytes);
    let least = 2 * others * bytes / world as u64;
    assert!(sent.iter().all(|sent| sent.abs_diff(least) < 64), "{sent:?} {least}");

    let doubles = Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap();
    assert!(matches!(peers.mean(&mut [doubles]), Err(Error::Type { found: DType::F64 })));
    peers.leave();
}

#[test]
fn what_is_said_is_heard() {
    for world in [1, 2, 3] {
        start(world, "each_process_hears_the_others");
    }
}

#[test]
#[ignore = "is started several times by another test"]
fn each_process_hears_the_others() {
    let peers = join();
    let word = |rank: usize| vec![rank as u8; 5 * rank];
    let said = peers.gather(&word(peers.rank())).unwrap();
    assert_eq!(said, (0..peers.world()).map(word).collect::<Vec<_>>());
    peers.barrier().unwrap();
    // More than one message holds.
    let long = |rank: usize| vec![rank as u8 + 1; (65 << 20) * usize::from(rank == 0) + rank];
    let said = peers.gather(&long(peers.rank())).unwrap();
    assert!(said.iter().enumerate().all(|(rank, said)| *said == long(rank)));
    let own = [b'a' + peers.rank() as u8; 3];
    assert_eq!(peers.broadcast(&own).unwrap(), b"aaa");
    assert_eq!(
        (peers.gather(&[]).unwrap(), peers.is_first()),
        (vec![Vec::new(); peers.world()], peers.rank() == 0)
    );
    peers.leave();
}
