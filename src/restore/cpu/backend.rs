//! From a plan to a restorer on processors.

use std::sync::Arc;

use super::chroma::ChromaFilter;
use super::decode::Decode;
use super::encode::Encode;
use super::faults::Mending;
use super::filtering::{Filtering, columns};
use super::fusion::Fuser;
use super::guard::Guarding;
use super::highlights::Peel;
use super::levels::Levels;
use super::margin::Margin;
use super::residual::{KernelChoice, ResidualNet, band_rows};
use super::stripes::Levelling;
use super::workspace::{Channel, Estimate, Workspace};
use crate::executor::Executor;
use crate::fft::FieldFilter;
use crate::frame::{Effort, Picture, PictureFormat, Plane};
use crate::plan::network::Input;
use crate::plan::{Chroma, Conditions, Filters, Projection, RestorePlan};
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
    /// What the networks see, but for the estimate so far.
    inputs: Vec<Input>,
    conditions: Conditions,
    are_asked: bool,
    stages: Vec<Stage>,
    chroma: Option<ChromaFilter>,
    guarding: Option<Guarding>,
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
            borders,
            faults,
            stripes,
            guard,
            highlights,
            wiener,
            weak,
            model,
            conditions,
            are_asked,
            projections,
            fusion,
            chroma,
        } = plan;
        let (executor, threads) = (&self.executor, self.executor.threads());
        let tone = Arc::new(tone);
        let mut steps = vec![Step::new("decode"), Step::wiener(&wiener, weak.as_ref())];
        let (mut stages, mut inputs) = (Vec::new(), Vec::new());
        if let Some(model) = model {
            let rows = band_rows(framing.outer.height, threads);
            inputs.clone_from(&model.contract.inputs);
            let constants = match &fusion {
                Some(_) => conditions.constants_of_average(&inputs),
                None => conditions.constants(&inputs),
            };
            for (index, projection) in projections.iter().enumerate() {
                steps.push(Step::new(&format!("residual {}", index + 1)));
                let name = format!("projection {}", index + 1);
                steps.push(Step::filter(&name, &projection.filter));
                let extent = framing.outer;
                let net = ResidualNet::plan(&model, index, self.kernel, extent, rows, &constants)?;
                stages.push(Stage { net, strength: projection.strength });
            }
        }
        steps.extend(chroma.as_ref().map(Step::chroma));
        steps.push(Step::new("encode"));
        let margin = Margin::plan(framing, borders, executor);
        let count = channels.count(format.layout);
        let mending =
            faults.map(|faults| Mending::new(faults, framing, count, Arc::clone(executor)));
        let levelling = stripes.map(|it| Levelling::new(it, framing, Arc::clone(executor)));
        let peel = |_| Peel::new(highlights.clone(), framing, Arc::clone(executor));
        let peels = (0..count).map(peel).collect();
        let work = Workspace::new(framing.outer, count, weak.is_some());
        let tells_sigma = fusion.is_some() && inputs.contains(&Input::Sigma);
        let fusion = fusion.map(Arc::new);
        let fuser = |plan: &Arc<_>| Fuser::new(Arc::clone(plan), framing, Arc::clone(executor));
        let fusers = fusion.iter().flat_map(|plan| (0..count).map(|_| fuser(plan))).collect();
        let projections = projections.into_iter().map(|Projection { filter, .. }| filter).collect();
        let levels = Levels::new(Filters { wiener, weak, projections }, fusion.as_deref());
        let own = Arc::clone(executor);
        let faults = (mending, levelling);
        let decode =
            Decode::new(Arc::clone(&tone), contrast, faults, peels, (framing, margin), own);
        Ok(Box::new(CpuRestorer {
            format,
            decode: decode.with_fusers(fusers),
            filtering: Filtering::plan(framing.outer, levels.layers(), executor),
            levels,
            inputs,
            conditions,
            are_asked,
            stages,
            chroma: chroma.map(|plan| ChromaFilter::new(plan, format, executor)),
            guarding: guard.map(|guard| Guarding::new(guard, framing, Arc::clone(executor))),
            encode: Encode::new(tone, contrast, framing, Arc::clone(executor)),
            work: if tells_sigma { work.with_sigma() } else { work },
            executor: Arc::clone(executor),
            steps,
        }))
    }
}

impl Step {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), choice: None }
    }

    fn wiener(filter: &FieldFilter, weak: Option<&FieldFilter>) -> Self {
        let weak = weak.map(|weak| format!("; weak: {}", columns(weak))).unwrap_or_default();
        Self { name: "wiener".to_owned(), choice: Some(columns(filter) + &weak) }
    }

    fn chroma(Chroma { halved, wiener, .. }: &Chroma) -> Self {
        let half = if halved.0 || halved.1 { "half as fine, " } else { "" };
        Self { name: "chroma".to_owned(), choice: Some(half.to_owned() + &columns(wiener)) }
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
        let asked = if self.are_asked { effort } else { Effort::Wiener };
        let (newest, outcome) = self.estimate(asked, watch);
        if let (Some(chroma), false) = (&mut self.chroma, watch.is_stopped()) {
            chroma.run(blurred);
            watch.done(last - 1, None);
        }
        if !watch.is_stopped() {
            if let Some(guarding) = &mut self.guarding {
                watch.held(guarding.run(&mut self.work, newest));
            }
            self.encode.run(&self.work, (newest, self.chroma.as_ref()), blurred, restored);
            watch.done(last, None);
        }
        outcome
    }

    fn forget(&mut self) {
        self.decode.forget();
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

    /// The steps between the first and the last: the newest estimate, and the first failure.
    fn estimate(
        &mut self,
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> (Estimate, Result<(), RestoreError>) {
        let (mut newest, mut outcome) = (Estimate::Wiener, Ok(()));
        for (index, channel) in self.work.channels.iter_mut().enumerate() {
            let (wiener, weak) = self.levels.wiener(self.decode.fusers.get(index));
            // Nobody but the networks looks at the weak estimate.
            self.filtering.wiener(wiener, weak.filter(|_| effort == Effort::Full), channel);
        }
        watch.done(1, None);
        let stages = if effort == Effort::Full { &self.stages[..] } else { &[] };
        for (index, Stage { net, strength }) in stages.iter().enumerate() {
            if watch.is_stopped() {
                break;
            }
            let step = STEPS_BEFORE + 2 * index;
            let answered = self.work.channels.iter_mut().try_for_each(|channel| {
                answer(net, &self.inputs, newest, channel, &*self.executor)
            });
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

/// Planes that vary, at most: all but the trust, and the estimate so far.
const VARYING: usize = Input::ALL.len();

/// `f_1 = f(z)`, and later `f_k = f(z, g_(k-1))`, of a channel.
fn answer(
    net: &ResidualNet,
    inputs: &[Input],
    newest: Estimate,
    channel: &mut Channel,
    executor: &dyn Executor,
) -> Result<(), ModelError> {
    let Channel { y, x_w, weak, sigma, f, g, .. } = channel;
    let so_far: &Plane<f32> = if newest == Estimate::Wiener { x_w } else { g };
    let seen = |input: &Input| match input {
        Input::Estimate => Some(&*x_w),
        Input::Blurred => Some(&*y),
        Input::Weak => Some(&*weak),
        Input::Sigma => Some(&*sigma).filter(|plane| !plane.extent().is_empty()),
        Input::Trust => None,
    };
    let mut planes = [so_far; VARYING];
    let named = inputs.iter().filter_map(seen);
    planes.iter_mut().zip(named).for_each(|(plane, named)| *plane = named);
    net.run(&planes[..net.planes()], f, executor)
}
