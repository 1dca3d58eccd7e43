//! Telling the C library's allocator to keep what a proof frees, for the next one.
//!
//! A proof works in tables of 1 to 60 MB that are made and dropped in a fixed order. The allocator of glibc serves threads other than the
//! first from heaps of 64 MiB each, unmaps such a heap as soon as it is empty, and maps it again, page fault by page fault, for
//! the next table. [`keep_freed`] has all threads use one heap, and lets it keep 256 MiB at its end.
//!
//! For programs, not for libraries: it changes the allocator of the whole process. `docs/decisions/0013-allocator.md` has figures.

/// Blocks from this size on are mapped by themselves and unmapped when freed: the encoded weights of a large model, not the tables of a proof.
/// The first that is taken; before version 2.35 glibc took 32 MiB at most.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_FROM: [i32; 2] = [64 << 20, 32 << 20];

/// Free bytes at the end of the heap that are not given back: what a proof of VGG-16 frees.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 256 << 20;

/// Has the allocator use one heap for all threads and keep up to 256 MiB that are free at its end. Call it first thing in `main`: threads that
/// have allocated already stay with their heaps.
///
/// Returns whether the allocator took all of it. Where the C library is not glibc nothing is done, and a process that has chosen
/// another global allocator is not concerned.
pub fn keep_freed() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // The threshold first: with the others set and this one refused, every table would be mapped by itself.
        MAPPED_FROM
            .into_iter()
            .any(|bytes| set(libc::M_MMAP_THRESHOLD, bytes))
            && set(libc::M_TRIM_THRESHOLD, KEPT)
            && set(libc::M_ARENA_MAX, 1)
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
    /// glibc takes every value; other C libraries are left alone.
    #[test]
    fn taken_by_glibc_alone() {
        let glibc = cfg!(all(target_os = "linux", target_env = "gnu"));
        assert_eq!(super::keep_freed(), glibc);
    }
}
