//! Reading the struct.

mod layer;
mod parameter;
mod settings;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Field, GenericParam, Generics, Ident, ItemStruct, Type};

use crate::attribute::ModelArguments;
use crate::catalogue;
use crate::diagnostics::{Errors, did_you_mean};
use crate::expand_model::mentioned;
use crate::field_attributes::read_attributes;

pub(crate) use self::layer::{LayerField, Tied, Times, catalogue_of, first_span, options_type};
pub(crate) use self::parameter::ParameterField;

/// Name of the field that is added to every model.
pub(crate) const PATH_FIELD: &str = "parameter_path";

/// A struct under `#[zk_model]`.
pub(crate) struct Model {
    pub(crate) arguments: ModelArguments,
    /// The struct without our attributes; fields that are wrong have a harmless type.
    pub(crate) item: ItemStruct,
    pub(crate) inputs: Vec<Input>,
    pub(crate) layers: Vec<LayerField>,
    pub(crate) parameters: Vec<ParameterField>,
    /// Are all generics `const`? Others are errors.
    pub(crate) generics_are_plain: bool,
}

/// A field marked `#[arg]`.
pub(crate) struct Input {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

impl Model {
    pub(crate) fn read(arguments: TokenStream, item: ItemStruct, errors: &mut Errors) -> Model {
        let arguments = ModelArguments::parse(arguments, true, errors);
        let generics_are_plain = check_generics(&item.generics, errors);
        check_name(&item.ident, errors);
        let mut model = Model {
            arguments,
            inputs: Vec::new(),
            layers: Vec::new(),
            parameters: Vec::new(),
            item,
            generics_are_plain,
        };
        model.read_fields(errors);
        model.check_arguments(errors);
        model.check_keys(errors);
        model.check_ties(errors);
        if !generics_are_plain && let syn::Fields::Named(fields) = &mut model.item.fields {
            let generics = phantom(&model.item.generics);
            fields
                .named
                .push(syn::parse_quote!(#[allow(dead_code)] generics: #generics));
        }
        model
    }

    /// Reads the fields, takes our attributes from them, and adds the one for the path.
    fn read_fields(&mut self, errors: &mut Errors) {
        let zkml = self.arguments.zkml.clone();
        let mut fields = core::mem::replace(&mut self.item.fields, syn::Fields::Unit);
        match &mut fields {
            syn::Fields::Named(fields) => {
                for field in &mut fields.named {
                    if !read_field(field, self, errors) {
                        field.ty = layer::harmless(&field.ty, &zkml);
                    }
                }
                let path = Ident::new(PATH_FIELD, self.item.ident.span());
                fields
                    .named
                    .push(syn::parse_quote!(#path: #zkml::nn::ParameterPath));
            }
            syn::Fields::Unnamed(unnamed) => {
                errors.push(
                    unnamed,
                    "`#[zk_model]` expects named fields, found a tuple struct: layers need names",
                );
                fields = self.without_fields();
            }
            syn::Fields::Unit => {
                errors.push(
                    &self.item.ident,
                    "`#[zk_model]` expects a struct with layers as named fields, found none",
                );
                fields = self.without_fields();
            }
        }
        self.item.fields = fields;
    }

    /// The fields of a struct that had none with names.
    fn without_fields(&mut self) -> syn::Fields {
        self.item.semi_token = None;
        empty_fields(&self.arguments.zkml)
    }

    /// A field that hyper-parameters and shapes mention is an argument, and no layer.
    fn check_arguments(&mut self, errors: &mut Errors) {
        let values: Vec<Expr> = self.layers.iter().flat_map(LayerField::expressions).collect();
        let shapes = self.parameters.iter().flat_map(|parameter| &parameter.shape);
        let shapes = shapes.chain(self.arguments.inputs.iter().flatten());
        let mentioned = mentioned(values.iter().chain(shapes));
        let is_mentioned = |layer: &LayerField| layer.catalogue.is_none() && mentioned.contains(&layer.name);
        for LayerField { name, field: ty, .. } in self.layers.extract_if(.., |layer| is_mentioned(layer)) {
            errors.push(
                &name,
                format!("`{name}` is used as an argument, expected `#[arg]` on it, found none"),
            );
            self.inputs.push(Input { name, ty });
        }
    }

    /// What a layer is tied to is in another layer of this model. Tracing checks the rest of the key.
    fn check_ties(&self, errors: &mut Errors) {
        for layer in &self.layers {
            let Some(Tied { key, .. }) = &layer.tied else {
                continue;
            };
            let text = key.value();
            let mut others = self.layers.iter().filter(|other| other.name != layer.name);
            if others.any(|other| leads_into(&text, &other.key)) {
                continue;
            }
            let first = text.split('.').next().unwrap_or_default();
            let names = self.layers.iter().filter(|other| other.name != layer.name);
            let hint = did_you_mean(first, names.map(|other| other.key.as_str()));
            errors.push(
                key,
                format!("`tied` expects the key of a parameter of another layer of this model, found no layer `{first}`{hint}"),
            );
        }
    }

    /// No two fields have one state-dict key.
    fn check_keys(&self, errors: &mut Errors) {
        let layers = self.layers.iter().map(|layer| (&layer.name, &layer.key));
        let parameters = self
            .parameters
            .iter()
            .map(|parameter| (&parameter.name, &parameter.key));
        let keys: Vec<(&Ident, &String)> = layers.chain(parameters).collect();
        for (i, (name, key)) in keys.iter().enumerate() {
            if keys[..i].iter().any(|(_, earlier)| earlier == key) {
                errors.push(name, format!("two fields have the state-dict key `{key}`"));
            }
        }
    }
}

/// Whether `key` leads into the layer at `field`: `model.embed_tokens.weight` into `model`.
fn leads_into(key: &str, field: &str) -> bool {
    key.strip_prefix(field).is_some_and(|rest| rest.starts_with('.'))
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

/// The name of a model is none of zkml's layers: a field of such a type is that layer.
fn check_name(name: &Ident, errors: &mut Errors) {
    if catalogue::find(&name.to_string()).is_some() {
        errors.push(
            name,
            format!("`{name}` is a layer of zkml: expected another name for a model of your own"),
        );
    }
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
        let is_layer =
            attributes.layer.is_some() || attributes.rename.is_some() || attributes.shape.is_some();
        if is_layer || attributes.tied.is_some() {
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
    if attributes.shape.is_some() || parameter::is_parameter(&field.ty) {
        let parameter = ParameterField::read(name, &field.ty, attributes, errors);
        let read = parameter.is_some();
        model.parameters.extend(parameter);
        return read;
    }
    match LayerField::read(name, &field.ty, attributes, errors) {
        Some(layer) => {
            model.layers.push(layer);
            true
        }
        None => false,
    }
}
