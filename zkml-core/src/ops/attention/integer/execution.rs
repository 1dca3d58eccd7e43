//! The values of an attention: fast, by definition, and as advice for the columns.

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the prover's side"
)]

use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::{IntegerAttention, Sizes};
use crate::ops::softmax::rows::{Outside, Weigher, columns};
use crate::ops::{ExecutionError, IntegerSite, PARALLEL_CELLS};

/// The operands, row-major, and the table.
pub(super) struct Heads<'a, 's> {
    op: &'a IntegerAttention,
    site: &'a IntegerSite<'s>,
    sizes: Sizes,
    q: &'s [i64],
    k: &'s [i64],
    v: &'s [i64],
    weigher: Weigher,
}

/// One query: its sizes, and the keys and values of its head.
struct Row<'s> {
    /// Its number, over batch, heads and queries.
    number: usize,
    query: &'s [i64],
    keys: &'s [i64],
    values: &'s [i64],
    /// Keys that it sees.
    seen: usize,
}

impl<'a, 's> Heads<'a, 's> {
    /// # Errors
    /// Operands that do not fit; a table that cannot be computed.
    pub(super) fn of(op: &'a IntegerAttention, site: &'a IntegerSite<'s>) -> Result<Self, ExecutionError> {
        let inconsistent = || site.inconsistent();
        let operand = |index| site.operand(index).ok_or_else(inconsistent);
        let (q, k, v) = (operand(0)?, operand(1)?, operand(2)?);
        let sizes = Sizes::of([q.shape(), k.shape(), v.shape()]).ok_or_else(inconsistent)?;
        // The lowering refuses these as well.
        if !(1..60).contains(&op.shift) {
            return Err(inconsistent());
        }
        Ok(Self {
            op,
            site,
            sizes,
            q: q.as_slice().ok_or_else(inconsistent)?,
            k: k.as_slice().ok_or_else(inconsistent)?,
            v: v.as_slice().ok_or_else(inconsistent)?,
            weigher: Weigher::new(&op.decay, op.reciprocal_bits, site)?,
        })
    }

    /// The results of all queries.
    ///
    /// # Errors
    /// [`ExecutionError::Outside`].
    pub(super) fn results(&self) -> Result<ArrayD<i64>, ExecutionError> {
        let Sizes { keys, outputs, .. } = self.sizes;
        let mut results = vec![0i64; self.rows() * outputs];
        results
            .par_chunks_mut(outputs)
            .enumerate()
            .with_min_len(PARALLEL_CELLS.div_ceil(keys * outputs))
            .try_for_each_init(
                || vec![0i64; keys],
                |weights, (number, result)| {
                    let row = self.row(number);
                    self.result(&row, weights, result)
                        .map_err(|outside| self.error(number, outside))
                },
            )?;
        ArrayD::from_shape_vec(self.site.shape(), results).map_err(|_| self.site.inconsistent())
    }

    fn rows(&self) -> usize {
        let Sizes {
            batch,
            groups,
            repeats,
            queries,
            ..
        } = self.sizes;
        batch * groups * repeats * queries
    }

