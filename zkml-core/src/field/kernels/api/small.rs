//! The lowest levels of a tree of fractions, from columns of small integers.

use core::mem::MaybeUninit;

use rayon::prelude::*;

use super::kernels;
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::lengths::common;
use crate::field::kernels::small::SmallLeaves;
use crate::field::{K, M61};

kernels! {
    /// `sum_i x[i] b[i]` for integers below `2^43`.
    fn dot_small(self, x: &[u32], b: &[K]) -> K {
        common([x.len(), b.len()]);
        let [sum] = dispatch!(self, dot_small(x, b));
        sum
    }

    /// Appends `cell - minimum` for each cell. Returns whether all of them are below `2^SMALL_BITS`
    /// ([`SMALL_BITS`](crate::field::kernels::SMALL_BITS)); what is appended has no meaning otherwise.
    fn narrow(self, column: &[M61], minimum: M61, out: &mut Vec<u32>) -> bool {
        out.reserve(column.len());
        let place = &mut out.spare_capacity_mut()[..column.len()];
        let fits = dispatch!(self, narrow(column, minimum, place));
        // SAFETY: the kernel writes every element.
        unsafe { out.set_len(out.len() + column.len()) };
        fits
    }

    /// The values on the [grid](SmallLeaves) of `sum_x eq[x] (q0 + q1 + lambda q0 q1)(X, x)`, where
    /// `q0`, `q1` are the denominators of the halves of the leaves. `eq` has an eighth of the leaves' length and adds up
    /// to 1.
    fn small_leaf_grid(self, leaves: &SmallLeaves, lambda: K, eq: &[K]) -> [K; 9] {
        dispatch!(self, small_leaf_grid(leaves, lambda, eq))
    }

    /// The values on the grid of `sum_x eq[x] (p0 q1 + r1 q0)(X, x)`, `r1 = p1 + lambda q1`, where `p0/q0` and `p1/q1`
    /// are the halves of the level above the leaves. `eq` has a sixteenth of the leaves' length.
    fn small_pair_grid(self, leaves: &SmallLeaves, lambda: K, eq: &[K]) -> [K; 9] {
        dispatch!(self, small_pair_grid(leaves, lambda, eq))
    }
}

/// What is done with the tables of a group as soon as they are written: the two sums of a round.
type Then<'a, const N: usize> = &'a (dyn Fn(usize, [&mut [K]; N]) -> [K; 2] + Sync);

impl Backend {
    /// The level two above the leaves of each group, numerators and denominators, and the sum of `then` over all groups.
    pub fn small_levels(self, groups: &[&SmallLeaves], then: Then<'_, 2>) -> ([Vec<K>; 2], [K; 2]) {
        let write = |group: usize, [p, q]: [&mut [MaybeUninit<K>]; 2]| {
            dispatch!(self, small_level(groups[group], false, p, q));
        };
        tables_of(groups, 4, write, then)
    }

    /// The leaves of each group with their first two variables bound; `eq` has the weights of the four corners. The table
    /// has `u0`, then `u1` of each group, `u = 1 + lambda q` for the denominators `q` of a half. The sum of `then` over
    /// all groups.
    pub fn small_leaf_folds(
        self,
        groups: &[&SmallLeaves],
        lambda: K,
        eq: &[K; 4],
        then: Then<'_, 1>,
    ) -> ([Vec<K>; 1], [K; 2]) {
        let write = |group: usize, [u]: [&mut [MaybeUninit<K>]; 1]| {
            let (u0, u1) = u.split_at_mut(u.len() / 2);
            dispatch!(self, small_leaf_fold(groups[group], lambda, eq, u0, u1));
        };
        tables_of(groups, 4, write, then)
    }

    /// The level above the leaves of each group with its first two variables bound, as [`Self::small_leaf_folds`]: `p0`,
    /// then `r1 = p1 + lambda q1` of each group, and `q0`, then `q1`.
    pub fn small_pair_folds(
        self,
        groups: &[&SmallLeaves],
        lambda: K,
        eq: &[K; 4],
        then: Then<'_, 2>,
    ) -> ([Vec<K>; 2], [K; 2]) {
        let write = |group: usize, [p, q]: [&mut [MaybeUninit<K>]; 2]| {
            dispatch!(self, small_pair_fold(groups[group], lambda, eq, p, q));
        };
        tables_of(groups, 8, write, then)
    }
}

/// `N` tables, of which each group has one element for `leaves` of its leaves, written by `write`.
fn tables_of<const N: usize>(
    groups: &[&SmallLeaves],
    leaves: usize,
    write: impl Fn(usize, [&mut [MaybeUninit<K>]; N]) + Sync,
    then: Then<'_, N>,
) -> ([Vec<K>; N], [K; 2]) {
    let length = groups.first().map_or(0, |leaves| leaves.length()) / leaves;
    let total = groups.len() * length;
    let mut tables = [(); N].map(|()| Vec::with_capacity(total));
    let mut rest = tables
        .each_mut()
        .map(|table: &mut Vec<K>| &mut table.spare_capacity_mut()[..total]);
    let mut parts = Vec::with_capacity(groups.len());
    for _ in groups {
        parts.push(rest.each_mut().map(|rest| {
            let (part, others) = core::mem::take(rest).split_at_mut(length);
            *rest = others;
            part
        }));
    }
    let sums = parts.into_par_iter().enumerate().map(|(group, mut part)| {
        write(group, part.each_mut().map(|part| &mut **part));
        // SAFETY: the kernels that are used as `write` write every element of their outputs.
        then(group, part.map(|part| unsafe { part.assume_init_mut() }))
    });
    let sums = sums.reduce(|| [K::default(); 2], |[a, b], [c, d]| [a + c, b + d]);
    for table in &mut tables {
        // SAFETY: every group has been written, as above.
        unsafe { table.set_len(total) };
    }
    (tables, sums)
}
