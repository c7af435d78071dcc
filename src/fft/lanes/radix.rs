//! Transforms of two to sixteen samples, of many lines at once.
//!
//! ```text
//! y_k = x_0 w^0 + x_1 w^k + … + x_(R-1) w^((R-1) k)        w = exp(-2 pi i / R)
//! ```
//!
//! Of odd prime lengths sums and differences of the samples `j` and `R - j` are taken, which meet the real
//! and the imaginary part of `w^jk`; those of 4 and 8 have factors of 1, `-i` and `(1 - i) / sqrt 2`; 6 is
//! 2 by 3 without factors between them (Good and Thomas), 9 is 3 by 3 with, and 16 is 4 by 4.
//!
//! The inverse is the same with real and imaginary parts exchanged, for `conj(z)` is `-i` times `z` with its
//! parts exchanged: so there is none.

use std::f32::consts::FRAC_1_SQRT_2;

use super::vector::Lanes;

/// Real and imaginary part of a sample in every lane.
pub(in super::super) type Pair<L> = (<L as Lanes>::Vector, <L as Lanes>::Vector);

/// The transform of `R` samples.
pub(in super::super) trait Radix<const R: usize> {
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; R]) -> [Pair<L>; R];
}

pub(super) struct One;
pub(super) struct Two;
pub(super) struct Three;
pub(super) struct Four;
pub(super) struct Five;
pub(super) struct Six;
pub(super) struct Seven;
pub(super) struct Eight;
pub(super) struct Nine;
pub(in super::super) struct Sixteen;

/// `x w` for a number that is the same in all lanes.
#[inline(always)]
pub(in super::super) fn turn<L: Lanes>(lanes: L, x: Pair<L>, (re, im): (f32, f32)) -> Pair<L> {
    times(lanes, x, (lanes.splat(re), lanes.splat(im)))
}

/// `x w`.
#[inline(always)]
pub(in super::super) fn times<L: Lanes>(lanes: L, x: Pair<L>, w: Pair<L>) -> Pair<L> {
    (lanes.mul_sub(x.0, w.0, lanes.mul(x.1, w.1)), lanes.mul_add(x.0, w.1, lanes.mul(x.1, w.0)))
}

#[inline(always)]
fn add<L: Lanes>(lanes: L, a: Pair<L>, b: Pair<L>) -> Pair<L> {
    (lanes.add(a.0, b.0), lanes.add(a.1, b.1))
}

#[inline(always)]
fn sub<L: Lanes>(lanes: L, a: Pair<L>, b: Pair<L>) -> Pair<L> {
    (lanes.sub(a.0, b.0), lanes.sub(a.1, b.1))
}

/// `a - i b` and `a + i b`.
#[inline(always)]
fn apart<L: Lanes>(lanes: L, a: Pair<L>, b: Pair<L>) -> [Pair<L>; 2] {
    [(lanes.add(a.0, b.1), lanes.sub(a.1, b.0)), (lanes.sub(a.0, b.1), lanes.add(a.1, b.0))]
}

/// The transform of an odd number of samples, of which `HALF` have partners; `parts[m]` are the real and the
/// negative imaginary part of `w^m`.
#[inline(always)]
fn odd<L: Lanes, const R: usize, const HALF: usize>(
    lanes: L,
    x: [Pair<L>; R],
    parts: &[(f32, f32); R],
) -> [Pair<L>; R] {
    let (mut sums, mut differences, mut y) = ([x[0]; HALF], [x[0]; HALF], x);
    for j in 0..HALF {
        sums[j] = add(lanes, x[j + 1], x[R - 1 - j]);
        differences[j] = sub(lanes, x[j + 1], x[R - 1 - j]);
        y[0] = add(lanes, y[0], sums[j]);
    }
    for k in 1..=HALF {
        let (re, im) = parts[k];
        let (re, im) = (lanes.splat(re), lanes.splat(im));
        let mut a = (lanes.mul_add(sums[0].0, re, x[0].0), lanes.mul_add(sums[0].1, re, x[0].1));
        let mut b = (lanes.mul(differences[0].0, im), lanes.mul(differences[0].1, im));
        for j in 1..HALF {
            let (re, im) = parts[(j + 1) * k % R];
            let (re, im) = (lanes.splat(re), lanes.splat(im));
            a = (lanes.mul_add(sums[j].0, re, a.0), lanes.mul_add(sums[j].1, re, a.1));
            let (p, q) = differences[j];
            b = (lanes.mul_add(p, im, b.0), lanes.mul_add(q, im, b.1));
        }
        [y[k], y[R - k]] = apart(lanes, a, b);
    }
    y
}

