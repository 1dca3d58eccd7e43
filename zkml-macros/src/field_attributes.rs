//! Reading `#[layer(...)]`, `#[arg]` and `#[param(...)]` on a field.

use syn::{Attribute, Expr, Field};

use crate::attribute::{Setting, settings};
use crate::diagnostics::{Errors, closest, did_you_mean, list, source};

/// Our attributes of one field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) layer: Option<Vec<Setting>>,
    pub(crate) is_argument: bool,
    pub(crate) rename: Option<String>,
    /// Shape of a parameter.
    pub(crate) shape: Option<Vec<Expr>>,
    /// An attribute was wrong: say nothing more about this field.
    pub(crate) broken: bool,
}

/// Attributes of the language that may stand on a field.
const LANGUAGE: &[&str] = &[
    "doc",
    "allow",
    "expect",
    "warn",
    "deny",
    "deprecated",
    "cfg",
    "cfg_attr",
];
const OURS: &[&str] = &["layer", "arg", "param"];

/// Takes our attributes from `field`.
pub(crate) fn read_attributes(field: &mut Field, errors: &mut Errors) -> FieldAttributes {
    let mut read = FieldAttributes::default();
    let mut seen: Vec<String> = Vec::new();
    for attribute in core::mem::take(&mut field.attrs) {
        let name = source(attribute.path());
        if LANGUAGE.contains(&name.as_str()) {
            field.attrs.push(attribute);
            continue;
        }
        if seen.contains(&name) {
            errors.push(attribute.path(), format!("`#[{name}]` is given twice"));
            read.broken = true;
            continue;
        }
        seen.push(name.clone());
        match name.as_str() {
            "layer" => match arguments(&attribute, errors) {
                Some(layer) => read.layer = Some(layer),
                None => read.broken = true,
            },
            "arg" => {
                if !matches!(attribute.meta, syn::Meta::Path(_)) {
                    errors.push(&attribute.meta, "`#[arg]` takes no arguments");
                }
                read.is_argument = true;
            }
            "param" => read_parameter(&attribute, &mut read, errors),
            unknown => {
                let hint = match closest(unknown, OURS.iter().copied()) {
                    Some(_) => did_you_mean(unknown, OURS.iter().copied()),
                    None => format!(": expected one of {}", list(OURS)),
                };
                errors.push(
                    attribute.path(),
                    format!("unknown attribute `#[{unknown}]`{hint}"),
                );
                read.broken = true;
            }
        }
    }
    read
}

fn arguments(attribute: &Attribute, errors: &mut Errors) -> Option<Vec<Setting>> {
    match &attribute.meta {
        syn::Meta::Path(_) => Some(Vec::new()),
        syn::Meta::List(list) => settings(list.tokens.clone(), errors),
        other => {
            let name = source(attribute.path());
            errors.push(other, format!("expected `#[{name}(name = value, ...)]`"));
            None
        }
    }
}

fn read_parameter(attribute: &Attribute, read: &mut FieldAttributes, errors: &mut Errors) {
    let Some(settings) = arguments(attribute, errors) else {
        read.broken = true;
        return;
    };
    for Setting { name, value } in settings {
        if name == "shape" {
            match value {
                Expr::Array(array) => read.shape = Some(array.elems.into_iter().collect()),
                other => {
                    errors.push(&other, "`shape` expects sizes, such as `[64, 3]`");
                    read.broken = true;
                }
            }
            continue;
        }
        if name != "rename" {
            let hint = did_you_mean(&name.to_string(), ["rename", "shape"]);
            let hint = if hint.is_empty() {
                ": expected `rename` or `shape`".to_owned()
            } else {
                hint
            };
            errors.push(&name, format!("unknown argument `{name}` of `#[param]`{hint}"));
            read.broken = true;
            continue;
        }
        match &value {
            Expr::Lit(literal) => match &literal.lit {
                syn::Lit::Str(text) if is_key(&text.value()) => {
                    read.rename = Some(text.value());
                    continue;
                }
                _ => errors.push(&value, "`rename` expects a state-dict key such as \"features.0\""),
            },
            _ => errors.push(&value, "`rename` expects a string literal such as \"features.0\""),
        }
    }
}

/// Whether `text` is made of names separated by dots.
fn is_key(text: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    text.split('.').all(plain)
}
