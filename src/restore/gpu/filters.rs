//! Filters of planes on a card: their factors, and what is asked of the card for one.

use std::sync::Arc;

use super::driver::layout::{
    FILTER_LAYERS, Layer, Layers, Load, OUTPUTS, Outputs, Store, Weights, number,
};
use super::driver::{
    Address, Buffer, Device, GpuError, Kernel, Launch, Pinned, Programs, Queue, Source, Wanted,
};
use super::transform::{Transform, plan, radices, room, threads};
use crate::fft::{self, AllFactors, FieldFilter, Weights as FieldWeights};
use crate::frame::Extent;

/// Columns of a block, at most, as a power of two: as many as one sector of memory holds.
const SHIFT: usize = 2;
/// Threads of a block of rows and of columns, at most: beyond, registers are short.
const ROW_THREADS: usize = 128;
const COLUMN_THREADS: usize = 256;

/// The transforms of planes of one extent, and where what they give lies.
#[derive(Debug)]
pub(super) struct Transforms {
    extent: Extent,
    shift: usize,
    rows: Transform,
    columns: Transform,
    of_rows: Programs,
    of_columns: Programs,
    spectrum: Buffer<f32>,
    /// One a layer.
    products: Vec<Buffer<f32>>,
}

/// A filter on a card.
#[derive(Debug)]
pub(super) struct DeviceFilter {
    layers: Vec<DeviceFactors>,
    /// Of all layers but the first; where there are fewer, they are given where it is applied.
    weights: Vec<DeviceWeights>,
}

#[derive(Debug)]
struct DeviceFactors {
    values: Buffer<f32>,
    is_complex: bool,
}

/// Weights of a layer on a card.
#[derive(Debug)]
pub(super) struct DeviceWeights {
    knots: Buffer<f32>,
    knot: Buffer<i32>,
    share: Buffer<f32>,
}

impl DeviceWeights {
    /// Uploads weights.
    ///
    /// # Errors
    /// Where the card has no room.
    pub(super) fn new(device: &Arc<Device>, weights: &FieldWeights) -> Result<Self, GpuError> {
        let (knots, rows) = weights.parts();
        let knot: Vec<i32> = rows.iter().map(|row| number(row.0)).collect();
        let share: Vec<f32> = rows.iter().map(|row| row.1).collect();
        Ok(Self {
            knots: Buffer::of(device, knots.samples())?,
            knot: Buffer::of(device, &knot)?,
            share: Buffer::of(device, &share)?,
        })
    }

    /// Asks for a copy of others, of the same rows.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(super) fn ask(&self, queue: &Queue, knots: &Pinned) -> Result<(), GpuError> {
        queue.upload(knots, &self.knots)
    }

    fn layout(&self) -> Weights {
        let Self { knots, knot, share } = self;
        Weights { knots: knots.address(), knot: knot.address(), share: share.address() }
    }
}

impl Transforms {
    /// Plans those of planes of `extent`, for filters of up to `layers` layers together, of which one by itself may
    /// have several where it `is_layered`.
    ///
    /// # Errors
    /// Where the card cannot do transforms of these lengths, or has no room.
    pub(super) fn new(
        device: &Arc<Device>,
        extent: Extent,
        (layers, is_layered): (usize, bool),
    ) -> Result<Self, GpuError> {
        if layers > FILTER_LAYERS {
            return Err(GpuError::Unfit(format!(
                "filters of {layers} layers (expected {FILTER_LAYERS} or fewer)"
            )));
        }
        let Extent { width, height } = extent;
        let rows = plan(width, 0)?;
        let columns = |shift: usize| plan(height, shift).map(|plan| (shift, plan));
        let columns: Vec<_> = (0..=SHIFT).rev().map(columns).collect::<Result<_, _>>()?;
        let fits = |(shift, plan): &(usize, _)| room(plan, *shift, 0) <= device.shared();
        let (Some((shift, columns)), true) = (
            columns.into_iter().find(fits),
            room(&rows, 0, usize::from(is_layered)) <= device.shared(),
        ) else {
            return Err(GpuError::Unfit(format!("planes of {extent}")));
        };
        let programs =
            |source, plan| Programs::new(device, &Wanted { source, radices: radices(plan) });
        let (of_rows, of_columns) =
            (programs(Source::Rows, &rows)?, programs(Source::Columns, &columns)?);
        let count = 2 * blocks(extent, shift) * (height << shift);
        let buffer = || Buffer::new(device, count);
        Ok(Self {
            extent,
            shift,
            rows: Transform::new(device, rows)?,
            columns: Transform::new(device, columns)?,
            of_rows,
            of_columns,
            spectrum: buffer()?,
            products: (0..layers).map(|_| buffer()).collect::<Result<_, _>>()?,
        })
    }

