//! The page of the calibration: what it tells, and what it is told.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::body::Bytes;

use super::desk::Desk;
use super::face::Face;
use super::respond::{Answer, plain, typed, with_headers};
use super::wish::Order;
use crate::metrics::{Artefacts, CalibratingPhase};

/// PSFs on a side of a grid.
const GRID_MAX: usize = 9;

/// Takes an order. One thing is done at a time.
pub(super) fn take(face: &Face, desk: &Desk, order: Order) -> Answer {
    let told = face.metrics.calibrating.snapshot();
    let is_busy = matches!(told.phase, CalibratingPhase::Gathering | CalibratingPhase::Estimating);
    match &order {
        Order::Start { grid } if grid.iter().any(|side| !(1..=GRID_MAX).contains(side)) => {
            return plain(StatusCode::BAD_REQUEST, "expected a grid from 1x1 to 9x9\n");
        }
        Order::Start { .. } | Order::Save | Order::Use if is_busy => {
            return plain(
                StatusCode::CONFLICT,
                "a calibration is under way: wait or break it off\n",
            );
        }
        Order::Save | Order::Use if told.found.is_none() => {
            return plain(StatusCode::CONFLICT, "no calibration was made yet\n");
        }
        Order::Save if told.file.is_none() => {
            let text = "the configuration names no file: [calibrate] file = \"camera.npz\"\n";
            return plain(StatusCode::CONFLICT, text);
        }
        _ => {}
    }
    desk.look();
    if desk.order(order) {
        plain(StatusCode::ACCEPTED, "it is done\n")
    } else {
        plain(StatusCode::CONFLICT, "something else was just asked for: try again\n")
    }
}

/// A picture of what was found, or its file.
pub(super) fn artefact(
    face: &Face,
    content_type: &'static str,
    which: fn(Artefacts) -> Arc<[u8]>,
) -> Answer {
    let bytes = which(face.metrics.calibrating.artefacts());
    if bytes.is_empty() {
        return plain(StatusCode::NOT_FOUND, "no calibration was made yet\n");
    }
    typed(content_type, Bytes::from_owner(bytes))
}

/// The file of what was found, to keep.
pub(super) fn file(face: &Face) -> Answer {
    let answer = artefact(face, "application/zip", |it| it.calibration);
    let disposition = ("content-disposition", "attachment; filename=\"camera.npz\"".to_owned());
    with_headers(answer, [disposition].into_iter())
}
