//! Claims on many tables at many points, as one sum.
//!
//! ```text
//! sum_x sum_k a_k(x) sum_i rho_i eq(z_i, x) = sum_i rho_i v_i,        v_i = a_k(z_i)
//! ```
//!
//! The equality polynomials are never written out. The part of claim `i` in a round is known in closed form except for
//! one line `h`. With the first variables bound to `r`, the coordinate `z` of this round, and the coordinates `s` after
//! it, the part is
//!
//! ```text
//! rho eq(z_<, r) ((1 - z)(1 - X) + z X) h(X),      h(X) = sum_x eq(s, x) a(r, X, x)
//! ```
//!
//! and `(1 - z) h(0) + z h(1)` is the value of `a` at `(r, z, s)`, known from the round before. So only one of `h(0)`,
//! `h(1)` is summed up: half the table, one multiplication for each element (Gruen, ePrint 2024/108, for sums of
//! evaluations). Tables of `eq(s, .)` are products of a part over the last [`LOW`] variables, made once, and a short
//! part over those before. A table is read once a round: binding a variable, piece by piece, also makes the sums of the
//! next round.
//!
//! A table may be 0 except where its last variables are 0, as the rows of a narrow code are. It is then given at these
//! places alone, and the last coordinates of its claims are 0 too. Until these variables come, it is a table of fewer
//! variables.

use core::ops::Range;

use ark_ff::{AdditiveGroup, Field, batch_inversion};
use rayon::prelude::*;

use super::prover::{Instance, RoundEvaluations};
use super::round::MAX_DEGREE;
use crate::field::{K, M61, kernels};

/// Variables of the equality tables that are kept.
const LOW: usize = 8;

/// Elements that are bound and summed up at a time.
const PIECE: usize = 1 << LOW;

/// A table of `2^variables` values.
#[derive(Debug, Clone)]
pub enum Table<'a> {
    /// In the base field.
    Base(&'a [M61]),
    /// In `K`.
    Extension(Vec<K>),
}

impl Table<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Base(cells) => cells.len(),
            Self::Extension(cells) => cells.len(),
        }
    }
}

/// The claim that a table has a value at a point, and its coefficient in the sum.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Where.
    pub point: Vec<K>,
    /// The value.
    pub value: K,
    /// Its coefficient.
    pub coefficient: K,
}

/// A claim on its way through the rounds.
#[derive(Debug)]
struct Running {
    /// Where.
    point: Vec<K>,
    /// `1 / z` for each coordinate; anything where that is 0.
    inverses: Vec<K>,
    /// `eq` over the last [`LOW`] coordinates, or all.
    low: Vec<K>,
    /// The coefficient times `eq` of the bound variables.
    weight: K,
    /// The value of the table, bound so far, at the rest of the point.
    value: K,
    /// The half that was summed up for this round: see [`Running::summed`].
    sum: K,
}

/// Coordinates of the high part and the pieces where `eq` of them is not 0.
struct High {
    weights: Vec<K>,
    pieces: Range<usize>,
}

impl Running {
    /// Which half of the table a round sums up; the other follows from the value.
    fn summed(&self, bound: usize) -> usize {
        usize::from(self.point.get(bound) == Some(&K::ZERO))
    }

    /// `eq` over the pieces of a half, once `bound` variables are bound and the next one is summed over.
    fn high(&self, bound: usize) -> High {
        let mut rest = &self.point[bound + 1..self.point.len() - LOW];
        let mut first = 0;
        // A column that shares its row has bits for its place there: outside of that eq is 0.
        while let [bit, behind @ ..] = rest {
            if *bit != K::ZERO && *bit != K::ONE {
                break;
            }
            first = 2 * first + usize::from(*bit == K::ONE);
            rest = behind;
        }
        let start = first << rest.len();
        High {
            weights: kernels::eq_table(rest),
            pieces: start..start + (1 << rest.len()),
        }
    }

