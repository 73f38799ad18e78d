//! What a training will do, said before it is done.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use candle_core::{DType, Device, Result};
use serde::Serialize;
use stylegan_base::units::{Bytes, format_duration};
use stylegan_discriminator::Critic;
use stylegan_generator::Generator;
use stylegan_ops::{Key, Parameters, Resolution};

use crate::fit::{DeviceMemory, Evidence, largest_that_fits};
use crate::memory::{estimate_bytes, machine_memory_bytes};
use crate::networks::parameter_count;
use crate::rehearsal::{Fit, Rehearsal};
use crate::{DiskPlan, LevelPlan, OutOfMemory, OversizedLevel, Pace, TrainConfig, Trainer};

/// The plan of a training: its levels, the size of its networks, the memory they will take.
#[derive(Clone, Debug, Serialize)]
pub struct TrainPlan {
    /// Width and height of the finished pictures.
    pub resolution: Resolution,
    /// Channels of the pictures.
    pub num_channels: usize,
    /// Trained numbers of the generator.
    pub g_parameters: u64,
    /// Trained numbers of the critic.
    pub d_parameters: u64,
    /// About the most memory the training takes, in bytes.
    pub memory_bytes: u64,
    /// What it takes of a GPU, if that was measured.
    pub measured: Option<Measured>,
    /// About what it leaves on the disk.
    pub disk: DiskPlan,
    /// Seconds that each level takes, if that was measured or follows from what was.
    pub level_secs: Option<Vec<f64>>,
    /// Length of the training, in kimg.
    pub total_kimg: f64,
    /// The levels, in order.
    pub levels: Vec<LevelPlan>,
}

impl TrainPlan {
    /// The plan of `config`.
    ///
    /// # Errors
    /// If the configuration is impossible or its networks do not fit into memory.
    pub fn new(config: &TrainConfig) -> Result<Self> {
        // Sizes are asked of networks on the CPU that are dropped at once: no other place knows them.
        let (g, d) = (Parameters::new(Key::new("plan", &[])), Parameters::new(Key::new("plan", &[])));
        Generator::new(&config.generator, &g.builder(DType::F32, &Device::Cpu))?;
        Critic::new(&config.critic(), &d.builder(DType::F32, &Device::Cpu))?;
        let (g_parameters, d_parameters) = (parameter_count(&g), parameter_count(&d));
        let levels = config.schedule.levels(config.generator.resolution);
        let memory_bytes = levels
            .iter()
            .map(|level| estimate_bytes(config, level.resolution, level.batch, g_parameters, d_parameters))
            .max()
            .unwrap_or(0);
        Ok(Self {
            resolution: config.generator.resolution,
            num_channels: config.generator.num_channels,
            g_parameters,
            d_parameters,
            memory_bytes,
            measured: None,
            disk: DiskPlan::new(config, &levels, [g_parameters, d_parameters]),
            level_secs: None,
            total_kimg: config.schedule.total_kimg,
            levels,
        })
    }

    /// Says how long it takes.
    pub fn set_pace(&mut self, pace: &Pace) {
        self.level_secs = pace.level_secs(0.0);
    }

    /// Measures what each level takes of a GPU by an iteration of it, and says what does not fit. A CPU is not
    /// asked.
    ///
    /// # Errors
    /// If the networks do not fit, or the device fails for another reason than lack of memory.
    pub fn measure(&mut self, config: &TrainConfig, device: &Device) -> Result<Option<OutOfMemory>> {
        if device.is_cpu() {
            return Ok(None);
        }
        let trainer = Trainer::new(config.clone(), DType::F32, device)?;
        let Some(rehearsal) = Rehearsal::new(&trainer)? else { return Ok(None) };
        let fits = rehearsal.levels(&self.levels, 0.0, true)?;
        let bytes = |fit: &Fit| match *fit {
            Fit::Fits(bytes) => Some(bytes),
            _ => None,
        };
        self.measured = Some(Measured {
            device: rehearsal.device_name()?,
            total_bytes: rehearsal.memory().total_bytes,
            levels: fits.iter().map(bytes).collect(),
        });
        Ok(rehearsal.shortage(&self.levels, &fits))
    }

