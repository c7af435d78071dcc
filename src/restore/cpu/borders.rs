//! At the end of decoding, where a smooth margin does not serve: the margin around a frame is made a likely one.
//!
//! The predictions are those of `plan/borders.rs`: first of the columns beside the frame, then of the rows above
//! and below it. Lines go in pairs, the one as far before the middle of the margin as the other is behind it:
//! sum and difference are the real and the imaginary part of one transform. Twice the transform of the sum and
//! `-i` times that of the difference are of it
//!
//! ```text
//! p = Z_k + conj(Z_-k),   q = conj(Z_-k) - Z_k
//! ```
//!
//! and of what is predicted `Z_k = p - q` and `Z_-k = conj(p + q)` are transformed back.
//!
//! The columns of the frame end where the margin above and below begins: there they lead straight on to their other
//! end, which tells little but in the corners, and those are predicted again with the rows.

use std::ops::Range;
use std::sync::Arc;

use super::ROWS;
use crate::executor::{Executor, FreeList, for_chunks};
use crate::fft::{Complex, LineFft};
use crate::frame::{Extent, Plane};
use crate::plan::{Band, Borders, Framing};

/// Makes margins likely.
#[derive(Debug)]
pub(crate) struct Settling {
    framing: Framing,
    executor: Arc<dyn Executor>,
    beside: Predictor,
    below: Predictor,
}

/// Predicts the lines of a band.
#[derive(Debug)]
struct Predictor {
    band: Band,
    fft: LineFft,
    /// Pairs of lines that are known, one after another, then their transforms.
    known: Vec<Complex>,
    /// By frequency: for each pair of lines of the margin its coefficient, and that of the opposite frequency.
    predicted: Vec<[Complex; 2]>,
    /// Pairs of lines of the margin: half their sum and half their difference.
    lines: Vec<Complex>,
    scratches: FreeList<Scratch>,
}

/// What one part works in.
#[derive(Debug)]
struct Scratch {
    transform: Vec<Complex>,
    /// What is known at one frequency.
    known: Vec<Complex>,
    /// Real and imaginary parts of the margin's sums and differences there.
    predicted: [Vec<f32>; 2],
}

/// Fills a pair of lines of the frame, of these numbers.
type LoadPair<'a> = dyn Fn([usize; 2], &mut [Complex]) + Sync + 'a;

impl Settling {
    pub(crate) fn new(plan: Borders, framing: Framing, executor: Arc<dyn Executor>) -> Self {
        let threads = executor.threads();
        let [beside, below] = [plan.beside, plan.below].map(|band| Predictor::new(band, threads));
        Self { framing, executor, beside, below }
    }

    /// Fills the margin of `y`, in which the frame lies already, without its mean.
    pub(crate) fn run(&mut self, y: &mut Plane<f32>) {
        let ((left, top), Extent { width, height }) = (self.framing.offset(), self.framing.inner);
        let executor = &*self.executor;
        let (outer, seen) = (y.extent(), &*y);
        let columns = |[a, b]: [usize; 2], pair: &mut [Complex]| {
            let column = |x| seen.samples()[top * outer.width + x..].iter().step_by(outer.width);
            let inside = pair[top..top + height].iter_mut().zip(column(a).zip(column(b)));
            inside.for_each(|(z, (a, b))| *z = Complex::new(a + b, a - b));
            let (first, last) = (pair[top], pair[top + height - 1]);
            let gap = outer.height - height;
            for step in 1..=gap {
                let share = step as f32 / (gap + 1) as f32;
                let at = (top + height + step - 1) % outer.height;
                pair[at] = last + (first - last) * share;
            }
        };
        self.beside.run(executor, left + width, outer.width, &columns);
        self.beside.store_columns(executor, (left + width, top..top + height), y);
        let seen = &*y;
        let rows = |[a, b]: [usize; 2], pair: &mut [Complex]| {
            let samples = pair.iter_mut().zip(seen.row(a).iter().zip(seen.row(b)));
            samples.for_each(|(z, (a, b))| *z = Complex::new(a + b, a - b));
        };
        self.below.run(executor, top + height, outer.height, &rows);
        self.below.store_rows(executor, top + height, y);
    }
}

impl Predictor {
    fn new(band: Band, threads: usize) -> Self {
        let fft = LineFft::plan(band.length);
        let zeros = |count| vec![Complex::default(); count];
        let half = band.length / 2 + 1;
        let scratch = || Scratch::new(&fft, &band);
        Self {
            known: zeros(band.reach * band.length),
            predicted: vec![[Complex::default(); 2]; half * band.pairs()],
            lines: zeros(band.pairs() * band.length),
            scratches: FreeList::new(threads, scratch),
            band,
            fft,
        }
    }

