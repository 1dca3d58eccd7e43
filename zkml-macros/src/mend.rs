//! Items with a mistake in their syntax, such as a missing `;`.
//!
//! The compiler reports such a mistake itself, goes on, and hands the tokens as they are to the macro. So the macro has
//! nothing to add: it takes out what it cannot read and expands the rest, for an item that is missing is an error
//! wherever it is used.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::{Field, ImplItem, Item};

/// The `impl` or struct without what cannot be read: methods lose their bodies, fields that run into the next one are
/// separated.
pub(crate) fn readable(item: TokenStream) -> Option<Item> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(body)) = tokens.pop() else {
        return None;
    };
    let is = |word: &str| {
        let named = |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if ident == word);
        tokens.iter().any(named)
    };
    let mended = if is("impl") {
        members(body.stream())
    } else if is("struct") && body.delimiter() == Delimiter::Brace {
        fields(body.stream())
    } else {
        return None;
    };
    let mut mended = Group::new(Delimiter::Brace, mended);
    mended.set_span(body.span());
    tokens.push(TokenTree::Group(mended));
    syn::parse2(tokens.into_iter().collect()).ok()
}

/// An error that the compiler shows only if it has no other one: where it takes what we cannot read for correct.
pub(crate) fn unreadable(error: &syn::Error) -> TokenStream {
    let message = format!("`#[zk_model]` cannot read this: {error}");
    // Lints come last, and not after an error.
    quote_spanned! {error.span()=>
        const _: () = {
            #[must_use = #message]
            const fn item() -> bool { false }
            #[deny(unused_must_use)]
            const _: () = { item(); };
        };
    }
}

/// The items of an `impl`; a body that cannot be read never returns.
fn members(body: TokenStream) -> TokenStream {
    let mut members = TokenStream::new();
    let mut member: Vec<TokenTree> = Vec::new();
    for token in body {
        let ends = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        member.push(token);
        if !ends {
            continue;
        }
        let tokens: TokenStream = member.iter().cloned().collect();
        if syn::parse2::<ImplItem>(tokens.clone()).is_ok() {
            members.extend(tokens);
            member.clear();
            continue;
        }
        member.pop();
        let without_body: TokenStream = member.drain(..).collect();
        let tokens = quote!(#[allow(unused_variables)] #without_body { loop {} });
        if let Ok(ImplItem::Fn(function)) = syn::parse2(tokens) {
            function.to_tokens(&mut members);
        }
    }
    members
}

/// The fields of a struct, with the commas that are missing between them.
fn fields(body: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let mut fields = TokenStream::new();
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        // The longest one: of `a: A<B>` also `a: A` is a field.
        let read = (1..=rest.len())
            .rev()
            .find_map(|length| Some((length, field(rest.get(..length)?)?)));
        let Some((length, field)) = read else { break };
        quote!(#field,).to_tokens(&mut fields);
        rest = rest.get(length..).unwrap_or_default();
        if let Some((TokenTree::Punct(comma), after)) = rest.split_first()
            && comma.as_char() == ','
        {
            rest = after;
        }
    }
    fields
}

fn field(tokens: &[TokenTree]) -> Option<Field> {
    Field::parse_named.parse2(tokens.iter().cloned().collect()).ok()
}
