//! A running station is calibrated from its page.

use std::time::Instant;

use deblurd::calibrate::target::Pattern;
use deblurd::frame::Extent;
use deblurd::optics::{Calibration, Method};
use deblurd::sink::encode_png;
use serde_json::Value;

use super::manager::SMALL;
use super::notify::check_ends;
use super::reload::{Daemon, reloads};
use super::tuning::{JSON, post_to};
use crate::browser::Browser;
use crate::harness::{apply, trial};
use crate::program::{DEADLINE, Workshop, wait_for_json, wait_for_state};
use crate::target::photograph::Photograph;
use crate::target::{error, psf};

const STATE: &str = "/calibrate/state";

/// A camera that looks at the target; its PSF is the truth.
const CAMERA: &str = "[source]\nkind = 'files'\npaths = ['frames']\nrate = 5\nlive = true\nrepeat = true\n\
     [restore]\npsf = 'disk:1'\nsigma = 2.55\nmodel = 'none'\n\
     [calibrate]\nfile = 'out/camera.npz'\n\
     [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n";
const PSF: &str = "disk:2";
const EXTENT: Extent = Extent::new(232, 300);

/// Photographs of the target in a folder.
fn photographs(workshop: &Workshop) {
    let photograph = Photograph {
        extent: EXTENT,
        middle: [116.0, 150.0],
        cell: 1.9,
        turn: 4.0,
        tilt: [0.03, -0.02],
        ..Photograph::default()
    };
    workshop.make_folder("frames");
    for (number, frame) in photograph.take(&Pattern::default(), &psf(PSF), 4).iter().enumerate() {
        workshop.write(&format!("frames/{number}.png"), encode_png(frame).expect("a PNG"));
    }
}

fn order(daemon: &Daemon, body: &str) -> (u16, String) {
    post_to(daemon, "/calibrate", JSON, body)
}

#[track_caller]
fn check_order(daemon: &Daemon, body: &str, status: u16, words: &str) {
    let (is, told) = order(daemon, body);
    assert!(is == status && told.contains(words), "{body}: {is} {told}");
}

/// What the page says of one of its parts.
fn text(browser: &Browser, id: &str) -> String {
    let text = browser.run(&format!("return document.getElementById('{id}').textContent"));
    text.as_str().expect("text").to_owned()
}

/// Waits, as long as a program may take, for something that a page shows.
#[track_caller]
fn wait_long(browser: &Browser, expression: &str) {
    let start = Instant::now();
    while browser.run(&format!("return Boolean({expression})")) != true {
        assert!(start.elapsed() < DEADLINE, "never true: {expression}");
    }
}

#[apply(trial)]
#[needs(Browser)]
fn a_camera_is_calibrated_from_start_to_use() {
    let workshop = Workshop::new();
    photographs(&workshop);
    let daemon = Daemon::start_in(workshop, CAMERA);
    let browser = Browser::start();
    browser.open(&format!("http://{}/calibrate", daemon.page));
    wait_long(&browser, "told && told.corners.length > 30");
    wait_long(&browser, "told.hints.length === 0");
    browser.wait_for("document.getElementById('hints').textContent.includes('press Start')");
    check_overlay(&browser);
    check_nothing_is_praised(&browser);
    check_order(&daemon, "{\"do\": \"save\"}", 409, "no calibration was made yet");
    browser.click("#start");
    wait_long(&browser, "told.phase === 'gathering'");
    check_order(
        &daemon,
        "{\"do\": \"start\", \"grid\": [1, 1]}",
        409,
        "a calibration is under way",
    );
    wait_long(&browser, "told.frames >= 4");
    browser.click("#enough");
    wait_long(&browser, "told.phase === 'estimating'");
    daemon.check_flows();
    wait_long(&browser, "told.found || told.problem");
    check_found(&browser);
    check_used(&daemon, &browser);
    check_saved(&daemon, &browser);
    // A save that cannot be is no failure of the page.
    let complaints = browser.log("browser");
    assert!(complaints.is_empty(), "{complaints:?}");
    check_ends(daemon.running, "TERM", &[0]);
}

/// Before the first look there is nothing to hint at, and no target either.
fn check_nothing_is_praised(browser: &Browser) {
    let said = browser.run(
        "told = { ...told, hints: [], corners: [], outline: [] };
         showProgress();
         const { textContent, dataset } = document.getElementById('hints');
         return textContent + ' (' + dataset.state + ')';",
    );
    assert_eq!(said, "Looking for the target (waiting)");
}