impl Radix<1> for One {
    #[inline(always)]
    fn transform<L: Lanes>(_: L, x: [Pair<L>; 1]) -> [Pair<L>; 1] {
        x
    }
}

impl Radix<2> for Two {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, [a, b]: [Pair<L>; 2]) -> [Pair<L>; 2] {
        [add(lanes, a, b), sub(lanes, a, b)]
    }
}

impl Radix<3> for Three {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; 3]) -> [Pair<L>; 3] {
        const SINE: f32 = 0.866_025_4;
        odd::<L, 3, 1>(lanes, x, &[(1.0, 0.0), (-0.5, SINE), (-0.5, -SINE)])
    }
}

impl Radix<4> for Four {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, [a, b, c, d]: [Pair<L>; 4]) -> [Pair<L>; 4] {
        let (p, q) = (add(lanes, a, c), sub(lanes, a, c));
        let (r, s) = (add(lanes, b, d), sub(lanes, b, d));
        let [y_1, y_3] = apart(lanes, q, s);
        [add(lanes, p, r), y_1, sub(lanes, p, r), y_3]
    }
}

impl Radix<5> for Five {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; 5]) -> [Pair<L>; 5] {
        const ONE: (f32, f32) = (0.309_017, 0.951_056_5);
        const TWO: (f32, f32) = (-0.809_017, 0.587_785_24);
        let parts = [(1.0, 0.0), ONE, TWO, (TWO.0, -TWO.1), (ONE.0, -ONE.1)];
        odd::<L, 5, 2>(lanes, x, &parts)
    }
}

impl Radix<6> for Six {
    /// Sample `3 n + 2 m mod 6` is `m` of the three of half `n`, coefficient `3 n + 4 m mod 6` theirs.
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; 6]) -> [Pair<L>; 6] {
        let a = Three::transform(lanes, [x[0], x[2], x[4]]);
        let b = Three::transform(lanes, [x[3], x[5], x[1]]);
        let [y_0, y_3] = Two::transform(lanes, [a[0], b[0]]);
        let [y_4, y_1] = Two::transform(lanes, [a[1], b[1]]);
        let [y_2, y_5] = Two::transform(lanes, [a[2], b[2]]);
        [y_0, y_1, y_2, y_3, y_4, y_5]
    }
}

impl Radix<7> for Seven {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; 7]) -> [Pair<L>; 7] {
        const ONE: (f32, f32) = (0.623_489_8, 0.781_831_5);
        const TWO: (f32, f32) = (-0.222_520_93, 0.974_927_9);
        const THREE: (f32, f32) = (-0.900_968_85, 0.433_883_73);
        let parts =
            [(1.0, 0.0), ONE, TWO, THREE, (THREE.0, -THREE.1), (TWO.0, -TWO.1), (ONE.0, -ONE.1)];
        odd::<L, 7, 3>(lanes, x, &parts)
    }
}

