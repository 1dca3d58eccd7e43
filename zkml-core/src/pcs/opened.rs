//! A matrix in the memory of this process, as an opening reads it.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::claim::Commitment;
use super::code::RowCode;
use super::columns::{recomputed_columns, stored_columns};
use super::error::PcsError;
use super::hash::{Digest, LANES};
use super::matrix::{CommittedMatrix, GRAIN};
use super::oracle::{MatrixOracle, PartialMerge};
use super::plan::RowSum;
use super::rows::{Rows, from_i8};
use crate::field::{K, M61, kernels};
use crate::sumcheck::{Evaluation, Evaluations, Table};

impl CommittedMatrix {
    /// A sum of rows without the tail. One row of field elements as it is, which is what the columns that share a row
    /// are.
    fn sum_table(&self, sum: &RowSum) -> Table<'_> {
        let length = self.code.row_length();
        let one_row = match sum.as_slice() {
            [(first, weights)] if weights.as_slice() == [K::ONE] => Some(first * length),
            _ => None,
        };
        if let (Rows::Field(rows), Some(start)) = (&self.rows, one_row) {
            return Table::Base(&rows[start..][..length]);
        }
        let used = sum.iter().map(|(first, weights)| trimmed(*first, weights));
        let mut runs = used
            .filter(|(_, weights)| !weights.is_empty())
            .map(|(first, weights)| self.combine_data(first, weights));
        let mut table = runs.next().unwrap_or_else(|| vec![K::ZERO; length]);
        runs.for_each(|run| kernels::add_to(&mut table, &run));
        Table::Extension(table)
    }

    /// `sum_a weights[a] row_{first_row + a}` without the tail. The rows are touched once.
    fn combine_data(&self, first_row: usize, weights: &[K]) -> Vec<K> {
        let length = self.code.row_length();
        let cells = first_row * length..(first_row + weights.len()) * length;
        match &self.rows {
            Rows::Field(rows) => kernels::combine_rows(&rows[cells], length, weights),
            Rows::Int8(rows) => kernels::fold_rows_i8(&rows[cells], length, weights),
        }
    }
}

/// Rows from `first` on without those at both ends whose weight is 0: a claim on a part of a column speaks of few of its
/// rows.
fn trimmed(first: usize, weights: &[K]) -> (usize, &[K]) {
    let is_used = |weight: &K| *weight != K::ZERO;
    let start = weights.iter().position(is_used).unwrap_or(weights.len());
    let end = weights.iter().rposition(is_used).map_or(start, |last| last + 1);
    (first + start, &weights[start..end])
}

impl MatrixOracle for CommittedMatrix {
    fn commitment(&self) -> Commitment {
        self.commitment()
    }

    fn code(&self) -> RowCode {
        self.code()
    }

    fn merge<'a>(
        &'a self,
        variables: usize,
        sums: Vec<(&RowSum, Vec<Evaluation>)>,
    ) -> Result<Box<dyn PartialMerge + 'a>, PcsError> {
        let table = |(sum, claims)| (self.sum_table(sum), claims);
        let tables = sums.into_iter().map(table).collect();
        Ok(Box::new(Evaluations::new(variables, tables)))
    }

    fn combine(&self, weights: &[K]) -> Result<Vec<K>, PcsError> {
        let tail = self.code.tail;
        let mut out = self.combine_data(0, weights);
        let tails = &self.tails[..weights.len() * tail];
        out.extend(kernels::combine_rows(tails, tail, weights));
        Ok(out)
    }

    fn value_of_combination(&self, weights: &[K], eq: &[K]) -> Result<K, PcsError> {
        Ok(kernels::dot(&self.combine_data(0, weights), eq))
    }

    fn full_message(&self, first: usize) -> Result<Zeroizing<Vec<K>>, PcsError> {
        let (length, stride) = (self.code.row_length(), 1 << self.code.log_stride);
        let cell = |row: usize, column: usize| match (&self.rows, column.checked_sub(length)) {
            (Rows::Field(cells), None) => cells[row * length + column],
            (Rows::Int8(cells), None) => from_i8(cells[row * length + column]),
            (_, Some(place)) => self.tails[row * self.code.tail + place],
        };
        let mut message = Zeroizing::new(vec![K::ZERO; stride * self.code.message_length()]);
        let columns = message.par_chunks_exact_mut(stride).enumerate();
        columns.with_min_len(GRAIN / stride).for_each(|(column, values)| {
            for (row, value) in (first..).step_by(2).zip(values) {
                *value = K::new(cell(row, column), cell(row + 1, column));
            }
        });
        Ok(message)
    }

    fn tail(&self, row: usize) -> Result<Zeroizing<Vec<M61>>, PcsError> {
        Ok(Zeroizing::new(self.tail(row).to_vec()))
    }

    fn salts(&self, symbols: &[usize]) -> Result<Vec<Digest>, PcsError> {
        let salt = |symbol: &usize| self.seed.salts::<LANES>(symbol / LANES)[symbol % LANES];
        Ok(symbols.iter().map(salt).collect())
    }

    fn columns(&self, symbols: &[usize]) -> Result<Vec<M61>, PcsError> {
        Ok(match &self.codeword {
            Some(blocks) => stored_columns(blocks, self.code.row_length(), symbols),
            None => recomputed_columns(&self.code, (&self.rows, self.count), &self.tails, symbols),
        })
    }

    fn path(&self, symbols: &[usize]) -> Result<Vec<Digest>, PcsError> {
        Ok(self.tree.path(symbols))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_weight_zero_at_the_ends_are_left_out() {
        let weights = |list: &[u64]| list.iter().map(|&weight| K::from(weight)).collect::<Vec<K>>();
        for (list, first, kept) in [
            (&[0, 0, 3, 0, 4, 0][..], 12, &[3, 0, 4][..]),
            (&[1, 2], 10, &[1, 2]),
            (&[0, 0], 12, &[]),
            (&[], 10, &[]),
        ] {
            let all = weights(list);
            assert_eq!(trimmed(10, &all), (first, weights(kept).as_slice()), "{list:?}");
        }
    }
}
