//! The calibration target as a page, for a second screen or a phone.
//!
//! The picture has one pixel a cell; the page shows it so that each cell is as many whole pixels of
//! the screen as there is room for, beside plain white, plain black and a ramp of all grays.

use std::sync::LazyLock;

use hyper::StatusCode;
use hyper::body::Bytes;

use super::query::parameter;
use super::respond::{Answer, fixed, plain, typed};
use crate::calibrate::target::Pattern;

/// What can be asked for by `show=`.
const SHOWS: [&str; 4] = ["target", "white", "black", "ramp"];

/// The target that is looked for where no other is named.
static PICTURE: LazyLock<Option<Bytes>> = LazyLock::new(|| {
    let png = Pattern::default().png();
    png.inspect_err(|error| log::error!("{error}")).ok().map(Bytes::from)
});

/// The page, which reads what it is to show in its own address.
pub(super) fn page(query: Option<&str>) -> Answer {
    let show = parameter(query, "show");
    if show.is_none_or(|show| SHOWS.contains(&show)) {
        return fixed("text/html; charset=utf-8", include_str!("page/target.html"));
    }
    plain(StatusCode::BAD_REQUEST, "expected /target?show=target, white, black or ramp\n")
}

/// The target, a pixel a cell.
pub(super) fn picture() -> Answer {
    match &*PICTURE {
        Some(png) => typed("image/png", png.clone()),
        None => plain(StatusCode::INTERNAL_SERVER_ERROR, "no target\n"),
    }
}
