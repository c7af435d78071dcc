//! Transforms of sixteen lines side by side, of lengths that are products of 2, 3, 5 and 7.
//!
//! A length `N` is taken apart from the front (decimation in frequency). Of a stretch of `L` samples, at first the
//! whole line, `R` at a time are transformed that lie `L / R` apart, and coefficient `k` of those at place `j` gets
//! the factor `exp(-2 pi i j k / L)`: what is left are `R` stretches of `L / R` samples with transforms of their own.
//! Everything is in place, so coefficients end up in an order of their own, which [`Smooth::place`] tells; the
//! inverse goes the same way back. A filter that has its factors in that order needs no other.
//!
//! Sixteen lines of a frame are more than a first-level cache holds, and each such stage would bring them there once
//! more. So two or three stages, of up to [`MOST`] samples together, make a *visit*: those samples are taken in by
//! the first stage, stay near for the others, and are put back by the last one. Two visits transform any length up
//! to about 4000, and of a filter the last one there and the first one back are one.
//!
//! The inverse transform of numbers whose real and imaginary parts are exchanged is the transform, exchanged: so
//! from the multiplication on they are.

use super::lanes::{Lane, Lanes, Pair, Places, Sample, Stage, WIDTH, Work, root};
use super::layout::Complex;

/// Samples of a visit at most.
const MOST: usize = 64;

/// How many places ahead factors are fetched from memory.
const AHEAD: usize = 64;

/// Samples of the last visit at most. They lie side by side, and stay near where they are.
const LAST: usize = 128;

/// Radices, and what their stages cost: the time of a sample, in tenths of cycles of a Zen 4.
const COSTS: [(usize, usize); 8] =
    [(9, 105), (8, 85), (7, 90), (6, 75), (5, 68), (4, 55), (3, 52), (2, 50)];

/// A planned transform.
#[derive(Debug, Clone)]
pub(super) struct Smooth {
    visits: Vec<Visit>,
    places: Vec<usize>,
}

/// Multiplies coefficients, each by what belongs to its place.
pub(super) trait Multiply {
    /// What becomes of those at `place`.
    fn times<L: Lanes>(&self, lanes: L, place: usize, part: usize, x: Pair<L>) -> Pair<L>;

    /// Has what belongs to `count` places fetched from memory.
    fn prefetch<L: Lanes>(&self, _: L, _: usize, _: usize) {}
}

/// Stages that are done one after the other on few samples.
#[derive(Debug, Clone)]
struct Visit {
    stages: Vec<Stage>,
    /// Samples.
    size: usize,
    /// How far they lie apart.
    stride: usize,
    /// `[place][sample]`; empty where all are one.
    factors: Vec<Complex>,
}

/// The samples of a visit while it lasts.
type Near = [Sample; MOST];

const EMPTY: Near = [[Lane([0.0; WIDTH]); 2]; MOST];

impl Smooth {
    /// Plans the transform of that length; `None` where it has other prime factors than 2, 3, 5 and 7.
    pub(super) fn plan(length: usize) -> Option<Self> {
        let (_, mut radices) = radices(length, 0)?;
        radices.sort_unstable();
        let (mut visits, mut stretch) = (Vec::new(), length);
        while visits.is_empty() || !radices.is_empty() {
            let visit = Visit::plan(&mut radices, stretch);
            stretch = visit.stride;
            visits.push(visit);
        }
        let mut places = vec![0; length];
        for place in 0..length {
            places[coefficient(&visits, place)] = place;
        }
        Some(Self { visits, places })
    }

    /// Where coefficient `k` is.
    pub(super) fn place(&self, k: usize) -> usize {
        self.places[k]
    }

    /// Samples of a line.
    pub(super) fn length(&self) -> usize {
        self.places.len()
    }

    /// Transforms the lines.
    #[inline(always)]
    pub(super) fn forward<L: Lanes>(&self, lanes: L, lines: &mut [Sample]) {
        if let [only] = &self.visits[..] {
            return only.forward(lanes, lines, &mut []);
        }
        let mut near = EMPTY;
        for visit in &self.visits {
            visit.forward(lanes, lines, &mut near);
        }
    }

