//! The effective level of one frame.

use std::fmt;

use super::bands::Bands;
use super::rivals::{Rivals, Verdict};
use super::window::{TILE, Window};
use crate::calibrate::noise::estimate_sigma;
use crate::frame::colour::{Scale, luma};
use crate::frame::{Extent, Picture, Plane};
use crate::optics::{Contrast, GrayLevels, Light, Psf, Transfer};

/// Difference of neighbouring tiles below which a picture is fainter than an ordinary one: of 24
/// photographs the faintest has 0.047, in linear light 0.038.
const ORDINARY: f64 = 0.036;

/// Share of the tiles with the greatest residues that are left out: lamps, edges of what moved.
const LEFT_OUT: f64 = 0.1;

/// Tiles that are needed.
const TILES_LEAST: usize = 4;

/// Deviation of the error of rounding to steps of 1.
const ROUNDING: f64 = 0.288_675_134_595;

/// The least level of coarsely coded pictures in gray levels, and how many times the coder's own noise it
/// is of finely coded ones: of the finest frequencies more is lost than the lowest tell.
const CODED_LEAST: f64 = 2.0;
const CODED_TIMES: f64 = 2.5;

/// What lies beyond the edges is guessed, and the guess is wrong by more the longer the blur: the level
/// that restores best grows with the square of its width, in samples, and is less where the edges are a
/// smaller part of the frame. Measured by the Wiener filter on photographs of 480x320 at a noise of 0.5: 0.8
/// for 9 samples of motion (a width of 2.6), 2 for 15 (4.3), more than 4.5 for 31 (8.9).
const BEYOND_EDGES: f64 = 0.11;
const BEYOND_EDGES_SIDE: f64 = 400.0;
const BEYOND_EDGES_MOST: f64 = 5.0;

/// The least level, in gray levels of ordinary pictures, where the PSF has a rival. Of one told 1.2 times too
/// wide or of the other family, at a noise of 2.55, the Wiener filter makes 0.3 to 0.5 dB more by 5 than by
/// 2.55, and the worst of 18 frames is no longer below what it was.
const RIVALLED: f64 = 5.0;

/// How many times as much noise as was told, and how many gray levels of ordinary pictures besides, a frame must
/// show to be believed rather than who told it: looks are within a third of the truth, and of next to no noise
/// they see what is left of the picture.
const CONTRADICTED: (f64, f64) = (1.5, 1.0);

/// From this ratio on, what coarser bands say is another matter than the grain.
const DISAGREEMENT: f64 = 1.4;

/// What a restoration is told of the frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Deviation of the noise, effectively.
    pub sigma: GrayLevels,
    /// The same as far as the frame shows it, whatever is reckoned with besides; 0 where it is too small, or
    /// too full of light beyond white, for that to overrule anybody.
    pub shown: GrayLevels,
    /// How much fainter than ordinary pictures the frames are.
    pub contrast: Contrast,
    /// What the deviation was told by.
    pub basis: Basis,
    /// How many times as strong as the finest what is left at some coarser scale is, at least 1: much, where
    /// the PSF does not fit the frame.
    pub disagreement: f64,
    /// What it says of the PSF.
    pub verdict: Verdict,
}

impl Level {
    /// The level to restore by: of the deviation that is `given`, where it is and the frame does not show
    /// half as much again and a gray level, and of 5 gray levels of ordinary pictures at least where the PSF has a rival.
    #[must_use]
    pub fn by(self, given: Option<GrayLevels>) -> Self {
        let (times, more) = CONTRADICTED;
        let (told, basis) = match given {
            Some(given) if self.shown.get() > times * given.get() + more * self.contrast.get() => {
                (self.shown, Basis::Shown)
            }
            Some(given) => (given, self.basis),
            None => (self.sigma, self.basis),
        };
        let least = if self.verdict.is_rival() { RIVALLED * self.contrast.get() } else { 0.0 };
        let basis = if least > told.get() { Basis::Rival } else { basis };
        // What nobody gave is as it shows.
        let shown = if given.is_none() { self.sigma } else { self.shown };
        Self { sigma: GrayLevels::saturating(told.get().max(least)), shown, basis, ..self }
    }
}

