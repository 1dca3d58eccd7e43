//! The circle code: a message of `L + tail` coefficients, evaluated on a domain of `n` points.
//!
//! ```text
//! Enc(c)[index] = sum_{j < L + tail} c_j b_j(point(index)),      index = 0 .. n-1
//! ```
//!
//! with the basis and the order of points of [`super::circle`]. Two codewords agree in at most `L + tail`
//! positions, so the distance is that of a Reed-Solomon code of dimension `L + tail + 1`; the rate that
//! counts is `rho = (L + tail + 1) / n`, the unique decoding radius `(1 - rho) / 2`.

mod parameters;
mod rows;

pub use parameters::{CodeParameters, MIN_DIGEST_BYTES, TARGET_BITS};
pub use rows::RowCode;

use std::sync::Arc;

use ark_ff::{AdditiveGroup, Field};

use super::circle::Twiddles;
use crate::error::CodeError;
use crate::field::{K, M61, mul_k_base};

/// The longest codewords, `log2`, that are computed whole to look at some symbols: half a gigabyte with the factors.
/// Longer ones are looked at symbol by symbol: what is in the clear then is short or mostly 0.
const MAX_LOG_WHOLE: u32 = 24;

/// A code with the factors of its Fourier transform.
#[derive(Debug, Clone)]
pub struct CircleCode {
    rows: RowCode,
    twiddles: Arc<Twiddles>,
}

impl CircleCode {
    /// The code of wide rows.
    ///
    /// # Errors
    ///
    /// [`CodeError`] where the parameters are out of range.
    pub fn new(parameters: &CodeParameters) -> Result<Self, CodeError> {
        parameters.validate()?;
        Ok(Self::of(parameters.wide()))
    }

    /// The code of rows, from parameters that were [validated](CodeParameters::validate).
    pub fn of(rows: RowCode) -> Self {
        Self {
            rows,
            twiddles: Twiddles::of(rows.log_codeword.saturating_add(rows.log_stride)),
        }
    }

    /// The sizes of its rows.
    pub fn rows(&self) -> RowCode {
        self.rows
    }

    /// The factors of the butterflies of a layer: one for each block of `2^(layer + 1)` symbols.
    pub fn layer(&self, layer: usize) -> &[M61] {
        self.twiddles
            .layer(layer.saturating_add(self.rows.log_stride as usize))
    }

    /// The factor of layer `layer` for the symbols whose index is `block` after a shift by `layer`, with its sign.
    pub fn signed(&self, layer: usize, block: usize) -> M61 {
        let layer = layer.saturating_add(self.rows.log_stride as usize);
        self.twiddles.signed(layer, block)
    }

    /// The codeword of a message over `F`, plainly: the reference of the prover's encoder, and the
    /// verifier's. Missing coefficients count as 0; coefficients after `L + tail` are not looked at.
    pub fn encode(&self, message: &[M61]) -> Vec<M61> {
        let message = message.get(..self.rows.message_length()).unwrap_or(message);
        let (data, tail) = message.split_at(message.len().min(self.rows.row_length()));
        let log_row = self.rows.log_row as usize;
        let row_length = self.rows.row_length();
        let mut codeword = vec![M61::ZERO; self.rows.codeword_length()];
        for (block, values) in codeword.chunks_exact_mut(row_length).enumerate() {
            for (value, coefficient) in values.iter_mut().zip(data) {
                *value = *coefficient;
            }
            // All coefficients from 2L on are 0, so of the layers above the row only the lowest one does
            // anything.
            let factor = self.signed(log_row, block);
            for (value, coefficient) in values.iter_mut().zip(tail) {
                *value += factor * coefficient;
            }
        }
        for layer in (0..log_row).rev() {
            let half = 1usize << layer;
            for (values, factor) in codeword.chunks_exact_mut(2 * half).zip(self.layer(layer)) {
                let (low, high) = values.split_at_mut(half);
                for (low, high) in low.iter_mut().zip(high) {
                    let product = *factor * *high;
                    *high = *low - product;
                    *low += product;
                }
            }
        }
        codeword
    }

