//! A restorer that looks at the frames it restores, and is planned anew where their level is another.
//!
//! For streams without a clock: time is the number of frames, a plan is made while its frame waits, and
//! the same frames give the same bytes. A live stream cannot wait: see `level.rs`.

use super::error::Fault;
use super::recipe::Recipe;
use crate::calibrate::level::{Follower, Level, LevelGauge, Unfit};
use crate::frame::{Effort, Picture, PictureFormat};
use crate::optics::GrayLevels;
use crate::restore::{RestoreError, Restorer, Step, Watch};

/// Frames from one look to the next, once a frame has told anything.
const EVERY: u64 = 16;

/// Hears what the frames are restored by from now on, or, once, why the first frames do not tell.
pub type Hear = Box<dyn FnMut(Result<Level, Unfit>, &Recipe) + Send>;

/// Follows the level of its frames.
pub struct Following {
    recipe: Recipe,
    format: PictureFormat,
    inner: Box<dyn Restorer>,
    gauge: LevelGauge,
    follower: Follower,
    /// The deviation of the noise, where it is not to be told by the frames.
    given: Option<GrayLevels>,
    frames: u64,
    is_heard: bool,
    hear: Hear,
}

impl Following {
    /// For pictures of `format`; `recipe` is what is done until a frame tells. `given` is the deviation of
    /// the noise, where that does not follow.
    ///
    /// # Errors
    /// Where such pictures cannot be restored.
    pub fn new(
        recipe: Recipe,
        format: PictureFormat,
        given: Option<GrayLevels>,
        hear: Hear,
    ) -> Result<Self, Fault> {
        let inner = recipe.restorer(format)?;
        let gauge = recipe.gauge();
        let follower = Follower::default();
        Ok(Self { recipe, format, inner, gauge, follower, given, frames: 0, is_heard: false, hear })
    }

    /// Looks at a frame where one is due.
    fn look(&mut self, picture: &Picture) -> Result<(), Fault> {
        let is_due = self.follower.told().is_none() || self.frames.is_multiple_of(EVERY);
        self.frames += 1;
        if !is_due {
            return Ok(());
        }
        let look = self.gauge.look_by(picture, self.given);
        let told = self.follower.told();
        let level = self.follower.take(look).map(|level| level.by(self.given));
        match (level, look) {
            (Some(level), _) => {
                let before = self.recipe.reckoned();
                self.recipe.set_level(level);
                if self.recipe.reckoned() != before {
                    self.inner = self.recipe.restorer(self.format)?;
                }
                (self.hear)(Ok(level), &self.recipe);
            }
            (None, Err(unfit)) if told.is_none() && !self.is_heard => {
                self.is_heard = true;
                (self.hear)(Err(unfit), &self.recipe);
            }
            _ => {}
        }
        Ok(())
    }
}

impl std::fmt::Debug for Following {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Following").field("follower", &self.follower).finish_non_exhaustive()
    }
}

impl Restorer for Following {
    fn backend(&self) -> &'static str {
        self.inner.backend()
    }

    fn steps(&self) -> &[Step] {
        self.inner.steps()
    }

    fn effort(&self, asked: Effort) -> Effort {
        self.inner.effort(asked)
    }

    fn restore(
        &mut self,
        blurred: &Picture,
        restored: &mut Picture,
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> Result<(), RestoreError> {
        if let Err(fault) = self.look(blurred) {
            // What was planned before still serves.
            log::error!("the level of the noise stays as it was: {fault}");
        }
        self.inner.restore(blurred, restored, effort, watch)
    }

    fn forget(&mut self) {
        self.inner.forget();
    }
}
