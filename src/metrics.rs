//! What is counted while frames flow, as plain atomics, and a snapshot of it that can be sent.
//!
//! The books balance by construction: a frame enters a [`Ledger`] as a [`Ticket`], and a ticket
//! that is dropped writes its own entry. For every ledger, at every moment,
//! `entered = delivered + dropped{reason} + in flight`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Everything the pipeline counts.
#[derive(Debug)]
pub struct Metrics {
    /// From the source to the end of the last stage.
    pub trunk: Arc<Ledger>,
    /// One entry a stage, in order.
    pub stages: Vec<StageMetrics>,
    /// One entry a sink.
    pub sinks: Vec<SinkMetrics>,
    /// Distance to the truth, where it is known.
    pub quality: Quality,
}

/// What one stage did.
#[derive(Debug)]
pub struct StageMetrics {
    /// Its name.
    pub name: String,
    /// Frames on which it failed.
    pub failed: Counter,
    /// Time it took a frame.
    pub busy: Histogram,
}

/// What one sink did.
#[derive(Debug)]
pub struct SinkMetrics {
    /// Its name.
    pub name: String,
    /// Frames offered to it.
    pub ledger: Arc<Ledger>,
    /// Time from capture until it had taken the frame.
    pub latency: Histogram,
}

/// Why a frame was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A fresher frame took its place in a full queue.
    Overflow,
    /// The source could not read or use the picture.
    Unusable,
    /// The sink had failed or could not take the frame.
    SinkFailed,
    /// The pipeline was told to stop.
    Shutdown,
}

impl Reason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 4] = [Self::Overflow, Self::Unusable, Self::SinkFailed, Self::Shutdown];

    /// The name used in logs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::Unusable => "unusable",
            Self::SinkFailed => "sink_failed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// The books of one stretch of the pipeline.
#[derive(Debug, Default)]
pub struct Ledger {
    entered: Counter,
    delivered: Counter,
    dropped: [Counter; Reason::ALL.len()],
}

/// A frame's entry in a ledger; what becomes of the ticket is what became of the frame.
#[derive(Debug)]
pub struct Ticket {
    ledger: Arc<Ledger>,
    fate: Option<Reason>,
}

impl Ledger {
    /// Enters a frame. Unless told otherwise it will have been dropped by a shutdown.
    pub fn enter(self: &Arc<Self>) -> Ticket {
        self.entered.add(1);
        Ticket { ledger: Arc::clone(self), fate: Some(Reason::Shutdown) }
    }

    /// The state of the books; `in_flight` is never negative.
    pub fn books(&self) -> Books {
        // Exits are read before entries: a frame that moves meanwhile is still in flight.
        let delivered = self.delivered.get();
        let dropped = Reason::ALL.map(|reason| self.dropped[reason as usize].get());
        let entered = self.entered.get();
        let in_flight = entered - delivered - dropped.iter().sum::<u64>();
        Books { entered, delivered, dropped, in_flight }
    }
}

impl Ticket {
    /// Closes the entry: the frame arrived.
    pub fn deliver(mut self) {
        self.fate = None;
    }

    /// Closes the entry: the frame was lost.
    pub fn lose(mut self, reason: Reason) {
        self.fate = Some(reason);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.fate {
            None => self.ledger.delivered.add(1),
            Some(reason) => self.ledger.dropped[reason as usize].add(1),
        }
    }
}

/// The state of a ledger at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Books {
    /// Frames that came in.
    pub entered: u64,
    /// Frames that went out.
    pub delivered: u64,
    /// Frames lost, in the order of [`Reason::ALL`].
    pub dropped: [u64; Reason::ALL.len()],
    /// Frames between entry and exit.
    pub in_flight: u64,
}

impl Books {
    /// Frames lost for any reason.
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Frames lost for one reason.
    pub fn dropped_by(&self, reason: Reason) -> u64 {
        self.dropped[reason as usize]
    }
}

