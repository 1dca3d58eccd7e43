//! Two rounds of the layer above that of the leaves.

use core::mem::MaybeUninit;

use ark_ff::Field;

use super::leaves::{Integers, Leaves, mac, none, reduce, start, totals};
use super::with_columns;
use crate::field::K;
use crate::field::kernels::generic::operands::{Operand, Read, Write};
use crate::field::kernels::small::SmallLeaves;
use crate::field::kernels::vector::{Pair, Vector};

/// Elements of `K` at the corners of the grid, on all of it, some of them loose.
#[inline(always)]
unsafe fn elements_on_grid<V: Vector>([a, b, c, d]: [Pair<V>; 4]) -> [Pair<V>; 9] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (e, f) = (c.sub(a), d.sub(b));
        [a, b, b.loose_sub(a), c, d, d.loose_sub(c), e, f, f.loose_sub(e)]
    }
}
/// The values on the grid of `sum_x eq[x] (p0 q1 + r1 q0)(X, x)`, `r1 = p1 + lambda q1`, over the halves of the level
/// above the leaves.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn small_pair_grid<V: Vector>(
    leaves: &SmallLeaves,
    lambda: K,
    eq: &[K],
) -> [K; 9] {
    assert!(16 * eq.len() == leaves.length());
    // SAFETY: the caller vouches for the instruction set, and there are sixteen leaves for a weight.
    unsafe { with_columns!(leaves, pair_grid::<V>(lambda, eq)) }
}

#[inline(always)]
unsafe fn pair_grid<V: Vector, const C: usize>(leaves: &Leaves<C>, lambda: K, eq: &[K]) -> [K; 9] {
    let (factors, corner) = (leaves.factors(K::ONE), eq.len());
    let weights: Read = eq.seen();
    // SAFETY: as in `small_pair_grid`; the number of weights is a multiple of the width.
    unsafe {
        let lambda = Pair::<V>::splat(lambda);
        let mut sums = [none::<V>(); 9];
        for i in (0..eq.len()).step_by(V::WIDTH) {
            let eq = weights.pair::<V>(i);
            let low = leaves.level_1_corners::<V>(&factors, i, corner);
            let high = leaves.level_1_corners::<V>(&factors, leaves.half / 2 + i, corner);
            let [mut p0, mut r1, mut q0, mut q1] = [[eq; 4]; 4];
            for b in 0..4 {
                p0[b] = low[b].p;
                r1[b] = V::mul_add_pair(high[b].q, lambda, high[b].p);
                // The weights enter one factor of each product, before it is taken to the grid.
                q0[b] = V::mul_pair(low[b].q, eq);
                q1[b] = V::mul_pair(high[b].q, eq);
            }
            let (p0, q1) = (elements_on_grid(p0), elements_on_grid(q1));
            let (q0, r1) = (elements_on_grid(q0), elements_on_grid(r1));
            for g in 0..9 {
                sums[g] = V::mac_pair(V::mac_pair(sums[g], p0[g], q1[g]), q0[g], r1[g]);
            }
        }
        totals::<V, 9>(sums)
    }
}

/// `p0`, then `r1`, and `q0`, then `q1`, of the level above the leaves, its first two variables bound: `eq` has the
/// weights of the four corners. Writes every element.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn small_pair_fold<V: Vector>(
    leaves: &SmallLeaves,
    lambda: K,
    eq: &[K; 4],
    p: &mut [MaybeUninit<K>],
    q: &mut [MaybeUninit<K>],
) {
    assert!(8 * p.len() == leaves.length() && q.len() == p.len());
    let length = p.len() / 2;
    // SAFETY: the caller vouches for the instruction set; there are sixteen leaves for an element of each table.
    unsafe { with_columns!(leaves, pair_fold::<V>(lambda, eq, length, p.seen(), q.seen())) }
}

#[inline(always)]
unsafe fn pair_fold<V: Vector, const C: usize>(
    leaves: &Leaves<C>,
    lambda: K,
    eq: &[K; 4],
    length: usize,
    p_out: Write,
    q_out: Write,
) {
    let factors = eq.map(|weight| leaves.factors(weight));
    let (twice, square) = (leaves.a + leaves.a, leaves.a.square());
    // SAFETY: as in `small_pair_fold`; the length is a multiple of the width.
    unsafe {
        for side in [0, 1] {
            for i in (0..length).step_by(V::WIDTH) {
                let (mut p, mut q) = (start::<V>(twice, V::splat(0)), start::<V>(square, V::splat(0)));
                for (b, factors) in factors.iter().enumerate() {
                    let Integers { s, m } = leaves.pair::<V>(side * leaves.half / 2 + b * length + i);
                    for i in 0..C {
                        p = mac(p, s[i], factors.p[i]);
                        q = mac(q, s[i], factors.q[i]);
                        for j in i..C {
                            q = mac(q, m[i][j], factors.m[i][j]);
                        }
                    }
                }
                let (mut p, q) = (reduce::<V>(p), reduce::<V>(q));
                if side == 1 {
                    p = V::mul_add_pair(q, Pair::splat(lambda), p);
                }
                p_out.put(side * length + i, p);
                q_out.put(side * length + i, q);
            }
        }
    }
}
