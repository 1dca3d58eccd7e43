//! Checks the settings of a layer of the catalogue: none is unknown, and no required one is missing.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use crate::attribute::Setting;
use crate::catalogue::Layer;
use crate::diagnostics::{Errors, closest, list};
use crate::hyper;

/// Takes the setting of this name, if it is there.
pub(super) fn take(settings: &mut Vec<Setting>, name: &str) -> Option<Setting> {
    let position = settings.iter().position(|setting| setting.name == name)?;
    Some(settings.remove(position))
}

/// Values as the options struct takes them.
pub(super) fn check_settings(
    layer: &'static Layer,
    ty: &Type,
    settings: Vec<Setting>,
    errors: &mut Errors,
) -> Vec<(Ident, TokenStream)> {
    let mut values = Vec::new();
    let mut misspelt = Vec::new();
    for Setting { name, value } in settings {
        let text = name.to_string();
        let same = layer
            .kind(&text)
            .and_then(|kind| hyper::named_padding(kind, &value));
        if let Some(same) = same {
            values.push((Ident::new("same", name.span()), quote!(#same)));
            continue;
        }
        match layer.kind(&text) {
            Some(kind) => values.push((name, hyper::value(&text, kind, &value, errors))),
            None => {
                let names: Vec<&str> = layer.names().collect();
                let best = closest(&text, names.iter().copied());
                misspelt.extend(best);
                let hint = match best {
                    Some(best) => format!(", did you mean `{best}`?"),
                    None => format!(": expected {}", list(&names)),
                };
                errors.push(
                    &name,
                    format!("`{}` has no hyper-parameter `{text}`{hint}", layer.name),
                );
            }
        }
    }
    // The name that a misspelt one resembles is not reported as missing, too.
    let missing: Vec<&str> = layer
        .required
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !misspelt.contains(name) && !values.iter().any(|(given, _)| given == name))
        .collect();
    if !missing.is_empty() {
        let given: Vec<String> = values.iter().map(|(name, _)| name.to_string()).collect();
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        errors.push(
            ty,
            format!(
                "`{}` needs {}, found {}",
                layer.name,
                list(&missing),
                list(&given)
            ),
        );
    }
    values
}
