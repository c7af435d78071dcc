//! The null-space projection: of a network's answer, only what the blur had destroyed is taken.

use super::super::fft2d::{Filter, RealFft2d};
use super::super::{RestoreError, Stage};
use super::with_workspace;
use crate::frame::{Channel, Effort, Extent, Frame};

/// `g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k)`, where `g_0 = x_w`.
///
/// That is `(conj(H) y + c R v) / (|H|^2 + c R)` in frequency for `v = g_(k-1) + f_k`, written so that
/// the spectrum of `y` need not be kept: the best compromise between the data and what the network
/// makes of the estimate, the network weighing `c` times what natural images weigh.
pub(crate) struct Projection {
    name: String,
    is_first: bool,
    fft: RealFft2d,
    filter: Filter,
    /// What of `x_w` is in the data's part of the sum already.
    share: f32,
}

impl Projection {
    /// Of network `index`, for the projection `filter` of `strength`.
    pub(crate) fn new(index: usize, extent: Extent, filter: Filter, strength: f64) -> Self {
        let name = format!("projection {}", index + 1);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let share = (1.0 - 1.0 / strength) as f32;
        Self { name, is_first: index == 0, fft: RealFft2d::plan(extent), filter, share }
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
                let before = if self.is_first { &*x_w } else { &*g };
                let estimates = before.samples().iter().zip(x_w.samples());
                f.samples_mut()
                    .iter_mut()
                    .zip(estimates)
                    .for_each(|(f, (before, x_w))| *f += before - self.share * x_w);
                self.fft.filter(f, &self.filter, |y, row| {
                    let sum = x_w.row(y).iter().zip(row).map(|(x_w, p)| x_w + p);
                    g.row_mut(y).iter_mut().zip(sum).for_each(|(g, sum)| *g = sum);
                });
            }
            Ok(())
        })
    }
}
