//! How likely a false statement is to be accepted: every term, added up.
//!
//! All terms are proven bounds in the random oracle model; see `docs/protocol/soundness.md`.

use core::fmt;

use super::Statement;
use super::dry_run::Stage;
use crate::circuit::Circuit;
use crate::lookup;
use crate::pcs::{CommitmentScheme, Scheme};
use crate::transcript::term::{FIELD_BITS, total};
use crate::transcript::{ErrorRule, ErrorTerm};

/// Fewer bits than this are refused.
pub const SECURITY_BITS: f64 = 100.0;

/// All terms and their sum.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundnessReport {
    /// Terms, in the order of the protocol.
    pub terms: Vec<ErrorTerm>,
    /// `-log2` of the sum of their probabilities.
    pub bits: f64,
}

impl SoundnessReport {
    /// Bits of this argument and `other` together: errors add up.
    pub fn sum(&self, other: &Self) -> f64 {
        -libm::log2(libm::exp2(-self.bits) + libm::exp2(-other.bits))
    }
}

const EQUALITIES: ErrorRule = ErrorRule {
    formula: "variables / |K|",
    covers: &["equality.point"],
    page: "soundness.md",
};

const REDUCTION: ErrorRule = ErrorRule {
    formula: "(1 + sum of degrees) / |K|",
    covers: &["reduce.stage"],
    page: "reduction.md#error",
};

const COPIES: ErrorRule = ErrorRule {
    formula: "variables of all parameter columns * further commitments / |K|",
    covers: &["lookup.round", "lookup.tau", "equality.point"],
    page: "zero-knowledge.md#setup-proof",
};

const CLOSING: ErrorRule = ErrorRule {
    formula: "(constraints + 2) / |K|",
    covers: &["closing.batch", "closing.point"],
    page: "zero-knowledge.md#soundness",
};

/// Accounts for every challenge of the argument.
pub fn soundness(statement: &Statement<'_>) -> SoundnessReport {
    let mut terms: Vec<ErrorTerm> = lookup::soundness(&statement.chunks.statements);
    terms.extend(equality_term(statement.circuit()));
    terms.extend(reduction_terms(statement));
    terms.extend(Scheme::soundness_terms(
        statement.key.opening(),
        statement.masking.is_some(),
    ));
    terms.extend(copies_term(statement));
    if statement.masking.is_some() {
        // Powers of eta over the constraints, then a polynomial of degree 2 in xi.
        let error = statement.tape.constraints.saturating_add(2) as f64;
        let bits = f64::from(FIELD_BITS) - libm::log2(error);
        terms.push(ErrorTerm::new(&CLOSING, "closing: constraints", bits));
    }
    let bits = total(&terms);
    SoundnessReport { terms, bits }
}

/// Schwartz-Zippel on a column that must be 0. All are claimed at one point, and a false statement has one that is not
/// 0: it alone would have to vanish there.
fn equality_term(circuit: &Circuit) -> Option<ErrorTerm> {
    let equalities = circuit.equalities.iter();
    let variables = equalities.map(|&id| circuit[id].shape.variables()).max()?;
    let bits = f64::from(FIELD_BITS) - libm::log2(variables.max(1) as f64);
    Some(ErrorTerm::new(&EQUALITIES, "equalities: random point", bits))
}

/// The batched sumcheck of each depth, as the verifier's own walk found it.
fn reduction_terms(statement: &Statement<'_>) -> Vec<ErrorTerm> {
    let stages = statement.stages.iter().enumerate();
    let terms = stages.map(|(depth, stage)| {
        let Stage {
            claims,
            rounds,
            degrees,
        } = *stage;
        // Batching by independent coefficients: 1/|K| for two claims or more.
        let error = degrees.saturating_add(usize::from(claims > 1)).max(1) as f64;
        let name = format!("reduction, depth {depth}: {claims} claims, {rounds} rounds");
        ErrorTerm::new(&REDUCTION, name, f64::from(FIELD_BITS) - libm::log2(error))
    });
    terms.collect()
}

/// Schwartz-Zippel for each column of each further commitment to the weights: every column is claimed at a random
/// point.
fn copies_term(statement: &Statement<'_>) -> Option<ErrorTerm> {
    let further = statement
        .weight_copies()
        .checked_sub(1)
        .filter(|further| *further > 0)?;
    let circuit = statement.circuit();
    let parameters = statement.parameters.iter();
    let variables: usize = parameters.map(|&id| circuit[id].shape.variables()).sum();
    if variables == 0 {
        return None;
    }
    let bits = f64::from(FIELD_BITS) - libm::log2(variables as f64 * further as f64);
    Some(ErrorTerm::new(
        &COPIES,
        "weights: the same in all commitments",
        bits,
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
