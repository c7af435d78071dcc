//! Changing the stages while frames flow.
//!
//! A plan is one list of stages for each group, planned together: planes, pools and models of two
//! plans do not fit each other. So a frame is served by one plan from the first group to the last.
//! The first group takes the newest plan between two frames and writes its number into every frame
//! that follows; each later group changes to a plan when the first frame of that number comes by.
//! Frames keep their order, so no frame of an older plan can follow. A frame that is displaced on
//! its way takes nothing with it: the stages wait here until a frame of their number, or of a later
//! one, arrives.
//!
//! Groups look at one atomic number a frame; the lock is taken only when a plan changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::StageMetrics;
use crate::restore::Stage;

/// The stages of one group, each with its books.
pub(super) type Group = Vec<(Box<dyn Stage>, Arc<StageMetrics>)>;

/// Plans that were offered and not taken by all groups yet.
#[derive(Default)]
pub(super) struct Plans {
    newest: AtomicU64,
    waiting: Mutex<Vec<Plan>>,
}

struct Plan {
    number: u64,
    groups: Vec<Option<Group>>,
}

impl Plans {
    /// Offers a plan with stages for every group. One that was offered before and that no frame
    /// has met yet is dropped.
    pub(super) fn offer(&self, groups: Vec<Group>) {
        let mut waiting = self.waiting();
        waiting.retain(|plan| plan.groups.first().is_none_or(Option::is_none));
        let number = self.newest.load(Ordering::Relaxed) + 1;
        waiting.push(Plan { number, groups: groups.into_iter().map(Some).collect() });
        self.newest.store(number, Ordering::Release);
    }

    /// Whether the plan that was offered last has been taken by all groups.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Number and stages of the newest plan for the first group, where it is newer than `present`.
    pub(super) fn newer_than(&self, present: u64) -> Option<(u64, Group)> {
        let newest = self.newest.load(Ordering::Acquire);
        if newest <= present {
            return None;
        }
        self.take(newest, 0).map(|stages| (newest, stages))
    }

    /// The stages of plan `number` for a group. The last group's taking ends the wait of this plan
    /// and of those before it.
    pub(super) fn take(&self, number: u64, group: usize) -> Option<Group> {
        let mut waiting = self.waiting();
        let plan = waiting.iter_mut().find(|plan| plan.number == number)?;
        let is_last = group + 1 == plan.groups.len();
        let stages = plan.groups.get_mut(group)?.take();
        if is_last {
            waiting.retain(|plan| plan.number > number);
        }
        stages
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Plan>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Plans").field("newest", &self.newest).finish_non_exhaustive()
    }
}
