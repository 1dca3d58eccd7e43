//! Secrets: where randomness comes from, and how memory that held a secret is overwritten.

mod hedge;
mod seed;

pub use hedge::{Hedge, os_bytes};
pub use seed::{RandomnessError, Seed};

/// Overwrites secrets in one pass at the speed of memory; `Zeroize` for vectors is much slower. A barrier keeps the
/// pass from being optimized away.
pub(crate) fn wipe<T: Copy + Default>(cells: &mut [T]) {
    cells.fill(T::default());
    zeroize::optimization_barrier(cells);
}
