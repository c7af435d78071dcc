//! What whole rows or columns have in common that no scene gave them: stripes of the sensor's amplifiers.
//!
//! The means of the rows make a profile. In it noise that is independent from sample to sample has the
//! power `sigma^2 / width`, a row's own offset its `s^2`, and the scene what it has on the axis of its
//! spectrum. Where the blur leaves next to nothing of the scene, the median of the powers tells `s^2`; then
//!
//! ```text
//! offsets = gain profile,   gain(v) = s^2 / (s^2 + (sigma^2 + A |H(0, v)|^2 S(0, v)) / width)
//! ```
//!
//! is their least-squares estimate (Wiener's, in one dimension). `A` is above 1 as scenes have more on the
//! axis than elsewhere: horizons, walls, lines of text. Slow stripes cannot be told from a scene and are
//! left; the blur takes them as it takes a scene, so that they are not amplified. Columns likewise.
//!
//! A shelf or a screen has edges as long as the frame, which no average scene has: few, and each strong enough
//! to pass for stripes in the spectrum. Stripes are in most rows. So there are no more of them than
//! the median of the second differences `(p_i-1 - 2 p_i + p_i+1) / sqrt 6` of the profile tells, whose square
//! has the mean `s^2 + sigma^2 / width` without a scene.

use super::edges::{Edges, Framing};
use crate::frame::Extent;
use crate::optics::{Blur, Contrast, Light, natural_power};

/// How stripes are told.
#[derive(Debug, Clone)]
pub struct Stripes {
    /// Those along rows.
    pub rows: Profile,
    /// Those along columns.
    pub columns: Profile,
}

/// What is expected of the means of rows, or of columns.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Power of a coefficient that independent noise leaves.
    white: f32,
    /// Power of each coefficient that scenes leave.
    scene: Vec<f32>,
    /// Coefficients in which stripes are told; none where the blur leaves scenes in all of them.
    quiet: Vec<usize>,
}

impl Stripes {
    /// Less noise than this is not believed: what eight bits round away, and some.
    const FLOOR: Light = Light(0.4 / 255.0);

    /// How stripes are told in frames under a blur, a noise and a contrast; nothing in frames that are too
    /// small for it, and in periodic ones, which no sensor gives: they do not go on as in a mirror.
    pub fn plan(blur: &Blur, noise: Light, contrast: Contrast, framing: Framing) -> Option<Self> {
        if framing.edges == Edges::Circular {
            return None;
        }
        let Extent { width, height } = framing.inner;
        let psf = blur.central().samples();
        let down: Vec<f64> = psf.rows().map(|row| row.iter().sum()).collect();
        let across: Vec<f64> =
            (0..psf.extent().width).map(|x| psf.rows().map(|row| row[x]).sum()).collect();
        let noise = Light(noise.0.max(Self::FLOOR.0));
        let rows = Profile::plan(&down, noise, contrast, (height, width))?;
        let columns = Profile::plan(&across, noise, contrast, (width, height))?;
        Some(Self { rows, columns })
    }
}

impl Profile {
    /// Fewer means tell nothing.
    const FEWEST: usize = 64;
    /// `A`
    const AXIS: f64 = 5.0;
    /// Of the frequencies up to half a cycle a sample, stripes are told in those from here on.
    const FINE: f64 = 0.25;
    /// Median of the square of a normal variable of variance 1.
    const MEDIAN: f32 = 0.4549;
    /// Stripes of less power than so many times that of the independent noise are none.
    const EVIDENCE: f32 = 12.0;
    /// Where scenes leave so many times as much as the independent noise in the median of the quiet
    /// coefficients, lines of text and edges of screens are not told from stripes.
    const LOUD: f32 = 4.0;

    /// Of `length` means of `count` samples each, behind a PSF with these sums across them.
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    fn plan(
        psf: &[f64],
        Light(noise): Light,
        contrast: Contrast,
        (length, count): (usize, usize),
    ) -> Option<Self> {
        if length < Self::FEWEST || count < Self::FEWEST {
            return None;
        }
        let amplitude = Self::AXIS * contrast.get().powi(2) / count as f64;
        let line = Extent::new(1, 2 * length);
        let scene: Vec<f32> = (0..=length)
            .map(|k| {
                let passed = squared_otf(psf, k as f64 / (2 * length) as f64);
                (amplitude * passed * natural_power(line, k)) as f32
            })
            .collect();
        let white = (noise * noise / count as f64) as f32;
        let fine = (2.0 * Self::FINE * length as f64) as usize;
        let mut quiet: Vec<usize> = (fine..length).collect();
        quiet.sort_by(|a, b| scene[*a].total_cmp(&scene[*b]));
        let silent = quiet.partition_point(|k| scene[*k] < 0.5 * white);
        quiet.truncate(silent.max(length / 8));
        if scene[quiet[quiet.len() / 2]] > Self::LOUD * white {
            quiet.clear();
        }
        Some(Self { white, scene, quiet })
    }

