//! Terms of the account of soundness: what a false statement could pass by, and the challenges that stand against it.

/// How a kind of term is computed. Every part of the argument states its own.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorRule {
    /// The probability as a formula.
    pub formula: &'static str,
    /// Labels of the challenges whose choice it is over. Every challenge of a proof is in a rule.
    pub covers: &'static [&'static str],
    /// The page and section of `docs/protocol` that derive it.
    pub page: &'static str,
}

/// One way a false statement could pass.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorTerm {
    /// Which step.
    pub name: String,
    /// `-log2` of its probability.
    pub bits: f64,
    /// How it is computed.
    pub rule: &'static ErrorRule,
}

impl ErrorTerm {
    /// A term of a rule.
    pub(crate) fn new(rule: &'static ErrorRule, name: impl Into<String>, bits: f64) -> Self {
        let name = name.into();
        Self { name, bits, rule }
    }
}

/// `log2 |K|`; it is less by `2^-60`, which no double shows.
pub(crate) const FIELD_BITS: u32 = 122;

/// Bits of the sum of errors.
pub fn total(terms: &[ErrorTerm]) -> f64 {
    let errors: f64 = terms.iter().map(|term| libm::exp2(-term.bits)).sum();
    -libm::log2(errors)
}
