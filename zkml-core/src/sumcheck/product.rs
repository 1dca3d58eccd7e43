//! Standard instances: sums of products of two or three multilinear polynomials.

use ark_ff::AdditiveGroup;

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
