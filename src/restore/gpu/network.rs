//! What is asked of a card for a network.

use std::sync::Arc;

use super::driver::layout::{Chain, Convolution, Head, NETWORK_LAYERS, PLANES, Tail, number};
use super::driver::{
    Address, Buffer, Device, GpuError, Kernel, Launch, Programs, Queue, Radices, Source, Wanted,
};
use super::packed::{DeviceNetwork, Uploaded};
use super::tiles::{Room, Tiles, tiles};
use crate::frame::Extent;

/// Threads of a block of the head, and the half-size pixels that it gives.
const THREADS: usize = 256;
const HEAD: [usize; 2] = [32, 16];
/// Pixels of the last convolution that a warp makes at once.
const ACROSS: usize = 16;
/// Pixels that are read behind the last one.
const SLACK: usize = 32;
/// Bytes of what a block of the head sees of a plane.
const SEEN: usize = (2 * HEAD[1] + 2) * (2 * HEAD[0] + 8);

/// Activations of networks, which one after the other works on.
#[derive(Debug)]
pub(super) struct Activations {
    programs: Programs,
    room: Room,
    extent: Extent,
    aligned: Extent,
    rectified: Buffer<u8>,
    /// Before and behind the layers of a coarse branch.
    coarse: [Buffer<u8>; 2],
}

/// A plane that a network sees.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sight {
    /// In memory of the card.
    Plane(Address),
    /// The same all over.
    Constant(f32),
}

impl Activations {
    /// Room for networks of up to `channels` channels on planes of `extent`, worked on as if they had multiples of
    /// `alignment`.
    ///
    /// # Errors
    /// Where the card has no room.
    pub(super) fn new(
        device: &Arc<Device>,
        extent: Extent,
        (alignment, channels): (usize, usize),
    ) -> Result<Self, GpuError> {
        let aligned = Extent {
            width: extent.width.next_multiple_of(alignment),
            height: extent.height.next_multiple_of(alignment),
        };
        let pixels = aligned.area() / 4;
        let coarse = || Buffer::new(device, pixels / 4 * channels);
        let wanted = Wanted { source: Source::Residual, radices: Radices::default() };
        let programs = Programs::new(device, &wanted)?;
        let room = Room { multiprocessors: device.multiprocessors(), shared: device.shared() };
        Ok(Self {
            programs,
            room,
            extent,
            aligned,
            rectified: Buffer::new(device, pixels * channels)?,
            coarse: [coarse()?, coarse()?],
        })
    }

