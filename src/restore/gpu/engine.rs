//! The estimates of one plan on a card: planes that stay there, and recordings of all that is asked for a frame.
//!
//! A frame's plane goes up, its estimates come down, and everything between is asked for at once. There is a
//! recording for each effort and, where frames are averaged, for how much of a frame rests.

use std::sync::Arc;

use super::driver::layout::{Load, Store};
use super::driver::{Buffer, Device, GpuError, Pinned, Queue, Recording};
use super::filters::{DeviceFilter, DeviceWeights, Transforms};
use super::network::{Activations, Sight};
use super::packed::DeviceNetwork;
use crate::executor::{Executor, Sequential, for_chunks};
use crate::fft::{FieldFilter, Weights};
use crate::frame::Effort;
use crate::plan::network::Input;
use crate::plan::{Filters, RestorePlan};
use crate::restore::cpu::{Channel as Planes, Estimate, Fuser, Rest, Workspace};

/// The estimates of one plan on a card. (Fields are dropped in this order: the
/// queue waits, then recordings go before what they name.)
#[derive(Debug)]
pub(super) struct Engine {
    queue: Queue,
    recordings: Vec<(Way, Recording)>,
    channels: Vec<Channel>,
    made_of: MadeOf,
    executor: Arc<dyn Executor>,
}

/// How a frame is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    is_full: bool,
    filters: Which,
}

/// Filters, by how much of a frame rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Single,
    AtRest,
    Between,
}

/// What all channels share.
#[derive(Debug)]
struct MadeOf {
    transforms: Transforms,
    activations: Option<Activations>,
    filters: Vec<(Which, DeviceFilters)>,
    stages: Vec<Stage>,
    /// What the networks see, but for the estimate so far.
    inputs: Vec<(Input, Option<f32>)>,
}

/// The filters of one level of noise.
#[derive(Debug)]
struct DeviceFilters {
    wiener: DeviceFilter,
    weak: Option<DeviceFilter>,
    projections: Vec<DeviceFilter>,
}

/// A network, and what of the Wiener estimate its projection knows.
#[derive(Debug)]
struct Stage {
    network: DeviceNetwork,
    known: f32,
}

/// The planes of a channel, on the card and for the way there and back.
#[derive(Debug)]
struct Channel {
    y: Buffer<f32>,
    x_w: Buffer<f32>,
    weak: Option<Buffer<f32>>,
    sigma: Option<Buffer<f32>>,
    f: Buffer<f32>,
    g: Buffer<f32>,
    weights: Option<Weighing>,
    up: Pinned,
    sigma_up: Option<Pinned>,
    down: Pinned,
}

/// Weights of filters that lead from those of one frame to those of the average, and their way to the card.
#[derive(Debug)]
struct Weighing {
    weights: DeviceWeights,
    up: Pinned,
}

impl Engine {
    /// Uploads a plan.
    ///
    /// # Errors
    /// Where the card cannot run it, or has no room.
    pub(super) fn new(
        device: &Arc<Device>,
        plan: &RestorePlan,
        executor: Arc<dyn Executor>,
    ) -> Result<Self, GpuError> {
        let made_of = MadeOf::new(device, plan)?;
        let count = plan.channels.count(plan.format.layout);
        if count > 1 && plan.fusion.as_ref().is_some_and(|fusion| fusion.between.is_none()) {
            // What rests in one channel may not in another, and all are filtered alike here.
            return Err(GpuError::Unfit(
                "averages of colours under a blur that differs over the frame".into(),
            ));
        }
        let channels = (0..count).map(|_| Channel::new(device, plan, &made_of));
        let channels: Vec<_> = channels.collect::<Result<_, _>>()?;
        let queue = Queue::new(device)?;
        let mut engine = Self { recordings: Vec::new(), queue, channels, made_of, executor };
        for at in 0..engine.made_of.filters.len() {
            let filters = engine.made_of.filters[at].0;
            for is_full in [true, false] {
                let way = Way { is_full, filters };
                let Self { queue, channels, made_of, .. } = &mut engine;
                let recording = queue.record(|queue| {
                    channels.iter_mut().try_for_each(|channel| made_of.ask(queue, way, channel))
                });
                engine.recordings.push((way, recording?));
            }
        }
        Ok(engine)
    }

