//! x86-64 with AVX2 and fused multiply-add: eight lanes in a register.

#![expect(unsafe_code, reason = "vector instructions, which not every processor has")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::x86_64::*;

use super::vector::{Lanes, Sample, WIDTH, Work};

/// Numbers in a register.
const COUNT: usize = 8;

/// Having one means that the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has_all.then_some(Self(()))
    }
}

impl Lanes for Avx2 {
    type Vector = __m256;
    const COUNT: usize = COUNT;

    #[inline(always)]
    fn run<W: Work>(self, work: W) {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn with_instructions<W: Work>(lanes: Avx2, work: W) {
            work.run(lanes);
        }
        // SAFETY: `self` is proof of the instructions.
        unsafe { with_instructions(self, work) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, line: &[f32; WIDTH], part: usize) -> __m256 {
        let line = &line.as_chunks::<COUNT>().0[part];
        // SAFETY: `self` is proof of the instructions; eight numbers are there.
        unsafe { _mm256_loadu_ps(line.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, line: &mut [f32; WIDTH], part: usize, value: __m256) {
        let line = &mut line.as_chunks_mut::<COUNT>().0[part];
        // SAFETY: `self` is proof of the instructions; there is room for eight numbers.
        unsafe { _mm256_storeu_ps(line.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn mul_sub(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm256_fmsub_ps(a, b, c) }
    }

    #[inline(always)]
    fn sub_mul(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn prefetch(self, [re, im]: &Sample) {
        for part in [re, im] {
            // SAFETY: any processor has the instruction, and it changes nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(part.0.as_ptr().cast()) }
        }
    }

    #[inline(always)]
    fn reverse(self, value: __m256) -> __m256 {
        // SAFETY: `self` is proof of the instructions.
        unsafe {
            let from = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
            _mm256_permutevar8x32_ps(value, from)
        }
    }

    /// Pairs of numbers, pairs of pairs, and then the halves of registers change places.
    #[inline(always)]
    fn transpose(self, square: &mut [__m256; WIDTH]) {
        // SAFETY: `self` is proof of the instructions.
        unsafe {
            let mut fours = *square;
            for (from, to) in square.as_chunks::<4>().0.iter().zip(fours.as_chunks_mut::<4>().0) {
                let low =
                    [_mm256_unpacklo_ps(from[0], from[1]), _mm256_unpacklo_ps(from[2], from[3])];
                let high =
                    [_mm256_unpackhi_ps(from[0], from[1]), _mm256_unpackhi_ps(from[2], from[3])];
                *to = [
                    _mm256_shuffle_ps::<0x44>(low[0], low[1]),
                    _mm256_shuffle_ps::<0xee>(low[0], low[1]),
                    _mm256_shuffle_ps::<0x44>(high[0], high[1]),
                    _mm256_shuffle_ps::<0xee>(high[0], high[1]),
                ];
            }
            for i in 0..4 {
                let [a, b] = [fours[i], fours[4 + i]];
                square[i] = _mm256_permute2f128_ps::<0x20>(a, b);
                square[4 + i] = _mm256_permute2f128_ps::<0x31>(a, b);
            }
        }
    }
}
