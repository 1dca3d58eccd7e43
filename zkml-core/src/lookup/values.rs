//! The values of the columns at the point of the leaves.

#![cfg(feature = "prover")]

use std::collections::BTreeMap;

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::leaves::Leaves;
use super::{Claims, GROUP_VARIABLES, LookedUp, Witness, suffix};
use crate::field::{K, M61, kernels};

/// Tables of equality weights at suffixes of a point: those of longer suffixes are products.
struct Suffixes {
    /// Over at most [`GROUP_VARIABLES`] variables.
    inner: BTreeMap<usize, Vec<K>>,
    /// Over the variables before the last [`GROUP_VARIABLES`].
    outer: BTreeMap<usize, Vec<K>>,
}

impl Suffixes {
    fn new(point: &[K], variables: impl Iterator<Item = usize>) -> Self {
        let (mut inner, mut outer) = (BTreeMap::new(), BTreeMap::new());
        for variables in variables {
            let suffix = suffix(point, variables);
            let (high, low) = suffix.split_at(suffix.len().saturating_sub(GROUP_VARIABLES));
            inner.entry(low.len()).or_insert_with(|| kernels::eq_table(low));
            outer.entry(variables).or_insert_with(|| kernels::eq_table(high));
        }
        Self { inner, outer }
    }

    /// `sum_x eq(suffix, x) column(x)` over a column of `cells`. `part(number, eq)` gives the sum of a part of at most
    /// `2^13` cells with the weights of its own variables.
    fn sum(&self, cells: usize, part: impl Fn(usize, &[K]) -> K + Sync) -> K {
        let variables = cells.ilog2() as usize;
        let inner = self.inner.get(&variables.min(GROUP_VARIABLES));
        let (Some(inner), Some(outer)) = (inner, self.outer.get(&variables)) else {
            return K::ZERO;
        };
        let parts = outer.par_iter().enumerate();
        parts.map(|(index, weight)| *weight * part(index, inner)).sum()
    }
}

/// Claims on all columns of lookups, and on the multiplicities of all tables, each at its suffix of the point.
pub(super) fn claims(leaves: &Leaves<'_>, witness: &Witness<'_>, point: Vec<K>) -> Claims<K> {
    let lookups = witness.lookups.iter().flatten().map(LookedUp::len);
    let lengths = lookups.chain(witness.multiplicities.iter().map(|column| column.len()));
    let suffixes = Suffixes::new(&point, lengths.map(|length| length.ilog2() as usize));
    let stored = |column: &LookedUp<'_>, part: usize, eq: &[K]| {
        kernels::dot_base(&column.piece(part * eq.len()..(part + 1) * eq.len()), eq)
    };
    let starts = leaves.starts_of_lookups(witness.lookups.len());
    let of_lookup = |(columns, start): (&Vec<LookedUp<'_>>, &usize)| {
        let value = |(number, column): (usize, &LookedUp<'_>)| {
            suffixes.sum(column.len(), |part, eq| {
                // A part that is a group of small integers is read from the copy.
                let small = leaves.small_group(start / eq.len() + part);
                match small.filter(|small| small.leaves.length() == eq.len()) {
                    Some(small) => small.value(number, eq),
                    None => stored(column, part, eq),
                }
            })
        };
        columns.iter().enumerate().map(value).collect()
    };
    let of_table = |column: &&[M61]| {
        suffixes.sum(column.len(), |part, eq| {
            stored(&LookedUp::from(*column), part, eq)
        })
    };
    Claims {
        lookups: witness.lookups.par_iter().zip(&starts).map(of_lookup).collect(),
        multiplicities: witness.multiplicities.par_iter().map(of_table).collect(),
        point,
    }
}