/// What a level was told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// All scales agree: it is the sensor's own.
    Grain,
    /// A coder says how coarsely it rounded.
    Coding,
    /// The scales disagree: a coder, scaler or denoiser was there, or the PSF is not quite right.
    Scales,
    /// Samples have no finer steps.
    Rounding,
    /// Nobody but who gave it: the frame is cut off at black.
    Given,
    /// Frames show more than was told.
    Shown,
    /// Another blur than the PSF explains the frame better.
    Rival,
    /// So long a blur brings in much from beyond the edges, which nobody knows.
    Edges,
}

/// Why a frame tells no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, displaydoc::Display)]
pub enum Unfit {
    /// it is flat
    Flat,
    /// it is clipped
    Clipped,
}

/// Tells levels from frames of one extent, of one camera.
#[derive(Debug)]
pub struct LevelGauge {
    psf: Psf,
    transfer: Transfer,
    /// Width of the PSF where it is widest, where nobody knows what lies beyond the edges.
    reach: Option<f64>,
    /// For the extent seen last.
    bands: Option<(Extent, Bands)>,
    /// None where the PSF is to be believed.
    rivals: Option<Rivals>,
    /// Whether frames may show more noise than is told.
    contradicts: bool,
}

impl LevelGauge {
    /// Of the camera that has this PSF and transfer curve.
    pub fn new(psf: &Psf, transfer: Transfer) -> Self {
        Self {
            psf: psf.clone(),
            transfer,
            reach: None,
            bands: None,
            rivals: Some(Rivals::new(psf)),
            contradicts: true,
        }
    }

    /// The same, where nobody knows what lies beyond the edges of the frames.
    #[must_use]
    pub fn with_open_edges(self) -> Self {
        Self { reach: Some(self.psf.shape().along), ..self }
    }

    /// The same, where the PSF is believed whatever frames say.
    #[must_use]
    pub fn believing(self) -> Self {
        Self { rivals: None, ..self }
    }

    /// The same, where the noise that is told is believed, too.
    #[must_use]
    pub fn believing_all(self) -> Self {
        Self { contradicts: false, ..self.believing() }
    }

    /// The level of a frame.
    ///
    /// # Errors
    /// Where it does not tell.
    pub fn look(&mut self, picture: &Picture) -> Result<Level, Unfit> {
        let extent = Window::extent(picture.extent());
        let reach = self.psf.extent();
        if extent.width < (2 * TILE).max(reach.width)
            || extent.height < (2 * TILE).max(reach.height)
        {
            let grain = estimate_sigma(&luma(picture));
            return Ok(Level {
                sigma: grain,
                shown: GrayLevels::NONE,
                contrast: Contrast::USUAL,
                basis: Basis::Grain,
                disagreement: 1.0,
                verdict: Verdict::Untold,
            });
        }
        let window = Window::of(picture, self.transfer);
        if window.tiles.len() < TILES_LEAST {
            return Err(if window.clipped > 0.5 { Unfit::Clipped } else { Unfit::Flat });
        }
        let contrast = Contrast::saturating(window.strength() / ORDINARY);
        let range = picture.format().range;
        let (faded, transfer) = (window.faded(), self.transfer);
        let residues = self.bands(extent).into_iter().flat_map(|bands| bands.residues(&faded));
        let of = |(left, gain): &(Plane<f32>, f64), tiles: &[_]| {
            Light(deviation(left, tiles) / gain).in_gray_levels(transfer, range)
        };
        let (told, calm): (Vec<GrayLevels>, Vec<GrayLevels>) = residues
            .map(|residue| (of(&residue, &window.tiles), of(&residue, &window.calm)))
            .unzip();
        let noise = estimate_sigma(&luma(picture)).in_light(transfer, range);
        let rivals = self.rivals.as_mut();
        let verdict = rivals.map_or(Verdict::Untold, |rivals| rivals.judge(&window, noise));
        let level = judge(picture, &told, window.step, contrast);
        let is_calm = window.calm.len() >= TILES_LEAST.max(window.tiles.len() / 2);
        let shown = if is_calm {
            judge(picture, &calm, window.step, contrast).sigma
        } else {
            GrayLevels::NONE
        };
        let shown = if self.contradicts { shown } else { GrayLevels::NONE };
        let level = Level { verdict, shown, ..level };
        let least = self.reach.map_or(0.0, |reach| beyond_edges(reach, picture.extent()));
        let least = GrayLevels::saturating(least * contrast.get());
        if level.sigma >= least {
            return Ok(level);
        }
        Ok(Level { sigma: least, basis: Basis::Edges, ..level })
    }

