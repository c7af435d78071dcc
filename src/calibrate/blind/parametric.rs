//! The likeliest blur of a family, and how sure its width is.

use super::fit::{self, Fit};
use super::periodogram::{Bins, Periodogram};
use super::scene::Scene;
use super::shape::{Kind, Shape};
use super::whittle::Evidence;
use crate::executor::Executor;
use crate::frame::Extent;

/// Parts into which a single scene is cut, to see how much they differ.
const PARTS: usize = 4;

/// The likeliest blur, and the spectra that tell.
#[derive(Debug)]
pub(super) struct Parametric {
    pub(super) best: Fit,
    /// The likeliest shape of each family with its information criterion, the least first.
    pub(super) families: Vec<(Shape, f64)>,
    /// Relative deviation of the width.
    pub(super) spread: f64,
    /// Root mean square relative deviation of the spectra from those expected.
    pub(super) misfit: f64,
    /// Share of the spectrum in which light is stronger than noise.
    pub(super) lit_share: f64,
}

/// Spectra of scenes, each with the power of its noise.
pub(super) type Spectra = Vec<(Periodogram, f64)>;

/// The spectra of the tiles of each scene that has some.
pub(super) fn tiles(bins: &Bins, scenes: &[Scene], executor: &dyn Executor) -> Vec<Spectra> {
    let of = |scene: &Scene| -> Spectra {
        let noise = scene.sigma().powi(2).max(LEAST_NOISE);
        bins.tiles_of(scene, executor).into_iter().map(|tile| (tile, noise)).collect()
    };
    scenes.iter().map(of).filter(|tiles| !tiles.is_empty()).collect()
}

/// Power of noise below which there is none to speak of: of a hundredth of a gray level.
const LEAST_NOISE: f64 = 1e-9;

/// The mean spectrum of each group of tiles.
pub(super) fn means<'a>(groups: impl IntoIterator<Item = &'a [(Periodogram, f64)]>) -> Spectra {
    let mean = |group: &[(Periodogram, f64)]| {
        Some((Periodogram::mean(group.iter().map(|(tile, _)| tile))?, group.first()?.1))
    };
    groups.into_iter().filter_map(mean).collect()
}

impl Parametric {
    /// Of scenes' tiles, among `kinds`; `None` without a tile.
    pub(super) fn of(
        bins: &Bins,
        tiles: &[Spectra],
        kinds: &[Kind],
        executor: &dyn Executor,
    ) -> Option<Self> {
        let evidence = Evidence::new(bins, means(tiles.iter().map(Vec::as_slice)));
        let families = fit::families(&evidence, kinds, executor);
        let best = families.first()?.clone();
        let parts = match tiles {
            [one] => means(one.chunks(one.len().div_ceil(PARTS))),
            many => means(many.iter().map(Vec::as_slice)),
        };
        let chance = fit::spread(bins, &parts, &best, executor);
        let bias = bias(&best.shape()) / (tiles.len() as f64).sqrt();
        Some(Self {
            misfit: evidence.misfit(&fit::squared(&evidence, &best.shape())),
            spread: chance.hypot(bias),
            lit_share: evidence.lit_share(&fit::squared(&evidence, &best.shape())),
            families: families.iter().map(|fit| (fit.shape(), fit.criterion)).collect(),
            best,
        })
    }
}

/// By how much one scene misleads about a width, whatever its parts agree on: measured over 24 scenes.
/// The rings of a disk cannot be mistaken, the slope of a Gaussian can.
fn bias(shape: &Shape) -> f64 {
    match shape {
        Shape::Disk { radius, spread } if spread < radius => 0.02,
        Shape::Motion { .. } => 0.05,
        Shape::Delta | Shape::Disk { .. } | Shape::Gaussian { .. } => 0.08,
    }
}

/// Two halves of what was seen: every other scene, or the halves of one scene.
pub(super) fn halves(scenes: &[Scene]) -> [Vec<Scene>; 2] {
    match scenes {
        [one] => {
            let Extent { width, height } = one.extent();
            let (half, beside) = if width >= height {
                (Extent::new(width / 2, height), (width - width / 2, 0))
            } else {
                (Extent::new(width, height / 2), (0, height - height / 2))
            };
            [vec![one.cut((0, 0), half)], vec![one.cut(beside, half)]]
        }
        many => {
            let every_other = |from| many.iter().skip(from).step_by(2).cloned().collect();
            [every_other(0), every_other(1)]
        }
    }
}
