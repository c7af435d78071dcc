//! How the C library's heap gives back what was large.
//!
//! glibc maps whatever is larger than a threshold from the system by itself, and it goes back when it is freed. All
//! else lies in heaps that shrink at their ends only. That threshold follows what is freed, up to 32 MiB: once a first
//! plane is gone, all others lie in heaps, small things that stay come to lie behind them, and what a restorer
//! has left when another took its place stays resident. A threshold that is set stays where it is.

#![cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "tells the C library's heap when to map memory by itself")
)]

/// Bytes from which on memory is mapped by itself: planes of pictures are, what programs are made of is not.
#[cfg(target_env = "gnu")]
const LARGE: std::ffi::c_int = 256 << 10;

/// Has the heap give back whatever is large as soon as it is freed; to be called once, at the start. On C libraries
/// without such a threshold nothing is done.
pub fn give_back_what_is_large() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes two numbers and no address, and glibc locks what it changes. It refuses none of these.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use std::process::Command;

    use super::*;

    /// What glibc has mapped by itself begins behind a page's first two words; one of so many that lie elsewhere
    /// begins there by chance.
    fn lies_alone(memory: &[u8]) -> bool {
        memory.as_ptr().addr() % 4096 == 2 * size_of::<usize>()
    }

    /// In a process of its own: what other tests have freed is handed out before the system is asked.
    #[test]
    fn what_is_large_lies_alone_whatever_was_freed() {
        const ALONE: &str = "DEBLURD_TEST_ALONE";
        if std::env::var_os(ALONE).is_none() {
            let mut own = Command::new(std::env::current_exe().expect("this program"));
            own.args(["--exact", "heap::tests::what_is_large_lies_alone_whatever_was_freed"]);
            let done = own.env(ALONE, "1").output().expect("this program");
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(done.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        give_back_what_is_large();
        drop(std::hint::black_box(vec![1_u8; 16 << 20]));
        let planes: Vec<Vec<u8>> = (0..8).map(|_| vec![1; 1 << 20]).collect();
        assert!(planes.iter().all(|plane| lies_alone(plane)), "planes lie among small things");
    }
}
