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
use crate::calibrate::{Flaw, Flaws};
use crate::frame::{Effort, Figures, Layout, Picture, PictureFormat};
use crate::metrics::Metrics;
use crate::optics::GrayLevels;
use crate::owner;
use crate::pipeline::{Pair, RunningPipeline};
use crate::priority;

/// Time between two looks before a frame has told, and afterwards.
const SOON: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_secs(10);

/// Follows the level of one station's frames. The clock is the caller's.
#[derive(Debug)]
pub struct Keeper {
    step: Step,
    /// The deviation of the noise, where it is not to be told by the frames.
    given: Option<GrayLevels>,
    /// What the restorer was made for.
    made_for: MadeFor,
    follower: Follower,
    next: Instant,
    /// Whether it was said that frames do not tell.
    is_said: bool,
}

/// What a restorer is made for: the deviation to reckon with, whether the PSF is in doubt and frames are sharp
/// without it, and whether a frame has told all that.
type MadeFor = (GrayLevels, [bool; 2], bool);

/// What is done now.
#[derive(Debug)]
enum Step {
    /// It panicked, or there was no thread.
    Off,
    Idle(Box<Eyes>, Pair),
    /// A frame is asked for.
    Asked(Box<Eyes>),
    Looking(JoinHandle<Look>),
}

/// What was seen, and all that is needed for the next look.
type Look = (Box<Eyes>, Pair, Seen);

/// What looks at frames.
#[derive(Debug)]
struct Eyes {
    gauge: LevelGauge,
    flaws: Flaws,
}

/// What a frame tells.
#[derive(Debug)]
struct Seen {
    level: Result<Level, Unfit>,
    /// Of the restored frame; `None` where nothing was done to it.
    figures: Option<Figures>,
    flaws: Vec<Flaw>,
}

impl Keeper {
    /// For a restoration by `recipe` of pictures of `format`, whose level `follows` the frames, or is
    /// given: frames are looked at for what speaks against it and the PSF then.
    pub fn new(recipe: &Recipe, format: PictureFormat, follows: bool, now: Instant) -> Self {
        let luma = PictureFormat { layout: Layout::Gray, ..format };
        let [captured, restored] = [(); 2].map(|()| Picture::new(luma));
        let pair = Pair { captured, restored, effort: Effort::Full };
        let step =
            Step::Idle(Box::new(Eyes { gauge: recipe.gauge(), flaws: Flaws::default() }), pair);
        let noise = recipe.reckoned().noise;
        let (given, made_for) = ((!follows).then_some(noise), (noise, [false; 2], false));
        let follower = Follower::default();
        Self { step, given, made_for, follower, next: now, is_said: false }
    }

    /// Does what is due; to be called often. The level that frames are to be restored by from now on,
    /// where that is another one.
    pub fn attend(&mut self, now: Instant, pipeline: &RunningPipeline) -> Option<Level> {
        let (step, level) = match std::mem::replace(&mut self.step, Step::Off) {
            Step::Idle(eyes, pair) if now >= self.next => {
                pipeline.taps().level.ask(pair);
                (Step::Asked(eyes), None)
            }
            Step::Asked(eyes) => match pipeline.taps().level.take() {
                Some(pair) => (look(eyes, pair), None),
                None => (Step::Asked(eyes), None),
            },
            Step::Looking(looking) if looking.is_finished() => match looking.join() {
                Ok((eyes, pair, seen)) => {
                    let level = self.note(&seen, pipeline.metrics());
                    self.next = now + self.pause();
                    (Step::Idle(eyes, pair), level)
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
        match (self.given, self.follower.told()) {
            (None, None) => SOON,
            _ => EVERY,
        }
    }

    fn note(&mut self, seen: &Seen, metrics: &Metrics) -> Option<Level> {
        let look = seen.level;
        doubts::tell(doubts::of_frame(look.ok(), seen.figures), metrics);
        doubts::tell_flaws(&seen.flaws, metrics);
        let is_news = !self.is_said && self.given.is_none() && self.follower.told().is_none();
        if let (Err(unfit), true) = (look, is_news) {
            self.is_said = true;
            log::warn!("nothing to tell the noise by yet: a frame was looked at, and {unfit}");
        }
        doubts::tell(look.ok().and_then(|level| doubts::of_noise(level, self.given)), metrics);
        let level = self.follower.take(look)?.by(self.given);
        let is_shown = level.shown > GrayLevels::NONE;
        let doubts = [level.verdict.is_rival(), level.verdict.is_sharp()];
        let made_for = (level.sigma, doubts, is_shown);
        let changes = self.given.is_none() || made_for != self.made_for;
        self.made_for = made_for;
        changes.then_some(level)
    }
}

/// Looks at a frame on a thread of its own; there is one at a time.
fn look(mut eyes: Box<Eyes>, pair: Pair) -> Step {
    let started = owner::spawn("level", move || {
        priority::give_way();
        let (level, flaws) = (eyes.gauge.look(&pair.captured), eyes.flaws.look(&pair.captured));
        let is_restored = pair.effort != Effort::Passthrough;
        let figures = is_restored.then(|| Figures::of(&pair.captured, &pair.restored));
        (eyes, pair, Seen { level, figures, flaws })
    });
    match started {
        Ok(looking) => Step::Looking(looking),
        Err(error) => {
            log::error!("following the noise is over: no thread: {error}");
            Step::Off
        }
    }
}
