//! What of a camera's state is kept, and how it differs from the one before.
//!
//! A state comes from a machine of somebody else: numbers that no camera can have are none, and of lists and
//! texts a part is kept.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::metrics::{Books, short};
use crate::web::state::State;

/// Intervals after which a camera that has told nothing is stale, and a second for the network.
const INTERVALS_MAX: f64 = 3.0;
const GRACE: Duration = Duration::from_secs(1);

/// Ledgers of a camera that are looked at, at most; it has one, and one more for each sink.
const LEDGERS_MAX: usize = 32;

/// What devices can have, in degrees Celsius, and cameras, in frames a second.
const CELSIUS: RangeInclusive<f64> = -100.0..=1000.0;
const RATE_MAX: f64 = 1e6;

/// What it last told, and how that differs from what it told before.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) at: Instant,
    every: Duration,
    uptime_s: f64,
    restored: u64,
    /// Of each ledger the frames that entered and were lost.
    pub(super) books: Vec<(u64, u64)>,
    pub(super) unready: Option<String>,
    pub(super) rate: Option<f64>,
    pub(super) loss: Option<f64>,
    pub(super) temperature_c: Option<f64>,
    pub(super) level: &'static str,
    pub(super) published: u64,
    pub(super) version: String,
}

impl Told {
    pub(super) fn after(before: Option<&Self>, state: &State, at: Instant) -> Self {
        let metrics = &state.metrics;
        let restored = metrics.load.frames();
        let books = std::iter::once(&metrics.trunk).chain(metrics.sinks.iter().map(|it| &it.books));
        let books: Vec<_> = books.take(LEDGERS_MAX).map(|it| (it.entered, lost(it))).collect();
        // Counts of another process begin anew.
        let before = before.filter(|before| {
            before.uptime_s < state.uptime_s
                && before.restored <= restored
                && before.books.len() == books.len()
        });
        let rate = before.map(|before| {
            restored.saturating_sub(before.restored) as f64 / (state.uptime_s - before.uptime_s)
        });
        let rate = rate.filter(|&rate| rate <= RATE_MAX);
        let loss = before.map(|before| {
            let each = books.iter().zip(&before.books).map(|(now, before)| {
                let entered = now.0.saturating_sub(before.0);
                now.1.saturating_sub(before.1) as f64 / entered.max(1) as f64
            });
            each.fold(0.0, f64::max).min(1.0)
        });
        let every = metrics.fleet.as_ref().map_or(1.0, |fleet| fleet.every_s);
        Self {
            at,
            every: Duration::from_secs_f64(every.clamp(0.1, 3600.0)),
            uptime_s: state.uptime_s,
            restored,
            books,
            unready: (!state.ready)
                .then(|| state.unready_because.as_deref().map_or("not ready".to_owned(), short)),
            rate,
            loss,
            temperature_c: metrics.load.temperature_c.filter(|celsius| CELSIUS.contains(celsius)),
            level: metrics.load.level.lessened().unwrap_or("everything"),
            published: metrics.fleet.as_ref().map_or(0, |fleet| fleet.published),
            version: short(&state.version),
        }
    }

    pub(super) fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) > self.every.mul_f64(INTERVALS_MAX) + GRACE
    }
}

fn lost(books: &Books) -> u64 {
    books.dropped.iter().fold(0, |sum, count| sum.saturating_add(*count))
}