    /// Asks for `f` of what the network sees.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(super) fn ask(
        &self,
        queue: &Queue,
        network: &DeviceNetwork,
        seen: &[Sight],
        f: Address,
    ) -> Result<(), GpuError> {
        self.ask_head(queue, network, seen)?;
        let newest = self.ask_chain(queue, network)?;
        self.ask_tail(queue, network, newest, f)
    }

    fn ask_head(
        &self,
        queue: &Queue,
        network: &DeviceNetwork,
        seen: &[Sight],
    ) -> Result<(), GpuError> {
        let zero = f32::from(network.input.zero);
        let mut head = Head {
            count: number(network.planes),
            width: number(self.extent.width),
            height: number(self.extent.height),
            aligned_width: number(self.aligned.width),
            aligned_height: number(self.aligned.height),
            scale: network.input.scale,
            zero,
            head: network.head.matrices(),
            rectified: self.rectified.address(),
            ..Head::default()
        };
        if let Some(coarse) = &network.coarse {
            (head.down, head.coarse) = (coarse.down.matrices(), self.coarse[0].address());
        }
        debug_assert!(
            seen.len() == network.planes && seen.len() <= PLANES,
            "what the network sees"
        );
        for ((plane, byte), sight) in head.planes.iter_mut().zip(&mut head.bytes).zip(seen) {
            match *sight {
                Sight::Plane(address) => *plane = address,
                Sight::Constant(value) => *byte = quantised(value / network.input.scale, zero),
            }
        }
        let Extent { width, height } = self.half();
        queue.launch(&Launch {
            programs: &self.programs,
            kernel: of(network, [Kernel::Head16, Kernel::Head32]),
            grid: [width.div_ceil(HEAD[0]), height.div_ceil(HEAD[1])],
            threads: THREADS,
            // Planes are seen two by two.
            shared: HEAD[0] * HEAD[1] * network.channels
                + network.planes.next_multiple_of(2) * SEEN,
            arguments: &[&head],
        })
    }

    /// The layers of the coarse branch, where there are any; where what they give is.
    fn ask_chain(&self, queue: &Queue, network: &DeviceNetwork) -> Result<Address, GpuError> {
        let Some(coarse) = &network.coarse else { return Ok(Address::default()) };
        let [from, to] = &self.coarse;
        let count = coarse.layers.len();
        if count == 0 {
            return Ok(from.address());
        }
        let Extent { width, height } = self.half();
        let image = Extent::new(width / 2, height / 2);
        let cost = |tile: Extent| (0..count).map(|halo| layer_cost(tile, (halo, count))).sum();
        let bytes = |tile| 2 * region(tile, count) * network.channels;
        let tiles = tiles(image, self.room, 1, cost, bytes).ok_or_else(unfit)?;
        let chain = Chain {
            from: from.address(),
            to: to.address(),
            width: number(image.width),
            height: number(image.height),
            count: number(count),
            tile_width: number(tiles.tile.width),
            tile_height: number(tiles.tile.height),
            layers: layers(&coarse.layers),
        };
        let Tiles { grid, threads, shared, .. } = tiles;
        queue.launch(&Launch {
            programs: &self.programs,
            kernel: of(network, [Kernel::Chain16, Kernel::Chain32]),
            grid,
            threads,
            shared,
            arguments: &[&chain],
        })?;
        Ok(to.address())
    }

    fn ask_tail(
        &self,
        queue: &Queue,
        network: &DeviceNetwork,
        coarse: Address,
        f: Address,
    ) -> Result<(), GpuError> {
        let image = self.half();
        let count = network.layers.len();
        // Even, since a coarse pixel stands for two rows of two.
        let halo = (count + 2) / 2 * 2;
        // The last convolution has a quarter of the sums.
        let cost = |tile: Extent| {
            let layers = (0..count)
                .map(|inner| layer_cost(tile, (halo - count + inner, halo)))
                .sum::<usize>();
            (region(tile, halo) + tile.area() / 2) / ACROSS + layers
        };
        let places = if count > 0 { 2 } else { 1 };
        let bytes = |tile| places * region(tile, halo) * network.channels;
        let Tiles { tile, grid, threads, shared } =
            tiles(image, self.room, ACROSS, cost, bytes).ok_or_else(unfit)?;
        let tail = Tail {
            rectified: self.rectified.address(),
            coarse,
            width: number(image.width),
            height: number(image.height),
            plane_width: number(self.extent.width),
            plane_height: number(self.extent.height),
            up: network.coarse.as_ref().map(|coarse| coarse.up.convolution()).unwrap_or_default(),
            count: number(count),
            tile_width: number(tile.width),
            tile_height: number(tile.height),
            layers: layers(&network.layers),
            last: network.last.matrices(),
            scale: network.output.scale,
            zero: f32::from(network.output.zero),
            plane: f,
        };
        queue.launch(&Launch {
            programs: &self.programs,
            kernel: of(network, [Kernel::Tail16, Kernel::Tail32]),
            grid,
            threads,
            shared,
            arguments: &[&tail],
        })
    }

    /// Pixels of half the size.
    fn half(&self) -> Extent {
        Extent::new(self.aligned.width / 2, self.aligned.height / 2)
    }
}

/// Pixels of a tile and its halo, and those that are read behind them.
fn region(tile: Extent, halo: usize) -> usize {
    (tile.width + 2 * halo) * (tile.height + 2 * halo) + SLACK
}

/// What a layer takes on a tile with `own` pixels around it, in rows that have `halo`, in tiles of 16 pixels.
fn layer_cost(tile: Extent, (own, halo): (usize, usize)) -> usize {
    ((tile.height + 2 * own) * (tile.width + 2 * halo)).div_ceil(16)
}

fn unfit() -> GpuError {
    GpuError::Unfit("tiles of so many layers".to_owned())
}

fn of(network: &DeviceNetwork, [of_16, of_32]: [Kernel; 2]) -> Kernel {
    if network.channels == 16 { of_16 } else { of_32 }
}

fn layers(uploaded: &[Uploaded]) -> [Convolution; NETWORK_LAYERS] {
    let mut layers = [Convolution::default(); NETWORK_LAYERS];
    layers.iter_mut().zip(uploaded).for_each(|(layer, own)| *layer = own.convolution());
    layers
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn quantised(steps: f32, zero: f32) -> i32 {
    (steps.round_ties_even() + zero).clamp(0.0, 255.0) as i32
}
