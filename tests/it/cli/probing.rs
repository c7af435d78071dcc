//! `deblurd probe`, on a machine with whatever devices there are.

use std::path::Path;

use serde_json::Value;

use crate::harness::{apply, trial};
use crate::program::Workshop;

#[apply(trial)]
fn probe_tells_what_there_is() {
    let workshop = Workshop::new();
    let json = workshop.succeed(&["probe", "--json"]).text();
    let reports: Value = serde_json::from_str(&json).expect("JSON");
    let reports = reports.as_array().expect("an array");
    let text = workshop.succeed(&["probe"]).text();
    for report in reports {
        let device = report["device"].as_str().expect("a device");
        assert!(Path::new(device).exists(), "{device} is not there");
        assert!(text.contains(device), "{device} is not in:\n{text}");
    }
    if reports.is_empty() {
        assert!(text.starts_with("no cameras"), "{text}");
        assert!(text.contains("modprobe v4l2loopback"), "{text}");
    }
}
