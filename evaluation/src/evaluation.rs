//! Several measures at once: every picture is looked at once.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use candle_core::Tensor;
use stylegan_dataset::Skipped;
use stylegan_features::FeatureNetwork;
use stylegan_metrics::{Features, Measure, Set};
use stylegan_peers::{Alone, Peers};

use crate::looking::{FeatureSource, Looking};
use crate::taking::{Taken, Taking};
use crate::{Error, Networks, Outcome, Pictures, Result};

/// Measures of fakes and, where they ask for them, reals.
///
/// Every picture is decoded or drawn once, and every network looks at it once, however many measures there are. What was shown of the
/// reals serves for several sets of fakes. Features of reals are kept in a folder, if there is one.
pub struct Evaluation {
    takings: Vec<Taking>,
    networks: Networks,
    cache: Option<PathBuf>,
    peers: Rc<dyn Peers>,
}

/// What came of fakes.
#[derive(Debug)]
pub struct Measured {
    /// Of each measure, in their order.
    pub outcomes: Vec<Outcome>,
    /// Fakes that could not be read.
    pub unreadable: Vec<Skipped>,
    /// The features that were kept, in the order in which they were asked for.
    pub seen: Vec<Seen>,
}

/// What a network saw of both sets.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The network.
    pub network: String,
    /// A row for each real, of those that can be read, in their order.
    pub reals: Features,
    /// The same of the fakes.
    pub fakes: Features,
    /// How long the network looked, in seconds.
    pub elapsed_secs: f64,
}

