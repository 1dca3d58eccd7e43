//! What the steps of a kernel see of its arguments: words in memory, and constants.
//!
//! Element `i` of a slice over `K` is the words `2 i` and `2 i + 1`; element `i` of a slice over `F` is the word `i`.

use core::mem::MaybeUninit;

use crate::field::kernels::lengths::{ANY, common};
use crate::field::kernels::vector::{Pair, Vector};
use crate::field::{K, M61};

/// The two halves of a table.
pub(super) type Halves<'a> = (&'a [K], &'a [K]);

/// An argument of a kernel.
pub(super) trait Operand {
    /// What a step sees.
    type Seen: Copy;

    /// The number of elements; [`ANY`] for a constant.
    #[inline(always)]
    fn length(&self) -> usize {
        ANY
    }

    fn seen(self) -> Self::Seen;
}

/// Words that a kernel reads.
#[derive(Clone, Copy)]
pub(super) struct Read(pub(super) *const u64);

/// Integers of 32 bits that a kernel reads.
#[derive(Clone, Copy)]
pub(super) struct ReadSmall(pub(super) *const u32);

/// Words that a kernel writes, and may read.
#[derive(Clone, Copy)]
pub(super) struct Write(pub(super) *mut u64);

/// The halves of a table that a kernel reads.
#[derive(Clone, Copy)]
pub(super) struct ReadHalves {
    pub(super) low: Read,
    pub(super) high: Read,
}

/// # Safety
/// All methods: the instruction set of `V` is there, and `index .. index + V::WIDTH` is inside the slice.
impl Read {
    /// Elements of `K`.
    #[inline(always)]
    pub(super) unsafe fn pair<V: Vector>(self, index: usize) -> Pair<V> {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load_pair(self.0.add(2 * index)) }
    }

    /// Elements of `F`, in the order of lanes that [`Self::pair`] has.
    #[inline(always)]
    pub(super) unsafe fn base<V: Vector>(self, index: usize) -> V {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load_in_pair_order(self.0.add(index)) }
    }

    /// Elements of `F`, in their own order.
    #[inline(always)]
    pub(super) unsafe fn words<V: Vector>(self, index: usize) -> V {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load(self.0.add(index)) }
    }
}

/// # Safety
/// All methods: as for [`Read`].
impl ReadSmall {
    /// In the order of lanes that [`Read::pair`] has.
    #[inline(always)]
    pub(super) unsafe fn small<V: Vector>(self, index: usize) -> V {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load_small(self.0.add(index)) }
    }
}

/// # Safety
/// All methods: as for [`Read`].
impl Write {
    #[inline(always)]
    pub(super) unsafe fn pair<V: Vector>(self, index: usize) -> Pair<V> {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load_pair(self.0.add(2 * index)) }
    }

    #[inline(always)]
    pub(super) unsafe fn put<V: Vector>(self, index: usize, value: Pair<V>) {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::store_pair(value, self.0.add(2 * index)) }
    }

    #[inline(always)]
    pub(super) unsafe fn words<V: Vector>(self, index: usize) -> V {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { V::load(self.0.add(index)) }
    }

    #[inline(always)]
    pub(super) unsafe fn put_words<V: Vector>(self, index: usize, value: V) {
        // SAFETY: inside the slice, as the caller vouches.
        unsafe { value.store(self.0.add(index)) }
    }
}

/// Slices: a step sees their words.
macro_rules! slices {
    ($($seen:ident($pointer:ident): $($slice:ty),*;)*) => { $($(
        impl Operand for $slice {
            type Seen = $seen;

            #[inline(always)]
            fn length(&self) -> usize {
                self.len()
            }

            #[inline(always)]
            fn seen(self) -> $seen {
                $seen(self.$pointer().cast())
            }
        }
    )*)* };
}

slices! {
    Read(as_ptr): &[K], &[M61];
    ReadSmall(as_ptr): &[u32];
    Write(as_mut_ptr): &mut [K], &mut [M61], &mut [MaybeUninit<K>], &mut [MaybeUninit<M61>];
}

impl Operand for Halves<'_> {
    type Seen = ReadHalves;

    #[inline(always)]
    fn length(&self) -> usize {
        common([self.0.len(), self.1.len()])
    }

    #[inline(always)]
    fn seen(self) -> ReadHalves {
        ReadHalves {
            low: self.0.seen(),
            high: self.1.seen(),
        }
    }
}

impl<T: Operand, const N: usize> Operand for [T; N] {
    type Seen = [T::Seen; N];

    #[inline(always)]
    fn length(&self) -> usize {
        common(self.each_ref().map(T::length))
    }

    #[inline(always)]
    fn seen(self) -> Self::Seen {
        self.map(T::seen)
    }
}

impl Operand for K {
    type Seen = K;

    #[inline(always)]
    fn seen(self) -> K {
        self
    }
}

/// A constant in `F`: its word.
impl Operand for M61 {
    type Seen = u64;

    #[inline(always)]
    fn seen(self) -> u64 {
        self.value
    }
}

/// The coordinates of elements of `K`, two for each.
#[inline(always)]
pub(super) fn coordinates(values: &[K]) -> &[M61] {
    // SAFETY: an element is its two coordinates (asserted where it is defined).
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), 2 * values.len()) }
}

/// As [`coordinates`], to be written.
#[inline(always)]
pub(super) fn coordinates_mut(values: &mut [K]) -> &mut [M61] {
    // SAFETY: as in `coordinates`, and the borrow is unique.
    unsafe { core::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), 2 * values.len()) }
}