impl std::fmt::Display for Books {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} = {} delivered", self.entered, self.delivered)?;
        for reason in Reason::ALL {
            if self.dropped_by(reason) > 0 {
                write!(out, " + {} dropped ({})", self.dropped_by(reason), reason.name())?;
            }
        }
        write!(out, " + {} in flight", self.in_flight)
    }
}

impl Serialize for Books {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = out.serialize_map(Some(3 + Reason::ALL.len()))?;
        map.serialize_entry("entered", &self.entered)?;
        map.serialize_entry("delivered", &self.delivered)?;
        for reason in Reason::ALL {
            map.serialize_entry(&format!("dropped_{}", reason.name()), &self.dropped_by(reason))?;
        }
        map.serialize_entry("in_flight", &self.in_flight)?;
        map.end()
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        // Release pairs with the acquire in `get`, so that an exit is never seen before its entry.
        self.0.fetch_add(amount, Ordering::Release);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Durations counted in buckets whose bounds grow by the fourth root of 2, from 1 µs to 64 s:
/// quantiles are exact to a fifth.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; Self::BUCKETS],
    total_ns: AtomicU64,
}

impl Histogram {
    const PER_OCTAVE: f64 = 4.0;
    const BUCKETS: usize = 26 * 4;

    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.total_ns.fetch_add(nanoseconds, Ordering::Relaxed);
        self.buckets[Self::bucket(duration)].fetch_add(1, Ordering::Relaxed);
    }

    /// The durations counted so far.
    pub fn summary(&self) -> Summary {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let count = counts.iter().sum();
        let total_ms = self.total_ns.load(Ordering::Relaxed) as f64 / 1e6;
        Summary {
            count,
            mean_ms: if count == 0 { 0.0 } else { total_ms / count as f64 },
            p50_ms: Self::quantile_ms(&counts, count.div_ceil(2)),
            p99_ms: Self::quantile_ms(&counts, count - count / 100),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    fn bucket(duration: Duration) -> usize {
        let octaves = (duration.as_secs_f64() * 1e6).max(1.0).log2();
        ((octaves * Self::PER_OCTAVE).ceil() as usize).min(Self::BUCKETS - 1)
    }

    /// Upper bound of the bucket in which the `rank`-th smallest duration lies.
    fn quantile_ms(counts: &[u64], rank: u64) -> f64 {
        let mut seen = 0;
        let reached = |&count: &u64| {
            seen += count;
            seen >= rank && rank > 0
        };
        let bucket = counts.iter().position(reached).unwrap_or(0);
        (bucket as f64 / Self::PER_OCTAVE).exp2() * 1e-3
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; Self::BUCKETS], total_ns: AtomicU64::new(0) }
    }
}

/// What a histogram holds, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Number of durations.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// Their median, rounded up to a bucket's bound.
    pub p50_ms: f64,
    /// The duration that one in a hundred exceeds, rounded up to a bucket's bound.
    pub p99_ms: f64,
}

/// Sum of the frames' distances to their truths.
#[derive(Debug, Default)]
pub struct Quality {
    frames: Counter,
    blurred_mdb: Counter,
    restored_mdb: Counter,
}

impl Quality {
    /// Counts the peak signal-to-noise ratios of a frame, in dB.
    pub fn record(&self, blurred_db: f32, restored_db: f32) {
        self.blurred_mdb.add(millis(blurred_db));
        self.restored_mdb.add(millis(restored_db));
        self.frames.add(1);
    }

