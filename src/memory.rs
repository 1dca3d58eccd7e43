//! Tells the C library's allocator to keep what a proof frees, for the next one.
//!
//! A proof makes and drops tables of 1 MB to some hundred MB in a fixed order. By itself glibc maps a large table apart
//! and unmaps it when it is freed. The next table then takes a page fault for every 4 KiB. After [`keep_freed`] all
//! threads share one heap that never shrinks: a page is touched for the first time once in the life of the process.
//! [`trim`] gives the memory back between jobs.
//!
//! This changes the allocator of the whole process: call it in programs, not in libraries.
//! `docs/decisions/0013-allocator.md` has figures.

/// The parameters of glibc's allocator, in the order in which they are set.
///
/// No block is mapped apart (`M_MMAP_MAX`). The heap keeps all that is free at its end (`M_TRIM_THRESHOLD`; -1 switches
/// trimming off). All threads use it (`M_ARENA_MAX`).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const PARAMETERS: [(i32, i32); 3] = [
    (libc::M_MMAP_MAX, 0),
    (libc::M_TRIM_THRESHOLD, -1),
    (libc::M_ARENA_MAX, 1),
];

/// Has the allocator use one heap for all threads and keep everything that is freed. Call it first thing in `main`:
/// threads that have allocated already stay with their heaps.
///
/// Returns whether the allocator took all parameters. Returns `false`, and does nothing, if the C library is not glibc.
/// A process with another global allocator is not affected.
pub fn keep_freed() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        PARAMETERS
            .into_iter()
            .all(|(parameter, value)| set(parameter, value))
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

/// Gives the free pages of the heap back to the system. A program that lives longer than one job calls it between jobs,
/// not between the proofs of a job: the next proof faults every page in again.
///
/// Returns whether any memory was given back; `false` where the C library is not glibc.
pub fn trim() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a function of the C library")]
    {
        // SAFETY: takes one integer and no pointers, and locks the allocator itself.
        unsafe { libc::malloc_trim(0) == 1 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

/// Whether glibc took a parameter of its allocator.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a function of the C library")]
fn set(parameter: i32, value: i32) -> bool {
    // SAFETY: takes two integers and no pointers, locks the allocator itself, and returns 0 for what it does not take.
    unsafe { libc::mallopt(parameter, value) == 1 }
}

#[cfg(test)]
mod tests {
    const GLIBC: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

    /// glibc takes every value; other C libraries are left alone.
    #[test]
    fn taken_by_glibc_alone() {
        assert_eq!(super::keep_freed(), GLIBC);
    }

    /// Pages in the middle of the heap that are free again go back to the system.
    #[test]
    fn trimming_gives_free_pages_back() {
        let _ = super::keep_freed();
        drop(vec![1u8; 8 << 20]);
        assert_eq!(super::trim(), GLIBC);
    }
}
