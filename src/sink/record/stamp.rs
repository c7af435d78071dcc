//! Names of recorded files: the time of the picture in UTC, to the microsecond, so that they sort.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

const PREFIX: &str = "deblurd-";
const FORM: &str = "%Y%m%dT%H%M%S.%6fZ";
const EXTENSIONS: [&str; 2] = ["png", "jpg"];

/// The last time that a clock may tell, the first of January 9000: what it tells beyond counts as
/// that, and there is room for as many names behind it as are ever needed before the calendar ends.
const CLOCK_MAX: u64 = 221_845_392_000_000_000;

/// A name is ahead of its time where it is later than a clock by more than that.
const DAY: u64 = 86_400_000_000;

/// Microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(u64);

impl Stamp {
    /// The time of a picture; a clock before 1970 counts as 1970, one beyond 9000 as 9000.
    pub(super) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(CLOCK_MAX).min(CLOCK_MAX))
    }

    /// The first stamp after this one, where that has a name of its own.
    pub(super) fn next(self) -> Option<Self> {
        let next = self.0.checked_add(1)?;
        Timestamp::from_microsecond(i64::try_from(next).ok()?).ok()?;
        Some(Self(next))
    }

    /// Whether no clock that told `now`, or `written`, can have given it.
    pub(super) fn is_ahead_of(self, now: Self, written: Self) -> bool {
        self.0 > now.0.max(written.0).saturating_add(DAY)
    }

    /// The name of a file with this stamp.
    pub(super) fn name(self, extension: &str) -> String {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        // Times beyond the calendar, which no clock tells, end it.
        let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        format!("{PREFIX}{}.{extension}", time.strftime(FORM))
    }

    /// The stamp in a name, where it is the name of a recorded file.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        let text = stem.strip_prefix(PREFIX).filter(|_| EXTENSIONS.contains(&extension))?;
        let time = jiff::civil::DateTime::strptime(FORM, text).ok()?;
        let micros = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
        let stamp = Self(u64::try_from(micros).ok()?);
        // Nothing that is merely alike.
        (stamp.name(extension) == name).then_some(stamp)
    }
}

/// A time in UTC, to the second, for people: `2026-11-27T12:00:00Z`.
pub fn in_words(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Seconds since 1970 of a time that is written in that way.
pub fn from_words(text: &str) -> Option<f64> {
    let time: Timestamp = text.parse().ok()?;
    Some(time.as_millisecond() as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn a_name_tells_the_time() {
        let time = UNIX_EPOCH + Duration::from_micros(1_795_443_330_123_456);
        let name = Stamp::of(time).name("jpg");
        assert_eq!(name, "deblurd-20261123T141530.123456Z.jpg");
        for other in [
            "deblurd-20261123T141530.123456Z.gif",
            "deblurd-20261323T141530.123456Z.jpg",
            "deblurd-20261123T141530.12345Z.jpg",
            "deblurd-20261123T141530.123456Z.jpg.part",
            "20261123T141530.123456Z.jpg",
            "000001.png",
            "",
        ] {
            assert_eq!(Stamp::from_name(other), None, "{other} is taken for ours");
        }
    }

    #[test]
    fn beyond_the_calendar_names_still_follow_each_other() {
        let late = Stamp::of(UNIX_EPOCH + Duration::from_secs(1 << 40));
        let next = late.next().expect("a name");
        assert_eq!(late.name("jpg"), "deblurd-90000101T000000.000000Z.jpg");
        assert!(next.name("jpg") > late.name("jpg"), "{}", next.name("jpg"));
        assert_eq!(Stamp(u64::MAX).next(), None);
        let end = Timestamp::MAX.as_microsecond();
        assert_eq!(Stamp(u64::try_from(end).expect("a late time")).next(), None);
        in_words(UNIX_EPOCH + Duration::from_secs(1 << 40));
    }

    #[test]
    fn times_in_words_are_read_back() {
        let words = in_words(UNIX_EPOCH + Duration::from_secs(1_795_443_330));
        assert_eq!(words, "2026-11-23T14:15:30Z");
        assert_eq!(from_words(&words), Some(1_795_443_330.0));
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-23"] {
            assert_eq!(from_words(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn names_are_read_back_and_sort_by_time(a in 0_u64..4_000_000_000_000_000, b in 0_u64..4_000_000_000_000_000) {
            let [a, b] = [a, b].map(Stamp);
            prop_assert_eq!(Stamp::from_name(&a.name("png")), Some(a));
            prop_assert_eq!(a.name("png").cmp(&b.name("png")), a.cmp(&b));
        }
    }
}
