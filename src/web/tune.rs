//! What a viewer wants frames to be restored by, for now.
//!
//! A wish is posted, waits until the daemon takes it, and goes through the same door as a reload: what
//! becomes of it stands in the state, as what becomes of a reload does. A wish that is to stay is written
//! into the configuration.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;

use super::desk::Desk;
use super::respond::{Answer, plain, told};
use super::wish::Wish;

/// How long writing may take before the viewer is told so: a golden frame is restored first.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes a wish.
pub(super) fn take(desk: &Desk, wish: Wish) -> Answer {
    desk.wish(wish);
    plain(StatusCode::ACCEPTED, "it is tried\n")
}

/// Has a wish written into the configuration.
pub(super) async fn keep(desk: &Arc<Desk>, wish: Wish) -> Answer {
    let (sender, kept) = tokio::sync::oneshot::channel();
    // Where the viewer has gone, nobody hears it.
    if !desk.keep(wish, move |result| drop(sender.send(result))) {
        return plain(StatusCode::CONFLICT, "the configuration is being written: try again\n");
    }
    match tokio::time::timeout(PATIENCE, kept).await {
        Ok(Ok(Ok(()))) => plain(StatusCode::OK, "written to the configuration\n"),
        Ok(Ok(Err(problem))) => {
            told(StatusCode::CONFLICT, format!("not written: {problem}\n").into())
        }
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "nothing is known of it yet\n"),
    }
}
