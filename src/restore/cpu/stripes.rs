//! In the first step: what whole rows or columns have in common that no scene gave them is taken away.
//!
//! Told by the means of rows and columns (`plan/stripes.rs`), in the plane of light, where amplifiers add
//! it. Where light is cut off at white its edges are as sharp as stripes are, and nothing is told by them.

use std::sync::Arc;

use super::ROWS;
use super::rows::{RowSums, for_rows};
use crate::executor::{Executor, for_chunks};
use crate::fft::MirrorFilter;
use crate::frame::{Extent, Plane};
use crate::plan::{Framing, Profile, Stripes};
use crate::restore::Striped;

/// Light from which on a sample is at white: 254 of 255 under the curve of sRGB.
const WHITE: f32 = 0.99;
/// Where one sample of so many is at white, stripes are not looked for.
const FEWEST: usize = 10_000;

/// Takes stripes away.
pub(crate) struct Levelling {
    rows: Line,
    columns: Line,
    framing: Framing,
    executor: Arc<dyn Executor>,
    parts: Vec<Part>,
}

/// What a part of the rows tells.
#[derive(Clone)]
struct Part {
    /// Sums of the columns.
    sums: Vec<f32>,
    /// Samples at white.
    white: usize,
}

/// The means of rows, or of columns.
struct Line {
    plan: Profile,
    filter: MirrorFilter,
    means: Vec<f32>,
    powers: Vec<f32>,
    room: Vec<f32>,
    /// What is taken away of each.
    offsets: Vec<f32>,
}

impl Levelling {
    pub(crate) fn new(plan: Stripes, framing: Framing, executor: Arc<dyn Executor>) -> Self {
        let Extent { width, height } = framing.inner;
        Self {
            rows: Line::new(plan.rows, height),
            columns: Line::new(plan.columns, width),
            framing,
            executor,
            parts: vec![Part { sums: vec![0.0; width], white: 0 }; height.div_ceil(ROWS)],
        }
    }

    /// Takes the stripes of the frame away that lies in `extended`; the deviations of what was found. `sums` are
    /// those of its rows before.
    pub(crate) fn run(&mut self, extended: &mut Plane<f32>, sums: &RowSums) -> Striped {
        let Extent { width, height } = self.framing.inner;
        self.add_up(extended, sums);
        let white: usize = self.parts.iter().map(|part| part.white).sum();
        if white * FEWEST > width * height {
            return Striped::default();
        }
        #[expect(clippy::cast_possible_truncation, reason = "a mean of f32 fits f32")]
        let means = sums.iter().map(|sum| (sum / width as f64) as f32);
        self.rows.means.clear();
        self.rows.means.extend(means);
        let rows = self.rows.look();
        self.columns.means.clear();
        let sum = |x: usize| self.parts.iter().map(|part| part.sums[x]).sum::<f32>();
        let mean = |x: usize| sum(x) / height as f32;
        self.columns.means.extend((0..width).map(mean));
        let columns = self.columns.look();
        if rows > 0.0 || columns > 0.0 {
            self.take_away(extended);
        }
        Striped { rows, columns }
    }

    /// Adds rows and columns up, and counts what is at white.
    fn add_up(&mut self, extended: &Plane<f32>, rows: &RowSums) {
        let ((left, top), Extent { width, height }) = (self.framing.offset(), self.framing.inner);
        for_chunks(&*self.executor, &mut self.parts, 1, &|index, parts| {
            for Part { sums, white } in parts {
                sums.fill(0.0);
                *white = 0;
                for y in index * ROWS..height.min((index + 1) * ROWS) {
                    let row = &extended.row(top + y)[left..][..width];
                    rows.add_up(y, row);
                    sums.iter_mut().zip(row).for_each(|(sum, sample)| *sum += sample);
                    *white +=
                        row.iter().map(|sample| u32::from(*sample >= WHITE)).sum::<u32>() as usize;
                }
            }
        });
    }

    fn take_away(&self, extended: &mut Plane<f32>) {
        for_rows(&*self.executor, self.framing, extended, &|y, row| {
            let of_row = self.rows.offsets[y];
            let samples = row.iter_mut().zip(&self.columns.offsets);
            samples.for_each(|(sample, of_column)| *sample -= of_row + of_column);
        });
    }
}

