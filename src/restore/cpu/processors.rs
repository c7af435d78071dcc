//! The steps between decoding and the guard, on processors.

use std::sync::Arc;

use super::estimating::{Estimating, STEPS_BEFORE};
use super::filtering::{Filtering, columns};
use super::fusion::Fuser;
use super::levels::Levels;
use super::residual::{Inputs, KernelChoice, ResidualNet, band_rows};
use super::workspace::{Channel, Estimate, Workspace};
use crate::executor::Executor;
use crate::fft::FieldFilter;
use crate::frame::{Effort, Plane};
use crate::plan::network::Input;
use crate::plan::{Chroma, RestorePlan};
use crate::restore::model::ModelError;
use crate::restore::{RestoreError, Step, Watch};

/// Estimates by processors.
pub(crate) struct Processors {
    filtering: Filtering,
    levels: Levels,
    /// What the networks see, but for the estimate so far.
    inputs: Vec<Input>,
    stages: Vec<Stage>,
    executor: Arc<dyn Executor>,
    steps: Vec<Step>,
}

/// A network and the projection behind it.
struct Stage {
    net: ResidualNet,
    /// Of the Wiener estimate, before the projection.
    known: f32,
}

impl Processors {
    /// Their name for people.
    pub(crate) const NAME: &str = "cpu";

    /// Plans the steps of a restoration, networks by `kernel`.
    ///
    /// # Errors
    /// Where tract cannot run a network.
    pub(crate) fn plan(
        plan: &RestorePlan,
        kernel: KernelChoice,
        executor: &Arc<dyn Executor>,
    ) -> Result<Self, ModelError> {
        let RestorePlan { framing, wiener, weak, projections, conditions, fusion, .. } = plan;
        let mut steps = vec![Step::wiener(wiener, weak.as_ref())];
        let (mut stages, mut inputs) = (Vec::new(), Vec::new());
        if let Some(model) = &plan.model {
            let rows = band_rows(framing.outer.height, executor.threads());
            inputs.clone_from(&model.contract.inputs);
            let constants = conditions.told(&inputs, fusion.is_some());
            let memory = Inputs::new(executor.threads());
            for (index, projection) in projections.iter().enumerate() {
                steps.push(Step::new(&format!("residual {}", index + 1)));
                let name = format!("projection {}", index + 1);
                steps.push(Step::filter(&name, &projection.filter));
                let bands = (framing.outer, rows);
                let net = ResidualNet::plan(model, index, kernel, bands, &constants, &memory)?;
                stages.push(Stage { net, known: projection.known() });
            }
        }
        let levels = Levels::new(plan.filters(), fusion.as_ref());
        Ok(Self {
            filtering: Filtering::plan(framing.outer, levels.layers(), executor),
            levels,
            inputs,
            stages,
            executor: Arc::clone(executor),
            steps,
        })
    }
}

impl Step {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), choice: None }
    }

    fn wiener(filter: &FieldFilter, weak: Option<&FieldFilter>) -> Self {
        let weak = weak.map(|weak| format!("; weak: {}", columns(weak))).unwrap_or_default();
        Self { name: "wiener".to_owned(), choice: Some(columns(filter) + &weak) }
    }

    pub(super) fn chroma(Chroma { halved, wiener, .. }: &Chroma) -> Self {
        let half = if halved.0 || halved.1 { "half as fine, " } else { "" };
        Self { name: "chroma".to_owned(), choice: Some(half.to_owned() + &columns(wiener)) }
    }

    pub(super) fn filter(name: &str, filter: &FieldFilter) -> Self {
        Self { name: name.to_owned(), choice: Some(columns(filter)) }
    }
}

impl Estimating for Processors {
    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn backend(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &mut self,
        work: &mut Workspace,
        fusers: &[Fuser],
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> (Estimate, Result<(), RestoreError>) {
        let (mut newest, mut outcome) = (Estimate::Wiener, Ok(()));
        for (index, channel) in work.channels.iter_mut().enumerate() {
            let (wiener, weak) = self.levels.wiener(fusers.get(index));
            // Nobody but the networks looks at the weak estimate.
            self.filtering.wiener(wiener, weak.filter(|_| effort == Effort::Full), channel);
        }
        watch.done(STEPS_BEFORE, None);
        let stages = if effort == Effort::Full { &self.stages[..] } else { &[] };
        for (index, Stage { net, known }) in stages.iter().enumerate() {
            if watch.is_stopped() {
                break;
            }
            let step = STEPS_BEFORE + 1 + 2 * index;
            let answered = work.channels.iter_mut().try_for_each(|channel| {
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
            for (at, channel) in work.channels.iter_mut().enumerate() {
                let projection = self.levels.projection(fusers.get(at), index);
                self.filtering.project((*known, projection), newest, channel);
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
