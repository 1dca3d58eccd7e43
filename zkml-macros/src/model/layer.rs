//! Reading a field that is a layer.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, GenericArgument, Ident, PathArguments, Type};

use super::settings::{check_settings, take};
use crate::attribute::Setting;
use crate::catalogue::{self, Layer};
use crate::diagnostics::{Errors, closest, respan, source};
use crate::field_attributes::{FieldAttributes, own_key};
use crate::hyper;
use crate::missing;
use crate::source_file::SourceFile;

/// How many layers a field holds.
pub(crate) enum Times {
    Once,
    /// `Vec`, so many times.
    Repeat(Expr),
    /// `Option`, on a condition.
    When(Expr),
}

/// Another layer's parameter, which a layer uses in place of its own.
pub(crate) struct Tied {
    /// Its state-dict key, from the model that declares the layer.
    pub(crate) key: syn::LitStr,
    /// The condition, if there is one.
    pub(crate) when: Option<Expr>,
}

/// A field that is a layer.
pub(crate) struct LayerField {
    pub(crate) name: Ident,
    /// Type of the field.
    pub(crate) field: Type,
    /// Type of one layer, without `Vec` or `Option`.
    pub(crate) ty: Type,
    pub(crate) times: Times,
    /// State-dict key of the field.
    pub(crate) key: String,
    pub(crate) tied: Option<Tied>,
    pub(crate) catalogue: Option<&'static Layer>,
    /// Values as the options struct takes them.
    pub(crate) values: Vec<(Ident, TokenStream)>,
    /// Whether all values can stand in a `const fn`.
    pub(crate) constant: bool,
}

impl LayerField {
    /// Nothing when the field is not usable.
    pub(super) fn read(
        name: Ident,
        field: &Type,
        attributes: FieldAttributes,
        errors: &mut Errors,
    ) -> Option<LayerField> {
        let mut settings = attributes.layer.unwrap_or_default();
        let (ty, times) = read_times(field, &mut settings, errors)?;
        let Some(type_name) = layer_name(&ty) else {
            errors.push(
                &ty,
                format!(
                    "expected a layer, found `{}`: mark a hyper-parameter with `#[arg]`",
                    source(&ty)
                ),
            );
            return None;
        };
        let catalogue = catalogue::find(&type_name);
        if let Some(message) = missing::layer(&type_name) {
            errors.push(&ty, message);
            return None;
        }
        if catalogue.is_none()
            && let Some(message) = unknown(&ty)
        {
            errors.push(&ty, message);
            return None;
        }
        let constant = settings.iter().all(|setting| hyper::is_constant(&setting.value))
            && catalogue.is_none_or(catalogue::Layer::is_constant);
        let values = match catalogue {
            Some(layer) => check_settings(layer, &ty, settings, errors),
            None => settings
                .into_iter()
                .map(|setting| (setting.name, setting.value.to_token_stream()))
                .collect(),
        };
        let tied = match attributes.tied {
            Some(key) => Some(read_tied(
                key,
                attributes.tied_when,
                catalogue.is_some(),
                &times,
                errors,
            )?),
            None => None,
        };
        let key = attributes.rename.unwrap_or_else(|| own_key(&name));
        Some(LayerField {
            name,
            field: field.clone(),
            ty,
            times,
            key,
            tied,
            catalogue,
            values,
            constant,
        })
    }
}

impl LayerField {
    /// All expressions: of its hyper-parameters, its count and its conditions.
    pub(super) fn expressions(&self) -> Vec<Expr> {
        let values = self.values.iter();
        let mut expressions: Vec<Expr> = values
            .filter_map(|(_, value)| syn::parse2(value.clone()).ok())
            .collect();
        if let Times::Repeat(value) | Times::When(value) = &self.times {
            expressions.push(value.clone());
        }
        expressions.extend(self.tied.as_ref().and_then(|tied| tied.when.clone()));
        expressions
    }
}

/// Checks what a layer is tied to, as far as the field itself says it.
fn read_tied(
    key: syn::LitStr,
    when: Option<Expr>,
    is_known: bool,
    times: &Times,
    errors: &mut Errors,
) -> Option<Tied> {
    let text = key.value();
    let found = if !is_known {
        "it on a model: tie the layer inside".to_owned()
    } else if !matches!(times, Times::Once) {
        "it on a `Vec` or an `Option`".to_owned()
    } else if !["weight", "bias"].contains(&text.rsplit('.').next().unwrap_or_default()) {
        format!("\"{text}\", which ends in neither `weight` nor `bias`")
    } else {
        return Some(Tied { key, when });
    };
    let expected = "the key of another layer's parameter, on one layer of zkml such as `Linear`";
    errors.push(&key, format!("`tied` expects {expected}, found {found}"));
    None
}

