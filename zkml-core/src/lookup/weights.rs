//! The equality weights of a layer's rounds, as a product of two tables.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use crate::field::{K, kernels};

/// Variables of the inner table: with the tables that are summed against it, it fits in the first caches.
const INNER_VARIABLES: usize = 11;

/// Below this many elements a sum stays on its thread.
pub(super) const PARALLEL: usize = 1 << 14;

/// `eq(z, x) = outer[high bits of x] * inner[low bits of x]`, for the variables that are not bound yet.
pub(super) struct Weights {
    outer: Vec<K>,
    inner: Vec<K>,
}

/// A piece of a table before a fold: quarters 0 and 2 become the first half, quarters 1 and 3 the second.
type Quarters<'a> = [(&'a mut [K], &'a [K]); 2];

impl Weights {
    /// Over the variables after the first one of `point`, if it has one.
    pub(super) fn after(point: &[K]) -> Option<Self> {
        let (_, point) = point.split_first()?;
        let (outer, inner) = point.split_at(point.len().saturating_sub(INNER_VARIABLES));
        Some(Self {
            outer: kernels::eq_table(outer),
            inner: kernels::eq_table(inner),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.outer.len() * self.inner.len()
    }

    /// From `eq(z, .)` to `eq(z_{>0}, .)`: `eq(z_0, 0) + eq(z_0, 1) = 1`. `None` if there is no variable.
    pub(super) fn without_first_variable(mut self) -> Option<Self> {
        let table = if self.outer.len() > 1 {
            &mut self.outer
        } else {
            &mut self.inner
        };
        let half = table.len() / 2;
        let (low, high) = table.split_at_mut(half);
        low.iter_mut().zip(&*high).for_each(|(low, high)| *low += high);
        table.truncate(half);
        (half > 0).then_some(self)
    }

    /// `sum_x eq(z, x) term(x)`, where `sums(start, inner)` gives `sum_x inner[x] term(start + x)`.
    pub(super) fn sum<const N: usize>(&self, sums: impl Fn(usize, &[K]) -> [K; N] + Sync) -> [K; N] {
        let chunk = |(index, weight): (usize, &K)| {
            sums(index * self.inner.len(), &self.inner).map(|sum| sum * weight)
        };
        if self.len() < PARALLEL {
            return self.outer.iter().enumerate().map(chunk).fold([K::ZERO; N], add);
        }
        let chunks = self.outer.par_iter().enumerate().map(chunk);
        chunks.reduce(|| [K::ZERO; N], add)
    }

    /// Binds the first variable of each table to `r`, then `sum_x eq(z, x) term(x)`, where `sums(inner, halves)` gives
    /// the part of the sum over a range of `x` from the inner weights and both halves of the folded tables there.
    pub(super) fn fold_then_sum<const T: usize, const N: usize>(
        &self,
        mut tables: [&mut Vec<K>; T],
        r: K,
        sums: impl Fn(&[K], [(&[K], &[K]); T]) -> [K; N] + Sync,
    ) -> [K; N] {
        let (quarter, length) = (self.len(), self.inner.len());
        let mut pieces = tables.each_mut().map(|table| {
            let (low, high) = table.split_at_mut(2 * quarter);
            let (low_0, low_1) = low.split_at_mut(quarter);
            let (high_0, high_1) = high.split_at(quarter);
            let first = low_0.chunks_mut(length).zip(high_0.chunks(length));
            first.zip(low_1.chunks_mut(length).zip(high_1.chunks(length)))
        });
        let chunks: Vec<(&K, [Quarters<'_>; T])> = self
            .outer
            .iter()
            .map(|weight| {
                let next = pieces.each_mut().map(|piece| piece.next().unwrap_or_default());
                (weight, next.map(|(first, second)| [first, second]))
            })
            .collect();
        let chunk = |(weight, tables): (&K, [Quarters<'_>; T])| {
            let halves = tables.map(|[first, second]| {
                kernels::fold_halves(first.0, first.1, r);
                kernels::fold_halves(second.0, second.1, r);
                (&*first.0, &*second.0)
            });
            sums(&self.inner, halves).map(|sum| sum * weight)
        };
        let total = if quarter < PARALLEL {
            chunks.into_iter().map(chunk).fold([K::ZERO; N], add)
        } else {
            chunks.into_par_iter().map(chunk).reduce(|| [K::ZERO; N], add)
        };
        for table in tables {
            table.truncate(2 * quarter);
        }
        total
    }
}

fn add<const N: usize>(mut a: [K; N], b: [K; N]) -> [K; N] {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}
