//! Checks that `#[layer(planes = 64)]` gives a model the arguments it takes, for the code that `#[zk_model]` generates.

use super::Module;
use crate::graph::{Text, same_name};

/// A constant that was evaluated. Where that failed, a type that mentions it is none.
#[derive(Debug)]
pub struct Checked<const OK: bool>;

/// The type `Type`, if the constants in `Self` could be evaluated.
pub trait Given<Type> {
    /// `Type`.
    type Type;
}

impl<Checks, Type> Given<Type> for Checks {
    type Type = Type;
}

/// The options of `Model`, if the constants in `Self` could be evaluated.
pub trait OptionsOf<Model> {
    /// `Model::Options`.
    type Options;
}

impl<Checks, Model: Module> OptionsOf<Model> for Checks {
    type Options = Model::Options;
}

/// Stops the compilation if `model`, whose arguments are `known`, takes none of this name.
#[track_caller]
#[allow(
    clippy::panic,
    reason = "evaluated by the compiler only: this is how a constant reports an error"
)]
pub const fn takes(model: &str, known: Option<&[&str]>, name: &str) -> bool {
    let Some(known) = known else { return true };
    if contains(known, name) {
        return true;
    }
    let text = quoted(quoted(Text::new(), model).str(" has no argument "), name);
    let text = list(text.str(": expected "), known, &[]);
    panic!("{}", text.as_str());
}

/// Stops the compilation if an argument of `model` is not among `given`. An unknown name may stand for it, and is
/// reported by [`takes`].
#[track_caller]
#[allow(
    clippy::panic,
    reason = "evaluated by the compiler only: this is how a constant reports an error"
)]
pub const fn is_complete(model: &str, known: Option<&[&str]>, given: &[&str]) -> bool {
    let Some(known) = known else { return true };
    let missing = list(Text::new(), known, given);
    let unknown = list(Text::new(), given, known);
    if same_name(missing.as_str(), NONE) || !same_name(unknown.as_str(), NONE) {
        return true;
    }
    let text = quoted(Text::new(), model).str(" needs ").text(missing);
    panic!("{}", list(text.str(", found "), given, &[]).as_str());
}

/// Nothing fails here, but in the evaluation of `fields` for a model without `forward`.
pub const fn has_fields(fields: &[&str]) -> bool {
    let _ = fields;
    true
}

/// Nothing fails here, but in the evaluation of `known` for a type that is no layer.
pub const fn is_module(known: Option<&[&str]>) -> bool {
    let _ = known;
    true
}

/// A list without names.
const NONE: &str = "none";

/// Adds the names that are not among `without`: `` `a`, `b` ``.
const fn list(mut text: Text, names: &[&str], without: &[&str]) -> Text {
    let mut count = 0;
    let mut i = 0;
    while i < names.len() {
        if !contains(without, names[i]) {
            text = quoted(text.str(if count > 0 { ", " } else { "" }), names[i]);
            count += 1;
        }
        i += 1;
    }
    match count {
        0 => text.str(NONE),
        _ => text,
    }
}

const fn contains(names: &[&str], name: &str) -> bool {
    let mut i = 0;
    while i < names.len() {
        if same_name(names[i], name) {
            return true;
        }
        i += 1;
    }
    false
}

const fn quoted(text: Text, name: &str) -> Text {
    text.str("`").str(name).str("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_leave_out_what_is_given() {
        let of = |names, without| list(Text::new(), names, without).as_str().to_owned();
        assert_eq!(of(&["a", "b", "c"], &["b"]), "`a`, `c`");
        assert_eq!(of(&["a"], &["a"]), "none");
        assert!(takes("Block", Some(&["planes"]), "planes") && takes("Block", None, "any"));
        assert!(is_complete("Block", Some(&["a", "b"]), &["b", "a"]) && is_complete("Block", None, &[]));
    }
}