    /// The same where noise of this deviation is given, if it is: a dark frame that is cut off at black tells no noise,
    /// but how faint it is. Its contrast unknown, it would be restored as if it had next to no noise.
    ///
    /// # Errors
    /// Where it does not tell either.
    pub fn look_by(
        &mut self,
        picture: &Picture,
        given: Option<GrayLevels>,
    ) -> Result<Level, Unfit> {
        let look = self.look(picture);
        let Some(given) = given else { return look };
        look.or_else(|unfit| {
            let window = Window::of(picture, self.transfer);
            let strength = window.strength();
            let level = Level {
                sigma: given,
                shown: GrayLevels::NONE,
                contrast: Contrast::saturating(strength / ORDINARY),
                basis: Basis::Given,
                disagreement: 1.0,
                verdict: Verdict::Untold,
            };
            let is_dark = unfit == Unfit::Clipped && strength > 0.0 && !window.has_white;
            is_dark.then_some(level).ok_or(unfit)
        })
    }

    /// None where the PSF does not fit.
    fn bands(&mut self, extent: Extent) -> Option<&Bands> {
        if self.bands.as_ref().is_none_or(|(of, _)| *of != extent) {
            self.bands = Some((extent, Bands::plan(extent, &self.psf).ok()?));
        }
        self.bands.as_ref().map(|(_, bands)| bands)
    }
}

/// The least level for a blur of that width in frames of `extent`.
fn beyond_edges(width: f64, extent: Extent) -> f64 {
    let side = (extent.area() as f64).sqrt();
    let share = (BEYOND_EDGES_SIDE / side).sqrt();
    (BEYOND_EDGES * width * width * share).min(BEYOND_EDGES_MOST)
}

/// The level of a frame of which the bands, from coarse to fine, have `told`.
fn judge(picture: &Picture, told: &[GrayLevels], step: f64, contrast: Contrast) -> Level {
    let format = picture.format();
    let grain = told.last().copied().unwrap_or_else(|| estimate_sigma(&luma(picture))).get();
    let widest = told.iter().map(|level| level.get()).fold(grain, f64::max);
    let coding = f64::from(picture.coding_noise());
    let coded = grain.hypot(coding).max(CODED_LEAST.min(CODED_TIMES * coding));
    let span = f64::from(Scale::luma(8, format.range).span());
    let rounding = ROUNDING * step * span;
    let (sigma, basis) = if coding > 0.0 && coded >= widest {
        (coded, Basis::Coding)
    } else if rounding >= widest {
        (rounding, Basis::Rounding)
    } else if widest > DISAGREEMENT * grain {
        (widest, Basis::Scales)
    } else {
        (widest, Basis::Grain)
    };
    // Nothing is less than the error of rounding: of flat parts of coded pictures nothing is left.
    let disagreement = widest / grain.max(rounding);
    let (sigma, verdict) = (GrayLevels::saturating(sigma), Verdict::Untold);
    Level { sigma, shown: sigma, contrast, basis, disagreement, verdict }
}

