//! The list of all cameras in a real browser.

use super::hosts::one;
use super::roles::Router;
use crate::browser::Browser;
use crate::harness::{apply, trial};
use crate::program::{Workshop, page_of};

#[apply(trial)]
#[needs(Browser)]
fn a_browser_lists_the_fleet() {
    let (workshop, router) = (Workshop::new(), Router::start());
    router.write_config(&workshop);
    let page = "[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\nfleet = 'zenoh.json5'\n";
    let mut daemon = one(&workshop, "near", page);
    let far = one(&workshop, "far", "camera = 'gate-2'\n");
    let page = page_of(&mut daemon);
    let browser = Browser::start();
    browser.open(&format!("http://{page}/fleet"));
    let cells = |host: &str| {
        format!(
            "[...document.querySelectorAll('#fleet tr')].map((row) => [...row.cells].map((it) => it.textContent))\
             .find((cells) => cells[1] === '{host}' && cells[7])"
        )
    };
    let near = browser.wait_for(&cells("near"));
    assert_eq!(
        (&near[1], &near[2], &near[7]),
        (&"near".into(), &"camera".into(), &env!("CARGO_PKG_VERSION").into())
    );
    let far_cells = browser.wait_for(&cells("far"));
    assert_eq!(far_cells[2], "gate-2");
    browser.wait_for("document.getElementById('connection').dataset.state === 'live'");
    far.signal("KILL");
    browser.wait_for(&format!("({})[0] === 'gone'", cells("far")));
    // The worst stands first.
    let first = "return document.querySelector('#fleet tr[data-condition]').dataset.condition";
    assert_eq!(browser.run(first), "gone");
    let said = browser.log("browser");
    assert!(said.is_empty(), "the console says {said:?}");
    far.finish();
    daemon.signal("TERM");
    assert_eq!(daemon.finish().code, Some(0));
}