    /// Transforms lines back whose real and imaginary parts are exchanged, and times their length.
    #[inline(always)]
    pub(super) fn inverse<L: Lanes>(&self, lanes: L, lines: &mut [Sample]) {
        if let [only] = &self.visits[..] {
            return only.inverse(lanes, lines, &mut []);
        }
        let mut near = EMPTY;
        for visit in self.visits.iter().rev() {
            visit.inverse(lanes, lines, &mut near);
        }
    }

    /// Transforms the lines, multiplies them, and transforms them back, all times their length; real and imaginary
    /// parts are exchanged then.
    #[inline(always)]
    pub(super) fn filter<L: Lanes>(&self, lanes: L, lines: &mut [Sample], factors: &impl Multiply) {
        let mut near = EMPTY;
        let Some((last, others)) = self.visits.split_last() else { return };
        for visit in others {
            visit.forward(lanes, lines, &mut near);
        }
        last.filter(lanes, lines, factors);
        for visit in others.iter().rev() {
            visit.inverse(lanes, lines, &mut near);
        }
    }
}

/// The cheapest radices of a length, of those of the table from `first` on, and what they cost.
fn radices(length: usize, first: usize) -> Option<(usize, Vec<usize>)> {
    if length == 1 {
        return Some((0, Vec::new()));
    }
    let fitting = (first..COSTS.len()).filter(|&at| length.is_multiple_of(COSTS[at].0));
    let all = fitting.filter_map(|at| {
        let (radix, cost) = COSTS[at];
        let (rest, mut others) = radices(length / radix, at)?;
        others.push(radix);
        Some((cost + rest, others))
    });
    all.min_by_key(|(cost, _)| *cost)
}

/// The coefficient that ends up at `place`.
fn coefficient(visits: &[Visit], mut place: usize) -> usize {
    let (mut k, mut step) = (0, 1);
    for visit in visits {
        k += step * visit.coefficient(place / visit.stride);
        place %= visit.stride;
        step *= visit.size;
    }
    k
}

impl Visit {
    /// For stretches of `stretch` samples takes all of the radices, which are sorted, or the largest and what fits
    /// with it.
    fn plan(radices: &mut Vec<usize>, stretch: usize) -> Self {
        let (mut own, mut size) = (Vec::new(), 1);
        let most = if stretch <= LAST { LAST } else { MOST };
        while let Some(at) = radices.iter().rposition(|radix| size * radix <= most) {
            let radix = radices.remove(at);
            size *= radix;
            own.push(radix);
        }
        if size < stretch {
            // One takes the samples in, another puts them back.
            own.resize(own.len().max(2), 1);
        }
        let (mut length, mut stages) = (size, Vec::new());
        for radix in own {
            stages.push(Stage::new(radix, length));
            length /= radix;
        }
        let mut visit = Self { stages, size, stride: stretch / size, factors: Vec::new() };
        if visit.stride > 1 {
            let factor = |at: usize| root(at / size * visit.coefficient(at % size), stretch);
            visit.factors = (0..stretch).map(factor).collect();
        }
        visit
    }

    /// The coefficient, of those of the visit's samples, that ends up at sample `at`.
    fn coefficient(&self, mut at: usize) -> usize {
        let (mut k, mut step) = (0, 1);
        for stage in &self.stages {
            k += step * (at / stage.rest());
            at %= stage.rest();
            step *= stage.radix();
        }
        k
    }

    /// The factors of the samples at a place of a stretch.
    #[inline(always)]
    fn factors(&self, place: usize) -> &[Complex] {
        if place == 0 { &[] } else { &self.factors[place * self.size..][..self.size] }
    }

