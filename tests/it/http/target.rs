//! The target on a second screen: its picture, and what a screen shows of it.

use deblurd::calibrate::target::Pattern;
use deblurd::frame::Extent;
use deblurd::web::{HttpOptions, Token};

use super::{check_status, exchange, fetch, get, page};
use crate::browser::Browser;
use crate::harness::{apply, trial};

#[apply(trial)]
fn the_target_is_served() {
    let page = page(HttpOptions::default());
    let address = page.local_addr();
    for (path, kind) in [
        ("/target", "text/html"),
        ("/target?show=white", "text/html"),
        ("/target?show=ramp", "text/html"),
        ("/station/camera/target", "text/html"),
        ("/target.js", "text/javascript"),
        ("/target.css", "text/css"),
        ("/target.png", "image/png"),
    ] {
        let answer = get(address, path);
        check_status(&answer, 200);
        assert!(answer.contains(&format!("content-type: {kind}")), "{path}: {answer:.300}");
    }
    let refused = get(address, "/target?show=red");
    check_status(&refused, 400);
    assert!(refused.ends_with("expected /target?show=target, white, black or ramp\n"), "{refused}");
    let (_, png) = fetch(address, "/target.png");
    assert_eq!(png, Pattern::default().png().expect("a PNG"));
}

/// Whoever has the address with the token on a phone needs nothing else.
#[apply(trial)]
fn the_target_is_behind_the_token() {
    let token = "0123456789-secret";
    let options = HttpOptions { token: Token::new(token).ok(), ..HttpOptions::default() };
    let page = page(options);
    let address = page.local_addr();
    check_status(&get(address, "/target"), 401);
    let visit = get(address, &format!("/target?show=white&token={token}"));
    check_status(&visit, 200);
    let cookie =
        visit.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    let (pair, _) = cookie.split_once(';').expect("attributes");
    let request = format!(
        "GET /target.png HTTP/1.1\r\nHost: localhost\r\nCookie: {pair}\r\nConnection: close\r\n\r\n"
    );
    check_status(&exchange(address, &request), 200);
}

#[apply(trial)]
#[needs(Browser)]
fn a_screen_shows_whole_cells() {
    let page = page(HttpOptions::default());
    let browser = Browser::start();
    browser.open(&format!("http://{}/target", page.local_addr()));
    let cell = browser.wait_for("Number(document.getElementById('target').dataset.cell)");
    let cell = u32::try_from(cell.as_u64().expect("a number")).expect("a small one");
    assert!(cell >= 2, "{cell} pixels a cell");
    browser.wait_for("'quiet' in document.body.dataset");
    browser.wait_for("getComputedStyle(document.getElementById('full')).opacity === '0'");
    check_cells(&browser, cell);
    browser.type_keys("body", " ");
    check_plain(&browser, "white", 255);
    browser.click("body");
    check_plain(&browser, "black", 0);
    browser.type_keys("body", "4");
    browser.wait_for("document.body.dataset.show === 'ramp'");
    let shown = browser.picture();
    let (width, _) = shown.dimensions();
    for part in 0..=10_u32 {
        let x = (width - 1) * part / 10;
        let expected = 255.0 * f64::from(x) / f64::from(width - 1);
        let is = f64::from(shown.get_pixel(x, 9).0[0]);
        assert!((is - expected).abs() <= 1.0, "{is} at {x}, expected {expected}");
    }
    browser.open(&format!("http://{}/target?show=black", page.local_addr()));
    check_plain(&browser, "black", 0);
    let complaints = browser.log("browser");
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// Every pixel of every cell is as the pattern says.
#[track_caller]
fn check_cells(browser: &Browser, cell: u32) {
    let shown = browser.picture();
    let corner = browser.run(
        "const { left, top } = document.getElementById('target').getBoundingClientRect();
         return [Math.round(left * devicePixelRatio), Math.round(top * devicePixelRatio)];",
    );
    let corner = [0, 1]
        .map(|axis| corner[axis].as_u64().and_then(|at| u32::try_from(at).ok()).expect("a corner"));
    let pattern = Pattern::default();
    let Extent { width, height } = pattern.extent();
    for (y, row) in pattern.cells().rows().enumerate() {
        for (x, light) in row.iter().enumerate() {
            let expected = if *light < 0.5 { 0 } else { 255 };
            for (dx, dy) in [(0, 0), (cell - 1, cell - 1)] {
                let at = |corner: u32, index: usize, within: u32| {
                    corner + u32::try_from(index).expect("a small one") * cell + within
                };
                let pixel = shown.get_pixel(at(corner[0], x, dx), at(corner[1], y, dy));
                assert_eq!(pixel.0[0], expected, "cell {x},{y} of {width}x{height}");
            }
        }
    }
}

/// All that is seen is of one gray.
#[track_caller]
fn check_plain(browser: &Browser, show: &str, gray: u8) {
    browser.wait_for(&format!("document.body.dataset.show === '{show}'"));
    browser.wait_for("'quiet' in document.body.dataset");
    browser.wait_for("getComputedStyle(document.getElementById('hint')).opacity === '0'");
    let shown = browser.picture();
    assert!(shown.pixels().all(|pixel| pixel.0[0] == gray), "{show} is not all {gray}");
}
