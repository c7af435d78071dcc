//! The overload ladder: does less to each frame where the device cannot keep up or grows hot.
//!
//! ```text
//! full -> alternate (networks on every second frame) -> wiener -> passthrough
//! ```
//!
//! The rates of captured and delivered frames are looked at over windows of a second. Where fewer
//! frames than asked for leave the last stage in [`PATIENCE`] windows in a row, the level goes down.
//! So it does where the device is too hot; then the next step waits for what this one brings, since
//! heat leaves slowly, unless the device is [far too hot](FAR). It goes up again after a calm time; where the level above then
//! proves too high again, the next attempt is put off for twice as long. So a load that is steady
//! is met by a level that is steady, and a moment's load costs a moment's quality.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::frame::Effort;
use crate::keys;
use crate::metrics::{Level, Metrics};

/// When the ladder is climbed down.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LadderOptions {
    /// Frames a second to deliver, at least, 0 for none; no more are asked for than are captured.
    #[serde(deserialize_with = "keys::within::<0, 240, _, _>")]
    pub rate_min: f64,
    /// Degrees Celsius of the hottest zone above which less is done.
    #[serde(deserialize_with = "keys::within::<30, 120, _, _>")]
    pub temperature_max: f64,
}

impl Default for LadderOptions {
    fn default() -> Self {
        Self { rate_min: 10.0, temperature_max: 90.0 }
    }
}

/// Time over which rates are measured. A window that grew to more than twice as long saw a pause
/// of the source and says nothing.
const WINDOW: Duration = Duration::from_secs(1);

/// Windows with too few frames before the level goes down.
const PATIENCE: u32 = 2;
/// Share of the rate asked for that counts as reached, once a window has cut off one frame.
const REACHED: f64 = 0.9;
/// Degrees below the limit at which the device counts as cool again, and above it as far too hot.
const COOLED: f64 = 5.0;
const FAR: f64 = 5.0;
/// Windows that a step down is given to cool the device.
const COOLING: u32 = 10;
/// Calm windows before the first attempt to go up, and at most between attempts.
const CALM: u32 = 5;
const CALM_MAX: u32 = 320;

/// Decides frame by frame how much is done, from what the metrics say.
#[derive(Debug)]
pub(super) struct Governor {
    ladder: Option<Ladder>,
    metrics: Arc<Metrics>,
    /// When the present window began, and frames delivered until then.
    window: (Instant, u64),
    /// Frames captured in the present window.
    captured: u64,
    /// Frames captured in all.
    frames: u64,
}

impl Governor {
    /// Without options every frame is restored in full.
    pub(super) fn new(options: Option<LadderOptions>, metrics: Arc<Metrics>) -> Self {
        let window = (Instant::now(), metrics.load.frames());
        Self { ladder: options.map(Ladder::new), metrics, window, captured: 0, frames: 0 }
    }

    /// How much to do to the frame that was just captured.
    pub(super) fn effort(&mut self) -> Effort {
        self.captured += 1;
        self.frames += 1;
        self.look();
        match self.metrics.load.level() {
            Level::Full => Effort::Full,
            Level::Alternate if self.frames.is_multiple_of(2) => Effort::Full,
            Level::Alternate | Level::Wiener => Effort::Wiener,
            Level::Passthrough => Effort::Passthrough,
        }
    }

    /// Ends the window where it is long enough, and takes it into account.
    fn look(&mut self) {
        let elapsed = self.window.0.elapsed();
        let Some(ladder) = self.ladder.as_mut().filter(|_| elapsed >= WINDOW) else { return };
        let delivered = self.metrics.load.frames();
        if elapsed <= 2 * WINDOW {
            let before = ladder.level;
            let level = ladder.observe(Window {
                seconds: elapsed.as_secs_f64(),
                captured: self.captured,
                delivered: delivered - self.window.1,
                temperature: self.metrics.load.temperature(),
            });
            self.metrics.load.set_level(level);
            if level != before {
                log::info!("overload ladder: from {} to {}", before.name(), level.name());
            }
        }
        self.window = (Instant::now(), delivered);
        self.captured = 0;
    }
}

/// What was seen in one window.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// Length of the window in seconds.
    seconds: f64,
    /// Frames that came from the source.
    captured: u64,
    /// Frames that left the last stage.
    delivered: u64,
    /// Degrees Celsius of the hottest zone, where known.
    temperature: Option<f64>,
}

/// The ladder and its memory.
#[derive(Debug)]
struct Ladder {
    options: LadderOptions,
    level: Level,
    /// Windows in a row with too few frames.
    short: u32,
    /// Windows in a row that were fine.
    calm: u32,
    /// Calm windows asked for before the next attempt to go up.
    calm_needed: u32,
    /// Whether the present level was reached by going up, and could prove too high.
    on_trial: bool,
    /// Windows left to the last step to cool the device.
    cooling: u32,
}

impl Ladder {
    fn new(options: LadderOptions) -> Self {
        Self {
            options,
            level: Level::Full,
            short: 0,
            calm: 0,
            calm_needed: CALM,
            on_trial: false,
            cooling: 0,
        }
    }

