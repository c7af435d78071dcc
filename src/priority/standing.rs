//! How one thread stands, and what is said where the system refuses it.

use std::fmt;
use std::io;

use super::system;

/// Priorities of the real-time classes that a thread may take, at most, where the kernel limits it.
const REALTIME_LIMIT: &str = "Max realtime priority";
/// The same of niceness: 20 less the least that it may have.
const NICE_LIMIT: &str = "Max nice priority";

/// How one thread stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// As whoever started it.
    #[default]
    Inherited,
    /// Takes its share in turn: the less of it the nicer, from -20 to 19.
    Nice(i32),
    /// Goes before all that are not real-time, and before those of a lower number, 1 to 99.
    Fifo(u8),
}

/// A standing that the system does not give.
#[derive(Debug)]
pub struct Refused {
    standing: Standing,
    cause: io::Error,
    /// What the kernel limits it to, by the limit's name for people.
    limit: Option<(&'static str, u32)>,
}

impl Standing {
    /// Whether others go before.
    pub fn gives_way(self) -> bool {
        matches!(self, Self::Nice(1..))
    }

    /// Gives it to the calling thread.
    ///
    /// # Errors
    /// Where the system refuses it; the thread stands as before.
    pub fn take(self) -> Result<(), Refused> {
        match self {
            Self::Inherited => Ok(()),
            Self::Nice(nice) => system::be_nice(nice),
            Self::Fifo(priority) => system::be_first(priority),
        }
        .map_err(|cause| Refused::new(self, cause))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherited => out.write_str("as started"),
            Self::Nice(nice) => write!(out, "nice {nice}"),
            Self::Fifo(priority) => write!(out, "fifo {priority}"),
        }
    }
}

impl Refused {
    fn new(standing: Standing, cause: io::Error) -> Self {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let limit = match standing {
            Standing::Fifo(_) => limit(&limits, REALTIME_LIMIT).map(|it| ("LimitRTPRIO", it)),
            Standing::Nice(_) => limit(&limits, NICE_LIMIT).map(|it| ("LimitNICE", it)),
            Standing::Inherited => None,
        };
        Self { standing, cause, limit }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { standing, cause, limit } = self;
        write!(out, "'{standing}' is refused: {cause}")?;
        let needed = match standing {
            Standing::Fifo(priority) => i32::from(*priority),
            Standing::Nice(nice) => 20 - nice,
            Standing::Inherited => return Ok(()),
        };
        match limit {
            Some((name, is)) if i64::from(*is) < i64::from(needed) => {
                write!(out, "; {name} is {is} (expected at least {needed})")
            }
            _ => out.write_str("; the sandbox of the service forbids it"),
        }
    }
}

impl std::error::Error for Refused {}

/// The soft limit of that name among those that the kernel lists; none where it is unlimited.
fn limit(limits: &str, name: &str) -> Option<u32> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel says to whoever may not.
    const EPERM: i32 = 1;

    /// Niceness, real-time priority and policy of the calling thread, as the kernel tells them.
    fn told() -> [i64; 3] {
        let line = std::fs::read_to_string("/proc/thread-self/stat").expect("a line");
        let (_, fields) = line.rsplit_once(") ").expect("fields behind the name");
        let fields: Vec<&str> = fields.split(' ').collect();
        // The third field of the line is the first of these.
        [19, 40, 41].map(|field: usize| fields[field - 3].parse().expect("a number"))
    }

    /// What a fresh thread says after it took a standing, and what a thread does that it starts.
    fn check_taken(standing: Standing, expected: [i64; 3], inherited: [i64; 3]) {
        let thread = std::thread::spawn(move || {
            let taken = standing.take();
            (taken, told(), std::thread::spawn(told).join().expect("a thread"))
        });
        match thread.join().expect("a thread") {
            (Ok(()), is, below) => assert_eq!((is, below), (expected, inherited), "{standing}"),
            (Err(refused), is, _) => {
                // As for whoever may not: it is said which limit is in the way, and nothing changes.
                assert_eq!(is, told(), "{standing}");
                let text = refused.to_string();
                assert!(text.contains("Limit") || text.contains("sandbox"), "{text}");
            }
        }
    }

    #[test]
    fn threads_stand_as_they_are_told_and_nobody_inherits_it() {
        let [nice, ..] = told();
        let later = nice.max(7);
        check_taken(Standing::Inherited, told(), told());
        check_taken(
            Standing::Nice(i32::try_from(later).expect("small")),
            [later, 0, 0],
            [later, 0, 0],
        );
        check_taken(Standing::Nice(-3), [-3, 0, 0], [0, 0, 0]);
        check_taken(Standing::Fifo(2), [nice, 2, 1], [nice, 0, 0]);
    }

    #[test]
    fn a_refusal_names_the_limit() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max nice priority         0                    0                    \n\
                      Max realtime priority     unlimited            unlimited            \n";
        assert_eq!((limit(limits, NICE_LIMIT), limit(limits, REALTIME_LIMIT)), (Some(0), None));
        let refused = |standing, limit| {
            Refused { standing, cause: io::Error::from_raw_os_error(EPERM), limit }.to_string()
        };
        let told = refused(Standing::Fifo(2), Some(("LimitRTPRIO", 0)));
        assert!(told.ends_with("LimitRTPRIO is 0 (expected at least 2)"), "{told}");
        let told = refused(Standing::Nice(-10), Some(("LimitNICE", 5)));
        assert!(told.ends_with("LimitNICE is 5 (expected at least 30)"), "{told}");
        let told = refused(Standing::Nice(10), Some(("LimitNICE", 20)));
        assert!(told.ends_with("the sandbox of the service forbids it"), "{told}");
    }
}
