//! Linear functionals that are tensors over the bits of the index: what is claimed, folded over rows and evaluated.

use core::fmt;

use ark_ff::{AdditiveGroup, Field};

use crate::error::RecursionError;
use crate::field::{K, M61, mul_k, mul_k_base};
use crate::pcs::CodeParameters;
use crate::pcs::circle::{basis_factors, domain_points};
use crate::poly;
use crate::transcript::VerifyError;

/// A functional on vectors of the `L + tail` coordinates of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Functional {
    /// `eq(point)` on the first `L` coordinates, 0 on the tail; `log_row` coordinates, the most significant first.
    Eq(Vec<K>),
    /// The codeword at this position: `w[x] = b_x(P_position)`.
    Position(usize),
}

impl fmt::Display for Functional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eq(_) => f.write_str("point"),
            Self::Position(position) => write!(f, "position {position}"),
        }
    }
}

/// Checks that the functionals are on vectors of `code`.
///
/// # Errors
///
/// [`VerifyError::Key`] that says which one is not.
pub(super) fn check_functionals<'a>(
    code: &CodeParameters,
    functionals: impl IntoIterator<Item = &'a Functional>,
) -> Result<(), VerifyError> {
    for (index, functional) in functionals.into_iter().enumerate() {
        let fits = match functional {
            Functional::Eq(point) => point.len() == code.log_row as usize,
            Functional::Position(position) => *position < code.codeword_length(),
        };
        if !fits {
            return Err(VerifyError::from(RecursionError::Claim { claim: index }));
        }
    }
    Ok(())
}

/// The factors of a tensor over `v` bits.
#[derive(Debug, Clone)]
enum Factors {
    /// `1 - z` and `z` for each coordinate `z`, the most significant bit first.
    Eq(Vec<K>),
    /// `1` and `phi_k` for bit `k`, the least significant first.
    Basis(Vec<M61>),
}

/// A multiple of a tensor.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) scale: K,
    factors: Factors,
}

impl Tensor {
    /// The functionals of claims on vectors of `code`, which were checked. A tail is one more bit.
    pub(super) fn of_claims(code: &CodeParameters, claims: &[(Functional, K)]) -> Vec<Self> {
        let tail_bit = usize::from(code.tail > 0);
        let mut positions = Vec::new();
        let mut tensors: Vec<Option<Self>> = claims
            .iter()
            .map(|(functional, _)| match functional {
                Functional::Eq(point) => {
                    // The tail's bit is 0: its factors are 1 and 0.
                    let mut coordinates = vec![K::ZERO; tail_bit];
                    coordinates.extend_from_slice(point);
                    Some(Self {
                        scale: K::ONE,
                        factors: Factors::Eq(coordinates),
                    })
                }
                Functional::Position(position) => {
                    positions.push(*position);
                    None
                }
            })
            .collect();
        let bits = (code.log_row as usize).saturating_add(tail_bit);
        let mut at_positions = Self::of_positions(code.log_codeword, &positions, bits).into_iter();
        for tensor in &mut tensors {
            if tensor.is_none() {
                *tensor = at_positions.next();
            }
        }
        tensors.into_iter().flatten().collect()
    }

    /// `b_.(P_j)` on `2^bits` coordinates for each position `j` of a codeword.
    fn of_positions(log_codeword: u32, positions: &[usize], bits: usize) -> Vec<Self> {
        domain_points(log_codeword, positions)
            .into_iter()
            .map(|point| Self {
                scale: K::ONE,
                factors: Factors::Basis(basis_factors(point, bits)),
            })
            .collect()
    }

    /// Folds the first `k` bits with `k` challenges `r`: `w'[y] = sum_{a < rows} eq(r, a) w[a, y]`, for `rows` in
    /// `2^(k-1) + 1 ..= 2^k`.
    pub(super) fn fold(&mut self, challenges: &[K], rows: usize) {
        let count = challenges.len();
        // The two factors of each of the first bits, times those of eq(r).
        let factors: Vec<(K, K)> = match &mut self.factors {
            Factors::Eq(point) => {
                let rest = point.split_off(count.min(point.len()));
                let first = core::mem::replace(point, rest);
                let pairs = first.iter().zip(challenges);
                pairs
                    .map(|(z, r)| (mul_k(K::ONE - z, K::ONE - r), mul_k(*z, *r)))
                    .collect()
            }
            Factors::Basis(phis) => {
                let first = phis.split_off(phis.len().saturating_sub(count));
                let pairs = first.iter().rev().zip(challenges);
                pairs.map(|(phi, r)| (K::ONE - r, mul_k_base(*r, *phi))).collect()
            }
        };
        self.scale = mul_k(self.scale, sum_below(&factors, rows));
    }

    /// The inner product with the tensor, its scale not counted, of a message that may be shorter.
    pub(super) fn inner_product(&self, message: &Message) -> K {
        match &self.factors {
            Factors::Eq(point) => {
                let terms = message.values.iter().zip(poly::eq_table(point));
                terms.map(|(value, eq)| mul_k(*value, eq)).sum()
            }
            Factors::Basis(phis) => message.at_basis(phis),
        }
    }
}

