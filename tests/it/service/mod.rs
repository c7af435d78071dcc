//! The daemon as a service: what it tells the service manager, how it loads its configuration
//! again, what its log looks like, and the units that start it.

mod calibrating;
mod cameras;
mod hostile;
mod journal;
mod manager;
mod notify;
mod priority;
mod reload;
mod tuning;
mod units;
