//! What is done at the end, which nobody waits for where the network hangs.
//!
//! The engine tells the others what is over by messages that it does not drop: where a router has stopped
//! reading, that takes seconds, in which a camera that is to end would not end.

use std::sync::mpsc::sync_channel;
use std::thread::Builder;
use std::time::Duration;

/// How long it is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

/// Does the last thing on a thread of its own, which is left alone where it takes long.
pub(super) fn farewell(last: impl FnOnce() + Send + 'static) {
    let (sender, is_done) = sync_channel(1);
    let last = move || {
        last();
        // Nobody may wait any more.
        let _ = sender.send(());
    };
    if Builder::new().name("farewell".to_owned()).spawn(last).is_ok() {
        // Either it is done, or it is not waited for.
        let _ = is_done.recv_timeout(PATIENCE);
    }
}
