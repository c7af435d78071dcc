//! From a plan to a restorer on processors.

use std::sync::Arc;

use super::chroma::ChromaFilter;
use super::decode::Decode;
use super::encode::Encode;
use super::estimating::Estimating;
use super::faults::Mending;
use super::fusion::Fuser;
use super::guard::Guarding;
use super::highlights::Peel;
use super::margin::Margin;
use super::processors::Processors;
use super::residual::KernelChoice;
use super::stripes::Levelling;
use super::workspace::Workspace;
use crate::executor::Executor;
use crate::frame::{Effort, Picture, PictureFormat};
use crate::plan::network::Input;
use crate::plan::{Conditions, RestorePlan};
use crate::restore::{Backend, RestoreError, Restorer, Step, Watch};

/// Restores on the threads of an executor.
#[derive(Debug, Clone)]
pub struct CpuBackend {
    executor: Arc<dyn Executor>,
    kernel: KernelChoice,
}

/// One plan, its estimates by whoever makes them and all else on processors.
struct FrameRestorer {
    format: PictureFormat,
    decode: Decode,
    conditions: Conditions,
    are_sharp: bool,
    are_asked: bool,
    estimating: Box<dyn Estimating>,
    chroma: Option<ChromaFilter>,
    guarding: Option<Guarding>,
    encode: Encode,
    work: Workspace,
    steps: Vec<Step>,
    executor: Arc<dyn Executor>,
}

impl CpuBackend {
    /// Its name for people.
    pub const NAME: &str = Processors::NAME;

    /// On the threads of `executor`, networks by the fastest kernel.
    pub fn new(executor: Arc<dyn Executor>) -> Self {
        Self { executor, kernel: KernelChoice::fastest() }
    }

    /// The same, networks by `kernel`.
    pub fn with_kernel(self, kernel: KernelChoice) -> Self {
        Self { kernel, ..self }
    }

    /// What does its parts.
    pub(crate) fn executor(&self) -> Arc<dyn Executor> {
        Arc::clone(&self.executor)
    }

    /// Threads that it works on.
    pub fn threads(&self) -> usize {
        self.executor.threads()
    }

    /// What makes the estimates of a plan here.
    ///
    /// # Errors
    /// Where tract cannot run a network.
    pub(crate) fn estimating(&self, plan: &RestorePlan) -> Result<Processors, RestoreError> {
        Ok(Processors::plan(plan, self.kernel, &self.executor)?)
    }

    /// A restorer whose estimates `estimating` makes.
    pub(crate) fn around(
        &self,
        estimating: Box<dyn Estimating>,
        plan: RestorePlan,
    ) -> Box<dyn Restorer> {
        let RestorePlan { format, tone, contrast, framing, conditions, fusion, chroma, .. } = plan;
        let executor = &self.executor;
        let own = || Arc::clone(executor);
        let tone = Arc::new(tone);
        let mut steps = vec![Step::new("decode")];
        steps.extend_from_slice(estimating.steps());
        steps.extend(chroma.as_ref().map(Step::chroma));
        steps.push(Step::new("encode"));
        let count = plan.channels.count(format.layout);
        let work = Workspace::new(framing.outer, count, plan.weak.is_some());
        let inputs = plan.model.as_ref().map_or(&[][..], |model| &model.contract.inputs);
        let tells_sigma = fusion.is_some() && inputs.contains(&Input::Sigma);
        let fusion = fusion.map(Arc::new);
        let fuser = |plan: &Arc<_>| Fuser::new(Arc::clone(plan), framing, own());
        let fusers = fusion.iter().flat_map(|plan| (0..count).map(|_| fuser(plan))).collect();
        let mending = plan.faults.map(|faults| Mending::new(faults, framing, count, own()));
        let levelling = plan.stripes.map(|it| Levelling::new(it, framing, own()));
        let peel = |_| Peel::new(plan.highlights.clone(), framing, own());
        let peels = (0..count).map(peel).collect();
        let margin = Margin::plan(framing, plan.borders, executor);
        let faults = (mending, levelling);
        let decode =
            Decode::new(Arc::clone(&tone), contrast, faults, peels, (framing, margin), own());
        Box::new(FrameRestorer {
            format,
            decode: decode.with_fusers(fusers),
            conditions,
            are_sharp: plan.are_sharp,
            are_asked: plan.are_asked,
            estimating,
            chroma: chroma.map(|plan| ChromaFilter::new(plan, format, executor)),
            guarding: plan.guard.map(|guard| Guarding::new(guard, framing, own())),
            encode: Encode::new(tone, contrast, framing, own()),
            work: if tells_sigma { work.with_sigma() } else { work },
            steps,
            executor: own(),
        })
    }
}

