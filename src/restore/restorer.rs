//! What every backend offers: it loads a plan, and the restorer that comes of it restores frames.
//!
//! A restoration is a list of steps:
//!
//! ```text
//! decode -> wiener -> residual 1 -> projection 1 -> … residual K -> projection K -> encode
//!   y        x_w         f_1            g_1             f_K             g_K
//! ```
//!
//! with `g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k)` and `g_0 = x_w`: each network says what is
//! wrong with the estimate so far, and as much of that as the data leave open enters the picture;
//! `c` is the network's own. Where frames of a scene at rest are averaged, that average is `y`. Where luma is
//! restored, chroma is in a step of its own before the last. The guard looks at the last estimate before it is
//! encoded, and holds back what is ringing or grain.

use super::RestoreError;
use crate::frame::{Effort, Picture};
use crate::plan::RestorePlan;

/// Something that restores frames: processors, or a graphics card.
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// Makes a restorer of a plan. Everything is allocated here.
    ///
    /// # Errors
    /// Where the backend cannot run the plan.
    fn load(&self, plan: RestorePlan) -> Result<Box<dyn Restorer>, RestoreError>;
}

/// Restores frames by one plan.
pub trait Restorer: Send {
    /// The steps, in the order they are done in.
    fn steps(&self) -> &[Step];

    /// What runs the plan now: `cpu`, or `gpu`.
    fn backend(&self) -> &'static str;

    /// What is done to a frame for which `asked` is asked.
    fn effort(&self, asked: Effort) -> Effort {
        asked
    }

    /// Restores one frame. A step that fails is passed over, and the picture is what the others
    /// make of it; where nothing can be made of it, it is the blurred one.
    ///
    /// # Errors
    /// The first failure of a step.
    fn restore(
        &mut self,
        blurred: &Picture,
        restored: &mut Picture,
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> Result<(), RestoreError>;

    /// The next frame does not follow those before it: nothing of them enters it.
    fn forget(&mut self) {}
}

/// What averaging over frames made of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// Part of the frame that rests and has as little noise as is aimed at.
    pub at_rest: f64,
    /// Deviation of the noise that is left, in the mean over the frame, over that of a single frame.
    pub noise_left: f64,
}

/// One step of a restoration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name in logs and statistics.
    pub name: String,
    /// What was chosen when it was planned, where there was a choice.
    pub choice: Option<String>,
}

/// Hot and dead pixels of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mended {
    /// Samples that became what is around them.
    pub samples: usize,
    /// Those of the sensor that nearly all frames told.
    pub known: usize,
}

/// Where light beyond white was looked for in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lamps {
    /// Tiles of the frame that such light may reach.
    pub tiles: usize,
    /// Those that a later frame has time for, and stayed as they were.
    pub postponed: usize,
}

/// Deviations of what whole rows and columns of a frame had in common that no scene gave them, white being
/// 1; 0 where there was nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Striped {
    /// From row to row.
    pub rows: f32,
    /// From column to column.
    pub columns: f32,
}

/// Whoever waits for a frame: may stop its restoration, and hears of every step, on whatever thread it is done.
pub trait Watch: Send {
    /// Whether what is left may be left undone; what the restored picture holds is unspecified then.
    fn is_stopped(&self) -> bool {
        false
    }

    /// The step of that index has been done, or has failed.
    fn done(&mut self, _step: usize, _failure: Option<&RestoreError>) {}

    /// Hot and dead pixels became what is around them.
    fn mended(&mut self, _mended: Mended) {}

    /// Stripes of these deviations were taken away.
    fn levelled(&mut self, _striped: Striped) {}

    /// Lamps were taken away.
    fn peeled(&mut self, _lamps: Lamps) {}

    /// The guard, where there is one, has held back this share of the restoration, from 0 to 1.
    fn held(&mut self, _share: f32) {}

    /// A graphics card has worked for so many seconds at the frame.
    fn worked(&mut self, _seconds: f64) {}

    /// The frame was averaged with those before it.
    fn fused(&mut self, _fused: Fused) {}
}

/// Waits for the frame and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}
