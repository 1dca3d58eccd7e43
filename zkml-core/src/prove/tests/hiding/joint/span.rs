//! Subspaces of a vector space over F, by exact elimination.

use std::collections::BTreeMap;

use ark_ff::{AdditiveGroup, Field};

use crate::field::M61;

/// A subspace: rows in echelon form under their pivots, where they are 1.
#[derive(Default)]
pub(super) struct Span(BTreeMap<usize, Vec<M61>>);

impl Span {
    /// What is left of a vector: 0 at all pivots, and the same for two vectors whose difference is in the subspace.
    pub(super) fn reduce(&self, mut vector: Vec<M61>) -> Vec<M61> {
        // From left to right: a row is 0 before its pivot.
        for (&pivot, row) in &self.0 {
            let factor = vector[pivot];
            if factor != M61::ZERO {
                let places = vector[pivot..].iter_mut().zip(&row[pivot..]);
                places.for_each(|(value, row)| *value -= factor * row);
            }
        }
        vector
    }

    /// Adds a vector; tells whether the subspace became larger.
    pub(super) fn insert(&mut self, vector: Vec<M61>) -> bool {
        let mut left = self.reduce(vector);
        let Some(pivot) = left.iter().position(|value| *value != M61::ZERO) else {
            return false;
        };
        let inverse = left[pivot].inverse().expect("not 0");
        left[pivot..].iter_mut().for_each(|value| *value *= inverse);
        self.0.insert(pivot, left);
        true
    }

    pub(super) fn rank(&self) -> usize {
        self.0.len()
    }
}

/// `a - b`
pub(super) fn difference(a: &[M61], b: &[M61]) -> Vec<M61> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| *a - *b).collect()
}

#[test]
fn a_span_holds_the_combinations_of_its_vectors() {
    let vector = |values: [u64; 4]| values.map(M61::from).to_vec();
    let mut span = Span::default();
    assert!(span.insert(vector([0, 2, 1, 0])));
    assert!(span.insert(vector([3, 1, 0, 5])));
    assert!(!span.insert(vector([6, 8, 3, 10])));
    assert_eq!(span.rank(), 2);
    assert_ne!(span.reduce(vector([6, 8, 3, 11])), vector([0; 4]));
    let [a, b] = [[1, 2, 3, 4], [4, 5, 4, 9]].map(|values| span.reduce(vector(values)));
    assert_eq!(a, b);
}
