//! Standard instances: sums of products of two or three multilinear polynomials.

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::prover::{Instance, RoundEvaluations};
use super::round::MAX_DEGREE;
use crate::field::{K, kernels};

/// `sum_x a(x) b(x)`, from the tables of `a` and `b` (both of length `2^variables`). Degree 2.
#[derive(Debug)]
pub struct Product {
    variables: usize,
    a: Vec<K>,
    b: Vec<K>,
}

impl Product {
    /// An instance over two tables of one length, a power of two.
    pub fn new(a: Vec<K>, b: Vec<K>) -> Self {
        debug_assert!(
            a.len().is_power_of_two() && a.len() == b.len(),
            "tables of one length, a power of two"
        );
        Self {
            variables: a.len().ilog2() as usize,
            a,
            b,
        }
    }

    /// `[a, b]` at the point, once every variable is bound; `None` before.
    pub fn finals(&self) -> Option<[K; 2]> {
        match (self.a.as_slice(), self.b.as_slice()) {
            ([a], [b]) => Some([*a, *b]),
            _ => None,
        }
    }
}

impl Instance for Product {
    fn variables(&self) -> usize {
        self.variables
    }

    fn degree(&self) -> usize {
        2
    }

    fn round(&mut self, _claim: K) -> RoundEvaluations {
        let mut evaluations = [K::ZERO; MAX_DEGREE];
        evaluations[..2].copy_from_slice(&kernels::product_round(&self.a, &self.b));
        evaluations
    }

    fn bind(&mut self, challenge: K) {
        kernels::fold(&mut self.a, challenge);
        kernels::fold(&mut self.b, challenge);
    }
}

/// `sum_x sum_k a_k(x) b_k(x)`, from pairs of tables of length `2^variables`. Degree 2.
///
/// Large tables are memory traffic above all: once a variable is bound, the next round's sums are made in the same pass, a
/// piece at a time.
#[derive(Debug)]
pub struct ProductSum {
    variables: usize,
    pairs: Vec<(Vec<K>, Vec<K>)>,
    /// `[g(0), coefficient of X^2]` of the next round's `g`, where the last pass has made them.
    next: Option<[K; 2]>,
}

/// Elements of a half of a table that are bound and summed up at a time: four such pieces fit a first-level cache.
const PIECE: usize = 1 << 9;

impl ProductSum {
    /// An instance over pairs of tables of one length, `2^variables`.
    pub fn new(variables: usize, pairs: Vec<(Vec<K>, Vec<K>)>) -> Self {
        debug_assert!(
            pairs
                .iter()
                .all(|(a, b)| a.len() == 1 << variables && b.len() == 1 << variables),
            "tables of one length, a power of two"
        );
        Self {
            variables,
            pairs,
            next: None,
        }
    }

    /// `a_k` at the point for each pair, once every variable is bound; `None` before.
    pub fn finals(&self) -> Option<Vec<K>> {
        let last = |(a, _): &(Vec<K>, Vec<K>)| match a.as_slice() {
            [a] => Some(*a),
            _ => None,
        };
        self.pairs.iter().map(last).collect()
    }
}

impl Instance for ProductSum {
    fn variables(&self) -> usize {
        self.variables
    }

    fn degree(&self) -> usize {
        2
    }

    fn round(&mut self, claim: K) -> RoundEvaluations {
        let [constant, square] = match self.next.take() {
            Some(ends) => ends,
            None => {
                let rounds = self.pairs.par_iter().map(|(a, b)| ends(a, b));
                rounds.reduce(|| [K::ZERO; 2], add)
            }
        };
        // g(0) + g(1) = claim gives the coefficient in the middle.
        let mut evaluations = [K::ZERO; MAX_DEGREE];
        evaluations[0] = constant;
        evaluations[1] = (claim + square - constant).double() - constant;
        evaluations
    }

