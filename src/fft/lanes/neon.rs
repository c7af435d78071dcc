//! aarch64: four lanes in a register.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use super::vector::{Lanes, WIDTH, Work};

/// Numbers in a register.
const COUNT: usize = 4;

/// Having one means that the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Neon(());

impl Neon {
    pub(super) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

impl Lanes for Neon {
    type Vector = float32x4_t;
    const COUNT: usize = COUNT;

    #[inline(always)]
    fn run<W: Work>(self, work: W) {
        #[inline(never)]
        #[target_feature(enable = "neon")]
        fn with_instructions<W: Work>(lanes: Neon, work: W) {
            work.run(lanes);
        }
        // SAFETY: `self` is proof of the instructions.
        unsafe { with_instructions(self, work) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, line: &[f32; WIDTH], part: usize) -> float32x4_t {
        let line = &line.as_chunks::<COUNT>().0[part];
        // SAFETY: `self` is proof of the instructions; four numbers are there.
        unsafe { vld1q_f32(line.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, line: &mut [f32; WIDTH], part: usize, value: float32x4_t) {
        let line = &mut line.as_chunks_mut::<COUNT>().0[part];
        // SAFETY: `self` is proof of the instructions; there is room for four numbers.
        unsafe { vst1q_f32(line.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn mul_sub(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe { vfmaq_f32(vnegq_f32(c), a, b) }
    }

    #[inline(always)]
    fn sub_mul(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe { vfmsq_f32(c, a, b) }
    }

    #[inline(always)]
    fn reverse(self, value: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is proof of the instructions.
        unsafe {
            let pairs = vrev64q_f32(value);
            vextq_f32::<2>(pairs, pairs)
        }
    }

    #[inline(always)]
    fn transpose(self, square: &mut [float32x4_t; WIDTH]) {
        let [a, b, c, d, ..] = *square;
        // SAFETY: `self` is proof of the instructions.
        let turned = unsafe {
            let pairs = [vtrn1q_f32(a, b), vtrn2q_f32(a, b), vtrn1q_f32(c, d), vtrn2q_f32(c, d)];
            let [p, q, r, s] = pairs.map(|pair| vreinterpretq_f64_f32(pair));
            [vtrn1q_f64(p, r), vtrn1q_f64(q, s), vtrn2q_f64(p, r), vtrn2q_f64(q, s)]
                .map(|pair| vreinterpretq_f32_f64(pair))
        };
        square[..COUNT].copy_from_slice(&turned);
    }
}
