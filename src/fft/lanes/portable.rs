//! Any processor: arrays of four numbers, which compilers know how to put in registers.

use super::vector::{Lanes, WIDTH, Work};

/// Numbers in an array.
const COUNT: usize = 4;

/// Needs nothing.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Portable;

#[inline(always)]
fn each<const N: usize>(terms: [[f32; COUNT]; N], one: impl Fn([f32; N]) -> f32) -> [f32; COUNT] {
    std::array::from_fn(|lane| one(terms.map(|term| term[lane])))
}

impl Lanes for Portable {
    type Vector = [f32; COUNT];
    const COUNT: usize = COUNT;

    #[inline(always)]
    fn run<W: Work>(self, work: W) {
        #[inline(never)]
        fn apart<W: Work>(lanes: Portable, work: W) {
            work.run(lanes);
        }
        apart(self, work);
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; COUNT]
    }

    #[inline(always)]
    fn load(self, line: &[f32; WIDTH], part: usize) -> Self::Vector {
        line.as_chunks::<COUNT>().0[part]
    }

    #[inline(always)]
    fn store(self, line: &mut [f32; WIDTH], part: usize, value: Self::Vector) {
        line.as_chunks_mut::<COUNT>().0[part] = value;
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each([a, b], |[a, b]| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each([a, b], |[a, b]| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each([a, b], |[a, b]| a * b)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        each([a, b, c], |[a, b, c]| a * b + c)
    }

    #[inline(always)]
    fn mul_sub(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        each([a, b, c], |[a, b, c]| a * b - c)
    }

    #[inline(always)]
    fn sub_mul(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        each([a, b, c], |[a, b, c]| c - a * b)
    }

    #[inline(always)]
    fn reverse(self, [a, b, c, d]: Self::Vector) -> Self::Vector {
        [d, c, b, a]
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Self::Vector; WIDTH]) {
        let was = *square;
        for (i, vector) in square[..COUNT].iter_mut().enumerate() {
            *vector = std::array::from_fn(|j| was[j][i]);
        }
    }
}
