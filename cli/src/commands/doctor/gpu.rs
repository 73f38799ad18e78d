//! The GPUs of this machine, and why none is used where none is.

use std::fmt;
use std::fs;

use serde::{Serialize, Serializer};
use stylegan_base::units::Bytes;
use stylegan_trainer::Precision;

/// Major and minor version.
#[allow(dead_code, reason = "what can be found depends on the feature `cuda`")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether this program can use a GPU at all.
const IS_BUILT_WITH_CUDA: bool = cfg!(feature = "cuda");

/// What there is of GPUs, and what is to be said about it.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "`gpus` is its name in the JSON object")]
pub(super) struct Gpus {
    built_with_cuda: bool,
    /// Version of NVIDIA's driver; none where there is none.
    driver: Option<String>,
    /// None where the program is built without CUDA, or a library is missing.
    libraries: Option<Libraries>,
    pub(super) gpus: Vec<Gpu>,
    /// Why no GPU is used; none if one is.
    pub(super) unused: Option<String>,
    /// What helps against that.
    pub(super) hint: Option<String>,
}

/// Versions of what CUDA consists of.
#[allow(dead_code, reason = "what can be found depends on the feature `cuda`")]
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Libraries {
    /// The newest CUDA whose kernels the driver takes.
    driver_cuda: Version,
    /// The CUDA that kernels are compiled by.
    nvrtc: Version,
    cudnn: Version,
}

/// A GPU that can be used.
#[allow(dead_code, reason = "what can be found depends on the feature `cuda`")]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Gpu {
    /// As `--device` names it.
    device: String,
    name: String,
    total_bytes: u64,
    free_bytes: u64,
    compute_capability: Version,
    /// What a training computes in, unless it is told otherwise.
    precision: Precision,
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, name, total_bytes, free_bytes, compute_capability, precision } = self;
        let (free, total) = (Bytes(*free_bytes), Bytes(*total_bytes));
        write!(f, "{device} {name}, {free} free of {total}, ")?;
        write!(f, "compute capability {compute_capability}, trains in {precision}")
    }
}

/// What a look at CUDA has found.
#[allow(dead_code, reason = "what can be found depends on the feature `cuda`")]
enum Cuda {
    /// Nobody looked: the program is built without it.
    Unknown,
    /// A library is missing, or the driver fails.
    Broken(String),
    Works(Libraries, Vec<Result<Gpu, String>>),
}

impl Gpus {
    pub(super) fn look() -> Self {
        let driver = fs::read_to_string("/proc/driver/nvidia/version").ok().and_then(|text| version(&text));
        Self::of(driver, cuda())
    }

    fn of(driver: Option<String>, cuda: Cuda) -> Self {
        let (unused, hint) = why_none(&cuda, driver.is_some()).unzip();
        let (libraries, found) = match cuda {
            Cuda::Works(libraries, found) => (Some(libraries), found),
            Cuda::Unknown | Cuda::Broken(_) => (None, Vec::new()),
        };
        let usable = found.into_iter().flatten().filter(|_| unused.is_none());
        Self {
            built_with_cuda: IS_BUILT_WITH_CUDA,
            driver,
            libraries,
            gpus: usable.collect(),
            unused,
            hint: hint.flatten().map(str::to_owned),
        }
    }

    /// What `--device` would be.
    pub(super) fn device(&self) -> String {
        self.gpus.first().map_or("cpu", |gpu| gpu.device.as_str()).to_owned()
    }

    /// The command to type next.
    pub(super) fn next(&self) -> String {
        match (self.gpus.first(), &self.driver) {
            (Some(gpu), _) => format!("stylegan train --data PHOTOS --device {} --dry-run", gpu.device),
            (None, Some(_)) if !self.built_with_cuda => "cargo build --release --features cuda".to_owned(),
            _ => "stylegan train --data PHOTOS --dry-run".to_owned(),
        }
    }

