//! What is of all stations where there are several: a page with all pictures, their states, health and
//! statistics.

use hyper::StatusCode;

use super::accept::Dialect;
use super::respond::{Answer, fixed, plain, told};
use super::routes::{json, parameter, script};
use super::site::Site;
use super::state::{NamedState, States};
use super::target;

/// What addresses of the only station begin with, where that could be a name.
const ADDRESSES: [&str; 13] = [
    "calibrate",
    "figures",
    "frame",
    "healthz",
    "metrics",
    "overview",
    "readyz",
    "state",
    "station",
    "stations",
    "stream",
    "target",
    "tune",
];

/// Whether a name is an address of a page already, so that no station can bear it.
pub fn is_address(name: &str) -> bool {
    ADDRESSES.iter().any(|address| name.eq_ignore_ascii_case(address))
}

impl Site {
    /// The answer where no station is named.
    pub(super) fn overview(&self, path: &str, query: Option<&str>, dialect: Dialect) -> Answer {
        match path {
            "/" => fixed("text/html; charset=utf-8", include_str!("page/overview.html")),
            "/overview.js" => script(include_str!("page/overview.js")),
            "/overview.css" => fixed("text/css; charset=utf-8", include_str!("page/overview.css")),
            "/common.js" => script(include_str!("page/common.js")),
            "/page.css" => fixed("text/css; charset=utf-8", include_str!("page/page.css")),
            "/icon.svg" => fixed("image/svg+xml", include_str!("page/icon.svg")),
            "/target" => target::page(parameter(query, "show")),
            "/target.css" => fixed("text/css; charset=utf-8", include_str!("page/target.css")),
            "/target.js" => script(include_str!("page/target.js")),
            "/target.png" => target::picture(),
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness(None),
            "/state" => json(&self.states()),
            "/stations" => self.stations(),
            "/metrics" => self.metrics(None, dialect),
            _ => self.unnamed(),
        }
    }

    /// The answer to whoever asks for what only a station has, or nobody.
    pub(super) fn unnamed(&self) -> Answer {
        let names: Vec<String> = self.faces(None).into_iter().map(|face| face.name).collect();
        let text = format!(
            "no such page: there are several cameras (expected an address that begins with /{}/)\n",
            names.join("/ or /")
        );
        told(StatusCode::NOT_FOUND, text.into())
    }

    fn states(&self) -> States {
        let faces = self.faces(None).into_iter();
        let state = faces.map(|face| NamedState { state: self.state(&face), name: face.name });
        States { cameras: state.collect() }
    }
}
