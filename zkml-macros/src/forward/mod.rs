//! Reading and rewriting the `impl`: `self.conv1(x)` becomes `self.conv1.forward(x)`.

use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Member, Pat, ReceiverKind, ReturnType, Type};

use crate::diagnostics::{Errors, did_you_mean, source};

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

fn check_signature(function: &ImplItemFn, errors: &mut Errors) {
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
    let mut arguments = signature.inputs.iter();
    match arguments.next() {
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
    let starts_with_self = signature.receiver().is_some();
    match arguments.next() {
        Some(FnArg::Typed(argument)) if !is_tensor(&argument.ty) => {
            errors.push(
                &argument.ty,
                format!("`forward` expects a `Tensor`, found `{}`", source(&argument.ty)),
            );
        }
        None if starts_with_self => {
            errors.push(
                &signature.ident,
                "`forward` expects an input `x: Tensor` after `&self`, found none",
            );
        }
        _ => {}
    }
    for extra in arguments {
        errors.push(
            extra,
            format!("`forward` expects one input, found `{}` as well", source(extra)),
        );
    }
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

/// The name of the input of `forward`.
pub(crate) fn input_name(function: &ImplItemFn) -> Option<&Ident> {
    match function.sig.inputs.iter().nth(1)? {
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(pattern) => Some(&pattern.ident),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    }
}

/// Whether `value` is `self`.
pub(crate) fn is_self(value: &Expr) -> bool {
    matches!(value, Expr::Path(path) if path.path.is_ident("self"))
}

/// Makes layer calls of method calls.
pub(crate) struct CallLayers {
    /// Names of real methods.
    pub(crate) methods: Vec<String>,
}

impl CallLayers {
    /// The layer `call` applies, if it is `self.layer(x)`.
    pub(crate) fn layer<'a>(methods: &[String], call: &'a syn::ExprMethodCall) -> Option<&'a Ident> {
        let is_layer = is_self(&call.receiver)
            && call.turbofish.is_none()
            && !call.args.is_empty()
            && !methods.iter().any(|method| call.method == method);
        is_layer.then_some(&call.method)
    }
}

impl VisitMut for CallLayers {
    fn visit_expr_method_call_mut(&mut self, call: &mut syn::ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        let Some(layer) = CallLayers::layer(&self.methods, call).cloned() else {
            return;
        };
        let receiver = &call.receiver;
        let forward = Ident::new("forward", layer.span());
        call.receiver = syn::parse_quote!(#receiver.#layer);
        call.method = forward;
    }
}

/// Fields the methods use.
#[derive(Default)]
pub(crate) struct UsedFields {
    pub(crate) names: Vec<String>,
    /// `self` goes somewhere we cannot follow.
    pub(crate) all: bool,
}

impl UsedFields {
    fn add(&mut self, name: &Ident) {
        let name = name.to_string();
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

impl Visit<'_> for UsedFields {
    fn visit_expr(&mut self, value: &Expr) {
        match value {
            Expr::MethodCall(call) if is_self(&call.receiver) => {
                self.add(&call.method);
                call.args.iter().for_each(|argument| self.visit_expr(argument));
            }
            Expr::Field(field) if is_self(&field.base) => match &field.member {
                Member::Named(name) => self.add(name),
                Member::Unnamed(_) => {}
            },
            value if is_self(value) => self.all = true,
            other => visit::visit_expr(self, other),
        }
    }

    fn visit_macro(&mut self, invocation: &syn::Macro) {
        // Tokens of other macros are not understood; a mention of `self` may use anything.
        if invocation.tokens.to_string().contains("self") {
            self.all = true;
        }
    }
}