    fn row(&self, number: usize) -> Row<'s> {
        let Sizes {
            repeats,
            queries,
            keys,
            features,
            outputs,
            ..
        } = self.sizes;
        // Heads of all samples, one after the other; every `repeats` of queries share one of keys.
        let (head, query) = (number / queries / repeats, number % queries);
        Row {
            number,
            query: &self.q[number * features..][..features],
            keys: &self.k[head * keys * features..][..keys * features],
            values: &self.v[head * keys * outputs..][..keys * outputs],
            seen: match self.op.causal {
                true => keys.min(query + self.sizes.offset() + 1),
                false => keys,
            },
        }
    }

    /// Writes the scores of the keys that the query sees.
    fn scores(&self, row: &Row<'_>, scores: &mut [i64]) {
        let (features, shift) = (self.sizes.features, self.op.shift);
        let half = 1i64 << (shift - 1);
        for (score, key) in scores[..row.seen].iter_mut().zip(row.keys.chunks_exact(features)) {
            let products = row.query.iter().zip(key).map(|(q, k)| q * k);
            *score = (products.sum::<i64>() * self.op.multiplier + half) >> shift;
        }
    }

    /// Writes the result of a query. `weights` is scratch, of as many cells as there are keys.
    fn result(&self, row: &Row<'_>, weights: &mut [i64], result: &mut [i64]) -> Result<(), Outside> {
        self.scores(row, weights);
        let reciprocal = self.weigher.weigh(&mut weights[..row.seen])?;
        result.fill(0);
        self.mix(row, weights, result);
        let bits = self.op.reciprocal_bits;
        for cell in result.iter_mut() {
            *cell = (*cell * reciprocal + ((1i64 << bits) >> 1)) >> bits;
        }
        let (low, high) = self.op.outputs();
        let outside = result.iter().position(|cell| !(low..=high).contains(cell));
        match outside {
            None => Ok(()),
            Some(at) => Err(Outside("result", Some(at), result[at], (low, high))),
        }
    }

    /// Adds the weighted values to `mix`.
    fn mix(&self, row: &Row<'_>, weights: &[i64], mix: &mut [i64]) {
        let values = row.values.chunks_exact(self.sizes.outputs);
        for (&weight, value) in weights[..row.seen].iter().zip(values) {
            if weight != 0 {
                mix.iter_mut()
                    .zip(value)
                    .for_each(|(cell, v)| *cell += weight * v);
            }
        }
    }

    fn error(&self, row: usize, outside: Outside) -> ExecutionError {
        let Sizes {
            groups,
            repeats,
            queries,
            ..
        } = self.sizes;
        let heads = groups * repeats;
        let index = [row / queries / heads, row / queries % heads, row % queries];
        outside.at(self.site, index)
    }

    /// The cells of the columns that the lowering lists, in its order.
    ///
    /// # Errors
    /// [`ExecutionError::Outside`].
    pub(super) fn advice(&self) -> Result<Vec<Vec<i64>>, ExecutionError> {
        let parts: Vec<Vec<Vec<i64>>> = (0..self.rows())
            .into_par_iter()
            .map(|number| {
                let row = self.row(number);
                self.advice_of(&row)
                    .map_err(|outside| self.error(row.number, outside))
            })
            .collect::<Result<_, _>>()?;
        Ok(columns(&parts))
    }

    /// The cells of one row.
    fn advice_of(&self, row: &Row<'_>) -> Result<Vec<Vec<i64>>, Outside> {
        let Sizes {
            keys,
            features,
            outputs,
            ..
        } = self.sizes;
        let keys_of = row.keys.chunks_exact(features);
        let product = |key: &[i64]| row.query.iter().zip(key).map(|(q, k)| q * k).sum::<i64>();
        let products: Vec<i64> = keys_of.map(product).collect();
        let mut scores = vec![0i64; row.seen];
        self.scores(row, &mut scores);
        let (weighed, reciprocal) = self.weigher.advice(&scores, keys)?;
        let [_, _, weights, ..] = &weighed;
        let mut mix = vec![0i64; outputs];
        self.mix(row, weights, &mut mix);
        let means = mix.iter().map(|mix| mix * reciprocal).collect();
        let own = [mix, means];
        Ok([products].into_iter().chain(weighed).chain(own).collect())
    }
}

/// The results by definition, one after the other.
///
/// # Errors
/// [`ExecutionError::Outside`]; operands that do not fit.
pub(super) fn reference(
    op: &IntegerAttention,
    site: &IntegerSite<'_>,
) -> Result<ArrayD<i64>, ExecutionError> {
    let heads = Heads::of(op, site)?;
    let operand = |index| site.operand(index).ok_or_else(|| site.inconsistent());
    let (q, k, v) = (operand(0)?, operand(1)?, operand(2)?);
    let Sizes {
        repeats,
        features,
        keys,
        queries,
        ..
    } = heads.sizes;
    let two_to = |bits: u32| 1i128 << bits;
    let mut results = ArrayD::zeros(IxDyn(site.shape()));
    for (at, result) in results.indexed_iter_mut() {
        let [b, h, t, c] = [at[0], at[1], at[2], at[3]];
        let row = (b * q.shape()[1] + h) * queries + t;
        let sees = |j: usize| !op.causal || j + queries <= t + keys;
        let score = |j: usize| {
            let products =
                (0..features).map(|f| i128::from(q[[b, h, t, f]]) * i128::from(k[[b, h / repeats, j, f]]));
            let scaled = products.sum::<i128>() * i128::from(op.multiplier) + two_to(op.shift - 1);
            scaled.div_euclid(two_to(op.shift))
        };
        let scores: Vec<i128> = (0..keys).filter(|&j| sees(j)).map(score).collect();
        let weighed = heads.weigher.reference(&scores);
        let (weights, reciprocal) = weighed.map_err(|outside| heads.error(row, outside))?;
        // A query sees the first keys.
        let weighed = weights.iter().enumerate();
        let mix: i128 = weighed
            .map(|(j, weight)| weight * i128::from(v[[b, h / repeats, j, c]]))
            .sum();
        let scale = two_to(op.reciprocal_bits);
        let value = (mix * reciprocal + scale / 2).div_euclid(scale);
        let (low, high) = op.outputs();
        if !(i128::from(low)..=i128::from(high)).contains(&value) {
            return Err(heads.error(row, Outside("result", Some(c), value as i64, (low, high))));
        }
        *result = value as i64;
    }
    Ok(results)
}
