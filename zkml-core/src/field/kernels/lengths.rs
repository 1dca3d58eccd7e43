//! Slices that a kernel is called with.

/// The shortest of the lengths; in debug builds they must agree.
#[inline(always)]
pub(super) fn common(lengths: impl IntoIterator<Item = usize, IntoIter: Clone>) -> usize {
    let lengths = lengths.into_iter();
    let shortest = lengths.clone().min().unwrap_or(0);
    debug_assert!(
        lengths.clone().all(|length| length == shortest),
        "slices of different lengths: {:?}",
        lengths.collect::<Vec<_>>()
    );
    shortest
}
