//! The books of frames: what came in, what went out, what was lost and why.
//!
//! They balance by construction: a frame enters a [`Ledger`] as a [`Ticket`], and a ticket that is
//! dropped writes its own entry. For every ledger, at every moment,
//! `entered = delivered + dropped{reason} + in flight`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::counter::Counter;

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
    /// The sink could not take this frame, but may take the next.
    SinkBusy,
    /// It was older than a live frame may be.
    Deadline,
    /// The pipeline was told to stop.
    Shutdown,
}

impl Reason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 6] = [
        Self::Overflow,
        Self::Unusable,
        Self::SinkFailed,
        Self::SinkBusy,
        Self::Deadline,
        Self::Shutdown,
    ];

    /// The name used in logs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::Unusable => "unusable",
            Self::SinkFailed => "sink_failed",
            Self::SinkBusy => "sink_busy",
            Self::Deadline => "deadline",
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

    /// The reasons for which frames were lost, and how many for each.
    pub fn losses(&self) -> impl Iterator<Item = (Reason, u64)> {
        let all = Reason::ALL.map(|reason| (reason, self.dropped_by(reason)));
        all.into_iter().filter(|&(_, count)| count > 0)
    }

    /// Frames lost for one reason.
    pub fn dropped_by(&self, reason: Reason) -> u64 {
        self.dropped[reason as usize]
    }
}

impl std::fmt::Display for Books {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} = {} delivered", self.entered, self.delivered)?;
        for (reason, count) in self.losses() {
            write!(out, " + {count} dropped ({})", reason.name())?;
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

/// Reads what [`Books`] write; a reason that is not told has lost nothing.
impl<'de> Deserialize<'de> for Books {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let counts = BTreeMap::<String, u64>::deserialize(from)?;
        let count = |key: &'static str| {
            let count = counts.get(key).copied();
            count.ok_or_else(|| serde::de::Error::missing_field(key))
        };
        let lost = |reason: Reason| counts.get(&format!("dropped_{}", reason.name()));
        Ok(Self {
            entered: count("entered")?,
            delivered: count("delivered")?,
            dropped: Reason::ALL.map(|reason| lost(reason).copied().unwrap_or(0)),
            in_flight: count("in_flight")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_books_balance_whatever_happens(moves in prop::collection::vec(0_usize..9, 0..60)) {
            let ledger = Arc::new(Ledger::default());
            let mut open = Vec::new();
            let (mut entered, mut delivered, mut dropped) = (0, 0, [0; Reason::ALL.len()]);
            for step in moves {
                match (step, open.pop()) {
                    (0, Some(ticket)) => { Ticket::deliver(ticket); delivered += 1; }
                    (1..=6, Some(ticket)) => { ticket.lose(Reason::ALL[step - 1]); dropped[step - 1] += 1; }
                    (7, Some(ticket)) => { drop(ticket); dropped[Reason::Shutdown as usize] += 1; }
                    (_, last) => { open.extend(last); open.push(ledger.enter()); entered += 1; }
                }
                let in_flight = open.len() as u64;
                prop_assert_eq!(ledger.books(), Books { entered, delivered, dropped, in_flight });
            }
        }
    }
}
