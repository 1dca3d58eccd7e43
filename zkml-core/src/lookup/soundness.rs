//! The soundness errors of the lookup argument, and the proof of work that makes up for them.

use super::{MAX_VARIABLES, Stack, Statement};
use crate::transcript::term::FIELD_BITS;
use crate::transcript::{ErrorRule, ErrorTerm};

const FRACTIONS: ErrorRule = ErrorRule {
    formula: "rows * max(1, arity - 1) / |K|, less grinding",
    covers: &["lookup.alpha", "lookup.beta", "lookup.gamma"],
    page: "lookup.md#error",
};

const LAYERS: ErrorRule = ErrorRule {
    formula: "sum over layers k of (2 k + 2) / |K|",
    covers: &["lookup.lambda", "lookup.round", "lookup.tau"],
    page: "lookup.md#error",
};

/// What the fractions alone should give, in bits: above the whole argument's aim, since errors add up.
const FRACTION_BITS: f64 = 106.0;

/// Proof of work before the first challenge, for lookups so large that their error exceeds its share.
pub(super) fn grinding_bits(statements: &[Statement]) -> u32 {
    // A float-to-integer cast saturates; below 0 none is needed.
    (FRACTION_BITS - fraction_bits(statements))
        .ceil()
        .clamp(0.0, 40.0) as u32
}

/// `-log2` of the largest `R d / |K|`.
fn fraction_bits(statements: &[Statement]) -> f64 {
    let error = |statement: &Statement| {
        let arities = statement.tables.iter().map(|table| table.arity);
        let degree = arities.max().unwrap_or(0).saturating_sub(1).max(1) as f64;
        statement.rows().max(1) as f64 * degree
    };
    let largest = statements.iter().map(error).fold(1.0, f64::max);
    f64::from(FIELD_BITS) - libm::log2(largest)
}

/// Soundness errors of the lookup argument. What is false of several statements is one of them, so each error is the
/// largest of theirs.
///
/// With `R` rows in all lookups and tables, `d = max(1, largest arity - 1)`, `n` variables of the stack:
/// - `lookup: fractions`: `R d / |K|`; the sum of fractions is a rational function of `alpha, beta, gamma` whose
///   numerator has total degree below `R d`. Proof of work before them counts;
/// - `lookup: layers`: `sum_{k < n} (2 k + 2) / |K|`; in each layer `lambda`, `k` rounds of degree 2, and `tau`.
pub fn soundness(statements: &[Statement]) -> Vec<ErrorTerm> {
    let field = f64::from(FIELD_BITS);
    let variables = statements.iter().map(|statement| Stack::new(statement).variables);
    let variables = variables.max().unwrap_or(0).min(MAX_VARIABLES) as f64;
    let grinding = grinding_bits(statements);
    let name = match grinding {
        0 => "lookup: fractions".to_owned(),
        bits => format!("lookup: fractions, {bits} bits of them grinding"),
    };
    let bits = fraction_bits(statements) + f64::from(grinding);
    let mut terms = vec![ErrorTerm::new(&FRACTIONS, name, bits)];
    if variables > 0.0 {
        // sum_{k < n} (2 k + 2) = n (n + 1)
        let bits = field - libm::log2(variables * (variables + 1.0));
        terms.push(ErrorTerm::new(&LAYERS, "lookup: layers", bits));
    }
    terms
}
