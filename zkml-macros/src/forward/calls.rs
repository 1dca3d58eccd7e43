//! Calls on `self`: which layers a method applies, and which fields it uses.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Ident, Lit, Member, UnOp};

use super::is_self;
use crate::hyper::peel;

/// Rewrites `self.conv(x)` to `self.conv.forward(x)`, also in the arguments of other macros, and gives the sizes of
/// `x.view([x.size(0), -1])` one type.
pub(crate) struct CallLayers<'a> {
    /// Names of real methods.
    pub(crate) methods: &'a [String],
    /// Path of the crate zkml.
    pub(crate) zkml: &'a syn::Path,
}

impl CallLayers<'_> {
    /// The layer `call` applies, if it is `self.layer(x)`.
    pub(crate) fn layer<'a>(methods: &[String], call: &'a syn::ExprMethodCall) -> Option<&'a Ident> {
        let is_layer = is_self(&call.receiver)
            && call.turbofish.is_none()
            && !call.args.is_empty()
            && !methods.iter().any(|method| call.method == method);
        is_layer.then_some(&call.method)
    }

    /// The tokens of another macro's arguments, with `self.conv(x)` rewritten wherever it stands.
    fn rewrite(&self, tokens: TokenStream) -> TokenStream {
        let mut written: Vec<TokenTree> = Vec::new();
        for token in tokens {
            let TokenTree::Group(group) = token else {
                written.push(token);
                continue;
            };
            let mut inner = Group::new(group.delimiter(), self.rewrite(group.stream()));
            inner.set_span(group.span());
            if group.delimiter() == Delimiter::Parenthesis
                && !group.stream().is_empty()
                && let [.., receiver, dot, TokenTree::Ident(name)] = written.as_slice()
                && is_self_dot(receiver, dot)
                && !self.methods.iter().any(|method| name == method)
            {
                let forward = Ident::new("forward", name.span());
                written.extend([dot.clone(), forward.into()]);
            }
            written.push(inner.into());
        }
        written.into_iter().collect()
    }

    /// `[x.size(0), -1]` has sizes of two types: each becomes a signed one.
    fn align_sizes(&self, sizes: &mut Expr) {
        let Expr::Array(array) = sizes else { return };
        if !array.elems.iter().any(is_negative) || array.elems.iter().all(is_literal) {
            return;
        }
        let zkml = self.zkml;
        for size in array.elems.iter_mut().filter(|size| !is_literal(size)) {
            *size = syn::parse_quote!(#zkml::nn::Extent::extent(#size));
        }
    }
}

/// Whether two tokens are `self.`.
fn is_self_dot(receiver: &TokenTree, dot: &TokenTree) -> bool {
    matches!(receiver, TokenTree::Ident(ident) if ident == "self")
        && matches!(dot, TokenTree::Punct(punct) if punct.as_char() == '.')
}

/// A negative literal.
fn is_negative(value: &Expr) -> bool {
    matches!(peel(value), Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) && is_literal(&unary.expr))
}

/// An integer literal without a type of its own, maybe negative.
fn is_literal(value: &Expr) -> bool {
    match peel(value) {
        Expr::Lit(literal) => matches!(&literal.lit, Lit::Int(integer) if integer.suffix().is_empty()),
        other => is_negative(other),
    }
}

/// The functions, and methods, that take sizes of which one may be -1.
const OF_SIZES: &[&str] = &["view", "reshape"];

impl VisitMut for CallLayers<'_> {
    fn visit_expr_method_call_mut(&mut self, call: &mut syn::ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        if OF_SIZES.iter().any(|name| call.method == name)
            && let Some(sizes) = call.args.first_mut()
        {
            self.align_sizes(sizes);
        }
        let Some(layer) = CallLayers::layer(self.methods, call).cloned() else {
            return;
        };
        let receiver = &call.receiver;
        let forward = Ident::new("forward", layer.span());
        call.receiver = syn::parse_quote!(#receiver.#layer);
        call.method = forward;
    }

    fn visit_expr_call_mut(&mut self, call: &mut syn::ExprCall) {
        visit_mut::visit_expr_call_mut(self, call);
        if let Expr::Path(path) = peel(&call.func)
            && let Some(last) = path.path.segments.last()
            && OF_SIZES.iter().any(|name| last.ident == name)
            && let Some(sizes) = call.args.iter_mut().nth(1)
        {
            self.align_sizes(sizes);
        }
    }

    fn visit_macro_mut(&mut self, invocation: &mut syn::Macro) {
        invocation.tokens = self.rewrite(invocation.tokens.clone());
    }
}

/// Fields the methods use.
#[derive(Default)]
pub(crate) struct UsedFields {
    pub(crate) names: Vec<String>,
    /// Is `self` handed on, so that any field may be used?
    pub(crate) all: bool,
    /// Names of methods: a call of one uses no field of that name.
    pub(crate) methods: Vec<String>,
}

impl UsedFields {
    fn add(&mut self, name: &Ident) {
        let name = name.to_string();
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// What the arguments of another macro use: `self.name`, or `self` as a whole, also in a text such as `"{self:?}"`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(literal) => self.all |= literal.to_string().contains("self"),
                TokenTree::Ident(ident) if ident == "self" => match tokens.get(at + 1..) {
                    Some([dot, TokenTree::Ident(name), after @ ..]) if is_self_dot(token, dot) => {
                        let is_call = matches!(after.first(), Some(TokenTree::Group(_)));
                        if !is_call || !self.methods.iter().any(|method| name == method) {
                            self.add(name);
                        }
                    }
                    _ => self.all = true,
                },
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl Visit<'_> for UsedFields {
    fn visit_expr(&mut self, value: &Expr) {
        match value {
            Expr::MethodCall(call) if is_self(&call.receiver) => {
                if !self.methods.iter().any(|method| call.method == method) {
                    self.add(&call.method);
                }
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
        self.add_tokens(invocation.tokens.clone());
    }
}
