//! All cameras of a fleet, as they were last heard of.
//!
//! States come from machines of others: each is read once, and little is kept of it. How a camera goes
//! is told in one word ([`Condition`]): the worst that holds.

mod member;
mod told;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::state::State;
use crate::fleet::{Event, FleetError, Link, Name, Watch};
use crate::metrics::short;
pub use member::{Condition, Member};
use told::Told;

/// Cameras that are remembered, at most; beyond them no further one is.
const CAMERAS_MAX: usize = 20_000;

/// From here on devices slow themselves down before long: a Jetson does at 97 to 99 °C.
const HOT_C: f64 = 85.0;

/// Of the frames between two states, the part that may be lost before it is worth a word.
const LOSS_MOST: f64 = 0.01;

/// How long a camera that has gone is remembered.
const MEMORY: Duration = Duration::from_secs(24 * 3600);

/// The cameras of a fleet; it listens until it is dropped.
#[derive(Debug)]
pub struct Roster {
    known: Arc<Mutex<Known>>,
    _watch: Watch,
}

type Known = BTreeMap<Name, Seen>;

/// What is remembered of a camera.
#[derive(Debug)]
struct Seen {
    is_there: bool,
    since: Instant,
    told: Option<Told>,
}

impl Roster {
    /// Hears of all cameras from now on, by a link that may open later.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn follow(link: Arc<Link>) -> Result<Self, FleetError> {
        let known = Arc::<Mutex<Known>>::default();
        let heard = Arc::clone(&known);
        let watch = Watch::begin(link, move |event| hear(&heard, event, Instant::now()))?;
        Ok(Self { known, _watch: watch })
    }

    /// All cameras in the order of their names.
    pub fn members(&self) -> Vec<Member> {
        let now = Instant::now();
        locked(&self.known).iter().map(|(name, seen)| seen.member(name, now)).collect()
    }
}

