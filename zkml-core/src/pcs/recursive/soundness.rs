//! The soundness error of a recursion, term by term. All terms are proven.
//!
//! Level `l` has the codeword length `n_l`, `k_l` row variables and the rate `rho_l = (M_l + 1)/n_l`:
//!
//! - queries, for each level `((1 + rho_l)/2)^t_l 2^-grinding`: rows far from the code, or a next message that is not
//!   their combination, agree with the opened columns;
//! - proximity, `n_l/|K|` for each of the `k_l` challenges: rows far from the code combine to a word near it
//!   (Diamond-Gruen, ePrint 2025/2010, on BCIKS20, Theorem 4.1);
//! - subspace, `1/|K|` for each of these challenges: rows of the Reed-Solomon code outside the space of the circle
//!   transform combine to a word inside it;
//! - rows, `2/|K|` for each of these challenges: a round of the sumcheck, of degree 2;
//! - batching, `1/|K|` for each level: the coefficients of the claims.

use super::parameters::RecursionParameters;
use crate::field::P;

/// The terms of a recursion over a vector of `message_length` elements, with their bits (`-log2` of the error). Errors
/// add up: see [`total`](crate::pcs::soundness::total). Without levels the list is empty.
pub fn recursion_terms(parameters: &RecursionParameters, message_length: usize) -> Vec<(String, f64)> {
    let shapes = parameters.shapes(message_length);
    if shapes.is_empty() {
        return Vec::new();
    }
    let field = 2.0 * (P as f64).log2();
    let mut terms: Vec<(String, f64)> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| {
            let level = index.saturating_add(1);
            (
                format!("recursion: queries of level {level}"),
                shape.code.query_bits(),
            )
        })
        .collect();
    terms.push((
        "recursion: batching".to_owned(),
        field - (shapes.len() as f64).log2(),
    ));
    let draws: f64 = shapes.iter().map(|shape| shape.variables as f64).sum();
    let points: f64 = shapes
        .iter()
        .map(|shape| shape.variables as f64 * shape.code.codeword_length() as f64)
        .sum();
    if draws > 0.0 {
        terms.push(("recursion: proximity".to_owned(), field - points.log2()));
        terms.push(("recursion: subspace".to_owned(), field - draws.log2()));
        terms.push(("recursion: rows".to_owned(), field - (2.0 * draws).log2()));
    }
    terms
}