impl Evaluation {
    /// Of so many reals, none if there are none, and so many fakes.
    ///
    /// # Errors
    /// If a measure needs what is not there.
    pub fn new(
        measures: &[&'static Measure],
        networks: &Networks,
        cache: Option<&Path>,
        reals: usize,
        fakes: usize,
    ) -> Result<Self> {
        let takings = measures.iter().map(|measure| Taking::of_measure(measure, networks, reals, fakes));
        Ok(Self {
            takings: takings.collect::<Result<_>>()?,
            networks: networks.clone(),
            cache: cache.map(Path::to_owned),
            peers: Rc::new(Alone),
        })
    }

    /// The same by several processes, all of which are shown the same pictures and get the same numbers: each looks at a part of
    /// every batch. Nothing is kept, since they would have to find the same.
    #[must_use]
    pub fn among(self, peers: Rc<dyn Peers>) -> Self {
        Self { cache: self.cache.filter(|_| peers.world() == 1), peers, ..self }
    }

    /// The same, which keeps what a network sees of the first so many reals and fakes.
    ///
    /// # Errors
    /// If the network is not there.
    pub fn keeping(mut self, network: &str, reals: usize, fakes: usize) -> Result<Self> {
        let found = self.networks.iter().position(|found| found.name() == network);
        let found = found.ok_or_else(|| Error::NothingToKeep { network: network.to_owned() })?;
        self.takings.push(Taking::of_features(found, network, reals, fakes));
        Ok(self)
    }

    /// Whether any of the measures looks at reals.
    pub fn needs_reals(&self) -> bool {
        self.takings.iter().any(|taking| taking.count(Set::Reals) > 0)
    }

    /// Looks at the reals; returns those that could not be read.
    ///
    /// # Errors
    /// If there are none that can be, a measure is not made for them, or a network fails.
    pub fn look_at_reals(&mut self, reals: &dyn Pictures) -> Result<Vec<Skipped>> {
        let Self { takings, networks, cache, peers } = self;
        look(takings, networks, cache.as_deref(), &**peers, Set::Reals, reals)
    }

    /// Looks at fakes, and says what came of all measures; the reals serve again.
    ///
    /// # Errors
    /// As [`Evaluation::look_at_reals`].
    pub fn measure(&self, fakes: &dyn Pictures) -> Result<Measured> {
        let mut takings: Vec<Taking> = self.takings.iter().map(Taking::copied).collect();
        let unreadable = look(&mut takings, &self.networks, None, &*self.peers, Set::Fakes, fakes)?;
        let mut measured = Measured { outcomes: Vec::new(), unreadable, seen: Vec::new() };
        for taking in takings {
            match taking.finish()? {
                Taken::Outcome(outcome) => measured.outcomes.push(outcome),
                Taken::Features(seen) => measured.seen.push(seen),
            }
        }
        Ok(measured)
    }
}

/// Shows a set to all measures, each as many pictures as it takes.
fn look(
    takings: &mut [Taking],
    networks: &[Box<dyn FeatureNetwork>],
    cache: Option<&Path>,
    peers: &dyn Peers,
    set: Set,
    pictures: &dyn Pictures,
) -> Result<Vec<Skipped>> {
    let mut seen = vec![0; takings.len()];
    let mut looking = Vec::new();
    for (index, network) in networks.iter().enumerate() {
        let through = takings.iter().filter(|taking| taking.network == Some(index));
        let count = through.map(|taking| taking.count(set)).max().unwrap_or(0);
        if count == 0 {
            continue;
        }
        match Looking::begin(network.as_ref(), pictures, count, cache) {
            FeatureSource::Kept(kept) => {
                kept.each(|rows| show(takings, &mut seen, Some(index), set, rows))?;
            }
            FeatureSource::Computed(network) => looking.push((index, network)),
        }
    }
    let of_pictures =
        takings.iter().filter(|taking| taking.network.is_none()).map(|taking| taking.count(set));
    let count = of_pictures.chain(looking.iter().map(|(_, looking)| looking.count)).max().unwrap_or(0);
    let mut look_at = |batch: &Tensor| {
        show(takings, &mut seen, None, set, batch)?;
        for (index, looking) in &mut looking {
            let start = Instant::now();
            let Some(features) = looking.features(batch, peers)? else { continue };
            let elapsed_secs = start.elapsed().as_secs_f64();
            for taking in takings.iter_mut().filter(|taking| taking.network == Some(*index)) {
                taking.elapsed_secs += elapsed_secs;
            }
            looking.keep(&features);
            show(takings, &mut seen, Some(*index), set, &features)?;
        }
        Ok(())
    };
    let skipped = if count > 0 { pictures.each(count, &mut look_at)? } else { Vec::new() };
    for (_, looking) in looking {
        looking.finish();
    }
    for (taking, seen) in takings.iter_mut().zip(seen) {
        taking.was_shown(set, seen);
    }
    Ok(skipped)
}

/// Shows a batch to the measures that look through this network, or through none, as far as they take more.
fn show(
    takings: &mut [Taking],
    seen: &mut [usize],
    network: Option<usize>,
    set: Set,
    batch: &Tensor,
) -> Result<()> {
    for (taking, seen) in takings.iter_mut().zip(seen).filter(|(taking, _)| taking.network == network) {
        let wanted = batch.dim(0)?.min(taking.count(set) - *seen);
        if wanted > 0 {
            taking.add(set, &batch.narrow(0, 0, wanted)?)?;
            *seen += wanted;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use candle_core::{DType, Device};
    use stylegan_peers::Traffic;

    use super::*;
    use crate::testing::Means;

    /// Plain pictures of a size each, whose shades are a function of their number.
    struct Plain {
        count: usize,
        offset: usize,
        looked_at: Cell<usize>,
    }

    impl Plain {
        fn new(count: usize, offset: usize) -> Self {
            Self { count, offset, looked_at: Cell::new(0) }
        }
    }

    impl Pictures for Plain {
        fn count(&self) -> usize {
            self.count
        }

        fn fingerprint(&self) -> Option<String> {
            Some(format!("plain {} {}", self.count, self.offset))
        }

        fn each(&self, count: usize, visit: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<Vec<Skipped>> {
            for first in (0..count).step_by(7) {
                let batch = 7.min(count - first);
                self.looked_at.set(self.looked_at.get() + batch);
                let shades = (first..first + batch).flat_map(|number| {
                    let number = number + self.offset;
                    [number * 37 % 101, number * 53 % 89, number * 11 % 97].map(|shade| shade as u8)
                });
                let shades = Tensor::from_iter(shades, &Device::Cpu)?.reshape((batch, 3, 1, 1))?;
                visit(&shades.broadcast_as((batch, 3, 16, 24))?.contiguous()?)?;
            }
            Ok(Vec::new())
        }
    }

    fn measures(names: &[&str]) -> Vec<&'static Measure> {
        names.iter().map(|name| Measure::of(name).unwrap()).collect()
    }

    #[test]
    fn every_measure_takes_what_it_takes_and_reals_are_looked_at_once() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let networks: Networks = [Box::new(Means) as Box<dyn FeatureNetwork>].into();
        let measures = measures(&["fid50k_full", "kid50k_full", "swd", "ms_ssim"]);
        let (reals, fakes) = (Plain::new(60, 0), Plain::new(25, 1000));
        let mut all: Vec<Vec<(String, f64)>> = Vec::new();
        for _ in 0..2 {
            let mut evaluation = Evaluation::new(&measures, &networks, Some(folder.path()), 60, 25)?;
            evaluation.look_at_reals(&reals)?;
            for _ in 0..2 {
                let Measured { outcomes, unreadable, seen } = evaluation.measure(&fakes)?;
                assert!(unreadable.is_empty() && seen.is_empty());
                let counts: Vec<_> = outcomes.iter().map(|outcome| (outcome.reals, outcome.fakes)).collect();
                assert_eq!(counts, [(60, 25), (60, 25), (25, 25), (0, 25)]);
                all.push(outcomes.into_iter().flat_map(|outcome| outcome.numbers).collect());
            }
        }
        // All 60 the first time, and then those alone that `swd` takes.
        assert_eq!(reals.looked_at.get(), 60 + 25);
        assert!(all.iter().all(|numbers| *numbers == all[0]));
        let names: Vec<&str> = all[0].iter().map(|(name, _)| name.as_str()).collect();
        let expected =
            ["fid50k_full", "kid50k_full", "kid50k_full_std", "swd", "swd_24", "ms_ssim", "ms_ssim_std"];
        assert_eq!(names, expected);

        // By hand.
        let mut moments = [stylegan_metrics::Moments::default(), stylegan_metrics::Moments::default()];
        for (moments, pictures) in moments.iter_mut().zip([&reals, &fakes]) {
            pictures.each(pictures.count, &mut |batch| {
                Ok(moments.add(&batch.to_dtype(DType::F32)?.mean((2, 3))?)?)
            })?;
        }
        let expected = stylegan_metrics::frechet_distance(&moments[0], &moments[1])?.distance();
        assert!((all[0][0].1 - expected).abs() < 1e-6 * expected, "{} against {expected}", all[0][0].1);
        Ok(())
    }

    #[test]
    fn what_a_network_saw_is_kept_while_measures_are_taken() -> anyhow::Result<()> {
        let networks: Networks = [Box::new(Means) as Box<dyn FeatureNetwork>].into();
        let (reals, fakes) = (Plain::new(60, 0), Plain::new(25, 1000));
        let evaluation = Evaluation::new(&measures(&["fid50k_full"]), &networks, None, 60, 25)?;
        let mut evaluation = evaluation.keeping("inception", 9, 20)?;
        evaluation.look_at_reals(&reals)?;
        let Measured { outcomes, seen, .. } = evaluation.measure(&fakes)?;
        assert_eq!((outcomes.len(), reals.looked_at.get(), fakes.looked_at.get()), (1, 60, 25));
        assert_eq!((seen.len(), seen[0].reals.len(), seen[0].fakes.len()), (1, 9, 20));
        let means = |number: usize| [number * 37 % 101, number * 53 % 89, number * 11 % 97].map(|x| x as f32);
        assert_eq!((seen[0].reals.row(8), seen[0].fakes.row(19)), (&means(8)[..], &means(1019)[..]));

        // Of no measure at all, and of fakes alone.
        let evaluation = Evaluation::new(&[], &networks, None, 60, 25)?.keeping("inception", 0, 25)?;
        assert!(!evaluation.needs_reals());
        let seen = evaluation.measure(&fakes)?.seen.remove(0);
        assert_eq!((seen.network.as_str(), seen.reals.len(), seen.fakes.len()), ("inception", 0, 25));
        let missing = Evaluation::new(&[], &networks, None, 60, 25)?.keeping("vgg16", 1, 1).err();
        let missing = missing.map(|error| error.to_string());
        assert_eq!(missing.as_deref(), Some("the network `vgg16` is not there"));
        Ok(())
    }

    /// One of two processes, which are threads here.
    #[derive(Debug)]
    struct Half {
        rank: usize,
        to_other: Sender<Vec<u8>>,
        from_other: Receiver<Vec<u8>>,
    }

    impl Peers for Half {
        fn rank(&self) -> usize {
            self.rank
        }

        fn world(&self) -> usize {
            2
        }

        fn mean(&self, _: &mut [Tensor]) -> Result<(), stylegan_peers::Error> {
            Ok(())
        }

        fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>, stylegan_peers::Error> {
            self.to_other.send(own.to_vec()).unwrap();
            let mut said = vec![own.to_vec(), self.from_other.recv().unwrap()];
            said.rotate_left(self.rank);
            Ok(said)
        }

        fn traffic(&self) -> Traffic {
            Traffic::default()
        }

        fn barrier(&self) -> Result<(), stylegan_peers::Error> {
            Ok(())
        }

        fn leave(&self) {}
    }

    #[test]
    fn processes_that_share_pictures_find_what_one_finds() {
        let numbers = |peers: Rc<dyn Peers>| {
            let networks: Networks = [Box::new(Means) as Box<dyn FeatureNetwork>].into();
            let measures = measures(&["fid50k_full", "kid50k_full", "swd"]);
            let mut evaluation = Evaluation::new(&measures, &networks, None, 60, 25).unwrap().among(peers);
            evaluation.look_at_reals(&Plain::new(60, 0)).unwrap();
            let Measured { outcomes, .. } = evaluation.measure(&Plain::new(25, 1000)).unwrap();
            outcomes.into_iter().flat_map(|outcome| outcome.numbers).collect::<Vec<_>>()
        };
        let alone = numbers(Rc::new(Alone));
        let ((to_second, from_first), (to_first, from_second)) = (channel(), channel());
        let first = Half { rank: 0, to_other: to_second, from_other: from_second };
        let second = Half { rank: 1, to_other: to_first, from_other: from_first };
        let found = thread::scope(|scope| {
            let threads = [first, second].map(|half| scope.spawn(move || numbers(Rc::new(half))));
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(found, [alone.clone(), alone]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let refusal = |name: &str, reals| {
            let evaluation = Evaluation::new(&measures(&[name]), &Networks::default(), None, reals, 10);
            evaluation.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(
            refusal("fid50k_full", 10),
            "`fid50k_full` looks through the network `inception`, which is not there"
        );
        assert_eq!(refusal("swd", 0), "`swd` compares with real pictures, of which none were given");
        assert!(refusal("ppl_wend", 10).contains("looks at neighboring pictures of a generator"));
        assert_eq!(refusal("ms_ssim", 0), "");
    }
}