    /// `h(0)` and `h(1)` of the round in which variable `bound` is next.
    fn line(&self, bound: usize) -> [K; 2] {
        let z = self.point[bound];
        match self.summed(bound) {
            0 => [
                self.sum,
                (self.value - (K::ONE - z) * self.sum) * self.inverses[bound],
            ],
            _ => [self.value, self.sum],
        }
    }

    /// What it adds to the round polynomial at 0 and at 2.
    fn ends(&self, bound: usize) -> [K; 2] {
        let (z, [zero, one]) = (self.point[bound], self.line(bound));
        let at_two = z.double() + z - K::ONE;
        [
            self.weight * (K::ONE - z) * zero,
            self.weight * at_two * (one.double() - zero),
        ]
    }

    /// Binds variable `bound` to `r`.
    fn bind(&mut self, bound: usize, r: K) {
        let (z, [zero, one]) = (self.point[bound], self.line(bound));
        self.value = zero + r * (one - zero);
        self.weight *= K::ONE - z - r + (z * r).double();
        self.sum = K::ZERO;
    }
}

/// A table with its claims.
#[derive(Debug)]
struct Claimed<'a> {
    table: Table<'a>,
    /// At points of as many coordinates as the table has variables; those left out are 0.
    claims: Vec<Running>,
    /// Last variables that the table does not have yet.
    left_out: usize,
}

impl Claimed<'_> {
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

    /// Gives the table the variables that it was left without, once all others are bound.
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

    /// Binds variable `bound` to `r`, and makes the sums for the next variable.
    fn bind(&mut self, bound: usize, r: K) {
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

/// The sum over all claims. Degree 2.
#[derive(Debug)]
pub struct Evaluations<'a> {
    variables: usize,
    bound: usize,
    tables: Vec<Claimed<'a>>,
}

impl<'a> Evaluations<'a> {
    /// An instance over tables, each with the claims on it at points of `variables` coordinates. A table has
    /// `2^variables` values; or it has the first value of each run of a power of two, the other values are 0, and so
    /// are the last coordinates of its claims. Example: for 3 variables and runs of 2, a table of 4 values has the
    /// values at 000, 010, 100, 110.
    pub fn new(variables: usize, tables: Vec<(Table<'a>, Vec<Evaluation>)>) -> Self {
        debug_assert!(
            tables.iter().all(|(table, claims)| table.len().is_power_of_two()
                && table.len() <= 1 << variables
                && claims.iter().all(|claim| claim.point.len() == variables
                    && claim.point[table.len().ilog2() as usize..]
                        .iter()
                        .all(|z| *z == K::ZERO))),
            "tables of a power of two, and points with as many coordinates, zeros behind them"
        );
        let running = |mut claim: Evaluation, own: usize| {
            claim.point.truncate(own);
            let mut inverses = claim.point.clone();
            batch_inversion(&mut inverses);
            Running {
                low: kernels::eq_table(&claim.point[own.saturating_sub(LOW)..]),
                inverses,
                weight: claim.coefficient,
                value: claim.value,
                sum: K::ZERO,
                point: claim.point,
            }
        };
        let claimed = |(table, claims): (Table<'a>, Vec<Evaluation>)| {
            let own = table.len().ilog2() as usize;
            debug_assert!(
                variables - own <= LOW,
                "eq over the last variables is made for the claim's own ones"
            );
            let mut claimed = Claimed {
                table,
                claims: claims.into_iter().map(|claim| running(claim, own)).collect(),
                left_out: variables - own,
            };
            claimed.complete();
            claimed.sum_up(0);
            claimed
        };
        Self {
            variables,
            bound: 0,
            tables: tables.into_par_iter().map(claimed).collect(),
        }
    }

    /// The value of each table at the point, once every variable is bound; `None` before.
    pub fn finals(&self) -> Option<Vec<K>> {
        let last = |claimed: &Claimed<'_>| match &claimed.table {
            Table::Base(table) => match table {
                [cell] => Some(K::from_base_prime_field(*cell)),
                _ => None,
            },
            Table::Extension(table) => match table.as_slice() {
                [cell] => Some(*cell),
                _ => None,
            },
        };
        self.tables.iter().map(last).collect()
    }
}

