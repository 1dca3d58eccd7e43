//! What stands beside an item in its file.
//!
//! An expansion sees one item alone. Some mistakes need a look at the others: an `impl` without the attribute, and
//! names that nobody declares. Where the compiler does not tell the file, and where a name may come from somewhere else,
//! nothing is found, and the compiler reports the mistake in its own words.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::{Ident, ItemImpl};

/// The tokens of a file.
pub(crate) struct SourceFile(TokenStream);

/// Attributes that leave an item as it is.
const PLAIN: &[&str] = &[
    "allow",
    "cfg",
    "deny",
    "deprecated",
    "derive",
    "doc",
    "expect",
    "must_use",
    "repr",
    "warn",
];

impl SourceFile {
    /// The file of `span`. None outside of the compiler, as in a test, and for what another macro wrote.
    pub(crate) fn of(span: Span) -> Option<SourceFile> {
        if !proc_macro::is_available() {
            return None;
        }
        let text = std::fs::read_to_string(span.unwrap().local_file()?).ok()?;
        Some(SourceFile(text.parse().ok()?))
    }

    /// Whether `model` stands beside an `impl` with a `forward`, and no such `impl` has an attribute.
    pub(crate) fn has_unmarked_forward(&self, model: &Ident) -> bool {
        // A model may have its traits by hand.
        !mentions(&self.0, "Called") && is_unmarked(&self.0, model)
    }

    /// Whether the type `name` may come from anywhere but a prelude, and the file says more of it than that fields have
    /// it.
    pub(crate) fn may_have_type(&self, name: &Ident) -> bool {
        may_import_all(&self.0) || declares(&self.0, name, &is_type_of_field)
    }

    /// Whether a function `name` may come from anywhere but a prelude.
    pub(crate) fn may_have_function(&self, name: &Ident) -> bool {
        may_import_all(&self.0) || declares(&self.0, name, &is_call)
    }
}

fn is(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// Whether the word stands anywhere in `tokens`.
fn mentions(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|token| match &token {
        TokenTree::Group(group) => mentions(&group.stream(), word),
        token => is(Some(token), word),
    })
}

/// Whether `tokens`, or a block in them, have the struct and an `impl` of it with a `forward`, neither of which another
/// macro may have marked.
fn is_unmarked(tokens: &TokenStream, model: &Ident) -> bool {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let name = model.to_string();
    let places = || 0..tokens.len();
    let is_struct = |at: usize| is(tokens.get(at), "struct") && is(tokens.get(at + 1), &name);
    // Another struct of the name, without the attribute, is not the one in question.
    if places().any(|at| is_struct(at) && is_marked(tokens.get(..at).unwrap_or_default())) {
        let forwards = places().filter(|at| has_forward(tokens.get(*at..).unwrap_or_default(), &name));
        let marks: Vec<bool> = forwards
            .map(|at| is_marked(tokens.get(..at).unwrap_or_default()))
            .collect();
        if marks.contains(&false) && !marks.contains(&true) {
            return true;
        }
    }
    tokens.iter().any(|token| match token {
        TokenTree::Group(group) => is_unmarked(&group.stream(), model),
        _ => false,
    })
}

/// Whether `tokens` begin with an `impl` of the model itself that has a `forward`.
fn has_forward(tokens: &[TokenTree], model: &str) -> bool {
    if !is(tokens.first(), "impl") {
        return false;
    }
    let is_body =
        |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let Some(end) = tokens.iter().position(is_body) else {
        return false;
    };
    let item: TokenStream = tokens.iter().take(end + 1).cloned().collect();
    let Ok(ItemImpl {
        trait_: None,
        self_ty,
        items,
        ..
    }) = syn::parse2(item)
    else {
        return false;
    };
    let syn::Type::Path(path) = &*self_ty else {
        return false;
    };
    let is_model = path.path.segments.last().is_some_and(|last| last.ident == model);
    let is_forward =
        |item: &syn::ImplItem| matches!(item, syn::ImplItem::Fn(function) if function.sig.ident == "forward");
    is_model && items.iter().any(is_forward)
}

/// Whether the item behind `before` has an attribute that may be a macro.
fn is_marked(before: &[TokenTree]) -> bool {
    match before {
        [rest @ .., word] if is(Some(word), "pub") => is_marked(rest),
        // `pub(crate)`
        [rest @ .., word, TokenTree::Group(group)]
            if is(Some(word), "pub") && group.delimiter() == Delimiter::Parenthesis =>
        {
            is_marked(rest)
        }
        [rest @ .., sign, TokenTree::Group(group)]
            if is_punct(Some(sign), '#') && group.delimiter() == Delimiter::Bracket =>
        {
            let name = group.stream().into_iter().next();
            !PLAIN.iter().any(|plain| is(name.as_ref(), plain)) || is_marked(rest)
        }
        _ => false,
    }
}

