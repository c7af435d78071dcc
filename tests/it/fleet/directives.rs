//! What cameras are told from afar: with the right token, a wrong one and none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deblurd::fleet::{Directive, Link, Name, Reply, Secret, Subject, ask};
use serde_json::Value;

use super::hosts::one;
use super::roles::Router;
use crate::harness::{apply, trial};
use crate::program::{DEADLINE, Running, Workshop, page_of, wait_for_state};

const TOKEN: &str = "open+sesame/0123456789==";

/// A daemon that takes directives, its page, and a connection with it.
struct Directed {
    workshop: Workshop,
    link: Arc<Link>,
    name: Name,
    _router: Router,
    daemon: Running,
    page: String,
}

impl Directed {
    fn start() -> Self {
        let (workshop, router) = (Workshop::new(), Router::start());
        router.write_config(&workshop);
        workshop.write("token", TOKEN);
        workshop.write("wrong", "another+token/0123456789==");
        let more = "token_file = 'token'\n[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n";
        let mut daemon = one(&workshop, "host", more);
        let page = page_of(&mut daemon);
        wait_for_state(&page, |state| state["ready"] == true);
        let link = Link::open(&workshop.path("zenoh.json5")).expect("a link");
        let name = Name::new("host", "camera").expect("a name");
        let directed = Self { workshop, link, name, _router: router, daemon, page };
        // It may be ready before the router knows of it.
        let deadline = Instant::now() + DEADLINE;
        while directed.ask(Vec::new()).is_empty() {
            assert!(Instant::now() < deadline, "nobody answers");
        }
        directed
    }

    /// The answers to what is sent to the camera.
    fn ask(&self, sent: Vec<u8>) -> Vec<Reply> {
        let patience = Duration::from_secs(60);
        let replies = ask(&self.link, Some(&self.name), Subject::Directive, sent, patience);
        replies.expect("a connection")
    }

    /// Sends by the command; the exit status, and what it says.
    fn send(&self, what: &[&str], token: &str) -> (Option<i32>, String) {
        let to = ["--config", "zenoh.json5", "--token-file", token];
        let told = self.workshop.run(&[&["fleet"], what, &to].concat());
        let text = told.text() + &told.stderr;
        (told.code, text)
    }

    #[track_caller]
    fn check_taken(&self, what: &[&str]) {
        let (code, told) = self.send(what, "token");
        assert_eq!((code, told.as_str()), (Some(0), "host/camera: taken\n"));
    }

    /// Waits until so many reloads were done and refused, and so many directives taken and refused; the state then.
    #[track_caller]
    fn wait_for(&self, reloads: [u64; 2], directives: [u64; 2]) -> Value {
        wait_for_state(&self.page, |state| {
            let (reload, fleet) = (&state["metrics"]["reload"], &state["metrics"]["fleet"]);
            [reload["done"].as_u64(), reload["refused"].as_u64()] == reloads.map(Some)
                && fleet["directives_taken"].as_u64() == Some(directives[0])
                && fleet["directives_refused"].as_u64() == Some(directives[1])
        })
    }

    fn end(self) {
        self.daemon.signal("TERM");
        let told = self.daemon.finish();
        assert_eq!(told.code, Some(0), "{}", told.stderr);
    }
}

#[apply(trial)]
fn the_token_opens_and_another_does_not() {
    let directed = Directed::start();
    directed.check_taken(&["reload", "host/camera"]);
    directed.wait_for([1, 0], [1, 0]);
    directed.check_taken(&["reload", "--all"]);
    directed.wait_for([2, 0], [2, 0]);
    let (code, told) = directed.send(&["reload", "host/camera"], "wrong");
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("host/camera: not taken: no directive that may be taken: it is not signed"),
        "{told}"
    );
    let (code, told) = directed.send(&["reload", "host/other"], "token");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("host/other: not taken: no answer"), "{told}");
    directed.wait_for([2, 0], [2, 1]);
    directed.end();
}

/// By the protocol itself: nothing, noise, a directive for another camera, and a good one twice.
#[apply(trial)]
fn what_is_not_signed_for_now_is_refused() {
    let directed = Directed::start();
    let name = &directed.name;
    let send = |bytes: Vec<u8>| {
        let mut replies = directed.ask(bytes);
        assert_eq!(replies.len(), 1, "answers");
        replies.remove(0).answer
    };
    let challenge =
        || <[u8; 16]>::try_from(send(Vec::new()).expect("a challenge")).expect("16 bytes");
    assert_eq!(challenge(), challenge(), "asking alone changed it");
    let secret = Secret::of_token(TOKEN);
    let refused = |bytes: Vec<u8>, why: &str| {
        let told = send(bytes).expect_err("a refusal");
        assert_eq!(told, format!("no directive that may be taken: {why}"));
    };
    refused(b"reload".to_vec(), "6 bytes (expected 50 and a calibration of 8 MiB at most)");
    refused(vec![0; 50], "version 0 (expected 1)");
    let other = Name::new("host", "other").expect("a name");
    let forged = Directive::Reload.signed(&secret, &other, &challenge());
    refused(forged, "it is not signed by the token of this station");
    let good = Directive::Reload.signed(&secret, name, &challenge());
    assert_eq!(send(good.clone()), Ok(b"taken".to_vec()));
    refused(good, "it answers another challenge (expected the one that is good now: ask again)");
    directed.wait_for([1, 0], [1, 4]);
    directed.end();
}

/// What is taken is tried as every reload is: frames go on by the old one where the new one is none.
#[apply(trial)]
fn a_calibration_serves_once_it_has_been_tried() {
    let directed = Directed::start();
    let workshop = &directed.workshop;
    workshop.write("kernel.txt", "1 2 1\n2 4 2\n1 2 1\n");
    workshop.succeed(&["psf", "kernel.txt", "--sigma", "2", "-o", "camera.npz"]);
    workshop.write("noise.npz", [b"PK\x03\x04".as_slice(), &[7; 500]].concat());
    directed.check_taken(&["calibrate", "camera.npz", "host/camera"]);
    let state = directed.wait_for([1, 0], [1, 0]);
    let psf = state["metrics"]["restoration"]["psf"].as_str().expect("a name");
    assert_eq!(psf, "the calibration just made");
    directed.check_taken(&["calibrate", "noise.npz", "host/camera"]);
    let state = directed.wait_for([1, 1], [2, 0]);
    assert_eq!(state["metrics"]["restoration"]["psf"], "the calibration just made");
    let delivered = |state: &Value| state["metrics"]["trunk"]["delivered"].as_u64().expect("it");
    let now = delivered(&state);
    wait_for_state(&directed.page, |state| delivered(state) > now + 3);
    directed.check_taken(&["reload", "host/camera"]);
    let state = directed.wait_for([2, 1], [3, 0]);
    assert_eq!(state["metrics"]["restoration"]["psf"], "disk:2");
    directed.end();
}

#[apply(trial)]
fn a_camera_without_a_token_takes_nothing() {
    let (workshop, router) = (Workshop::new(), Router::start());
    router.write_config(&workshop);
    workshop.write("token", TOKEN);
    let daemon = one(&workshop, "host", "");
    let send = ["fleet", "reload", "--all", "--config", "zenoh.json5", "--token-file", "token"];
    let told = loop {
        // It may not be there yet.
        let told = workshop.run(&send);
        if told.code != Some(69) {
            break told;
        }
    };
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    let words =
        "host/camera: not taken: this station takes no directives (expected token_file in its";
    assert!(told.text().contains(words), "{}", told.text());
    daemon.signal("TERM");
    assert_eq!(daemon.finish().code, Some(0));
}
