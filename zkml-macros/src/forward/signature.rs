//! The signature of `forward`: `(&self, x: Tensor) -> Tensor`.

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

fn check_inputs(signature: &Signature, errors: &mut Errors) {
    let mut inputs = signature.inputs.iter().skip(1);
    match inputs.next() {
        Some(FnArg::Typed(argument)) if !is_tensor(&argument.ty) => {
            errors.push(
                &argument.ty,
                format!("`forward` expects a `Tensor`, found `{}`", source(&argument.ty)),
            );
        }
        None if signature.receiver().is_some() => {
            errors.push(
                &signature.ident,
                "`forward` expects an input `x: Tensor` after `&self`, found none",
            );
        }
        _ => {}
    }
    for extra in inputs {
        errors.push(
            extra,
            format!("`forward` expects one input, found `{}` as well", source(extra)),
        );
    }
}

fn check_output(signature: &Signature, errors: &mut Errors) {
    match &signature.output {
        ReturnType::Type(_, ty) if is_tensor(ty) => {}
        ReturnType::Type(_, ty) => {
            errors.push(
                ty,
                format!("`forward` returns a `Tensor`, found `{}`", source(ty)),
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

fn is_tensor(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Tensor"))
}
