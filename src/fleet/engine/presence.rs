//! That a station is there, how it goes, and what it is asked.
//!
//! One thread tells the state at intervals and answers the questions of its [inbox](super::inbox); whoever
//! asks too often gets no answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zenoh::liveliness::LivelinessToken;
use zenoh::qos::{CongestionControl, Priority};
use zenoh::query::{Query, Queryable};
use zenoh::{Session, Wait};

use super::helper::{GLANCE, Helper};
use super::inbox::{Inbox, Slot, inbox};
use super::link::{Link, backoff, reason};
use crate::fleet::{FleetError, Name, Station, Subject};

/// Questions that are answered in one second, at most.
const ANSWERS_A_SECOND: u32 = 100;

/// What states are, and what else is told.
const JSON: &str = "application/json";
const OPENMETRICS: &str = "application/openmetrics-text";

/// Shows that a station is there until it is dropped.
#[derive(Debug)]
pub struct Presence {
    _helper: Helper,
}

/// What is there while it is declared.
struct Declared {
    _alive: LivelinessToken,
    _asked: [Queryable<()>; 3],
}

/// A station, and how it is told of.
struct Herald {
    link: Arc<Link>,
    name: Name,
    every: Duration,
    station: Arc<dyn Station>,
    quota: Quota,
}

/// How many questions may still be answered.
struct Quota {
    since: Instant,
    used: u32,
}

impl Quota {
    fn admits(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.used) = (now, 0);
        }
        self.used = self.used.saturating_add(1);
        self.used <= ANSWERS_A_SECOND
    }
}

impl Presence {
    /// Shows that `station` is there, and tells its state after every so much time.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn begin(
        link: Arc<Link>,
        name: Name,
        every: Duration,
        station: Arc<dyn Station>,
    ) -> Result<Self, FleetError> {
        let quota = Quota { since: Instant::now(), used: 0 };
        let mut herald = Herald { link, name, every, station, quota };
        Ok(Self { _helper: Helper::begin("presence", move |is_over| herald.run(is_over))? })
    }
}

impl Herald {
    fn run(&mut self, is_over: &AtomicBool) {
        let (slot, inbox) = inbox();
        let link = Arc::clone(&self.link);
        let (mut declared, mut backoff) = (None, backoff());
        let mut due = Instant::now();
        while !is_over.load(Ordering::Relaxed) {
            let Some(session) = link.session() else {
                std::thread::sleep(GLANCE);
                continue;
            };
            if declared.is_none() && backoff.is_due(Instant::now()) {
                declared = self.declare(session, &slot);
                if declared.is_none() {
                    backoff.fail(Instant::now());
                }
            }
            if Instant::now() >= due {
                self.tell(session);
                due = Instant::now() + self.every;
            }
            self.answer_next(&inbox, due);
        }
    }

    fn declare(&self, session: &Session, slot: &Slot) -> Option<Declared> {
        let asked = |subject| {
            let slot = slot.clone();
            let put = move |query| slot.put(subject, query);
            session.declare_queryable(self.name.key(subject)).callback(put).wait()
        };
        let declared = || {
            let asked =
                [asked(Subject::State)?, asked(Subject::Metrics)?, asked(Subject::Directive)?];
            let alive = session.liveliness().declare_token(self.name.key(Subject::Alive)).wait()?;
            Ok::<_, zenoh::Error>(Declared { _alive: alive, _asked: asked })
        };
        declared().map_err(|error| log::error!("{}: {}", self.name, reason(&error))).ok()
    }

    /// Tells how the station goes.
    fn tell(&self, session: &Session) {
        let put = session
            .put(self.name.key(Subject::State), self.station.state())
            .encoding(JSON)
            .congestion_control(CongestionControl::Drop)
            .priority(Priority::InteractiveHigh)
            .wait();
        if let Err(error) = put {
            log::warn!("{}: the state cannot be told: {}", self.name, reason(&error));
        }
    }

    fn answer_next(&mut self, inbox: &Inbox, due: Instant) {
        let left = due.saturating_duration_since(Instant::now()).min(GLANCE);
        let question = inbox.next(left).filter(|_| self.quota.admits(Instant::now()));
        let Some((subject, query)) = question else { return };
        if let Err(error) = self.answer(subject, &query) {
            log::debug!("{}: an answer was not taken: {}", self.name, reason(&error));
        }
    }

    fn answer(&self, subject: Subject, query: &Query) -> zenoh::Result<()> {
        let key = self.name.key(subject);
        match subject {
            Subject::State => query.reply(key, self.station.state()).encoding(JSON).wait(),
            Subject::Metrics => {
                query.reply(key, self.station.metrics()).encoding(OPENMETRICS).wait()
            }
            _ => self.take(key, query),
        }
    }

    /// Gives the challenge to whoever sends nothing, and takes what is signed.
    fn take(&self, key: String, query: &Query) -> zenoh::Result<()> {
        let gate = self.station.gate();
        let Some(sent) = query.payload().filter(|sent| !sent.is_empty()) else {
            return query.reply(key, gate.challenge().to_vec()).wait();
        };
        match gate.admit(&sent.to_bytes()) {
            Ok(directive) => {
                self.station.take(directive);
                query.reply(key, "taken").wait()
            }
            Err(refusal) => query.reply_err(refusal.to_string()).wait(),
        }
    }
}
