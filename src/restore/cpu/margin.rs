//! At the end of decoding: what is put around a frame before it is transformed.

use std::sync::Arc;

use super::borders::Settling;
use super::extension::Extension;
use crate::executor::Executor;
use crate::frame::Plane;
use crate::plan::{Borders, Framing};

/// Fills margins.
#[derive(Debug)]
pub(crate) enum Margin {
    /// They lead smoothly from edge to edge.
    Smooth(Box<Extension>, Arc<dyn Executor>),
    /// They are likely ones.
    Likely(Box<Settling>),
}

impl Margin {
    /// Plans margins as `borders` says, else smooth ones.
    pub(crate) fn plan(
        framing: Framing,
        borders: Option<Borders>,
        executor: &Arc<dyn Executor>,
    ) -> Self {
        let own = Arc::clone(executor);
        match borders {
            Some(borders) => Self::Likely(Box::new(Settling::new(borders, framing, own))),
            None => Self::Smooth(Box::new(Extension::plan(framing, executor.threads())), own),
        }
    }

    /// Fills the margin of `y`, in which the frame lies already, without its mean.
    pub(crate) fn fill(&mut self, y: &mut Plane<f32>) {
        match self {
            Self::Smooth(extension, executor) => extension.apply(&**executor, y),
            Self::Likely(settling) => settling.run(y),
        }
    }
}
