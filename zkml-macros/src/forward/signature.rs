//! The signature of `forward`: `(&self, x: Tensor) -> Tensor`.
//!
//! A model inside another one may take further arguments that are neither: the angles of a rotation, a cache. It cannot
//! be traced by itself then, for nothing but the calling model makes them.

use syn::{FnArg, ImplItemFn, ReceiverKind, ReturnType, Signature, Type};

use crate::diagnostics::{Errors, source};

pub(super) fn check_signature(function: &ImplItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        errors.push(token, "`forward` is a plain function, found `async`");
    }
    if let Some(token) = &signature.constness {
        errors.push(token, "`forward` is a plain function, found `const`");
    }
    if !signature.generics.params.is_empty() {
        errors.push(
            &signature.generics,
            "`forward` has no generics: they belong to the struct",
        );
    }
    check_receiver(signature, errors);
    check_inputs(signature, errors);
    check_output(signature, errors);
}

fn check_receiver(signature: &Signature, errors: &mut Errors) {
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) if matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) => {}
        Some(FnArg::Receiver(receiver)) => {
            errors.push(
                receiver,
                format!("`forward` expects `&self`, found `{}`", source(receiver)),
            );
        }
        Some(first) => errors.push(
            first,
            format!("`forward` expects `&self` first, found `{}`", source(first)),
        ),
        None => errors.push_at(
            signature.paren_token.span.join(),
            "`forward` expects `(&self, x: Tensor)`, found `()`",
        ),
    }
}

/// The most inputs that `forward` takes.
const MAXIMUM_INPUTS: usize = 4;

/// The most outputs that `forward` returns as a tuple.
const MAXIMUM_OUTPUTS: usize = 8;

fn check_inputs(signature: &Signature, errors: &mut Errors) {
    let inputs = signature.inputs.iter().skip(1);
    if signature.receiver().is_some() && signature.inputs.len() == 1 {
        errors.push(
            &signature.ident,
            "`forward` expects an input `x: Tensor` after `&self`, found none",
        );
    }
    for (position, input) in inputs.enumerate() {
        match input {
            FnArg::Typed(argument)
                if !is_input(&argument.ty) && (position == 0 || !is_state(&argument.ty)) =>
            {
                let hint = match position > 0 && is_plain(&argument.ty) {
                    true => ": mark a field with `#[arg]` for what is known before `forward` runs",
                    false => "",
                };
                let found = source(&argument.ty);
                errors.push(
                    &argument.ty,
                    format!("`forward` expects a `Tensor`, found `{found}`{hint}"),
                );
            }
            _ if position >= MAXIMUM_INPUTS => errors.push(
                input,
                format!(
                    "`forward` expects at most {MAXIMUM_INPUTS} inputs, found `{}` as well",
                    source(input)
                ),
            ),
            _ => {}
        }
    }
}

fn check_output(signature: &Signature, errors: &mut Errors) {
    match &signature.output {
        ReturnType::Type(_, ty) if is_tensor(ty) || are_tensors(ty) || is_own(ty) => {}
        ReturnType::Type(_, ty) => {
            errors.push(
                ty,
                format!(
                    "`forward` returns a `Tensor`, a tuple of up to {MAXIMUM_OUTPUTS} or an array, found `{}`",
                    source(ty)
                ),
            );
        }
        ReturnType::Default => {
            errors.push(
                &signature.ident,
                "`forward` returns a `Tensor`, found no return type",
            );
        }
    }
}

pub(super) fn is_tensor(ty: &Type) -> bool {
    is_named(ty, "Tensor")
}

/// Whether it is the type of the ids of tokens, by its name.
pub(super) fn is_tokens(ty: &Type) -> bool {
    is_named(ty, "Tokens")
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// Whether a graph may have an input of this type.
pub(super) fn is_input(ty: &Type) -> bool {
    is_tensor(ty) || is_tokens(ty)
}

/// Whether it may be an argument that the calling model makes: `Rope`, `&mut KvCache`, `(Tensor, Tensor)`. A number is
/// none: what is known before `forward` runs is an `#[arg]`.
fn is_state(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => !is_input(&reference.elem) && is_state(&reference.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(|ty| is_input(ty) || is_state(ty)),
        Type::Path(_) => !is_plain(ty),
        _ => false,
    }
}

/// Whether it is a number, a text or the like.
fn is_plain(ty: &Type) -> bool {
    PLAIN.iter().any(|plain| is_named(ty, plain))
}

/// Types of the language that are no state.
const PLAIN: &[&str] = &[
    "bool", "char", "str", "String", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

/// Whether it is a type of the user's own, or one of zkml: a plain name.
fn is_own(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let plain = path.path.segments.iter().all(|part| part.arguments.is_none());
    plain && is_state(ty) && !is_tokens(ty)
}

/// A tuple or an array of tensors.
pub(super) fn are_tensors(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => {
            (2..=MAXIMUM_OUTPUTS).contains(&tuple.elems.len()) && tuple.elems.iter().all(is_tensor)
        }
        Type::Array(array) => is_tensor(&array.elem),
        _ => false,
    }
}
