//! What the lanes of any processor can do, and the work that is done with them.

/// Lines that are transformed side by side: one cache line of numbers.
pub(in super::super) const WIDTH: usize = 16;

/// A real or an imaginary part of a sample of each of sixteen lines.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub(in super::super) struct Lane(pub(in super::super) [f32; WIDTH]);

/// Real and imaginary parts of a sample of each of sixteen lines.
pub(in super::super) type Sample = [Lane; 2];

/// The arithmetic of vectors. A value is the proof that the processor has it.
pub(in super::super) trait Lanes: Copy {
    /// So many numbers.
    type Vector: Copy;
    /// How many; they divide [`WIDTH`].
    const COUNT: usize;

    /// Does the work with these lanes.
    fn run<W: Work>(self, work: W);

    /// The same number in all lanes.
    fn splat(self, value: f32) -> Self::Vector;
    /// Numbers of a part of a line: part `n` begins with number `n` times the count.
    fn load(self, line: &[f32; WIDTH], part: usize) -> Self::Vector;
    /// Overwrites that part.
    fn store(self, line: &mut [f32; WIDTH], part: usize, value: Self::Vector);

    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b + c`.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `a b - c`.
    fn mul_sub(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `c - a b`.
    fn sub_mul(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// Has a sample fetched from memory that is needed soon, where that can be asked for.
    fn prefetch(self, _: &Sample) {}

    /// The numbers the other way round.
    fn reverse(self, value: Self::Vector) -> Self::Vector;

    /// Turns a square over: number `i` of vector `j` becomes number `j` of vector `i`, of as many vectors as
    /// they have numbers; others are left alone.
    fn transpose(self, square: &mut [Self::Vector; WIDTH]);
}

/// What is done with lanes. Implementations, and all that they call but other works, are `inline(always)`: only so is
/// it compiled for the processor whose lanes they are. A closure that is not taken in is not, so lanes are touched in
/// loops. A work is never taken in by another: it is compiled once for each processor, and its stack is its own.
pub(in super::super) trait Work {
    /// Does it.
    fn run<L: Lanes>(self, lanes: L);
}
