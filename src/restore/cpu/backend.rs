//! From a plan to a restorer on processors.

use std::sync::Arc;

use super::chroma::ChromaFilter;
use super::decode::Decode;
use super::encode::Encode;
use super::extension::Extension;
use super::filtering::{Filtering, columns};
use super::fusion::Fuser;
use super::highlights::Peel;
use super::levels::Levels;
use super::residual::{KernelChoice, ResidualNet, band_rows};
use super::workspace::{Estimate, Workspace};
use crate::executor::Executor;
use crate::fft::FieldFilter;
use crate::frame::{Effort, Picture, PictureFormat};
use crate::plan::{Filters, Projection, RestorePlan};
use crate::restore::model::ModelError;
use crate::restore::{Backend, RestoreError, Restorer, Step, Watch};

/// Restores on the threads of an executor.
#[derive(Debug, Clone)]
pub struct CpuBackend {
    executor: Arc<dyn Executor>,
    kernel: KernelChoice,
}

/// One plan on processors.
struct CpuRestorer {
    format: PictureFormat,
    decode: Decode,
    filtering: Filtering,
    levels: Levels,
    stages: Vec<Stage>,
    chroma: Option<ChromaFilter>,
    encode: Encode,
    work: Workspace,
    executor: Arc<dyn Executor>,
    steps: Vec<Step>,
}

/// A network and the projection behind it.
struct Stage {
    net: ResidualNet,
    strength: f64,
}

/// Steps before those of the networks, which are two each.
const STEPS_BEFORE: usize = 2;

impl CpuBackend {
    /// Its name for people.
    pub const NAME: &str = "cpu";

    /// On the threads of `executor`, networks by the fastest kernel.
    pub fn new(executor: Arc<dyn Executor>) -> Self {
        Self { executor, kernel: KernelChoice::fastest() }
    }

    /// The same, networks by `kernel`.
    pub fn with_kernel(self, kernel: KernelChoice) -> Self {
        Self { kernel, ..self }
    }
}

impl Backend for CpuBackend {
    fn load(&self, plan: RestorePlan) -> Result<Box<dyn Restorer>, RestoreError> {
        let RestorePlan {
            format,
            channels,
            tone,
            contrast,
            framing,
            highlights,
            wiener,
            model,
            projections,
            fusion,
            chroma,
        } = plan;
        let (executor, threads) = (&self.executor, self.executor.threads());
        let tone = Arc::new(tone);
        let mut steps = vec![Step::new("decode"), Step::filter("wiener", &wiener)];
        let mut stages = Vec::new();
        if let Some(model) = model {
            let rows = band_rows(framing.outer.height, threads);
            for (index, projection) in projections.iter().enumerate() {
                steps.push(Step::new(&format!("residual {}", index + 1)));
                let name = format!("projection {}", index + 1);
                steps.push(Step::filter(&name, &projection.filter));
                let net = ResidualNet::plan(&model, index, self.kernel, framing.outer, rows)?;
                stages.push(Stage { net, strength: projection.strength });
            }
        }
        steps.extend(chroma.as_ref().map(|plan| Step::filter("chroma", &plan.wiener)));
        steps.push(Step::new("encode"));
        let extension = Extension::plan(framing, threads);
        let peel = Peel::new(highlights, framing, Arc::clone(executor));
        let count = channels.count(format.layout);
        let fusion = fusion.map(Arc::new);
        let fuser = |plan: &Arc<_>| Fuser::new(Arc::clone(plan), framing, Arc::clone(executor));
        let fusers = fusion.iter().flat_map(|plan| (0..count).map(|_| fuser(plan))).collect();
        let projections = projections.into_iter().map(|Projection { filter, .. }| filter).collect();
        let levels = Levels::new(Filters { wiener, projections }, fusion.as_deref());
        let decode =
            Decode::new(Arc::clone(&tone), contrast, peel, extension, Arc::clone(executor));
        Ok(Box::new(CpuRestorer {
            format,
            decode: decode.with_fusers(fusers),
            filtering: Filtering::plan(framing.outer, levels.layers(), executor),
            levels,
            stages,
            chroma: chroma.map(|plan| ChromaFilter::new(plan, format, executor)),
            encode: Encode::new(tone, contrast, framing, Arc::clone(executor)),
            work: Workspace::new(framing.outer, count),
            executor: Arc::clone(executor),
            steps,
        }))
    }
}

impl Step {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), choice: None }
    }

    fn filter(name: &str, filter: &FieldFilter) -> Self {
        Self { name: name.to_owned(), choice: Some(columns(filter)) }
    }
}

impl Restorer for CpuRestorer {
    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn restore(
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
        let (newest, outcome) = self.estimate(effort, watch);
        if let (Some(chroma), false) = (&mut self.chroma, watch.is_stopped()) {
            chroma.run(blurred);
            watch.done(last - 1, None);
        }
        if !watch.is_stopped() {
            self.encode.run(&self.work, (newest, self.chroma.as_ref()), blurred, restored);
            watch.done(last, None);
        }
        outcome
    }

    fn forget(&mut self) {
        self.decode.fusers.iter_mut().for_each(Fuser::forget);
    }
}

impl CpuRestorer {
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
        self.decode.run(blurred, effort == Effort::Full, &mut self.work);
        if let Some(fuser) = self.decode.fusers.first() {
            watch.fused(fuser.fused());
        }
        watch.done(0, None);
        Ok(true)
    }

    /// The steps between the first and the last: the newest estimate, and the first failure.
    fn estimate(
        &mut self,
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> (Estimate, Result<(), RestoreError>) {
        let (mut newest, mut outcome) = (Estimate::Wiener, Ok(()));
        for (index, channel) in self.work.channels.iter_mut().enumerate() {
            let fuser = self.decode.fusers.get(index);
            self.filtering.wiener(self.levels.wiener(fuser), channel);
        }
        watch.done(1, None);
        let stages = if effort == Effort::Full { &self.stages[..] } else { &[] };
        for (index, Stage { net, strength }) in stages.iter().enumerate() {
            if watch.is_stopped() {
                break;
            }
            let step = STEPS_BEFORE + 2 * index;
            let answered = answer(net, newest, &mut self.work, &*self.executor);
            let failure = answered.err().map(RestoreError::from);
            watch.done(step, failure.as_ref());
            if let Some(failure) = failure {
                // Nothing of this network is used for any channel: the next one goes on from the
                // estimate before it.
                outcome = outcome.and(Err(failure));
                continue;
            }
            for (at, channel) in self.work.channels.iter_mut().enumerate() {
                let projection = self.levels.projection(self.decode.fusers.get(at), index);
                self.filtering.project((*strength, projection), newest, channel);
            }
            newest = Estimate::Networks;
            watch.done(step + 1, None);
        }
        (newest, outcome)
    }
}

/// `f_1 = f(x_w, y)`, and later `f_k = f(x_w, y, g_(k-1))`, of every channel.
fn answer(
    net: &ResidualNet,
    newest: Estimate,
    work: &mut Workspace,
    executor: &dyn Executor,
) -> Result<(), ModelError> {
    for channel in &mut work.channels {
        let super::workspace::Channel { y, x_w, f, g, .. } = channel;
        let g = if newest == Estimate::Wiener { &*x_w } else { &*g };
        net.run(&[&*x_w, &*y, g][..net.planes()], f, executor)?;
    }
    Ok(())
}
