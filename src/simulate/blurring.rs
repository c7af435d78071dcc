//! The blur `H` of a plane: one filter of all of it, or, where the blur differs over the field, one
//! for each PSF in the part that the PSF has a share in.
//!
//! A blurred sample gathers with its own PSF, `y(p) = sum over q of k_p(q) x(p - q)`. That PSF is a
//! mean of those around, `k_p = sum over i of a_i(p) k_i`, and blurring is linear in it: so
//! `y(p) = sum over i of a_i(p) (k_i * x)(p)`, exactly.

use crate::fft::{Filter, RealFft2d, Spectrum, good_size};
use crate::frame::{Extent, Plane};
use crate::optics::{Axis, Blur, Field, Psf, PsfError};

/// A planned blur of periodic planes of one extent.
#[derive(Debug)]
pub(super) struct Blurring {
    fft: RealFft2d,
    spectrum: Spectrum,
    parts: Parts,
}

#[derive(Debug)]
enum Parts {
    Whole(Filter),
    Patches(Patches),
}

/// Parts of the plane, in windows of one extent.
#[derive(Debug)]
struct Patches {
    patches: Vec<Patch>,
    /// Samples by which a window is larger than its part, on the left and above.
    radius: (usize, usize),
    window: Plane<f32>,
    blurred: Plane<f32>,
}

/// The part in which a PSF has a share.
#[derive(Debug)]
struct Patch {
    filter: Filter,
    columns: Share,
    rows: Share,
}

/// Samples along a side in which a knot of an axis has a share, and how large it is in each.
#[derive(Debug, Clone)]
struct Share {
    first: usize,
    weights: Vec<f32>,
}

impl Blurring {
    /// Plans the blur of planes of `extent`, in which the camera's frame of `frame` begins at column
    /// and row `offset`.
    ///
    /// # Errors
    /// Where a PSF is larger than the planes.
    pub(super) fn plan(
        blur: &Blur,
        extent: Extent,
        frame: Extent,
        offset: (usize, usize),
    ) -> Result<Self, PsfError> {
        let (window, parts) = match blur {
            Blur::Uniform(psf) => (extent, Parts::Whole(filter(psf, extent)?)),
            Blur::Field(field) => {
                let columns = shares(field.axes()[0], frame.width, offset.0);
                let rows = shares(field.axes()[1], frame.height, offset.1);
                let patches = Patches::plan(field, &columns, &rows)?;
                (patches.window.extent(), Parts::Patches(patches))
            }
        };
        let fft = RealFft2d::plan(window);
        Ok(Self { spectrum: fft.spectrum(1), fft, parts })
    }

    /// Blurs `input` into the camera's frame in `output`; what `output` holds elsewhere is unspecified.
    ///
    /// # Panics
    /// Where one of them is not of the planned extent.
    pub(super) fn run(&mut self, input: &Plane<f32>, output: &mut Plane<f32>) {
        let Self { fft, spectrum, parts } = self;
        match parts {
            Parts::Whole(filter) => fft.filter(spectrum, filter, input, output),
            Parts::Patches(Patches { patches, radius, window, blurred }) => {
                output.samples_mut().fill(0.0);
                for patch in patches {
                    patch.load(*radius, input, window);
                    fft.filter(spectrum, &patch.filter, window, blurred);
                    patch.add(*radius, blurred, output);
                }
            }
        }
    }
}

impl Patches {
    fn plan(field: &Field, columns: &[Share], rows: &[Share]) -> Result<Self, PsfError> {
        let longest = |shares: &[Share]| shares.iter().map(|share| share.weights.len()).max();
        let radius = field.psfs()[0].radius();
        let side = |shares, radius| good_size(longest(shares).unwrap_or(0) + 2 * radius + 1);
        let window = Extent::new(side(columns, radius.0), side(rows, radius.1));
        let places = rows.iter().flat_map(|row| columns.iter().map(move |column| (column, row)));
        let patches = places.zip(field.psfs()).map(|((columns, rows), psf)| {
            Ok(Patch { filter: filter(psf, window)?, columns: columns.clone(), rows: rows.clone() })
        });
        let [window, blurred] = [(); 2].map(|()| Plane::new(window, 0.0));
        Ok(Self { patches: patches.collect::<Result<_, PsfError>>()?, radius, window, blurred })
    }
}

impl Patch {
    /// Fills the window with the samples about the part, on a periodic plane.
    fn load(&self, radius: (usize, usize), input: &Plane<f32>, window: &mut Plane<f32>) {
        let Extent { width, height } = input.extent();
        let before = |first: usize, radius: usize, side: usize| first + side - radius % side;
        let left = before(self.columns.first, radius.0, width);
        let top = before(self.rows.first, radius.1, height);
        for (y, target) in window.rows_mut().enumerate() {
            let row = input.row((top + y) % height);
            let samples = row.iter().cycle().skip(left % width);
            target.iter_mut().zip(samples).for_each(|(target, sample)| *target = *sample);
        }
    }

    /// Adds the blurred part to the output.
    fn add(&self, radius: (usize, usize), blurred: &Plane<f32>, output: &mut Plane<f32>) {
        let Self { columns, rows, .. } = self;
        for (y, row_weight) in rows.weights.iter().enumerate() {
            let samples = &blurred.row(radius.1 + y)[radius.0..];
            let target = &mut output.row_mut(rows.first + y)[columns.first..];
            let samples = samples.iter().zip(&columns.weights);
            target.iter_mut().zip(samples).for_each(|(sum, (sample, weight))| {
                *sum += row_weight * weight * sample;
            });
        }
    }
}

/// The filter that blurs by `psf`.
fn filter(psf: &Psf, extent: Extent) -> Result<Filter, PsfError> {
    let otf = psf.otf(extent)?;
    Ok(Filter::complex(extent, |index| otf[index]))
}

/// The share of each knot along a side of `length` samples that begins at `offset`.
fn shares(axis: Axis, length: usize, offset: usize) -> Vec<Share> {
    let weight = |knot: usize, at: usize| {
        let (before, share) = axis.between((at as f64 + 0.5) / length as f64);
        match knot.wrapping_sub(before) {
            0 => 1.0 - share,
            1 => share,
            _ => 0.0,
        }
    };
    let of_knot = |knot: usize| {
        let has_share = |at: &usize| weight(knot, *at) > 0.0;
        let first = (0..length).find(has_share).unwrap_or(0);
        let end = (0..length).rfind(has_share).map_or(first, |at| at + 1);
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let weights = (first..end).map(|at| weight(knot, at) as f32).collect();
        Share { first: offset + first, weights }
    };
    (0..axis.knots()).map(of_knot).collect()
}
