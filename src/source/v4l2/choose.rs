//! Which of a camera's formats to ask for.
//!
//! The first wish that the camera has at the extent and the rate asked for comes first, then those
//! at the extent but slower, then those at another extent; in each group in the order of the
//! wishes. So an uncompressed format that is fast enough wins over MJPEG, and MJPEG over one that
//! is not. Drivers that do not tell what they have are taken at their word only when asked.

use crate::frame::{Extent, FrameRate};
use crate::source::unpack::PixelFormat;
use crate::v4l2::{
    Device, Direction, Driver, FourCc, FrameIntervals, FrameSizes, Interval, V4l2Error,
};

/// A format that a camera has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    pub(super) fourcc: FourCc,
    /// Its sizes with the rates of each; none where the driver does not tell.
    pub(super) sizes: Vec<(FrameSizes, Vec<FrameIntervals>)>,
}

/// How well an offer meets what is asked for, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    Slower,
    OtherExtent,
}

/// Lines of a table, at most; there are devices with nearly a hundred formats.
const LINES_MAX: usize = 60;

/// Asks a camera what it has. Sizes that come in steps have the rates of `extent`.
pub(super) fn offers<D: Driver>(
    device: &Device<D>,
    extent: Extent,
) -> Result<Vec<Offer>, V4l2Error> {
    let mut offers = Vec::new();
    for format in device.formats(Direction::Capture)? {
        let with_rates = |size: FrameSizes| {
            let at = match size {
                FrameSizes::Discrete(extent) => extent,
                FrameSizes::Stepwise { .. } => extent,
            };
            Ok((size, device.frame_intervals(format.fourcc, at)?))
        };
        let sizes = device.frame_sizes(format.fourcc)?.into_iter().map(with_rates);
        offers.push(Offer { fourcc: format.fourcc, sizes: sizes.collect::<Result<_, _>>()? });
    }
    Ok(offers)
}

/// The wishes that a camera can meet, the best first.
pub(super) fn ranked(
    wishes: &[PixelFormat],
    (extent, rate): (Extent, FrameRate),
    offers: &[Offer],
) -> Vec<PixelFormat> {
    let fit = |wish: &PixelFormat| {
        let of_wish = |offer: &&Offer| offer.fourcc == FourCc::new(wish.fourcc());
        offers.iter().filter(of_wish).map(|offer| offer.fit(extent, rate)).min()
    };
    let mut met: Vec<(Fit, PixelFormat)> =
        wishes.iter().filter_map(|wish| Some((fit(wish)?, *wish))).collect();
    met.sort_by_key(|(fit, _)| *fit);
    met.into_iter().map(|(_, wish)| wish).collect()
}

impl Offer {
    fn fit(&self, extent: Extent, rate: FrameRate) -> Fit {
        if self.sizes.is_empty() {
            return Fit::Whole;
        }
        let at_extent = || self.sizes.iter().filter(|(size, _)| size.has(extent));
        let is_fast = |rates: &[FrameIntervals]| {
            rates.is_empty() || rates.iter().any(|interval| reaches(*interval, rate))
        };
        if at_extent().any(|(_, rates)| is_fast(rates)) {
            Fit::Whole
        } else if at_extent().next().is_some() {
            Fit::Slower
        } else {
            Fit::OtherExtent
        }
    }
}

trait Sizes {
    fn has(&self, extent: Extent) -> bool;
}

impl Sizes for FrameSizes {
    fn has(&self, extent: Extent) -> bool {
        match *self {
            Self::Discrete(size) => size == extent,
            Self::Stepwise { least, most, step } => {
                let within = |side: usize, least: usize, most: usize, step: usize| {
                    (least..=most).contains(&side) && (side - least).is_multiple_of(step.max(1))
                };
                within(extent.width, least.width, most.width, step.width)
                    && within(extent.height, least.height, most.height, step.height)
            }
        }
    }
}

/// Whether an interval, or the shortest of several, gives the rate; a hundredth less will do.
fn reaches(interval: FrameIntervals, rate: FrameRate) -> bool {
    let wanted = Interval::at(rate).per_second();
    shortest(interval).is_some_and(|interval| interval.per_second() >= 0.99 * wanted)
}

fn shortest(interval: FrameIntervals) -> Option<Interval> {
    match interval {
        FrameIntervals::Discrete(interval) => interval,
        FrameIntervals::Stepwise { least, .. } => least,
    }
}

/// What a camera has: a line for each format, with the highest rate of each size. Those that can be
/// asked for come first, so that what is left out of a long table is of no use here.
pub(super) fn table(offers: &[Offer]) -> String {
    let is_usable = |offer: &&Offer| {
        PixelFormat::ALL.iter().any(|format| offer.fourcc == FourCc::new(format.fourcc()))
    };
    let (usable, other): (Vec<&Offer>, Vec<&Offer>) = offers.iter().partition(is_usable);
    let line = |offer: &Offer| {
        let sizes: Vec<String> = offer.sizes.iter().map(describe).collect();
        format!("  {:<5} {}", offer.fourcc.to_string(), sizes.join(", ")).trim_end().to_owned()
    };
    let mut lines: Vec<String> =
        usable.into_iter().chain(other).take(LINES_MAX).map(line).collect();
    if offers.len() > LINES_MAX {
        lines.push(format!("  and {} more", offers.len() - LINES_MAX));
    }
    lines.join("\n")
}

