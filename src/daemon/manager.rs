//! Reports to the service manager, by the protocol of `sd_notify(3)`.
//!
//! Messages go through a short queue to a thread of their own: a service manager that does not
//! read holds nothing up, and a message that finds the queue full is lost. Without a service
//! manager (no variable NOTIFY_SOCKET) nothing is sent.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use sd_notify::NotifyState;

/// Messages that wait for a service manager which reads slowly.
const QUEUE: usize = 16;

/// Time that the last messages may take.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The service manager of the system, where there is one.
#[derive(Debug)]
pub struct ServiceManager {
    outbox: Option<SyncSender<String>>,
    /// Closed when all is sent.
    told: Receiver<()>,
}

impl ServiceManager {
    /// The one that started this process.
    pub fn of_process() -> Self {
        let (outbox, messages) = sync_channel::<String>(QUEUE);
        let (telling, told) = sync_channel(1);
        let has_listener = std::env::var_os("NOTIFY_SOCKET").is_some();
        let thread = std::thread::Builder::new().name("notify".to_owned());
        let is_heard = has_listener
            && thread
                .spawn(move || {
                    tell_all(&messages);
                    drop(telling);
                })
                .inspect_err(|error| log::warn!("cannot tell the service manager: {error}"))
                .is_ok();
        Self { outbox: is_heard.then_some(outbox), told }
    }

    /// How long the service manager waits for [`Self::alive`] before it ends the process; `None`
    /// where it has no watchdog.
    pub fn patience(&self) -> Option<Duration> {
        self.outbox.as_ref().and_then(|_| sd_notify::watchdog_enabled())
    }

    /// The daemon has started; also: a reload is over.
    pub fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// The status in one sentence.
    pub fn status(&self, sentence: &str) {
        self.tell(&[NotifyState::Status(&one_line(sentence))]);
    }

    /// The watchdog is fed.
    pub fn alive(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// The configuration is being loaded again; [`Self::ready`] says when that is over.
    pub fn reloading(&self) {
        // Newer service managers want to know when, to tell this message from an earlier reload's.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// The daemon ends.
    pub fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// The daemon ends because of a failure; `errno` is the system's error number, where it was
    /// the system that failed.
    pub fn failed(&self, reason: &str, errno: Option<i32>) {
        self.status(&format!("failed: {reason}"));
        if let Some(errno) = errno.and_then(|errno| u32::try_from(errno).ok()) {
            self.tell(&[NotifyState::Errno(errno)]);
        }
    }

    fn tell(&self, message: &[NotifyState<'_>]) {
        if let Some(outbox) = &self.outbox {
            let lines: Vec<String> = message.iter().map(ToString::to_string).collect();
            // Where the queue is full, the message is lost.
            let _ = outbox.try_send(lines.join("\n"));
        }
    }
}

impl Drop for ServiceManager {
    /// Waits, but not for long, until all is sent.
    fn drop(&mut self) {
        if self.outbox.take().is_some() {
            let _ = self.told.recv_timeout(LAST_WORDS);
        }
    }
}

fn tell_all(messages: &Receiver<String>) {
    for message in messages {
        if let Err(error) = sd_notify::notify(&[NotifyState::Custom(&message)]) {
            log::warn!("cannot tell the service manager: {error}");
        }
    }
}

/// A sentence without line breaks, which would end the message's field.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r', '\0'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line() {
        assert_eq!(one_line("all is well"), "all is well");
        assert_eq!(one_line(" a\r\nREADY=1\n\n b\0c "), "a; READY=1; b; c");
        assert_eq!(one_line("\n"), "");
    }
}
