//! What lies beyond the edges of a frame, and the extent of the planes it is restored on.
//!
//! The transforms see a plane whose left edge continues its right edge. A real frame goes on there
//! in a way that nobody knows, so it is set into a larger plane with a margin on all sides.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::fft::good_size;
use crate::frame::Extent;

/// What lies beyond the edges of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Edges {
    /// Something unknown, as with every real camera: a margin leads smoothly from each edge to the
    /// opposite one. A simulated camera cuts off what the blur would bring in from there.
    #[default]
    #[serde(alias = "extend", alias = "valid")]
    #[value(alias = "extend", alias = "valid")]
    Open,
    /// The opposite edge, as in simulations only.
    Circular,
}

/// Where a frame lies in the planes it is restored on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// What lies beyond the edges of the frame.
    pub edges: Edges,
    /// Extent of the frame.
    pub inner: Extent,
    /// Extent of the planes.
    pub outer: Extent,
}

impl Framing {
    /// Room for frames of `inner` and what a PSF of extent `psf` reaches beyond their edges.
    pub fn plan(edges: Edges, inner: Extent, psf: Extent) -> Self {
        let outer = match edges {
            Edges::Circular => inner,
            Edges::Open => Extent {
                width: good_size(inner.width + 2 * psf.width),
                height: good_size(inner.height + 2 * psf.height),
            },
        };
        Self { edges, inner, outer }
    }

    /// Column and row at which the frame begins. The margin is divided evenly to both sides, so
    /// that what looks at neighbourhoods sees all edges alike.
    pub fn offset(&self) -> (usize, usize) {
        ((self.outer.width - self.inner.width) / 2, (self.outer.height - self.inner.height) / 2)
    }
}
