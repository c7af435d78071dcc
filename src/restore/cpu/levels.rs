//! Which filters a frame is restored by: those of single frames, of the average over frames, or of what lies
//! between them.

use super::fusion::{Fuser, Rest};
use crate::fft::{FieldFilter, Weighted, Weights};
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

/// The filters that a channel is restored by.
#[derive(Debug, Clone, Copy)]
struct Chosen<'a> {
    filters: &'a Filters,
    /// How far they go to those of the average, where that differs from place to place.
    weights: Option<&'a [Weights]>,
}

impl<'a> Chosen<'a> {
    fn weighted(self, filter: &'a FieldFilter) -> Weighted<'a> {
        self.weights.map_or_else(|| filter.weighted(), |weights| (filter, weights))
    }
}

impl Levels {
    pub(crate) fn new(single: Filters, fusion: Option<&Fusion>) -> Self {
        let at_rest = fusion.map(|fusion| fusion.at_rest.clone());
        Self { single, at_rest, between: fusion.and_then(|fusion| fusion.between.clone()) }
    }

    /// Layers of the filters of one plane, at most: the weak one shares it with the Wiener filter.
    pub(crate) fn layers(&self) -> usize {
        let all = [Some(&self.single), self.at_rest.as_ref(), self.between.as_ref()];
        all.into_iter().flatten().map(Filters::layers).max().unwrap_or(1)
    }

    /// The Wiener filter for a channel whose frames `fuser` averages, and the weak one, where there is one.
    pub(crate) fn wiener<'a>(
        &'a self,
        fuser: Option<&'a Fuser>,
    ) -> (Weighted<'a>, Option<Weighted<'a>>) {
        let chosen = self.chosen(fuser);
        let Filters { wiener, weak, .. } = chosen.filters;
        (chosen.weighted(wiener), weak.as_ref().map(|weak| chosen.weighted(weak)))
    }

    /// The projection behind network `index`.
    pub(crate) fn projection<'a>(&'a self, fuser: Option<&'a Fuser>, index: usize) -> Weighted<'a> {
        let chosen = self.chosen(fuser);
        chosen.weighted(&chosen.filters.projections[index])
    }

    fn chosen<'a>(&'a self, fuser: Option<&'a Fuser>) -> Chosen<'a> {
        let rest = fuser.map_or(Rest::Nothing, Fuser::rest);
        match (rest, &self.at_rest, &self.between) {
            (Rest::All, Some(filters), _) => Chosen { filters, weights: None },
            (Rest::Some, _, Some(filters)) => {
                Chosen { filters, weights: fuser.map(Fuser::weights) }
            }
            _ => Chosen { filters: &self.single, weights: None },
        }
    }
}