    /// Predicts the lines of the margin from line `first` on, among so many on a periodic plane.
    fn run(&mut self, executor: &dyn Executor, first: usize, lines: usize, load: &LoadPair<'_>) {
        let Self { band, fft, known, predicted, lines: margin, scratches } = self;
        let (length, reach, pairs) = (band.length, band.reach, band.pairs());
        let scratch = || Scratch::new(fft, band);
        for_chunks(executor, known, length, &|pair, line| {
            let before = first - reach + pair;
            let behind = (first + band.count + reach - 1 - pair) % lines;
            load([before, behind], line);
            scratches.with(scratch, |scratch| fft.forward(line, &mut scratch.transform));
        });
        let known = &*known;
        for_chunks(executor, predicted, ROWS * pairs, &|part, all| {
            scratches.with(scratch, |scratch| {
                for (index, target) in all.chunks_mut(pairs).enumerate() {
                    predict(band, known, part * ROWS + index, scratch, target);
                }
            });
        });
        let predicted = &*predicted;
        for_chunks(executor, margin, length, &|pair, line| {
            for (frequency, of_pairs) in predicted.chunks(pairs).enumerate() {
                let [z, opposite] = of_pairs[pair];
                line[(length - frequency) % length] = opposite;
                line[frequency] = z;
            }
            scratches.with(scratch, |scratch| fft.inverse(line, &mut scratch.transform));
        });
    }

    /// A predicted sample.
    fn at(&self, line: usize, at: usize) -> f32 {
        let (pairs, length) = (self.band.pairs(), self.band.length);
        let z = |pair: usize| self.lines[pair * length + at];
        if line < pairs {
            let z = z(line);
            z.re + z.im
        } else {
            let z = z(self.band.count - 1 - line);
            z.re - z.im
        }
    }

    /// Fills the columns from `first` on, in these rows of a plane.
    fn store_columns(
        &self,
        executor: &dyn Executor,
        (first, rows): (usize, Range<usize>),
        plane: &mut Plane<f32>,
    ) {
        let width = plane.extent().width;
        let samples = &mut plane.samples_mut()[rows.start * width..rows.end * width];
        for_chunks(executor, samples, ROWS * width, &|part, all| {
            for (at, row) in (rows.start + part * ROWS..).zip(all.chunks_mut(width)) {
                for line in 0..self.band.count {
                    row[(first + line) % width] = self.at(line, at);
                }
            }
        });
    }

    /// Fills the rows from `first` on.
    fn store_rows(&self, executor: &dyn Executor, first: usize, plane: &mut Plane<f32>) {
        let Extent { width, height } = plane.extent();
        for_chunks(executor, plane.samples_mut(), width, &|at, row| {
            let line = (at + height - first) % height;
            if line < self.band.count {
                row.iter_mut().enumerate().for_each(|(x, value)| *value = self.at(line, x));
            }
        });
    }
}

impl Scratch {
    fn new(fft: &LineFft, band: &Band) -> Self {
        let zeros = || vec![0.0; band.outputs()];
        let known = Vec::with_capacity(band.inputs());
        Self { transform: fft.scratch(), known, predicted: [zeros(), zeros()] }
    }

    /// Takes what is known at a frequency from the transforms of the pairs.
    fn load(&mut self, known: &[Complex], length: usize, frequency: usize) {
        let opposite = (length - frequency) % length;
        let both = known.chunks(length).map(|line| (line[frequency], line[opposite].conj()));
        self.known.clear();
        self.known.extend(both.clone().map(|(z, opposite)| z + opposite));
        self.known.extend(both.map(|(z, opposite)| opposite - z));
    }
}

/// Sums that are added to side by side.
const LANES: usize = Band::LANES;

