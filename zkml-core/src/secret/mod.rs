//! Secrets: where randomness comes from, and how memory that held a secret is overwritten.

mod seed;

pub use seed::{RandomnessError, Seed};

/// Overwrites secrets: one pass at the speed of memory, which `Zeroize` for vectors is far from, and a barrier so that it is
/// not optimized away.
pub(crate) fn wipe<T: Copy + Default>(cells: &mut [T]) {
    cells.fill(T::default());
    zeroize::optimization_barrier(cells);
}
