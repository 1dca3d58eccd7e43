//! Calls on `self`: which layers a method applies, and which fields it uses.

use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Ident, Member};

use super::is_self;

/// Rewrites `self.conv(x)` to `self.conv.forward(x)`.
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
    /// Is `self` handed on, so that any field may be used?
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