impl Backend for CpuBackend {
    fn load(&self, plan: RestorePlan) -> Result<Box<dyn Restorer>, RestoreError> {
        Ok(self.around(Box::new(self.estimating(&plan)?), plan))
    }
}

impl Restorer for FrameRestorer {
    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn backend(&self) -> &'static str {
        self.estimating.backend()
    }

    fn effort(&self, asked: Effort) -> Effort {
        if self.are_sharp { Effort::Passthrough } else { asked }
    }

    fn restore(
        &mut self,
        blurred: &Picture,
        restored: &mut Picture,
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> Result<(), RestoreError> {
        let (effort, executor) = (self.effort(effort), Arc::clone(&self.executor));
        let mut outcome = Ok(());
        // Dozens of works with parts, each of which would begin with one thread that wakes another.
        executor.host(&mut || outcome = self.restore_here(blurred, restored, effort, &mut *watch));
        outcome
    }

    fn forget(&mut self) {
        self.decode.forget();
    }
}

impl FrameRestorer {
    /// Restores one frame on the calling thread, the parts of its steps wherever they are done.
    fn restore_here(
        &mut self,
        blurred: &Picture,
        restored: &mut Picture,
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> Result<(), RestoreError> {
        let last = self.steps.len() - 1;
        let decoded = self.decode(blurred, effort, watch);
        let Ok(true) = decoded else {
            restored.copy_from(blurred);
            watch.done(last, None);
            return decoded.map(drop);
        };
        let Self { estimating, work, decode, .. } = self;
        let asked = if self.are_asked { effort } else { Effort::Wiener };
        let (newest, outcome) = estimating.run(work, &decode.fusers, asked, watch);
        if let (Some(chroma), false) = (&mut self.chroma, watch.is_stopped()) {
            chroma.run(blurred);
            watch.done(last - 1, None);
        }
        if !watch.is_stopped() {
            if let Some(guarding) = &mut self.guarding {
                guarding
                    .run(&mut self.work, newest)
                    .into_iter()
                    .for_each(|share| watch.held(share));
            }
            self.encode.run(&self.work, (newest, self.chroma.as_ref()), blurred, restored);
            watch.done(last, None);
        }
        outcome
    }

    /// The first step, where the effort asks for any; whether there are planes to restore now.
    fn decode(
        &mut self,
        blurred: &Picture,
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> Result<bool, RestoreError> {
        if effort == Effort::Passthrough {
            return Ok(false);
        }
        if blurred.format() != self.format {
            let (is, planned) = (blurred.extent(), self.format.extent);
            self.forget();
            let failure = RestoreError::Format { is, planned };
            watch.done(0, Some(&failure));
            return Err(failure);
        }
        let seen = self.decode.run(blurred, effort == Effort::Full, &mut self.work);
        watch.mended(seen.mended);
        watch.levelled(seen.striped);
        watch.peeled(seen.lamps);
        if let Some(fuser) = self.decode.fusers.first() {
            watch.fused(fuser.fused());
        }
        if effort == Effort::Full {
            let channels = self.work.channels.iter_mut().filter(|it| !it.sigma.extent().is_empty());
            for (fuser, channel) in self.decode.fusers.iter().zip(channels) {
                fuser.tell(self.conditions.sigma, &mut channel.sigma);
            }
        }
        watch.done(0, None);
        Ok(true)
    }
}
