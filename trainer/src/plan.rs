//! What a training will do, said before it is done.

use std::fmt;

use candle_core::{DType, Device, Result};
use serde::Serialize;
use stylegan_discriminator::Critic;
use stylegan_generator::{Generator, is_buffer};
use stylegan_ops::{Key, Parameters};

use crate::memory::estimate_bytes;
use crate::{LevelPlan, TrainConfig};

/// The plan of a training: its levels, the size of its networks, the memory they will take.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Side of the finished pictures, in pixels.
    pub resolution: usize,
    /// Trained numbers of the generator.
    pub g_parameters: u64,
    /// Trained numbers of the critic.
    pub d_parameters: u64,
    /// About the most memory the training takes, in bytes.
    pub memory_bytes: u64,
    /// Length of the training, in kimg.
    pub total_kimg: f64,
    /// The levels, in order.
    pub levels: Vec<LevelPlan>,
}

impl Plan {
    /// The plan of `config`.
    ///
    /// # Errors
    /// If the configuration is impossible or its networks do not fit into memory.
    pub fn new(config: &TrainConfig) -> Result<Self> {
        // Sizes are asked of networks on the CPU that are dropped at once: no other place knows them.
        let (g, d) = (Parameters::new(Key::new("plan", &[])), Parameters::new(Key::new("plan", &[])));
        Generator::new(&config.generator, &g.builder(DType::F32, &Device::Cpu))?;
        Critic::new(&config.critic(), &d.builder(DType::F32, &Device::Cpu))?;
        let count = |parameters: &Parameters| {
            let vars = parameters.vars();
            vars.iter().filter(|(name, _)| !is_buffer(name)).map(|(_, var)| var.elem_count() as u64).sum()
        };
        let (g_parameters, d_parameters) = (count(&g), count(&d));
        let levels = config.schedule.levels(config.generator.resolution);
        let memory_bytes = levels
            .iter()
            .map(|level| estimate_bytes(config, level.side, level.batch, g_parameters, d_parameters))
            .max()
            .unwrap_or(0);
        Ok(Self {
            resolution: config.generator.resolution,
            g_parameters,
            d_parameters,
            memory_bytes,
            total_kimg: config.schedule.total_kimg,
            levels,
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resolution = self.resolution;
        writeln!(
            f,
            "Model     StyleGAN, {resolution}x{resolution}, G {}, D {} parameters",
            millions(self.g_parameters),
            millions(self.d_parameters)
        )?;
        writeln!(f, "Memory    about {:.1} GiB", self.memory_bytes as f64 / f64::from(1 << 30))?;
        writeln!(f, "Schedule  {} kimg", self.total_kimg)?;
        write!(
            f,
            "            side   fade-in from      steady from       to           batch  G rate   D rate"
        )?;
        for level in &self.levels {
            let fade = if level.starts_kimg < level.steady_kimg {
                format!("{} kimg", level.starts_kimg)
            } else {
                "-".to_owned()
            };
            let steady = if level.steady_kimg < self.total_kimg {
                format!("{} kimg", level.steady_kimg)
            } else {
                "not reached".to_owned()
            };
            write!(
                f,
                "\n            {:<6} {fade:<17} {steady:<17} {:<12} {:<6} {:<8} {}",
                level.side,
                format!("{} kimg", level.ends_kimg),
                level.batch,
                level.g_lrate,
                level.d_lrate
            )?;
        }
        Ok(())
    }
}

/// `26.2 M`, or the number itself below a million.
fn millions(count: u64) -> String {
    if count < 1_000_000 { count.to_string() } else { format!("{:.1} M", count as f64 / 1e6) }
}