/// The type of one layer, and how often it is there; takes `repeat` and `when` from the settings.
fn read_times(field: &Type, settings: &mut Vec<Setting>, errors: &mut Errors) -> Option<(Type, Times)> {
    let (repeat, when) = (take(settings, "repeat"), take(settings, "when"));
    match (wrapped(field), repeat, when) {
        (Some(("Vec", inner)), Some(repeat), None) => {
            return Some((inner.clone(), Times::Repeat(repeat.value)));
        }
        (Some(("Option", inner)), None, Some(when)) => {
            return Some((inner.clone(), Times::When(when.value)));
        }
        (Some(("Vec", _)), None, _) => {
            errors.push(field, "a `Vec` of layers needs `#[layer(repeat = count)]`");
        }
        (Some(("Option", _)), _, None) => {
            errors.push(field, "an optional layer needs `#[layer(when = condition)]`");
        }
        (_, Some(repeat), _) => {
            let found = source(field);
            errors.push(
                &repeat.name,
                format!("`repeat` expects a `Vec` of layers, found `{found}`"),
            );
        }
        (_, _, Some(when)) => {
            let found = source(field);
            errors.push(
                &when.name,
                format!("`when` expects an `Option` of a layer, found `{found}`"),
            );
        }
        (_, None, None) => return Some((field.clone(), Times::Once)),
    }
    None
}

/// The layer of the catalogue that a field of this type holds, once or several times.
pub(crate) fn catalogue_of(field: &Type) -> Option<&'static Layer> {
    let ty = wrapped(field).map_or(field, |(_, inner)| inner);
    catalogue::find(&layer_name(ty)?)
}

/// A type in place of a field that is wrong, which can be used as the field is.
pub(super) fn harmless(field: &Type, zkml: &syn::Path) -> Type {
    match wrapped(field) {
        Some(("Vec", _)) => syn::parse_quote!(::std::vec::Vec<#zkml::nn::Identity>),
        Some(_) => syn::parse_quote!(::core::option::Option<#zkml::nn::Identity>),
        None => syn::parse_quote!(#zkml::nn::Identity),
    }
}

/// `Vec<T>` or `Option<T>`: the name and `T`.
fn wrapped(ty: &Type) -> Option<(&'static str, &Type)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let name = ["Vec", "Option"].into_iter().find(|name| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some((name, inner)),
        _ => None,
    }
}

/// Types that are certainly no layers.
const NO_LAYERS: &[&str] = &[
    "bool",
    "char",
    "str",
    "String",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "Tensor",
    "Box",
    "Rc",
    "Arc",
    "HashMap",
    "BTreeMap",
    "PhantomData",
];

/// Last part of the type's path, unless it is certainly not a layer.
fn layer_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    (!NO_LAYERS.contains(&name.as_str())).then_some(name)
}

/// What is wrong with the name of a layer that is none of zkml, and that the file neither declares nor imports. The
/// compiler would say it of every place where the expansion names the type.
fn unknown(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    let name = path.path.get_ident()?;
    if SourceFile::of(name.span())?.may_have_type(name) {
        return None;
    }
    Some(match closest(&name.to_string(), catalogue::names()) {
        Some(layer) => format!("no layer is called `{name}`: did you mean `{layer}`?"),
        None => format!(
            "no layer is called `{name}`: expected a layer of zkml, or a model that this file declares or imports"
        ),
    })
}

/// Tokens of the options struct of a layer, from inside the crate that uses it.
pub(crate) fn options_type(layer: &LayerField, zkml: &syn::Path) -> TokenStream {
    let ty = &layer.ty;
    let module = quote!(#zkml::nn::Module);
    let mut tokens = quote!(<#ty as #module>::Options);
    // All tokens get the span of the type, so that a type that is no layer is one error, at the type.
    if let Some(span) = first_span(ty) {
        tokens = respan(tokens, span);
    }
    tokens
}

pub(crate) fn first_span(tokens: &impl ToTokens) -> Option<proc_macro2::Span> {
    tokens
        .to_token_stream()
        .into_iter()
        .next()
        .map(|token| token.span())
}