    /// What does not fit into the memory that this machine has free, by the estimate.
    pub fn shortage(&self, config: &TrainConfig) -> Option<OutOfMemory> {
        let (total_bytes, available_bytes) = machine_memory_bytes()?;
        let fits = |level: &LevelPlan, batch| {
            let bytes = estimate_bytes(config, level.resolution, batch, self.g_parameters, self.d_parameters);
            bytes <= available_bytes
        };
        let group_size = config.discriminator.switches.mbstd_group_size;
        let oversized: Vec<OversizedLevel> = self
            .levels
            .iter()
            .filter(|level| !fits(level, level.batch))
            .map(|level| {
                let Ok(largest) = largest_that_fits(level.batch, group_size, |batch| {
                    Ok::<_, Infallible>(fits(level, batch))
                });
                OversizedLevel { resolution: level.resolution, batch: level.batch, largest }
            })
            .collect();
        let memory = DeviceMemory { device: "this machine".to_owned(), total_bytes, available_bytes };
        (!oversized.is_empty()).then(|| OutOfMemory::new(memory, config, oversized, Evidence::Estimate))
    }
}

/// What a training takes of a GPU.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The GPU, such as `cuda:0 NVIDIA H100 80GB HBM3`.
    pub device: String,
    /// All memory of the GPU, in bytes.
    pub total_bytes: u64,
    /// Most memory that each level takes, in bytes; none of a level that does not fit.
    pub levels: Vec<Option<u64>>,
}

impl fmt::Display for TrainPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resolution = self.resolution;
        let channels = match self.num_channels {
            1 => ", grey",
            4 => ", color and transparency",
            _ => "",
        };
        writeln!(
            f,
            "Model     StyleGAN, {resolution}{channels}, G {}, D {} parameters",
            millions(self.g_parameters),
            millions(self.d_parameters)
        )?;
        match &self.measured {
            None => writeln!(f, "Memory    about {}", Bytes(self.memory_bytes))?,
            Some(Measured { device, total_bytes, levels }) => {
                write!(f, "Device    {device}, ")?;
                if let Some(bytes) = levels.iter().copied().collect::<Option<Vec<_>>>() {
                    write!(f, "{} of ", Bytes(bytes.into_iter().max().unwrap_or(0)))?;
                }
                writeln!(f, "{}", Bytes(*total_bytes))?;
            }
        }
        if let Some(secs) = &self.level_secs {
            writeln!(
                f,
                "Time      about {} on this machine, as busy as it is now",
                duration(secs.iter().sum())
            )?;
        }
        writeln!(f, "Disk      {}", self.disk)?;
        writeln!(f, "Schedule  {} kimg", self.total_kimg)?;
        let longest = self.levels.iter().map(|level| level.resolution.short().len()).max().unwrap_or(0);
        let column = (longest + 2).max(6);
        write!(
            f,
            "            {:<column$} fade-in from      steady from       to           batch  G rate   D rate",
            "side"
        )?;
        f.write_str(match (&self.measured, &self.level_secs) {
            (None, None) => "",
            (Some(_), None) => "   memory",
            (None, Some(_)) => "   time",
            (Some(_), Some(_)) => "   memory     time",
        })?;
        // To the picture: sums of times have tails.
        let time = |kimg: f64| format!("{} kimg", (kimg * 1000.0).round() / 1000.0);
        for (index, level) in self.levels.iter().enumerate() {
            let fade =
                if level.starts_kimg < level.steady_kimg { time(level.starts_kimg) } else { "-".to_owned() };
            let steady = if level.steady_kimg < self.total_kimg {
                time(level.steady_kimg)
            } else {
                "not reached".to_owned()
            };
            let memory = match self.measured.as_ref().map(|measured| measured.levels[index]) {
                None => String::new(),
                Some(None) => format!("{:<11}", "too much"),
                Some(Some(bytes)) => format!("{:<11}", Bytes(bytes)),
            };
            let takes = self.level_secs.as_ref().map_or_else(String::new, |secs| duration(secs[index]));
            let row = format!(
                "            {:<column$} {fade:<17} {steady:<17} {:<12} {:<6} {:<8} {:<8} {memory}{takes}",
                level.resolution.short(),
                time(level.ends_kimg),
                level.batch,
                level.g_lrate,
                level.d_lrate,
            );
            write!(f, "\n{}", row.trim_end())?;
        }
        Ok(())
    }
}

fn duration(secs: f64) -> String {
    format_duration(Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX))
}

/// `26.2 M`, or the number itself below a million.
fn millions(count: u64) -> String {
    if count < 1_000_000 { count.to_string() } else { format!("{:.1} M", count as f64 / 1e6) }
}