    /// Fills the planes of the newest estimate, which it names; the seconds that the card took.
    ///
    /// # Errors
    /// Where the card fails.
    pub(super) fn run(
        &mut self,
        work: &mut Workspace,
        fusers: &[Fuser],
        effort: Effort,
    ) -> Result<(Estimate, f64), GpuError> {
        let way = self.way(fusers, effort);
        for (index, (own, channel)) in self.channels.iter_mut().zip(&work.channels).enumerate() {
            copy(&*self.executor, channel.y.samples(), own.up.samples_mut());
            if let Some(sigma) = &mut own.sigma_up {
                copy(&*self.executor, channel.sigma.samples(), sigma.samples_mut());
            }
            let newest = fusers.get(index).and_then(|fuser| fuser.weights().first());
            if let (Some(Weighing { up, .. }), Some(newest)) = (&mut own.weights, newest) {
                up.samples_mut().copy_from_slice(newest.parts().0.samples());
            }
        }
        let recording = self.recordings.iter().find(|(of, _)| *of == way);
        let (_, recording) = recording.ok_or_else(|| GpuError::Unfit(format!("{way:?}")))?;
        self.queue.play(recording)?;
        self.queue.wait()?;
        let newest =
            if self.made_of.has_networks(way) { Estimate::Networks } else { Estimate::Wiener };
        for (own, channel) in self.channels.iter().zip(&mut work.channels) {
            let Planes { x_w, g, .. } = channel;
            let estimate = if newest == Estimate::Networks { g } else { x_w };
            copy(&*self.executor, own.down.samples(), estimate.samples_mut());
        }
        Ok((newest, self.queue.seconds()?))
    }

    /// How a frame is restored whose channels `fusers` average. (All of them are of one picture: what rests in
    /// one of three may not in another.)
    fn way(&self, fusers: &[Fuser], effort: Effort) -> Way {
        let has = |which| self.made_of.filters.iter().any(|(of, _)| *of == which);
        let all_rest = !fusers.is_empty() && fusers.iter().all(|fuser| fuser.rest() == Rest::All);
        let some_rest = fusers.iter().any(|fuser| fuser.rest() != Rest::Nothing);
        let filters = match (all_rest, some_rest) {
            (true, _) if has(Which::AtRest) => Which::AtRest,
            (_, true) if has(Which::Between) => Which::Between,
            _ => Which::Single,
        };
        Way { is_full: effort == Effort::Full, filters }
    }
}

impl MadeOf {
    fn new(device: &Arc<Device>, plan: &RestorePlan) -> Result<Self, GpuError> {
        let single = plan.filters();
        let fusion = plan.fusion.as_ref();
        let all = [
            (Which::Single, Some(&single)),
            (Which::AtRest, fusion.map(|fusion| &fusion.at_rest)),
            (Which::Between, fusion.and_then(|fusion| fusion.between.as_ref())),
        ];
        let all = all.into_iter().filter_map(|(which, filters)| Some((which, filters?)));
        let all: Vec<_> = all.collect();
        let layers = all.iter().map(|(_, filters)| filters.layers()).max().unwrap_or(1);
        let is_layered = all.iter().any(|(_, filters)| filters.are_layered());
        let transforms = Transforms::new(device, plan.framing.outer, (layers, is_layered))?;
        let filters = all
            .into_iter()
            .map(|(which, filters)| Ok((which, DeviceFilters::new(device, &transforms, filters)?)));
        let filters = filters.collect::<Result<_, GpuError>>()?;
        let stages = stages(device, plan)?;
        let widest = stages.iter().map(|stage| stage.network.channels).max();
        let activations = plan.model.as_ref().zip(widest).map(|(model, channels)| {
            Activations::new(device, plan.framing.outer, (model.contract.alignment, channels))
        });
        let inputs = plan.model.as_ref().map_or(&[][..], |model| &model.contract.inputs);
        let told = plan.conditions.told(inputs, fusion.is_some());
        Ok(Self {
            transforms,
            activations: activations.transpose()?,
            filters,
            stages,
            inputs: inputs.iter().copied().zip(told).collect(),
        })
    }

    fn has_networks(&self, way: Way) -> bool {
        way.is_full && !self.stages.is_empty()
    }

    /// Whether networks see the noise as a plane.
    fn sees_sigma(&self) -> bool {
        self.inputs.contains(&(Input::Sigma, None))
    }

    /// Asks for all that is done to a channel.
    fn ask(&self, queue: &Queue, way: Way, channel: &mut Channel) -> Result<(), GpuError> {
        queue.upload(&channel.up, &channel.y)?;
        if let (Some(up), Some(sigma), true) = (&channel.sigma_up, &channel.sigma, way.is_full) {
            queue.upload(up, sigma)?;
        }
        if let (Some(Weighing { weights, up }), Which::Between) = (&channel.weights, way.filters) {
            weights.ask(queue, up)?;
        }
        let found = self.filters.iter().find(|(which, _)| *which == way.filters);
        let Some((_, filters)) = found else { return Ok(()) };
        self.ask_wiener(queue, way, filters, channel)?;
        if self.has_networks(way) {
            for index in 0..self.stages.len() {
                self.ask_stage(queue, index, filters, channel)?;
            }
            return queue.download(&channel.g, &mut channel.down);
        }
        queue.download(&channel.x_w, &mut channel.down)
    }

    /// `x_w`, and the weak estimate where there are networks to see it.
    fn ask_wiener(
        &self,
        queue: &Queue,
        way: Way,
        filters: &DeviceFilters,
        channel: &Channel,
    ) -> Result<(), GpuError> {
        let plain = |plane: &Buffer<f32>| Store { plane: plane.address(), ..Store::default() };
        let weak = filters.weak.as_ref().zip(channel.weak.as_ref());
        let weak =
            weak.filter(|_| self.has_networks(way)).map(|(filter, plane)| (filter, plain(plane)));
        let all: Vec<_> =
            std::iter::once((&filters.wiener, plain(&channel.x_w))).chain(weak).collect();
        let load = Load { first: channel.y.address(), ..Load::default() };
        self.transforms.ask(queue, load, &all, channel.weights())
    }

