//! Arguments whose values the shape rules may use: literals, and arithmetic on literals.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Lit, UnOp};

use crate::hyper::{is_constant, peel};

/// The expression, if it is an integer literal or arithmetic on such. A name is refused: the compiler may not know its
/// value here.
pub(super) fn integer(value: &Expr) -> Option<&Expr> {
    match peel(value) {
        Expr::Lit(literal) => matches!(literal.lit, Lit::Int(_)).then_some(value),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => integer(&unary.expr).map(|_| value),
        Expr::Binary(binary) if is_constant(value) => {
            integer(&binary.left)?;
            integer(&binary.right)?;
            Some(value)
        }
        _ => None,
    }
}

pub(super) fn integers(value: &Expr) -> Option<Vec<&Expr>> {
    match peel(value) {
        Expr::Array(array) => array.elems.iter().map(integer).collect(),
        _ => None,
    }
}

pub(super) fn pair(value: &Expr) -> Option<TokenStream> {
    match peel(value) {
        Expr::Tuple(tuple) if tuple.elems.len() == 2 => {
            let sizes: Vec<&Expr> = tuple.elems.iter().map(integer).collect::<Option<_>>()?;
            Some(quote!([#(#sizes),*]))
        }
        other => integer(other).map(|size| quote!([#size, #size])),
    }
}

/// A literal number, maybe negative.
pub(super) fn is_number(value: &Expr) -> bool {
    match peel(value) {
        Expr::Lit(literal) => matches!(literal.lit, Lit::Int(_) | Lit::Float(_)),
        Expr::Unary(unary) => matches!(unary.op, UnOp::Neg(_)) && is_number(&unary.expr),
        _ => false,
    }
}
