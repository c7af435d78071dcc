//! Where frames go.
//!
//! A folder of PNG files ([`PngSink`]), a recording of limited size ([`RecordSink`]), a Y4M stream
//! ([`Y4mSink`]), a command that reads one ([`CommandSink`]), a video device ([`V4l2Sink`]), shared
//! memory for other processes ([`Iceoryx2Sink`]), other hosts ([`ZenohSink`]) and the showcase that the live page looks at ([`ShowcaseSink`]).

mod colour;
mod command;
mod contract;
mod encode;
mod folder;
mod iceoryx2;
mod png;
mod record;
mod showcase;
mod v4l2;
mod whole;
pub mod wire;
mod y4m;
mod zenoh;

pub use self::command::{CommandSink, CommandSinkOptions};
pub use self::iceoryx2::{Iceoryx2Options, Iceoryx2Sink};
pub use self::y4m::{Y4mSink, Y4mSinkOptions};
pub use self::zenoh::ZenohSink;
pub use contract::{Sink, SinkError};
pub use encode::{encode_jpeg, encode_png, encode_tagged_jpeg, encode_tagged_png};
pub use png::{PngOptions, PngSink};
pub use record::{PictureKind, RecordOptions, RecordSink, from_words, in_words};
pub use showcase::{Exhibit, Next, Showcase, ShowcaseSink, Side, View};
pub use v4l2::{OutputFormat, Packer, V4l2Sink, V4l2SinkOptions};
pub use whole::{Place, is_special, remove_unfinished, rewrite_whole, try_writing, write_whole};
