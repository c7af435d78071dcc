//! How wide the blur of a frame is, against the reference.
//!
//! The width scale s is the one under which Whittle's likelihood of the frame's spectrum is greatest, for
//! the OTF `H(s f)` of the calibrated PSF. Scenes are no exact power laws, and the width found from
//! one is off by some per cent, always the same for one scene: so the power expected is multiplied by what
//! the reference of the scene had over its own power law, and the scene's own bias falls away.

use super::reference::{Reference, Row};
use crate::calibrate::blind::light::{Look, Reader};
use crate::calibrate::blind::periodogram::{Bins, Periodogram};
use crate::calibrate::blind::refine::magnitude;
use crate::calibrate::blind::scene::Scene;
use crate::calibrate::blind::simplex::minimise;
use crate::calibrate::blind::whittle::Evidence;
use crate::executor::Executor;
use crate::frame::{Picture, Plane};
use crate::optics::{Psf, Transfer};

/// Scales of the table: `exp(step * STEP)`, up to `LAST` on either side.
const STEP: f64 = 0.02;
const LAST: i32 = 20;

/// Mean light between which a frame is looked at.
const LIT: (f64, f64) = (0.02, 0.9);

/// The greatest share of clipped cells, and of moving ones.
const MOST_CLIPPED: f64 = 0.05;
const MOST_MOVING: f64 = 0.10;

/// The least share of bins in which light is stronger than noise.
const LEAST_LIT: f64 = 0.06;

/// The most that a scene may have over its power law and that is believed.
const MOST_EXCESS: f64 = 4.0;

/// Why a frame cannot be gauged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, displaydoc::Display)]
pub enum Unfit {
    /// too dark or too bright
    Exposure,
    /// too much of it is clipped
    Clipped,
    /// too much moves
    Moving,
    /// too little detail above the noise
    Faint,
    /// of another extent than the one before
    Extent,
}

/// Gauges frames of one camera.
#[derive(Debug)]
pub struct Gauge {
    reader: Reader,
    bins: Bins,
    rows: Vec<Expected>,
    /// Squared OTF in each bin for each scale of the table.
    scales: Vec<Vec<f64>>,
    /// Cells of the frame before: what moves.
    before: Option<Plane<f32>>,
}

/// What a scene of the reference leads to expect.
#[derive(Debug)]
struct Expected {
    /// Power over the power law, in each bin.
    excess: Vec<f64>,
    /// The scale that the reference itself gives.
    ln_scale: f64,
}

impl Gauge {
    /// Of the camera that has this PSF and transfer curve.
    pub fn new(
        psf: &Psf,
        transfer: Transfer,
        reference: &Reference,
        executor: &dyn Executor,
    ) -> Self {
        let bins = reference.bins.clone();
        let scale = |step: i32| (f64::from(step) * STEP).exp();
        let scales: Vec<Vec<f64>> =
            (-LAST..=LAST).map(|step| squared(&bins, psf, scale(step))).collect();
        let mut gauge =
            Self { reader: Reader::new(transfer), bins, rows: Vec::new(), scales, before: None };
        let rows = reference.rows.iter().map(|row| gauge.expected(row, executor)).collect();
        gauge.rows = rows;
        gauge
    }

    /// Natural logarithm of how much wider the blur of a frame is than it was.
    ///
    /// # Errors
    /// Where the frame does not tell. The first frame never does: what moves shows in two.
    pub fn look(&mut self, picture: &Picture, executor: &dyn Executor) -> Result<f64, Unfit> {
        let look = self.reader.look(picture);
        let before = self.before.replace(look.cells.clone());
        let light = f64::from(look.light.mean());
        if !(LIT.0..=LIT.1).contains(&light) {
            return Err(Unfit::Exposure);
        }
        if look.clipped_share() > MOST_CLIPPED {
            return Err(Unfit::Clipped);
        }
        let before = before.ok_or(Unfit::Moving)?;
        let scene = still(look, &before)?;
        self.scale(&scene, executor).ok_or(Unfit::Faint)
    }

    /// The same of a scene that was looked at already.
    pub fn scale(&self, scene: &Scene, executor: &dyn Executor) -> Option<f64> {
        let spectrum = Periodogram::mean(&self.bins.tiles_of(scene, executor))?;
        let evidence = Evidence::new(&self.bins, vec![(spectrum, scene.sigma().powi(2).max(1e-9))]);
        if evidence.lit_share(&self.at(0.0)) < LEAST_LIT {
            return None;
        }
        let fits = self.rows.iter().map(|row| {
            let (ln_scale, cost) = self.fit(&evidence, &row.excess, executor);
            (ln_scale - row.ln_scale, cost)
        });
        fits.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(ln_scale, _)| ln_scale)
    }

    /// The scale of the greatest likelihood, and the likelihood.
    fn fit(&self, evidence: &Evidence, excess: &[f64], executor: &dyn Executor) -> (f64, f64) {
        let cost = |ln_scale: f64| {
            let squared: Vec<f64> = self
                .at(ln_scale)
                .iter()
                .zip(excess)
                .map(|(square, excess)| square * excess)
                .collect();
            evidence.of_all(&squared, executor)
        };
        let (at, cost) = minimise(1, [0.0; 3], 0.04, 5e-4, |at| cost(at[0]));
        (at[0], cost)
    }

    /// What a scene of the reference has over its power law, where it is light that was seen.
    fn expected(&self, row: &Row, executor: &dyn Executor) -> Expected {
        let spectrum = Periodogram { power: row.power.clone(), tiles: 9.0 };
        let evidence = Evidence::new(&self.bins, vec![(spectrum, row.noise)]);
        let squared = self.at(0.0);
        let excess = evidence.excess(&squared, MOST_EXCESS);
        let (ln_scale, _) = self.fit(&evidence, &excess, executor);
        Expected { excess, ln_scale }
    }

    /// The squared OTF at a scale, between those of the table.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the table")]
    fn at(&self, ln_scale: f64) -> Vec<f64> {
        let last = self.scales.len() - 1;
        let place = (ln_scale / STEP + f64::from(LAST)).clamp(0.0, last as f64);
        let (low, part) =
            ((place as usize).min(last - 1), place - (place as usize).min(last - 1) as f64);
        let pairs = self.scales[low].iter().zip(&self.scales[low + 1]);
        pairs.map(|(a, b)| a + (b - a) * part).collect()
    }
}

/// The scene of a frame without what moved since the one before.
fn still(look: Look, before: &Plane<f32>) -> Result<Scene, Unfit> {
    if before.extent() != look.cells.extent() {
        return Err(Unfit::Extent);
    }
    let mut moving = 0;
    let pairs = look.cells.samples().iter().zip(before.samples()).zip(look.clipped.samples());
    let usable: Vec<bool> = pairs
        .map(|((now, was), clipped)| {
            let moved = (now - was).abs() > 0.02 + 0.1 * was.abs();
            moving += usize::from(moved);
            !moved && !clipped
        })
        .collect();
    if moving as f64 > MOST_MOVING * usable.len() as f64 {
        return Err(Unfit::Moving);
    }
    let extent = look.cells.extent();
    let usable = Plane::from_samples(extent, usable).ok_or(Unfit::Extent)?;
    Ok(Scene { light: look.light, usable, sigma: look.sigma })
}

/// The squared OTF of a PSF, `scale` times as wide, in each bin.
fn squared(bins: &Bins, psf: &Psf, scale: f64) -> Vec<f64> {
    let magnitude = magnitude(psf);
    bins.squared(|u, v| magnitude(scale * u, scale * v))
}
