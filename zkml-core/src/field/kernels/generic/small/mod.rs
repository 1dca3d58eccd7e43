//! The lowest levels of a tree of fractions, from columns of small integers; see [`crate::field::kernels::small`].
//!
//! - `leaves`: vectors of leaves, and of the fractions of the levels above them
//! - `leaf_layer`: two rounds of the layer of the leaves
//! - `pair_layer`: two rounds of the layer above it
//!
//! Loops run over indices: a closure that is not inlined is compiled without the instruction set, and takes thirty times
//! as long.

#![allow(clippy::needless_range_loop)]

mod leaf_layer;
mod leaves;
mod pair_layer;

use core::mem::MaybeUninit;

use ark_ff::Field;

use super::operands::{Operand, Write};
use crate::field::kernels::small::{self, SmallLeaves};
use crate::field::kernels::vector::Vector;
use crate::field::{K, M61};
use leaves::Leaves;

pub(in crate::field::kernels) use leaf_layer::*;
pub(in crate::field::kernels) use pair_layer::*;

/// Calls a function with the leaves of so many columns as the group has.
macro_rules! with_columns {
    ($leaves:ident, $function:ident::<$vector:ident>($($argument:expr),*)) => {
        match $leaves.arity() {
            1 => $function::<$vector, 1>(&Leaves::new($leaves), $($argument),*),
            2 => $function::<$vector, 2>(&Leaves::new($leaves), $($argument),*),
            _ => $function::<$vector, 3>(&Leaves::new($leaves), $($argument),*),
        }
    };
}

use with_columns;

/// The fractions of level 3, or of level 2 if `third` is false; writes every element.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn small_level<V: Vector>(
    leaves: &SmallLeaves,
    third: bool,
    p: &mut [MaybeUninit<K>],
    q: &mut [MaybeUninit<K>],
) {
    let length = leaves.length() >> if third { 3 } else { 2 };
    assert!(p.len() == length && q.len() == length);
    // SAFETY: the caller vouches for the instruction set; both outputs have `length` elements, whole vectors.
    unsafe { with_columns!(leaves, level::<V>(third, p.seen(), q.seen())) }
}

#[inline(always)]
unsafe fn level<V: Vector, const C: usize>(leaves: &Leaves<C>, third: bool, p: Write, q: Write) {
    let factors = leaves.factors(K::ONE);
    // SAFETY: as in `small_level`; the leaves of all indices exist.
    unsafe {
        if third {
            for i in (0..leaves.half / 4).step_by(V::WIDTH) {
                let sum = leaves.level_3::<V>(&factors, i);
                p.put(i, sum.p);
                q.put(i, sum.q);
            }
        } else {
            for i in (0..leaves.half / 2).step_by(V::WIDTH) {
                let sum = leaves.level_2::<V>(&factors, i);
                p.put(i, sum.p);
                q.put(i, sum.q);
            }
        }
    }
}

/// See `small::narrow`.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn narrow<V: Vector>(
    column: &[M61],
    minimum: M61,
    out: &mut [MaybeUninit<u32>],
) -> bool {
    small::narrow(column, minimum.value, out)
}
