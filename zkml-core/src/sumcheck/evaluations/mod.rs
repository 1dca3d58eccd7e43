//! Claims on many tables at many points, as one sum.
//!
//! ```text
//! sum_x sum_k a_k(x) sum_i rho_i eq(z_i, x) = sum_i rho_i v_i,        v_i = a_k(z_i)
//! ```
//!
//! The equality polynomials are never written out. In a round, claim `i` adds a polynomial that is known except for a
//! linear factor `h`. The first variables are bound to `r`; `z` is the claim's coordinate of this round, `s` are those
//! after it:
//!
//! ```text
//! rho eq(z_<, r) ((1 - z)(1 - X) + z X) h(X),      h(X) = sum_x eq(s, x) a(r, X, x)
//! ```
//!
//! The value of `a` at `(r, z, s)` is `(1 - z) h(0) + z h(1)`, and it is known from the round before. So only one of
//! `h(0)`, `h(1)` is summed: half the table, one multiplication for each element (Gruen, ePrint 2024/108, for sums of
//! evaluations). A table of `eq(s, .)` is a product of a part over the last [`LOW`] variables, made once, and a short
//! part over those before. A table is read once a round: each piece that is bound goes into the sums of the next round
//! at once.
//! A table may hold only the cells whose last variables are 0. Its other cells are 0, as in the rows of a narrow code,
//! and the last coordinates of its claims are 0 too. It counts as a table of fewer variables until these variables are
//! next.

mod claim;
mod claimed;
#[cfg(test)]
mod tests;

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use self::claimed::Claimed;
use super::prover::{Instance, RoundEvaluations};
use super::round::MAX_DEGREE;
use crate::field::{K, M61};

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

/// The claim that a table has a value at a point, with its coefficient in the sum.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Where.
    pub point: Vec<K>,
    /// The value.
    pub value: K,
    /// Its coefficient.
    pub coefficient: K,
}

/// The sum over all claims. Degree 2.
#[derive(Debug)]
pub struct Evaluations<'a> {
    variables: usize,
    bound: usize,
    tables: Vec<Claimed<'a>>,
}

impl<'a> Evaluations<'a> {
    /// An instance over tables, each with the claims on it, at points of `variables` coordinates. A table of `2^n`
    /// values with `n < variables` holds the cells whose last `variables - n` variables are 0, and its other cells are
    /// 0. As many last coordinates of its claims must be 0.
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
        Self {
            variables,
            bound: 0,
            tables: tables
                .into_par_iter()
                .map(|(table, claims)| Claimed::new(variables, table, claims))
                .collect(),
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
