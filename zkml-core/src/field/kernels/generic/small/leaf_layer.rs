//! Two rounds of the layer of the leaves.

use core::mem::MaybeUninit;

use ark_ff::Field;

use super::leaves::{Leaves, mac, none, products, reduce, start, totals};
use super::with_columns;
use crate::field::K;
use crate::field::kernels::generic::operands::{Operand, Read, Write};
use crate::field::kernels::small::{BIAS, SmallLeaves};
use crate::field::kernels::vector::{Pair, Vector};

/// Where the corners `2 b_1 + b_2` stand on the grid.
const CORNERS: [usize; 4] = [0, 1, 3, 4];

/// Integers at the corners of the grid, on all of it.
#[inline(always)]
unsafe fn integers_on_grid<V: Vector, const C: usize>(corners: [[V; C]; 4]) -> [[V; C]; 9] {
    let mut grid = [corners[0]; 9];
    for i in 0..C {
        let [a, b, c, d] = [corners[0][i], corners[1][i], corners[2][i], corners[3][i]];
        // SAFETY: the caller vouches for the instruction set.
        let values = unsafe {
            let (e, f) = (c.int_sub(a), d.int_sub(b));
            [a, b, b.int_sub(a), c, d, d.int_sub(c), e, f, f.int_sub(e)]
        };
        for (grid, value) in grid.iter_mut().zip(values) {
            grid[i] = value;
        }
    }
    grid
}

/// The values on the grid of `sum_x eq[x] (q0 + q1 + lambda q0 q1)(X, x)` over the halves of the leaves. `eq` is a
/// table of equality weights: it adds up to 1.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn small_leaf_grid<V: Vector>(
    leaves: &SmallLeaves,
    lambda: K,
    eq: &[K],
) -> [K; 9] {
    assert!(8 * eq.len() == leaves.length());
    // SAFETY: the caller vouches for the instruction set, and there are eight leaves for a weight.
    unsafe {
        match leaves.arity() {
            1 => leaf_grid::<V, 1, { rows(1) }>(&Leaves::new(leaves), lambda, eq),
            2 => leaf_grid::<V, 2, { rows(2) }>(&Leaves::new(leaves), lambda, eq),
            _ => leaf_grid::<V, 3, { rows(3) }>(&Leaves::new(leaves), lambda, eq),
        }
    }
}

/// Integers that are summed for a pair of leaves of `columns`: products on the grid, sums at its corners.
const fn rows(columns: usize) -> usize {
    9 * columns * (columns + 1) / 2 + 4 * columns
}

/// Vectors of each row between two loads of its sum.
const STRIP: usize = 8;

/// Rows whose sums are in registers together.
const BLOCK: usize = 4;

#[inline(always)]
unsafe fn leaf_grid<V: Vector, const C: usize, const R: usize>(
    leaves: &Leaves<C>,
    lambda: K,
    eq: &[K],
) -> [K; 9] {
    // SAFETY: as in `small_leaf_grid`; the number of weights is a multiple of the width.
    unsafe {
        let mut sums = [none::<V>(); R];
        let mut strip = [[V::splat(0); STRIP]; R];
        for start in (0..eq.len()).step_by(STRIP * V::WIDTH) {
            let count = STRIP.min((eq.len() - start) / V::WIDTH);
            for v in 0..count {
                let at = start + v * V::WIDTH;
                let x = leaves.corners::<V>(at, eq.len());
                let y = leaves.corners::<V>(leaves.half + at, eq.len());
                let (x_grid, y_grid) = (integers_on_grid(x), integers_on_grid(y));
                let mut row = 0;
                for g in 0..9 {
                    let m = products(x_grid[g], y_grid[g]);
                    for i in 0..C {
                        for j in i..C {
                            strip[row][v] = m[i][j].int_add(V::splat(BIAS));
                            row += 1;
                        }
                    }
                }
                for b in 0..4 {
                    for i in 0..C {
                        strip[row][v] = x[b][i].int_add(y[b][i]);
                        row += 1;
                    }
                }
            }
            let (blocks, rest) = sums.as_chunks_mut::<BLOCK>();
            let (rows, rest_rows) = strip.as_chunks::<BLOCK>();
            for (sums, rows) in blocks.iter_mut().zip(rows) {
                weigh(eq.seen(), start, count, rows, sums);
            }
            for (sum, row) in rest.iter_mut().zip(rest_rows) {
                weigh(eq.seen(), start, count, &[*row], core::array::from_mut(sum));
            }
        }
        leaf_values(leaves, lambda, totals::<V, R>(sums))
    }
}

