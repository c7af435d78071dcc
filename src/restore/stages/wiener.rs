//! Second stage: the Wiener estimate `x_w` of every channel.

use std::sync::Arc;

use super::super::fft2d::Filter;
use super::super::{RestoreError, Stage};
use super::filtering::{Filtering, columns};
use super::with_workspace;
use crate::frame::{Channel, Effort, Frame};

/// `x_w = H+_R y`.
pub(crate) struct Wiener {
    filtering: Arc<Filtering>,
    filter: Filter,
}

impl Wiener {
    pub(crate) fn new(filtering: Arc<Filtering>, filter: Filter) -> Self {
        Self { filtering, filter }
    }
}

impl Stage for Wiener {
    fn name(&self) -> &str {
        "wiener"
    }

    fn choice(&self) -> Option<String> {
        Some(columns(&self.filter))
    }

    fn least_effort(&self) -> Effort {
        Effort::Wiener
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        with_workspace(frame, |work| {
            for Channel { y, x_w, .. } in &mut work.channels {
                let load = |at: usize, row: &mut [f32]| row.copy_from_slice(y.row(at));
                let begun = self.filtering.begin(&self.filter, &load);
                begun.finish(x_w, &|_, samples, row| row.copy_from_slice(samples));
            }
            Ok(())
        })
    }
}
