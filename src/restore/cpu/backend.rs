//! From a plan to a restorer on processors.

use std::sync::Arc;

use super::borders::Settling;
use super::decode::Decode;
use super::encode::Encode;
use super::extension::Extension;
use super::faults::Mending;
use super::filtering::{Filtering, columns};
use super::guard::Guarding;
use super::highlights::Peel;
use super::residual::{KernelChoice, ResidualNet, band_rows};
use super::stripes::Levelling;
use super::workspace::{Channel, Estimate, Workspace};
use crate::executor::Executor;
use crate::fft::FieldFilter;
use crate::frame::{Effort, Picture, PictureFormat, Plane};
use crate::plan::network::Input;
use crate::plan::{Projection, RestorePlan};
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
    settling: Option<Settling>,
    filtering: Filtering,
    wiener: FieldFilter,
    weak: Option<FieldFilter>,
    /// What the networks see, but for the estimate so far.
    inputs: Vec<Input>,
    stages: Vec<Stage>,
    guarding: Option<Guarding>,
    encode: Encode,
    work: Workspace,
    executor: Arc<dyn Executor>,
    steps: Vec<Step>,
}

/// A network and the projection behind it.
struct Stage {
    net: ResidualNet,
    projection: Projection,
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
            projections,
        } = plan;
        let (executor, threads) = (&self.executor, self.executor.threads());
        let tone = Arc::new(tone);
        let estimating = wiener.layers() + weak.as_ref().map_or(0, FieldFilter::layers);
        let filters = projections.iter().map(|projection| projection.filter.layers());
        let layers = filters.max().unwrap_or(0).max(estimating);
        let mut steps = vec![Step::new("decode"), Step::wiener(&wiener, weak.as_ref())];
        let (mut stages, mut inputs) = (Vec::new(), Vec::new());
        if let Some(model) = model {
            let rows = band_rows(framing.outer.height, threads);
            inputs.clone_from(&model.contract.inputs);
            let constants = conditions.constants(&inputs);
            for (index, projection) in projections.into_iter().enumerate() {
                steps.push(Step::new(&format!("residual {}", index + 1)));
                let name = format!("projection {}", index + 1);
                steps.push(Step::filter(&name, &projection.filter));
                let extent = framing.outer;
                let net = ResidualNet::plan(&model, index, self.kernel, extent, rows, &constants)?;
                stages.push(Stage { net, projection });
            }
        }
        steps.push(Step::new("encode"));
        let extension = Extension::plan(framing, threads);
        let mending = faults.map(|faults| Mending::new(faults, framing, Arc::clone(executor)));
        let levelling = stripes.map(|it| Levelling::new(it, framing, Arc::clone(executor)));
        let peel = Peel::new(highlights, framing, Arc::clone(executor));
        Ok(Box::new(CpuRestorer {
            format,
            decode: Decode::new(
                Arc::clone(&tone),
                contrast,
                (mending, levelling),
                peel,
                extension,
                Arc::clone(executor),
            ),
            settling: borders.map(|borders| Settling::new(borders, framing, Arc::clone(executor))),
            filtering: Filtering::plan(framing.outer, layers, executor),
            work: Workspace::new(framing.outer, channels.count(format.layout), weak.is_some()),
            wiener,
            weak,
            inputs,
            stages,
            guarding: guard.map(|guard| Guarding::new(guard, framing, Arc::clone(executor))),
            encode: Encode::new(tone, contrast, framing, Arc::clone(executor)),
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
        if !watch.is_stopped() {
            if let Some(guarding) = &mut self.guarding {
                watch.held(guarding.run(&mut self.work, newest));
            }
            self.encode.run(&self.work, newest, blurred, restored);
            watch.done(last, None);
        }
        outcome
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
            let failure = RestoreError::Format { is, planned };
            watch.done(0, Some(&failure));
            return Err(failure);
        }
        let seen = self.decode.run(blurred, effort == Effort::Full, &mut self.work);
        watch.mended(seen.mended);
        watch.levelled(seen.striped);
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
        // Nobody but the networks looks at the weak estimate.
        let weak = self.weak.as_ref().filter(|_| effort == Effort::Full);
        for channel in &mut self.work.channels {
            if let Some(settling) = &self.settling {
                settling.run(&mut self.filtering, channel);
            }
            self.filtering.wiener(&self.wiener, weak, channel);
        }
        watch.done(1, None);
        let stages = if effort == Effort::Full { &self.stages[..] } else { &[] };
        for (index, Stage { net, projection }) in stages.iter().enumerate() {
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
            for channel in &mut self.work.channels {
                self.filtering.project(projection, newest, channel);
            }
            newest = Estimate::Networks;
            watch.done(step + 1, None);
        }
        (newest, outcome)
    }
}

/// Planes that vary, at most: all but the constant ones, and the estimate so far.
const VARYING: usize = Input::ALL.len() - 1;

/// `f_1 = f(z)`, and later `f_k = f(z, g_(k-1))`, of a channel.
fn answer(
    net: &ResidualNet,
    inputs: &[Input],
    newest: Estimate,
    channel: &mut Channel,
    executor: &dyn Executor,
) -> Result<(), ModelError> {
    let Channel { y, x_w, weak, f, g, .. } = channel;
    let so_far: &Plane<f32> = if newest == Estimate::Wiener { x_w } else { g };
    let seen = |input: &Input| match input {
        Input::Estimate => Some(&*x_w),
        Input::Blurred => Some(&*y),
        Input::Weak => Some(&*weak),
        Input::Sigma | Input::Trust => None,
    };
    let mut planes = [so_far; VARYING];
    let named = inputs.iter().filter_map(seen);
    planes.iter_mut().zip(named).for_each(|(plane, named)| *plane = named);
    net.run(&planes[..net.planes()], f, executor)
}
