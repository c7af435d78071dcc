//! Programs of others that write frames to us, or read them from us.
//!
//! A command is a list of words, the program and its arguments, which nobody interprets; a shell
//! reads it only where one is asked for. It runs in a process group of its own, so that whatever it
//! starts ends with it: the group is asked to end (SIGTERM) and, where that does not help within
//! [`GRACE`], ended (SIGKILL). Nothing here waits longer than it says, whatever a command does: pipes
//! are read with an eye on the clock, and what it says on its standard error is read by a thread that
//! keeps the last few lines.
//!
//! A daemon that is killed itself can end nobody. Its commands see their pipes closed then, and a
//! service manager ends what is left.

mod program; // what is run
mod group; // a process with all that it starts
mod outlet; // what it writes
mod words; // what it says last
mod running; // from its start to its end
mod pauses; // when it is started again

pub use group::end_all;
pub use outlet::Outlet;
pub use pauses::Pauses;
pub use program::Program;
pub use running::{Ended, GRACE, Running};
