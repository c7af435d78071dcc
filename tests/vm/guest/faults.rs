//! Every fault that the kernel's camera can be told to have: the daemon lives on, says what is the
//! matter, counts it, and gives frames again within [`RECOVERY`] of the fault's end.

use std::time::Instant;

use serde_json::Value;

use crate::daemon::{CHEAP, Daemon, SMALL, camera};
use crate::drivers::Vivid;
use crate::harness::{apply, trial};
use crate::http;
use crate::rig::{RECOVERY, figure, seconds, wait_or, wait_until};

fn start(vivid: &Vivid) -> Daemon {
    let daemon = Daemon::start(&format!("{}{CHEAP}", camera(&vivid.camera(), SMALL)));
    daemon.wait_for_camera("live");
    daemon.wait_for_frames(5);
    daemon
}

/// A fault that is over at once: `counter` must count it, and frames must come again, from a camera
/// that is live, within [`RECOVERY`].
#[track_caller]
fn check_recovers(daemon: &Daemon, name: &str, counter: &str, fault: impl FnOnce()) {
    let before = daemon.count(counter);
    fault();
    let over = Instant::now();
    let mut frames_when_met = None;
    let lacks = || format!("recovery from {name}; log:\n{}", daemon.log());
    wait_or(lacks, || {
        let told = daemon.told("");
        let count = told.pointer(counter).and_then(Value::as_u64).unwrap_or_default();
        let frames = http::captured(&told);
        if count > before {
            frames_when_met.get_or_insert(frames);
        }
        told["source"]["state"] == "live" && frames_when_met.is_some_and(|met| frames > met)
    });
    let took = over.elapsed();
    figure(&format!("frames again after {name}"), seconds(took));
    assert!(took <= RECOVERY, "{name}: {took:?} until frames came; log:\n{}", daemon.log());
    check_ready(daemon);
}

#[track_caller]
fn check_ready(daemon: &Daemon) {
    wait_until("readiness", || {
        http::get(daemon.server, "/readyz").is_ok_and(|answer| answer.status == 200)
    });
}

/// The log must have told of it, and not once a frame.
#[track_caller]
fn check_told(daemon: &Daemon, words: &str) {
    let log = daemon.log();
    let lines = log.lines().filter(|line| line.contains(words)).count();
    assert!((1..=6).contains(&lines), "'{words}' is told {lines} times in:\n{log}");
}

#[apply(trial)]
fn damaged_buffer() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    let transitions = daemon.count("/source/transitions");
    for _ in 0..3 {
        check_recovers(&daemon, "a damaged buffer", "/source/errored", || {
            vivid.control("inject_v4l2_buf_flag_error", 1);
        });
    }
    assert_eq!(daemon.count("/source/transitions"), transitions, "one bad buffer is no new state");
    assert_eq!(daemon.count("/source/opened"), 1);
}

#[apply(trial)]
fn dropped_buffers() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    check_recovers(&daemon, "half of the buffers dropped", "/source/gaps", || {
        vivid.control("percentage_of_dropped_buffers", 50);
    });
    vivid.control("percentage_of_dropped_buffers", 0);
    let gaps = daemon.count("/source/gaps");
    daemon.wait_for_frames(15);
    // One gap may have been open still.
    assert!(daemon.count("/source/gaps") <= gaps + 2, "gaps are counted where there are none");
}

#[apply(trial)]
fn queueing_refused() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    for _ in 0..6 {
        vivid.control("inject_vidioc_qbuf_error", 1);
        // More refusals than there are buffers: none may be lost for good.
        let took = daemon.wait_for_captures(5);
        assert!(took <= RECOVERY, "{took:?} until frames came; log:\n{}", daemon.log());
        figure("frames again after a refused QBUF", seconds(took));
    }
    daemon.wait_for_camera("live");
    check_ready(&daemon);
}

#[apply(trial)]
fn fatal_streaming_error() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    for _ in 0..3 {
        check_recovers(&daemon, "a fatal streaming error", "/source/restarted", || {
            vivid.control("inject_fatal_streaming_error", 1);
        });
    }
}

#[apply(trial)]
fn start_of_stream_refused() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    // The refusal is met when the stream is started anew.
    check_recovers(&daemon, "a refused STREAMON", "/source/transitions", || {
        vivid.control("inject_vidioc_streamon_error", 1);
        vivid.control("inject_fatal_streaming_error", 1);
    });
}

#[apply(trial)]
fn buffers_refused() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    check_recovers(&daemon, "refused REQBUFS", "/source/transitions", || {
        vivid.control("inject_vidioc_reqbufs_error", 1);
        vivid.control("inject_fatal_streaming_error", 1);
    });
}

#[apply(trial)]
fn disconnect() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    // The device comes back when the last of its users has closed it, and not before.
    for _ in 0..3 {
        check_recovers(&daemon, "a disconnection", "/source/opened", || {
            vivid.control("disconnect", 1);
        });
    }
}

#[apply(trial)]
fn silence() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    for _ in 0..2 {
        vivid.control("percentage_of_dropped_buffers", 100);
        let took = daemon.wait_for_camera("silent");
        figure("silence noticed", seconds(took));
        assert!(daemon.count("/source/timeouts") > 0);
        check_stand_ins(&daemon);
        wait_until("lack of readiness", || {
            http::get(daemon.server, "/readyz").is_ok_and(|answer| answer.status == 503)
        });
        check_recovers(&daemon, "silence", "/source/transitions", || {
            vivid.control("percentage_of_dropped_buffers", 0);
        });
    }
    check_told(&daemon, "silent");
}

#[apply(trial)]
fn frozen_picture() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    vivid.control("osd_text_mode", 2);
    let took = daemon.wait_for_camera("frozen");
    figure("a frozen picture noticed", seconds(took));
    check_recovers(&daemon, "a frozen picture", "/source/transitions", || {
        vivid.control("osd_text_mode", 0);
    });
}

/// Consumers get stand-ins while there is no picture.
#[track_caller]
fn check_stand_ins(daemon: &Daemon) {
    let before = daemon.count("/source/placeholders");
    wait_until("stand-ins", || daemon.count("/source/placeholders") >= before + 2);
}
