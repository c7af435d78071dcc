//! A service manager for the tests: the socket that the daemon tells how it goes.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use crate::program::{DEADLINE, Workshop};

/// Listens to one daemon.
pub(super) struct Manager(UnixDatagram);

impl Manager {
    /// Listens, and has the program that `command` starts tell this one.
    pub(super) fn of(workshop: &Workshop, command: &mut Command) -> Self {
        let path = workshop.path("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(DEADLINE)).expect("a time limit");
        command.env("NOTIFY_SOCKET", path);
        Self(socket)
    }

    /// Leaves no room in its socket for what the daemon would tell.
    pub(super) fn turn_deaf(&self) {
        let path = self.0.local_addr().expect("an address");
        let path = path.as_pathname().expect("a path");
        loop {
            // One sender alone may come to its own limit first.
            let sender = UnixDatagram::unbound().expect("a socket");
            sender.set_nonblocking(true).expect("a setting");
            if sender.send_to(b"full", path).is_err() {
                return;
            }
            while sender.send_to(b"full", path).is_ok() {}
        }
    }

    /// The next message.
    #[track_caller]
    pub(super) fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let length = loop {
            match self.0.recv(&mut bytes) {
                // A wait with a limit is not taken up again after a signal.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.expect("a message"),
            }
        };
        String::from_utf8(bytes[..length].to_vec()).expect("text").trim_end().to_owned()
    }

    /// The messages up to the one that begins with `words`, which is the last.
    #[track_caller]
    pub(super) fn until(&self, words: &str) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            messages.push(self.next());
            if messages.last().is_some_and(|message| message.starts_with(words)) {
                return messages;
            }
        }
    }
}

/// A configuration of a scene without networks and a live page, for which little is to be done.
pub(super) const SMALL: &str = "[source]\nkind = 'scene'\nextent = '64x48'\n\
     [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\nguard = false\n\
     [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n";
