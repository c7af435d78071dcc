//! One stage of a transform: a transform of a few samples each, and factors.
//!
//! What is read and written is checked once for all samples of a stage, not for each of them: that would take
//! longer than the arithmetic.

#![expect(unsafe_code, reason = "samples whose places were checked before")]

use std::marker::PhantomData;

use super::radix::{Eight, Five, Four, Nine, One, Pair, Radix, Seven, Six, Three, Two, turn};
use super::vector::{Lanes, Sample, Work};
use crate::fft::layout::Complex;

/// Transforms of a few samples each, in stretches of a line: those that lie as far apart as a stretch has places.
#[derive(Debug, Clone)]
pub(in super::super) struct Stage {
    radix: usize,
    /// Samples of a stretch, over the radix.
    rest: usize,
    /// `[place][coefficient]`.
    factors: Vec<Complex>,
}

/// Where the samples of a line are: number `n` at `first + n stride`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Places {
    pub(in super::super) first: usize,
    pub(in super::super) stride: usize,
}

/// Where the samples of a stage come from and where they go to, which may be the same. Those of all its stretches are
/// there: who makes one promises that.
#[derive(Debug, Clone, Copy)]
struct Ways {
    from: *const Sample,
    from_places: Places,
    to: *mut Sample,
    to_places: Places,
}

/// `exp(-2 pi i turns / length)`.
pub(in super::super) fn root(turns: usize, length: usize) -> Complex {
    let angle = -std::f64::consts::TAU * (turns % length) as f64 / length as f64;
    #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
    Complex::new(angle.cos() as f32, angle.sin() as f32)
}

impl Places {
    /// One behind the other.
    pub(in super::super) const NEAR: Self = Self { first: 0, stride: 1 };

    #[inline(always)]
    fn at(self, sample: usize) -> usize {
        self.first + sample * self.stride
    }
}

impl Stage {
    /// That of stretches of `length` samples, a multiple of the radix, which is 9 or less.
    pub(in super::super) fn new(radix: usize, length: usize) -> Self {
        let factor = |at: usize| root(at / radix * (at % radix), length);
        Self { radix, rest: length / radix, factors: (0..length).map(factor).collect() }
    }

    /// Samples of a transform.
    pub(in super::super) fn radix(&self) -> usize {
        self.radix
    }

    /// Places of a stretch, and so samples of a stretch of the next stage.
    pub(in super::super) fn rest(&self) -> usize {
        self.rest
    }

    /// Transforms all stretches of `size` samples; `factors` are those of the visit, for the stage whose stretches end
    /// it. There they follow the transform, on the way back they come before it.
    #[inline(always)]
    pub(in super::super) fn run<const BACK: bool, L: Lanes>(
        &self,
        (lanes, part, size): (L, usize, usize),
        (from, from_places): (&[Sample], Places),
        (to, to_places): (&mut [Sample], Places),
        factors: &[Complex],
    ) {
        assert!(from_places.at(size - 1) < from.len() && to_places.at(size - 1) < to.len());
        let ways = Ways { from: from.as_ptr(), from_places, to: to.as_mut_ptr(), to_places };
        // SAFETY: all samples are there, and `to` is ours alone.
        unsafe { self.of_radix::<BACK, L>((lanes, part, size), ways, factors) }
    }

    /// The same in place, of samples side by side.
    #[inline(always)]
    pub(in super::super) fn run_in_place<const BACK: bool, L: Lanes>(
        &self,
        (lanes, part): (L, usize),
        samples: &mut [Sample],
    ) {
        let (to, places) = (samples.as_mut_ptr(), Places { first: 0, stride: 1 });
        let ways = Ways { from: to, from_places: places, to, to_places: places };
        // SAFETY: all samples are there, and ours alone; those of a transform are read before they are written.
        unsafe { self.of_radix::<BACK, L>((lanes, part, samples.len()), ways, &[]) }
    }

