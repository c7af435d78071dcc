//! What the daemon writes into a loopback device, as v4l2-ctl reads it.

use deblurd::frame::Extent;

use crate::daemon::{CHEAP, Daemon, camera};
use crate::drivers::{Loopback, Vivid, ctl};
use crate::harness::{apply, trial};
use crate::pictures::{likeness, offline, scene, yuyv};
use crate::rig::figure;

const EXTENT: Extent = Extent::new(320, 240);

/// How alike what is read and what was restored must be where the range changes on the way.
const LIKENESS: f64 = 0.995;

#[apply(trial)]
fn yuyv_read_back() {
    check_read_back("YUYV", false, EXTENT.width * 2);
}

#[apply(trial)]
fn yu12_read_back() {
    check_read_back("YU12", false, EXTENT.width);
}

#[apply(trial)]
fn grey_read_back() {
    check_read_back("GREY", false, EXTENT.width);
}

#[apply(trial)]
fn exclusive_caps() {
    check_read_back("YUYV", true, EXTENT.width * 2);
}

/// Loops one known picture through camera, daemon and loopback device; the luma that v4l2-ctl reads
/// must be the restorer's.
fn check_read_back(format: &str, is_exclusive: bool, stride: usize) {
    let vivid = Vivid::looped();
    let device = Loopback::load(20, is_exclusive);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pictures = scene(EXTENT, 2);
    let bytes: Vec<u8> = pictures.iter().flat_map(yuyv).collect();
    let _feeder = vivid.feed(EXTENT, "YUYV", &bytes);
    let settings = format!("formats = ['YUYV']\nextent = '{EXTENT}'\n");
    let daemon = Daemon::start(&format!(
        "{}{CHEAP}[[sink]]\nkind = 'v4l2'\ndevice = '{}'\nformat = '{format}'\n",
        camera(&vivid.camera(), &settings),
        device.path.display()
    ));
    daemon.wait_for_frames(5);
    let file = folder.path().join("read.raw");
    let to = format!("--stream-to={}", file.display());
    let told = ctl(&device.path, &["--all"]);
    assert!(told.contains(&format!("'{format}'")), "{told}");
    ctl(&device.path, &["--stream-mmap", "--stream-skip=2", "--stream-count=3", &to]);
    let bytes = std::fs::read(&file).expect("what was read");
    let luma = luma_of(&bytes[bytes.len() * 2 / 3..], format, stride);
    let expected = pictures.iter().map(offline);
    let known: Vec<_> = expected.map(|picture| picture.planes()[0].samples().to_vec()).collect();
    if format == "GREY" {
        // Gray devices are of full range.
        let best = known.iter().map(|known| likeness(&luma, known)).fold(0.0, f64::max);
        figure("GREY read back", format!("likeness {best:.4}"));
        assert!(best > LIKENESS, "like what was restored by {best:.4}");
    } else {
        assert!(known.contains(&luma), "{format}: the luma is not the restorer's");
        figure(&format!("{format} read back"), "luma equal to the offline restorer's");
    }
}

/// The luma of a frame in the bytes of a format.
fn luma_of(bytes: &[u8], format: &str, stride: usize) -> Vec<u16> {
    let step = if format == "YUYV" { 2 } else { 1 };
    let rows = bytes.chunks_exact(stride).take(EXTENT.height);
    rows.flat_map(|row| row.iter().step_by(step).map(|&byte| byte.into())).collect()
}

#[apply(trial)]
fn a_missing_device_tells_its_cure() {
    let scene = "[source]\nkind = 'scene'\nextent = '320x180'\nrate = 15\n";
    let sink = "[[sink]]\nkind = 'v4l2'\ndevice = '/dev/video77'\nformat = 'YUYV'\n";
    let (code, log) = Daemon::start_unasked(&format!("{scene}{CHEAP}{sink}")).wait();
    assert_eq!(code, Some(73), "{log}");
    assert!(log.contains("modprobe v4l2loopback"), "no cure in:\n{log}");
}
