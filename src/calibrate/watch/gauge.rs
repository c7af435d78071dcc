//! How wide the blur of a frame is, against the reference.
//!
//! The width scale s is the one under which Whittle's likelihood of the frame's spectrum is greatest, for
//! the OTF `H(s f)` of the calibrated PSF. Scenes are no exact power laws, and the width found from
//! one is off by some per cent, always the same for one scene: so the power expected is multiplied by what
//! the reference of the scene had over its own power law, and the scene's own bias falls away.

use super::reference::{Reference, Row};
use crate::calibrate::blind::light::{Look, Reader};
use crate::calibrate::blind::periodogram::{Bins, Periodogram};
use crate::calibrate::blind::refine::squared;
use crate::calibrate::blind::scene::Scene;
use crate::calibrate::blind::simplex::minimise;
use crate::calibrate::blind::whittle::{Evidence, Exponent};
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

/// Relative deviation from every reference beyond which a scene is none of theirs: in other light it is
/// up to 0.06, of another scene 0.14 and more.
const MOST_UNLIKE: f64 = 0.11;

/// The most that a scene may have over its power law and that is believed.
const MOST_EXCESS: f64 = 4.0;

/// Deviation of the exponent of a scene from one time of the day to another.
const SAME: f64 = 0.1;

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
    /// of a scene that was not seen when the camera was calibrated
    Unlike,
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
    /// Its exponent.
    exponent: Exponent,
}

/// How a frame fits a scene of the reference.
struct Fit {
    ln_scale: f64,
    cost: f64,
    misfit: f64,
}

impl Gauge {
    /// Of the camera that has this PSF and transfer curve.
    pub fn new(psf: &Psf, transfer: Transfer, reference: &Reference) -> Self {
        let bins = reference.bins.clone();
        let scale = |step: i32| (f64::from(step) * STEP).exp();
        let scales: Vec<Vec<f64>> =
            (-LAST..=LAST).map(|step| squared(&bins, psf, scale(step))).collect();
        let mut gauge =
            Self { reader: Reader::new(transfer), bins, rows: Vec::new(), scales, before: None };
        let rows = reference.rows.iter().map(|row| gauge.expected(row)).collect();
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
        self.scale(&scene, executor)
    }

    /// The same of a scene that was looked at already.
    ///
    /// # Errors
    /// Where it does not tell.
    pub fn scale(&self, scene: &Scene, executor: &dyn Executor) -> Result<f64, Unfit> {
        let spectrum =
            Periodogram::mean(&self.bins.tiles_of(scene, executor)).ok_or(Unfit::Moving)?;
        let noise = scene.sigma().powi(2).max(1e-9);
        let evidence = Evidence::new(&self.bins, vec![(spectrum.clone(), noise)]);
        if evidence.lit_share(&self.at(0.0)) < LEAST_LIT {
            return Err(Unfit::Faint);
        }
        let fits = self.rows.iter().map(|row| self.fit(&spectrum, noise, row, executor));
        let best = fits.min_by(|a, b| a.cost.total_cmp(&b.cost)).ok_or(Unfit::Unlike)?;
        if best.misfit > MOST_UNLIKE { Err(Unfit::Unlike) } else { Ok(best.ln_scale) }
    }

    /// The scale of the greatest likelihood if the scene is that of a row.
    fn fit(
        &self,
        spectrum: &Periodogram,
        noise: f64,
        row: &Expected,
        executor: &dyn Executor,
    ) -> Fit {
        let evidence = Evidence::of(&self.bins, vec![(spectrum.clone(), noise)], row.exponent);
        let expected = |ln_scale: f64| -> Vec<f64> {
            let squared = self.at(ln_scale);
            squared.iter().zip(&row.excess).map(|(square, excess)| square * excess).collect()
        };
        let cost = |at: &[f64; 3]| evidence.of_all(&expected(at[0]), executor);
        let (at, cost) = minimise(1, [0.0; 3], 0.04, 2e-4, cost);
        let widest = STEP * f64::from(LAST);
        let misfit = evidence.misfit(&expected(at[0]));
        Fit { ln_scale: at[0].clamp(-widest, widest), cost, misfit }
    }