    /// Mean ratios of blurred and restored frames in dB; `None` while no truth was seen.
    pub fn mean_db(&self) -> Option<(f64, f64)> {
        let frames = self.frames.get();
        let mean = |sum: &Counter| sum.get() as f64 / 1e3 / frames as f64;
        (frames > 0).then(|| (mean(&self.blurred_mdb), mean(&self.restored_mdb)))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at zero")]
fn millis(value: f32) -> u64 {
    (f64::from(value) * 1e3) as u64
}

impl Metrics {
    /// Empty books for the named stages and sinks.
    pub fn new(stages: &[String], sinks: &[String]) -> Self {
        let stage = |name: &String| StageMetrics {
            name: name.clone(),
            failed: Counter::default(),
            busy: Histogram::default(),
        };
        let sink = |name: &String| SinkMetrics {
            name: name.clone(),
            ledger: Arc::default(),
            latency: Histogram::default(),
        };
        Self {
            trunk: Arc::default(),
            stages: stages.iter().map(stage).collect(),
            sinks: sinks.iter().map(sink).collect(),
            quality: Quality::default(),
        }
    }

    /// Everything, at one moment, ready to be sent.
    pub fn snapshot(&self) -> Snapshot {
        let stage = |stage: &StageMetrics| StageSnapshot {
            name: stage.name.clone(),
            failed: stage.failed.get(),
            busy: stage.busy.summary(),
        };
        let sink = |sink: &SinkMetrics| SinkSnapshot {
            name: sink.name.clone(),
            books: sink.ledger.books(),
            latency: sink.latency.summary(),
        };
        Snapshot {
            sinks: self.sinks.iter().map(sink).collect(),
            trunk: self.trunk.books(),
            stages: self.stages.iter().map(stage).collect(),
            psnr_db: self
                .quality
                .mean_db()
                .map(|(blurred, restored)| PsnrSnapshot { blurred, restored }),
        }
    }
}

/// [`Metrics`] at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// From the source to the end of the last stage.
    pub trunk: Books,
    /// One entry a stage, in order.
    pub stages: Vec<StageSnapshot>,
    /// One entry a sink.
    pub sinks: Vec<SinkSnapshot>,
    /// Mean distance to the truth, where it is known.
    pub psnr_db: Option<PsnrSnapshot>,
}

/// [`StageMetrics`] at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct StageSnapshot {
    /// Its name.
    pub name: String,
    /// Frames on which it failed.
    pub failed: u64,
    /// Time it took a frame.
    pub busy: Summary,
}

/// [`SinkMetrics`] at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct SinkSnapshot {
    /// Its name.
    pub name: String,
    /// Frames offered to it.
    pub books: Books,
    /// Time from capture until it had taken the frame.
    pub latency: Summary,
}

/// Mean peak signal-to-noise ratios in dB.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PsnrSnapshot {
    /// Of the blurred pictures.
    pub blurred: f64,
    /// Of the restored pictures.
    pub restored: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_books_balance_whatever_happens(moves in prop::collection::vec(0_usize..7, 0..60)) {
            let ledger = Arc::new(Ledger::default());
            let mut open = Vec::new();
            let (mut entered, mut delivered, mut dropped) = (0, 0, [0; Reason::ALL.len()]);
            for step in moves {
                match (step, open.pop()) {
                    (0, Some(ticket)) => { Ticket::deliver(ticket); delivered += 1; }
                    (1..=4, Some(ticket)) => { ticket.lose(Reason::ALL[step - 1]); dropped[step - 1] += 1; }
                    (5, Some(ticket)) => { drop(ticket); dropped[Reason::Shutdown as usize] += 1; }
                    (_, last) => { open.extend(last); open.push(ledger.enter()); entered += 1; }
                }
                let in_flight = open.len() as u64;
                prop_assert_eq!(ledger.books(), Books { entered, delivered, dropped, in_flight });
            }
        }

        #[test]
        fn quantiles_are_right_to_a_fifth(mut micros in prop::collection::vec(2_u64..10_000_000, 1..200)) {
            let histogram = Histogram::default();
            micros.iter().for_each(|&us| histogram.record(Duration::from_micros(us)));
            micros.sort_unstable();
            let exact = micros[micros.len().div_ceil(2) - 1] as f64 / 1e3;
            let ratio = histogram.summary().p50_ms / exact;
            prop_assert!((0.999..1.2).contains(&ratio), "median off by a factor of {}", ratio);
        }
    }
}
