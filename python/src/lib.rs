//! The Python module `stylegan_rs`: pictures of checkpoints as arrays of NumPy.
//!
//! It draws through `stylegan-drawing` as the program does, and holds nothing of its own but the way from and to Python.

use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};
use stylegan_base::Hint;
use stylegan_drawing::{
    DrawOptions, Latent, LatentId, LatentSource, LatentSpace, NoiseMode, Painter, Sample, pixels,
};
use stylegan_generator::Truncation;
use stylegan_import::{Purpose, open_any};

/// Pictures drawn in one call at most: their bytes are one array.
const MAX_PICTURES: usize = 1_000_000;

/// The generator of a checkpoint.
#[pyclass(frozen, module = "stylegan_rs")]
struct Generator {
    painter: Arc<Painter>,
}

#[pymethods]
impl Generator {
    /// Opens a checkpoint of this program or another, or the newest snapshot of a run's folder.
    ///
    /// `resolution` is the side for which the network was trained, for files that do not say it. Raises `ValueError` if it cannot be
    /// opened.
    #[classmethod]
    #[pyo3(signature = (path, resolution=None))]
    #[expect(clippy::needless_pass_by_value, reason = "Python hands it over")]
    fn open(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        path: PathBuf,
        resolution: Option<usize>,
    ) -> PyResult<Self> {
        let painter = py.detach(|| {
            let checkpoint = open_any(&path, resolution, Purpose::Sampling).map_err(refused)?;
            Painter::new(&checkpoint, DrawOptions::of(&checkpoint), &Device::Cpu).map_err(refused)
        })?;
        Ok(Self { painter: Arc::new(painter) })
    }

    /// Draws the pictures of seeds: uint8 `[n, height, width, channels]`, grey ones `[n, height, width, 1]`.
    ///
    /// `psi` and `cutoff` truncate as `stylegan sample` does; `noise` is "const", "random" or "none"; `class_` is the number of a
    /// class, for networks with labels.
    #[pyo3(signature = (seeds, psi=0.7, cutoff=8, noise="const", class_=None))]
    fn draw<'py>(
        &self,
        py: Python<'py>,
        seeds: Vec<u64>,
        psi: f64,
        cutoff: usize,
        noise: &str,
        class_: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let painter = self.painter(psi, cutoff, noise, class_)?;
        let samples: Vec<LatentId> = seeds.into_iter().map(LatentId::Seed).collect();
        LatentSource::SEEDS.check(&painter, &samples).map_err(refused)?;
        draw(py, &painter, &samples, |&id| LatentSource::SEEDS.sample(&painter, id))
    }

    /// Draws pictures of w, float `[n, w_dim]`, or of a w for each layer, `[n, num_layers, w_dim]`: uint8 as `draw` does.
    ///
    /// They are truncated by `psi` and `cutoff` as well; 1 leaves them as they are.
    #[pyo3(signature = (w, psi=1.0, cutoff=8, noise="const"))]
    fn draw_w<'py>(
        &self,
        py: Python<'py>,
        w: &Bound<'py, PyAny>,
        psi: f64,
        cutoff: usize,
        noise: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let painter = self.painter(psi, cutoff, noise, None)?;
        let (space, all) = latents(py, w)?;
        let config = painter.config();
        let expected = match space {
            LatentSpace::WPlus => vec![config.num_layers(), config.w_dim],
            _ => vec![config.w_dim],
        };
        if all.dims()[1..] != expected {
            let message = format!("w has shape {:?} where the network takes [n] + {expected:?}", all.dims());
            return Err(PyValueError::new_err(message));
        }
        let rows: Vec<usize> = (0..all.dims()[0]).collect();
        draw(py, &painter, &rows, |&row| {
            Ok(Sample::new(Latent::new(space, all.narrow(0, row, 1)?), vec![row as u64]))
        })
    }

    /// The w of seeds, float32 `[n, w_dim]`, not truncated.
    #[pyo3(signature = (seeds, class_=None))]
    fn w<'py>(&self, py: Python<'py>, seeds: Vec<u64>, class_: Option<usize>) -> PyResult<Bound<'py, PyAny>> {
        self.latents_of(py, seeds, LatentSpace::W, class_)
    }

    /// The w of seeds for each layer, float32 `[n, num_layers, w_dim]`, not truncated.
    #[pyo3(signature = (seeds, class_=None))]
    fn w_plus<'py>(
        &self,
        py: Python<'py>,
        seeds: Vec<u64>,
        class_: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.latents_of(py, seeds, LatentSpace::WPlus, class_)
    }

    /// The latents of seeds before the mapping network, float32 `[n, z_dim]`.
    fn z<'py>(&self, py: Python<'py>, seeds: Vec<u64>) -> PyResult<Bound<'py, PyAny>> {
        self.latents_of(py, seeds, LatentSpace::Z, None)
    }

    /// The mean of w, float32 `[w_dim]`.
    #[getter]
    fn w_avg<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        floats(py, self.painter.generator().w_avg())
    }

    /// Height and width of the pictures.
    #[getter]
    fn size(&self) -> (usize, usize) {
        let resolution = self.painter.resolution();
        (resolution.height, resolution.width)
    }

    /// Layers that styles enter.
    #[getter]
    fn num_layers(&self) -> usize {
        self.painter.config().num_layers()
    }

    /// Classes, for networks with labels; else 0.
    #[getter]
    fn label_dim(&self) -> usize {
        self.painter.config().label_dim
    }

    fn __repr__(&self) -> String {
        let config = self.painter.config();
        format!(
            "Generator({}, z_dim={}, w_dim={}, num_layers={})",
            self.painter.resolution(),
            config.z_dim,
            config.w_dim,
            config.num_layers()
        )
    }
}

