//! What a viewer must know to show a frame, as names and values of headers.

use std::sync::Arc;

use hyper::body::Bytes;

use crate::metrics::PsnrSnapshot;
use crate::sink::Exhibit;

/// The headers of a frame.
pub(super) fn describe(exhibit: &Exhibit) -> impl Iterator<Item = (&'static str, String)> {
    let psnr = psnr_db(exhibit);
    let psnr =
        psnr.map(|psnr| ("x-deblurd-psnr", format!("{:.2} {:.2}", psnr.blurred, psnr.restored)));
    [
        ("x-timestamp", format!("{:.6}", exhibit.timestamp_s())),
        ("x-deblurd-number", exhibit.number.to_string()),
        ("x-deblurd-sequence", exhibit.meta.sequence.to_string()),
        ("x-deblurd-extent", exhibit.extent.to_string()),
        ("x-deblurd-effort", exhibit.meta.effort.name().to_owned()),
        ("x-deblurd-placeholder", exhibit.meta.placeholder.to_string()),
        ("x-deblurd-degraded", exhibit.meta.degraded.to_string()),
        ("x-deblurd-age-ms", format!("{:.1}", exhibit.age_ms())),
    ]
    .into_iter()
    .chain(psnr)
}

/// Ratios of the blurred and the restored picture in dB, where the truth is known.
pub(super) fn psnr_db(exhibit: &Exhibit) -> Option<PsnrSnapshot> {
    let psnr = exhibit.meta.psnr?;
    Some(PsnrSnapshot { blurred: psnr.blurred_db.into(), restored: psnr.restored_db.into() })
}

/// The encoded picture, without a copy.
pub(super) fn bytes(exhibit: &Arc<Exhibit>) -> Bytes {
    Bytes::from_owner(Encoded(Arc::clone(exhibit)))
}

struct Encoded(Arc<Exhibit>);

impl AsRef<[u8]> for Encoded {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}
