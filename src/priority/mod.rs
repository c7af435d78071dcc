//! How a thread stands beside others that want a core.
//!
//! Three things are asked for by name ([`Priority`]); what each kind of thread gets for it is a
//! [`Standing`], chosen once for all of them:
//!
//! | asked for | capture | restorer, workers | outputs | pages |
//! |---|---|---|---|---|
//! | `normal` | as started | as started | as started | nice 10 |
//! | `nice` | nice -10 | nice -10 | nice -10 | nice 10 |
//! | `realtime` | fifo 2, else nice -10 | fifo 1, else nice -10 | nice -10 | nice 10 |
//!
//! A page's pictures are encoded beside the restoration, which has a deadline, while a viewer has
//! none: that thread gives way whatever is asked for. So does what looks at copies of frames to tell their
//! level, and plans a restorer for it ([`give_way`]): no frame waits for that.
//!
//! **Nobody starves.** A thread under `SCHED_FIFO` keeps its core until it waits, so there are always
//! fewer of them that compute than there are cores. The thread that takes pictures from a video
//! device is one, as its device paces it and the driver's buffers overrun where it is late; any other
//! source may work without a pause, and is none. The restorer works on its own or waits for its
//! workers: together they are as many as there are workers, and are none where that would leave no
//! core to all else: the page, outputs, the main thread, which feeds the watchdog, and other programs.
//! Outputs are none, as some encode for long. On one core nobody is.
//!
//! Programs that such a thread starts do not inherit its standing.

mod standing;
mod system; // what is asked of the kernel

use serde::{Deserialize, Serialize};

pub use standing::{Refused, Standing};

/// How urgent a station's work is, as it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// As the process was started.
    #[default]
    Normal,
    /// Before other programs, which get what is left.
    Nice,
    /// As soon as possible.
    Realtime,
}

/// How the threads of a station stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standings {
    /// Who takes pictures from the source.
    pub capture: Standing,
    /// The restorer and its workers.
    pub restoring: Standing,
    /// Who gives restored frames away.
    pub output: Standing,
    /// Who encodes them for viewers.
    pub page: Standing,
}

const URGENT: Standing = Standing::Nice(-10);
const PATIENT: Standing = Standing::Nice(10);
/// Where both wait for a core, the picture that would be lost is taken first.
const CAPTURE: Standing = Standing::Fifo(2);
const RESTORING: Standing = Standing::Fifo(1);

/// Has the calling thread stand as a page's does, and whatever it starts with it. Where that is refused it stands
/// as before, which costs frames and nothing else.
pub fn give_way() {
    drop(PATIENT.take());
}

impl Standings {
    /// What `asked` gives to a station whose frames `threads` workers restore, on a machine of so many `cores`;
    /// `is_paced` where a device paces its source.
    pub fn plan(asked: Priority, threads: usize, cores: usize, is_paced: bool) -> Self {
        let [capture, restoring, output] = match asked {
            Priority::Normal => [Standing::Inherited; 3],
            Priority::Nice => [URGENT; 3],
            Priority::Realtime => {
                let is_fifo = is_paced && cores > 1;
                let left = cores.saturating_sub(1 + usize::from(is_fifo));
                let capture = if is_fifo { CAPTURE } else { URGENT };
                [capture, if threads <= left { RESTORING } else { URGENT }, URGENT]
            }
        };
        Self { capture, restoring, output, page: PATIENT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_core_is_always_left(threads in 1_usize..20, cores in 1_usize..20, is_paced: bool) {
            let Standings { capture, restoring, output, page } =
                Standings::plan(Priority::Realtime, threads, cores, is_paced);
            let is_fifo = |standing| matches!(standing, Standing::Fifo(_));
            let first = usize::from(is_fifo(capture)) + if is_fifo(restoring) { threads } else { 0 };
            prop_assert!(first < cores, "{first} of {cores}");
            prop_assert!(!is_fifo(output) && !is_fifo(page));
            prop_assert!(is_paced || !is_fifo(capture), "a source that nothing paces");
        }
    }

    #[test]
    fn what_is_asked_for_is_given() {
        let plan = |asked, threads| Standings::plan(asked, threads, 4, true);
        let usual = Standings { page: PATIENT, ..Standings::default() };
        assert_eq!(plan(Priority::Normal, 2), usual);
        let nice = Standings { capture: URGENT, restoring: URGENT, output: URGENT, page: PATIENT };
        assert_eq!(plan(Priority::Nice, 2), nice);
        let first = Standings { capture: CAPTURE, restoring: RESTORING, ..nice };
        assert_eq!(plan(Priority::Realtime, 2), first);
        assert_eq!(plan(Priority::Realtime, 3), Standings { capture: CAPTURE, ..nice });
    }
}
