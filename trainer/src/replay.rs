//! Iterations that a GPU does again without being asked for each kernel.
//!
//! An iteration starts some two thousand kernels. Between two iterations of a level that does not fade only numbers
//! differ: pictures, labels and draws, which are written into tensors that stay where they are. So an iteration is done once,
//! recorded the next time, and from then on started as a whole.

use candle_core::{Device, Result};
use stylegan_ops::{GpuMemory, Graph};
use tracing::{debug, warn};

use crate::draws::Inputs;
use crate::{Report, Settings};

/// What a GPU has recorded of the iterations of the present level.
#[derive(Debug, Default)]
pub(crate) struct Replay(Option<Level>);

#[derive(Debug)]
struct Level {
    settings: Settings,
    /// What the recorded work reads.
    inputs: Inputs,
    /// What it writes: the numbers that an iteration reports.
    numbers: Report,
    graph: Recorded,
}

/// The iteration as the driver has it.
#[derive(Debug)]
enum Recorded {
    /// Nothing yet; it was done once.
    Not,
    Whole(Graph),
    /// The driver refuses, or there is too little memory.
    Refused,
}

impl Replay {
    /// One iteration with these settings, of a level that does not fade: `work`, from inputs that differ in their values alone.
    pub(crate) fn iteration(
        &mut self,
        device: &Device,
        settings: Settings,
        inputs: &Inputs,
        mut work: impl FnMut(&Inputs) -> Result<Report>,
    ) -> Result<Report> {
        // What fails is forgotten.
        let level = match self.0.take() {
            Some(level) if level.settings == settings && level.inputs.take(inputs)? => {
                self.0.insert(level.again(device, work)?)
            }
            earlier => {
                drop(earlier);
                let inputs = inputs.copy()?;
                let numbers = work(&inputs)?.copy()?;
                self.0.insert(Level { settings, inputs, numbers, graph: Recorded::Not })
            }
        };
        Ok(level.numbers.clone())
    }
}

impl Level {
    fn again(mut self, device: &Device, mut work: impl FnMut(&Inputs) -> Result<Report>) -> Result<Self> {
        let Self { inputs, numbers, graph, .. } = &mut self;
        if let Recorded::Not = graph
            && !has_room(device)?
        {
            debug!("an iteration is not recorded, for lack of memory");
            *graph = Recorded::Refused;
        }
        if let Recorded::Not = graph {
            *graph = Graph::record(device, || numbers.take(&work(inputs)?)).map_or_else(
                |error| {
                    warn!(%error, "the GPU does not record iterations, so each kernel is asked for");
                    Recorded::Refused
                },
                Recorded::Whole,
            );
        }
        match graph {
            Recorded::Whole(graph) => graph.start()?,
            // Nothing was done by recording.
            _ => numbers.take(&work(inputs)?)?,
        }
        Ok(self)
    }
}

/// Whether a GPU has memory for a graph beside that for iterations that are not recorded, and for drawing.
fn has_room(device: &Device) -> Result<bool> {
    let memory = GpuMemory::of(device)?;
    Ok(memory.is_none_or(|memory| 2 * memory.peak_bytes <= memory.available_bytes))
}

#[cfg(test)]
#[cfg(feature = "cuda")]
mod tests {
    use candle_core::DType;
    use stylegan_ops::cuda::open;
    use stylegan_ops::{Key, Parameters, RandomTensors, Resolution, repeatedly};

    use super::*;
    use crate::{LossKind, TrainConfig, Trainer};

    const STEPS: u64 = 4;
    const BATCH: usize = 4;
    const SIDE: usize = 8;

    /// Everything that was trained, after some steps of a small network, and the numbers of the last.
    fn trained(kind: LossKind, device: &Device, is_recorded: bool) -> Result<Vec<Vec<f32>>> {
        let keys = ["generator.resolution=8", "generator.fmap_base=64", "generator.fmap_max=8"];
        let keys = keys.into_iter().chain(["generator.z_dim=16", "generator.w_dim=16", "schedule.batch=4"]);
        let keys = keys.chain(["generator.mapping_fmaps=16", "generator.mapping_layers=2"]);
        let mut config =
            TrainConfig::load(Some("demo"), &keys.map(str::to_owned).collect::<Vec<_>>()).unwrap();
        config.loss.kind = kind;
        let resolution = Resolution::square(SIDE);
        let settings = Settings { lod: 0.0, resolution, batch: BATCH, g_lrate: 0.002, d_lrate: 0.002 };
        let mut trainer = Trainer::new(config, DType::F32, device)?;
        let mut numbers = Vec::new();
        for step in 0..STEPS {
            let key = Key::new("pictures", &[step]);
            let pixels = (key.uniform_tensor((BATCH, 3, SIDE, SIDE), DType::F32, device)? * 255.0)?
                .to_dtype(DType::U8)?;
            let report = if is_recorded {
                trainer.step(&pixels, None, settings, step)?
            } else {
                repeatedly(device, || {
                    trainer.enter_level(settings)?;
                    let inputs = trainer.inputs(&pixels, None, settings, step)?;
                    trainer.iteration(&inputs, settings)
                })?
            };
            numbers = report.numbers().map(|(_, x)| x.to_scalar::<f32>()).collect::<Result<_>>()?;
        }
        if is_recorded {
            let replay = trainer.replay.borrow();
            assert!(replay.0.as_ref().is_some_and(|level| matches!(level.graph, Recorded::Whole(_))));
        }
        let networks = trainer.networks();
        let vars = [&networks.g, &networks.d, &networks.g_ema].into_iter().flat_map(Parameters::vars);
        let values = vars.map(|(_, var)| var.flatten_all()?.to_vec1::<f32>());
        values.chain([Ok(numbers)]).collect()
    }

    #[test]
    #[ignore = "needs a CUDA device"]
    fn recorded_iterations_change_what_others_do() -> Result<()> {
        let device = open(0)?;
        for kind in [LossKind::WganGp, LossKind::LogisticR1, LossKind::WganClip] {
            assert_eq!(trained(kind, &device, true)?, trained(kind, &device, false)?, "{kind:?}");
        }
        Ok(())
    }
}
