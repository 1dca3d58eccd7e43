//! Reading and rewriting the `impl`: `self.conv1(x)` becomes `self.conv1.forward(x)`.

mod calls;
mod signature;
mod twice;

use syn::{Expr, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Pat};

pub(crate) use self::calls::{CallLayers, UsedFields};
use self::signature::check_signature;
pub(crate) use self::twice::earlier;
use crate::diagnostics::{Errors, did_you_mean};

/// The method `forward` of the `impl`, if it is there and as it should be.
pub(crate) fn find<'a>(item: &'a ItemImpl, errors: &mut Errors) -> Option<&'a ImplItemFn> {
    let mut found: Option<&ImplItemFn> = None;
    let mut names = Vec::new();
    for function in methods(item) {
        if function.sig.ident == "forward" {
            if found.is_some() {
                errors.push(&function.sig.ident, "`forward` is defined twice: a model has one");
            } else {
                found = Some(function);
            }
        }
        names.push(function.sig.ident.to_string());
    }
    match found {
        Some(function) => check_signature(function, errors),
        None => {
            let hint = did_you_mean("forward", names.iter().map(String::as_str));
            let hint = hint.replace("did you mean", "is it");
            let message = format!(
                "`#[zk_model]` expects `pub fn forward(&self, x: Tensor) -> Tensor` in this `impl`, found none{hint}"
            );
            errors.push(&item.self_ty, message);
        }
    }
    found
}

pub(crate) fn methods(item: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}

/// The names of the inputs of `forward`; none for a pattern that is no name.
pub(crate) fn input_names(function: &ImplItemFn) -> Vec<Option<Ident>> {
    let name = |argument: &FnArg| match argument {
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(pattern) => Some(pattern.ident.clone()),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    };
    function.sig.inputs.iter().skip(1).map(name).collect()
}

/// Which inputs of `forward` are tokens; `None` if an argument, or the result, is nothing that a graph has.
pub(crate) fn token_inputs(function: &ImplItemFn) -> Option<Vec<bool>> {
    let is_result = |ty| signature::is_tensor(ty) || signature::are_tensors(ty);
    if !matches!(&function.sig.output, syn::ReturnType::Type(_, ty) if is_result(ty)) {
        return None;
    }
    let is_tokens = |argument: &FnArg| match argument {
        FnArg::Typed(argument) if signature::is_input(&argument.ty) => {
            Some(signature::is_tokens(&argument.ty))
        }
        _ => None,
    };
    function.sig.inputs.iter().skip(1).map(is_tokens).collect()
}

/// Whether `forward` makes one tensor of one.
pub(crate) fn is_layer(function: &ImplItemFn) -> bool {
    let one = matches!(&function.sig.output, syn::ReturnType::Type(_, ty) if signature::is_tensor(ty));
    one && token_inputs(function).is_some_and(|inputs| inputs == [false])
}

/// Whether `value` is `self`.
pub(crate) fn is_self(value: &Expr) -> bool {
    matches!(value, Expr::Path(path) if path.path.is_ident("self"))
}