/// Deviation of a residue over the tiles, without the greatest.
fn deviation(residue: &Plane<f32>, tiles: &[(usize, usize)]) -> f64 {
    let variance = |&(x, y): &(usize, usize)| {
        let inside = (y..y + TILE).flat_map(|y| &residue.row(y)[x..x + TILE]);
        inside.map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / (TILE * TILE) as f64
    };
    let mut variances: Vec<f64> = tiles.iter().map(variance).collect();
    variances.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of them")]
    let count = (variances.len() as f64 * (1.0 - LEFT_OUT)).ceil() as usize;
    (variances[..count].iter().sum::<f64>() / count.max(1) as f64).sqrt()
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sigma, contrast, basis, .. } = self;
        write!(out, "{sigma:.2} gray levels ({basis}")?;
        if contrast.get() < 1.0 {
            write!(out, "; {:.0} % of an ordinary picture's contrast", 100.0 * contrast.get())?;
        }
        write!(out, ")")
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Grain => "the same at all scales",
            Self::Coding => "by how the coder rounded",
            Self::Scales => "more at coarse scales: coded, scaled or denoised, or another PSF",
            Self::Rounding => "the step of the samples",
            Self::Given => "as it was given",
            Self::Shown => "what frames show, more than was told",
            Self::Rival => "the least for a PSF that has a rival",
            Self::Edges => "the least for so long a blur, of what lies beyond the edges",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PictureFormat;
    use crate::testing::{Camera, mosaic};

    const EXTENT: Extent = Extent::new(288, 216);

    fn psf(formula: &str) -> Psf {
        Psf::from_formula(formula).expect("a formula").expect("a PSF")
    }

    fn frame(formula: &str, sigma: f64) -> Picture {
        Camera { psf: psf(formula), sigma }.frame(&mosaic(EXTENT, 5), 7)
    }

    fn look(formula: &str, picture: &Picture) -> Result<Level, Unfit> {
        LevelGauge::new(&psf(formula), Transfer::None).look(picture)
    }

    /// The picture with every sample changed, in `depth` bits.
    fn changed(
        picture: &Picture,
        depth: u8,
        change: impl Fn(&Plane<u16>, usize, usize) -> u16,
    ) -> Picture {
        let mut other = Picture::new(PictureFormat { depth, ..picture.format() });
        let plane = &picture.planes()[0];
        let samples = Plane::from_fn(plane.extent(), |x, y| change(plane, x, y));
        other.planes_mut()[0].copy_window(&samples, 0, 0);
        other
    }

    /// Sees that the level of such a picture is nearly `expected`, and what tells it.
    #[track_caller]
    fn check(formula: &str, picture: &Picture, expected: f64, basis: Basis) {
        let level = look(formula, picture).expect("a level");
        let ratio = level.sigma.get() / expected;
        assert!((0.8..1.3).contains(&ratio), "{level}, not {expected}");
        assert_eq!(level.basis, basis, "{level}");
    }

    #[test]
    fn white_noise_is_what_it_is() {
        for formula in ["disk:3", "gaussian:1.6", "motion:15,0"] {
            for sigma in [1.0, 2.55, 7.65] {
                check(formula, &frame(formula, sigma), sigma, Basis::Grain);
            }
        }
    }

    /// The mean of three samples of a row, as a scaler or denoiser would take it: little is left of the
    /// finest noise, and most of the coarse.
    #[test]
    fn noise_of_which_the_finest_part_was_taken_away_is_still_noise() {
        let smooth = changed(&frame("disk:3", 3.0), 8, |plane, x, y| {
            let row = plane.row(y);
            let sum = row[x.saturating_sub(1)] + row[x] + row[(x + 1).min(row.len() - 1)];
            (sum + 1) / 3
        });
        let grain = estimate_sigma(&smooth).get();
        let level = look("disk:3", &smooth).expect("a level");
        assert!(level.sigma.get() > 1.5 * grain && level.sigma.get() > 1.4, "{level}, {grain}");
        assert_eq!(level.basis, Basis::Scales);
    }

    #[test]
    fn frames_that_show_more_noise_than_is_given_overrule_it() {
        let level = look("disk:3", &frame("disk:3", 2.0)).expect("a level");
        assert_eq!(level.by(GrayLevels::new(8.0)).sigma.get(), 8.0);
        let overruled = level.by(GrayLevels::new(0.5));
        assert_eq!((overruled.sigma, overruled.basis), (level.sigma, Basis::Shown));
        let clipped = changed(&frame("disk:3", 2.0), 8, |plane, x, y| {
            if (x / 16 + y / 16) % 4 == 0 { 255 } else { plane.row(y)[x] }
        });
        let level = look("disk:3", &clipped).expect("a level");
        assert_eq!(level.by(GrayLevels::new(0.5)).sigma.get(), 0.5);
    }

    #[test]
    fn a_noise_that_is_given_counts_unless_the_psf_has_a_rival() {
        let level = |told| look(told, &frame("disk:3", 2.0)).expect("a level");
        let given = GrayLevels::new(1.5);
        assert_eq!(level("disk:3").by(given).sigma.get(), 1.5);
        let least = level("disk:3.6").by(given);
        assert!(least.sigma.get() > 2.0 && least.basis == Basis::Rival, "{least}");
        let gauge = LevelGauge::new(&psf("disk:3.6"), Transfer::None);
        let level = gauge.believing_all().look(&frame("disk:3", 2.0)).expect("a level");
        assert_eq!((level.verdict, level.by(given).sigma.get()), (Verdict::Untold, 1.5));
    }

    #[test]
    fn a_wrong_psf_counts_as_noise() {
        let picture = frame("disk:3", 1.0);
        let [right, wrong] =
            ["disk:3", "disk:3.6"].map(|told| look(told, &picture).expect("a level"));
        assert!(wrong.sigma.get() > 1.5 * right.sigma.get(), "{wrong}, {right}");
    }

    #[test]
    fn coders_say_how_coarse_they_are() {
        let mut picture = frame("disk:3", 0.1);
        picture.set_coding_noise(3.5);
        check("disk:3", &picture, 3.5, Basis::Coding);
        picture.set_coding_noise(1.0);
        check("disk:3", &picture, CODED_LEAST, Basis::Coding);
    }

    /// Eight bits of a picture low in sixteen.
    #[test]
    fn a_faint_picture_is_a_faint_picture() {
        let whole = frame("disk:3", 2.0);
        let low = changed(&whole, 16, |plane, x, y| 8 * plane.row(y)[x]);
        let [whole, low] = [whole, low].map(|picture| look("disk:3", &picture).expect("a level"));
        let scale = 8.0 * 255.0 / 65535.0;
        assert!((low.sigma.get() / whole.sigma.get() / scale - 1.0).abs() < 0.05, "{low}, {whole}");
        assert_eq!(whole.contrast, Contrast::USUAL);
        assert!((0.01..0.2).contains(&low.contrast.get()), "{low}");
    }

    #[test]
    fn a_dark_picture_that_is_cut_off_is_a_faint_one() {
        let dark = changed(&frame("disk:3", 40.0), 8, |plane, x, y| {
            (plane.row(y)[x] / 8).saturating_sub(10)
        });
        let mut gauge = LevelGauge::new(&psf("disk:3"), Transfer::None);
        let given = GrayLevels::new(5.0);
        assert_eq!(gauge.look_by(&dark, None), Err(Unfit::Clipped));
        let level = gauge.look_by(&dark, given).expect("a level").by(given);
        assert_eq!((Some(level.sigma), level.basis), (given, Basis::Given));
        assert!(level.contrast.get() < 0.5, "{level}");
        let black = changed(&dark, 8, |_, _, _| 0);
        assert_eq!(gauge.look_by(&black, given), Err(Unfit::Clipped), "it has no contrast");
    }

    #[test]
    fn coarse_steps_are_noise_of_rounding() {
        let coarse = changed(&frame("disk:3", 0.1), 8, |plane, x, y| plane.row(y)[x] & 0xF0 | 8);
        let level = look("disk:3", &coarse).expect("a level");
        assert!(level.sigma.get() >= 16.0 * ROUNDING / 8.0, "{level}");
    }

    #[test]
    fn long_blurs_have_a_least_level_where_edges_are_open() {
        let picture = frame("motion:15,0", 0.3);
        let gauge = || LevelGauge::new(&psf("motion:15,0"), Transfer::None);
        let circular = gauge().look(&picture).expect("a level");
        let open = gauge().with_open_edges().look(&picture).expect("a level");
        assert!(circular.sigma.get() < 1.0, "{circular}");
        assert!((2.0..3.5).contains(&open.sigma.get()), "{open}");
        assert_eq!(open.basis, Basis::Edges);
    }

    #[test]
    fn frames_without_content_tell_nothing() {
        let flat = |value| changed(&frame("disk:3", 1.0), 8, |_, _, _| value);
        assert_eq!(look("disk:3", &flat(90)), Err(Unfit::Flat));
        assert_eq!(look("disk:3", &flat(0)), Err(Unfit::Clipped));
        assert_eq!(look("disk:3", &flat(255)), Err(Unfit::Clipped));
    }
}
