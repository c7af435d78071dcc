//! A command from one start to its end, and the stream that it writes.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::command::{Ended, Program, Running};
use crate::frame::{Picture, PictureFormat};
use crate::source::adapt::Adapter;
use crate::source::y4m::{Ahead, Next};

/// How long the end of a command is waited for whose stream has ended.
const SETTLING: Duration = Duration::from_millis(100);

/// A command that was started.
#[derive(Debug)]
pub(super) struct Session {
    running: Running,
    ahead: Ahead,
    /// Where its pictures are not in the format of ours: the way to that.
    adapter: Option<Adapter>,
    /// When its last picture had come, or it was started.
    pub(super) last: Instant,
    /// Whether a picture has come.
    pub(super) is_live: bool,
}

impl Session {
    /// Starts a command; `name` is for messages.
    pub(super) fn start(program: &Program, name: &str, now: Instant) -> io::Result<Self> {
        let (running, outlet) = Running::writer(program)?;
        let ahead = Ahead::start(outlet, PathBuf::from(name), None)?;
        Ok(Self { running, ahead, adapter: None, last: now, is_live: false })
    }

    /// What comes within `patience`.
    pub(super) fn next(&self, patience: Duration) -> Next {
        self.ahead.next(Some(patience))
    }

    /// Its pictures are in one format, ours in another, or in the same.
    pub(super) fn begin(&mut self, is: PictureFormat, ours: PictureFormat) {
        self.adapter = (is != ours).then(|| Adapter::plan(is, ours));
        self.ahead.supply(is);
    }

    /// Puts a picture into `target`.
    pub(super) fn give(&mut self, mut picture: Picture, came: Instant, target: &mut Picture) {
        (self.last, self.is_live) = (came, true);
        match &self.adapter {
            Some(adapter) => adapter.apply(&picture, target),
            None => std::mem::swap(&mut picture, target),
        }
        self.ahead.give_back(picture);
    }

    /// Ends it. One whose stream has ended may do so by itself.
    pub(super) fn end(mut self, has_ended: bool) -> Ended {
        self.running.is_over(if has_ended { SETTLING } else { Duration::ZERO });
        self.running.end()
    }
}