    /// The codeword of a message over `K` at some of its symbols, in a code from parameters that were
    /// [validated](CodeParameters::validate). A message with few coefficients is summed up at each symbol; if a
    /// transform is less work, the whole message is encoded, unless codewords are longer than
    /// `2^MAX_LOG_WHOLE`.
    pub fn encode_at(rows: RowCode, message: &[K], symbols: &[usize]) -> Vec<K> {
        let (data, tail) = message.split_at(message.len().min(rows.row_length()));
        let (data, tail) = (without_zeros(data), without_zeros(tail));
        let n = rows.codeword_length();
        let summed = symbols
            .len()
            .saturating_mul(data.len().max(tail.len()).saturating_mul(2));
        let transformed = n.saturating_mul(rows.log_codeword as usize);
        let whole = rows.log_codeword.saturating_add(rows.log_stride) <= MAX_LOG_WHOLE;
        if whole && summed > transformed {
            let codeword = Self::of(rows).encode_extension(message);
            let at = |symbol: &usize| codeword.get(*symbol).copied().unwrap_or(K::ZERO);
            return symbols.iter().map(at).collect();
        }
        let length = data.len().max(tail.len());
        let mut functions = Vec::with_capacity(length);
        let at = |point| {
            let factors = rows.factors(point);
            functions.clear();
            functions.push(M61::ONE);
            for factor in &factors {
                let known = functions.len();
                if known >= length {
                    break;
                }
                functions.extend_from_within(..known.min(length.saturating_sub(known)));
                for value in functions.iter_mut().skip(known) {
                    *value *= factor;
                }
            }
            let sum = |values: &[K]| -> K {
                let terms = values.iter().zip(&functions);
                terms.map(|(value, function)| mul_k_base(*value, *function)).sum()
            };
            let behind = factors.last().copied().unwrap_or(M61::ZERO);
            sum(data) + mul_k_base(sum(tail), behind)
        };
        rows.points(symbols).into_iter().map(at).collect()
    }

    /// The codeword of a message over `K`: the code is linear over `F`, so `c0` and `c1` are encoded apart.
    pub fn encode_extension(&self, message: &[K]) -> Vec<K> {
        let c0: Vec<M61> = message.iter().map(|value| value.c0).collect();
        let c1: Vec<M61> = message.iter().map(|value| value.c1).collect();
        self.encode(&c0)
            .into_iter()
            .zip(self.encode(&c1))
            .map(|(c0, c1)| K::new(c0, c1))
            .collect()
    }
}