/// Predicts the coefficients of the margin's pairs at a frequency from those of the pairs that are known.
fn predict(
    band: &Band,
    known: &[Complex],
    frequency: usize,
    scratch: &mut Scratch,
    target: &mut [[Complex; 2]],
) {
    scratch.load(known, band.length, frequency);
    let (knot, past) = (frequency / band.step, frequency % band.step);
    let share = past as f32 / band.step as f32;
    let before = band.knot(knot);
    let next = if past == 0 { before } else { band.knot(knot + 1) };
    let outputs = band.outputs();
    let rows = || before.chunks_exact(outputs).zip(next.chunks_exact(outputs));
    let [re, im] = &mut scratch.predicted;
    let sums = re.as_chunks_mut::<LANES>().0.iter_mut().zip(im.as_chunks_mut::<LANES>().0);
    for (block, (re, im)) in sums.enumerate() {
        // Sums of their own, in registers.
        let (mut all_re, mut all_im) = ([0.0; LANES], [0.0; LANES]);
        for (value, (before, next)) in scratch.known.iter().zip(rows()) {
            let [a, b] = [before, next].map(|row| &row.as_chunks::<LANES>().0[block]);
            for ((re, im), (a, b)) in all_re.iter_mut().zip(&mut all_im).zip(a.iter().zip(b)) {
                let factor = a + share * (b - a);
                *re += factor * value.re;
                *im += factor * value.im;
            }
        }
        (*re, *im) = (all_re, all_im);
    }
    let pairs = band.pairs();
    for (pair, target) in target.iter_mut().enumerate() {
        let [p, q] = [pair, pairs + pair]
            .map(|at| Complex::new(scratch.predicted[0][at], scratch.predicted[1][at]));
        *target = [p - q, (p + q).conj()];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::optics::{Light, Psf};
    use crate::plan::Edges;
    use crate::restore::cpu::extension::Extension;
    use crate::testing::{filtered, mosaic};
    use proptest::prelude::*;

    /// Does the parts from the last to the first.
    #[derive(Debug)]
    struct Backwards;

    impl Executor for Backwards {
        fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
            (0..count).rev().for_each(part);
        }

        fn threads(&self) -> usize {
            2
        }
    }

    struct Subject {
        framing: Framing,
        borders: Borders,
        psf: Psf,
        /// The frame in its plane, the margin not a number.
        framed: Plane<f32>,
    }

    fn subject(extent: Extent, psf: &str, seed: u64) -> Subject {
        let psf = Psf::from_formula(psf).expect("a formula").expect("a PSF");
        let framing = Framing::plan(Edges::Open, extent, psf.extent());
        let borders = Borders::plan(&psf.clone().into(), framing, Light(0.5 / 255.0));
        let borders = borders.expect("it fits").expect("a steep inverse");
        let Extent { width, height } = framing.outer;
        // A scene that goes on beyond the frame, blurred.
        let otf = psf.otf(framing.outer).expect("it fits");
        let blur = crate::fft::Filter::complex(framing.outer, |index| otf[index]);
        let scene = filtered(&mosaic(framing.outer, seed), &blur);
        let (left, top) = framing.offset();
        let is_inside = |x: usize, y: usize| {
            (left..left + extent.width).contains(&x) && (top..top + extent.height).contains(&y)
        };
        let mean = scene.mean();
        let framed = Plane::from_fn(Extent::new(width, height), |x, y| {
            if is_inside(x, y) { scene.row(y)[x] - mean } else { f32::NAN }
        });
        Subject { framing, borders, psf, framed }
    }

    fn settled(subject: &Subject, executor: Arc<dyn Executor>) -> Plane<f32> {
        let mut y = subject.framed.clone();
        Settling::new(subject.borders.clone(), subject.framing, executor).run(&mut y);
        y
    }

    /// How far a plane is from what pictures are under the blur: `y' (|H|^2 S + sigma^2)^-1 y`.
    fn unlikeliness(y: &Plane<f32>, psf: &Psf) -> f64 {
        let (extent, noise) = (y.extent(), (2.5_f64 / 255.0).powi(2));
        let otf = psf.otf(extent).expect("it fits");
        let power = |at: usize| {
            f64::from(otf[at].norm_sqr()) * crate::optics::natural_power(extent, at) + noise
        };
        let inverse = crate::fft::Filter::real(extent, |at| noise / power(at));
        let whitened = filtered(y, &inverse);
        let pairs = y.samples().iter().zip(whitened.samples());
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn the_frame_stays_and_the_margin_is_likelier_than_a_smooth_one(
            width in 40_usize..90, height in 40_usize..90, seed: u64, length in 5_usize..20,
        ) {
            let subject = subject(Extent::new(width, height), &format!("motion:{length},20"), seed);
            let settled = settled(&subject, Arc::new(Sequential));
            let mut smooth = subject.framed.clone();
            Extension::plan(subject.framing, 1).apply(&Sequential, &mut smooth);
            let [likely, smooth] = [&settled, &smooth].map(|y| unlikeliness(y, &subject.psf));
            prop_assert!(likely < smooth, "{} where a smooth one has {}", likely, smooth);
            for (is, was) in settled.samples().iter().zip(subject.framed.samples()) {
                prop_assert!(is.is_finite() && (was.is_nan() || is == was));
            }
        }
    }

    #[test]
    fn the_order_of_the_parts_does_not_change_the_margin() {
        let subject = subject(Extent::new(71, 58), "motion:9,40", 3);
        let [one, other] =
            [settled(&subject, Arc::new(Sequential)), settled(&subject, Arc::new(Backwards))];
        assert_eq!(one, other);
    }

    /// Where nothing but low frequencies are there, a margin follows them beyond the edge.
    #[test]
    fn a_slope_goes_on() {
        let mut subject = subject(Extent::new(80, 64), "disk:3", 1);
        let ((left, top), Extent { width, height }) =
            (subject.framing.offset(), subject.framing.inner);
        for y in 0..height {
            let row = &mut subject.framed.row_mut(top + y)[left..][..width];
            row.iter_mut().enumerate().for_each(|(x, value)| *value = (x as f32 - 39.5) / 400.0);
        }
        let settled = settled(&subject, Arc::new(Sequential));
        let row = settled.row(top + height / 2);
        assert!(
            row[left - 1] < row[left] + 0.002 && row[left + width] > row[left + width - 1] - 0.002
        );
    }
}
