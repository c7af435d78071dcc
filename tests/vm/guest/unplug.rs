//! A camera that is not there, comes, goes, and comes back: fifty times, in every state.

use std::time::{Duration, Instant};

use crate::daemon::{CHEAP, Daemon, SMALL, camera};
use crate::drivers::Vivid;
use crate::harness::{apply, trial};
use crate::http;
use crate::rig::{RECOVERY, figure, seconds, wait_or, wait_until};

/// Times that the plug is pulled.
const PULLS: usize = 50;

/// Pulls after which everything has been allocated that ever will be.
const SETTLED: usize = 10;

/// Growth of resident memory that is no leak in [`PULLS`] pulls.
const GROWTH_KIB: u64 = 1024;

fn start(vivid: &Vivid) -> Daemon {
    Daemon::start(&format!("{}{CHEAP}", camera(&vivid.camera(), SMALL)))
}

/// Waits for frames of the camera, which is coming back, and tells how long they took once it had
/// its name again.
#[track_caller]
fn check_comes_back(vivid: &Vivid, daemon: &Daemon) -> Duration {
    wait_until("camera", || vivid.camera().exists());
    let (back, before) = (Instant::now(), daemon.captured());
    wait_or(
        || format!("frames of a camera that is back; log:\n{}", daemon.log()),
        || {
            let told = daemon.told("");
            told["source"]["state"] == "live" && http::captured(&told) > before + 2
        },
    );
    let took = back.elapsed();
    assert!(took <= RECOVERY, "{took:?} until frames came; log:\n{}", daemon.log());
    took
}

#[apply(trial)]
fn absent_at_start() {
    let vivid = Vivid::webcam();
    vivid.unbind();
    let daemon = start(&vivid);
    daemon.wait_for_camera("absent");
    assert_eq!(http::get(daemon.server, "/healthz").expect("an answer").status, 200);
    assert_eq!(http::get(daemon.server, "/readyz").expect("an answer").status, 503);
    let before = daemon.count("/source/placeholders");
    wait_until("stand-ins", || daemon.count("/source/placeholders") > before + 2);
    vivid.bind();
    figure("frames after the camera came", seconds(check_comes_back(&vivid, &daemon)));
    wait_until("readiness", || {
        http::get(daemon.server, "/readyz").is_ok_and(|answer| answer.status == 200)
    });
}

#[apply(trial)]
fn ends_in_time_without_a_camera() {
    let vivid = Vivid::webcam();
    vivid.unbind();
    let daemon = start(&vivid);
    daemon.wait_for_camera("absent");
    let (code, took) = daemon.end();
    figure("end after SIGTERM, no camera", seconds(took));
    assert_eq!(code, Some(0));
    assert!(took <= Duration::from_secs(2), "{took:?} until the end");
}

/// Somebody holds the old node open, so that its number is taken when the camera comes back.
#[apply(trial)]
fn comes_back_under_another_number() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    daemon.wait_for_camera("live");
    let node = || std::fs::canonicalize(vivid.camera()).expect("a camera");
    let (before, held) = (node(), std::fs::File::open(vivid.camera()).expect("a camera"));
    vivid.unbind();
    daemon.wait_for_camera("absent");
    vivid.bind();
    check_comes_back(&vivid, &daemon);
    let after = node();
    drop(held);
    figure("number before and after", format!("{} {}", before.display(), after.display()));
    assert_ne!(before, after, "the camera has its old number");
}

/// What the daemon is doing when the plug is pulled.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Streaming,
    Opening,
    Silent,
    Absent,
    Twice,
}

#[apply(trial)]
fn fifty_times_in_every_state() {
    use Moment::{Absent, Opening, Silent, Streaming, Twice};
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    daemon.wait_for_camera("live");
    let mut settled = None;
    let mut took = Vec::new();
    for (pull, moment) in
        [Streaming, Opening, Silent, Absent, Twice].iter().cycle().take(PULLS).enumerate()
    {
        took.push(pulled(&vivid, &daemon, *moment));
        if pull + 1 == SETTLED {
            settled = Some(Resources::of(&daemon));
        }
    }
    let (before, after) = (settled.expect("enough pulls"), Resources::of(&daemon));
    took.sort_unstable();
    figure("frames again, median", seconds(took[took.len() / 2]));
    figure("frames again, slowest", seconds(took[took.len() - 1]));
    figure("after ten pulls", format!("{before:?}"));
    figure("after fifty pulls", format!("{after:?}"));
    assert_eq!(after.descriptors, before.descriptors, "file descriptors leak");
    assert!(after.mappings <= before.mappings + 2, "mappings leak: {before:?}, {after:?}");
    assert!(
        after.memory_kib <= before.memory_kib + GROWTH_KIB,
        "memory grows: {before:?}, {after:?}"
    );
}

/// Pulls the plug at a moment, puts it back, and tells how long frames took to come.
fn pulled(vivid: &Vivid, daemon: &Daemon, moment: Moment) -> Duration {
    match moment {
        Moment::Streaming => {}
        Moment::Opening => {
            vivid.unbind();
            vivid.bind();
            // The daemon may or may not have begun to open it: that is the moment meant.
        }
        Moment::Silent => {
            vivid.control("percentage_of_dropped_buffers", 100);
            daemon.wait_for_camera("silent");
        }
        Moment::Absent => {
            vivid.unbind();
            daemon.wait_for_camera("absent");
            vivid.bind();
        }
        Moment::Twice => {
            vivid.unbind();
            vivid.bind();
            vivid.unbind();
            vivid.bind();
        }
    }
    vivid.unbind();
    vivid.bind();
    check_comes_back(vivid, daemon)
}

/// What a leak would add to.
#[derive(Debug)]
struct Resources {
    descriptors: usize,
    mappings: usize,
    memory_kib: u64,
}

impl Resources {
    fn of(daemon: &Daemon) -> Self {
        let process = daemon.process();
        // The page may not have closed the connection of the last question yet.
        let descriptors = (0..20).map(|_| process.descriptors()).min();
        Self {
            descriptors: descriptors.expect("several looks"),
            mappings: process.mappings(),
            memory_kib: process.memory_kib(),
        }
    }
}
