//! Transforms of one length, as the passes of `kernels/transform.cuh`.

use std::f64::consts::TAU;
use std::sync::Arc;

use super::driver::layout::{PASSES, Pass, Plan, number};
use super::driver::{Buffer, Device, GpuError, Radices};

/// Radices of all passes but the last one, and of that. Few passes are few barriers, but what a butterfly holds
/// must fit in registers; of the last one, a thread of the rows has two.
const RADICES: [usize; 12] = [16, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3, 2];
const LAST: [usize; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
/// Complex samples that lie in different banks of shared memory.
const BANKS: usize = 16;
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
    /// Uploads the table of a plan.
    ///
    /// # Errors
    /// Where the card has no room.
    pub(super) fn new(device: &Arc<Device>, plan: Plan) -> Result<Self, GpuError> {
        let table: Vec<f32> = passes(&plan).flat_map(twiddles).flatten().collect();
        Ok(Self { plan, table: Buffer::of(device, &table)? })
    }
}

/// The passes of a plan.
fn passes(plan: &Plan) -> impl Iterator<Item = &Pass> {
    plan.pass.iter().take_while(|pass| pass.radix > 0)
}

/// The radices of a plan's passes.
pub(super) fn radices(plan: &Plan) -> Radices {
    let all: Vec<i32> = passes(plan).map(|pass| pass.radix).collect();
    let inner = all.get(1..all.len() - 1).unwrap_or_default();
    [all[..1].to_vec(), inner.to_vec(), all[all.len() - 1..].to_vec()]
}

/// Threads that do 2^shift transforms side by side, of which there may be `most`: a butterfly each.
pub(super) fn threads(plan: &Plan, shift: usize, most: usize) -> usize {
    let butterflies = passes(plan).map(|pass| pass.count).max().unwrap_or(1);
    let butterflies = usize::try_from(butterflies).unwrap_or(1);
    (butterflies << shift).next_multiple_of(32).min(most)
}

/// Bytes of shared memory that 2^shift of them side by side take, and of `more` lines of samples.
pub(super) fn room(plan: &Plan, shift: usize, more: usize) -> usize {
    let samples = |count: i32| usize::try_from(count).unwrap_or(usize::MAX);
    (((2 * samples(plan.room)) << shift) + more * samples(plan.length)) * SAMPLE
}

/// Plans a transform of `length` samples, of which 2^shift lie side by side.
///
/// # Errors
/// Where the length has other factors than 2, 3, 5 and 7.
pub(super) fn plan(length: usize, shift: usize) -> Result<Plan, GpuError> {
    let unfit =
        || GpuError::Unfit(format!("transforms of {length} samples (2, 3, 5 and 7 as factors)"));
    let radices = divided(length).ok_or_else(unfit)?;
    let mut plan =
        Plan { length: number(length), passes: number(radices.len()), ..Plan::default() };
    let (mut span, mut before, mut twiddles, mut room) = (1, 0, 0, 0);
    for (pass, radix) in plan.pass.iter_mut().zip(radices) {
        let groups = length / (span * radix);
        let behind = apart(span, radix, shift);
        *pass = Pass {
            radix: number(radix),
            span: number(span),
            count: number(length / radix),
            groups: number(groups),
            before: number(before),
            behind: number(behind),
            twiddles: number(twiddles),
            magic: u32::try_from((1_u64 << 32).div_ceil(span as u64)).unwrap_or(0),
        };
        (span, before, twiddles) = (span * radix, behind, twiddles + (radix - 1) * span);
        // What the last pass gives goes elsewhere.
        if span < length || room == 0 {
            room = room.max(groups * behind);
        }
    }
    plan.room = number(room);
    Ok(plan)
}

/// From group to group of what a pass of `span` writes. Neighbouring threads write neighbouring frequencies, and go
/// on in the next group where the banks go on; of the first pass each has a group, which an odd number sets apart.
fn apart(span: usize, radix: usize, shift: usize) -> usize {
    let banks = (BANKS >> shift).max(1);
    let all = span * radix;
    if span == 1 { all | 1 } else { all + (banks * all + span - all) % banks }
}

/// The radices of the passes: as few as there can be, of those with the smallest sum, the smallest as the last.
fn divided(length: usize) -> Option<Vec<usize>> {
    if length == 1 {
        return Some(vec![1, 1]);
    }
    let mut best = None;
    for last in LAST.into_iter().filter(|last| length.is_multiple_of(*last) && *last < length) {
        divide(length / last, RADICES[0], &mut vec![last], &mut best);
    }
    best.map(|mut radices| {
        radices.rotate_left(1);
        radices
    })
}

/// Divides `rest` by radices of up to `most`, and keeps what is better than the best.
fn divide(rest: usize, most: usize, radices: &mut Vec<usize>, best: &mut Option<Vec<usize>>) {
    let cost = |radices: &[usize]| (radices.len(), radices.iter().sum::<usize>());
    if rest == 1 {
        if best.as_ref().is_none_or(|best| cost(radices) < cost(best)) {
            *best = Some(radices.clone());
        }
        return;
    }
    if radices.len() == PASSES {
        return;
    }
    for radix in RADICES.into_iter().filter(|radix| *radix <= most && rest.is_multiple_of(*radix)) {
        radices.push(radix);
        divide(rest / radix, radix, radices, best);
        radices.pop();
    }
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
        let plan = plan(length, 0).expect("a smooth length");
        let radices: Vec<_> = passes(&plan).map(|pass| pass.radix).collect();
        assert_eq!(radices, expected, "of {length}");
        assert_eq!(radices.iter().product::<i32>(), number(length), "{radices:?}");
    }

    #[test]
    fn lengths_are_divided_into_few_passes() {
        check_radices(1344, &[14, 12, 8]);
        check_radices(756, &[12, 9, 7]);
        check_radices(2016, &[16, 14, 9]);
        check_radices(7, &[7, 1]);
        check_radices(1, &[1, 1]);
        check_radices(2 * 3 * 5 * 7, &[7, 6, 5]);
        check_radices(8192, &[16, 8, 8, 8]);
        assert!(plan(11, 0).is_err() && plan(1366, 0).is_err());
    }

    #[test]
    fn groups_are_found_without_a_division() {
        for length in [1344_usize, 2016, 4096, 3840] {
            let plan = plan(length, 0).expect("a smooth length");
            for pass in passes(&plan).filter(|pass| pass.span > 1) {
                let (span, magic) = (u64::try_from(pass.span).expect("one"), u64::from(pass.magic));
                assert!((0..length as u64).all(|at| (at * magic) >> 32 == at / span), "{pass:?}");
            }
        }
    }

    #[test]
    fn neighbouring_threads_write_to_different_banks() {
        for (length, shift) in [(1344_usize, 0), (756, 2), (756, 1), (2016, 0), (1134, 2)] {
            let plan = plan(length, shift).expect("a smooth length");
            let banks = BANKS >> shift;
            for pass in passes(&plan).take(2) {
                let number = |value: i32| usize::try_from(value).expect("one");
                let [span, behind] = [pass.span, pass.behind].map(number);
                let place = |at: usize| (at / span * behind + at % span) % banks;
                let mut places: Vec<_> = (0..banks).map(place).collect();
                places.sort_unstable();
                places.dedup();
                assert_eq!(places.len(), banks, "{pass:?} of {length}");
            }
        }
    }
}
