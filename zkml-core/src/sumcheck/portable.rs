//! Plain loops over the tables.

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use crate::field::{K, M61};

const GRAIN: usize = 1 << 12;

pub(crate) fn fold(table: &mut Vec<K>, r: K) {
    let half = table.len() / 2;
    let (low, high) = table.split_at_mut(half);
    low.par_iter_mut()
        .with_min_len(GRAIN)
        .zip(&*high)
        .for_each(|(low, high)| *low += (*high - *low) * r);
    table.truncate(half);
}

pub(crate) fn product_round(a: &[K], b: &[K]) -> [K; 2] {
    let ((a0, a1), (b0, b1)) = (a.split_at(a.len() / 2), b.split_at(b.len() / 2));
    (0..a0.len())
        .into_par_iter()
        .with_min_len(GRAIN)
        .map(|i| [a0[i] * b0[i], (a1[i].double() - a0[i]) * (b1[i].double() - b0[i])])
        .reduce(|| [K::ZERO; 2], |x, y| [x[0] + y[0], x[1] + y[1]])
}

pub(crate) fn eq_product_round(e: &[K], a: &[K], b: &[K]) -> [K; 3] {
    let half = a.len() / 2;
    (0..half)
        .into_par_iter()
        .with_min_len(GRAIN)
        .map(|i| {
            let [e, a, b] = [e, a, b].map(|t| (t[i], t[i + half] - t[i]));
            let at = |x: u64| {
                let x = K::from(x);
                (e.0 + e.1 * x) * (a.0 + a.1 * x) * (b.0 + b.1 * x)
            };
            [e.0 * a.0 * b.0, at(2), at(3)]
        })
        .reduce(|| [K::ZERO; 3], |x, y| [x[0] + y[0], x[1] + y[1], x[2] + y[2]])
}

pub(crate) fn fraction_round(eq: &[K], p0: &[K], p1: &[K], q0: &[K], q1: &[K], lambda: K) -> [K; 2] {
    let half = eq.len();
    let term = |p0: K, p1: K, q0: K, q1: K| (p0 + lambda * q0) * q1 + p1 * q0;
    (0..half)
        .into_par_iter()
        .with_min_len(GRAIN)
        .map(|i| {
            let d = |t: &[K]| t[i + half] - t[i];
            [
                eq[i] * term(p0[i], p1[i], q0[i], q1[i]),
                eq[i] * term(d(p0), d(p1), d(q0), d(q1)),
            ]
        })
        .reduce(|| [K::ZERO; 2], |x, y| [x[0] + y[0], x[1] + y[1]])
}

pub(crate) fn fraction_layer(p: &[K], q: &[K]) -> (Vec<K>, Vec<K>) {
    let half = p.len() / 2;
    (0..half)
        .into_par_iter()
        .with_min_len(GRAIN)
        .map(|i| (p[i] * q[i + half] + p[i + half] * q[i], q[i] * q[i + half]))
        .unzip()
}

pub(crate) fn eq_table(point: &[K]) -> Vec<K> {
    let mut table = vec![K::ONE];
    for r in point.iter().rev() {
        let high: Vec<K> = table.iter().map(|x| *x * r).collect();
        table.iter_mut().zip(&high).for_each(|(low, high)| *low -= high);
        table.extend(high);
    }
    table
}

pub(crate) fn add_scaled_base(acc: &mut [K], c: K, x: &[M61]) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc += K::new(c.c0 * x, c.c1 * x);
    }
}

pub(crate) fn dot_base(a: &[M61], b: &[K]) -> K {
    a.iter().zip(b).map(|(a, b)| K::new(b.c0 * a, b.c1 * a)).sum()
}
