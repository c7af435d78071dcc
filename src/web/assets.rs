//! What pages are made of, compiled into the program.
//!
//! Pages begin with the same lines, which are written once.

use super::respond::{Answer, fixed};
use super::target;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const OVERVIEW: &str = concat!(include_str!("page/head.html"), include_str!("page/overview.html"));
const FLEET: &str = concat!(include_str!("page/head.html"), include_str!("page/fleet.html"));
const PAGE: &str = concat!(include_str!("page/head.html"), include_str!("page/page.html"));
const CALIBRATE: &str =
    concat!(include_str!("page/head.html"), include_str!("page/calibrate.html"));

/// What stands at an address of every page: of one camera and of all.
pub(super) fn shared(path: &str, query: Option<&str>) -> Option<Answer> {
    Some(match path {
        "/common.js" => fixed(SCRIPT, include_str!("page/common.js")),
        "/page.css" => fixed(CSS, include_str!("page/page.css")),
        "/fleet" => fixed(HTML, FLEET),
        "/fleet.css" => fixed(CSS, include_str!("page/fleet.css")),
        "/fleet.js" => fixed(SCRIPT, include_str!("page/fleet.js")),
        "/icon.svg" => fixed("image/svg+xml", include_str!("page/icon.svg")),
        "/target" => target::page(query),
        "/target.css" => fixed(CSS, include_str!("page/target.css")),
        "/target.js" => fixed(SCRIPT, include_str!("page/target.js")),
        "/target.png" => target::picture(),
        _ => return None,
    })
}

/// What stands at an address of one camera.
pub(super) fn of_one(path: &str) -> Option<Answer> {
    Some(match path {
        "/" => fixed(HTML, PAGE),
        "/stage.css" => fixed(CSS, include_str!("page/stage.css")),
        "/picture.js" => fixed(SCRIPT, include_str!("page/picture.js")),
        "/figures.js" => fixed(SCRIPT, include_str!("page/figures.js")),
        "/plot.js" => fixed(SCRIPT, include_str!("page/plot.js")),
        "/tune.js" => fixed(SCRIPT, include_str!("page/tune.js")),
        "/page.js" => fixed(SCRIPT, include_str!("page/page.js")),
        "/calibrate" => fixed(HTML, CALIBRATE),
        "/calibrate.css" => fixed(CSS, include_str!("page/calibrate.css")),
        "/calibrate.js" => fixed(SCRIPT, include_str!("page/calibrate.js")),
        _ => return None,
    })
}

/// What stands at an address of all cameras.
pub(super) fn of_all(path: &str) -> Option<Answer> {
    Some(match path {
        "/" => fixed(HTML, OVERVIEW),
        "/overview.js" => fixed(SCRIPT, include_str!("page/overview.js")),
        "/overview.css" => fixed(CSS, include_str!("page/overview.css")),
        _ => return None,
    })
}
