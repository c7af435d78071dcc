//! What many frames tell of a calibration: a machine that is fed with times and figures.
//!
//! One frame tells the width to about one per cent, and neighbours in time err alike. So the figures of
//! twenty minutes make one median, and medians a sum of what exceeds a slack of 1.5 % on one side (CUSUM:
//! Page, "Continuous inspection schemes", Biometrika 41, 1954), which reaches 3 % after one median of
//! 5 % or after some of less, and never by medians within the slack. Stale is a calibration where the
//! last four medians are 5 % off, together; they tell that to about a per cent, so from 3.8 % on. In
//! simulations of figures as they are measured no 5 % of 300 took longer than two hours, and four years
//! went by without an alarm.

use std::collections::VecDeque;

/// Seconds of a median.
const SPAN: f64 = 1200.0;

/// Figures without which there is no median.
const LEAST: usize = 4;

/// Figures of a span that are kept, more than one every ten seconds.
const MOST: usize = 200;

/// What is taken for no change.
const SLACK: f64 = 0.015;

/// The sum from which on to watch.
const WATCH: f64 = 0.03;

/// The sum beyond which it does not grow, so that it comes back.
const CEILING: f64 = 0.09;

/// Medians that must agree, and their mean, where a calibration is stale.
const MEDIANS: usize = 4;
const STALE: f64 = 0.038;

/// What to think of a calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Standing {
    /// It holds, as far as was seen.
    #[default]
    Holds,
    /// The blur seems to change.
    Watch,
    /// The blur is another.
    Stale,
}

/// Watches one camera.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    standing: Standing,
    /// Seconds at which the span began.
    began: Option<f64>,
    figures: Vec<f64>,
    medians: VecDeque<f64>,
    wider: f64,
    narrower: f64,
}

impl Standing {
    /// The name used in logs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Watch => "watch",
            Self::Stale => "stale",
        }
    }
}

impl Watch {
    /// Takes the logarithm of the scale that a frame gave, or `None` where it told nothing, at a time
    /// in seconds that never goes back. Gives the new standing where it has changed.
    pub fn take(&mut self, seconds: f64, ln_scale: Option<f64>) -> Option<Standing> {
        let began = *self.began.get_or_insert(seconds);
        let changed = if seconds - began >= SPAN { self.close(seconds) } else { None };
        let figure = ln_scale.filter(|figure| figure.is_finite());
        if let Some(figure) = figure.filter(|_| self.figures.len() < MOST) {
            self.figures.push(figure);
        }
        changed
    }

    /// What to think of the calibration.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// How many times as wide as it was the blur is, by the last median.
    pub fn scale(&self) -> Option<f64> {
        self.medians.back().map(|median| median.exp())
    }

    /// Ends a span.
    fn close(&mut self, seconds: f64) -> Option<Standing> {
        self.began = Some(seconds);
        let mut figures = std::mem::take(&mut self.figures);
        if figures.len() < LEAST {
            return None;
        }
        figures.sort_by(f64::total_cmp);
        let median = figures[figures.len() / 2];
        self.medians.push_back(median);
        if self.medians.len() > MEDIANS {
            self.medians.pop_front();
        }
        self.wider = (self.wider + median - SLACK).clamp(0.0, CEILING);
        self.narrower = (self.narrower - median - SLACK).clamp(0.0, CEILING);
        let standing = self.judge();
        let changed = standing != self.standing;
        self.standing = standing;
        changed.then_some(standing)
    }

