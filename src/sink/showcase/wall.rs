//! Where the frames of one kind are shown, and who waits there.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::view::{Exhibit, View};

/// How long after a viewer's last request frames are still encoded.
const INTEREST: Duration = Duration::from_secs(2);

/// The newest frame of one kind, and the interest in it.
#[derive(Debug)]
pub(super) struct Wall {
    view: View,
    started: Instant,
    hung: Mutex<Hung>,
    /// Viewers that are waiting for a frame.
    waiting: AtomicUsize,
    /// Milliseconds from the start until interest ends.
    wanted_until: AtomicU64,
}

#[derive(Debug, Default)]
struct Hung {
    newest: Option<Arc<Exhibit>>,
    /// Those who are woken by the next frame, by ticket.
    wakers: BTreeMap<u64, Waker>,
    tickets: u64,
}

impl Wall {
    pub(super) fn new(view: View, started: Instant) -> Self {
        Self {
            view,
            started,
            hung: Mutex::default(),
            waiting: AtomicUsize::new(0),
            wanted_until: AtomicU64::new(0),
        }
    }

    pub(super) fn newest(&self) -> Option<Arc<Exhibit>> {
        self.hung().newest.clone()
    }

    /// Whether a viewer waits for a frame or took one lately.
    pub(super) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
            || self.now_ms() < self.wanted_until.load(Ordering::Relaxed)
    }

    /// Hands a frame to all its viewers.
    pub(super) fn show(&self, exhibit: Exhibit) {
        let mut hung = self.hung();
        hung.newest = Some(Arc::new(exhibit));
        let wakers = std::mem::take(&mut hung.wakers);
        drop(hung);
        wakers.into_values().for_each(Waker::wake);
    }

    fn hung(&self) -> MutexGuard<'_, Hung> {
        self.hung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The next frame of a kind. Its kind is wanted while this is held, and for a while after it is
/// dropped where its viewers go on.
#[derive(Debug)]
pub struct Next {
    wall: Arc<Wall>,
    after: u64,
    ticket: u64,
}

impl Next {
    pub(super) fn new(wall: &Arc<Wall>, after: u64) -> Self {
        wall.waiting.fetch_add(1, Ordering::Relaxed);
        let mut hung = wall.hung();
        hung.tickets += 1;
        let ticket = hung.tickets;
        drop(hung);
        Self { wall: Arc::clone(wall), after, ticket }
    }
}

impl Future for Next {
    type Output = Arc<Exhibit>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut hung = self.wall.hung();
        match &hung.newest {
            Some(newest) if newest.number != self.after => Poll::Ready(Arc::clone(newest)),
            _ => {
                hung.wakers.insert(self.ticket, context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        let wall = &self.wall;
        wall.hung().wakers.remove(&self.ticket);
        if wall.view.goes_on() {
            wall.wanted_until.store(wall.now_ms() + millis(INTEREST), Ordering::Relaxed);
        }
        wall.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
