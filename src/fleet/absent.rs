//! What there is in the place of the engine without the cargo feature `fleet`: [`Link::open`] says so, and nothing
//! else can be made without a link.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Demand, Event, FleetError, Name, Reply, Station, Subject};

/// A connection to the fleet, which there is none of.
#[derive(Debug)]
pub struct Link(Infallible);

/// Publishes the frames of one camera.
#[derive(Debug)]
pub struct Outlet(Infallible);

/// Shows that a station is there.
#[derive(Debug)]
pub struct Presence(Infallible);

/// Hears of all cameras.
#[derive(Debug)]
pub struct Watch(Infallible);

impl Link {
    /// No link.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &Path) -> Result<Arc<Self>, FleetError> {
        Err(FleetError::NotBuilt)
    }

    /// Never called: there is none.
    pub fn wait(&self, _: Duration) -> bool {
        match self.0 {}
    }
}

impl Outlet {
    /// Never called: there is no link.
    pub fn new(link: Arc<Link>, _: &Name, _: &'static str) -> Self {
        match link.0 {}
    }

    /// Never called: there is none.
    pub fn demand(&mut self) -> Demand {
        match self.0 {}
    }

    /// Never called: there is none.
    ///
    /// # Errors
    /// None.
    pub fn put(&self, _: Vec<u8>, _: &[u8]) -> Result<(), FleetError> {
        match self.0 {}
    }
}

impl Presence {
    /// Never called: there is no link.
    ///
    /// # Errors
    /// None.
    pub fn begin(
        link: Arc<Link>,
        _: Name,
        _: Duration,
        _: Arc<dyn Station>,
    ) -> Result<Self, FleetError> {
        match link.0 {}
    }
}

impl Watch {
    /// Never called: there is no link.
    ///
    /// # Errors
    /// None.
    pub fn begin(
        link: Arc<Link>,
        _: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, FleetError> {
        match link.0 {}
    }
}

/// Nothing can be checked.
///
/// # Errors
/// Always.
pub fn check(_: &Path) -> Result<(), FleetError> {
    Err(FleetError::NotBuilt)
}

/// Never called: there is no link.
///
/// # Errors
/// None.
pub fn ask(
    link: &Link,
    _: Option<&Name>,
    _: Subject,
    _: Vec<u8>,
    _: Duration,
) -> Result<Vec<Reply>, FleetError> {
    match link.0 {}
}
