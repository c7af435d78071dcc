//! One sink and those who hear it: every format, every frame, and what becomes of those that nobody takes.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use deblurd::fleet::{FrameForm, Link, ZenohOptions};
use deblurd::frame::{Effort, Extent, Frame, FrameRate, Layout, PictureFormat, Range};
use deblurd::sink::{Sink, SinkError, ZenohSink, wire};
use deblurd::source::decode_picture;
use zenoh::Session;

use super::roles::{Account, Accounts, Arrived, Router, subscribed, subscriber};
use crate::harness::{apply, trial};
use crate::program::{DEADLINE, Running, Workshop};
use crate::restorations::random_picture;

/// A router, a sink that publishes by it, and what the sink counts.
struct Stage {
    _workshop: Workshop,
    router: Router,
    sink: ZenohSink,
    /// Frames that the sink has taken.
    taken: u64,
}

impl Stage {
    fn new(format: FrameForm) -> Self {
        let (workshop, router) = (Workshop::new(), Router::start());
        let config = router.write_config(&workshop);
        let sink = sink(&config, format);
        Self { _workshop: workshop, router, sink, taken: 0 }
    }

    /// The numbers of frames that were published and passed over.
    fn counts(&self) -> (u64, u64) {
        let counts = self.sink.metrics().snapshot();
        assert_eq!(counts.published + counts.passed, self.taken, "published and passed over");
        (counts.published, counts.passed)
    }

    fn start(&mut self, format: PictureFormat) {
        self.sink.start(format, FrameRate::per_second(30)).expect("a start");
    }

    /// Delivers a frame, once there is a connection.
    fn deliver(&mut self, frame: &Frame) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.sink.deliver(frame) {
                Ok(()) => return self.taken += 1,
                Err(SinkError::Busy) if Instant::now() < deadline => std::thread::yield_now(),
                Err(error) => panic!("not delivered: {error}"),
            }
        }
    }

    /// Delivers a frame again and again until it is published.
    fn publish(&mut self, frame: &Frame) {
        let (published, _) = self.counts();
        let deadline = Instant::now() + DEADLINE;
        while self.counts().0 == published {
            assert!(Instant::now() < deadline, "nobody wants it");
            self.deliver(frame);
        }
    }
}

impl Stage {
    /// Publishes a frame again and again until a subscriber's process has had one of that number or a later
    /// one, and its account then: large frames are lost on a busy machine, too.
    fn publish_until(&mut self, subscriber: &mut Running, frame: &Frame, number: u64) -> Account {
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "{number} is never told");
            self.publish(frame);
            let lines = std::iter::from_fn(|| subscriber.line());
            let told = lines.filter(|line| line.starts_with("host/camera"));
            let account =
                told.last().and_then(|line| Accounts::read(&line).of("host/camera").pop());
            if let Some(account) = account.filter(|account| account.last >= number) {
                return account;
            }
        }
    }
}

fn sink(config: &Path, format: FrameForm) -> ZenohSink {
    let options = ZenohOptions {
        config: config.to_owned(),
        host: Some("host".to_owned()),
        camera: None,
        format,
        quality: 95,
        rate_max: 1e6,
        every: std::time::Duration::from_secs(1),
        token_file: None,
    };
    let name = ZenohSink::name_of(&options).expect("a name");
    let link = Link::open(config).expect("a link");
    ZenohSink::new(options, Arc::clone(&link), &name)
}

fn numbered(format: PictureFormat, sequence: u64) -> Frame {
    let mut frame = Frame::new(format);
    frame.meta.sequence = sequence;
    frame
}

#[track_caller]
fn next(frames: &Receiver<Arrived>) -> Arrived {
    frames.recv_timeout(DEADLINE).expect("a frame")
}

/// Hears the frames of a stage.
fn hear(stage: &Stage) -> (Session, Receiver<Arrived>) {
    subscribed(&stage.router.endpoint)
}

