//! Where the numbers are computed.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use stylegan_peers::Seat;

use crate::report::Refusal;

/// `cpu`, `cuda:N`, or `cuda:auto` for the GPU of this process among those of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceName {
    Cpu,
    Cuda(usize),
    OwnCuda,
}

impl DeviceName {
    /// The device itself.
    pub(crate) fn open(self) -> anyhow::Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(ordinal) => self.open_cuda(ordinal),
            Self::OwnCuda => self.open_cuda(own_ordinal()?),
        }
    }

    #[cfg(feature = "cuda")]
    fn open_cuda(self, ordinal: usize) -> anyhow::Result<Device> {
        use anyhow::Context;

        if let Some(folder) = stylegan_base::user_cache() {
            stylegan_ops::cuda::keep_plans_in(folder);
        }
        stylegan_ops::cuda::open(ordinal).with_context(|| format!("cannot open `{self}`"))
    }

    #[cfg(not(feature = "cuda"))]
    fn open_cuda(self, _: usize) -> anyhow::Result<Device> {
        Err(Refusal::new(format!("`--device {self}` was asked for, but this program was built without CUDA"))
            .hint("leave `--device` out to compute on the CPU")
            .into())
    }
}

/// The number of this process among those of its machine: each has a GPU of its own.
fn own_ordinal() -> anyhow::Result<usize> {
    let Seat { local_rank, launcher, .. } = Seat::from_environment()?;
    local_rank.ok_or_else(|| {
        Refusal::usage(format!(
            "`--device cuda:auto` was asked for, but {launcher} does not number the processes of a machine"
        ))
        .hint("`LOCAL_RANK` says so, or `--device cuda:N` which GPU it is")
        .into()
    })
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            Self::OwnCuda => f.write_str("cuda:auto"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || "a device is `cpu`, `cuda:N`, such as `cuda:0`, or `cuda:auto`".to_owned();
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", "auto")) => Ok(Self::OwnCuda),
            Some(("cuda", ordinal)) => ordinal.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices() {
        assert_eq!("cpu".parse(), Ok(DeviceName::Cpu));
        assert_eq!("cuda".parse(), Ok(DeviceName::Cuda(0)));
        assert_eq!("cuda:3".parse(), Ok(DeviceName::Cuda(3)));
        assert_eq!("cuda:auto".parse(), Ok(DeviceName::OwnCuda));
        for text in ["", "gpu", "cuda:", "cuda:x", "cpu:0"] {
            assert!(text.parse::<DeviceName>().is_err(), "{text}");
        }
    }
}
