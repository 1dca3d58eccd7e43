//! Slices that a kernel is called with.

/// The length of a constant operand, which goes with slices of any length.
pub(super) const ANY: usize = usize::MAX;

/// The shortest of the lengths; in debug builds they must agree.
#[inline(always)]
pub(super) fn common<const N: usize>(lengths: [usize; N]) -> usize {
    let shortest = lengths.into_iter().min().unwrap_or(0);
    debug_assert!(
        lengths.iter().all(|&length| length == shortest || length == ANY),
        "slices of different lengths: {lengths:?}"
    );
    shortest
}