/// Something is drawn over the picture, in the colours of the lights.
fn check_overlay(browser: &Browser) {
    let drawn = browser.run(
        "const { width, height } = overlay;
         const { data } = overlay.getContext('2d').getImageData(0, 0, width, height);
         let green = 0;
         for (let i = 0; i < data.length; i += 4)
           if (data[i + 3] > 200 && data[i + 1] > 150 && data[i] < 90) green += 1;
         return green;",
    );
    assert!(drawn.as_u64() > Some(200), "{drawn} pixels are green");
}

fn check_found(browser: &Browser) {
    assert_eq!(text(browser, "problem"), "");
    for image in ["psf", "before", "after"] {
        browser.wait_for(&format!("document.getElementById('{image}').naturalWidth > 90"));
    }
    let figures = text(browser, "figures");
    for words in ["expected gain", "two halves differ by", "left unexplained", "gray levels"] {
        assert!(figures.contains(words), "no {words} in {figures}");
    }
}

/// It is used through the door of a reload, and taken back.
fn check_used(daemon: &Daemon, browser: &Browser) {
    browser.click("#use");
    wait_long(browser, "document.getElementById('became').value.includes('restored by it')");
    let state = daemon.state();
    let served = &state["metrics"]["restoration"];
    assert_eq!(
        (&served["psf"], &served["method"]),
        (&Value::from("the calibration just made"), &Value::from("target"))
    );
    assert_eq!((&served["is_tuned"], reloads(&state).1), (&Value::from(true), 0), "{state}");
    browser.click("#back");
    wait_long(browser, "document.getElementById('became').value.includes('As the configuration')");
    assert_eq!(daemon.state()["metrics"]["restoration"]["psf"], "disk:1");
}

/// It is written where the configuration says, once that is possible.
fn check_saved(daemon: &Daemon, browser: &Browser) {
    let file = |words: &str| {
        wait_long(
            browser,
            &format!("document.getElementById('file').textContent.includes('{words}')"),
        )
    };
    browser.click("#save");
    file("Not written: cannot write out/camera.npz");
    daemon.workshop.make_folder("out");
    browser.click("#save");
    file("Written: out/camera.npz");
    let bytes = std::fs::read(daemon.workshop.path("out/camera.npz")).expect("a file");
    let camera = Calibration::from_bytes(&bytes).expect("a calibration");
    assert_eq!(camera.origin.map(|origin| origin.method), Some(Method::Target));
    assert_eq!(camera.extent, Some(EXTENT));
    let apart = error(camera.blur.central(), &psf(PSF));
    assert!(apart < 0.1, "the PSF is {:.1} % off", 100.0 * apart);
}

#[apply(trial)]
fn what_cannot_be_calibrated_is_said() {
    let daemon = Daemon::start(SMALL);
    for (body, status, words) in [
        ("{\"do\": \"use\"}", 409, "no calibration was made yet"),
        ("{\"do\": \"start\", \"grid\": [0, 3]}", 400, "expected a grid from 1x1 to 9x9"),
        ("{\"do\": \"start\"}", 400, "missing field `grid`"),
        ("{\"do\": \"dance\"}", 400, "unknown variant `dance`"),
    ] {
        check_order(&daemon, body, status, words);
    }
    let start = "{\"do\": \"start\", \"grid\": [1, 1]}";
    assert_eq!(post_to(&daemon, "/calibrate", "", start).0, 403);
    let evil = format!("{JSON}Origin: http://evil.example\r\n");
    assert_eq!(post_to(&daemon, "/calibrate", &evil, start).0, 403);
    let told = |wanted: &dyn Fn(&Value) -> bool| wait_for_json(&daemon.page, STATE, wanted);
    told(&|state| state["hints"][0] == "show the target");
    for (end, problem) in [
        ("enough", "the camera does not see the target well: show the target"),
        ("cancel", "the calibration was broken off"),
    ] {
        // The next order may come before the daemon has taken the last.
        while order(&daemon, start).0 != 202 {}
        told(&|state| state["phase"] == "gathering" && state["problem"] == "");
        while order(&daemon, &format!("{{\"do\": \"{end}\"}}")).0 != 202 {}
        let state = told(&|state| state["problem"] != "");
        assert_eq!(
            (&state["problem"], &state["phase"]),
            (&Value::from(problem), &Value::from("looking"))
        );
        assert_eq!(state["found"], Value::Null);
    }
    assert_eq!(reloads(&wait_for_state(&daemon.page, |_| true)), (0, 0, ""), "something was used");
    daemon.check_flows();
    check_ends(daemon.running, "TERM", &[0]);
}
