//! The null-space projection: of a network's answer, only what the blur had destroyed is taken.

use std::sync::Arc;

use super::super::fft2d::{Filter, RealFft2d};
use super::super::{RestoreError, Stage};
use super::with_workspace;
use crate::frame::{Channel, Effort, Extent, Frame};

/// `g_k = x_w + P (g_(k-1) - x_w + f_k)`, where `g_0 = x_w`.
pub(crate) struct Projection {
    name: String,
    is_first: bool,
    fft: RealFft2d,
    filter: Arc<Filter>,
}

impl Projection {
    pub(crate) fn new(index: usize, extent: Extent, filter: Arc<Filter>) -> Self {
        let name = format!("projection {}", index + 1);
        Self { name, is_first: index == 0, fft: RealFft2d::plan(extent), filter }
    }
}

impl Stage for Projection {
    fn name(&self) -> &str {
        &self.name
    }

    fn least_effort(&self) -> Effort {
        Effort::Full
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        with_workspace(frame, |work| {
            for Channel { x_w, f, g, .. } in &mut work.channels {
                if !self.is_first {
                    let estimates = g.samples().iter().zip(x_w.samples());
                    f.samples_mut()
                        .iter_mut()
                        .zip(estimates)
                        .for_each(|(f, (g, x_w))| *f += g - x_w);
                }
                self.fft.filter(f, &self.filter, |y, row| {
                    let sum = x_w.row(y).iter().zip(row).map(|(x_w, p)| x_w + p);
                    g.row_mut(y).iter_mut().zip(sum).for_each(|(g, sum)| *g = sum);
                });
            }
            Ok(())
        })
    }
}