    /// How the program was built.
    pub(super) fn build(&self) -> &'static str {
        if self.built_with_cuda { "with CUDA" } else { "without CUDA" }
    }

    pub(super) fn driver_line(&self) -> Option<String> {
        let libraries = self.libraries.as_ref().map(|&Libraries { driver_cuda, nvrtc, cudnn }| {
            format!("for CUDA up to {driver_cuda}; kernels by CUDA {nvrtc}, cuDNN {cudnn}")
        });
        match (&self.driver, libraries) {
            (Some(driver), Some(libraries)) => Some(format!("NVIDIA {driver}, {libraries}")),
            (Some(driver), None) => Some(format!("NVIDIA {driver}")),
            (None, Some(libraries)) => Some(format!("NVIDIA, {libraries}")),
            (None, None) => None,
        }
    }
}

/// Why no GPU is used, and what helps against it; none if one is.
fn why_none(cuda: &Cuda, has_driver: bool) -> Option<(String, Option<&'static str>)> {
    let plain = |reason: &String| reason.trim_start_matches("cuda: ").to_owned();
    let (reason, hint) = match cuda {
        Cuda::Unknown if has_driver => (
            "this program was built without CUDA, although there is a driver".to_owned(),
            "`cargo build --release --features cuda` builds it with CUDA; README.md says what that takes",
        ),
        Cuda::Unknown => {
            let reason = "this program was built without CUDA, and there is no NVIDIA driver";
            return Some((reason.to_owned(), None));
        }
        Cuda::Broken(reason) if has_driver => (
            plain(reason),
            "README.md says which package holds which library; the loader looks where `LD_LIBRARY_PATH` says",
        ),
        Cuda::Broken(reason) => (
            plain(reason),
            "`nvidia-smi` must show the GPU first; `scripts/cloud-gpu` installs driver and libraries",
        ),
        Cuda::Works(Libraries { driver_cuda, nvrtc, .. }, _) if driver_cuda < nvrtc => (
            format!(
                "the driver is too old: it takes kernels up to CUDA {driver_cuda}, and they are compiled by {nvrtc}"
            ),
            "update NVIDIA's driver, or build with an older CUDA toolkit",
        ),
        Cuda::Works(_, found) if found.iter().any(Result::is_ok) => return None,
        Cuda::Works(_, found) => match found.iter().find_map(|gpu| gpu.as_ref().err()) {
            Some(reason) => (plain(reason), "`nvidia-smi` says more"),
            None => (
                "this machine has no NVIDIA GPU that the driver shows".to_owned(),
                "`nvidia-smi` must show it first; in a container, it has to be passed in",
            ),
        },
    };
    Some((reason, Some(hint)))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Cuda {
    Cuda::Unknown
}

#[cfg(feature = "cuda")]
fn cuda() -> Cuda {
    use candle_core::Error;
    use stylegan_ops::cuda::{Installed, installed, open};
    use stylegan_ops::{GpuMemory, gpu_capability, gpu_name};

    let of_pair = |(major, minor)| Version(major, minor);
    let gpu = |ordinal: usize| -> candle_core::Result<Gpu> {
        let device = open(ordinal)?;
        let told = |what| Error::Msg(format!("the driver does not tell the GPU's {what}"));
        let memory = GpuMemory::of(&device)?.ok_or_else(|| told("memory"))?;
        let capability = gpu_capability(&device)?;
        Ok(Gpu {
            device: format!("cuda:{ordinal}"),
            name: gpu_name(&device)?.ok_or_else(|| told("name"))?,
            total_bytes: memory.total_bytes,
            free_bytes: memory.available_bytes,
            compute_capability: capability.map(of_pair).ok_or_else(|| told("compute capability"))?,
            precision: Precision::Auto.at(capability),
        })
    };

    // candle adds a backtrace when one is asked for.
    let words = |error: Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    match installed() {
        Err(error) => Cuda::Broken(words(error)),
        Ok(Installed { driver_cuda, nvrtc, cudnn, gpus }) => {
            // A driver that is too old fails in the middle of opening a GPU.
            let openable = if driver_cuda < nvrtc { 0 } else { gpus };
            let gpus = (0..openable).map(|ordinal| gpu(ordinal).map_err(words)).collect();
            let [driver_cuda, nvrtc, cudnn] = [driver_cuda, nvrtc, cudnn].map(of_pair);
            Cuda::Works(Libraries { driver_cuda, nvrtc, cudnn }, gpus)
        }
    }
}

/// The version in what the driver says of itself, `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159  …`.
fn version(text: &str) -> Option<String> {
    let is_version =
        |word: &&str| word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok());
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Libraries =
        Libraries { driver_cuda: Version(13, 0), nvrtc: Version(13, 0), cudnn: Version(9, 15) };

    fn h200() -> Gpu {
        Gpu {
            device: "cuda:0".to_owned(),
            name: "NVIDIA H200".to_owned(),
            total_bytes: 150 << 30,
            free_bytes: 149 << 30,
            compute_capability: Version(9, 0),
            precision: Precision::Auto.at(Some((9, 0))),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands for what was found")]
    fn driver() -> Option<String> {
        Some("580.159".to_owned())
    }

    #[test]
    fn a_gpu_that_works_is_what_is_trained_on() {
        let gpus = Gpus::of(driver(), Cuda::Works(NEW, vec![Ok(h200())]));
        assert_eq!((gpus.unused.as_deref(), gpus.device().as_str()), (None, "cuda:0"));
        assert_eq!(gpus.next(), "stylegan train --data PHOTOS --device cuda:0 --dry-run");
        assert_eq!(
            gpus.driver_line().unwrap(),
            "NVIDIA 580.159, for CUDA up to 13.0; kernels by CUDA 13.0, cuDNN 9.15"
        );
        assert_eq!(
            gpus.gpus[0].to_string(),
            "cuda:0 NVIDIA H200, 149.0 GiB free of 150.0 GiB, compute capability 9.0, trains in tf32"
        );
    }

    #[test]
    fn why_none_is_used() {
        let old = Libraries { driver_cuda: Version(12, 4), ..NEW };
        let cases = [
            (driver(), Cuda::Unknown, "built without CUDA, although there is a driver"),
            (None, Cuda::Unknown, "built without CUDA, and there is no NVIDIA driver"),
            (None, Cuda::Broken("cuda: cuDNN 9 is not installed".to_owned()), "cuDNN 9 is not installed"),
            (
                driver(),
                Cuda::Works(old, vec![Ok(h200())]),
                "too old: it takes kernels up to CUDA 12.4, and they are compiled by 13.0",
            ),
            (driver(), Cuda::Works(NEW, vec![]), "no NVIDIA GPU"),
            (driver(), Cuda::Works(NEW, vec![Err("cuda: it is broken".to_owned())]), "it is broken"),
        ];
        for (driver, cuda, words) in cases {
            let gpus = Gpus::of(driver, cuda);
            let reason = gpus.unused.as_deref().unwrap();
            assert!(reason.contains(words) && !reason.starts_with("cuda:"), "{reason}");
            assert_eq!((gpus.device().as_str(), gpus.gpus.len()), ("cpu", 0), "{reason}");
        }
    }

    #[test]
    fn a_second_gpu_serves_where_the_first_is_broken() {
        let second = Gpu { device: "cuda:1".to_owned(), ..h200() };
        let gpus = Gpus::of(driver(), Cuda::Works(NEW, vec![Err("broken".to_owned()), Ok(second)]));
        assert_eq!((gpus.unused.as_deref(), gpus.device().as_str()), (None, "cuda:1"));
    }

    #[test]
    fn drivers_say_their_version() {
        for text in [
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159  Thu Jul 17 01:00:00 UTC 2026\nGCC version: 12.2.0\n",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159  Release Build  (x@y)\n",
        ] {
            assert_eq!(version(text), driver());
        }
        assert_eq!(version("something else"), None);
    }
}
