//! NCCL with a world of one.

#![cfg(feature = "nccl")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use candle_core::{Device, Tensor};
use stylegan_peers::{Nccl, Peers, Seat};

#[test]
#[ignore = "needs a CUDA device"]
fn a_world_of_one_is_its_own_mean() {
    let device = Device::new_cuda(0).unwrap();
    let peers =
        Nccl::join(&Seat::alone(), &device, Duration::from_mins(1), |error| panic!("{error}")).unwrap();
    assert_eq!((peers.rank(), peers.world()), (0, 1));
    let ramp = |shape: &[usize]| {
        let len = shape.iter().product::<usize>();
        Tensor::arange(0f32, len as f32, &device).unwrap().reshape(shape).unwrap()
    };
    let tensors = [ramp(&[5, 3]), ramp(&[]), ramp(&[(8 << 20) + 1]), ramp(&[4, 6]).narrow(0, 1, 2).unwrap()];
    let mut averaged = tensors.clone();
    peers.mean(&mut averaged).unwrap();
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (averaged, tensor) in averaged.iter().zip(&tensors) {
        assert_eq!(averaged.dims(), tensor.dims());
        assert_eq!(values(averaged), values(tensor));
    }
    assert_eq!(peers.traffic().sent_bytes, 0);
    assert_eq!(peers.gather(b"alone").unwrap(), [b"alone"]);
    assert_eq!(peers.gather(&[]).unwrap(), [b""]);
    assert_eq!(peers.broadcast(b"word").unwrap(), b"word");
    peers.barrier().unwrap();
    peers.leave();
}
