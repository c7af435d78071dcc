//! The steps between decoding and the guard, whoever does them.

use super::fusion::Fuser;
use super::workspace::{Estimate, Workspace};
use crate::frame::Effort;
use crate::restore::{RestoreError, Step, Watch};

/// Steps before the first of them.
pub(crate) const STEPS_BEFORE: usize = 1;

/// Makes estimates of decoded planes: the Wiener filter, networks and their projections.
pub(crate) trait Estimating: Send {
    /// The steps, in the order they are done in, the first being step [`STEPS_BEFORE`] of the restoration.
    fn steps(&self) -> &[Step];

    /// What does them now.
    fn backend(&self) -> &'static str;

    /// Fills the planes of the newest estimate from `y`; which it is, and the first failure. `fusers` are those of the channels, where frames are averaged.
    fn run(
        &mut self,
        work: &mut Workspace,
        fusers: &[Fuser],
        effort: Effort,
        watch: &mut dyn Watch,
    ) -> (Estimate, Result<(), RestoreError>);
}