    /// What a scene of the reference leads to expect.
    fn expected(&self, row: &Row) -> Expected {
        let spectrum = Periodogram { power: row.power.clone(), tiles: 9.0 };
        let evidence = Evidence::new(&self.bins, vec![(spectrum, row.noise)]);
        let (usual, excess) = evidence.excess(&self.at(0.0), MOST_EXCESS);
        Expected { excess, exponent: Exponent { usual, deviation: SAME } }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::watch::verdict::{Standing, Watch};
    use crate::executor::Sequential;
    use crate::frame::{Extent, Plane};
    use crate::testing::{Camera, mosaic, random_plane};

    fn psf(formula: &str) -> Psf {
        Psf::from_formula(formula).expect("a formula").expect("a PSF")
    }

    /// The gauge of a camera that was calibrated at a scene as `was`.
    fn gauge(was: &str, scene: &Plane<f32>) -> Gauge {
        let camera = Camera { psf: psf(was), sigma: 2.0 };
        let scenes = [Scene::of(camera.light(scene, 1), camera.deviation())];
        let reference = Reference::new(&scenes, &Sequential).expect("a reference");
        let plane = reference.to_plane().expect("a scene");
        let read = Reference::from_plane(&plane).expect("what was written");
        Gauge::new(&psf(was), Transfer::None, &read)
    }

    const EXTENT: Extent = Extent::new(320, 192);

    #[test]
    fn a_disk_five_per_cent_wider_is_found_by_day_and_night() {
        let scene = mosaic(EXTENT, 3);
        let mut gauge = gauge("disk:3", &scene);
        let mut watch = Watch::default();
        let mut found = None;
        // A frame in five minutes; the blur changes after two hours.
        for minute in (0..300).step_by(5) {
            let (light, sigma) = if minute % 100 < 50 { (1.0, 2.0) } else { (0.4, 3.0) };
            let radius = if minute < 120 { "disk:3" } else { "disk:3.15" };
            let camera = Camera { psf: psf(radius), sigma };
            let frame = camera.frame(&dimmed(&scene, light), 100 + minute);
            let figure = gauge.look(&frame, &Sequential).ok();
            if let Some(standing) = watch.take(60.0 * minute as f64, figure) {
                assert!(minute >= 120, "{standing:?} before anything changed, in minute {minute}");
                found = Some(standing);
            }
        }
        assert_eq!(found, Some(Standing::Stale), "the last median was {:?}", watch.scale());
    }

    fn dimmed(scene: &Plane<f32>, light: f32) -> Plane<f32> {
        let mut dimmed = scene.clone();
        dimmed.samples_mut().iter_mut().for_each(|sample| *sample *= light);
        dimmed
    }

    #[track_caller]
    fn check_unfit(pictures: &[Picture], expected: Unfit) {
        let mut gauge = gauge("disk:3", &mosaic(EXTENT, 3));
        let looks: Vec<_> = pictures.iter().map(|p| gauge.look(p, &Sequential)).collect();
        assert_eq!(looks.last(), Some(&Err(expected)));
    }

    #[test]
    fn frames_that_do_not_tell_are_passed_over() {
        let camera = Camera { psf: psf("disk:3"), sigma: 2.0 };
        let seen = |scene: &Plane<f32>| camera.frame(scene, 5);
        let (scene, other) = (mosaic(EXTENT, 3), mosaic(EXTENT, 4));
        check_unfit(&[seen(&dimmed(&scene, 0.0))], Unfit::Exposure);
        check_unfit(&[seen(&dimmed(&scene, 1.6))], Unfit::Clipped);
        check_unfit(&[seen(&scene)], Unfit::Moving);
        check_unfit(&[seen(&other), seen(&scene)], Unfit::Moving);
        check_unfit(
            &[seen(&Plane::new(EXTENT, 0.5)), seen(&Plane::new(EXTENT, 0.5))],
            Unfit::Faint,
        );
        // As strong at all frequencies: no scene of squares is.
        let mut grain = random_plane(EXTENT, 9);
        grain.samples_mut().iter_mut().for_each(|sample| *sample += 0.5);
        check_unfit(&[seen(&grain), seen(&grain)], Unfit::Unlike);
        check_unfit(&[seen(&mosaic(Extent::new(256, 192), 3)), seen(&scene)], Unfit::Extent);
    }
}
