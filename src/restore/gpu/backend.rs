//! From a plan to a restorer whose estimates a card makes; where it fails, processors go on.

use std::sync::Arc;

use super::driver::{Device, GpuError, NoGpu};
use super::engine::Engine;
use crate::frame::Effort;
use crate::plan::RestorePlan;
use crate::restore::cpu::{
    CpuBackend, Estimate, Estimating, Fuser, Processors, STEPS_BEFORE, Workspace,
};
use crate::restore::{Backend, RestoreError, Restorer, Step, Watch};

/// Restores on a graphics card, and on processors what is around its work.
#[derive(Debug, Clone)]
pub struct GpuBackend {
    device: Arc<Device>,
    around: CpuBackend,
}

impl GpuBackend {
    /// Its name for people.
    pub const NAME: &str = "gpu";

    /// On the first card there is; what it does not do, `around` does.
    ///
    /// # Errors
    /// Where there is none to restore on.
    pub fn open(around: CpuBackend) -> Result<Self, NoGpu> {
        Ok(Self { device: Device::open()?, around })
    }

    /// The same, and `around` does the rest.
    #[must_use]
    pub fn with_around(self, around: CpuBackend) -> Self {
        Self { around, ..self }
    }

    pub(super) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// The card's name.
    pub fn card(&self) -> &str {
        self.device.name()
    }
}

impl Backend for GpuBackend {
    fn load(&self, plan: RestorePlan) -> Result<Box<dyn Restorer>, RestoreError> {
        if self.device.has_failed() {
            return Err(GpuError::Failed.into());
        }
        let engine = Engine::new(&self.device, &plan, self.around.executor())?;
        let choice = Some(self.device.name().to_owned());
        let card = Card {
            engine: Some(engine),
            spare: None,
            failure: None,
            device: Arc::clone(&self.device),
            plan: plan.clone(),
            around: self.around.clone(),
            steps: vec![Step { name: Self::NAME.to_owned(), choice }],
        };
        Ok(self.around.around(Box::new(card), plan))
    }
}

/// Estimates by a card, until it fails.
struct Card {
    engine: Option<Engine>,
    /// What goes on then.
    spare: Option<Processors>,
    /// Why, until that is told.
    failure: Option<GpuError>,
    device: Arc<Device>,
    plan: RestorePlan,
    around: CpuBackend,
    steps: Vec<Step>,
}

impl Estimating for Card {
    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn backend(&self) -> &'static str {
        if self.engine.is_some() { GpuBackend::NAME } else { CpuBackend::NAME }
    }

    fn run(
        &mut self,
        work: &mut Workspace,
        fusers: &[Fuser],
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> (Estimate, Result<(), RestoreError>) {
        if let Some(engine) = &mut self.engine {
            match engine.run(work, fusers, effort) {
                Ok((newest, seconds)) => {
                    watch.worked(seconds);
                    watch.done(STEPS_BEFORE, None);
                    return (newest, Ok(()));
                }
                Err(error) => self.give_up(error),
            }
        }
        let failure = self.failure.take().map(RestoreError::from);
        let (newest, outcome) = match &mut self.spare {
            Some(spare) => spare.run(work, fusers, effort, &mut Silent(watch)),
            None => {
                // Nothing is made of the frame, of this one and of all others.
                for channel in &mut work.channels {
                    channel.x_w.samples_mut().copy_from_slice(channel.y.samples());
                }
                (Estimate::Wiener, Err(GpuError::Failed.into()))
            }
        };
        let outcome = failure.map_or(outcome, Err);
        watch.done(STEPS_BEFORE, outcome.as_ref().err());
        (newest, outcome)
    }
}

impl Card {
    /// A card that has failed does nothing for this process any more.
    fn give_up(&mut self, error: GpuError) {
        self.engine = None;
        self.device.fail();
        self.failure = Some(error);
        self.spare = self.around.estimating(&self.plan).ok();
    }
}

/// Hears of steps that are parts of one.
struct Silent<'a>(&'a mut dyn Watch);

impl Watch for Silent<'_> {
    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}
