//! The training of this process.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use stylegan_trainer::{Event, Listener, Signals, StepProgress};
use tokio::sync::watch;

/// The training that this process does: the studio hears its events, and passes on what people ask it to do.
#[derive(Clone, Debug)]
pub struct LiveRun(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    signals: Arc<Signals>,
    folder: Mutex<Option<PathBuf>>,
    step: watch::Sender<Option<StepProgress>>,
    is_over: watch::Sender<bool>,
}

/// What a training may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Pause,
    Resume,
    Save,
    Stop,
}

impl LiveRun {
    /// A training that listens to these signals and has not started yet.
    pub fn new(signals: Arc<Signals>) -> Self {
        Self(Arc::new(Inner {
            signals,
            folder: Mutex::default(),
            step: watch::channel(None).0,
            is_over: watch::channel(false).0,
        }))
    }

    /// Its run folder, once it has started.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.0.folder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_over(&self) -> bool {
        *self.0.is_over.borrow()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.0.signals.is_paused()
    }

    /// Where it is.
    pub(crate) fn step(&self) -> Option<StepProgress> {
        *self.0.step.borrow()
    }

    /// Where it is, and is from then on.
    pub(crate) fn steps(&self) -> watch::Receiver<Option<StepProgress>> {
        self.0.step.subscribe()
    }

    pub(crate) fn order(&self, order: Order) {
        let signals = &self.0.signals;
        match order {
            Order::Pause => signals.pause(true),
            Order::Resume => signals.pause(false),
            Order::Save => signals.save(),
            Order::Stop => {
                signals.stop();
            }
        }
    }
}

impl Listener for LiveRun {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started { run_dir, .. } => {
                *self.0.folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(run_dir.clone());
            }
            Event::Step(step) => {
                self.0.step.send_replace(Some(*step));
            }
            Event::Stopped { .. } => {
                self.0.is_over.send_replace(true);
            }
            _ => {}
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        "the studio"
    }
}
