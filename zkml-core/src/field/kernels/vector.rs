//! What an instruction set must offer: vectors of residues modulo `p = 2^61 - 1`.
//!
//! A vector holds [`Vector::WIDTH`] residues, one in each 64-bit lane. Unless said otherwise a lane is
//! canonical, that is in `[0, p)`. Some operations leave the last reduction to a later one:
//! - A *loose* lane is the result of a `loose_` operation. It may only be an operand of [`Vector::mac_pair`] or
//!   the first operand of [`Vector::mul_pair`].
//! - A *lazy* lane is a word of the right residue, a *short* lane such a word below `2 p`. See
//!   [`Vector::lazy_mul`].

use crate::field::{K, M61};

/// Vectors of the two coordinates of [`Vector::WIDTH`] elements of `K`.
#[derive(Clone, Copy)]
pub(super) struct Pair<T> {
    /// Coordinates `c0`.
    pub(super) re: T,
    /// Coordinates `c1`.
    pub(super) im: T,
}

/// Terms that a [`Vector::Sum`] takes by [`Vector::mac_pair`] or [`Vector::mac_base`] between two flushes.
pub(super) const TERMS_BETWEEN_FLUSHES: usize = 512;

/// Operations of instruction sets whose lanes have no bits to spare: those of canonical lanes.
macro_rules! without_spare_bits {
    ($($(#[$doc:meta])* $name:ident = $plain:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        unsafe fn $name(self, other: Self) -> Self {
            // SAFETY: the same contract.
            unsafe { self.$plain(other) }
        }
    )*};
}

/// One instruction set.
///
/// # Safety
///
/// All functions: the processor must have the instruction set, and pointers must be valid for `WIDTH` (of
/// base elements) or `2 WIDTH` (of pairs) words. No alignment beyond that of `u64` is needed.
pub(super) trait Vector: Copy {
    /// Residues in a vector.
    const WIDTH: usize;

    /// Sums of products that are not yet reduced.
    type Sum: Copy;

    /// The same canonical residue in all lanes.
    unsafe fn splat(x: u64) -> Self;

    /// `WIDTH` consecutive base elements.
    unsafe fn load(source: *const u64) -> Self;

    /// Inverse of [`Vector::load`].
    unsafe fn store(self, target: *mut u64);

    /// `WIDTH` consecutive base elements, in the lane order of [`Vector::load_pair`].
    unsafe fn load_in_pair_order(source: *const u64) -> Self;

    /// `WIDTH` consecutive elements of `K`, in some fixed order of lanes.
    unsafe fn load_pair(source: *const u64) -> Pair<Self>;

    /// Inverse of [`Vector::load_pair`].
    unsafe fn store_pair(pair: Pair<Self>, target: *mut u64);

    /// `2 WIDTH` words as blocks of `2 HALF`: the low halves and the high halves of the blocks, in some fixed
    /// order. `HALF` is a power of two below `WIDTH`.
    unsafe fn load_blocks<const HALF: usize>(source: *const u64) -> (Self, Self);

    /// Inverse of [`Vector::load_blocks`].
    unsafe fn store_blocks<const HALF: usize>(low: Self, high: Self, target: *mut u64);

    /// `WIDTH / HALF` words, each in the lanes of its block in [`Vector::load_blocks`].
    unsafe fn load_twiddles<const HALF: usize>(source: *const u64) -> Self;

    /// `self + other mod p`.
    unsafe fn add(self, other: Self) -> Self;

    /// `self - other mod p`.
    unsafe fn sub(self, other: Self) -> Self;

    without_spare_bits! {
        /// `self + other`, loose; at most three canonical values may meet in one loose lane.
        ///
        /// This is the sum for instruction sets whose lanes are always canonical. One that has bits to spare in a lane
        /// overrides the loose operations and the lazy ones below.
        loose_add = add;

        /// `self - other`, loose, for canonical `other`.
        loose_sub = sub;
    }

    /// `self * other mod p`.
    unsafe fn mul(self, other: Self) -> Self;

    /// `a * b` in `K`. `a` may be the loose sum or difference of two canonical values.
    unsafe fn mul_pair(a: Pair<Self>, b: Pair<Self>) -> Pair<Self>;

