//! Checking the values of hyper-parameters and writing them as the options structs take them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, Lit, UnOp};

use crate::catalogue::Kind;
use crate::diagnostics::{Errors, source};

/// `value` for a hyper-parameter of this kind; errors are reported at the value.
pub(crate) fn value(name: &str, kind: Kind, value: &Expr, errors: &mut Errors) -> TokenStream {
    let mut mistake = |tokens: &Expr, found: String| {
        errors.push(
            tokens,
            format!("`{name}` expects {}, found {found}", kind.expected()),
        );
        value.to_token_stream()
    };
    let plain = peel(value);
    if kind == Kind::Layers {
        return match wrong(kind, plain) {
            Some(found) => mistake(value, found),
            None => quote!(#plain),
        };
    }
    let parts: Vec<&Expr> = match plain {
        Expr::Tuple(tuple) => tuple.elems.iter().collect(),
        Expr::Array(array) => array.elems.iter().collect(),
        _ => {
            if let Some(found) = wrong(kind, plain) {
                return mistake(value, found);
            }
            return match kind {
                Kind::PositivePair | Kind::CountPair | Kind::Padding | Kind::Ends => quote!([#plain, #plain]),
                Kind::Sides => quote!([#plain, #plain, #plain, #plain]),
                Kind::Real | Kind::Number => real(plain),
                Kind::Positive
                | Kind::Count
                | Kind::Padding1d
                | Kind::Axis
                | Kind::Flag
                | Kind::Text
                | Kind::Layers => quote!(#plain),
            };
        }
    };
    let wanted = match kind {
        Kind::PositivePair | Kind::CountPair | Kind::Padding | Kind::Ends => 2,
        Kind::Sides => 4,
        _ => return mistake(value, format!("`{}`", source(value))),
    };
    if parts.len() != wanted {
        return mistake(value, format!("{} values", parts.len()));
    }
    for part in &parts {
        if let Some(found) = wrong(kind, part) {
            return mistake(part, found);
        }
    }
    quote!([#(#parts),*])
}

/// Describes `value` if it cannot be of this kind. Only literals are judged here; types judge the rest.
fn wrong(kind: Kind, value: &Expr) -> Option<String> {
    let value = peel(value);
    let text = source(value);
    let least = match kind {
        Kind::Positive | Kind::PositivePair => 1,
        Kind::Count
        | Kind::CountPair
        | Kind::Padding
        | Kind::Padding1d
        | Kind::Sides
        | Kind::Ends
        | Kind::Axis => 0,
        Kind::Flag | Kind::Real | Kind::Number | Kind::Text | Kind::Layers => u64::MAX,
    };
    match value {
        Expr::Unary(unary)
            if matches!(kind, Kind::Number | Kind::Axis) && matches!(unary.op, UnOp::Neg(_)) =>
        {
            wrong(kind, &unary.expr)
        }
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => Some(format!("`{text}`")),
        Expr::Path(path) if kind == Kind::Flag && path.path.is_ident("True") => Some("`True`".to_owned()),
        Expr::Path(path) if kind == Kind::Flag && path.path.is_ident("False") => Some("`False`".to_owned()),
        Expr::Lit(literal) => match (&literal.lit, kind) {
            (Lit::Bool(_), Kind::Flag)
            | (Lit::Str(_), Kind::Text)
            | (Lit::Int(_) | Lit::Float(_), Kind::Real | Kind::Number) => None,
            (Lit::Int(integer), _) if least != u64::MAX => match integer.base10_parse::<u64>() {
                Ok(number) if number >= least && number < 1 << 48 => None,
                _ => Some(format!("`{text}`")),
            },
            (Lit::Str(_), _) => Some(format!("the string `{text}`")),
            (Lit::Float(_), _) => Some(format!("the fraction `{text}`")),
            (Lit::Bool(_), _) => Some(format!("the truth value `{text}`")),
            (Lit::Int(_), _) => Some(format!("the integer `{text}`")),
            _ => Some(format!("`{text}`")),
        },
        _ => None,
    }
}

/// An integer literal as a floating-point number, with its sign.
fn real(value: &Expr) -> TokenStream {
    if let Expr::Unary(unary) = value
        && matches!(unary.op, UnOp::Neg(_))
    {
        let positive = real(&unary.expr);
        return quote!(-#positive);
    }
    if let Expr::Lit(literal) = value
        && let Lit::Int(integer) = &literal.lit
    {
        let float = syn::LitFloat::new(&format!("{}.0", integer.base10_digits()), integer.span());
        return quote!(#float);
    }
    quote!(#value)
}

/// PyTorch's `padding = "same"` and `"valid"`, for a kind that takes them: is it the former?
pub(crate) fn named_padding(kind: Kind, value: &Expr) -> Option<bool> {
    let Expr::Lit(literal) = peel(value) else {
        return None;
    };
    match (&literal.lit, kind) {
        (Lit::Str(text), Kind::Padding | Kind::Padding1d) => match text.value().as_str() {
            "same" => Some(true),
            "valid" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The expression in parentheses.
pub(crate) fn peel(value: &Expr) -> &Expr {
    match value {
        Expr::Paren(inner) => peel(&inner.expr),
        Expr::Group(inner) => peel(&inner.expr),
        other => other,
    }
}

/// Whether `value` can stand in a `const fn`: literals, names, fields and arithmetic.
pub(crate) fn is_constant(value: &Expr) -> bool {
    match value {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Paren(inner) => is_constant(&inner.expr),
        Expr::Group(inner) => is_constant(&inner.expr),
        Expr::Unary(unary) => is_constant(&unary.expr),
        Expr::Binary(binary) => is_constant(&binary.left) && is_constant(&binary.right),
        Expr::Cast(cast) => is_constant(&cast.expr),
        Expr::Field(field) => is_constant(&field.base),
        Expr::Index(index) => is_constant(&index.expr) && is_constant(&index.index),
        Expr::Tuple(tuple) => tuple.elems.iter().all(is_constant),
        Expr::Array(array) => array.elems.iter().all(is_constant),
        Expr::Reference(reference) => is_constant(&reference.expr),
        _ => false,
    }
}