fn describe((size, rates): &(FrameSizes, Vec<FrameIntervals>)) -> String {
    let size = match size {
        FrameSizes::Discrete(extent) => extent.to_string(),
        FrameSizes::Stepwise { least, most, step } => {
            format!("{least} to {most} in steps of {step}")
        }
    };
    let highest = rates.iter().filter_map(|rate| shortest(*rate)).map(Interval::per_second);
    match highest.reduce(f64::max) {
        None => size,
        Some(rate) => format!("{size} at {}", (rate * 100.0).round() / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(rate: u32) -> FrameIntervals {
        FrameIntervals::Discrete(Some(Interval::at(FrameRate::per_second(rate))))
    }

    fn offer(code: &[u8; 4], sizes: &[(usize, usize, u32)]) -> Offer {
        let size = |&(width, height, rate): &(usize, usize, u32)| {
            (FrameSizes::Discrete(Extent::new(width, height)), vec![interval(rate)])
        };
        Offer { fourcc: FourCc::new(*code), sizes: sizes.iter().map(size).collect() }
    }

    /// What a webcam on USB 2 has.
    fn webcam() -> Vec<Offer> {
        vec![
            offer(b"MJPG", &[(1280, 720, 30), (640, 480, 30)]),
            offer(b"YUYV", &[(1280, 720, 10), (640, 480, 30)]),
            offer(b"H264", &[(1280, 720, 30)]),
        ]
    }

    #[track_caller]
    fn check_ranked(wishes: &[&str], extent: (usize, usize), rate: u32, best: &[&str]) {
        let wishes: Vec<PixelFormat> =
            wishes.iter().map(|w| w.parse().expect("a format")).collect();
        let asked = (Extent::new(extent.0, extent.1), FrameRate::per_second(rate));
        let ranked: Vec<String> =
            ranked(&wishes, asked, &webcam()).iter().map(PixelFormat::to_string).collect();
        assert_eq!(ranked, best);
    }

    #[test]
    fn compression_is_for_when_it_is_needed() {
        check_ranked(&["NV12", "YUYV", "MJPG"], (640, 480), 30, &["YUYV", "MJPG"]);
        check_ranked(&["NV12", "YUYV", "MJPG"], (1280, 720), 30, &["MJPG", "YUYV"]);
        check_ranked(&["NV12", "YUYV", "MJPG"], (1280, 720), 10, &["YUYV", "MJPG"]);
        check_ranked(&["YUYV", "MJPG"], (800, 600), 30, &["YUYV", "MJPG"]);
        check_ranked(&["MJPG", "YUYV"], (640, 480), 30, &["MJPG", "YUYV"]);
        check_ranked(&["NV12", "GREY"], (640, 480), 30, &[]);
    }

    #[test]
    fn silent_drivers_and_steps_are_understood() {
        let (asked, wish) = (Extent::new(648, 480), "GREY".parse().expect("a format"));
        let stepwise = |step: usize| {
            let (least, most) = (Extent::new(8, 8), Extent::new(4096, 4096));
            let size = FrameSizes::Stepwise { least, most, step: Extent::new(step, step) };
            Offer { fourcc: FourCc::new(*b"GREY"), sizes: vec![(size, vec![])] }
        };
        let silent = Offer { sizes: Vec::new(), ..stepwise(1) };
        for (offer, fit) in
            [(silent, Fit::Whole), (stepwise(8), Fit::Whole), (stepwise(7), Fit::OtherExtent)]
        {
            assert_eq!(offer.fit(asked, FrameRate::per_second(30)), fit);
            assert_eq!(ranked(&[wish], (asked, FrameRate::per_second(30)), &[offer]), [wish]);
        }
    }

    #[test]
    fn the_table_tells_everything() {
        let lines = table(&webcam());
        assert_eq!(
            lines,
            "  MJPG  1280x720 at 30, 640x480 at 30\n  YUYV  1280x720 at 10, 640x480 at 30\n  \
             H264  1280x720 at 30"
        );
        let many = vec![offer(b"YUYV", &[(8, 8, 1)]); 100];
        assert!(table(&many).ends_with("and 40 more"), "{}", table(&many));
    }

    #[test]
    fn what_can_be_used_is_told_before_what_cannot() {
        let mut many = vec![offer(b"H264", &[(8, 8, 1)]); LINES_MAX];
        many.extend([offer(b"GREY", &[(8, 8, 1)]), offer(b"RG10", &[(8, 8, 1)])]);
        let lines = table(&many);
        assert!(lines.starts_with("  GREY  8x8 at 1\n  RG10  8x8 at 1\n  H264"), "{lines}");
        assert!(lines.ends_with("H264  8x8 at 1\n  and 2 more"), "{lines}");
    }
}
