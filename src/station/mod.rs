//! One camera, from what was asked for to a running thing.
//!
//! ```text
//! configuration ─▶ Material (all bytes) ─▶ trial ─▶ Loaded ─▶ Assembly ─▶ pipeline
//!                      ▲                                                    ▲
//!                      └──────────────────── reload ────────────────────────┘
//! ```
//!
//! [`Material`] is everything that a configuration names, read once. [`Loaded`] is what it means;
//! [`Assembly`] is what a pipeline is built of. The golden frame says whether a restoration does
//! any good; before a reload and in a check, a [`trial`] in a process of its own says whether it can
//! be loaded at all.

pub mod backend;
pub mod load;
pub mod trial;

mod apart;
mod assemble;
mod calibrating;
mod doubts;
mod entry;
mod error;
mod following;
mod golden;
mod keep;
mod known;
mod level;
mod material;
mod outputs;
mod pattern;
mod portrait;
mod recipe;
mod reload;
mod spare;
mod thermal;
mod told;
mod tuning;
mod watch;

pub use assemble::{Assembly, executor, open_source, open_y4m_sink, stoppable};
pub use calibrating::{Bench, Calibrator, Settings, origin};
pub use doubts::{of_frame as doubts_of_frame, of_source as doubts_of_source};
pub use entry::{Entry, cameras, check_cameras, check_each};
pub use error::{Fault, StationError};
pub use following::{Following, Hear};
pub use golden::{Golden, rehearse};
pub use keep::keep;
pub use known::Known;
pub use level::Keeper;
pub use load::LoadError;
pub use material::{Attempt, Loaded, Material, source_of};
pub use outputs::{Outputs, Page, Post, sink_names, try_sink};
pub use pattern::pattern;
pub use recipe::{Recipe, gauge};
pub use reload::{Phase, Reloader, Running};
pub use thermal::{Reading, Thermal};
pub use told::Told;
pub use tuning::Tuning;
pub use watch::Watcher;