    /// # Safety
    /// Samples of as many places as the size says are there on both ways.
    #[inline(always)]
    unsafe fn of_radix<const BACK: bool, L: Lanes>(
        &self,
        lanes: (L, usize, usize),
        ways: Ways,
        factors: &[Complex],
    ) {
        // SAFETY: as our caller promised.
        unsafe {
            match self.radix {
                1 => self.of::<One, 1, BACK, L>(lanes, ways, factors),
                2 => self.of::<Two, 2, BACK, L>(lanes, ways, factors),
                3 => self.of::<Three, 3, BACK, L>(lanes, ways, factors),
                4 => self.of::<Four, 4, BACK, L>(lanes, ways, factors),
                5 => self.of::<Five, 5, BACK, L>(lanes, ways, factors),
                6 => self.of::<Six, 6, BACK, L>(lanes, ways, factors),
                7 => self.of::<Seven, 7, BACK, L>(lanes, ways, factors),
                8 => self.of::<Eight, 8, BACK, L>(lanes, ways, factors),
                _ => self.of::<Nine, 9, BACK, L>(lanes, ways, factors),
            }
        }
    }

    /// # Safety
    /// As [`Self::of_radix`], which alone calls it: the work it runs goes over the same ways.
    #[inline(always)]
    unsafe fn of<B: Radix<R>, const R: usize, const BACK: bool, L: Lanes>(
        &self,
        (lanes, part, size): (L, usize, usize),
        ways: Ways,
        factors: &[Complex],
    ) {
        let radix = PhantomData::<B>;
        lanes.run(Stretches::<B, R, BACK> { stage: self, part, size, ways, factors, radix });
    }

    /// The factors of a place of a stretch, where they are not all one.
    #[inline(always)]
    fn own(&self, place: usize) -> Option<&[Complex]> {
        let all = self.factors.get(place * self.radix..(place + 1) * self.radix);
        all.filter(|_| place > 0)
    }
}

/// One stage of all stretches. It is a work of its own, so that each radix is compiled once for each processor.
struct Stretches<'a, B, const R: usize, const BACK: bool> {
    stage: &'a Stage,
    part: usize,
    /// Samples of all stretches.
    size: usize,
    ways: Ways,
    factors: &'a [Complex],
    radix: PhantomData<B>,
}

impl<B: Radix<R>, const R: usize, const BACK: bool> Work for Stretches<'_, B, R, BACK> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { stage, part, size, ways, .. } = self;
        let Ways { from, from_places, to, to_places } = ways;
        let (rest, length) = (stage.rest, stage.rest * R);
        let stretches = size / length;
        let (from_step, to_step) = (rest * from_places.stride, rest * to_places.stride);
        for place in 0..rest {
            for stretch in 0..stretches {
                let start = stretch * length + place;
                let own =
                    if rest == 1 { self.factors.get(start..start + R) } else { stage.own(place) };
                let own = own.and_then(|own| <&[Complex; R]>::try_from(own).ok());
                let mut x = [(lanes.splat(0.0), lanes.splat(0.0)); R];
                let at = from_places.at(start);
                for (k, x) in x.iter_mut().enumerate() {
                    // SAFETY: `start + rest k` is below `stretches length` and so below `size`, up to which all
                    // samples are there.
                    let [re, im] = unsafe { &*from.add(at + k * from_step) };
                    *x = (lanes.load(&re.0, part), lanes.load(&im.0, part));
                }
                if BACK && let Some(own) = own {
                    turn_all::<R, L>(lanes, &mut x, own);
                }
                let mut y = B::transform(lanes, x);
                if !BACK && let Some(own) = own {
                    turn_all::<R, L>(lanes, &mut y, own);
                }
                let at = to_places.at(start);
                for (k, y) in y.into_iter().enumerate() {
                    // SAFETY: as above.
                    let [re, im] = unsafe { &mut *to.add(at + k * to_step) };
                    lanes.store(&mut re.0, part, y.0);
                    lanes.store(&mut im.0, part, y.1);
                }
            }
        }
    }
}

#[inline(always)]
fn turn_all<const R: usize, L: Lanes>(lanes: L, x: &mut [Pair<L>; R], factors: &[Complex; R]) {
    for (x, factor) in x.iter_mut().zip(factors) {
        *x = turn(lanes, *x, (factor.re, factor.im));
    }
}
