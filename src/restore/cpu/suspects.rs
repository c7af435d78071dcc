//! Which samples were faults in nearly all frames so far: a map of the sensor, learned over frames.
//!
//! A scene as bright as a hot pixel hides it from what tells faults in a single frame, and then it is a bright
//! sample that the inverse makes rings of. A sample that was told for a while, with few exceptions, is therefore
//! *known*, and stays so for a while where it is not told. One that was never told is not in the map.
//!
//! Each has a score: one more in a frame that tells it; in one that does not, much less while it is young, and
//! one less once it is known. The map depends on the frames it was given and on nothing else.

/// Row and column of a sample.
pub(crate) type Place = (usize, usize);

/// From this score on a sample is known.
const KNOWN: u8 = 30;
/// The greatest score: so long, less [`KNOWN`], a known one may hide.
const MOST: u8 = 250;
/// What a sample that is not known yet loses in a frame that does not tell it.
const LOSS: u8 = 10;

/// Samples that were told in frames.
#[derive(Debug)]
pub(crate) struct Suspects {
    /// By place.
    all: Vec<Suspect>,
    /// Where the next ones are gathered.
    next: Vec<Suspect>,
    /// Samples at most.
    room: usize,
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    place: Place,
    score: u8,
    /// Whether the newest frame told it.
    is_told: bool,
}

impl Suspects {
    /// Room for so many samples.
    pub(crate) fn new(room: usize) -> Self {
        Self { all: Vec::with_capacity(room), next: Vec::with_capacity(room), room }
    }

    /// Takes in what a frame told, in the order of the places.
    pub(crate) fn learn(&mut self, told: impl Iterator<Item = Place>) {
        let Self { all, next, room } = self;
        next.clear();
        let mut add = |suspect| {
            if next.len() < *room {
                next.push(suspect);
            }
        };
        let (mut before, mut told) = (all.iter().copied().peekable(), told.peekable());
        loop {
            let hidden = before.next_if(|it| told.peek().is_none_or(|place| it.place < *place));
            if let Some(hidden) = hidden {
                hidden.missed().into_iter().for_each(&mut add);
                continue;
            }
            let Some(place) = told.next() else { break };
            let known = before.next_if(|it| it.place == place);
            let score = known.map_or(0, |it| it.score);
            add(Suspect { place, score: (score + 1).min(MOST), is_told: true });
        }
        std::mem::swap(all, next);
    }

    /// The samples to mend: those that the newest frame told, and those that are known.
    pub(crate) fn faults(&self) -> impl Iterator<Item = Place> {
        self.all.iter().filter(|it| it.is_told || it.score >= KNOWN).map(|it| it.place)
    }

    /// How many are known.
    pub(crate) fn known(&self) -> usize {
        self.all.iter().filter(|it| it.score >= KNOWN).count()
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self) {
        self.all.clear();
    }
}

impl Suspect {
    /// The same after a frame that did not tell it, where anything is left.
    fn missed(self) -> Option<Self> {
        let loss = if self.score >= KNOWN { 1 } else { LOSS };
        let score = self.score.saturating_sub(loss);
        (score > 0).then_some(Self { score, is_told: false, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOT: Place = (3, 7);

    /// What is mended in the last of so many frames, of which `told` says what each tells.
    fn mended(frames: usize, told: impl Fn(usize) -> Vec<Place>) -> Vec<Place> {
        let mut suspects = Suspects::new(16);
        (0..frames).for_each(|frame| suspects.learn(told(frame).into_iter()));
        suspects.faults().collect()
    }

    #[test]
    fn what_nearly_all_frames_told_is_mended_where_it_hides() {
        let hides = |frame: usize| frame >= 200 || frame % 20 == 19;
        let told = |frame| if hides(frame) { vec![] } else { vec![HOT] };
        assert_eq!(mended(210, told), [HOT]);
        assert_eq!(mended(400, told), [], "it is none any more");
    }

    #[test]
    fn what_is_told_now_and_then_is_mended_then_alone() {
        let told = |frame: usize| if frame.is_multiple_of(3) { vec![HOT] } else { vec![] };
        assert_eq!(mended(301, told), [HOT]);
        assert_eq!(mended(302, told), []);
    }

    #[test]
    fn each_sample_has_a_score_of_its_own() {
        let (other, new) = ((3, 6), (9, 0));
        let told = |frame: usize| match frame {
            0..40 => vec![other, HOT],
            40 => vec![(1, 1), HOT, new],
            _ => vec![],
        };
        assert_eq!(mended(41, told), [(1, 1), other, HOT, new]);
        assert_eq!(mended(42, told), [other, HOT]);
    }

    #[test]
    fn a_map_has_bounds_and_is_forgotten() {
        let mut suspects = Suspects::new(2);
        suspects.learn([(0, 1), (0, 2), (0, 3)].into_iter());
        assert!(suspects.faults().eq([(0, 1), (0, 2)]));
        suspects.forget();
        assert_eq!((suspects.faults().count(), suspects.known()), (0, 0));
    }
}