/// `sums[k] += sum_v eq[start + v] rows[k][v]`, over `count` vectors.
#[inline(always)]
unsafe fn weigh<V: Vector, const N: usize>(
    eq: Read,
    start: usize,
    count: usize,
    rows: &[[V; STRIP]; N],
    sums: &mut [Pair<V::Sum>; N],
) {
    let mut held = *sums;
    for v in 0..count {
        // SAFETY: the caller vouches for the instruction set and for the weights.
        unsafe {
            let eq = eq.pair::<V>(start + v * V::WIDTH);
            for k in 0..N {
                held[k].re = V::mac_small(held[k].re, rows[k][v], eq.re);
                held[k].im = V::mac_small(held[k].im, rows[k][v], eq.im);
            }
        }
    }
    *sums = held;
}

/// The values on the grid, from the sums of all rows.
fn leaf_values<const C: usize, const R: usize>(leaves: &Leaves<C>, lambda: K, sums: [K; R]) -> [K; 9] {
    let factors = leaves.factors(lambda);
    let mut sums = sums.into_iter();
    let mut values = [0; 9].map(|_| {
        let pairs = (0..C).flat_map(|i| (i..C).map(move |j| (i, j)));
        let terms = pairs.zip(&mut sums);
        terms
            .map(|((i, j), sum)| factors.m[i][j] * (sum - K::from(BIAS)))
            .sum::<K>()
    });
    // At a corner q0 + q1 = 2 a - s, and q0 q1 has the terms a^2 - a s besides. At infinity all of this is gone.
    let a = leaves.a;
    for corner in CORNERS {
        let s: K = leaves
            .powers
            .iter()
            .zip(&mut sums)
            .map(|(power, sum)| *power * sum)
            .sum();
        values[corner] += a + a + lambda * a.square() - (K::ONE + lambda * a) * s;
    }
    values
}

/// `u = 1 + lambda q` of both halves of the leaves, their first two variables bound: `eq` has the weights of the four
/// corners. Writes every element of `u0` and `u1`.
#[inline(always)]
pub(in crate::field::kernels) unsafe fn small_leaf_fold<V: Vector>(
    leaves: &SmallLeaves,
    lambda: K,
    eq: &[K; 4],
    u0: &mut [MaybeUninit<K>],
    u1: &mut [MaybeUninit<K>],
) {
    assert!(8 * u0.len() == leaves.length() && u1.len() == u0.len());
    let length = u0.len();
    // SAFETY: the caller vouches for the instruction set; there are eight leaves for an element of the outputs.
    unsafe { with_columns!(leaves, leaf_fold::<V>(lambda, eq, length, [u0.seen(), u1.seen()])) }
}

#[inline(always)]
unsafe fn leaf_fold<V: Vector, const C: usize>(
    leaves: &Leaves<C>,
    lambda: K,
    eq: &[K; 4],
    length: usize,
    outs: [Write; 2],
) {
    let factors = eq.map(|weight| leaves.powers.map(|power| -lambda * weight * power));
    // SAFETY: as in `small_leaf_fold`; the length is a multiple of the width.
    unsafe {
        for (side, out) in outs.into_iter().enumerate() {
            for i in (0..length).step_by(V::WIDTH) {
                let mut u = start(K::ONE + lambda * leaves.a, V::splat(0));
                for (b, factors) in factors.iter().enumerate() {
                    let x = leaves.leaf::<V>(side * leaves.half + b * length + i);
                    for c in 0..C {
                        u = mac(u, x[c], factors[c]);
                    }
                }
                out.put(i, reduce::<V>(u));
            }
        }
    }
}
