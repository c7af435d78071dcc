//! How hot the device is, from the thermal zones of the kernel.
//!
//! Each folder `thermal_zoneN` holds the zone's name in `type` and its temperature in thousandths
//! of a degree Celsius in `temp`. Zones that cannot be read or give no temperature are passed
//! over: on Tegra a zone of a sleeping unit gives an error or -256 °C.

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Zones that give a constant: the power controller of Tegra boards says 50 or 100 °C for ever.
const CONSTANT: &[&str] = &["PMIC-Die"];

/// Temperatures that a running device can have, in thousandths of a degree Celsius.
const PLAUSIBLE: RangeInclusive<i64> = -55_000..=150_000;

/// Files of the kernel hold a line.
const LINE_BYTES_MAX: u64 = 128;

/// The thermal zones of a device.
#[derive(Debug, Clone, Default)]
pub struct Thermal {
    zones: Vec<Zone>,
}

/// What a thermal zone says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading<'a> {
    /// Name of the zone.
    pub zone: &'a str,
    /// Its temperature in degrees Celsius.
    pub celsius: f64,
}

#[derive(Debug, Clone)]
struct Zone {
    name: String,
    temperature: PathBuf,
}

impl Thermal {
    /// The zones of this device.
    pub fn of_device() -> Self {
        Self::find(Path::new("/sys/class/thermal"))
    }

    /// The zones in a folder; none where there is no such folder.
    pub fn find(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut zones: Vec<Zone> = entries.filter_map(|entry| Zone::open(&entry.path())).collect();
        zones.sort_by(|a, b| a.temperature.cmp(&b.temperature));
        Self { zones }
    }

    /// The hottest zone now; `None` where no zone gives a temperature.
    pub fn hottest(&self) -> Option<Reading<'_>> {
        let readings = self.zones.iter().filter_map(Zone::read);
        readings.max_by(|a, b| a.celsius.total_cmp(&b.celsius))
    }
}

impl Zone {
    fn open(folder: &Path) -> Option<Self> {
        let is_zone = folder.file_name()?.to_str()?.starts_with("thermal_zone");
        let name = read_line(&folder.join("type")).filter(|_| is_zone)?;
        let is_constant = CONSTANT.contains(&name.as_str());
        (!is_constant).then(|| Self { name, temperature: folder.join("temp") })
    }

    fn read(&self) -> Option<Reading<'_>> {
        let thousandths: i64 = read_line(&self.temperature)?.parse().ok()?;
        let is_plausible = PLAUSIBLE.contains(&thousandths);
        is_plausible.then(|| Reading { zone: &self.name, celsius: thousandths as f64 / 1e3 })
    }
}

impl std::fmt::Display for Reading<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.1} °C ({})", self.celsius, self.zone)
    }
}

fn read_line(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(LINE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sees what is read of zones with these names and temperatures.
    #[track_caller]
    fn check_hottest(zones: &[(&str, &str)], expected: Option<(&str, f64)>) {
        let folder = tempfile::tempdir().expect("a folder");
        for (index, (name, temperature)) in zones.iter().enumerate() {
            let zone = folder.path().join(format!("thermal_zone{index}"));
            std::fs::create_dir(&zone).expect("a folder");
            std::fs::write(zone.join("type"), format!("{name}\n")).expect("a file");
            std::fs::write(zone.join("temp"), temperature).expect("a file");
        }
        let thermal = Thermal::find(folder.path());
        let expected = expected.map(|(zone, celsius)| Reading { zone, celsius });
        assert_eq!(thermal.hottest(), expected, "{zones:?}");
    }

    #[test]
    fn the_hottest_zone_counts() {
        check_hottest(&[], None);
        check_hottest(&[("cpu", "45500\n")], Some(("cpu", 45.5)));
        check_hottest(&[("cpu", "45500\n"), ("gpu", "61250\n")], Some(("gpu", 61.25)));
        check_hottest(&[("outdoors", "-12000\n")], Some(("outdoors", -12.0)));
    }

    #[test]
    fn zones_without_a_temperature_are_passed_over() {
        for nonsense in ["", "hot\n", "-256000\n", "999999999999999999999\n", "200000", "4e4", "\0"]
        {
            check_hottest(&[("cpu", "40000\n"), ("odd", nonsense)], Some(("cpu", 40.0)));
            check_hottest(&[("odd", nonsense)], None);
        }
        check_hottest(&[("PMIC-Die", "100000\n"), ("cpu", "40000\n")], Some(("cpu", 40.0)));
    }

    #[test]
    fn what_is_no_zone_or_is_gone_is_passed_over() {
        assert_eq!(Thermal::find(Path::new("/nowhere/at/all")).hottest(), None);
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, value: &str| {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(file, value).expect("a file");
        };
        write("cooling_device0/type", "fan");
        write("cooling_device0/temp", "90000");
        write("thermal_zone0/temp", "90000");
        write("thermal_zone1/type", "cpu");
        write("thermal_zone1/temp", "50000");
        let thermal = Thermal::find(folder.path());
        assert_eq!(thermal.hottest().map(|reading| reading.celsius), Some(50.0));
        std::fs::remove_dir_all(folder.path()).expect("gone");
        assert_eq!(thermal.hottest(), None);
    }
}