    /// `f_k`, and `g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k)`.
    fn ask_stage(
        &self,
        queue: &Queue,
        index: usize,
        filters: &DeviceFilters,
        channel: &Channel,
    ) -> Result<(), GpuError> {
        let (Some(activations), Stage { network, known }) =
            (&self.activations, &self.stages[index])
        else {
            return Ok(());
        };
        let before = if index == 0 { &channel.x_w } else { &channel.g };
        let mut seen = self.seen(channel);
        seen.extend((index > 0).then(|| Sight::Plane(before.address())));
        activations.ask(queue, network, &seen, channel.f.address())?;
        let (first, before, x_w) = (channel.f.address(), before.address(), channel.x_w.address());
        let load = Load { first, before, x_w, known: *known, scale: 0.0 };
        let plane = channel.g.address();
        let store = Store { plane, x_w, ..Store::default() };
        let filter = &filters.projections[index];
        self.transforms.ask(queue, load, &[(filter, store)], channel.weights())
    }

    /// What networks see, but for the estimate so far.
    fn seen(&self, channel: &Channel) -> Vec<Sight> {
        let address = |plane: Option<&Buffer<f32>>| plane.map(Buffer::address).unwrap_or_default();
        let plane = |input: Input| match input {
            Input::Estimate => channel.x_w.address(),
            Input::Blurred => channel.y.address(),
            Input::Weak => address(channel.weak.as_ref()),
            Input::Sigma | Input::Trust => address(channel.sigma.as_ref()),
        };
        let sight = |&(input, told): &(Input, Option<f32>)| {
            told.map_or_else(|| Sight::Plane(plane(input)), Sight::Constant)
        };
        self.inputs.iter().map(sight).collect()
    }
}

impl DeviceFilters {
    fn new(
        device: &Arc<Device>,
        transforms: &Transforms,
        filters: &Filters,
    ) -> Result<Self, GpuError> {
        let upload = |filter: &FieldFilter| transforms.filter(device, filter);
        Ok(Self {
            wiener: upload(&filters.wiener)?,
            weak: filters.weak.as_ref().map(upload).transpose()?,
            projections: filters.projections.iter().map(upload).collect::<Result<_, _>>()?,
        })
    }
}

impl Channel {
    fn weights(&self) -> Option<&DeviceWeights> {
        self.weights.as_ref().map(|weighing| &weighing.weights)
    }

    fn new(device: &Arc<Device>, plan: &RestorePlan, made_of: &MadeOf) -> Result<Self, GpuError> {
        let count = plan.framing.outer.area();
        let plane = || Buffer::new(device, count);
        let pinned = || Pinned::new(device, count);
        let sees_sigma = made_of.sees_sigma();
        Ok(Self {
            y: plane()?,
            x_w: plane()?,
            weak: plan.weak.as_ref().map(|_| plane()).transpose()?,
            sigma: sees_sigma.then(plane).transpose()?,
            f: plane()?,
            g: plane()?,
            weights: weights(device, plan)?,
            up: pinned()?,
            sigma_up: sees_sigma.then(pinned).transpose()?,
            down: pinned()?,
        })
    }
}

/// Samples that a part copies.
const PART: usize = 1 << 16;

/// Copies as many samples, by all threads.
fn copy(executor: &dyn Executor, from: &[f32], to: &mut [f32]) {
    for_chunks(executor, to, PART, &|part, to| {
        to.copy_from_slice(&from[part * PART..][..to.len()]);
    });
}

/// Room for the weights of filters between those of one frame and those of the average, where there are any.
fn weights(device: &Arc<Device>, plan: &RestorePlan) -> Result<Option<Weighing>, GpuError> {
    let Some(fusion) = plan.fusion.as_ref().filter(|fusion| fusion.between.is_some()) else {
        return Ok(None);
    };
    let fuser = Fuser::new(Arc::new(fusion.clone()), plan.framing, Arc::new(Sequential));
    let weighing = |weights: &Weights| {
        let up = Pinned::new(device, weights.parts().0.samples().len())?;
        Ok(Weighing { weights: DeviceWeights::new(device, weights)?, up })
    };
    fuser.weights().first().map(weighing).transpose()
}

fn stages(device: &Arc<Device>, plan: &RestorePlan) -> Result<Vec<Stage>, GpuError> {
    let networks = plan.model.iter().flat_map(|model| &model.networks);
    let stage =
        |(network, projection): (&crate::plan::network::Network, &crate::plan::Projection)| {
            let integers =
                network.integers.as_ref().map_err(|unfit| GpuError::Unfit(unfit.to_string()))?;
            Ok(Stage { network: DeviceNetwork::new(device, integers)?, known: projection.known() })
        };
    networks.zip(&plan.projections).map(stage).collect()
}
