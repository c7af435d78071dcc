//! The statistics of what not every station has.

use std::fmt::Error;

use super::station::Station;
use crate::metrics::{FusionSnapshot, Restoration, WatchSnapshot};
use crate::web::openmetrics::{Page, Unit};

/// What restores the frames of each station, where that is known.
pub(super) fn tell_restorations(stations: &[Station], page: &mut Page<'_>) -> Result<(), Error> {
    let known = || {
        stations
            .iter()
            .filter_map(|station| Some((station, station.snapshot.restoration.as_ref()?)))
    };
    if known().next().is_none() {
        return Ok(());
    }
    let info = known().map(|(station, it)| (station.labels(&it.words()), 1.0));
    page.gauges("restoration_info", "What restores frames", None, info)?;
    let own = |number: fn(&Restoration) -> Option<f64>| {
        known().filter_map(move |(station, it)| Some((station.labels(&[]), number(it)?)))
    };
    let help = "Root mean square width of the PSF in samples";
    page.gauges("psf_width_samples", help, None, own(|it| Some(it.width)))?;
    let help = "Deviation of the noise in 8-bit gray levels";
    page.gauges("noise_gray_levels", help, None, own(|it| Some(it.sigma)))?;
    let help = "1 where that follows the frames";
    let followed = own(|it| Some(f64::from(u8::from(it.is_followed))));
    page.gauges("noise_followed", help, None, followed)?;
    let help = "Amplitudes of the frames over those of ordinary pictures";
    page.gauges("contrast", help, None, own(|it| Some(it.contrast)))?;
    let help = "When the calibration was made, since 1970";
    let unit = Some(Unit::Seconds);
    page.gauges("calibration_timestamp", help, unit, own(|it| it.calibrated_at_s))
}

/// What averaging over frames made of them, of the stations where frames are averaged.
pub(super) fn tell_fusions(stations: &[Station], page: &mut Page<'_>) -> Result<(), Error> {
    let known = || stations.iter().filter_map(|station| Some((station, station.snapshot.fusion?)));
    if known().next().is_none() {
        return Ok(());
    }
    let gauge = |value: fn(&FusionSnapshot) -> f64| {
        known().map(move |(station, fusion)| (station.labels(&[]), value(&fusion)))
    };
    let help = "Part of the newest frame that rests and is averaged as far as is aimed at";
    page.gauges("fusion_at_rest_ratio", help, None, gauge(|it| it.at_rest))?;
    let help = "Deviation of the noise left in the newest frame over that of a single frame";
    page.gauges("fusion_noise_left_ratio", help, None, gauge(|it| it.noise_left))?;
    let count = |value: fn(&FusionSnapshot) -> u64| {
        known().map(move |(station, fusion)| (station.labels(&[]), value(&fusion)))
    };
    page.counters("fusion_frames", "Frames averaged with those before", count(|it| it.frames))?;
    let help = "Averages begun anew because frames were lost";
    page.counters("fusion_forgotten", help, count(|it| it.forgotten))
}

/// Whether the calibrations hold, of the stations where that is watched.
pub(super) fn tell_watches(stations: &[Station], page: &mut Page<'_>) -> Result<(), Error> {
    let known =
        || stations.iter().filter_map(|station| Some((station, station.snapshot.watch.as_ref()?)));
    if known().next().is_none() {
        return Ok(());
    }
    let standings = known().flat_map(|(station, watch)| {
        let standings = WatchSnapshot::STANDINGS.map(|name| (name, name == watch.standing));
        station.states("state", &standings)
    });
    page.gauges("calibration_state", "Whether the calibration still holds", None, standings)?;
    let scale = known().filter_map(|(station, watch)| Some((station.labels(&[]), watch.scale?)));
    let help = "Width of the blur relative to that of the calibration";
    page.gauges("calibration_blur_scale", help, None, scale)?;
    let looks = known().flat_map(|(station, watch)| {
        let looks = [("told", watch.told), ("passed", watch.passed)];
        looks.map(|(result, count)| (station.labels(&[("result", result)]), count))
    });
    page.counters("calibration_looks", "Frames looked at for the width of the blur", looks)
}

/// What the guards of these stations held back.
pub(super) fn tell_guards(stations: &[Station], page: &mut Page<'_>) -> Result<(), Error> {
    let known = || {
        let guards = stations.iter().map(|station| (station, station.snapshot.guard));
        guards.filter_map(|(station, guard)| Some((station, guard?)))
    };
    let share = known().map(|(station, guard)| (station.labels(&[]), guard.newest));
    let help = "Share of the newest frame's restoration that was held back";
    page.gauges("guard_held", help, Some(Unit::Ratios), share)?;
    let frames = known().flat_map(|(station, guard)| {
        let counts = [("held", guard.held), ("kept", guard.looked.saturating_sub(guard.held))];
        counts.map(|(result, count)| (station.labels(&[("result", result)]), count))
    });
    page.counters(
        "guard_frames",
        "Frames looked at, of which something was held back or not",
        frames,
    )
}

/// What graphics cards do for these stations.
pub(super) fn tell_cards(stations: &[Station], page: &mut Page<'_>) -> Result<(), Error> {
    let known = || {
        let cards = stations.iter().map(|station| (station, station.snapshot.card));
        cards.filter_map(|(station, card)| Some((station, card?)))
    };
    let newest = known().map(|(station, card)| (station.labels(&[]), card.newest_s));
    let help = "What the graphics card worked at the newest frame";
    page.gauges("gpu_frame", help, Some(Unit::Seconds), newest)?;
    let frames = known().map(|(station, card)| (station.labels(&[]), card.frames));
    page.counters("gpu_frames", "Frames that the graphics card worked at", frames)
}

/// What these stations tell a fleet, and what they are told.
pub(super) fn tell_fleets(stations: &[Station], page: &mut Page<'_>) -> Result<(), Error> {
    let known = || {
        let fleets = stations.iter().map(|station| (station, station.snapshot.fleet.as_ref()));
        fleets.filter_map(|(station, fleet)| Some((station, fleet?)))
    };
    let frames = known().flat_map(|(station, fleet)| {
        let counts = [("published", fleet.published), ("passed", fleet.passed)];
        counts.map(|(result, count)| (station.labels(&[("result", result)]), count))
    });
    let help = "Frames published for other hosts, or passed over as nobody wanted them or as they were too many";
    page.counters("fleet_frames", help, frames)?;
    let directives = known().flat_map(|(station, fleet)| {
        let counts = [("taken", fleet.directives_taken), ("refused", fleet.directives_refused)];
        counts.map(|(result, count)| (station.labels(&[("result", result)]), count))
    });
    page.counters("fleet_directives", "Directives from other hosts", directives)
}
