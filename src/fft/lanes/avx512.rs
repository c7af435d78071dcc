//! x86-64 with AVX-512: all sixteen lanes in one register.

#![expect(unsafe_code, reason = "vector instructions, which not every processor has")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::x86_64::*;

use super::vector::{Lanes, Sample, WIDTH, Work};

/// Having one means that the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }
}

impl Lanes for Avx512 {
    type Vector = __m512;
    const COUNT: usize = 16;

    #[inline(always)]
    fn run<W: Work>(self, work: W) {
        #[inline(never)]
        #[target_feature(enable = "avx512f")]
        fn with_instructions<W: Work>(lanes: Avx512, work: W) {
            work.run(lanes);
        }
        // SAFETY: `self` is proof of the instructions.
        unsafe { with_instructions(self, work) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, line: &[f32; WIDTH], _: usize) -> __m512 {
        // SAFETY: `self` is proof of the instructions; sixteen numbers are there.
        unsafe { _mm512_loadu_ps(line.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, line: &mut [f32; WIDTH], _: usize, value: __m512) {
        // SAFETY: `self` is proof of the instructions; there is room for sixteen numbers.
        unsafe { _mm512_storeu_ps(line.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn mul_sub(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm512_fmsub_ps(a, b, c) }
    }

    #[inline(always)]
    fn sub_mul(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn prefetch(self, [re, im]: &Sample) {
        for part in [re, im] {
            // SAFETY: any processor has the instruction, and it changes nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(part.0.as_ptr().cast()) }
        }
    }

    #[inline(always)]
    fn reverse(self, value: __m512) -> __m512 {
        // SAFETY: `self` is proof of the instructions.
        unsafe {
            let from = _mm512_setr_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            _mm512_permutexvar_ps(from, value)
        }
    }

    /// Pairs of numbers, pairs of pairs, and then whole quarters of registers change places.
    #[inline(always)]
    fn transpose(self, square: &mut [__m512; WIDTH]) {
        // SAFETY: `self` is proof of the instructions.
        unsafe {
            let mut fours = *square;
            for (from, to) in square.as_chunks::<4>().0.iter().zip(fours.as_chunks_mut::<4>().0) {
                let low =
                    [_mm512_unpacklo_ps(from[0], from[1]), _mm512_unpacklo_ps(from[2], from[3])];
                let high =
                    [_mm512_unpackhi_ps(from[0], from[1]), _mm512_unpackhi_ps(from[2], from[3])];
                *to = [
                    _mm512_shuffle_ps::<0x44>(low[0], low[1]),
                    _mm512_shuffle_ps::<0xee>(low[0], low[1]),
                    _mm512_shuffle_ps::<0x44>(high[0], high[1]),
                    _mm512_shuffle_ps::<0xee>(high[0], high[1]),
                ];
            }
            for i in 0..4 {
                let [a, b, c, d] = [fours[i], fours[4 + i], fours[8 + i], fours[12 + i]];
                let even = [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d)];
                let odd = [_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d)];
                square[i] = _mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
                square[4 + i] = _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
                square[8 + i] = _mm512_shuffle_f32x4::<0xdd>(even[0], even[1]);
                square[12 + i] = _mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]);
            }
        }
    }
}
