//! Transforms of one length, as the passes of `kernels/filter.cu`.

use std::f64::consts::TAU;
use std::sync::Arc;

use super::driver::layout::{Pass, Plan, number};
use super::driver::{Buffer, Device, GpuError};

/// Radices of the first and the last pass, the largest first, and of those between: few passes are few barriers.
const EDGES: [usize; 3] = [8, 4, 2];
const RADICES: [usize; 6] = [8, 7, 5, 4, 3, 2];
/// Threads of a block, at most: beyond, registers are short.
const THREADS_MOST: usize = 512;
const THREADS_LEAST: usize = 64;
/// Bytes of a complex sample.
const SAMPLE: usize = 8;

/// A transform of one length on a card.
#[derive(Debug)]
pub(super) struct Transform {
    pub(super) plan: Plan,
    /// `exp(-2 pi i part frequency / (span radix))` of each pass, real and imaginary parts.
    pub(super) table: Buffer<f32>,
}

impl Transform {
    /// Plans it.
    ///
    /// # Errors
    /// Where the length has other factors than 2, 3, 5 and 7, or the card has no room.
    pub(super) fn new(device: &Arc<Device>, length: usize) -> Result<Self, GpuError> {
        let unfit = || {
            GpuError::Unfit(format!("transforms of {length} samples (2, 3, 5 and 7 as factors)"))
        };
        let plan = plan(length).ok_or_else(unfit)?;
        let passes = plan.pass.iter().take_while(|pass| pass.radix > 0);
        let table: Vec<f32> = passes.flat_map(twiddles).flatten().collect();
        Ok(Self { plan, table: Buffer::of(device, &table)? })
    }
}

/// Threads that transform `samples` samples.
pub(super) fn threads(samples: usize) -> usize {
    (samples / RADICES[0]).next_multiple_of(32).clamp(THREADS_LEAST, THREADS_MOST)
}

/// Bytes of `buffers` of them.
pub(super) fn room(samples: usize, buffers: usize) -> usize {
    // One in seventeen is left out, see `place` in the programs.
    (samples + samples / 16 + 1) * SAMPLE * buffers
}

fn plan(length: usize) -> Option<Plan> {
    let mut plan = Plan { length: number(length), ..Plan::default() };
    let (mut span, mut twiddles) = (1, 0);
    for (pass, radix) in radices(length)?.into_iter().enumerate() {
        *plan.pass.get_mut(pass)? = Pass {
            radix: number(radix),
            span: number(span),
            count: number(length / radix),
            twiddles: number(twiddles),
            magic: u32::try_from((1_u64 << 32).div_ceil(span as u64)).unwrap_or(0),
        };
        (span, twiddles) = (span * radix, twiddles + (radix - 1) * span);
        plan.passes = number(pass + 1);
    }
    Some(plan)
}

/// The radices of the passes; the first and the last are the same.
fn radices(length: usize) -> Option<Vec<usize>> {
    let edge = EDGES.into_iter().find(|edge| length.is_multiple_of(edge * edge)).unwrap_or(1);
    let (mut rest, mut radices) = (length / (edge * edge), vec![edge]);
    while rest > 1 {
        let radix = RADICES.into_iter().find(|radix| rest.is_multiple_of(*radix))?;
        radices.push(radix);
        rest /= radix;
    }
    radices.push(edge);
    Some(radices)
}

/// The twiddles of a pass: of all frequencies for one part after the other, but for the first, whose are 1.
fn twiddles(pass: &Pass) -> impl Iterator<Item = [f32; 2]> {
    let (radix, span) = (pass.radix, pass.span);
    let angles = (1..radix).flat_map(move |part| (0..span).map(move |frequency| (part, frequency)));
    #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
    let twiddle = move |(part, frequency): (i32, i32)| {
        let angle =
            -TAU * (f64::from(part) * f64::from(frequency)) / (f64::from(span) * f64::from(radix));
        [angle.cos() as f32, angle.sin() as f32]
    };
    angles.map(twiddle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_radices(length: usize, expected: &[i32]) {
        let plan = plan(length).expect("a smooth length");
        let passes = plan.pass.iter().take(usize::try_from(plan.passes).expect("few"));
        assert_eq!(passes.map(|pass| pass.radix).collect::<Vec<_>>(), expected, "of {length}");
    }

    #[test]
    fn lengths_are_divided_into_few_passes() {
        check_radices(1344, &[8, 7, 3, 8]);
        check_radices(768, &[8, 4, 3, 8]);
        check_radices(1, &[1, 1]);
        check_radices(2 * 3 * 5 * 7, &[1, 7, 5, 3, 2, 1]);
        check_radices(16, &[4, 4]);
        assert!(plan(11).is_none() && plan(1366).is_none());
    }

    #[test]
    fn groups_are_found_without_a_division() {
        for length in [1344_usize, 2016, 4096, 3840] {
            let plan = plan(length).expect("a smooth length");
            for pass in plan.pass.iter().filter(|pass| pass.span > 1) {
                let (span, magic) = (u64::try_from(pass.span).expect("one"), u64::from(pass.magic));
                assert!((0..length as u64).all(|at| (at * magic) >> 32 == at / span), "{pass:?}");
            }
        }
    }
}
