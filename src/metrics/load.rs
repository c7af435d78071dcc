//! How much is done to frames, and what limits it: the ladder's level and the heat.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

use super::counter::Counter;

/// A step of the overload ladder, from the best downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every frame is restored in full.
    Full,
    /// Every second frame; the others by the Wiener filter alone.
    Alternate,
    /// All frames by the Wiener filter alone.
    Wiener,
    /// Frames pass through as they are.
    Passthrough,
}

impl Level {
    /// All levels, from the best downwards.
    pub const ALL: [Self; 4] = [Self::Full, Self::Alternate, Self::Wiener, Self::Passthrough];

    /// The name used in logs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Alternate => "alternate",
            Self::Wiener => "wiener",
            Self::Passthrough => "passthrough",
        }
    }

    /// What is done less than everything, in words; `None` where nothing is.
    pub const fn lessened(self) -> Option<&'static str> {
        match self {
            Self::Full => None,
            Self::Alternate => Some("networks on every second frame"),
            Self::Wiener => Some("Wiener filter alone"),
            Self::Passthrough => Some("frames as captured"),
        }
    }

    /// The next level down; the last stays.
    pub fn below(self) -> Self {
        Self::ALL[(self as usize + 1).min(Self::ALL.len() - 1)]
    }

    /// The next level up; the first stays.
    pub fn above(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }
}

/// What is counted of the load.
#[derive(Debug)]
pub struct LoadMetrics {
    level: AtomicU8,
    temperature_mc: AtomicI64,
    /// Times the level went down.
    pub steps_down: Counter,
    /// Times it went up again.
    pub steps_up: Counter,
    /// Frames that left the last stage restored in full.
    pub full: Counter,
    /// Frames that left it restored by the Wiener filter alone.
    pub wiener: Counter,
    /// Frames that left it as they were.
    pub passthrough: Counter,
}

/// No temperature is known.
const UNKNOWN: i64 = i64::MIN;

impl Default for LoadMetrics {
    fn default() -> Self {
        Self {
            level: AtomicU8::new(Level::Full as u8),
            temperature_mc: AtomicI64::new(UNKNOWN),
            steps_down: Counter::default(),
            steps_up: Counter::default(),
            full: Counter::default(),
            wiener: Counter::default(),
            passthrough: Counter::default(),
        }
    }
}

impl LoadMetrics {
    /// Notes the level, counting the step.
    pub fn set_level(&self, level: Level) {
        let before = self.level();
        self.level.store(level as u8, Ordering::Relaxed);
        match level.cmp(&before) {
            std::cmp::Ordering::Greater => self.steps_down.add(1),
            std::cmp::Ordering::Less => self.steps_up.add(1),
            std::cmp::Ordering::Equal => {}
        }
    }

    /// The present level.
    pub fn level(&self) -> Level {
        Level::ALL[usize::from(self.level.load(Ordering::Relaxed)).min(Level::ALL.len() - 1)]
    }

    /// Notes the temperature of the device's hottest zone in degrees Celsius.
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    pub fn set_temperature(&self, celsius: Option<f64>) {
        let millis = celsius.map_or(UNKNOWN, |celsius| (celsius * 1e3) as i64);
        self.temperature_mc.store(millis, Ordering::Relaxed);
    }

    /// The temperature of the device's hottest zone in degrees Celsius, where it is known.
    pub fn temperature(&self) -> Option<f64> {
        let millis = self.temperature_mc.load(Ordering::Relaxed);
        (millis != UNKNOWN).then_some(millis as f64 / 1e3)
    }

    /// Frames of the source that left the last stage, whatever was done to them: the measure of
    /// progress. Placeholders do not count.
    pub fn frames(&self) -> u64 {
        self.full.get() + self.wiener.get() + self.passthrough.get()
    }

    /// Everything, at one moment.
    pub fn snapshot(&self) -> LoadSnapshot {
        LoadSnapshot {
            level: self.level(),
            temperature_c: self.temperature(),
            steps_down: self.steps_down.get(),
            steps_up: self.steps_up.get(),
            full: self.full.get(),
            wiener: self.wiener.get(),
            passthrough: self.passthrough.get(),
        }
    }
}

/// [`LoadMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSnapshot {
    /// The present level.
    pub level: Level,
    /// Temperature of the hottest zone in degrees Celsius, where it is known.
    pub temperature_c: Option<f64>,
    /// Times the level went down.
    pub steps_down: u64,
    /// Times it went up again.
    pub steps_up: u64,
    /// Frames restored in full.
    pub full: u64,
    /// Frames restored by the Wiener filter alone.
    pub wiener: u64,
    /// Frames as they were.
    pub passthrough: u64,
}

impl LoadSnapshot {
    /// Frames of the source that left the last stage, whatever was done to them.
    pub fn frames(&self) -> u64 {
        // One that was sent may say anything.
        self.full.saturating_add(self.wiener).saturating_add(self.passthrough)
    }
}
