//! Questions that wait to be answered: few, and not many bytes.
//!
//! The engine's own threads only put questions down here. Whoever asks when there is no room gets no
//! answer, which is better than to keep the engine waiting or to take memory as strangers please.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use zenoh::query::Query;

use crate::fleet::{Directive, Subject};

/// Questions that wait, at most.
const WAITING: usize = 32;

/// Bytes that those have brought, at most: the largest directive fits twice.
const BYTES_MAX: usize = 2 * (Directive::BODY_BYTES_MAX + 1024);

/// A question, and how many bytes it has brought.
type Question = (Subject, Query, usize);

/// Where questions are put down.
#[derive(Clone)]
pub(super) struct Slot {
    sender: SyncSender<Question>,
    bytes: Arc<AtomicUsize>,
}

/// Where they are taken from.
pub(super) struct Inbox {
    receiver: Receiver<Question>,
    bytes: Arc<AtomicUsize>,
}

/// An empty inbox, and its slot.
pub(super) fn inbox() -> (Slot, Inbox) {
    let (sender, receiver) = sync_channel(WAITING);
    let bytes = Arc::<AtomicUsize>::default();
    (Slot { sender, bytes: Arc::clone(&bytes) }, Inbox { receiver, bytes })
}

impl Slot {
    /// Puts a question down; it is over without an answer where there is no room.
    pub(super) fn put(&self, subject: Subject, query: Query) {
        let length = query.payload().map_or(0, |sent| sent.len());
        let add = |bytes: usize| bytes.checked_add(length).filter(|&bytes| bytes <= BYTES_MAX);
        let order = Ordering::Relaxed;
        if self.bytes.fetch_update(order, order, add).is_err() {
            return;
        }
        if self.sender.try_send((subject, query, length)).is_err() {
            self.bytes.fetch_sub(length, order);
        }
    }
}

impl Inbox {
    /// The next question, where one comes within that time.
    pub(super) fn next(&self, patience: Duration) -> Option<(Subject, Query)> {
        let (subject, query, length) = self.receiver.recv_timeout(patience).ok()?;
        self.bytes.fetch_sub(length, Ordering::Relaxed);
        Some((subject, query))
    }
}
