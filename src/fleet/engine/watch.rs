//! Who is there in the fleet, and how each goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use zenoh::sample::{Sample, SampleKind};
use zenoh::{Session, Wait};

use super::helper::{GLANCE, Helper};
use super::link::{Link, backoff, reason};
use crate::fleet::{Event, FleetError, Name, Subject};

/// Hears of all cameras until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _helper: Helper,
}

type Hear = Arc<dyn Fn(Event) + Send + Sync>;

impl Watch {
    /// Has `hear` told of all that becomes known, on threads of the engine. Those that are there already
    /// are told first.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn begin(
        link: Arc<Link>,
        hear: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, FleetError> {
        let work = move |is_over: &AtomicBool| watch(&link, Arc::new(hear), is_over);
        Ok(Self { _helper: Helper::begin("watch", work)? })
    }
}

fn watch(link: &Link, hear: Hear, is_over: &AtomicBool) {
    let (mut listening, mut backoff) = (None, backoff());
    while !is_over.load(Ordering::Relaxed) {
        let session = link.session().filter(|_| backoff.is_due(Instant::now()));
        if let (None, Some(session)) = (&listening, session) {
            match listen(session, &hear) {
                Ok(listens) => listening = Some(listens),
                Err(error) => {
                    log::error!("the fleet cannot be heard: {}", reason(&error));
                    backoff.fail(Instant::now());
                }
            }
        }
        std::thread::sleep(GLANCE);
    }
}

/// What hears while it is held.
fn listen(session: &Session, hear: &Hear) -> zenoh::Result<impl Sized + use<>> {
    let heard = |meant: Subject| {
        let hear = Arc::clone(hear);
        move |sample: Sample| event(meant, &sample).into_iter().for_each(|event| hear(event))
    };
    let told = session
        .declare_subscriber(Subject::State.of_all())
        .callback(heard(Subject::State))
        .wait()?;
    let present = session
        .liveliness()
        .declare_subscriber(Subject::Alive.of_all())
        .history(true)
        .callback(heard(Subject::Alive))
        .wait()?;
    // Of those that were there before: the next time that they tell by themselves may be far.
    let take = heard(Subject::State);
    session
        .get(Subject::State.of_all())
        .callback(move |reply| reply.into_result().into_iter().for_each(&take))
        .wait()?;
    Ok((told, present))
}

/// What a sample says, where it says what is `meant` of a camera.
fn event(meant: Subject, sample: &Sample) -> Option<Event> {
    let (name, subject) = Name::of_key(sample.key_expr().as_str())?;
    if subject != meant {
        return None;
    }
    match (meant, sample.kind()) {
        (Subject::Alive, SampleKind::Put) => Some(Event::Came(name)),
        (Subject::Alive, SampleKind::Delete) => Some(Event::Went(name)),
        (_, SampleKind::Put) if sample.payload().len() <= Event::STATE_BYTES_MAX => {
            Some(Event::Told(name, sample.payload().to_bytes().into_owned()))
        }
        _ => None,
    }
}
