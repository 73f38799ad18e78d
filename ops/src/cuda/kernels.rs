//! The sources of our kernels, and how they become code for a GPU.

use candle_core::cuda_backend::cudarc::nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts};
use candle_core::{Error, Result};

/// What all others need comes first. Those for weights and latents, which are never rounded, come last.
const SOURCES: [&str; 16] = [
    include_str!("common.cu"),
    include_str!("sums.cu"),
    include_str!("../leaky_relu/leaky_relu.cu"),
    include_str!("../finish/finish.cu"),
    include_str!("../norm/norm.cu"),
    include_str!("last.cu"),
    include_str!("../finish/finish_last.cu"),
    include_str!("../norm/norm_last.cu"),
    include_str!("../smooth/smooth_last.cu"),
    include_str!("../feature_layout/exchanged.cu"),
    include_str!("../resample/resample.cu"),
    include_str!("../smooth/smooth.cu"),
    include_str!("../conv/turned.cu"),
    include_str!("../gathered/gathered.cu"),
    include_str!("../update/update.cu"),
    include_str!("../random/normal.cu"),
];
const SOURCES_OF_FEATURES: usize = 14;

/// What a kernel asks for, by its source: `A` for an address, `S` for a size, `F` for a fraction, `T` for
/// a table.
pub(super) fn parameters(kernel: &str) -> Option<String> {
    let head = format!("__global__ void {kernel}(");
    let (_, rest) = SOURCES.iter().find_map(|source| source.split_once(&head))?;
    let (parameters, _) = rest.split_once(')')?;
    let kind = |parameter: &str| match parameter.trim() {
        address if address.contains('*') => Some('A'),
        size if size.starts_with("uint ") => Some('S'),
        fraction if fraction.starts_with("double ") => Some('F'),
        table if table.starts_with("Table ") => Some('T'),
        _ => None,
    };
    parameters.split(',').map(kind).collect()
}

/// All kernels for values of one type, `float`, `double` or `bfloat16`, and GPUs of one compute capability, such as
/// `(9, 0)`.
///
/// # Errors
/// If NVRTC does not know the GPU.
pub(super) fn compile(value: &str, (major, minor): (i32, i32)) -> Result<Ptx> {
    let source = match value {
        "bfloat16" => {
            format!("#define BFLOAT16\ntypedef float real;\n{}", SOURCES[..SOURCES_OF_FEATURES].concat())
        }
        _ => format!("typedef {value} real;\ntypedef {value} value;\n{}", SOURCES.concat()),
    };
    let options = CompileOptions {
        options: vec![format!("--gpu-architecture=compute_{major}{minor}")],
        ..CompileOptions::default()
    };
    compile_ptx_with_opts(source, options).map_err(|error| {
        let reason = match &error {
            CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
            _ => error.to_string(),
        };
        Error::Msg(format!(
            "cuda: NVRTC refuses the kernels for compute capability {major}.{minor}: {reason}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuda::libraries::is_nvrtc_there;

    #[test]
    fn parameters_are_those_of_the_source() {
        assert_eq!(parameters("blend").as_deref(), Some("AAASF"));
        assert_eq!(parameters("adam").as_deref(), Some("TAFFF"));
        assert_eq!(parameters("totals").as_deref(), Some("AASSSSSS"));
        assert_eq!(parameters("nothing"), None);
        let kernels = SOURCES.iter().flat_map(|source| source.split("__global__ void ").skip(1));
        let names: Vec<&str> = kernels.filter_map(|rest| rest.split('(').next()).collect();
        assert!(names.len() > 15);
        assert!(names.into_iter().all(|name| parameters(name).is_some()));
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that does not run says so")]
    fn kernels_compile_for_every_gpu_in_use() {
        if !is_nvrtc_there() {
            assert!(std::env::var_os("REQUIRE_NVRTC").is_none(), "NVRTC is not installed");
            // Seen with `--nocapture` only, as it is no failure.
            println!("skipped: NVRTC is not installed");
            return;
        }
        for capability in [(8, 0), (8, 6), (8, 9), (9, 0)] {
            for value in ["float", "double", "bfloat16"] {
                let ptx = compile(value, capability).unwrap().to_src();
                assert!(ptx.contains(".entry filtered("), "{capability:?} {value}");
                assert_eq!(ptx.contains(".entry adam("), value != "bfloat16", "{capability:?} {value}");
            }
        }
    }
}
