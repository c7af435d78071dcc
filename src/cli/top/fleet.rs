//! The cameras of a fleet on the screen.

use super::screen::{Line, Look};
use crate::cli::fleet::{rows, summary};
use crate::web::{Condition, Member};

/// Everything that is known of them, in lines as long as they are.
pub(super) fn told(members: &[Member]) -> Vec<Line> {
    let title = vec![(Look::Head, "deblurd".to_owned()), (Look::Soft, "  the fleet, ".to_owned())];
    let title = title.into_iter().chain([(Look::Plain, summary(members))]).collect();
    let mut rows = rows(members).into_iter();
    let head = rows.next().map(|(_, head)| vec![(Look::Soft, head)]);
    let rows = rows.map(|(condition, row)| vec![(look(condition), row)]);
    [title, Vec::new()].into_iter().chain(head).chain(rows).collect()
}

fn look(condition: Condition) -> Look {
    match condition {
        Condition::Gone | Condition::Stale | Condition::Unready => Look::Bad,
        Condition::Hot | Condition::Dropping => Look::Warning,
        Condition::Live => Look::Plain,
    }
}
