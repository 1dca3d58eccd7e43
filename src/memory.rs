//! The memory of a program that proves: what is freed is kept for the next proof, and secrets stay out of core dumps.
//!
//! A proof makes and drops tables of 1 MB to some hundred MB in a fixed order. By itself glibc maps a large table apart
//! and unmaps it when it is freed. The next table then takes a page fault for every 4 KiB. After [`keep_freed`] all
//! threads share one heap that never shrinks: a page is touched for the first time once in the life of the process.
//! [`trim`] gives the memory back between jobs.
//!
//! `docs/decisions/0013-allocator.md` has figures.
//!
//! [`forbid_core_dumps`] keeps the memory of a process that crashes from being written to a disk.
//!
//! These change the whole process: call them in programs, not in libraries.

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

/// Keeps the system from writing this process's memory to a file when it crashes: keys, weights and private inputs are
/// in it. On Linux it also keeps other processes of the same user from reading the memory or attaching a debugger.
/// Cannot be taken back where limits are lowered for good. `zkml` calls it first thing in `main`.
///
/// Returns whether the system agreed; `false`, and nothing is done, where it is no Unix. Memory that the system swaps
/// out, or saves when the machine hibernates, is not affected.
pub fn forbid_core_dumps() -> bool {
    #[cfg(unix)]
    #[allow(unsafe_code, reason = "functions of the C library")]
    {
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: reads the structure, which outlives the call.
        let limited = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) == 0 };
        // Where dumps are piped to a program, the limit alone does not count.
        #[cfg(target_os = "linux")]
        // SAFETY: takes integers and no pointers.
        let hidden = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 };
        #[cfg(not(target_os = "linux"))]
        let hidden = true;
        limited && hidden
    }
    #[cfg(not(unix))]
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

    /// Nothing is dumped, and nobody of the same user looks into the process.
    #[cfg(target_os = "linux")]
    #[test]
    #[allow(unsafe_code, reason = "a function of the C library")]
    fn no_core_is_dumped() {
        assert!(super::forbid_core_dumps());
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"]);
        // SAFETY: takes an integer and no pointers.
        assert_eq!(unsafe { libc::prctl(libc::PR_GET_DUMPABLE) }, 0);
    }

    /// Pages in the middle of the heap that are free again go back to the system.
    #[test]
    fn trimming_gives_free_pages_back() {
        let _ = super::keep_freed();
        drop(vec![1u8; 8 << 20]);
        assert_eq!(super::trim(), GLIBC);
    }
}
