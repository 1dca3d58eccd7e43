//! Walking over the operands of a kernel, a vector at a time.

use crate::field::K;
use crate::field::kernels::portable::Scalar;
use crate::field::kernels::vector::{Pair, TERMS_BETWEEN_FLUSHES, Vector};

/// A kernel that writes its result element by element.
pub(super) trait Map {
    /// # Safety
    /// The instruction set of `V` is there, and `index .. index + V::WIDTH` is inside all operands.
    unsafe fn step<V: Vector>(&self, index: usize);
}

/// A kernel that sums `N` products.
pub(super) trait Fold<const N: usize> {
    /// Adds one product to each of the sums.
    ///
    /// # Safety
    /// As for [`Map::step`].
    unsafe fn step<V: Vector>(&self, index: usize, sums: &mut [Pair<V::Sum>; N]);
}

/// # Safety
/// The instruction set of `V` is there and all operands have `length` elements.
#[inline(always)]
pub(super) unsafe fn run<V: Vector>(length: usize, kernel: impl Map) {
    let full = length - length % V::WIDTH;
    let mut index = 0;
    while index < full {
        // SAFETY: index + WIDTH <= full <= length.
        unsafe { kernel.step::<V>(index) };
        index += V::WIDTH;
    }
    while index < length {
        // SAFETY: index < length, and scalars need no instruction set.
        unsafe { kernel.step::<Scalar>(index) };
        index += 1;
    }
}

/// # Safety
/// As for [`run`].
#[inline(always)]
pub(super) unsafe fn sum<V: Vector, const N: usize>(length: usize, kernel: impl Fold<N>) -> [K; N] {
    // SAFETY: indices stay below `length` as in `run`; flushes come every TERMS_BETWEEN_FLUSHES terms.
    unsafe {
        let full = length - length % V::WIDTH;
        let mut sums = [Pair {
            re: V::no_sum(),
            im: V::no_sum(),
        }; N];
        let mut index = 0;
        while index < full {
            let end = full.min(index + TERMS_BETWEEN_FLUSHES * V::WIDTH);
            while index < end {
                kernel.step::<V>(index, &mut sums);
                index += V::WIDTH;
            }
            for sum in &mut sums {
                *sum = Pair {
                    re: V::flush(sum.re),
                    im: V::flush(sum.im),
                };
            }
        }
        let mut rest = [Pair {
            re: Scalar::no_sum(),
            im: Scalar::no_sum(),
        }; N];
        while index < length {
            kernel.step::<Scalar>(index, &mut rest);
            index += 1;
        }
        core::array::from_fn(|k| {
            K::new(
                V::total(sums[k].re) + Scalar::total(rest[k].re),
                V::total(sums[k].im) + Scalar::total(rest[k].im),
            )
        })
    }
}