    fn bind(&mut self, challenge: K) {
        let rounds = self.pairs.par_iter_mut().map(|(a, b)| bind_pair(a, b, challenge));
        self.next = rounds.reduce(|| Some([K::ZERO; 2]), |a, b| Some(add(a?, b?)));
    }
}

fn add([a, b]: [K; 2], [c, d]: [K; 2]) -> [K; 2] {
    [a + c, b + d]
}

/// Binds a variable of both tables; returns the sums of the next round, where there is one.
fn bind_pair(a: &mut Vec<K>, b: &mut Vec<K>, challenge: K) -> Option<[K; 2]> {
    let quarter = a.len() / 4;
    if quarter < PIECE {
        kernels::fold(a, challenge);
        kernels::fold(b, challenge);
        return (a.len() > 1).then(|| ends(a, b));
    }
    let mut sums = [K::ZERO; 2];
    let [a0, a1, a2, a3] = quarters(a, quarter);
    let [b0, b1, b2, b3] = quarters(b, quarter);
    for start in (0..quarter).step_by(PIECE) {
        let piece = start..(start + PIECE).min(quarter);
        for (low, high) in [
            (&mut *a0, &*a2),
            (&mut *a1, &*a3),
            (&mut *b0, &*b2),
            (&mut *b1, &*b3),
        ] {
            kernels::fold_halves(&mut low[piece.clone()], &high[piece.clone()], challenge);
        }
        let halves_a = (&a0[piece.clone()], &a1[piece.clone()]);
        let halves_b = (&b0[piece.clone()], &b1[piece]);
        sums = add(sums, kernels::product_ends(halves_a, halves_b));
    }
    a.truncate(2 * quarter);
    b.truncate(2 * quarter);
    Some(sums)
}

/// `[g(0), coefficient of X^2]` of the round polynomial of two tables.
fn ends(a: &[K], b: &[K]) -> [K; 2] {
    let half = a.len() / 2;
    kernels::product_ends(a.split_at(half), b.split_at(half))
}

/// The four quarters of a table.
fn quarters(table: &mut [K], quarter: usize) -> [&mut [K]; 4] {
    let (low, high) = table.split_at_mut(2 * quarter);
    let (a, b) = low.split_at_mut(quarter);
    let (c, d) = high.split_at_mut(quarter);
    [a, b, c, d]
}

/// `sum_x e(x) a(x) b(x)`, from three tables of length `2^variables`; `e` is most often a (scaled) table of
/// `eq(z, x)`, but any weights do. Degree 3.
#[derive(Debug)]
pub struct EqProduct {
    variables: usize,
    eq: Vec<K>,
    a: Vec<K>,
    b: Vec<K>,
}

impl EqProduct {
    /// An instance over three tables of one length, a power of two.
    pub fn new(eq: Vec<K>, a: Vec<K>, b: Vec<K>) -> Self {
        debug_assert!(
            a.len().is_power_of_two() && a.len() == b.len() && a.len() == eq.len(),
            "tables of one length, a power of two"
        );
        Self {
            variables: a.len().ilog2() as usize,
            eq,
            a,
            b,
        }
    }

    /// `[e, a, b]` at the point, once every variable is bound; `None` before.
    pub fn finals(&self) -> Option<[K; 3]> {
        match (self.eq.as_slice(), self.a.as_slice(), self.b.as_slice()) {
            ([eq], [a], [b]) => Some([*eq, *a, *b]),
            _ => None,
        }
    }
}

impl Instance for EqProduct {
    fn variables(&self) -> usize {
        self.variables
    }

    fn degree(&self) -> usize {
        3
    }

    fn round(&mut self, _claim: K) -> RoundEvaluations {
        let mut evaluations = [K::ZERO; MAX_DEGREE];
        evaluations[..3].copy_from_slice(&kernels::eq_product_round(&self.eq, &self.a, &self.b));
        evaluations
    }

    fn bind(&mut self, challenge: K) {
        kernels::fold(&mut self.eq, challenge);
        kernels::fold(&mut self.a, challenge);
        kernels::fold(&mut self.b, challenge);
    }
}
