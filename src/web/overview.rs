//! What is of all stations where there are several: a page with all pictures, their states, health and
//! statistics.

use hyper::StatusCode;
use hyper::body::Bytes;

use super::accept::Dialect;
use super::assets;
use super::respond::{Answer, json, plain, status, told};
use super::site::Site;
use super::state::{NamedState, States};

/// What addresses of the only station begin with, where that could be a name.
const ADDRESSES: [&str; 15] = [
    "calibrate",
    "figures",
    "fleet",
    "frame",
    "healthz",
    "login",
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

/// Where all cameras of a fleet are told of.
pub(super) const FLEET: &str = "/fleet.json";

/// Whether a name is an address of a page already, so that no station can bear it.
pub fn is_address(name: &str) -> bool {
    ADDRESSES.iter().any(|address| name.eq_ignore_ascii_case(address))
}

impl Site {
    /// The answer where no station is named.
    pub(super) fn overview(&self, path: &str, query: Option<&str>, dialect: Dialect) -> Answer {
        if let Some(asset) = assets::shared(path, query).or_else(|| assets::of_all(path)) {
            return asset;
        }
        match path {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness(None),
            "/state" => json(&self.states()),
            "/stations" => self.stations(),
            FLEET => self.fleet(),
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

    /// All cameras of the fleet that this server hears of; nothing where it hears of none.
    pub(super) fn fleet(&self) -> Answer {
        match self.roster.get() {
            Some(roster) => json(&roster.members()),
            // No error: the overview asks whether there is one.
            None => status(StatusCode::NO_CONTENT, Bytes::new()),
        }
    }

    fn states(&self) -> States {
        let faces = self.faces(None).into_iter();
        let state = faces.map(|face| NamedState { state: self.state(&face), name: face.name });
        States { cameras: state.collect() }
    }
}
