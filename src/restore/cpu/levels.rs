//! Which filters a frame is restored by: those of single frames, of the average over frames, or of what lies
//! between them.

use super::filtering::Weighted;
use super::fusion::{Fuser, Rest};
use crate::fft::FieldFilter;
use crate::plan::{Filters, Fusion};

/// The filters of one plan.
#[derive(Debug)]
pub(crate) struct Levels {
    /// Of single frames.
    single: Filters,
    /// Of the average over frames, where there is one.
    at_rest: Option<Filters>,
    /// From those of single frames to those of the average.
    between: Option<Filters>,
}

impl Levels {
    pub(crate) fn new(single: Filters, fusion: Option<&Fusion>) -> Self {
        let at_rest = fusion.map(|fusion| fusion.at_rest.clone());
        Self { single, at_rest, between: fusion.and_then(|fusion| fusion.between.clone()) }
    }

    /// Layers of the filters, at most.
    pub(crate) fn layers(&self) -> usize {
        let all = [Some(&self.single), self.at_rest.as_ref(), self.between.as_ref()];
        let filters = all.into_iter().flatten();
        let filters = filters.flat_map(|of| of.projections.iter().chain([&of.wiener]));
        filters.map(FieldFilter::layers).max().unwrap_or(1)
    }

    /// The Wiener filter for a channel whose frames `fuser` averages.
    pub(crate) fn wiener<'a>(&'a self, fuser: Option<&'a Fuser>) -> Weighted<'a> {
        self.weighted(fuser, |filters| &filters.wiener)
    }

    /// The projection behind network `index`.
    pub(crate) fn projection<'a>(&'a self, fuser: Option<&'a Fuser>, index: usize) -> Weighted<'a> {
        self.weighted(fuser, |filters| &filters.projections[index])
    }

    fn weighted<'a>(
        &'a self,
        fuser: Option<&'a Fuser>,
        of: impl Fn(&'a Filters) -> &'a FieldFilter,
    ) -> Weighted<'a> {
        let rest = fuser.map_or(Rest::Nothing, Fuser::rest);
        let filter = of(match (rest, &self.at_rest, &self.between) {
            (Rest::All, Some(at_rest), _) => at_rest,
            (Rest::Some, _, Some(between)) => {
                return (of(between), fuser.map_or(&[], Fuser::weights));
            }
            _ => &self.single,
        });
        (filter, filter.weights())
    }
}
