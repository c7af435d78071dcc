//! Before the Wiener filter: the margin around a frame is made a likely one.
//!
//! The steps are those of `plan/borders.rs`; they change the samples of the margin alone.

use std::ops::Range;
use std::sync::Arc;

use super::ROWS;
use super::filtering::Filtering;
use super::workspace::Channel;
use crate::executor::{Executor, for_chunks};
use crate::frame::Plane;
use crate::plan::{Borders, Framing};

/// Makes margins likely.
pub(crate) struct Settling {
    plan: Borders,
    framing: Framing,
    executor: Arc<dyn Executor>,
}

impl Settling {
    pub(crate) fn new(plan: Borders, framing: Framing, executor: Arc<dyn Executor>) -> Self {
        Self { plan, framing, executor }
    }

    /// Changes the margin of `y`, from the smooth one; the planes of estimates are overwritten.
    pub(crate) fn run(&self, filtering: &mut Filtering, channel: &mut Channel) {
        let Channel { y, x_w: product, f: residue, g: direction, .. } = channel;
        residue.samples_mut().fill(0.0);
        for (index, &(keep, gain)) in self.plan.steps.iter().enumerate() {
            let from = if index == 0 { &*y } else { &*direction };
            let store = |at: usize, samples: &[f32], row: &mut [f32]| {
                row.copy_from_slice(samples);
                row[self.inside(at)].fill(0.0);
            };
            filtering.through(self.plan.projection.weighted(), from, product, &store);
            self.combine(residue, 1.0, product, -1.0);
            self.combine(direction, keep, residue, gain);
            self.combine(y, 1.0, direction, 1.0);
        }
    }

    /// The columns of the frame in a row of the planes.
    fn inside(&self, at: usize) -> Range<usize> {
        let ((left, top), inner) = (self.framing.offset(), self.framing.inner);
        if (top..top + inner.height).contains(&at) { left..left + inner.width } else { 0..0 }
    }

    /// `plane = keep plane + gain other`, without what the plane was where nothing is kept.
    fn combine(&self, plane: &mut Plane<f32>, keep: f32, other: &Plane<f32>, gain: f32) {
        let width = self.framing.outer.width;
        for_chunks(&*self.executor, plane.samples_mut(), ROWS * width, &|part, rows| {
            for (index, row) in rows.chunks_mut(width).enumerate() {
                let pairs = row.iter_mut().zip(other.row(part * ROWS + index));
                if keep == 0.0 {
                    pairs.for_each(|(sample, other)| *sample = gain * other);
                } else {
                    pairs.for_each(|(sample, other)| *sample = keep * *sample + gain * other);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::fft::FieldFilter;
    use crate::frame::Extent;
    use crate::optics::{Light, Psf};
    use crate::plan::Edges;
    use crate::restore::cpu::extension::Extension;
    use crate::restore::cpu::workspace::Workspace;
    use crate::testing::{filtered_by_field, mosaic};
    use proptest::prelude::*;

    /// `y' P y`
    fn form(y: &Plane<f32>, projection: &FieldFilter) -> f64 {
        let projected = filtered_by_field(y, projection);
        let pairs = y.samples().iter().zip(projected.samples());
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn the_frame_stays_and_the_margin_becomes_likelier(
            width in 40_usize..90, height in 40_usize..90, seed: u64, length in 5_usize..20,
        ) {
            let psf = Psf::from_formula(&format!("motion:{length},20")).expect("it").expect("a PSF");
            let framing = Framing::plan(Edges::Open, Extent::new(width, height), psf.extent());
            let borders = Borders::plan(&psf.into(), framing, Light(0.5 / 255.0)).expect("it fits");
            let borders = borders.expect("a steep inverse");
            let mut work = Workspace::new(framing.outer, 1, false);
            let scene = mosaic(framing.inner, seed);
            let ((left, top), mean) = (framing.offset(), scene.mean());
            let channel = &mut work.channels[0];
            for (y, row) in scene.rows().enumerate() {
                let target = &mut channel.y.row_mut(top + y)[left..][..width];
                target.iter_mut().zip(row).for_each(|(target, light)| *target = light - mean);
            }
            Extension::plan(framing, 1).apply(&Sequential, &mut channel.y);
            let (projection, smooth) = (borders.projection.clone(), channel.y.clone());
            let executor: Arc<dyn Executor> = Arc::new(Sequential);
            let mut filtering = Filtering::plan(framing.outer, 1, &executor);
            Settling::new(borders, framing, executor).run(&mut filtering, channel);
            let (before, after) = (form(&smooth, &projection), form(&channel.y, &projection));
            prop_assert!(after < before, "{} became {}", before, after);
            for y in top..top + height {
                let frame = left..left + width;
                prop_assert_eq!(&channel.y.row(y)[frame.clone()], &smooth.row(y)[frame]);
            }
        }
    }
}
