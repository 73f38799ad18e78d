//! Means over the iterations of a tick.

use std::collections::BTreeMap;
use std::time::Duration;

use candle_core::{DType, Device, Result, Tensor};
use stylegan_ops::{AdamSteps, tally_update};
use stylegan_peers::Traffic;

use crate::Report;

/// Adds up on the device what iterations report, so that no iteration waits for a number.
///
/// Iterations with a skipped update count as skipped and in no mean: their numbers are not finite.
#[derive(Debug)]
pub(crate) struct Accumulator {
    /// As [`tally_update`] has it, in the order of `summands`.
    on_device: Tensor,
    summands: Vec<Summand>,
    data_wait: Duration,
    /// What means over several processes have cost; none while there is one process.
    traffic: Option<Traffic>,
}

/// A number that is added up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summand {
    pub(crate) name: String,
    /// Iterations in the other sums that did not report it: those that an earlier version of the program made of the tick.
    pub(crate) missed: u64,
}

/// What was added up, read from the device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accumulated {
    /// Iterations in the sums.
    pub(crate) steps: u64,
    /// Updates skipped.
    pub(crate) skipped: u64,
    pub(crate) sums: Vec<(Summand, f32)>,
}

/// Means over a tick.
#[derive(Debug)]
pub(crate) struct Means {
    /// By the name under which they were reported.
    pub(crate) numbers: BTreeMap<String, f64>,
    /// Iterations in the means.
    pub(crate) steps: u64,
    pub(crate) skipped: u64,
    pub(crate) data_wait: Duration,
}

impl Accumulator {
    /// Nothing yet.
    pub(crate) fn new(device: &Device) -> Result<Self> {
        Self::restored(Accumulated { steps: 0, skipped: 0, sums: Vec::new() }, device)
    }

    /// One that goes on from another's sums.
    pub(crate) fn restored(accumulated: Accumulated, device: &Device) -> Result<Self> {
        let Accumulated { steps, skipped, sums } = accumulated;
        let (summands, sums): (_, Vec<f32>) = sums.into_iter().unzip();
        let counts = [steps as f64, skipped as f64];
        let numbers: Vec<f64> = counts.into_iter().chain(sums.into_iter().map(f64::from)).collect();
        Ok(Self {
            on_device: Tensor::new(numbers, device)?,
            summands,
            data_wait: Duration::ZERO,
            traffic: None,
        })
    }

    /// Starts over with the same numbers.
    pub(crate) fn clear(&mut self) -> Result<()> {
        self.on_device = Tensor::zeros(2 + self.summands.len(), DType::F64, self.on_device.device())?;
        self.summands.iter_mut().for_each(|summand| summand.missed = 0);
        self.data_wait = Duration::ZERO;
        self.traffic = None;
        Ok(())
    }

    /// Takes in an iteration, unless one of its updates was skipped, which `adam_steps` tell.
    pub(crate) fn add(&mut self, report: &Report, adam_steps: [&AdamSteps; 2]) -> Result<()> {
        let names = || report.numbers().map(|(name, _)| name);
        if !self.summands.iter().map(|summand| summand.name.as_str()).eq(names()) {
            self.follow(names())?;
        }
        let values: Vec<&Tensor> = report.numbers().map(|(_, value)| value).collect();
        tally_update(&self.on_device, &values, adam_steps)
    }

    /// From now on adds up the numbers of these names: sums of others are dropped, new ones count from here.
    fn follow<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<()> {
        let Accumulated { steps, skipped, sums } = self.read()?;
        let sums = names
            .map(|name| {
                let known = sums.iter().find(|(summand, _)| summand.name == name).cloned();
                known.unwrap_or_else(|| (Summand { name: name.to_owned(), missed: steps }, 0.0))
            })
            .collect();
        let followed = Self::restored(Accumulated { steps, skipped, sums }, self.on_device.device())?;
        *self = Self { data_wait: self.data_wait, traffic: self.traffic, ..followed };
        Ok(())
    }

    pub(crate) fn waited(&mut self, for_data: Duration) {
        self.data_wait += for_data;
    }

    /// Means over several processes have cost so much.
    pub(crate) fn exchanged(&mut self, traffic: Traffic) {
        self.traffic = Some(self.traffic.unwrap_or_default().and(traffic));
    }

    /// The sums so far. Waits for the device.
    pub(crate) fn read(&self) -> Result<Accumulated> {
        let numbers = self.on_device.to_vec1::<f64>()?;
        let sums = numbers[2..].iter().map(|&sum| sum as f32);
        Ok(Accumulated {
            steps: numbers[0] as u64,
            skipped: numbers[1] as u64,
            sums: self.summands.iter().cloned().zip(sums).collect(),
        })
    }

    /// The means so far. Waits for the device.
    pub(crate) fn means(&self) -> Result<Means> {
        let Accumulated { steps, skipped, sums } = self.read()?;
        let mean = |(Summand { name, missed }, sum)| {
            let steps = steps.saturating_sub(missed);
            (name, if steps == 0 { 0.0 } else { f64::from(sum) / steps as f64 })
        };
        let mut numbers: BTreeMap<String, f64> = sums.into_iter().map(mean).collect();
        if let Some(Traffic { sent_bytes, took }) = self.traffic {
            numbers.insert("peers_sent_bytes".to_owned(), sent_bytes as f64);
            numbers.insert("peers_sec".to_owned(), took.as_secs_f64());
        }
        Ok(Means { numbers, steps, skipped, data_wait: self.data_wait })
    }
}

impl Means {
    /// Whether the training makes sense: there was an iteration with finite numbers, and all means are finite.
    pub(crate) fn is_sound(&self) -> bool {
        self.steps > 0 && self.numbers.values().all(|mean| mean.is_finite())
    }

    /// Takes out the mean of a number, 0 where the loss reports none.
    pub(crate) fn take(&mut self, name: &str) -> f64 {
        self.numbers.remove(name).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_comes_later_is_the_mean_from_there_on() {
        let adam_steps = [(); 2].map(|()| AdamSteps::new(0, &Device::Cpu).unwrap());
        let mut accumulator = Accumulator::new(&Device::Cpu).unwrap();
        let add = |accumulator: &mut Accumulator, numbers: &[(&'static str, f32)]| {
            let mut report = Report::default();
            for &(name, value) in numbers {
                report.add(name, &Tensor::new(value, &Device::Cpu).unwrap());
            }
            accumulator.add(&report, [&adam_steps[0], &adam_steps[1]]).unwrap();
        };
        add(&mut accumulator, &[("gone", 9.0), ("stays", 1.0)]);
        add(&mut accumulator, &[("gone", 9.0), ("stays", 2.0)]);
        // As another version of the program goes on from a state.
        let mut accumulator = Accumulator::restored(accumulator.read().unwrap(), &Device::Cpu).unwrap();
        add(&mut accumulator, &[("stays", 6.0), ("new", 4.0)]);
        add(&mut accumulator, &[("stays", 7.0), ("new", 5.0)]);
        let means = accumulator.means().unwrap();
        assert_eq!(means.steps, 4);
        assert_eq!(means.numbers, BTreeMap::from([("stays".to_owned(), 4.0), ("new".to_owned(), 4.5)]));
        accumulator.clear().unwrap();
        add(&mut accumulator, &[("stays", 3.0), ("new", 1.0)]);
        let mut means = accumulator.means().unwrap();
        assert_eq!((means.take("new"), means.take("stays"), means.take("gone")), (1.0, 3.0, 0.0));
    }
}