/// Whether the file takes names from somewhere else without naming them: `use super::*`, but for preludes.
fn may_import_all(tokens: &TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => may_import_all(&group.stream()),
        token if is(Some(token), "include") => true,
        token if is(Some(token), "use") => {
            let used: String = used(&tokens, at)
                .into_iter()
                .map(|token| token.to_string())
                .collect();
            used.contains('*') && !used.ends_with("prelude::*")
        }
        _ => false,
    })
}

/// The tokens of a `use` that begins at `at`.
fn used(tokens: &[TokenTree], at: usize) -> TokenStream {
    let used = tokens.get(at..).unwrap_or_default().iter();
    used.take_while(|token| !is_punct(Some(token), ';'))
        .cloned()
        .collect()
}

/// Whether `name` stands where `is_use` does not take it for a mere use. `is_use` sees the tokens before and behind it.
fn declares(tokens: &TokenStream, name: &Ident, is_use: &dyn Fn(&[TokenTree], &[TokenTree]) -> bool) -> bool {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => declares(&group.stream(), name, is_use),
        token if is(Some(token), "use") => mentions(&used(&tokens, at), &name.to_string()),
        TokenTree::Ident(ident) if ident == name => {
            let (before, behind) = (tokens.get(..at), tokens.get(at + 1..));
            !is_use(before.unwrap_or_default(), behind.unwrap_or_default())
        }
        _ => false,
    })
}

/// `fc: Name` or `Vec<Name>`, and not `other::Name`.
fn is_type_of_field(before: &[TokenTree], _: &[TokenTree]) -> bool {
    match before {
        [.., first, second] if is_punct(Some(second), ':') => !is_punct(Some(first), ':'),
        [.., last] => is_punct(Some(last), '<'),
        [] => false,
    }
}

/// `name(x)` or `x.name()`, and not `fn name()`.
fn is_call(before: &[TokenTree], behind: &[TokenTree]) -> bool {
    let Some(TokenTree::Group(group)) = behind.first() else {
        return false;
    };
    group.delimiter() == Delimiter::Parenthesis && !is(before.last(), "fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile(text.parse().unwrap())
    }

    fn ident(name: &str) -> Ident {
        Ident::new(name, Span::call_site())
    }

    #[test]
    fn an_impl_without_the_attribute_is_found() {
        let has = |text: &str| file(text).has_unmarked_forward(&ident("Net"));
        let body = "impl Net { fn forward(&self) {} }";
        assert!(has(&format!("#[zk_model] struct Net {{}} {body}")));
        assert!(has(&format!(
            "mod a {{ #[zk_model(input = [1])] pub struct Net {{}} #[allow(dead_code)] {body} }}"
        )));
        assert!(has(
            "#[zk_model] struct Net<const N: usize> {} impl<const N: usize> Net<N> { fn forward(&self) {} }"
        ));
        for fine in [
            &format!("#[zk_model] struct Net {{}} #[zk_model] {body}"),
            // Another struct of the same name, and one without a `forward` here.
            &format!("mod a {{ #[derive(Debug)] struct Net; {body} }} #[zk_model] struct Net {{}}"),
            "#[zk_model] struct Net {} impl Net { fn other(&self) {} }",
            "#[zk_model] struct Net {} impl Layer for Net { fn forward(&self) {} }",
            &format!("#[zk_model] struct Net {{}} {body} impl Called for Net {{}}"),
            &format!("#[zk_model] struct Net {{}} #[cfg(a)] {body} #[cfg(b)] #[zk_model] {body}"),
        ] {
            assert!(!has(fine), "{fine}");
        }
    }

    #[test]
    fn names_that_nobody_declares_are_found() {
        let may = |text: &str| file(text).may_have_type(&ident("Lineer"));
        assert!(!may(
            "use zkml::prelude::*; struct A { a: Lineer, b: Vec<Lineer> }"
        ));
        for declared in [
            "use a::*;",
            "use super::{self, *};",
            "use a::Lineer;",
            "use a::{B, Lineer};",
            "struct Lineer;",
            "mod a { pub type Lineer = u8; }",
            "layers! { Lineer }",
            "include!(\"a.rs\");",
        ] {
            assert!(may(&format!("{declared} struct A {{ a: Lineer }}")), "{declared}");
        }
        let may = |text: &str| file(text).may_have_function(&ident("exp"));
        assert!(!may(
            "use zkml::prelude::*; fn f() { exp(a); g(exp(x.exp())); torch::exp(a) }"
        ));
        for declared in [
            "fn exp() {}",
            "use a::exp;",
            "use a::{b, exp};",
            "use a::f as exp;",
        ] {
            assert!(may(&format!("{declared} fn f() {{ exp(x) }}")), "{declared}");
        }
        assert!(may("fn f() { let exp = |x| x; exp(x) }"));
    }
}
