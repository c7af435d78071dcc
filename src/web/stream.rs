//! A stream of JPEG pictures as one endless answer (`multipart/x-mixed-replace`).
//!
//! The next frame is asked for when the last has been handed to the connection, and is the newest
//! there is then: a slow reader skips frames, nothing queues up for it, and while it does not read
//! nothing is encoded for it. Where no frame comes the last one is sent again, so that a reader
//! stays connected and one that is gone is noticed.
//!
//! Each picture is followed by its boundary at once. Browsers show a part when they see the
//! boundary after it; would that come with the next picture, they would be a frame late.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};

use super::describe::{bytes, describe};
use crate::sink::{Exhibit, Showcase, View};

/// Type of the whole answer.
pub(super) const CONTENT_TYPE: &str = "multipart/x-mixed-replace; boundary=deblurd";
const FIRST: &[u8] = b"--deblurd\r\n";
const BETWEEN: &[u8] = b"\r\n--deblurd\r\n";
/// How long a reader goes without a picture.
const PATIENCE: Duration = Duration::from_secs(5);

type Next = Pin<Box<dyn Future<Output = Option<Arc<Exhibit>>> + Send>>;

/// The parts of one reader's stream.
pub(super) struct Parts {
    showcase: Arc<Showcase>,
    view: View,
    step: Step,
    last: Option<Arc<Exhibit>>,
}

/// What the reader gets next.
enum Step {
    Beginning,
    Wait(Next),
    Picture(Bytes),
    Boundary,
}

impl Parts {
    pub(super) fn new(showcase: Arc<Showcase>, view: View) -> Self {
        Self { showcase, view, step: Step::Beginning, last: None }
    }

    fn wait(&self) -> Step {
        let (showcase, view) = (Arc::clone(&self.showcase), self.view);
        let after = self.last.as_ref().map_or(0, |exhibit| exhibit.number);
        Step::Wait(Box::pin(async move {
            tokio::time::timeout(PATIENCE, showcase.next(view, after)).await.ok()
        }))
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            let (bytes, step) = match &mut self.step {
                Step::Beginning => (Bytes::from_static(FIRST), self.wait()),
                Step::Wait(next) => {
                    let exhibit = ready!(next.as_mut().poll(context));
                    self.last = exhibit.or_else(|| self.last.take());
                    let Some(exhibit) = &self.last else {
                        self.step = self.wait();
                        continue;
                    };
                    (head(exhibit), Step::Picture(bytes(exhibit)))
                }
                Step::Picture(picture) => (std::mem::take(picture), Step::Boundary),
                Step::Boundary => (Bytes::from_static(BETWEEN), self.wait()),
            };
            self.step = step;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
    }
}

/// The lines before a picture.
fn head(exhibit: &Exhibit) -> Bytes {
    let length = exhibit.bytes.len();
    let mut head = format!("Content-Type: image/jpeg\r\nContent-Length: {length}\r\n");
    for (name, value) in describe(exhibit) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into()
}