    /// A standing that was left is not left at once: only where the sum has gone back to nothing.
    fn judge(&self) -> Standing {
        let sum = self.wider.max(self.narrower);
        let mean = self.medians.iter().sum::<f64>() / MEDIANS as f64;
        let one_side = self.medians.iter().all(|median| median.signum() == mean.signum());
        if self.medians.len() == MEDIANS && one_side && mean.abs() >= STALE {
            Standing::Stale
        } else if sum >= WATCH {
            self.standing.max(Standing::Watch)
        } else if sum > 0.0 {
            self.standing
        } else {
            Standing::Holds
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_distr::Distribution;

    const MINUTE: f64 = 60.0;
    const YEAR: u32 = 365 * 24 * 60;

    /// Figures as they are measured: an error of a per cent in each frame, one of half a per cent that
    /// lasts an hour (the light of the scene), outliers, and gaps at night and where something moves.
    struct Figures {
        random: rand_pcg::Pcg64,
        slow: f64,
    }

    impl Figures {
        fn new(seed: u64) -> Self {
            Self { random: rand_pcg::Pcg64::seed_from_u64(seed), slow: 0.0 }
        }

        fn next(&mut self, minute: u32, shift: f64) -> Option<f64> {
            let normal = rand_distr::StandardNormal;
            let mut draw = || -> f64 { normal.sample(&mut self.random) };
            let keep = (-1.0_f64 / 60.0).exp();
            let (slow, fast) = (draw(), draw());
            self.slow = keep * self.slow + 0.005 * (1.0 - keep * keep).sqrt() * slow;
            let chance: f64 = self.random.random_range(0.0..1.0);
            let outlier = if chance < 0.02 { 0.15 * fast } else { 0.0 };
            // Six hours of every day are dark, and a fifth of the frames moves.
            let told = minute % 1440 >= 360 && chance < 0.8;
            told.then_some(shift + self.slow + 0.01 * fast + outlier)
        }
    }

    #[track_caller]
    fn check_found(shift: f64, expected: Standing, within_minutes: u32) {
        for seed in 0..20 {
            let (mut watch, mut figures) = (Watch::default(), Figures::new(seed));
            let begin = 360 + 600;
            let mut found = None;
            for minute in 360..begin + within_minutes {
                let shift = if minute < begin { 0.0 } else { shift };
                let figure = figures.next(minute, shift);
                if watch.take(f64::from(minute) * MINUTE, figure) == Some(expected) {
                    assert!(minute >= begin, "{expected:?} before anything changed");
                    found = Some(minute);
                }
            }
            assert!(found.is_some(), "{shift} was not found within {within_minutes} minutes");
        }
    }

    #[test]
    fn a_blur_five_per_cent_wider_or_narrower_is_found_within_two_hours() {
        check_found(0.05, Standing::Watch, 90);
        check_found(-0.05, Standing::Watch, 90);
        check_found(0.05, Standing::Stale, 120);
        check_found(-0.05, Standing::Stale, 120);
        check_found(0.10, Standing::Stale, 120);
    }

    #[test]
    fn a_slow_change_is_found_before_it_is_large() {
        let (mut watch, mut figures) = (Watch::default(), Figures::new(9));
        for minute in 0..20_000 {
            let drift = 1e-5 * f64::from(minute);
            if watch.take(f64::from(minute) * MINUTE, figures.next(minute, drift)).is_some() {
                assert!((0.01..0.04).contains(&drift), "found at {drift}");
                return;
            }
        }
        panic!("never found");
    }

    #[test]
    fn a_year_goes_by_without_an_alarm() {
        let (mut watch, mut figures) = (Watch::default(), Figures::new(4));
        for minute in 0..YEAR {
            let changed = watch.take(f64::from(minute) * MINUTE, figures.next(minute, 0.0));
            assert_eq!(changed, None, "in minute {minute}");
        }
        assert!((watch.scale().expect("a median") - 1.0).abs() < 0.03);
    }

    #[test]
    fn each_change_is_told_once_and_taken_back() {
        let mut watch = Watch::default();
        let mut told = Vec::new();
        for minute in 0..1200 {
            let shift = if (300..700).contains(&minute) { 0.06 } else { 0.0 };
            told.extend(watch.take(f64::from(minute) * MINUTE, Some(shift)));
        }
        assert_eq!(told, [Standing::Watch, Standing::Stale, Standing::Holds]);
    }

    #[test]
    fn too_few_figures_tell_nothing() {
        let mut watch = Watch::default();
        for minute in 0..600 {
            let figure = (minute % 10 == 0).then_some(0.3);
            assert_eq!(watch.take(f64::from(minute) * MINUTE, figure), None);
        }
        assert_eq!(watch.scale(), None);
    }
}
