//! Simulated photographs of a target, made without what calibrates: a camera of its own, sampled 12
//! by 12 a pixel, then the PSF, uneven light, a curve, noise and whole numbers.

use deblurd::calibrate::target::{Pattern, Point};
use deblurd::frame::{Extent, Picture, PictureFormat, Plane};
use deblurd::optics::{Psf, Transfer};
use rand::SeedableRng;
use rand_distr::Distribution;

const SUBSAMPLES: usize = 12;

/// How a target is photographed.
#[derive(Debug, Clone)]
pub(crate) struct Photograph {
    pub(crate) extent: Extent,
    /// Where the middle of the target is seen.
    pub(crate) middle: Point,
    /// Samples a cell, in the middle.
    pub(crate) cell: f64,
    /// Degrees by which it is turned.
    pub(crate) turn: f64,
    /// How much nearer its right and its lower end are, for the height of the target.
    pub(crate) tilt: Point,
    /// Radial distortion at the corner of the frame.
    pub(crate) bend: f64,
    /// Light of black and white, encoded linearly.
    pub(crate) light: (f64, f64),
    pub(crate) transfer: Transfer,
    pub(crate) sigma: f64,
    pub(crate) mirrored: bool,
    pub(crate) seed: u64,
}

impl Default for Photograph {
    fn default() -> Self {
        Self {
            extent: Extent::new(640, 480),
            middle: [330.0, 232.0],
            cell: 2.1,
            turn: 7.0,
            tilt: [0.12, -0.08],
            bend: -0.06,
            light: (0.04, 0.75),
            transfer: Transfer::Srgb,
            sigma: 2.55,
            mirrored: false,
            seed: 1,
        }
    }
}

impl Photograph {
    /// The cell at which a place of the frame looks, pinhole first, then the lens bends.
    pub(crate) fn cell(&self, pattern: Extent, [x, y]: Point) -> Point {
        let centre = [self.extent.width as f64 / 2.0 - 0.5, self.extent.height as f64 / 2.0 - 0.5];
        let reach = (self.extent.width as f64).hypot(self.extent.height as f64) / 2.0;
        let (dx, dy) = (x - centre[0], y - centre[1]);
        // The lens moves r to r (1 + bend r^2): undone by iteration.
        let bent = dx.hypot(dy) / reach;
        let mut radius = bent;
        for _ in 0..20 {
            radius = bent / (1.0 + self.bend * radius * radius);
        }
        let back = if bent > 0.0 { radius / bent } else { 1.0 };
        let (x, y) =
            (centre[0] + dx * back - self.middle[0], centre[1] + dy * back - self.middle[1]);
        // The tilted plane: depth is linear in the frame's coordinates.
        let height = pattern.height as f64 * self.cell;
        let depth = 1.0 + (self.tilt[0] * x + self.tilt[1] * y) / height;
        let (sin, cos) = self.turn.to_radians().sin_cos();
        let (x, y) = (x / depth / self.cell, y / depth / self.cell);
        let (u, v) = (cos * x + sin * y, cos * y - sin * x);
        let u = if self.mirrored { -u } else { u };
        [u + pattern.width as f64 / 2.0, v + pattern.height as f64 / 2.0]
    }

    /// The scene as an ideal camera has it: area means.
    fn sharp(&self, pattern: &Pattern) -> Plane<f64> {
        let extent = pattern.extent();
        let offset = |k: usize| (k as f64 + 0.5) / SUBSAMPLES as f64 - 0.5;
        Plane::from_fn(self.extent, |x, y| {
            // Within a pixel the map is affine to far below a thousandth of a cell.
            let at = |dx: f64, dy: f64| self.cell(extent, [x as f64 + dx, y as f64 + dy]);
            let (middle, right, below) = (at(0.0, 0.0), at(0.5, 0.0), at(0.0, 0.5));
            let mut sum = 0.0;
            for j in 0..SUBSAMPLES {
                for i in 0..SUBSAMPLES {
                    let (a, b) = (2.0 * offset(i), 2.0 * offset(j));
                    let cell = [0, 1].map(|k| {
                        middle[k] + a * (right[k] - middle[k]) + b * (below[k] - middle[k])
                    });
                    sum += scene(pattern, cell);
                }
            }
            sum / (SUBSAMPLES * SUBSAMPLES) as f64
        })
    }

    /// Light from 0 to 1 after the blur, under uneven light.
    pub(crate) fn light(&self, pattern: &Pattern, psf: &Psf) -> Plane<f64> {
        let sharp = self.sharp(pattern);
        let Extent { width, height } = self.extent;
        let lit = Plane::from_fn(self.extent, |x, y| {
            let (u, v) = (x as f64 / width as f64 - 0.5, y as f64 / height as f64 - 0.5);
            let fall = 1.0 - 0.35 * (u * u + v * v) + 0.15 * u - 0.1 * v;
            let (black, white) = self.light;
            fall * (black + (white - black) * sharp.row(y)[x])
        });
        let (rx, ry) = psf.radius();
        let clamp = |value: isize, limit: usize| value.clamp(0, limit as isize - 1) as usize;
        Plane::from_fn(self.extent, |x, y| {
            let mut sum = 0.0;
            for (j, row) in psf.samples().rows().enumerate() {
                let source = lit.row(clamp(y as isize + ry as isize - j as isize, height));
                for (i, k) in row.iter().enumerate().filter(|(_, k)| **k > 0.0) {
                    sum += k * source[clamp(x as isize + rx as isize - i as isize, width)];
                }
            }
            sum
        })
    }

    /// `count` photographs of 8 bits.
    pub(crate) fn take(&self, pattern: &Pattern, psf: &Psf, count: usize) -> Vec<Picture> {
        let light = self.light(pattern, psf);
        (0..count).map(|index| self.expose(&light, index)).collect()
    }

    /// One photograph of 8 bits.
    pub(crate) fn expose(&self, light: &Plane<f64>, index: usize) -> Picture {
        let mut random = rand_pcg::Pcg64::seed_from_u64(self.seed * 1000 + index as u64);
        let normal = rand_distr::Normal::new(0.0, self.sigma.max(1e-9)).expect("a deviation");
        let mut picture = Picture::new(PictureFormat::gray(self.extent));
        let samples = picture.planes_mut()[0].samples_mut();
        for (sample, &light) in samples.iter_mut().zip(light.samples()) {
            let value = 255.0 * self.transfer.encode(light) + normal.sample(&mut random);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            let rounded = value.round().clamp(0.0, 255.0) as u16;
            *sample = rounded;
        }
        picture
    }
}

/// The target, white paper around it, and a table with stripes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the pattern")]
fn scene(pattern: &Pattern, [u, v]: Point) -> f64 {
    let (width, height) = (pattern.extent().width as f64, pattern.extent().height as f64);
    if (0.0..width).contains(&u) && (0.0..height).contains(&v) {
        f64::from(pattern.cells().row(v as usize)[u as usize])
    } else if (-30.0..width + 30.0).contains(&u) && (-25.0..height + 25.0).contains(&v) {
        1.0
    } else {
        0.3 + 0.2 * (u / 9.0).sin()
    }
}
