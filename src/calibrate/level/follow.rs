//! A level that follows what frames say, slowly.
//!
//! Single frames scatter, and every change of the level is a new plan: so what frames say is averaged (in
//! logarithms, the last few looks weighing most), and only a mean that leaves the neighbourhood of
//! what restorations are told is told anew. The first look that tells counts at once: before it there is
//! only a guess. What they say of the PSF counts when two in a row say it. Time is the number of looks, so that the same frames make the same levels.

use super::gauge::{Level, Unfit};
use super::rivals::Verdict;
use crate::optics::{Contrast, GrayLevels};

/// Weight of a look in the mean.
const WEIGHT: f64 = 0.2;

/// Ratios beyond which mean and told level, and mean and told contrast, are apart.
const APART: f64 = 1.15;
const FAINTER: f64 = 1.25;

/// Follows the level of a stream.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    told: Option<Level>,
    /// Logarithms of deviation, contrast and shown deviation, averaged.
    mean: Option<[f64; 3]>,
    /// What is thought of the PSF, and what the last look said of it.
    verdict: Option<Verdict>,
    last: Option<Verdict>,
}

impl Follower {
    /// Takes what a look at a frame told; the level that restorations shall be told from now on, where
    /// that is another one.
    pub fn take(&mut self, look: Result<Level, Unfit>) -> Option<Level> {
        let seen = look.ok()?;
        let ln = |sigma: GrayLevels| sigma.get().max(1e-3).ln();
        let is_shown = seen.shown > GrayLevels::NONE;
        let now = [ln(seen.sigma), seen.contrast.get().ln(), ln(seen.shown)];
        let mean = match self.mean {
            None => now,
            Some(mean) => std::array::from_fn(|at| {
                let weight = if at < 2 || is_shown { WEIGHT } else { 0.0 };
                mean[at] + weight * (now[at] - mean[at])
            }),
        };
        self.mean = Some(mean);
        let level = Level {
            sigma: GrayLevels::saturating(mean[0].exp()),
            shown: if is_shown { GrayLevels::saturating(mean[2].exp()) } else { GrayLevels::NONE },
            contrast: Contrast::saturating(mean[1].exp()),
            basis: seen.basis,
            disagreement: seen.disagreement,
            verdict: self.judge(seen.verdict),
        };
        let is_told = self.told.is_some_and(|told| is_near(told, level));
        (!is_told).then(|| *self.told.insert(level))
    }

    /// What to think of the PSF from now on.
    fn judge(&mut self, seen: Verdict) -> Verdict {
        if let (Verdict::Untold, Some(verdict)) = (seen, self.verdict) {
            return verdict;
        }
        let last = self.last.replace(seen);
        let is_said_twice = last.is_some_and(|last| is_alike(last, seen));
        match self.verdict {
            Some(verdict) if !is_said_twice => verdict,
            _ => *self.verdict.insert(seen),
        }
    }

    /// What restorations were told last; nothing before a frame told anything.
    pub fn told(&self) -> Option<Level> {
        self.told
    }
}

fn is_near(told: Level, mean: Level) -> bool {
    let within = |a: f64, b: f64, ratio: f64| a <= ratio * b && b <= ratio * a;
    let near = |a: GrayLevels, b: GrayLevels| within(a.get().max(1e-3), b.get().max(1e-3), APART);
    near(told.sigma, mean.sigma)
        && near(told.shown, mean.shown)
        && within(told.contrast.get(), mean.contrast.get(), FAINTER)
        && is_alike(told.verdict, mean.verdict)
}

/// Whether frames are restored alike by what is thought of the PSF.
fn is_alike(a: Verdict, b: Verdict) -> bool {
    (a.is_rival(), a.is_sharp()) == (b.is_rival(), b.is_sharp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::level::{Basis, Rival};

    fn look(sigma: f64) -> Result<Level, Unfit> {
        let contrast = Contrast::USUAL;
        Ok(Level {
            sigma: GrayLevels::saturating(sigma),
            shown: GrayLevels::saturating(sigma),
            contrast,
            basis: Basis::Grain,
            disagreement: 1.0,
            verdict: Verdict::Holds,
        })
    }

    /// What is told by looks at such deviations, with the number of the look.
    fn told(looks: impl IntoIterator<Item = Result<Level, Unfit>>) -> Vec<(usize, f64)> {
        let mut follower = Follower::default();
        let told = looks.into_iter().enumerate();
        let rounded = |sigma: f64| (1e6 * sigma).round() / 1e6;
        told.filter_map(|(at, look)| Some((at, rounded(follower.take(look)?.sigma.get()))))
            .collect()
    }

    #[test]
    fn the_first_frame_that_tells_counts_at_once() {
        let looks = [Err(Unfit::Flat), Err(Unfit::Clipped), look(3.0), look(3.1), Err(Unfit::Flat)];
        assert_eq!(told(looks), [(2, 3.0)]);
    }

    #[test]
    fn what_scatters_is_left_alone() {
        let looks = (0..200).map(|at| look(if at % 2 == 0 { 3.3 } else { 2.7 }));
        assert_eq!(told(looks).len(), 1);
    }

    #[test]
    fn dusk_is_followed_in_few_steps() {
        // From 2 to 8 over 200 looks: four times as much noise.
        let looks: Vec<_> =
            (0..=200).map(|at| look(2.0 * 4.0_f64.powf(f64::from(at) / 200.0))).collect();
        let steps = told(looks.clone());
        assert!((8..=12).contains(&steps.len()), "{steps:?}");
        assert!(steps.windows(2).all(|pair| pair[1].1 / pair[0].1 < 1.25), "{steps:?}");
        assert_eq!(told(looks), steps, "the same frames make the same levels");
    }

    /// Whether the PSF is in doubt after each of such looks.
    fn doubts(verdicts: &[Verdict]) -> Vec<bool> {
        let (mut follower, mut is_doubted) = (Follower::default(), false);
        let mut take = |verdict: &Verdict| {
            let look = look(3.0).map(|level| Level { verdict: *verdict, ..level });
            if let Some(level) = follower.take(look) {
                is_doubted = level.verdict.is_rival();
            }
            is_doubted
        };
        verdicts.iter().map(&mut take).collect()
    }

    #[test]
    fn two_looks_in_a_row_change_what_is_thought_of_the_psf() {
        let (rival, other) =
            (Verdict::Rival(Rival::Narrower(0.85)), Verdict::Rival(Rival::Disk(2.0)));
        let (holds, untold) = (Verdict::Holds, Verdict::Untold);
        assert_eq!(doubts(&[rival, untold, holds, holds]), [true, true, true, false]);
        assert_eq!(doubts(&[untold, rival, holds, rival]), [false; 4]);
        assert_eq!(doubts(&[holds, rival, untold, other]), [false, false, false, true]);
    }

    #[test]
    fn one_odd_frame_changes_nothing() {
        let looks = (0..50).map(|at| look(if at == 30 { 5.0 } else { 3.0 }));
        assert_eq!(told(looks).len(), 1);
    }
}