    /// Uploads a filter.
    ///
    /// # Errors
    /// Where the card has no room.
    pub(super) fn filter(
        &self,
        device: &Arc<Device>,
        filter: &FieldFilter,
    ) -> Result<DeviceFilter, GpuError> {
        let layers = filter.factors().map(|factors| match factors {
            AllFactors::Real(values) => self.factors(device, &values, |value| [*value]),
            AllFactors::Complex(values) => {
                self.factors(device, &values, |value| [value.re, value.im])
            }
        });
        let (_, weights) = filter.weighted();
        let weights = weights.iter().map(|weights| DeviceWeights::new(device, weights));
        Ok(DeviceFilter {
            layers: layers.collect::<Result<_, _>>()?,
            weights: weights.collect::<Result<_, _>>()?,
        })
    }

    /// Puts factors in the order of the spectrum.
    fn factors<T, const N: usize>(
        &self,
        device: &Arc<Device>,
        values: &[T],
        numbers: impl Fn(&T) -> [f32; N],
    ) -> Result<DeviceFactors, GpuError> {
        let (height, lanes) = (self.extent.height, 1 << self.shift);
        let mut ordered = vec![0.0; N * blocks(self.extent, self.shift) * height * lanes];
        for (at, value) in values.iter().enumerate() {
            let (column, row) = (at / height, at % height);
            let place = (column / lanes * height + row) * lanes + column % lanes;
            ordered[N * place..][..N].copy_from_slice(&numbers(value));
        }
        Ok(DeviceFactors { values: Buffer::of(device, &ordered)?, is_complex: N == 2 })
    }

    /// Asks for filters of one plane, each with what becomes of its result. `weights` are those of the second
    /// layer of filters that have none of their own.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(super) fn ask(
        &self,
        queue: &Queue,
        load: Load,
        filters: &[(&DeviceFilter, Store)],
        weights: Option<&DeviceWeights>,
    ) -> Result<(), GpuError> {
        let (mut layers, mut outputs) = (Layers::default(), Outputs::default());
        let mut count = 0;
        for ((filter, store), output) in filters.iter().zip(&mut outputs.store) {
            *output =
                Store { first_layer: number(count), layers: number(filter.layers.len()), ..*store };
            for (index, factors) in filter.layers.iter().enumerate() {
                layers.layer[count] = Layer {
                    factors: factors.values.address(),
                    product: self.products[count].address(),
                    is_complex: i32::from(factors.is_complex),
                };
                let own =
                    index.checked_sub(1).and_then(|index| filter.weights.get(index).or(weights));
                outputs.weights[count] = own.map(DeviceWeights::layout).unwrap_or_default();
                count += 1;
            }
        }
        debug_assert!(filters.len() <= OUTPUTS, "as many as there is room for");
        self.ask_rows_forward(queue, load)?;
        self.ask_columns(queue, &layers, count)?;
        self.ask_rows_back(queue, &layers, &outputs, filters.len())
    }

    fn ask_rows_forward(&self, queue: &Queue, load: Load) -> Result<(), GpuError> {
        let Extent { width, height } = self.extent;
        let load = Load { scale: 1.0 / width as f32, ..load };
        let (table, spectrum) = (self.rows.table.address(), self.spectrum.address());
        queue.launch(&Launch {
            programs: &self.of_rows,
            kernel: Kernel::RowsForward,
            grid: [height.div_ceil(2), 1],
            threads: threads(&self.rows.plan, 0, ROW_THREADS),
            shared: room(&self.rows.plan, 0, 0),
            arguments: &[
                &self.rows.plan,
                &table,
                &load,
                &spectrum,
                &number(height),
                &number(self.shift),
            ],
        })
    }

    fn ask_columns(&self, queue: &Queue, layers: &Layers, count: usize) -> Result<(), GpuError> {
        let (table, spectrum) = (self.columns.table.address(), self.spectrum.address());
        queue.launch(&Launch {
            programs: &self.of_columns,
            kernel: Kernel::Columns,
            grid: [blocks(self.extent, self.shift), count],
            threads: threads(&self.columns.plan, self.shift, COLUMN_THREADS),
            shared: room(&self.columns.plan, self.shift, 0),
            arguments: &[&self.columns.plan, &table, &spectrum, layers, &number(self.shift)],
        })
    }

    fn ask_rows_back(
        &self,
        queue: &Queue,
        layers: &Layers,
        outputs: &Outputs,
        count: usize,
    ) -> Result<(), GpuError> {
        let height = self.extent.height;
        let table: Address = self.rows.table.address();
        let is_layered = outputs.store.iter().any(|store| store.layers > 1);
        queue.launch(&Launch {
            programs: &self.of_rows,
            kernel: Kernel::RowsBack,
            grid: [height.div_ceil(2), count],
            threads: threads(&self.rows.plan, 0, ROW_THREADS),
            shared: room(&self.rows.plan, 0, usize::from(is_layered)),
            arguments: &[
                &self.rows.plan,
                &table,
                layers,
                outputs,
                &number(height),
                &number(self.shift),
            ],
        })
    }
}

/// Blocks of columns of the spectrum of a plane.
fn blocks(extent: Extent, shift: usize) -> usize {
    fft::columns(extent).div_ceil(1 << shift)
}