    /// `a * b + c` in `K`, with `a` as in [`Vector::mul_pair`].
    unsafe fn mul_add_pair(a: Pair<Self>, b: Pair<Self>, c: Pair<Self>) -> Pair<Self>;

    /// `self * b + c mod p`.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;

    /// A canonical factor, prepared for many products.
    type Factor: Copy;

    /// The same factor for all lanes.
    unsafe fn factor(x: u64) -> Self::Factor;

    /// `self * factor` as short lanes, for lazy `self`.
    unsafe fn lazy_mul(self, factor: Self::Factor) -> Self;

    without_spare_bits! {
        /// `self + other` for short `other`. A lane is lazy after at most two sums or differences of a short lane.
        lazy_add = add;

        /// `self - other`, as [`Vector::lazy_add`].
        lazy_sub = sub;
    }

    /// `WIDTH` consecutive integers of 32 bits, in the lane order of [`Vector::load_pair`].
    unsafe fn load_small(source: *const u32) -> Self;

    /// `self + other` of integers, modulo `2^64`.
    unsafe fn int_add(self, other: Self) -> Self;

    /// `self - other` of integers, modulo `2^64`.
    unsafe fn int_sub(self, other: Self) -> Self;

    /// `self * other` of integers with a sign, below `2^31` in absolute value.
    unsafe fn int_mul(self, other: Self) -> Self;

    /// Lazy lanes made short.
    #[inline(always)]
    unsafe fn shorten(self) -> Self {
        self
    }

    /// Lazy lanes made canonical.
    #[inline(always)]
    unsafe fn canonical(self) -> Self {
        self
    }

    /// The empty sum.
    unsafe fn no_sum() -> Self::Sum;

    /// `sum + a b` in the base field.
    unsafe fn mac_base(sum: Self::Sum, a: Self, b: Self) -> Self::Sum;

    /// The sum that is `x` so far, for any integer `x < 2^62`.
    #[inline(always)]
    unsafe fn sum_of(x: Self) -> Self::Sum {
        // SAFETY: the same contract.
        unsafe { Self::mac_base(Self::no_sum(), x, Self::splat(1)) }
    }

    /// `sum + x c` for an integer `x < 2^43` and canonical `c`.
    #[inline(always)]
    unsafe fn mac_small(sum: Self::Sum, x: Self, c: Self) -> Self::Sum {
        // SAFETY: the same contract.
        unsafe { Self::mac_base(sum, x, c) }
    }

    /// `sum + a b` in `K`; both operands may be loose.
    unsafe fn mac_pair(sum: Pair<Self::Sum>, a: Pair<Self>, b: Pair<Self>) -> Pair<Self::Sum>;

    /// The same sum with room for [`TERMS_BETWEEN_FLUSHES`] more terms.
    unsafe fn flush(sum: Self::Sum) -> Self::Sum;

    /// The sum of each lane, reduced.
    unsafe fn reduce(sum: Self::Sum) -> Self;

    /// The sum over all lanes, reduced.
    unsafe fn total(sum: Self::Sum) -> M61;
}

impl<T: Copy> Pair<T> {
    /// The same coordinates of every element: `K` in all lanes.
    #[inline(always)]
    pub(super) unsafe fn splat(x: K) -> Self
    where
        T: Vector,
    {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            Pair {
                re: T::splat(x.c0.value),
                im: T::splat(x.c1.value),
            }
        }
    }
}

/// Coordinatewise operations; the safety conditions are those of [`Vector`].
impl<T: Vector> Pair<T> {
    #[inline(always)]
    pub(super) unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as the caller vouches.
        unsafe {
            Pair {
                re: self.re.add(other.re),
                im: self.im.add(other.im),
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: as the caller vouches.
        unsafe {
            Pair {
                re: self.re.sub(other.re),
                im: self.im.sub(other.im),
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn loose_add(self, other: Self) -> Self {
        // SAFETY: as the caller vouches.
        unsafe {
            Pair {
                re: self.re.loose_add(other.re),
                im: self.im.loose_add(other.im),
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn loose_sub(self, other: Self) -> Self {
        // SAFETY: as the caller vouches.
        unsafe {
            Pair {
                re: self.re.loose_sub(other.re),
                im: self.im.loose_sub(other.im),
            }
        }
    }
}
