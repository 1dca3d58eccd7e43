//! How likely a false statement is to be accepted: every term, added up.
//!
//! All terms are proven bounds in the random oracle model; see `docs/protocol/soundness.md`.

use core::fmt;

use super::Statement;
use super::work::claim_counts;
use crate::circuit::{Circuit, ColumnKind};
use crate::lookup;
use crate::pcs::{CommitmentScheme, Scheme};

/// Fewer bits than this are refused.
pub const SECURITY_BITS: f64 = 100.0;

/// `log2 |K|`.
const FIELD_BITS: f64 = 122.0;

/// One way a false statement could pass.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundnessTerm {
    /// Which step.
    pub name: String,
    /// `-log2` of its probability.
    pub bits: f64,
}

/// All terms and their sum.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundnessReport {
    /// Terms, in the order of the protocol.
    pub terms: Vec<SoundnessTerm>,
    /// `-log2` of the sum of their probabilities.
    pub bits: f64,
}

impl SoundnessReport {
    /// Bits of this argument and `other` together: errors add up.
    pub fn sum(&self, other: &Self) -> f64 {
        -((-self.bits).exp2() + (-other.bits).exp2()).log2()
    }
}

/// Accounts for every challenge of the argument.
pub fn soundness(statement: &Statement<'_>) -> SoundnessReport {
    let mut terms: Vec<(String, f64)> = lookup::soundness(&statement.lookups);
    terms.extend(equality_term(statement.circuit()));
    terms.extend(reduction_terms(statement));
    terms.extend(Scheme::soundness_terms(
        statement.key.opening(),
        &statement.opened,
        statement.masking.is_some(),
    ));
    terms.extend(copies_term(statement));
    if statement.masking.is_some() {
        // Powers of eta over the constraints, then a polynomial of degree 2 in xi.
        let error = statement.constraints.saturating_add(2) as f64;
        terms.push(("closing: constraints".into(), FIELD_BITS - error.log2()));
    }

    let total: f64 = terms.iter().map(|term| (-term.1).exp2()).sum();
    let terms = terms
        .into_iter()
        .map(|(name, bits)| SoundnessTerm { name, bits })
        .collect();
    SoundnessReport {
        terms,
        bits: -total.log2(),
    }
}

/// Schwartz-Zippel on the difference of each two columns that must agree, all at one point.
fn equality_term(circuit: &Circuit) -> Option<(String, f64)> {
    let equalities = circuit.equalities.iter();
    let variables = equalities
        .map(|equality| circuit[equality.left].shape.variables())
        .max()?;
    let degree = variables.max(1) as f64 * circuit.equalities.len() as f64;
    Some(("equalities: random point".into(), FIELD_BITS - degree.log2()))
}

/// The batched sumcheck of each depth.
fn reduction_terms(statement: &Statement<'_>) -> Vec<(String, f64)> {
    let circuit = statement.circuit();
    let claims = claim_counts(circuit);
    let mut terms = Vec::new();
    for (depth, stage) in statement.schedule.stages.iter().enumerate() {
        let (mut instances, mut rounds) = (0u64, 0usize);
        for &id in stage {
            let variables = match &circuit[id].kind {
                ColumnKind::Contraction(contraction) => {
                    contraction.variables(&circuit[contraction.left].shape)
                }
                ColumnKind::View(view) => circuit[view.source].shape.variables(),
                _ => continue,
            };
            instances = instances.saturating_add(claims.get(id.index()).copied().unwrap_or(0));
            rounds = rounds.max(variables);
        }
        if instances > 0 {
            // Batching by independent coefficients: 1/|K|. A round polynomial has degree at most 3.
            let error = 1.0 + 3.0 * rounds as f64;
            terms.push((
                format!("reduction, depth {depth}: {instances} claims, {rounds} rounds"),
                FIELD_BITS - error.log2(),
            ));
        }
    }
    terms
}

/// Schwartz-Zippel for each column of each further commitment to the weights: every column is claimed at a random
/// point.
fn copies_term(statement: &Statement<'_>) -> Option<(String, f64)> {
    let further = statement
        .weight_copies()
        .checked_sub(1)
        .filter(|further| *further > 0)?;
    let circuit = statement.circuit();
    let parameters = statement.parameters.iter();
    let variables: usize = parameters.map(|&id| circuit[id].shape.variables()).sum();
    let error = (variables.max(1) as f64) * further as f64;
    Some((
        "weights: the same in all commitments".into(),
        FIELD_BITS - error.log2(),
    ))
}

impl fmt::Display for SoundnessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for term in &self.terms {
            writeln!(f, "{:>7.1}  {}", term.bits, term.name)?;
        }
        write!(f, "{:>7.1}  bits in all (proven; random oracle)", self.bits)
    }
}
