//! The level of a live station's frames, followed beside them.
//!
//! Copies of frames are looked at on a thread of its own, often until one tells and seldom afterwards. Where
//! the mean leaves the neighbourhood of what the restoration was told
//! ([`Follower`](crate::calibrate::level::Follower)), the caller has a restorer made for it, which takes the
//! other's place between two frames. Nothing of this touches the frames' way.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::doubts;
use super::recipe::Recipe;
use crate::calibrate::level::{Follower, Level, LevelGauge, Unfit};
use crate::frame::{Effort, Figures, Picture, PictureFormat};
use crate::metrics::Metrics;
use crate::owner;
use crate::pipeline::{Pair, RunningPipeline};

/// Time between two looks before a frame has told, and afterwards.
const SOON: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_secs(10);

/// The same where nothing follows.
const SELDOM: Duration = Duration::from_secs(60);

/// Follows the level of one station's frames. The clock is the caller's.
#[derive(Debug)]
pub struct Keeper {
    step: Step,
    follows: bool,
    follower: Follower,
    next: Instant,
    /// Whether it was said that frames do not tell.
    is_said: bool,
}

/// What is done now.
#[derive(Debug)]
enum Step {
    /// It panicked, or there was no thread.
    Off,
    Idle(Box<LevelGauge>, Pair),
    /// A frame is asked for.
    Asked(Box<LevelGauge>),
    Looking(JoinHandle<Look>),
}

/// What was seen, and all that is needed for the next look.
type Look = (Box<LevelGauge>, Pair, Seen);

/// What a frame tells.
#[derive(Debug)]
struct Seen {
    level: Result<Level, Unfit>,
    /// Of the restored frame; `None` where nothing was done to it.
    figures: Option<Figures>,
}

impl Keeper {
    /// For a restoration by `recipe` of pictures of `format`, whose level `follows` the frames, or is
    /// given: frames are looked at seldom then, for what speaks against the PSF.
    pub fn new(recipe: &Recipe, format: PictureFormat, follows: bool, now: Instant) -> Self {
        let [captured, restored] = [(); 2].map(|()| Picture::new(format));
        let pair = Pair { captured, restored, effort: Effort::Full };
        let step = Step::Idle(Box::new(recipe.gauge()), pair);
        let next = if follows { now } else { now + SELDOM };
        Self { step, follows, follower: Follower::default(), next, is_said: false }
    }

    /// Does what is due; to be called often. The level that frames are to be restored by from now on,
    /// where that is another one.
    pub fn attend(&mut self, now: Instant, pipeline: &RunningPipeline) -> Option<Level> {
        let (step, level) = match std::mem::replace(&mut self.step, Step::Off) {
            Step::Idle(gauge, pair) if now >= self.next => {
                pipeline.taps().level.ask(pair);
                (Step::Asked(gauge), None)
            }
            Step::Asked(gauge) => match pipeline.taps().level.take() {
                Some(pair) => (look(gauge, pair), None),
                None => (Step::Asked(gauge), None),
            },
            Step::Looking(looking) if looking.is_finished() => match looking.join() {
                Ok((gauge, pair, seen)) => {
                    let level = self.note(&seen, pipeline.metrics());
                    self.next = now + self.pause();
                    (Step::Idle(gauge, pair), level)
                }
                Err(_) => {
                    log::error!("following the noise panicked and is over");
                    (Step::Off, None)
                }
            },
            step => (step, None),
        };
        self.step = step;
        level
    }

    fn pause(&self) -> Duration {
        match self.follower.told() {
            _ if !self.follows => SELDOM,
            Some(_) => EVERY,
            None => SOON,
        }
    }

    fn note(&mut self, seen: &Seen, metrics: &Metrics) -> Option<Level> {
        let look = seen.level;
        doubts::tell(doubts::of_frame(look.ok(), seen.figures), metrics);
        if !self.follows {
            return None;
        }
        if let (Err(unfit), false, None) = (look, self.is_said, self.follower.told()) {
            self.is_said = true;
            log::warn!("nothing to tell the noise by yet: a frame was looked at, and {unfit}");
        }
        self.follower.take(look)
    }
}

/// Looks at a frame on a thread of its own; there is one at a time.
fn look(mut gauge: Box<LevelGauge>, pair: Pair) -> Step {
    let started = owner::spawn("level", move || {
        let level = gauge.look(&pair.captured);
        let is_restored = pair.effort != Effort::Passthrough;
        let figures = is_restored.then(|| Figures::of(&pair.captured, &pair.restored));
        (gauge, pair, Seen { level, figures })
    });
    match started {
        Ok(looking) => Step::Looking(looking),
        Err(error) => {
            log::error!("following the noise is over: no thread: {error}");
            Step::Off
        }
    }
}