impl Line {
    fn new(plan: Profile, length: usize) -> Self {
        let empty = || Vec::with_capacity(length + 1);
        let filter = MirrorFilter::plan(length);
        let (means, powers, room) = (empty(), empty(), empty());
        Self { plan, filter, means, powers, room, offsets: vec![0.0; length] }
    }

    /// Fills the offsets by the means; their deviation.
    fn look(&mut self) -> f32 {
        self.filter.powers(self.means.iter().copied(), &mut self.powers);
        let power = self.plan.stripes(&self.means, &self.powers, &mut self.room);
        if power > 0.0 {
            self.offsets.copy_from_slice(self.filter.filtered(self.plan.gains(power)));
        } else {
            self.offsets.fill(0.0);
        }
        power.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::fft::Filter;
    use crate::optics::{Blur, Contrast, Light, Psf};
    use crate::plan::Edges;
    use crate::testing::{filtered, mosaic, random_plane};

    const DEVIATION: f32 = 2.0 / 255.0;

    /// A blurred scene with noise and without stripes, in an extended plane.
    fn seen(psf: &Psf, framing: Framing) -> Plane<f32> {
        let otf = psf.otf(framing.inner).expect("it fits");
        let blur = Filter::complex(framing.inner, |index| otf[index]);
        let scene = filtered(&mosaic(framing.inner, 3), &blur);
        let (grain, (left, top)) = (random_plane(framing.inner, 9), framing.offset());
        let mut extended = Plane::new(framing.outer, 0.0);
        for (y, (row, grain)) in scene.rows().zip(grain.rows()).enumerate() {
            let to = &mut extended.row_mut(top + y)[left..][..row.len()];
            // Uniform within one: of a third of the variance.
            to.iter_mut().zip(row.iter().zip(grain)).for_each(|(to, (light, grain))| {
                *to = 0.2 + 0.5 * light + 3.0_f32.sqrt() * 0.01 * grain;
            });
        }
        extended
    }

    fn levelled(psf: &Psf, framing: Framing, plane: &mut Plane<f32>) -> Striped {
        let blur = Blur::from(psf.clone());
        let stripes = Stripes::plan(&blur, Light(0.01), Contrast::USUAL, framing);
        let mut levelling =
            Levelling::new(stripes.expect("large enough"), framing, Arc::new(Sequential));
        levelling.run(plane, &RowSums::new(framing.inner.height))
    }

    /// Mean square of the distance of two planes, in squared gray levels.
    fn distance(a: &Plane<f32>, b: &Plane<f32>) -> f32 {
        let squares = a.samples().iter().zip(b.samples()).map(|(a, b)| (255.0 * (a - b)).powi(2));
        squares.sum::<f32>() / a.extent().area() as f32
    }

    #[track_caller]
    fn check_stripes(along_rows: bool) {
        let psf = Psf::from_formula("disk:3").expect("a formula").expect("a PSF");
        let framing = Framing::plan(Edges::Open, Extent::new(160, 128), psf.extent());
        let clean = seen(&psf, framing);
        let (mut striped, (left, top)) = (clean.clone(), framing.offset());
        let offsets = random_plane(Extent::new(160, 1), 4);
        for y in 0..framing.inner.height {
            for x in 0..framing.inner.width {
                let offset = offsets.samples()[if along_rows { y } else { x }];
                striped.row_mut(top + y)[left + x] += 12.0_f32.sqrt() * DEVIATION * offset;
            }
        }
        let before = distance(&striped, &clean);
        let told = levelled(&psf, framing, &mut striped);
        let (is, other) =
            if along_rows { (told.rows, told.columns) } else { (told.columns, told.rows) };
        assert!((0.6..1.6).contains(&(is / DEVIATION)) && other == 0.0, "{told:?}");
        let after = distance(&striped, &clean);
        assert!(after < 0.6 * before, "{before} became {after}");
    }

    #[test]
    fn stripes_are_taken_away() {
        check_stripes(true);
        check_stripes(false);
    }

    #[test]
    fn a_frame_without_stripes_stays() {
        let psf = Psf::from_formula("disk:3").expect("a formula").expect("a PSF");
        let framing = Framing::plan(Edges::Open, Extent::new(160, 128), psf.extent());
        let clean = seen(&psf, framing);
        let mut plane = clean.clone();
        assert_eq!(levelled(&psf, framing, &mut plane), Striped::default());
        assert_eq!(plane, clean);
    }
}