impl Generator {
    /// The same network with other options.
    fn painter(&self, psi: f64, cutoff: usize, noise: &str, class: Option<usize>) -> PyResult<Painter> {
        if !psi.is_finite() {
            return Err(PyValueError::new_err(format!("psi is a finite number, not {psi}")));
        }
        let noise_mode = match noise {
            "const" => NoiseMode::Const,
            "random" => NoiseMode::Random,
            "none" => NoiseMode::None,
            _ => {
                let message = format!("noise is \"const\", \"random\" or \"none\", not {noise:?}");
                return Err(PyValueError::new_err(message));
            }
        };
        let mut options = self.painter.options().clone();
        (options.truncation_psi, options.truncation_cutoff) = (psi, cutoff);
        (options.noise_mode, options.class) = (noise_mode, class);
        self.painter.with(options).map_err(refused)
    }

    fn latents_of<'py>(
        &self,
        py: Python<'py>,
        seeds: Vec<u64>,
        space: LatentSpace,
        class: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Truncation { psi, cutoff } = Truncation::OFF;
        let painter = self.painter(psi, cutoff, "none", class)?;
        let ids: Vec<LatentId> = checked(seeds)?.into_iter().map(LatentId::Seed).collect();
        let latents = py.detach(|| {
            if space != LatentSpace::Z {
                LatentSource::SEEDS.check(&painter, &ids)?;
            }
            LatentSource::SEEDS.latents(&painter, &ids, space)
        });
        floats(py, &latents.map_err(refused)?.all)
    }
}

/// Not too many, and some.
fn checked<T>(all: Vec<T>) -> PyResult<Vec<T>> {
    match all.len() {
        1..=MAX_PICTURES => Ok(all),
        count => {
            Err(PyIndexError::new_err(format!("1 to {MAX_PICTURES} seeds or latents are drawn, not {count}")))
        }
    }
}

/// Draws a picture of each job, `[n, height, width, channels]`.
fn draw<'py, J: Send + Sync + Clone>(
    py: Python<'py>,
    painter: &Painter,
    jobs: &[J],
    sample: impl Fn(&J) -> stylegan_drawing::Result<Sample> + Send + Sync,
) -> PyResult<Bound<'py, PyAny>> {
    let jobs = checked(jobs.to_vec())?;
    let resolution = painter.resolution();
    let channels = painter.config().num_channels;
    let mut bytes = Vec::with_capacity(jobs.len() * resolution.height * resolution.width * channels);
    // Other threads of Python go on meanwhile.
    py.detach(|| {
        painter.draw_all(&jobs, sample, |_, picture| {
            bytes.extend_from_slice(pixels(&picture)?.as_bytes());
            Ok::<(), stylegan_drawing::Error>(())
        })
    })
    .map_err(refused)?;
    array(py, &bytes, "uint8", &[jobs.len(), resolution.height, resolution.width, channels])
}

/// An array of NumPy of these bytes, which is Python's own.
fn array<'py>(py: Python<'py>, bytes: &[u8], dtype: &str, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(py);
    options.set_item("dtype", dtype)?;
    let flat = py.import("numpy")?.call_method("frombuffer", (PyBytes::new(py, bytes),), Some(&options))?;
    // A copy that can be written to.
    flat.call_method1("reshape", (shape.to_vec(),))?.call_method0("copy")
}

fn floats<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    let values = tensor.to_dtype(DType::F32).and_then(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
    let values = values.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_ne_bytes).collect();
    array(py, &bytes, "float32", tensor.dims())
}

/// Latents of an array of numbers.
fn latents(py: Python<'_>, w: &Bound<'_, PyAny>) -> PyResult<(LatentSpace, Tensor)> {
    let numpy = py.import("numpy")?;
    let options = PyDict::new(py);
    options.set_item("dtype", "float32")?;
    let array = numpy.call_method("ascontiguousarray", (w,), Some(&options))?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let space = match (shape.len(), shape.contains(&0)) {
        (2, false) => LatentSpace::W,
        (3, false) => LatentSpace::WPlus,
        _ => {
            let message = format!("w is [n, w_dim] or [n, num_layers, w_dim], not {shape:?}");
            return Err(PyValueError::new_err(message));
        }
    };
    let bytes: Vec<u8> = array.call_method0("tobytes")?.extract()?;
    let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
    if !values.iter().all(|value| value.is_finite()) {
        return Err(PyValueError::new_err("w holds infinities, or what is not a number"));
    }
    let all = Tensor::from_vec(values, shape, &Device::Cpu);
    Ok((space, all.map_err(|error| PyValueError::new_err(error.to_string()))?))
}

/// The error with its causes and what to do about it.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refused(error: impl Hint + 'static) -> PyErr {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    if let Some(hint) = error.hint() {
        message = format!("{message} ({hint})");
    }
    PyValueError::new_err(message)
}

#[pymodule]
fn stylegan_rs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Generator>()
}
