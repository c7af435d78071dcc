//! The null-space projection: of a network's answer, only what the blur had destroyed is taken.

use std::sync::Arc;

use super::super::fft2d::Filter;
use super::super::{RestoreError, Stage};
use super::filtering::{Filtering, columns};
use super::with_workspace;
use crate::frame::{Channel, Effort, Frame};

/// `g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k)`, where `g_0 = x_w`.
///
/// That is `(conj(H) y + c R v) / (|H|^2 + c R)` in frequency for `v = g_(k-1) + f_k`, written so that
/// the spectrum of `y` need not be kept: the best compromise between the data and what the network
/// makes of the estimate, the network weighing `c` times what natural images weigh.
pub(crate) struct Projection {
    name: String,
    is_first: bool,
    filtering: Arc<Filtering>,
    filter: Filter,
    /// What of `x_w` is in the data's part of the sum already.
    share: f32,
}

impl Projection {
    /// Of network `index`, for the projection `filter` of `strength`.
    pub(crate) fn new(
        index: usize,
        filtering: Arc<Filtering>,
        filter: Filter,
        strength: f64,
    ) -> Self {
        let name = format!("projection {}", index + 1);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let share = (1.0 - 1.0 / strength) as f32;
        Self { name, is_first: index == 0, filtering, filter, share }
    }
}

impl Stage for Projection {
    fn name(&self) -> &str {
        &self.name
    }

    fn choice(&self) -> Option<String> {
        Some(columns(&self.filter))
    }

    fn least_effort(&self) -> Effort {
        Effort::Full
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        with_workspace(frame, |work| {
            for Channel { x_w, f, g, .. } in &mut work.channels {
                let before = if self.is_first { &*x_w } else { &*g };
                let begun = self.filtering.begin(&self.filter, &|y, row| {
                    let estimates = before.row(y).iter().zip(x_w.row(y));
                    let terms = f.row(y).iter().zip(estimates);
                    row.iter_mut().zip(terms).for_each(|(sum, (f, (before, x_w)))| {
                        *sum = f + (before - self.share * x_w);
                    });
                });
                begun.finish(g, &|y, projected, row| {
                    let terms = x_w.row(y).iter().zip(projected);
                    row.iter_mut().zip(terms).for_each(|(g, (x_w, p))| *g = x_w + p);
                });
            }
            Ok(())
        })
    }
}
