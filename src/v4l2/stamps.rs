//! Whether a driver's times are believed.
//!
//! Drivers stamp frames on the monotonic clock, and say so; some of them have another clock, or one
//! that lags behind. Flags do not tell: loopback devices name no clock, some drivers the wrong one.
//! The time itself does: a frame that was waited for has just come, so that its time cannot lie
//! further back than it takes to expose and to hand over a frame. One that does may be an accident
//! of this process, which was kept from looking; several in a row are the driver's clock. Frames
//! that lay there already prove nothing.

use std::fmt;
use std::time::Duration;

use v4l::v4l_sys as raw;

use super::driver::Dequeued;

/// Which clock a frame's time is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The driver's time on the monotonic clock.
    Driver,
    /// The time at which the frame was taken from the driver, whose own is not believed.
    Arrival(Distrust),
}

/// Why a driver's time is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// It gives none.
    Missing,
    /// Another clock, or an hour off: so far from the time of arrival.
    Foreign(Duration),
    /// So far behind the time at which the frame came; not known yet whether always.
    Perhaps(Duration),
    /// So far behind, again and again.
    Lagging(Duration),
}

impl fmt::Display for Distrust {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("it gives none"),
            Self::Foreign(off) => write!(out, "they are of another clock, {off:.0?} off"),
            Self::Perhaps(behind) | Self::Lagging(behind) => {
                write!(out, "its clock lags, {behind:.0?} behind frames that have just come")
            }
        }
    }
}

/// The age above which a time is taken for one of another clock.
const AGE_MAX: Duration = Duration::from_secs(60);
/// How far ahead a time may be: some drivers stamp a frame with the end of its exposure and give it
/// at the beginning.
const AHEAD_MAX: Duration = Duration::from_secs(2);
/// What a frame may take from its end to this process, beside intervals.
const TRANSFER_MAX: Duration = Duration::from_millis(250);
/// Frames in a row that tell of a clock that lags.
const PROOFS: u32 = 3;
/// Frames in a row after which a clock that was good is not believed any more.
const SECOND_THOUGHTS: u32 = 10;

/// What is known of a driver's clock.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// Time and number of the last frame, and the time from the one before.
    last: Option<(Duration, u32)>,
    interval: Duration,
    /// Whether a frame that was waited for had a good time, and how many had not since then.
    is_proved: bool,
    late: u32,
}

impl Stamps {
    /// Says how far apart frames are, until they tell.
    pub(super) fn expect(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// The stream begins anew.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    /// How long ago a frame was taken, and by which clock. `has_waited` says that it came while it
    /// was waited for.
    pub(super) fn judge(
        &mut self,
        taken: &Dequeued,
        now: Duration,
        has_waited: bool,
    ) -> (Duration, Clock) {
        self.measure(taken.sequence, now);
        let distrust = |why| (Duration::ZERO, Clock::Arrival(why));
        if taken.stamp.is_zero() {
            return distrust(Distrust::Missing);
        }
        let age = now.saturating_sub(taken.stamp);
        if taken.stamp > now + AHEAD_MAX || age > AGE_MAX {
            return distrust(Distrust::Foreign(now.abs_diff(taken.stamp)));
        }
        let is_late = age > self.age_max(taken.flags);
        if has_waited {
            self.late = if is_late { self.late.saturating_add(1) } else { 0 };
            self.is_proved = !is_late || (self.is_proved && self.late < SECOND_THOUGHTS);
        }
        if !is_late || self.is_proved {
            return (age, Clock::Driver);
        }
        distrust(if self.late < PROOFS { Distrust::Perhaps(age) } else { Distrust::Lagging(age) })
    }

    /// The age of a frame that has just come, at most. One stamped with the start of its exposure
    /// may have been exposed for a whole interval, and handed over for another.
    fn age_max(&self, flags: u32) -> Duration {
        let source = flags & raw::V4L2_BUF_FLAG_TSTAMP_SRC_MASK;
        let of_start = source == raw::V4L2_BUF_FLAG_TSTAMP_SRC_SOE;
        TRANSFER_MAX + self.interval * (1 + u32::from(of_start))
    }

    fn measure(&mut self, sequence: u32, now: Duration) {
        if let Some((then, number)) = self.last.replace((now, sequence)) {
            let steps = sequence.wrapping_sub(number).clamp(1, 1000);
            self.interval = now.saturating_sub(then) / steps;
        }
    }
}