    /// Takes a window into account and gives the level for the frames to come.
    fn observe(&mut self, window: Window) -> Level {
        let limit = self.options.temperature_max;
        let is_above = |limit: f64| window.temperature.is_some_and(|celsius| celsius > limit);
        self.short = if self.is_short(window) { self.short + 1 } else { 0 };
        self.cooling = self.cooling.saturating_sub(1);
        let is_too_hot = is_above(limit + FAR) || is_above(limit) && self.cooling == 0;
        if is_too_hot || self.short >= PATIENCE {
            self.go_down();
        } else if self.short > 0 || is_above(limit - COOLED) {
            self.calm = 0;
        } else {
            self.stay_calm();
        }
        self.level
    }

    fn is_short(&self, window: Window) -> bool {
        let captured = window.captured as f64 / window.seconds;
        let delivered = (window.delivered + 1) as f64 / window.seconds;
        delivered < self.options.rate_min.min(captured) * REACHED
    }

    fn go_down(&mut self) {
        if self.on_trial {
            self.calm_needed = (2 * self.calm_needed).min(CALM_MAX);
        }
        self.level = self.level.below();
        (self.short, self.calm, self.on_trial, self.cooling) = (0, 0, false, COOLING);
    }

    fn stay_calm(&mut self) {
        self.calm += 1;
        if self.on_trial && self.calm >= CALM {
            self.on_trial = false;
        }
        if self.level == Level::Full {
            if self.calm >= CALM_MAX {
                self.calm_needed = CALM;
            }
        } else if self.calm >= self.calm_needed {
            self.level = self.level.above();
            (self.calm, self.on_trial) = (0, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: LadderOptions = LadderOptions { rate_min: 10.0, temperature_max: 80.0 };

    /// A device that delivers so many frames a second at each level, of 30 that are captured.
    fn window(level: Level, rates: [u64; 4], temperature: Option<f64>) -> Window {
        Window { seconds: 1.0, captured: 30, delivered: rates[level as usize], temperature }
    }

    /// Levels in so many windows on such a device.
    fn levels(rates: [u64; 4], temperature: Option<f64>, windows: usize) -> Vec<Level> {
        let mut ladder = Ladder::new(OPTIONS);
        let mut level = Level::Full;
        (0..windows)
            .map(|_| {
                level = ladder.observe(window(level, rates, temperature));
                level
            })
            .collect()
    }

    #[test]
    fn a_fast_device_restores_in_full() {
        assert!(levels([30; 4], Some(70.0), 500).iter().all(|&level| level == Level::Full));
        // Ten a second are enough, and windows may cut one.
        assert!(levels([8, 30, 30, 30], None, 500).iter().all(|&level| level == Level::Full));
    }

    #[test]
    fn a_steady_overload_is_met_by_a_steady_level() {
        for (rates, expected) in [
            ([3, 12, 30, 30], Level::Alternate),
            ([3, 6, 30, 30], Level::Wiener),
            ([0, 0, 2, 30], Level::Passthrough),
            // Nothing helps: the last level stays.
            ([0, 0, 0, 0], Level::Passthrough),
        ] {
            let levels = levels(rates, None, 2000);
            let late = &levels[1000..];
            let as_expected = late.iter().filter(|&&level| level == expected).count();
            assert!(as_expected > 970, "{expected:?} only {as_expected} times with {rates:?}");
        }
    }

    #[test]
    fn a_hot_device_does_less_until_it_is_cool() {
        assert_eq!(levels([30; 4], Some(86.0), 3)[2], Level::Passthrough);
        // A step is given time to cool the device.
        let levels = levels([30; 4], Some(81.0), 12);
        let [first, second] = [Level::Alternate, Level::Wiener];
        assert_eq!((levels[0], levels[9], levels[10]), (first, first, second));
        let mut ladder = Ladder::new(OPTIONS);
        ladder.observe(window(Level::Full, [30; 4], Some(81.0)));
        for (celsius, windows, expected) in [
            // Neither hot nor cool: nothing changes.
            (79.0, 50, Level::Alternate),
            (74.0, CALM, Level::Full),
        ] {
            let last = (0..windows)
                .map(|_| ladder.observe(window(Level::Alternate, [30; 4], Some(celsius))))
                .last();
            assert_eq!(last, Some(expected), "at {celsius} °C");
        }
    }

    proptest! {
        /// Whatever happened, on a device that has become fast the level ends at the top.
        #[test]
        fn the_ladder_is_always_climbed_again(
            past in prop::collection::vec((0_u64..40, 0_u64..40, 20.0..100.0), 0..60),
        ) {
            let mut ladder = Ladder::new(OPTIONS);
            for (captured, delivered, celsius) in past {
                let temperature = Some(celsius);
                ladder.observe(Window { seconds: 1.0, captured, delivered, temperature });
            }
            let fast = window(Level::Full, [30; 4], Some(40.0));
            let last = (0..3 * CALM_MAX).map(|_| ladder.observe(fast)).last();
            prop_assert_eq!(last, Some(Level::Full));
        }

        /// The level moves one step at a time.
        #[test]
        fn no_step_is_skipped(past in prop::collection::vec((0_u64..40, 0_u64..40), 0..60)) {
            let mut ladder = Ladder::new(OPTIONS);
            let mut level = Level::Full;
            for (captured, delivered) in past {
                let next = ladder.observe(Window { seconds: 1.0, captured, delivered, temperature: None });
                prop_assert!((next as i32 - level as i32).abs() <= 1);
                level = next;
            }
        }
    }
}