#[apply(trial)]
fn every_format_arrives() {
    let mut stage = Stage::new(FrameForm::Raw);
    let (_session, frames) = hear(&stage);
    let layouts = [Layout::Gray, Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb];
    for (seed, layout) in layouts.into_iter().enumerate() {
        for (depth, range) in [(8, Range::Full), (10, Range::Limited), (16, Range::Full)] {
            let format = PictureFormat { extent: Extent::new(35, 21), layout, depth, range };
            stage.start(format);
            let mut frame = numbered(format, 1 << 40);
            frame.restored = random_picture(format, seed as u64);
            frame.meta.effort = Effort::Wiener;
            (frame.meta.placeholder, frame.meta.degraded) = (depth == 8, depth == 10);
            stage.publish(&frame);
            let arrived = next(&frames);
            assert_eq!(arrived.encoding, "application/octet-stream;deblurd");
            let found = wire::read(&arrived.payload).expect("a frame");
            assert!(found.picture == frame.restored, "{format:?} is not what was published");
            assert_eq!((found.sequence, found.effort), (1 << 40, Effort::Wiener));
            assert_eq!((found.placeholder, found.degraded), (depth == 8, depth == 10));
            let same = wire::publication(&arrived.payload);
            assert_eq!(same, Ok(arrived.publication), "the header beside it is another one");
        }
    }
}

#[apply(trial)]
fn pictures_arrive() {
    let mut stage = Stage::new(FrameForm::Jpeg);
    let (_session, frames) = hear(&stage);
    let format = PictureFormat::gray(Extent::new(64, 48));
    stage.start(format);
    let mut frame = numbered(format, 1);
    frame.restored.planes_mut()[0].samples_mut().fill(77);
    stage.publish(&frame);
    let arrived = next(&frames);
    assert_eq!(arrived.encoding, "image/jpeg");
    let picture = decode_picture(&arrived.payload, Path::new("frame.jpg")).expect("a picture");
    assert_eq!(picture.extent(), format.extent);
    let near = |sample: &u16| sample.abs_diff(77) <= 1;
    assert!(picture.planes()[0].samples().iter().all(near), "another picture");
}

/// Nothing is published for nobody; whoever comes late has every frame from there on.
#[apply(trial)]
fn both_ends_count_the_same() {
    let mut stage = Stage::new(FrameForm::Raw);
    let format = PictureFormat::gray(Extent::new(64, 48));
    stage.start(format);
    for sequence in 0..20 {
        stage.deliver(&numbered(format, sequence));
    }
    assert_eq!(stage.counts(), (0, 20), "published for nobody");
    let (_early_session, early) = hear(&stage);
    let mut early_accounts = Accounts::default();
    let mut late: Option<(Session, Receiver<Arrived>)> = None;
    for sequence in 0..400 {
        stage.publish(&numbered(format, sequence));
        // None is on the way when the next is published, so none is dropped.
        early_accounts.enter(&next(&early));
        if sequence == 199 {
            late = Some(hear(&stage));
        }
    }
    let (published, _) = stage.counts();
    let own = early_accounts.of("host/camera");
    assert_eq!((published, own.len()), (400, 1));
    assert_eq!((own[0].first, own[0].last, own[0].received, own[0].lost()), (1, 400, 400, 0));
    let (_late_session, late) = late.expect("a late subscriber");
    let mut late_accounts = Accounts::default();
    while late_accounts.of("host/camera").first().is_none_or(|account| account.last < 400) {
        late_accounts.enter(&next(&late));
    }
    let own = late_accounts.of("host/camera")[0];
    assert!(own.first > 200, "the late one had {own:?}, from before it came");
    assert_eq!(own.received + own.lost(), 400 - own.first + 1);
    assert_eq!(own.lost(), 0);
}

/// A subscriber that is stopped takes none: what does not fit on the way is dropped, nobody is held up, and how
/// many it were it knows when it goes on.
#[apply(trial)]
fn what_a_stopped_subscriber_lacks_is_counted() {
    const FRAMES: u64 = 60;
    let mut stage = Stage::new(FrameForm::Raw);
    let format = PictureFormat::gray(Extent::new(1920, 1080));
    stage.start(format);
    let mut subscriber = subscriber(&stage.router.endpoint);
    let frame = numbered(format, 1);
    stage.publish_until(&mut subscriber, &frame, 1);
    subscriber.signal("STOP");
    // Far more than sockets and queues hold.
    (0..FRAMES).for_each(|_| stage.publish(&frame));
    let stopped = stage.counts().0;
    subscriber.signal("CONT");
    let account = stage.publish_until(&mut subscriber, &frame, stopped + 1);
    let published = stage.counts().0;
    assert!(account.lost() > 0, "{account:?} of {published}");
    assert!(account.last <= published && account.received >= 2, "{account:?} of {published}");
}
