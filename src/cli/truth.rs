//! Sharp pictures that are at hand: how near a restoration came, and whether the PSF stands right.

use std::path::{Path, PathBuf};

use super::exit::{Context, Failure, Result};
use crate::calibrate::Orientation;
use crate::exit::Status;
use crate::frame::colour::luma;
use crate::frame::{Extent, Picture, Plane};
use crate::optics::Psf;
use crate::restore::quality::psnr_db;
use crate::source::{list_pictures, read_picture};

/// A sharp picture, or a folder of sharp pictures that are named as the blurred ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth<'a>(pub(super) &'a Path);

impl Truth<'_> {
    /// What is told of a picture that was restored, a line each.
    pub(super) fn judge(
        self,
        input: &Path,
        [blurred, restored]: [&Picture; 2],
        psf: &Psf,
    ) -> Result<Vec<String>> {
        let path = self.path_for(input);
        let truth = middle(luma(&read_picture(&path)?), blurred.extent())
            .with_context(|| path.display().to_string())?;
        let [blurred, restored] = [blurred, restored].map(luma);
        let name = input.display();
        let (before, after) = (psnr_db(&blurred, &truth), psnr_db(&restored, &truth));
        let mut told = vec![format!("{name}: {before:.2} dB blurred, {after:.2} dB restored")];
        let planes = [&blurred, &truth].map(plane);
        let orientation = Orientation::of(&planes[0], &planes[1], psf)?;
        if let Some(Orientation { as_is, turned }) = orientation.filter(Orientation::is_turned) {
            told.push(format!(
                "{name}: the PSF turned by 180 degrees fits better: it leaves {:.2} % of the picture \
                 unexplained instead of {:.2} % (deblurd psf --turn 180)",
                100.0 * turned,
                100.0 * as_is
            ));
        }
        Ok(told)
    }

    /// The pictures.
    ///
    /// # Errors
    /// Where there are none.
    pub(super) fn files(self) -> Result<Vec<PathBuf>> {
        Ok(list_pictures(&[self.0.to_owned()])?)
    }

    fn path_for(self, input: &Path) -> PathBuf {
        if self.0.is_dir() {
            self.0.join(input.file_name().unwrap_or_default())
        } else {
            self.0.to_owned()
        }
    }
}

/// The middle of a picture, as large as one that has lost its edges by the blur.
fn middle(mut truth: Picture, extent: Extent) -> Result<Picture> {
    let is = truth.extent();
    if is.width < extent.width || is.height < extent.height {
        let problem =
            format!("the truth is {is} (expected at least {extent}, as the blurred picture)");
        return Err(Failure::new(problem, Status::Data));
    }
    truth.crop((is.width - extent.width) / 2, (is.height - extent.height) / 2, extent);
    Ok(truth)
}

/// Luma from 0 to 1.
fn plane(picture: &Picture) -> Plane<f32> {
    let white = f32::from(picture.format().white());
    let luma = &picture.planes()[0];
    Plane::from_fn(luma.extent(), |x, y| f32::from(luma.row(y)[x]) / white)
}