    #[inline(always)]
    fn forward<L: Lanes>(&self, lanes: L, lines: &mut [Sample], near: &mut [Sample]) {
        if self.stride == 1 {
            return self.each_stretch(lanes, lines, |part, _, samples| {
                self.transform::<false, L>((lanes, part), samples);
            });
        }
        let [first, between @ .., last] = &self.stages[..] else { return };
        self.each_place(lines.len(), |places, factors| {
            for part in 0..WIDTH / L::COUNT {
                let all = (lanes, part, self.size);
                first.run::<false, L>(all, (lines, places), (near, Places::NEAR), &[]);
                for stage in between {
                    stage.run_in_place::<false, L>((lanes, part), &mut near[..self.size]);
                }
                last.run::<false, L>(all, (near, Places::NEAR), (lines, places), factors);
            }
        });
    }

    #[inline(always)]
    fn inverse<L: Lanes>(&self, lanes: L, lines: &mut [Sample], near: &mut [Sample]) {
        if self.stride == 1 {
            return self.each_stretch(lanes, lines, |part, _, samples| {
                self.transform::<true, L>((lanes, part), samples);
            });
        }
        let [first, between @ .., last] = &self.stages[..] else { return };
        self.each_place(lines.len(), |places, factors| {
            for part in 0..WIDTH / L::COUNT {
                let all = (lanes, part, self.size);
                last.run::<true, L>(all, (lines, places), (near, Places::NEAR), factors);
                for stage in between.iter().rev() {
                    stage.run_in_place::<true, L>((lanes, part), &mut near[..self.size]);
                }
                first.run::<true, L>(all, (near, Places::NEAR), (lines, places), &[]);
            }
        });
    }

    /// The last visit there and the first one back: its samples lie side by side.
    #[inline(always)]
    fn filter<L: Lanes>(&self, lanes: L, lines: &mut [Sample], factors: &impl Multiply) {
        self.each_stretch(lanes, lines, |part, start, samples| {
            factors.prefetch(lanes, start + AHEAD, self.size);
            self.transform::<false, L>((lanes, part), samples);
            lanes.run(Product { factors, start, part, samples });
            self.transform::<true, L>((lanes, part), samples);
        });
    }

    /// Transforms samples that lie side by side.
    #[inline(always)]
    fn transform<const BACK: bool, L: Lanes>(&self, lanes: (L, usize), samples: &mut [Sample]) {
        for at in 0..self.stages.len() {
            let at = if BACK { self.stages.len() - 1 - at } else { at };
            self.stages[at].run_in_place::<BACK, L>(lanes, samples);
        }
    }

    /// Calls `each` with every part and where its samples begin, which lie side by side.
    #[inline(always)]
    fn each_stretch<L: Lanes>(
        &self,
        _: L,
        lines: &mut [Sample],
        mut each: impl FnMut(usize, usize, &mut [Sample]),
    ) {
        for (index, samples) in lines.chunks_exact_mut(self.size).enumerate() {
            (0..WIDTH / L::COUNT).for_each(|part| each(part, index * self.size, samples));
        }
    }

    /// Calls `each` with where the samples are, and their factors.
    #[inline(always)]
    fn each_place(&self, length: usize, mut each: impl FnMut(Places, &[Complex])) {
        for start in (0..length).step_by(self.size * self.stride) {
            for place in 0..self.stride {
                let places = Places { first: start + place, stride: self.stride };
                each(places, self.factors(place));
            }
        }
    }
}

/// The multiplication, and the exchange of real and imaginary parts.
struct Product<'a, M> {
    factors: &'a M,
    /// Place of the first of the samples.
    start: usize,
    part: usize,
    samples: &'a mut [Sample],
}

impl<M: Multiply> Work for Product<'_, M> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { factors, start, part, samples } = self;
        for (place, [re, im]) in (start..).zip(samples) {
            let x = (lanes.load(&re.0, part), lanes.load(&im.0, part));
            let x = factors.times(lanes, place, part, x);
            lanes.store(&mut re.0, part, x.1);
            lanes.store(&mut im.0, part, x.0);
        }
    }
}
