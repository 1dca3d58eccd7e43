//! Standard instances: sums of products of two or three multilinear polynomials.

use ark_ff::AdditiveGroup;

use super::prover::{Instance, RoundEvaluations};
use super::round::MAX_DEGREE;
use crate::field::{K, kernels};

/// Sums of products of tables, by name, and the kernel of their rounds.
macro_rules! products {
    ($($(#[$doc:meta])* $name:ident { $first:ident $(, $other:ident)* }: $round:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name {
            variables: usize,
            $first: Vec<K>,
            $($other: Vec<K>,)*
        }

        // The tables of the prover may be secret.
        $crate::debug_without_values!($name, self => "{}({} variables)", stringify!($name), self.variables);

        impl $name {
            /// An instance over tables of one length, a power of two.
            pub fn new($first: Vec<K>, $($other: Vec<K>),*) -> Self {
                debug_assert!(
                    $first.len().is_power_of_two() $(&& $other.len() == $first.len())*,
                    "tables of one length, a power of two"
                );
                Self {
                    variables: $first.len().ilog2() as usize,
                    $first,
                    $($other,)*
                }
            }

            /// The tables' values at the point, in their order, once every variable is bound; `None` before.
            pub fn finals(&self) -> Option<[K; [stringify!($first) $(, stringify!($other))*].len()]> {
                match (self.$first.as_slice(), $(self.$other.as_slice()),*) {
                    ([$first], $([$other]),*) => Some([*$first, $(*$other),*]),
                    _ => None,
                }
            }
        }

        impl Instance for $name {
            fn variables(&self) -> usize {
                self.variables
            }

            fn degree(&self) -> usize {
                [stringify!($first) $(, stringify!($other))*].len()
            }

            fn round(&mut self, _claim: K) -> RoundEvaluations {
                let values = kernels::$round(&self.$first, $(&self.$other),*);
                let mut evaluations = [K::ZERO; MAX_DEGREE];
                evaluations[..values.len()].copy_from_slice(&values);
                evaluations
            }

            fn bind(&mut self, challenge: K) {
                kernels::fold(&mut self.$first, challenge);
                $(kernels::fold(&mut self.$other, challenge);)*
            }
        }
    )*};
}

products! {
    /// `sum_x a(x) b(x)`, from the tables of `a` and `b` (both of length `2^variables`). Degree 2.
    Product { a, b }: product_round;

    /// `sum_x e(x) a(x) b(x)`, from three tables of length `2^variables`; `e` is most often a (scaled) table of
    /// `eq(z, x)`, but any weights do. Degree 3.
    EqProduct { eq, a, b }: eq_product_round;
}