impl Instance for Evaluations<'_> {
    fn variables(&self) -> usize {
        self.variables
    }

    fn degree(&self) -> usize {
        2
    }

    fn round(&mut self, _claim: K) -> RoundEvaluations {
        let mut evaluations = [K::ZERO; MAX_DEGREE];
        for claim in self.tables.iter().flat_map(|table| &table.claims) {
            let [zero, two] = claim.ends(self.bound);
            evaluations[0] += zero;
            evaluations[1] += two;
        }
        evaluations
    }

    fn bind(&mut self, challenge: K) {
        let bound = self.bound;
        self.tables
            .par_iter_mut()
            .for_each(|table| table.bind(bound, challenge));
        self.bound += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Product;
    use super::super::testing::Stream;
    use super::*;
    use crate::poly;

    /// The definition: a table of weights for each table, as products of which the sum is taken.
    fn reference(tables: &[(Vec<K>, Vec<Evaluation>)]) -> Vec<Product> {
        let product = |(table, claims): &(Vec<K>, Vec<Evaluation>)| {
            let mut weights = vec![K::ZERO; table.len()];
            for claim in claims {
                let eq = poly::eq_table(&claim.point);
                weights
                    .iter_mut()
                    .zip(eq)
                    .for_each(|(weight, eq)| *weight += claim.coefficient * eq);
            }
            Product::new(table.clone(), weights)
        };
        tables.iter().map(product).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn rounds_are_those_of_the_written_out_sum(
            seed: u64,
            variables in 0usize..12,
            base: [bool; 3],
            left_out in proptest::array::uniform3(0usize..4),
        ) {
            let mut stream = Stream(seed);
            let left_out = left_out.map(|last| last.min(variables));
            let cells: Vec<Vec<M61>> = left_out
                .iter()
                .map(|last| stream.elements(1 << (variables - last)).iter().map(|x| x.c0).collect())
                .collect();
            let mut written = Vec::new();
            let mut tables = Vec::new();
            for (index, (cells, base)) in cells.iter().zip(base).enumerate() {
                let last = left_out[index];
                let given: Vec<K> = match base {
                    true => cells.iter().map(|&cell| K::from_base_prime_field(cell)).collect(),
                    false => stream.elements(1 << (variables - last)),
                };
                let mut values = vec![K::ZERO; 1 << variables];
                values.iter_mut().step_by(1 << last).zip(&given).for_each(|(value, given)| *value = *given);
                // None, one and more claims; some with bits in front, behind, or in all places.
                let claims: Vec<Evaluation> = (0..2 * index)
                    .map(|_| {
                        let bits = stream.elements(2 * variables + 1);
                        let (front, back) = ((bits[0].c0.value % 13) as usize, (bits[0].c1.value % 3) as usize);
                        let mut point = stream.elements(variables);
                        for (k, coordinate) in point.iter_mut().enumerate() {
                            if k < front || k + back >= variables {
                                *coordinate = K::from(bits[k + 1].c0.value % 2);
                            }
                        }
                        point[variables - last..].fill(K::ZERO);
                        let value = poly::evaluate(&values, &point);
                        let coefficient = bits[2 * variables];
                        Evaluation { point, value, coefficient }
                    })
                    .collect();
                written.push((values.clone(), claims.clone()));
                let table = if base { Table::Base(cells) } else { Table::Extension(given) };
                tables.push((table, claims));
            }
            let mut products = reference(&written);
            let mut instance = Evaluations::new(variables, tables);
            for r in stream.elements(variables) {
                prop_assert!(instance.finals().is_none());
                let mut expected = [K::ZERO; MAX_DEGREE];
                for product in &mut products {
                    let own = product.round(K::ZERO);
                    expected.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
                    product.bind(r);
                }
                prop_assert_eq!(instance.round(K::ZERO), expected);
                instance.bind(r);
            }
            let expected: Option<Vec<K>> = products.iter().map(|product| product.finals().map(|[a, _]| a)).collect();
            prop_assert_eq!(instance.finals(), expected);
        }
    }
}
