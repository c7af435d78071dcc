//! How the live page looks in a real browser.

use std::time::Instant;

use deblurd::frame::colour::luma;
use deblurd::frame::{Extent, Picture};
use deblurd::metrics::Level;
use deblurd::source::read_picture;
use serde_json::Value;

use super::Show;
use crate::browser::Browser;
use crate::harness::{apply, trial};
use crate::program::DEADLINE;

/// Mean difference between neighbours in a row of pixels, within columns of the canvas.
const DETAIL: &str = "const detail = (from, until) => {
    const view = document.getElementById('view');
    const copy = new OffscreenCanvas(view.width, view.height);
    const ink = copy.getContext('2d', { willReadFrequently: true });
    ink.drawImage(view, 0, 0);
    const pixels = ink.getImageData(from, 0, until - from, view.height).data;
    let sum = 0;
    for (let i = 4; i < pixels.length; i += 4) sum += Math.abs(pixels[i] - pixels[i - 4]);
    return sum * 4 / pixels.length;
};";

#[apply(trial)]
#[needs(Browser)]
fn a_browser_shows_it() {
    let mut show = Show::start();
    let address = format!("http://{}/", show.address);
    let browser = Browser::start();
    browser.open(&address);
    browser.wait_for("document.getElementById('connection').dataset.state === 'live'");
    check_halves(&browser, 0.5);
    browser.drag("#divider", 300, 40);
    let dragged = browser.run("return Number(document.getElementById('divider').ariaValueNow)");
    let split = dragged.as_f64().expect("a number") / 100.0;
    assert!(split > 0.6 && split < 0.9, "the divider is at {split}");
    check_halves(&browser, split);
    check_keys(&browser);
    check_statistics(&browser);
    check_camera_and_latency(&browser);
    check_restoration(&browser);
    check_side_by_side(&browser);
    check_held_pair(&browser);
    check_zoom(&browser);
    check_keys_are_told(&browser);
    check_less_is_marked(&browser, &show);
    check_the_picture_comes_first(&browser);
    check_schemes(&browser);
    check_quiet(&browser, &address);
    show.stop();
    browser.wait_for("document.getElementById('connection').dataset.state === 'lost'");
}

/// The canvas is blurred left of the divider and sharp right of it.
#[track_caller]
fn check_halves(browser: &Browser, split: f64) {
    let shown = browser.run(&format!(
        "{DETAIL} const edge = {split} * document.getElementById('view').width;
         return [detail(0, Math.floor(edge) - 2), detail(Math.ceil(edge) + 2, 320)];"
    ));
    let (before, after) = (shown[0].as_f64().unwrap_or(0.0), shown[1].as_f64().unwrap_or(0.0));
    assert!(before > 0.5, "nothing is shown before: {shown}");
    assert!(after > 1.5 * before, "the right is no sharper than the left: {shown}");
}

fn check_keys(browser: &Browser) {
    // Home, then twice the right arrow.
    browser.type_keys("#divider", "\u{e011}\u{e014}\u{e014}");
    let position = browser.run("return document.getElementById('divider').ariaValueNow");
    assert_eq!(position, "4");
    browser.type_keys("#divider", "\u{e010}");
    assert_eq!(browser.run("return document.getElementById('divider').style.left"), "100%");
}

fn check_statistics(browser: &Browser) {
    for id in ["fps", "fps-shown", "latency-p50", "latency-p99"] {
        browser.wait_for(&format!("Number(document.getElementById('{id}').value) > 0"));
    }
    let text = |id: &str| browser.wait_for(&format!("document.getElementById('{id}').textContent"));
    assert_eq!(text("psnr-before"), "20.50 dB");
    assert_eq!(text("psnr-after"), "31.25 dB");
    assert_eq!(text("psnr-gain"), "+10.75");
    assert_eq!(text("dropped"), "1");
    assert_eq!(text("dropped-why"), "1 overtaken by a newer frame");
    for (id, words) in [("stages", "network"), ("books", "to http"), ("stream", "320 × 180")] {
        let text = text(id);
        assert!(text.as_str().is_some_and(|text| text.contains(words)), "{id}: {text}");
    }
}

fn check_side_by_side(browser: &Browser) {
    browser.click("#mode-side");
    assert_eq!(browser.run("return document.getElementById('view').width"), 640);
    let shown = browser.run(&format!("{DETAIL} return [detail(0, 319), detail(321, 640)];"));
    let (before, after) = (shown[0].as_f64().unwrap_or(0.0), shown[1].as_f64().unwrap_or(0.0));
    assert!(before > 0.5 && after > 1.5 * before, "no two pictures: {shown}");
    browser.click("#mode-divider");
}

