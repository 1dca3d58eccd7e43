//! The rule of degree: between two cuts a value is a polynomial of low degree in what the prover chooses.
//!
//! A *cut* is a committed column: lookups and equalities tie its cells to others, and it has degree 1, as public inputs
//! and outputs have. Weights and constants are fixed before a proof begins and have degree 0. Without this rule a
//! network of virtual products alone could compute `1 - a b` on bits as often as it liked, and so the transcript's own
//! hash: the hardening of the transcript rests on the rule ([`Circuit::sequential_steps`]).

use super::expect::expect;
use crate::circuit::{Circuit, CircuitError, ColumnId, ColumnKind, Public};

/// Largest degree of a column: two nested contractions of activations, as in an attention.
pub(crate) const MAXIMUM_DEGREE: u32 = 4;

impl Circuit {
    /// For each column its degree in what a prover chooses.
    fn degrees(&self) -> Vec<u32> {
        let mut degrees: Vec<u32> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let of = |id: ColumnId| degrees[id.index()];
            degrees.push(match &column.kind {
                ColumnKind::Committed { .. } => 1,
                ColumnKind::Public(Public::Input { .. } | Public::Output { .. }) => 1,
                ColumnKind::Public(Public::Selector(rule)) => u32::from(rule.ids().is_some()),
                ColumnKind::Public(Public::Constant(_)) | ColumnKind::Parameter { .. } => 0,
                ColumnKind::Linear(linear) => {
                    let terms = linear.terms.iter().map(|term| of(term.column));
                    terms.max().unwrap_or(0)
                }
                ColumnKind::View(view) => of(view.source),
                ColumnKind::Contraction(contraction) => {
                    of(contraction.left).saturating_add(of(contraction.right))
                }
            });
        }
        degrees
    }

    /// No column has more than [`MAXIMUM_DEGREE`]. Operands have been checked.
    pub(super) fn validate_degrees(&self) -> Result<(), CircuitError> {
        for (column, degree) in self.columns.iter().zip(self.degrees()) {
            expect(
                degree <= MAXIMUM_DEGREE,
                &format!("column `{}`", column.name),
                || {
                    (
                        format!(
                            "degree {MAXIMUM_DEGREE} at most in committed columns (put a rescale between products)"
                        ),
                        degree.to_string(),
                    )
                },
            )?;
        }
        Ok(())
    }

    /// Upper bound on the length of a chain of dependent non-linear steps in the network: every lookup, and every
    /// product of two activations.
    pub fn sequential_steps(&self) -> u64 {
        let degrees = self.degrees();
        let of = |id: ColumnId| degrees[id.index()];
        let products = self.columns.iter().filter(|column| match &column.kind {
            ColumnKind::Contraction(contraction) => of(contraction.left) > 0 && of(contraction.right) > 0,
            _ => false,
        });
        (products.count() as u64).saturating_add(self.lookups.len() as u64)
    }
}
