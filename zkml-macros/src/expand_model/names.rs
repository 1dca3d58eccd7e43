//! Binds the arguments of a model that its hyper-parameters and shapes mention.

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit::Visit;
use syn::{Expr, Ident};

use crate::model::Model;

/// `let planes = options.planes;` for every argument that the expressions mention.
pub(super) fn locals<'a>(
    model: &Model,
    values: impl IntoIterator<Item = &'a Expr>,
    base: &TokenStream,
) -> TokenStream {
    lets(model, &mentioned(values), base)
}

/// The plain names in expressions.
pub(crate) fn mentioned<'a>(values: impl IntoIterator<Item = &'a Expr>) -> Vec<Ident> {
    let mut mentions = Mentions(Vec::new());
    for value in values {
        mentions.visit_expr(value);
    }
    mentions.0
}

/// `let planes = self.planes;` for every argument among the names.
pub(super) fn lets(model: &Model, mentioned: &[Ident], base: &TokenStream) -> TokenStream {
    let lets = model
        .inputs
        .iter()
        .filter(|input| mentioned.contains(&input.name))
        .map(|input| {
            let name = &input.name;
            quote!(let #name = #base.#name;)
        });
    quote!(#(#lets)*)
}

/// Plain names in expressions.
struct Mentions(Vec<Ident>);

impl Visit<'_> for Mentions {
    fn visit_expr_path(&mut self, path: &syn::ExprPath) {
        if let Some(name) = path.path.get_ident() {
            self.0.push(name.clone());
        }
    }

    fn visit_macro(&mut self, invocation: &syn::Macro) {
        collect_idents(invocation.tokens.clone(), &mut self.0);
    }
}

/// All names in `tokens`.
pub(crate) fn collect_idents(tokens: TokenStream, idents: &mut Vec<Ident>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Ident(ident) => idents.push(ident),
            proc_macro2::TokenTree::Group(group) => collect_idents(group.stream(), idents),
            _ => {}
        }
    }
}