fn check_camera_and_latency(browser: &Browser) {
    let text = |id: &str| browser.wait_for(&format!("document.getElementById('{id}').textContent"));
    assert_eq!(text("camera"), "Live");
    assert_eq!(text("effort"), "Full");
    // Steps are told in groups.
    browser.wait_for("document.getElementById('legend').children.length === 3");
    let legend = text("legend");
    for name in ["Wiener filter", "networks", "to viewers"] {
        assert!(legend.as_str().is_some_and(|text| text.contains(name)), "no {name}: {legend}");
    }
    browser.wait_for("/networks [0-9.]+ ms/.test(document.getElementById('plot').ariaLabel)");
    let colours = browser.run(
        "const plot = document.getElementById('plot'), pen = plot.getContext('2d');
         const { data } = pen.getImageData(0, 0, plot.width, plot.height);
         const seen = new Set();
         for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) seen.add(data.slice(i, i + 3).join());
         return seen.size;",
    );
    assert!(colours.as_u64() > Some(3), "the plot has {colours} colours");
}

/// What restores frames stands there, as text, with a picture of its PSF.
fn check_restoration(browser: &Browser) {
    browser.wait_for("document.getElementById('psf').naturalWidth === 8");
    let text =
        |id: &str| browser.run(&format!("return document.getElementById('{id}').textContent"));
    assert_eq!(text("psf-name"), "a \"PSF\" <b>?.npz");
    let note = "7 × 7, width 1.53, noise 2.55, curve srgb, model base, luma, cpu";
    assert_eq!(text("restoration-note"), note);
    let calibration = text("calibration-note");
    let told = calibration.as_str().unwrap_or_default();
    assert!(
        told.starts_with("calibration: measured, by target, ") && told.ends_with(" ago"),
        "{told}"
    );
    assert_eq!(browser.run("return document.getElementById('reload-note').hidden"), true);
    let watch = "the calibration is stale, the focus is automatic, +5.1 % in width";
    assert_eq!(text("watch-note"), watch);
}

/// The pair on the screen can be held, saved and let go.
fn check_held_pair(browser: &Browser) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    browser.save_into(folder.path());
    browser.click("#freeze");
    browser.wait_for("document.getElementById('connection').dataset.state === 'frozen'");
    let held = browser.run("return shot.number");
    let saved = ["before", "after"].map(|side| {
        browser.run("document.getElementById('save').open = true");
        browser.click(&format!("#save-{side}"));
        let name = browser.run(&format!("return `deblurd-${{shot.sequence}}-{side}.png`"));
        let path = folder.path().join(name.as_str().expect("a name"));
        let start = Instant::now();
        loop {
            match read_picture(&path) {
                Ok(picture) => return luma(&picture),
                Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
            }
        }
    });
    assert_eq!(browser.run("return shot.number"), held, "the picture moved");
    let detail = |picture: &Picture| {
        let plane = &picture.planes()[0];
        let steps = plane.rows().flat_map(|row| row.windows(2).map(|two| two[0].abs_diff(two[1])));
        steps.map(f64::from).sum::<f64>()
    };
    let [before, after] = &saved;
    assert_eq!((before.extent(), after.extent()), (Extent::new(320, 180), Extent::new(320, 180)));
    assert!(detail(after) > 1.5 * detail(before), "the saved pictures are alike");
    // The key lets go what the button held.
    browser.type_keys("body", " ");
    browser.wait_for("document.getElementById('connection').dataset.state === 'live'");
    browser.wait_for(&format!("shot.number > {held}"));
}

/// A sample is a pixel of the screen, the picture moves under the mouse, and fits in again.
fn check_zoom(browser: &Browser) {
    browser.type_keys("body", "1");
    browser.wait_for("sight.scale === 1 && document.getElementById('zoom').value === '100 %'");
    let sizes = "const { left, top, across, down } = placed(); \
                 return [left, top, across - left - shot.width, down - top - shot.height];";
    let margins = browser.run(sizes);
    let margin = |at: usize| margins[at].as_f64().unwrap_or(f64::NAN);
    assert!(
        (margin(0) - margin(2)).abs() <= 1.0 && margin(0) > 0.0,
        "not in the middle: {margins}"
    );
    let saved = browser.run(
        "const { left, top } = placed();
         const near = ink.getImageData(left - 4, top + 8, 1, 1).data.slice(0, 3);
         return near.join();",
    );
    assert_eq!(saved, "5,8,12", "something is drawn beside the picture");
    browser.run("zoom(8)");
    let before = browser.run("return [sight.x, sight.y]");
    browser.drag("#picture", 60, 40);
    let after = browser.run("return [sight.x, sight.y]");
    let moved = |at: usize| before[at].as_f64().unwrap_or(0.0) - after[at].as_f64().unwrap_or(0.0);
    assert!((moved(0) - 60.0 / (8.0 * 320.0)).abs() < 1e-3, "{before} became {after}");
    assert!((moved(1) - 40.0 / (8.0 * 180.0)).abs() < 1e-3, "{before} became {after}");
    // It cannot be lost out of sight.
    browser.run("pan(1e6, 1e6)");
    let corner = browser.run("const { left, top } = placed(); return [left, top];");
    assert_eq!(corner, serde_json::json!([0, 0]));
    browser.type_keys("body", "0");
    browser.wait_for("sight.scale === 0 && document.getElementById('view').width === 320");
}

