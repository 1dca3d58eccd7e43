//! Secrets: where randomness comes from, and how memory that held a secret is overwritten.

use core::ops::{Deref, DerefMut};

mod hedge;
mod seed;

pub use hedge::{Hedge, os_bytes};
pub use seed::{RandomnessError, Seed};

/// A vector that is overwritten when it is dropped. One that grows leaves a copy behind: give it its capacity first.
pub(crate) struct Wiped<T: Copy + Default>(pub(crate) Vec<T>);

impl<T: Copy + Default> Deref for Wiped<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Copy + Default> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T: Copy + Default> Drop for Wiped<T> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites secrets in one pass at the speed of memory; `Zeroize` for vectors is much slower. A barrier keeps the
/// pass from being optimized away.
pub(crate) fn wipe<T: Copy + Default>(cells: &mut [T]) {
    cells.fill(T::default());
    zeroize::optimization_barrier(cells);
}
