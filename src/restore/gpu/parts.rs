//! Single parts of a restoration on a card, for whoever compares them with what processors give.

use super::backend::GpuBackend;
use super::driver::layout::{Load, Store};
use super::driver::{Buffer, GpuError, Pinned, Queue};
use super::filters::Transforms;
use super::network::{Activations, Sight};
use super::packed::DeviceNetwork;
use crate::fft::FieldFilter;
use crate::frame::{Extent, Plane};
use crate::plan::network::Integers;

impl GpuBackend {
    /// What a filter makes of a plane.
    ///
    /// # Errors
    /// Where the card cannot do it, or fails.
    pub fn filtered(
        &self,
        filter: &FieldFilter,
        plane: &Plane<f32>,
    ) -> Result<Plane<f32>, GpuError> {
        let (device, extent) = (self.device(), plane.extent());
        let transforms = Transforms::new(device, extent, (filter.layers(), filter.layers() > 1))?;
        let uploaded = transforms.filter(device, filter)?;
        let source = Buffer::of(device, plane.samples())?;
        self.asked(extent, |queue, target| {
            let store = Store { plane: target.address(), ..Store::default() };
            let load = Load { first: source.address(), ..Load::default() };
            transforms.ask(queue, load, &[(&uploaded, store)], None)
        })
    }

    /// What a network of a model of that alignment answers; planes that are the same all over are numbers.
    ///
    /// # Errors
    /// Where the card cannot do it, or fails.
    pub fn answer(
        &self,
        (integers, alignment): (&Integers, usize),
        seen: &[Result<&Plane<f32>, f32>],
        extent: Extent,
    ) -> Result<Plane<f32>, GpuError> {
        let device = self.device();
        let network = DeviceNetwork::new(device, integers)?;
        let activations = Activations::new(device, extent, (alignment, network.channels))?;
        let planes = seen.iter().map(|sight| match sight {
            Ok(plane) => Buffer::of(device, plane.samples()).map(Ok),
            Err(value) => Ok(Err(*value)),
        });
        let planes: Vec<_> = planes.collect::<Result<_, GpuError>>()?;
        let sight = |plane: &Result<Buffer<f32>, f32>| match plane {
            Ok(plane) => Sight::Plane(plane.address()),
            Err(value) => Sight::Constant(*value),
        };
        let seen: Vec<_> = planes.iter().map(sight).collect();
        self.asked(extent, |queue, target| {
            activations.ask(queue, &network, &seen, target.address())
        })
    }

    /// A plane that a card is asked to fill.
    fn asked(
        &self,
        extent: Extent,
        ask: impl FnOnce(&Queue, &Buffer<f32>) -> Result<(), GpuError>,
    ) -> Result<Plane<f32>, GpuError> {
        let target = Buffer::new(self.device(), extent.area())?;
        let mut down = Pinned::new(self.device(), extent.area())?;
        let queue = Queue::new(self.device())?;
        let recording = queue.record(|queue| {
            ask(queue, &target)?;
            queue.download(&target, &mut down)
        })?;
        queue.play(&recording)?;
        queue.wait()?;
        let mut plane = Plane::new(extent, 0.0);
        plane.samples_mut().copy_from_slice(down.samples());
        Ok(plane)
    }
}
