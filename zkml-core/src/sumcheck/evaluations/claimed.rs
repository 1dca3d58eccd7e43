//! A table on its way through the rounds. While a variable is bound, the sums of the next round are made.

use core::ops::Range;

use ark_ff::{AdditiveGroup, Field};

use super::claim::{High, Running};
use super::{Evaluation, LOW, PIECE, Table};
use crate::field::{K, kernels};

/// A table with its claims.
#[derive(Debug)]
pub(super) struct Claimed<'a> {
    pub(super) table: Table<'a>,
    /// At points of as many coordinates as the table has variables; those left out are 0.
    pub(super) claims: Vec<Running>,
    /// Number of last variables that the table does not have yet.
    left_out: usize,
}

impl<'a> Claimed<'a> {
    /// A table in a sum over `variables` variables, with its claims; the sums of the first round are made.
    pub(super) fn new(variables: usize, table: Table<'a>, claims: Vec<Evaluation>) -> Self {
        let own = table.len().ilog2() as usize;
        debug_assert!(
            variables - own <= LOW,
            "eq over the last variables is made for the claim's own ones"
        );
        let mut claimed = Claimed {
            table,
            claims: claims.into_iter().map(|claim| Running::new(claim, own)).collect(),
            left_out: variables - own,
        };
        claimed.complete();
        claimed.sum_up(0);
        claimed
    }

    /// The sums of the round in which variable `bound` is next.
    fn sum_up(&mut self, bound: usize) {
        let half = self.table.len() / 2;
        for claim in &mut self.claims {
            let from = claim.summed(bound) * half;
            let dot = |cells: Range<usize>, eq: &[K]| match &self.table {
                Table::Base(table) => kernels::dot_base(&table[cells], eq),
                Table::Extension(table) => kernels::dot(&table[cells], eq),
            };
            claim.sum = if half < PIECE {
                let rest = claim.point.get(bound + 1..).unwrap_or(&[]);
                dot(from..from + half, &kernels::eq_table(rest)[..half])
            } else {
                let high = claim.high(bound);
                let starts = high.pieces.map(|piece| from + piece * PIECE);
                let dots = starts.map(|start| dot(start..start + PIECE, &claim.low));
                dots.zip(high.weights).map(|(dot, weight)| dot * weight).sum()
            };
        }
    }

    /// Adds the missing last variables to the table, once all others are bound.
    fn complete(&mut self) {
        if self.table.len() > 1 || self.left_out == 0 {
            return;
        }
        let mut table = match &self.table {
            Table::Base(cells) => cells.iter().copied().map(K::from_base_prime_field).collect(),
            Table::Extension(cells) => cells.clone(),
        };
        table.resize(1 << self.left_out, K::ZERO);
        self.table = Table::Extension(table);
        for claim in &mut self.claims {
            let variables = claim.point.len() + self.left_out;
            claim.point.resize(variables, K::ZERO);
            claim.inverses.resize(variables, K::ZERO);
        }
        self.left_out = 0;
    }

    /// Binds variable `bound` to `r` and makes the sums for the variable after it.
    pub(super) fn bind(&mut self, bound: usize, r: K) {
        self.claims.iter_mut().for_each(|claim| claim.bind(bound, r));
        let pieces = self.table.len() / (4 * PIECE);
        let table = match &mut self.table {
            Table::Extension(table) if pieces > 0 => table,
            small => {
                match small {
                    Table::Extension(table) => kernels::fold(table, r),
                    Table::Base(table) => *small = Table::Extension(kernels::fold_base(table, r)),
                }
                self.complete();
                return self.sum_up(bound + 1);
            }
        };
        let half = table.len() / 2;
        let (low, high) = table.split_at_mut(half);
        let halves = low.chunks_exact_mut(PIECE).zip(high.chunks_exact(PIECE));
        let highs: Vec<(usize, High)> = self
            .claims
            .iter()
            .map(|claim| (claim.summed(bound + 1), claim.high(bound + 1)))
            .collect();
        for (index, (low, high)) in halves.enumerate() {
            kernels::fold_halves(low, high, r);
            let (half, piece) = (index / pieces, index % pieces);
            for (claim, (summed, eq)) in self.claims.iter_mut().zip(&highs) {
                if *summed == half && eq.pieces.contains(&piece) {
                    claim.sum += eq.weights[piece - eq.pieces.start] * kernels::dot(low, &claim.low);
                }
            }
        }
        table.truncate(half);
    }
}