/// The list of keys is that of what keys do.
fn check_keys_are_told(browser: &Browser) {
    browser.type_keys("body", "?");
    browser.wait_for("document.getElementById('keys').open");
    let lists = browser.run(
        "const told = [...document.querySelectorAll('#keys kbd')].map((it) => it.dataset.key);
         return [told.sort(), Object.keys(keys).sort()];",
    );
    assert_eq!(lists[0], lists[1], "told, and done");
    browser.click("#hide-keys");
    browser.wait_for("!document.getElementById('keys').open");
}

/// What is not restored in full says so on the picture, and the line of the state why.
fn check_less_is_marked(browser: &Browser, show: &Show) {
    assert_eq!(browser.run("return document.getElementById('mark').hidden"), true);
    show.metrics.load.set_level(Level::Wiener);
    browser.wait_for("document.getElementById('mark').textContent === 'Wiener filter alone'");
    browser.wait_for(
        "document.getElementById('connection').textContent \
         === 'live, overloaded: Wiener filter alone'",
    );
    show.metrics.load.set_level(Level::Full);
    browser.wait_for("document.getElementById('mark').hidden");
    browser.wait_for("document.getElementById('connection').textContent === 'live'");
}

/// The whole picture is seen without scrolling, on a small laptop and on a phone held sideways.
fn check_the_picture_comes_first(browser: &Browser) {
    for (width, height) in [(1366, 768), (844, 390), (390, 844)] {
        browser.resize(width, height);
        browser.wait_for(&format!("innerWidth === {width} && innerHeight === {height}"));
        let boxes = browser.run(
            "scrollTo(0, 0);
             const { top, bottom, width, height } = document.getElementById('view').getBoundingClientRect();
             return [top, bottom, width, height, document.documentElement.scrollWidth];",
        );
        let at = |index: usize| boxes[index].as_f64().unwrap_or(f64::NAN);
        let (top, bottom, part) = (at(0), at(1), at(2) * at(3) / f64::from(width * height));
        assert!(top >= 0.0 && bottom <= f64::from(height) + 1.0, "{width}x{height}: {boxes}");
        assert!(
            part > if height > width { 0.2 } else { 0.6 },
            "{part} of {width}x{height}: {boxes}"
        );
        assert!((at(2) / at(3) - 16.0 / 9.0).abs() < 0.02, "out of shape: {boxes}");
        assert!(at(4) <= f64::from(width), "{width}x{height} scrolls sideways: {boxes}");
    }
    browser.resize(1280, 1000);
    browser.force_colours();
    let dot =
        "return getComputedStyle(document.getElementById('connection'), '::before').outlineStyle";
    assert_eq!(browser.run(dot), "solid", "only a colour tells the state");
}

fn check_schemes(browser: &Browser) {
    let ground = ["dark", "light"].map(|scheme| {
        browser.prefer(scheme);
        browser.run("return getComputedStyle(document.documentElement).backgroundColor")
    });
    assert_eq!(ground, ["rgb(11, 15, 21)", "rgb(243, 245, 248)"]);
}

/// No complaint in the console, and no request to anywhere else.
fn check_quiet(browser: &Browser, address: &str) {
    let complaints = browser.log("browser");
    assert!(complaints.is_empty(), "{complaints:?}");
    let mut requests = 0;
    for entry in browser.log("performance") {
        let message: Value =
            serde_json::from_str(entry["message"].as_str().unwrap_or("null")).expect("an event");
        let (event, request) = (&message["message"], &message["message"]["params"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // The browser's own first page asks for things of its own.
        let ours = text(&request["documentURL"]).starts_with(address);
        if event["method"] == "Network.requestWillBeSent" && ours {
            let url = text(&request["request"]["url"]);
            assert!(url.starts_with(address), "the page asked for {url}");
            requests += 1;
        }
    }
    assert!(requests > 5, "only {requests} requests were seen");
}
