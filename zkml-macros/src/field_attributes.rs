//! Reading `#[layer(...)]`, `#[arg]` and `#[param(...)]` on a field.

use syn::{Attribute, Expr, Field, Ident};

use crate::attribute::{Setting, settings};
use crate::diagnostics::{Errors, closest, did_you_mean, list, source};
use crate::model::catalogue_of;

/// Our attributes of one field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) layer: Option<Vec<Setting>>,
    pub(crate) is_argument: bool,
    pub(crate) rename: Option<String>,
    /// Key of another layer's parameter that the layer uses in place of its own.
    pub(crate) tied: Option<syn::LitStr>,
    /// When it does; always, if nothing is said.
    pub(crate) tied_when: Option<Expr>,
    /// Shape of a parameter.
    pub(crate) shape: Option<Vec<Expr>>,
    /// An attribute was wrong: say nothing more about this field.
    pub(crate) broken: bool,
}

/// State-dict key of a field that is not renamed.
pub(crate) fn own_key(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
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
    let names: Vec<&str> = catalogue_of(&field.ty).map_or(Vec::new(), |layer| layer.names().collect());
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
            "layer" => match arguments(&attribute, &names, errors) {
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

/// `names`: those that values without a name may stand for.
fn arguments(attribute: &Attribute, names: &[&str], errors: &mut Errors) -> Option<Vec<Setting>> {
    match &attribute.meta {
        syn::Meta::Path(_) => Some(Vec::new()),
        syn::Meta::List(list) => settings(list.tokens.clone(), names, errors),
        other => {
            let name = source(attribute.path());
            errors.push(other, format!("expected `#[{name}(name = value, ...)]`"));
            None
        }
    }
}

fn read_parameter(attribute: &Attribute, read: &mut FieldAttributes, errors: &mut Errors) {
    let Some(settings) = arguments(attribute, &[], errors) else {
        read.broken = true;
        return;
    };
    for Setting { name, value } in settings {
        let ok = match name.to_string().as_str() {
            "shape" => read_shape(value, read, errors),
            "rename" => {
                read.rename = key("rename", "features.0", &value, errors).map(|text| text.value());
                true
            }
            "tied" => {
                read.tied = key("tied", "model.embed_tokens.weight", &value, errors);
                read.tied.is_some()
            }
            "when" => {
                read.tied_when = Some(value);
                true
            }
            unknown => {
                let hint = did_you_mean(unknown, KNOWN.iter().copied());
                let hint = if hint.is_empty() {
                    ": expected `rename`, `shape` or `tied`".to_owned()
                } else {
                    hint
                };
                errors.push(&name, format!("unknown argument `{name}` of `#[param]`{hint}"));
                false
            }
        };
        read.broken |= !ok;
    }
    if let (Some(when), None, false) = (&read.tied_when, &read.tied, read.broken) {
        errors.push(
            when,
            "`when` expects `tied`, `#[param(tied = \"model.embed_tokens.weight\", when = ...)]`, found it alone",
        );
        read.broken = true;
    }
}

/// Arguments of `#[param(...)]`.
const KNOWN: &[&str] = &["rename", "shape", "tied", "when"];

fn read_shape(value: Expr, read: &mut FieldAttributes, errors: &mut Errors) -> bool {
    match value {
        Expr::Array(array) => {
            read.shape = Some(array.elems.into_iter().collect());
            true
        }
        other => {
            errors.push(&other, "`shape` expects sizes, such as `[64, 3]`");
            false
        }
    }
}

/// The state-dict key that stands as a string literal.
fn key(name: &str, example: &str, value: &Expr, errors: &mut Errors) -> Option<syn::LitStr> {
    let what = match value {
        Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Str(text) if is_key(&text.value()) => return Some(text.clone()),
            _ => "a state-dict key",
        },
        _ => "a string literal",
    };
    errors.push(value, format!("`{name}` expects {what} such as \"{example}\""));
    None
}

/// Whether `text` is made of names separated by dots.
fn is_key(text: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    text.split('.').all(plain)
}