impl Radix<8> for Eight {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; 8]) -> [Pair<L>; 8] {
        let a = Four::transform(lanes, [x[0], x[2], x[4], x[6]]);
        let b = Four::transform(lanes, [x[1], x[3], x[5], x[7]]);
        let root = lanes.splat(FRAC_1_SQRT_2);
        // `(1 - i) b` and `-(1 + i) b`, both over the root of two.
        let c = (lanes.add(b[1].0, b[1].1), lanes.sub(b[1].1, b[1].0));
        let d = (lanes.sub(b[3].1, b[3].0), lanes.add(b[3].0, b[3].1));
        let [y_2, y_6] = apart(lanes, a[2], b[2]);
        let y_1 = (lanes.mul_add(root, c.0, a[1].0), lanes.mul_add(root, c.1, a[1].1));
        let y_5 = (lanes.sub_mul(root, c.0, a[1].0), lanes.sub_mul(root, c.1, a[1].1));
        let y_3 = (lanes.mul_add(root, d.0, a[3].0), lanes.sub_mul(root, d.1, a[3].1));
        let y_7 = (lanes.sub_mul(root, d.0, a[3].0), lanes.mul_add(root, d.1, a[3].1));
        let [y_0, y_4] = Two::transform(lanes, [a[0], b[0]]);
        [y_0, y_1, y_2, y_3, y_4, y_5, y_6, y_7]
    }
}

impl Radix<9> for Nine {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; 9]) -> [Pair<L>; 9] {
        const ONE: (f32, f32) = (0.766_044_44, -0.642_787_6);
        const TWO: (f32, f32) = (0.173_648_18, -0.984_807_7);
        const FOUR: (f32, f32) = (-0.939_692_6, -0.342_020_15);
        let a = Three::transform(lanes, [x[0], x[3], x[6]]);
        let b = Three::transform(lanes, [x[1], x[4], x[7]]);
        let c = Three::transform(lanes, [x[2], x[5], x[8]]);
        let first = Three::transform(lanes, [a[0], b[0], c[0]]);
        let second =
            Three::transform(lanes, [a[1], turn(lanes, b[1], ONE), turn(lanes, c[1], TWO)]);
        let third =
            Three::transform(lanes, [a[2], turn(lanes, b[2], TWO), turn(lanes, c[2], FOUR)]);
        [
            first[0], second[0], third[0], first[1], second[1], third[1], first[2], second[2],
            third[2],
        ]
    }
}

impl Radix<16> for Sixteen {
    #[inline(always)]
    fn transform<L: Lanes>(lanes: L, x: [Pair<L>; 16]) -> [Pair<L>; 16] {
        const ONE: (f32, f32) = (0.923_879_5, -0.382_683_43);
        const TWO: (f32, f32) = (FRAC_1_SQRT_2, -FRAC_1_SQRT_2);
        const THREE: (f32, f32) = (0.382_683_43, -0.923_879_5);
        const SIX: (f32, f32) = (-FRAC_1_SQRT_2, -FRAC_1_SQRT_2);
        const NINE: (f32, f32) = (-0.923_879_5, 0.382_683_43);
        let a = Four::transform(lanes, [x[0], x[4], x[8], x[12]]);
        let b = Four::transform(lanes, [x[1], x[5], x[9], x[13]]);
        let c = Four::transform(lanes, [x[2], x[6], x[10], x[14]]);
        let d = Four::transform(lanes, [x[3], x[7], x[11], x[15]]);
        let minus_i = (c[2].1, lanes.sub(lanes.splat(0.0), c[2].0));
        let [y_0, y_4, y_8, y_12] = Four::transform(lanes, [a[0], b[0], c[0], d[0]]);
        let [y_1, y_5, y_9, y_13] = Four::transform(
            lanes,
            [a[1], turn(lanes, b[1], ONE), turn(lanes, c[1], TWO), turn(lanes, d[1], THREE)],
        );
        let [y_2, y_6, y_10, y_14] =
            Four::transform(lanes, [a[2], turn(lanes, b[2], TWO), minus_i, turn(lanes, d[2], SIX)]);
        let [y_3, y_7, y_11, y_15] = Four::transform(
            lanes,
            [a[3], turn(lanes, b[3], THREE), turn(lanes, c[3], SIX), turn(lanes, d[3], NINE)],
        );
        [y_0, y_1, y_2, y_3, y_4, y_5, y_6, y_7, y_8, y_9, y_10, y_11, y_12, y_13, y_14, y_15]
    }
}