/// A message without the zeros at its end.
fn without_zeros(message: &[K]) -> &[K] {
    let length = message
        .iter()
        .rposition(|value| *value != K::ZERO)
        .map_or(0, |last| last.saturating_add(1));
    message.get(..length).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;
    use proptest::prelude::*;

    use super::super::circle::{basis, domain_point};
    use super::parameters::MAX_LOG_ROW;
    use super::*;
    use crate::field::P;

    fn code(log_row: u32, tail: usize, log_codeword: u32) -> CircleCode {
        CircleCode::new(&CodeParameters::of_size(log_row, tail, log_codeword)).unwrap()
    }

    proptest! {
        #[test]
        fn encoding_evaluates_the_basis(
            log_row in 1u32..6,
            blowup in 1u32..4,
            tail in 0usize..9,
            seed in proptest::collection::vec(0..P, 64),
        ) {
            let log_codeword = log_row + blowup;
            let tail = tail.min((1 << log_row) - 2);
            let code = code(log_row, tail, log_codeword);
            let length = code.rows().message_length();
            let message: Vec<M61> = seed.iter().cycle().take(length).map(|v| M61::from_raw(*v)).collect();
            let codeword = code.encode(&message);
            prop_assert_eq!(codeword.len(), 1 << log_codeword);
            for (index, value) in codeword.iter().enumerate() {
                let point = domain_point(log_codeword, index);
                let expected: M61 = message.iter().enumerate().map(|(j, c)| *c * basis(j, point)).sum();
                prop_assert_eq!(*value, expected);
            }
        }
    }

    #[test]
    fn few_positions_are_those_of_the_whole_codeword() {
        for (log_row, tail, log_codeword) in [(1, 1, 3), (4, 5, 6), (5, 32, 8), (3, 0, 5)] {
            let code = code(log_row, tail, log_codeword);
            let parameters = code.rows();
            let n = parameters.codeword_length();
            for (data, behind, step) in [
                (0, 0, 1),
                (1, 1, 3),
                (2, 0, 1),
                (0, 1, 2),
                (usize::MAX, usize::MAX, 5),
            ] {
                let number = |i: usize| M61::from((i as u64 + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let row_length = parameters.row_length();
                let message: Vec<K> = (0..parameters.message_length())
                    .map(|i| match i < row_length {
                        true if i < data => K::new(number(i), number(2 * i)),
                        false if i - row_length < behind => K::new(number(i), M61::ONE),
                        _ => K::ZERO,
                    })
                    .collect();
                let codeword = code.encode_extension(&message);
                let positions: Vec<usize> = (0..n).step_by(step).collect();
                let expected: Vec<K> = positions.iter().map(|position| codeword[*position]).collect();
                let found = CircleCode::encode_at(parameters, &message, &positions);
                assert_eq!(found, expected, "{log_row} {tail} {data} {behind}");
            }
        }
    }

    #[test]
    fn a_narrow_row_is_a_wide_one_with_gaps() {
        let number = |i: usize| M61::from((i as u64 + 5).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1);
        for (log_row, tail, log_codeword) in [(4, 8, 6), (5, 0, 7), (6, 64, 8)] {
            for log_stride in 0..4u32 {
                let parameters = CodeParameters {
                    log_stride,
                    ..CodeParameters::of_size(log_row, tail, log_codeword)
                };
                parameters.validate().unwrap();
                let (narrow, stride) = (parameters.narrow(), parameters.stride());
                let coefficients: Vec<M61> = (0..narrow.message_length()).map(number).collect();
                let mut message = vec![M61::ZERO; parameters.message_length()];
                (message.iter_mut().step_by(stride).zip(&coefficients))
                    .for_each(|(place, value)| *place = *value);
                let wide = CircleCode::new(&parameters).unwrap().encode(&message);
                let symbols = CircleCode::of(narrow).encode(&coefficients);
                assert_eq!(symbols.len() * stride, wide.len());
                for (run, symbol) in wide.chunks(stride).zip(&symbols) {
                    assert!(run.iter().all(|value| value == symbol));
                }
                // At some of them, and in more than one way.
                let positions: Vec<usize> = (0..wide.len()).filter(|j| j % 5 < 2).collect();
                let some = narrow.symbols(&positions);
                assert!(some.is_sorted_by(|a, b| a < b));
                let lifted: Vec<K> = coefficients.iter().map(|c| K::new(*c, M61::ONE)).collect();
                let all = CircleCode::of(narrow).encode_extension(&lifted);
                let expected: Vec<K> = some.iter().map(|symbol| all[*symbol]).collect();
                assert_eq!(CircleCode::encode_at(narrow, &lifted, &some), expected);
                let few: Vec<K> = lifted[..1].to_vec();
                let all = CircleCode::of(narrow).encode_extension(&few);
                assert_eq!(
                    CircleCode::encode_at(narrow, &few, &some[..1]),
                    all[some[0]..][..1]
                );
            }
        }
    }

    /// Rank of the code restricted to `columns`, by elimination.
    fn rank(code: &CircleCode, columns: &[usize]) -> usize {
        let length = code.rows().message_length();
        let log_size = code.rows().log_codeword;
        let mut rows: Vec<Vec<M61>> = columns
            .iter()
            .map(|index| {
                (0..length)
                    .map(|j| basis(j, domain_point(log_size, *index)))
                    .collect()
            })
            .collect();
        let mut rank = 0;
        for column in 0..length {
            let Some(pivot) = (rank..rows.len()).find(|row| rows[*row][column] != M61::ZERO) else {
                continue;
            };
            rows.swap(rank, pivot);
            let inverse = rows[rank][column].inverse().unwrap();
            let (above, below) = rows.split_at_mut(rank + 1);
            let pivot = &above[rank];
            for row in below {
                let factor = row[column] * inverse;
                for (cell, above) in row.iter_mut().zip(pivot).skip(column) {
                    *cell -= factor * above;
                }
            }
            rank += 1;
        }
        rank
    }

    #[test]
    fn the_distance_is_that_of_dimension_one_more() {
        // A codeword that is 0 at L + tail + 1 positions is 0: those columns have full rank. For all subsets
        // of that size.
        for (log_row, tail, log_codeword) in [(1, 0, 3), (2, 0, 3), (1, 1, 3), (2, 1, 3), (2, 2, 4)] {
            let code = code(log_row, tail, log_codeword);
            let length = code.rows().message_length();
            let n = code.rows().codeword_length();
            for subset in 0u32..1 << n {
                if subset.count_ones() as usize == length + 1 {
                    let columns: Vec<usize> = (0..n).filter(|j| subset >> j & 1 == 1).collect();
                    assert_eq!(rank(&code, &columns), length, "{log_row} {tail} {columns:?}");
                }
            }
        }
    }

    #[test]
    fn queries_reach_the_target_and_not_more() {
        // Rate 0.27: 159 columns, 135 with 16 bits of grinding.
        let plain = CodeParameters::for_target(13, 655, 15, 0, TARGET_BITS).unwrap();
        assert!((plain.rate() - 0.27).abs() < 1e-4);
        assert_eq!(plain.queries, 159);
        assert_eq!(
            CodeParameters::for_target(13, 655, 15, 16, TARGET_BITS)
                .unwrap()
                .queries,
            135
        );
        for (log_row, log_codeword, grinding) in [(10, 12, 0), (10, 13, 16), (6, 9, 10)] {
            let chosen = CodeParameters::for_target(log_row, 0, log_codeword, grinding, TARGET_BITS).unwrap();
            assert!(chosen.query_bits() >= TARGET_BITS);
            let fewer = CodeParameters {
                queries: chosen.queries - 1,
                ..chosen
            };
            assert!(fewer.query_bits() < TARGET_BITS);
        }
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let good = CodeParameters {
            log_row: 4,
            tail: 3,
            log_codeword: 6,
            log_stride: 0,
            queries: 10,
            digest_bytes: 32,
            grinding_bits: 8,
        };
        assert_eq!(good.validate(), Ok(()));
        type Change = fn(&mut CodeParameters, u32);
        const MAX: u32 = u32::MAX;
        type Expected = fn(u32) -> CodeError;
        let changes: [(Change, &[u32], Expected); 8] = [
            (
                |p, to| p.log_row = to,
                &[0, 27, MAX],
                |found| CodeError::LogRow { found, most: 26 },
            ),
            (
                |p, to| p.tail = to as usize,
                &[17, MAX],
                |found| CodeError::Tail {
                    found: found as usize,
                    most: 16,
                },
            ),
            (
                |p, to| p.log_stride = to,
                &[1],
                |_| CodeError::TailStride { found: 3, stride: 2 },
            ),
            (
                |p, to| p.log_stride = to,
                &[4, 7, 64, MAX],
                |found| CodeError::LogStride {
                    found,
                    log_row: 4,
                    most: 6,
                },
            ),
            (
                |p, to| p.log_codeword = to,
                &[4, 31, MAX],
                |found| CodeError::LogCodeword {
                    found,
                    most: 30,
                    points: 20,
                },
            ),
            (
                |p, to| p.queries = to as usize,
                &[0, 65, MAX],
                |found| CodeError::Queries {
                    found: found as usize,
                    most: 64,
                },
            ),
            (
                |p, to| p.digest_bytes = to,
                &[25, 33, MAX],
                |found| CodeError::DigestBytes {
                    found,
                    least: 26,
                    most: 32,
                },
            ),
            (
                |p, to| p.grinding_bits = to,
                &[41],
                |found| CodeError::GrindingBits { found, most: 40 },
            ),
        ];
        for (change, values, expected) in changes {
            for value in values {
                let mut bad = good.clone();
                change(&mut bad, *value);
                assert_eq!(bad.validate(), Err(expected(*value)));
            }
        }
        let (mut long_tail, mut many_queries) = (good.clone(), good.clone());
        (long_tail.tail, many_queries.queries) = (usize::MAX, usize::MAX);
        assert!(long_tail.validate().is_err() && many_queries.validate().is_err());
        let long = CodeParameters {
            log_row: 10,
            tail: 128,
            log_codeword: 12,
            log_stride: 6,
            ..good
        };
        assert_eq!(long.validate(), Ok(()));
        let wider = CodeParameters {
            log_stride: 7,
            ..long
        };
        assert!(wider.validate().is_err());
        // A whole domain of queries does not make up for a code of rate 1/2 this small.
        assert!(CodeParameters::for_target(2, 0, 3, 0, TARGET_BITS).is_err());
    }

    #[test]
    fn the_suggested_row_balances_the_opening() {
        assert_eq!(CodeParameters::suggested_log_row(1 << 20, 128), 13);
        assert_eq!(CodeParameters::suggested_log_row(0, 0), 1);
        assert!(CodeParameters::suggested_log_row(usize::MAX, usize::MAX) <= MAX_LOG_ROW);
    }
}
