//! Reading the struct.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, Field, GenericArgument, GenericParam, Generics, Ident, ItemStruct, PathArguments, Type};

use crate::attribute::{ModelArguments, Setting};
use crate::catalogue::{self, Layer};
use crate::diagnostics::{Errors, closest, list, respan, source};
use crate::field_attributes::{FieldAttributes, read_attributes};
use crate::hyper;

/// Name of the field that is added to every model.
pub(crate) const PATH_FIELD: &str = "parameter_path";

/// A struct under `#[zk_model]`.
pub(crate) struct Model {
    pub(crate) arguments: ModelArguments,
    /// The struct without our attributes; fields that are wrong have a harmless type.
    pub(crate) item: ItemStruct,
    pub(crate) inputs: Vec<Input>,
    pub(crate) layers: Vec<LayerField>,
    /// There are `const` generics only, as there should.
    pub(crate) generics_are_plain: bool,
}

/// A field marked `#[arg]`.
pub(crate) struct Input {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

/// How often a layer is there.
pub(crate) enum Times {
    Once,
    /// `Vec`, so many times.
    Repeat(Expr),
    /// `Option`, on a condition.
    When(Expr),
}

/// A field that is a layer.
pub(crate) struct LayerField {
    pub(crate) name: Ident,
    /// Type of one layer, without `Vec` or `Option`.
    pub(crate) ty: Type,
    pub(crate) times: Times,
    /// State-dict key of the field.
    pub(crate) key: String,
    pub(crate) catalogue: Option<&'static Layer>,
    /// Values as the options struct takes them.
    pub(crate) values: Vec<(Ident, TokenStream)>,
    /// Whether all values can stand in a `const fn`.
    pub(crate) constant: bool,
}

impl Model {
    pub(crate) fn read(arguments: TokenStream, mut item: ItemStruct, errors: &mut Errors) -> Model {
        let arguments = ModelArguments::parse(arguments, true, errors);
        let generics_are_plain = check_generics(&item.generics, errors);
        let zkml = &arguments.zkml;
        let mut model = Model {
            arguments: ModelArguments {
                zkml: zkml.clone(),
                input: None,
            },
            inputs: Vec::new(),
            layers: Vec::new(),
            item: item.clone(),
            generics_are_plain: true,
        };
        match &mut item.fields {
            syn::Fields::Named(fields) => {
                for field in &mut fields.named {
                    if !read_field(field, &mut model, errors) {
                        field.ty = syn::parse_quote!(#zkml::nn::Identity);
                    }
                }
                let path = Ident::new(PATH_FIELD, item.ident.span());
                fields
                    .named
                    .push(syn::parse_quote!(#path: #zkml::nn::ParameterPath));
            }
            syn::Fields::Unnamed(fields) => {
                errors.push(
                    fields,
                    "`#[zk_model]` expects named fields, found a tuple struct: layers need names",
                );
                item.fields = empty_fields(zkml);
                item.semi_token = None;
            }
            syn::Fields::Unit => {
                errors.push(
                    &item.ident,
                    "`#[zk_model]` expects a struct with layers as named fields, found none",
                );
                item.fields = empty_fields(zkml);
                item.semi_token = None;
            }
        }
        for (i, layer) in model.layers.iter().enumerate() {
            if model.layers[..i].iter().any(|earlier| earlier.key == layer.key) {
                errors.push(
                    &layer.name,
                    format!("two fields have the state-dict key `{}`", layer.key),
                );
            }
        }
        if !generics_are_plain && let syn::Fields::Named(fields) = &mut item.fields {
            let generics = phantom(&item.generics);
            fields
                .named
                .push(syn::parse_quote!(#[allow(dead_code)] generics: #generics));
        }
        model.generics_are_plain = generics_are_plain;
        model.item = item;
        model.arguments = arguments;
        model
    }
}

/// A type that mentions every parameter, for structs whose generics are wrong.
pub(crate) fn phantom(generics: &Generics) -> TokenStream {
    let mentions = generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Lifetime(lifetime) => {
            let lifetime = &lifetime.lifetime;
            Some(quote!(&#lifetime ()))
        }
        GenericParam::Type(ty) => {
            let ty = &ty.ident;
            Some(quote!(*const #ty))
        }
        GenericParam::Const(_) => None,
    });
    quote!(::core::marker::PhantomData<(#(#mentions,)*)>)
}

pub(crate) fn empty_fields(zkml: &syn::Path) -> syn::Fields {
    let path = Ident::new(PATH_FIELD, proc_macro2::Span::call_site());
    syn::Fields::Named(syn::parse_quote!({ #path: #zkml::nn::ParameterPath }))
}

/// Whether there are only `const` generics.
fn check_generics(generics: &Generics, errors: &mut Errors) -> bool {
    let plain = generics.const_params().count();
    for parameter in &generics.params {
        match parameter {
            GenericParam::Const(_) => {}
            GenericParam::Type(ty) => errors.push(
                &ty.ident,
                format!(
                    "a model has no type parameters, found `{}`: use `const` generics or an `#[arg]`",
                    ty.ident
                ),
            ),
            GenericParam::Lifetime(lifetime) => {
                errors.push(&lifetime.lifetime, "a model has no lifetime parameters");
            }
        }
    }
    plain == generics.params.len()
}

/// Reads a field and takes our attributes from it; `false` when it is not usable.
fn read_field(field: &mut Field, model: &mut Model, errors: &mut Errors) -> bool {
    let Some(name) = field.ident.clone() else {
        return false;
    };
    if name == PATH_FIELD {
        errors.push(
            &name,
            format!("`{PATH_FIELD}` is the name of a field that `#[zk_model]` adds"),
        );
        field.ident = Some(Ident::new("parameter_path_", name.span()));
        return false;
    }
    let attributes = read_attributes(field, errors);
    if attributes.broken {
        return false;
    }
    if attributes.is_argument {
        if attributes.layer.is_some() || attributes.rename.is_some() {
            errors.push(
                &name,
                format!("`{name}` is an `#[arg]` and cannot be a layer as well"),
            );
            return false;
        }
        field.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
        model.inputs.push(Input {
            name,
            ty: field.ty.clone(),
        });
        return true;
    }
    read_layer(name, &field.ty, attributes, model, errors)
}

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

fn read_layer(
    name: Ident,
    field_ty: &Type,
    attributes: FieldAttributes,
    model: &mut Model,
    errors: &mut Errors,
) -> bool {
    let mut settings = attributes.layer.unwrap_or_default();
    let mut take = |key: &str| {
        settings
            .iter()
            .position(|setting| setting.name == key)
            .map(|position| settings.remove(position))
    };
    let (repeat, when) = (take("repeat"), take("when"));
    let (ty, times) = match (wrapped(field_ty), repeat, when) {
        (Some(("Vec", inner)), Some(repeat), None) => (inner.clone(), Times::Repeat(repeat.value)),
        (Some(("Vec", _)), None, _) => {
            errors.push(field_ty, "a `Vec` of layers needs `#[layer(repeat = count)]`");
            return false;
        }
        (Some(("Option", inner)), None, Some(when)) => (inner.clone(), Times::When(when.value)),
        (Some(("Option", _)), _, None) => {
            errors.push(field_ty, "an optional layer needs `#[layer(when = condition)]`");
            return false;
        }
        (_, Some(repeat), _) => {
            errors.push(
                &repeat.name,
                format!("`repeat` expects a `Vec` of layers, found `{}`", source(field_ty)),
            );
            return false;
        }
        (_, _, Some(when)) => {
            errors.push(
                &when.name,
                format!(
                    "`when` expects an `Option` of a layer, found `{}`",
                    source(field_ty)
                ),
            );
            return false;
        }
        (_, None, None) => (field_ty.clone(), Times::Once),
    };
    let Some(type_name) = layer_name(&ty) else {
        errors.push(
            &ty,
            format!(
                "expected a layer, found `{}`: mark a hyper-parameter with `#[arg]`",
                source(&ty)
            ),
        );
        return false;
    };
    let catalogue = catalogue::find(&type_name);
    let constant = settings.iter().all(|setting| hyper::is_constant(&setting.value))
        && catalogue.is_none_or(catalogue::Layer::is_constant);
    let values = match catalogue {
        Some(layer) => check_settings(layer, &ty, settings, errors),
        None => settings
            .into_iter()
            .map(|setting| (setting.name, setting.value.to_token_stream()))
            .collect(),
    };
    let key = attributes
        .rename
        .unwrap_or_else(|| name.to_string().trim_start_matches("r#").to_owned());
    model.layers.push(LayerField {
        name,
        ty,
        times,
        key,
        catalogue,
        values,
        constant,
    });
    true
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

/// Last part of the type's path, unless it is certainly not a layer.
fn layer_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    (!NO_LAYERS.contains(&name.as_str())).then_some(name)
}

fn check_settings(
    layer: &'static Layer,
    ty: &Type,
    settings: Vec<Setting>,
    errors: &mut Errors,
) -> Vec<(Ident, TokenStream)> {
    let mut values = Vec::new();
    let mut misspelt = Vec::new();
    for Setting { name, value } in settings {
        let text = name.to_string();
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
    // A misspelt name is one mistake, not also a missing one.
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

/// Tokens of the options struct of a layer, from inside the crate that uses it.
pub(crate) fn options_type(layer: &LayerField, zkml: &syn::Path) -> TokenStream {
    let ty = &layer.ty;
    let module = quote!(#zkml::nn::Module);
    let mut tokens = quote!(<#ty as #module>::Options);
    // The whole projection is underlined where the type is: a type that is no layer is one error.
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