fn locked(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes note of what becomes known.
fn hear(known: &Mutex<Known>, event: Event, now: Instant) {
    let (name, is_there, told) = match event {
        Event::Came(name) => (name, Some(true), None),
        Event::Went(name) => (name, Some(false), None),
        Event::Told(name, bytes) => match serde_json::from_slice::<State>(&bytes) {
            Ok(state) => (name, None, Some(state)),
            Err(error) => {
                let why = short(&error.to_string());
                return log::debug!("{name} tells what is no state: {why}");
            }
        },
    };
    let mut known = locked(known);
    if !known.contains_key(&name) {
        known.retain(|_, seen| seen.is_there || now.duration_since(seen.since) < MEMORY);
    }
    if !known.contains_key(&name) {
        match known.len() {
            // Told once: whoever makes names up makes many.
            more if more + 1 == CAMERAS_MAX => {
                log::warn!("{CAMERAS_MAX} cameras are listed, and no further one will be");
            }
            CAMERAS_MAX.. => return,
            _ => {}
        }
    }
    let new = || Seen { is_there: true, since: now, told: None };
    let seen = known.entry(name).or_insert_with(new);
    if let Some(is_there) = is_there {
        (seen.is_there, seen.since) = (is_there, now);
    }
    if let Some(state) = told {
        seen.told = Some(Told::after(seen.told.as_ref(), &state, now));
    }
}

impl Seen {
    fn member(&self, name: &Name, now: Instant) -> Member {
        let (condition, why) = self.condition(now);
        let told = self.told.as_ref();
        Member {
            host: name.host().to_owned(),
            camera: name.camera().to_owned(),
            condition,
            why,
            age_s: told.map(|it| now.saturating_duration_since(it.at).as_secs_f64()),
            rate: told.and_then(|it| it.rate),
            loss: told.and_then(|it| it.loss),
            temperature_c: told.and_then(|it| it.temperature_c),
            level: told.map_or("", |it| it.level).to_owned(),
            published: told.map_or(0, |it| it.published),
            version: told.map_or_else(String::new, |it| it.version.clone()),
        }
    }

    fn condition(&self, now: Instant) -> (Condition, String) {
        // One that tells is there, whatever was said of it: where a router is lost, so is the sign of life of a
        // camera of this very host.
        let tells = |told: &Told| told.at > self.since && !told.is_stale(now);
        if !self.is_there && !self.told.as_ref().is_some_and(tells) {
            return (Condition::Gone, String::new());
        }
        let told = match &self.told {
            None => return (Condition::Stale, "it has told nothing yet".to_owned()),
            Some(told) if told.is_stale(now) => {
                return (Condition::Stale, "it tells nothing any more".to_owned());
            }
            Some(told) => told,
        };
        if let Some(why) = &told.unready {
            return (Condition::Unready, why.clone());
        }
        if let Some(celsius) = told.temperature_c.filter(|&celsius| celsius >= HOT_C) {
            return (Condition::Hot, format!("{celsius:.0} °C"));
        }
        match told.loss.filter(|&loss| loss > LOSS_MOST) {
            Some(loss) => (Condition::Dropping, format!("{:.0} % of the frames", 100.0 * loss)),
            None => (Condition::Live, String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{FleetMetrics, Metrics, Reason};
    use crate::sink::ShowcaseSink;
    use crate::web::Face;

    fn name() -> Name {
        Name::new("host", "left").expect("a name")
    }

    /// A station that has counted so much.
    fn face(delivered: u64, lost: u64, celsius: f64) -> Face {
        let metrics = Metrics::new(&[]);
        metrics.fleet.get_or_init(|| Arc::new(FleetMetrics::new(Duration::from_secs(2))));
        metrics.load.full.add(delivered);
        (0..delivered).for_each(|_| metrics.trunk.enter().deliver());
        (0..lost).for_each(|_| metrics.trunk.enter().lose(Reason::Overflow));
        metrics.load.set_temperature(Some(celsius));
        Face {
            name: "left".to_owned(),
            sink: "zenoh".to_owned(),
            showcase: ShowcaseSink::new(1, 1).showcase(),
            metrics: Arc::new(metrics),
            desk: None,
            ended: None,
        }
    }

    fn state(face: &Face, uptime_s: u64, is_ready: bool) -> Vec<u8> {
        let mut state = State::of(face, None, Duration::from_secs(uptime_s), 0);
        if !is_ready {
            (state.ready, state.unready_because) = (false, Some("no\u{1b} frame".to_owned()));
        }
        serde_json::to_vec(&state).expect("JSON")
    }

    /// The member after these events, so many seconds after the last.
    #[track_caller]
    fn heard(events: Vec<Event>, later_s: u64) -> Member {
        let (known, start) = (Mutex::default(), Instant::now());
        events.into_iter().for_each(|event| hear(&known, event, start));
        let roster = locked(&known);
        assert_eq!(roster.len(), 1, "one camera was heard of");
        roster[&name()].member(&name(), start + Duration::from_secs(later_s))
    }

    #[track_caller]
    fn check(events: Vec<Event>, later_s: u64, expected: Condition, why: &str) {
        let member = heard(events, later_s);
        assert_eq!((member.condition, member.why.as_str()), (expected, why));
    }

    #[test]
    fn the_worst_that_holds_is_told() {
        let told = |face: &Face, uptime_s| Event::Told(name(), state(face, uptime_s, true));
        let good = || vec![Event::Came(name()), told(&face(10, 0, 60.0), 5)];
        check(vec![Event::Came(name())], 0, Condition::Stale, "it has told nothing yet");
        check(good(), 7, Condition::Live, "");
        check(good(), 8, Condition::Stale, "it tells nothing any more");
        let with = |event| good().into_iter().chain([event]).collect::<Vec<_>>();
        check(with(told(&face(20, 0, 60.0), 7)), 0, Condition::Live, "");
        check(with(told(&face(19, 1, 60.0), 7)), 0, Condition::Dropping, "10 % of the frames");
        check(with(told(&face(19, 1, 85.0), 7)), 0, Condition::Hot, "85 °C");
        let unready = Event::Told(name(), state(&face(19, 1, 85.0), 7, false));
        check(with(unready), 0, Condition::Unready, "no? frame");
        check(with(Event::Went(name())), 0, Condition::Gone, "");
        let (known, now) = (Mutex::default(), Instant::now());
        hear(&known, Event::Went(name()), now);
        let later = |seconds| now + Duration::from_secs(seconds);
        hear(&known, told(&face(10, 0, 60.0), 5), later(1));
        let condition = |seconds| locked(&known)[&name()].condition(later(seconds)).0;
        assert_eq!([2, 9].map(condition), [Condition::Live, Condition::Gone]);
    }

    #[test]
    fn rates_are_those_between_two_states_of_one_process() {
        let told =
            |frames, uptime_s| Event::Told(name(), state(&face(frames, 0, 1.0), uptime_s, true));
        assert_eq!(heard(vec![told(10, 5), told(70, 7)], 0).rate, Some(30.0));
        assert_eq!(heard(vec![told(10, 5), told(3, 1)], 0).rate, None, "another process");
    }

    #[test]
    fn what_strangers_send_is_bounded() {
        let (known, now) = (Mutex::default(), Instant::now());
        for bytes in [&b""[..], b"{}", b"[[[[", b"{\"program\":1}", &[0xFF; 64]] {
            hear(&known, Event::Told(name(), bytes.to_vec()), now);
        }
        let deep = "[".repeat(100_000).into_bytes();
        hear(&known, Event::Told(name(), deep), now);
        assert!(locked(&known).is_empty(), "what is no state makes no camera");
        for number in 0..CAMERAS_MAX + 5 {
            let name = Name::new("host", &number.to_string()).expect("a name");
            hear(&known, Event::Came(name), now);
        }
        assert_eq!(locked(&known).len(), CAMERAS_MAX);
    }

    #[test]
    fn numbers_that_no_camera_has_are_none() {
        let sinks: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        let metrics = Arc::new(Metrics::new(&sinks));
        let face = Face { metrics, ..face(0, 0, 0.0) };
        let mut state = State::of(&face, None, Duration::from_secs(1), 0);
        state.metrics.load.temperature_c = Some(1e300);
        let before = Told::after(None, &state, Instant::now());
        assert_eq!((before.temperature_c, before.books.len()), (None, 32));
        (state.metrics.load.full, state.metrics.load.wiener) = (u64::MAX, 1);
        state.uptime_s += 1e-9;
        assert_eq!(Told::after(Some(&before), &state, Instant::now()).rate, None);
    }

    proptest! {
        #[test]
        fn no_state_crashes_the_reader(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let (known, now) = (Mutex::default(), Instant::now());
            for uptime_s in [5, 7] {
                let mut bytes = state(&face(20, 1, 60.0), uptime_s, true);
                for (at, byte) in &changes {
                    *at.get_mut(&mut bytes) = *byte;
                }
                hear(&known, Event::Told(name(), bytes), now);
            }
            for (name, seen) in locked(&known).iter() {
                let member = seen.member(name, now);
                prop_assert!(serde_json::to_string(&member).expect("JSON").len() < 1000, "{member:?}");
            }
        }
    }

    #[test]
    fn those_who_went_are_forgotten_at_last() {
        let (known, now) = (Mutex::default(), Instant::now());
        hear(&known, Event::Went(name()), now);
        hear(&known, Event::Came(Name::new("host", "right").expect("a name")), now + MEMORY);
        assert_eq!(locked(&known).len(), 1);
    }
}