    /// The power of the stripes, 0 where there are none, told by the means and the powers of their
    /// coefficients; `room` is overwritten.
    pub fn stripes(&self, means: &[f32], powers: &[f32], room: &mut Vec<f32>) -> f32 {
        if self.quiet.is_empty() {
            return 0.0;
        }
        let most = rough(means, room) - self.white;
        if most < Self::EVIDENCE * self.white {
            return 0.0;
        }
        room.clear();
        room.extend(self.quiet.iter().map(|k| powers[*k] - Self::MEDIAN * self.scene[*k]));
        let stripes = (median(room) / Self::MEDIAN - self.white).min(most);
        if stripes < Self::EVIDENCE * self.white { 0.0 } else { stripes }
    }

    /// What of each coefficient is stripes of that power.
    pub fn gains(&self, stripes: f32) -> impl Iterator<Item = f32> {
        // The mean of all is the scene's.
        let gain = move |scene: &f32| stripes / (stripes + self.white + scene);
        std::iter::once(0.0).chain(self.scene[1..].iter().map(gain))
    }
}

/// The power of neighbours' differences that most of the means have; `room` is overwritten.
fn rough(means: &[f32], room: &mut Vec<f32>) -> f32 {
    room.clear();
    let second = |three: &[f32]| (three[0] - 2.0 * three[1] + three[2]).powi(2) / 6.0;
    room.extend(means.windows(3).map(second));
    median(room) / Profile::MEDIAN
}

/// The median of values of which there are some; their order is lost.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// `|H|^2` at a frequency in cycles a sample, of a PSF in one dimension.
fn squared_otf(psf: &[f64], frequency: f64) -> f64 {
    let phase = |at: usize| std::f64::consts::TAU * frequency * at as f64;
    let [re, im] = [f64::cos, f64::sin]
        .map(|of| psf.iter().enumerate().map(|(at, sample)| sample * of(phase(at))).sum::<f64>());
    re * re + im * im
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Psf;

    fn plan(psf: &str, sigma: f64, extent: Extent) -> Option<Stripes> {
        let psf = Psf::from_formula(psf).expect("a formula").expect("a PSF");
        let framing = Framing::plan(Edges::Open, extent, psf.extent());
        Stripes::plan(&psf.into(), Light(sigma / 255.0), Contrast::USUAL, framing)
    }

    #[test]
    fn small_frames_tell_nothing() {
        assert!(plan("disk:3", 2.55, Extent::new(63, 200)).is_none());
        assert!(plan("disk:3", 2.55, Extent::new(200, 63)).is_none());
    }

    /// Means that are all unlike their neighbours.
    fn rough(count: usize) -> Vec<f32> {
        (0..count).map(|at| [0.1, 0.9][at % 2]).collect()
    }

    /// Powers that are what scene and noise leave in the mean, and `stripes` besides.
    #[track_caller]
    fn check_told(psf: &str, stripes: f32) {
        let Stripes { rows, .. } = plan(psf, 2.55, Extent::new(320, 200)).expect("large enough");
        let powers: Vec<f32> = rows
            .scene
            .iter()
            .map(|scene| Profile::MEDIAN * (scene + rows.white + stripes))
            .collect();
        let told = rows.stripes(&rough(200), &powers, &mut Vec::new());
        assert!((told - stripes).abs() <= 1e-4 * stripes, "{psf}: {told} instead of {stripes}");
        let gains: Vec<f32> = rows.gains(told).collect();
        assert_eq!((gains.len(), gains[0]), (201, 0.0));
        assert!(gains.iter().all(|gain| (0.0..1.0).contains(gain)));
        assert!(stripes == 0.0 || gains[199] > 0.8, "{psf}: {}", gains[199]);
    }

    #[test]
    fn nothing_is_told_where_the_blur_leaves_the_scene() {
        for (psf, sigma) in [("gaussian:0.3", 0.0), ("gaussian:0.6", 1.0), ("motion:15,0", 2.55)] {
            let Stripes { rows, .. } = plan(psf, sigma, Extent::new(320, 200)).expect("a plan");
            let powers = vec![1.0; rows.scene.len()];
            assert_eq!(rows.stripes(&rough(200), &powers, &mut Vec::new()), 0.0, "{psf} {sigma}");
        }
        let across = plan("motion:15,0", 2.55, Extent::new(320, 200)).expect("a plan").columns;
        let powers = vec![1.0; across.scene.len()];
        assert!(across.stripes(&rough(320), &powers, &mut Vec::new()) > 0.0);
        // Few long edges are no stripes.
        let step: Vec<f32> = (0..320).map(|x| if x < 160 { 0.2 } else { 0.7 }).collect();
        assert_eq!(across.stripes(&step, &powers, &mut Vec::new()), 0.0);
    }

    #[test]
    fn stripes_are_told_from_scene_and_noise() {
        for psf in ["disk:2", "disk:4", "gaussian:1.6", "motion:11,30", "motion:9,90"] {
            check_told(psf, 0.0);
            check_told(psf, (2.0_f32 / 255.0).powi(2));
        }
    }
}
