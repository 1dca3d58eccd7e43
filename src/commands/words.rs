//! Numbers in sentences.

use std::fmt::Display;

/// `1 proof`, `2 proofs`.
pub(super) fn count(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Single-precision numbers for JSON: each the shortest decimal that stands for it, `0.4914` and not
/// `0.49140000343322754`.
pub(super) fn shortest(values: &[f32]) -> Vec<f64> {
    let shortest = |value: &f32| value.to_string().parse().unwrap_or_else(|_| f64::from(*value));
    values.iter().map(shortest).collect()
}

/// How many values of a tensor are shown.
pub(super) const FIRST: usize = 10;

/// The first of the values, in single precision.
pub(super) fn reals(values: &[f64]) -> String {
    let first: Vec<String> = values
        .iter()
        .take(FIRST)
        .map(|&value| (value as f32).to_string())
        .collect();
    let more = if values.len() > first.len() { ", ..." } else { "" };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_sentences() {
        assert_eq!(
            (count(1, "proof"), count(0, "proof")),
            ("1 proof".into(), "0 proofs".into())
        );
        assert_eq!(shortest(&[0.4914, -0.5]), [0.4914, -0.5]);
        assert_eq!(reals(&[0.1, -2.5]), "0.1, -2.5");
        assert_eq!(reals(&[1.0; 11]), format!("{}, ...", ["1"; 10].join(", ")));
    }
}