/// `sum_{a < rows} prod_b (bit b of a ? one_b : zero_b)`, the most significant bit first. With `rows` of `2^k` or more,
/// the sum has all `2^k` terms.
fn sum_below(factors: &[(K, K)], rows: usize) -> K {
    // after[b]: the sum over all values of the bits after the first b.
    let mut after = vec![K::ONE];
    for (zero, one) in factors.iter().rev() {
        let next = after.last().map_or(K::ZERO, |sum| mul_k(*sum, *zero + one));
        after.push(next);
    }
    after.reverse();
    let all = after.first().copied().unwrap_or(K::ONE);
    let count = factors.len();
    if u32::try_from(count)
        .ok()
        .and_then(|count| 1usize.checked_shl(count))
        .is_some_and(|size| rows >= size)
    {
        return all;
    }
    // At each bit 1 of `rows`: the numbers that agree with `rows` before it and have a 0 there are below `rows`.
    // Example: below 6 = 110 are 0xx and 10x.
    let (mut sum, mut prefix) = (K::ZERO, K::ONE);
    for (index, ((zero, one), after)) in factors.iter().zip(after.iter().skip(1)).enumerate() {
        let shift = count.saturating_sub(index).saturating_sub(1);
        let bit = u32::try_from(shift)
            .ok()
            .and_then(|shift| rows.checked_shr(shift))
            .unwrap_or(0)
            & 1;
        if bit == 1 {
            sum += mul_k(mul_k(prefix, *zero), *after);
            prefix = mul_k(prefix, *one);
        } else {
            prefix = mul_k(prefix, *zero);
        }
    }
    sum
}

/// Coordinates that share one table of the lowest factors: what one reduction holds.
const LANE: usize = 32;

/// A vector, with its two parts over `F`.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) values: Vec<K>,
    c0: Vec<M61>,
    c1: Vec<M61>,
}

impl Message {
    pub(super) fn new(values: Vec<K>) -> Self {
        Self {
            c0: values.iter().map(|value| value.c0).collect(),
            c1: values.iter().map(|value| value.c1).collect(),
            values,
        }
    }

    /// `sum_x values[x] prod_k phi_k^(bit k of x)`: for the lowest five bits one reduction for each run of 32, then bit
    /// by bit.
    fn at_basis(&self, phis: &[M61]) -> K {
        let (low, high) = phis.split_at(phis.len().min(LANE.ilog2() as usize));
        let mut table = [M61::ZERO; LANE];
        if let Some(first) = table.first_mut() {
            *first = M61::ONE;
        }
        for (bit, phi) in low.iter().enumerate() {
            let (known, next) = table.split_at_mut(1 << bit);
            for (next, known) in next.iter_mut().zip(known) {
                *next = *known * phi;
            }
        }
        let run = |values: &[M61]| -> Vec<M61> {
            let (runs, rest) = values.as_chunks::<LANE>();
            let mut sums: Vec<M61> = runs.iter().map(|run| M61::sum_of_products(run, &table)).collect();
            if !rest.is_empty() {
                let terms = rest.iter().zip(&table);
                sums.push(terms.map(|(value, weight)| *value * weight).sum());
            }
            sums
        };
        let mut sums: Vec<K> = run(&self.c0)
            .into_iter()
            .zip(run(&self.c1))
            .map(|(c0, c1)| K::new(c0, c1))
            .collect();
        for (bit, phi) in high.iter().enumerate().rev() {
            let half = 1 << bit;
            if let Some((low, high)) = sums.split_at_mut_checked(half) {
                for (low, high) in low.iter_mut().zip(high) {
                    *low += mul_k_base(*high, *phi);
                }
                sums.truncate(half);
            }
        }
        sums.first().copied().unwrap_or(K::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::P;
    use crate::pcs::circle::{basis, domain_point};

    fn element() -> impl Strategy<Value = K> {
        (0..P, 0..P).prop_map(|(a, b)| K::new(M61::from_raw(a), M61::from_raw(b)))
    }

    /// The values of a tensor, from the definition.
    fn dense(tensor: &Tensor) -> Vec<K> {
        match &tensor.factors {
            Factors::Eq(point) => poly::eq_table(point)
                .into_iter()
                .map(|value| value * tensor.scale)
                .collect(),
            Factors::Basis(phis) => (0..1usize << phis.len())
                .map(|x| {
                    let factors = phis.iter().enumerate();
                    let value: M61 = factors
                        .filter(|(k, _)| x >> k & 1 == 1)
                        .map(|(_, phi)| *phi)
                        .product();
                    mul_k_base(tensor.scale, value)
                })
                .collect(),
        }
    }

    proptest! {
        #[test]
        fn folds_and_inner_products_follow_the_definition(
            bits in 1usize..9,
            rounds in 1usize..5,
            missing in 0usize..8,
            point in proptest::collection::vec(element(), 9),
            challenges in proptest::collection::vec(element(), 5),
            values in proptest::collection::vec(element(), 256),
            position in 0usize..1 << 11,
        ) {
            let rounds = rounds.min(bits);
            let challenges = &challenges[..rounds];
            let rows = (1 << rounds) - missing.min((1 << rounds >> 1) - usize::from(rounds > 0));
            let mut tensors = Tensor::of_positions(11, &[position], bits);
            tensors.push(Tensor { scale: K::ONE, factors: Factors::Eq(point[..bits].to_vec()) });
            let circle: Vec<K> = (0..1 << bits)
                .map(|x| crate::field::k_from_base(basis(x, domain_point(11, position))))
                .collect();
            prop_assert_eq!(dense(&tensors[0]), circle);
            for mut tensor in tensors {
                let weights = dense(&tensor);
                let length = weights.len() >> rounds;
                let eq = poly::eq_table(challenges);
                let mut expected = vec![K::ZERO; length];
                for (row, eq) in weights.chunks(length).zip(&eq).take(rows) {
                    expected.iter_mut().zip(row).for_each(|(sum, weight)| *sum += *eq * weight);
                }
                tensor.fold(challenges, rows);
                prop_assert_eq!(&dense(&tensor), &expected);
                let message = Message::new(values[..length].to_vec());
                let product: K = message.values.iter().zip(&expected).map(|(a, b)| *a * b).sum();
                prop_assert_eq!(tensor.scale * tensor.inner_product(&message), product);
            }
        }
    }
}
