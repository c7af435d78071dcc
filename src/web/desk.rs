//! What viewers ask of a station, until the daemon takes it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wish::{Order, Wish};
use crate::fleet::Directive;

/// Writes a wish into the configuration of the station, or says why not.
pub type Keeper = dyn Fn(Wish) -> Result<(), String> + Send + Sync;

/// Room for one wish, one order and one directive.
pub struct Desk {
    left: Mutex<Left>,
    /// Names of the models that viewers may wish for.
    models: Vec<String>,
    keeper: Box<Keeper>,
    is_keeping: AtomicBool,
}

#[derive(Debug, Default)]
struct Left {
    wish: Option<Wish>,
    order: Option<Order>,
    directive: Option<Directive>,
    looked_at: Option<Instant>,
}

impl Desk {
    /// A desk of a station that has those models, and whose configuration `keeper` writes.
    pub fn new(models: Vec<String>, keeper: Box<Keeper>) -> Self {
        Self { left: Mutex::default(), models, keeper, is_keeping: AtomicBool::new(false) }
    }

    /// The models.
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// Takes the wish that waits, if any.
    pub fn take_wish(&self) -> Option<Wish> {
        self.left().wish.take()
    }

    /// Takes the order that waits, if any.
    pub fn take_order(&self) -> Option<Order> {
        self.left().order.take()
    }

    /// Takes the directive that waits, if any.
    pub fn take_directive(&self) -> Option<Directive> {
        self.left().directive.take()
    }

    /// Leaves a directive of somebody who may direct, in the place of one that still waits.
    pub fn direct(&self, directive: Directive) {
        self.left().directive = Some(directive);
    }

    /// Whether somebody looked at the page of the calibration within that time.
    pub fn is_looked_at(&self, within: Duration) -> bool {
        self.left().looked_at.is_some_and(|at| at.elapsed() < within)
    }

    /// Leaves a wish, in the place of one that still waits.
    pub(super) fn wish(&self, wish: Wish) {
        self.left().wish = Some(wish);
    }

    /// Leaves an order; whether there was room for it. There always is for breaking off.
    pub(super) fn order(&self, order: Order) -> bool {
        let mut left = self.left();
        let has_room = left.order.is_none() || order == Order::Cancel;
        if has_room {
            left.order = Some(order);
        }
        has_room
    }

    /// Somebody looks at the page of the calibration.
    pub(super) fn look(&self) {
        self.left().looked_at = Some(Instant::now());
    }

    /// Has a wish written into the configuration, on a thread of its own: a disk may not answer. Then
    /// `tell` is called, unless an earlier one is still at it; whether it will be.
    pub(super) fn keep(
        self: &Arc<Self>,
        wish: Wish,
        tell: impl FnOnce(Result<(), String>) + Send + 'static,
    ) -> bool {
        if self.is_keeping.swap(true, Ordering::AcqRel) {
            return false;
        }
        let desk = Arc::clone(self);
        let keep = move || {
            let kept = (desk.keeper)(wish);
            desk.is_keeping.store(false, Ordering::Release);
            tell(kept);
        };
        let started = std::thread::Builder::new().name("keep".to_owned()).spawn(keep);
        if let Err(error) = &started {
            log::error!("cannot start a thread: {error}");
            self.is_keeping.store(false, Ordering::Release);
        }
        started.is_ok()
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Desk").field("left", &self.left).finish_non_exhaustive()
    }
}
