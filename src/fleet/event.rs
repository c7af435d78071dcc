//! What the engine and those who use it say to each other.

use super::directive::Directive;
use super::gate::Gate;
use super::name::Name;

/// What becomes known of a camera somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is there.
    Came(Name),
    /// It has gone, or nobody hears it any more.
    Went(Name),
    /// How it goes: the bytes that it told, at most [`Event::STATE_BYTES_MAX`].
    Told(Name, Vec<u8>),
}

impl Event {
    /// States of more bytes are none, and are not passed on.
    pub const STATE_BYTES_MAX: usize = 256 << 10;
}

/// Who wants frames now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// It is not known: there is no connection yet.
    Unknown,
    /// Nobody.
    None,
    /// Somebody.
    Some,
}

/// A station that others may ask, on threads of the engine: nothing here may wait.
pub trait Station: Send + Sync + 'static {
    /// How it goes, as JSON.
    fn state(&self) -> Vec<u8>;

    /// What is counted, as OpenMetrics text.
    fn metrics(&self) -> Vec<u8>;

    /// Who may direct it.
    fn gate(&self) -> &Gate;

    /// Takes a directive that the gate let through.
    fn take(&self, directive: Directive);
}

/// What one camera answered to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Whose answer it is.
    pub name: Name,
    /// What it said, or why it refused.
    pub answer: Result<Vec<u8>, String>,
}
