//! What is told of a station to those who ask no server: to other hosts.

use std::time::Duration;

use super::exposition;
use super::face::Face;
use super::options::Limits;
use super::state::State;

impl Face {
    /// What the server would tell at `/state`, as JSON, of a program that has run for so long.
    pub fn state(&self, uptime: Duration) -> Vec<u8> {
        let unready = self.unreadiness(Limits::default().stall_patience);
        // Numbers and texts can be written.
        serde_json::to_vec(&State::of(self, unready, uptime, 0)).unwrap_or_default()
    }

    /// What the server would tell at `/metrics`, as OpenMetrics text.
    pub fn statistics(&self, uptime: Duration) -> Vec<u8> {
        let patience = Limits::default().stall_patience;
        exposition::of_station(self, patience, uptime).unwrap_or_default().into_bytes()
    }
}
