//! The options of every layer, and the shape rules made of them.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{GenericParam, Ident};

use super::names::{collect_idents, lets, locals};
use super::options_name;
use crate::catalogue::Layer;
use crate::model::{LayerField, Model, Times, first_span, options_type};

/// `impl BlockOptions`: the options of every layer, and the shape rules made of them.
pub(super) fn inference(model: &Model) -> TokenStream {
    let zkml = &model.arguments.zkml;
    let (name, vis) = (options_name(model), &model.item.vis);
    let (generics, arguments_of, where_clause) = model.item.generics.split_for_impl();
    let options = model.layers.iter().map(|layer| layer_options(layer, model, zkml));
    let followed: Vec<&LayerField> = model
        .layers
        .iter()
        .filter(|layer| layer.constant && matches!(layer.times, Times::Once))
        .collect();
    let infer = followed.iter().map(|layer| {
        let (name, text) = (&layer.name, layer.name.to_string());
        quote!(if #zkml::nn::same_name(name, #text) { return self.#name().infer(x).within(#text, x); })
    });
    let parameters = model.parameters.iter().filter(|parameter| parameter.constant);
    let infer_parameter: Vec<TokenStream> = parameters
        .map(|parameter| {
            let (text, shape) = (parameter.name.to_string(), &parameter.shape);
            let lets = locals(model, shape, &quote!(self));
            quote!(if #zkml::nn::same_name(name, #text) {
                #lets
                return #zkml::nn::Parameter::infer(&[#(#shape),*]);
            })
        })
        .collect();
    let check = followed.iter().map(|layer| {
        let name = &layer.name;
        quote!(if let ::core::result::Result::Err(error) = self.#name().check() {
            return ::core::result::Result::Err(error);
        })
    });
    quote! {
        impl #generics #name #arguments_of #where_clause {
            #(#options)*

            /// The shape the layer `name` makes of `x`, for the compiler.
            #vis const fn infer_layer(&self, name: &str, x: #zkml::nn::Inferred) -> #zkml::nn::Inferred {
                let _ = (name, x);
                #(#infer)*
                #zkml::nn::Inferred::Unknown
            }

            /// The shape of the parameter `name`, for the compiler.
            #vis const fn infer_parameter(&self, name: &str) -> #zkml::nn::Inferred {
                let _ = name;
                #(#infer_parameter)*
                #zkml::nn::Inferred::Unknown
            }

            /// The first hyper-parameter that makes no sense.
            ///
            /// # Errors
            /// That hyper-parameter.
            #vis const fn check(&self) -> ::core::result::Result<(), #zkml::nn::ShapeError> {
                #(#check)*
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// The shape rules of a model with mistakes: every shape is unknown.
pub(super) fn stub_inference(model: &Model) -> TokenStream {
    let zkml = &model.arguments.zkml;
    let (name, vis) = (options_name(model), &model.item.vis);
    let (generics, arguments_of, where_clause) = model.item.generics.split_for_impl();
    quote! {
        impl #generics #name #arguments_of #where_clause {
            #[doc(hidden)]
            #vis const fn infer_layer(&self, _: &str, _: #zkml::nn::Inferred) -> #zkml::nn::Inferred {
                #zkml::nn::Inferred::Unknown
            }
            #[doc(hidden)]
            #vis const fn infer_parameter(&self, _: &str) -> #zkml::nn::Inferred {
                #zkml::nn::Inferred::Unknown
            }
            #[doc(hidden)]
            #vis const fn check(&self) -> ::core::result::Result<(), #zkml::nn::ShapeError> {
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// `const fn conv1(&self) -> Conv2dOptions { ... }`.
fn layer_options(layer: &LayerField, model: &Model, zkml: &syn::Path) -> TokenStream {
    let name = &layer.name;
    let ty = options_type(layer, zkml);
    let constness = layer.constant.then(|| quote!(const));
    let index = matches!(layer.times, Times::Repeat(_)).then(|| quote!(, index: usize));
    let ignore_index = index.is_some().then(|| quote!(let _ = index;));
    let mut mentioned = Vec::new();
    for (_, value) in &layer.values {
        collect_idents(value.clone(), &mut mentioned);
    }
    let lets = lets(model, &mentioned, &quote!(self));
    let body = match layer.catalogue {
        Some(catalogue) => known_options(layer, catalogue, zkml),
        None => nested_options(layer, model, &ty),
    };
    let doc = format!("Hyper-parameters of `{name}`.");
    quote! {
        #[doc = #doc]
        #constness fn #name(&self #index) -> #ty {
            #ignore_index
            #lets
            #body
        }
    }
}

/// `Conv2dOptions { stride: 2, ..Conv2dOptions::new(1, 8, 3) }`, of a layer of the catalogue.
fn known_options(layer: &LayerField, catalogue: &Layer, zkml: &syn::Path) -> TokenStream {
    let options = format_ident!("{}Options", catalogue.name);
    let given = |wanted: &str| layer.values.iter().find(|(name, _)| name == wanted);
    let required = catalogue
        .required
        .iter()
        .filter_map(|(name, _)| given(name))
        .map(|(_, value)| value);
    let mut optional = catalogue
        .optional
        .iter()
        .filter_map(|(name, _)| given(name))
        .peekable();
    let new = quote!(#zkml::nn::#options::new(#(#required),*));
    if optional.peek().is_none() {
        new
    } else if layer.values.len() == catalogue.fields() {
        let all = layer.values.iter().map(|(name, value)| quote!(#name: #value));
        quote!(#zkml::nn::#options { #(#all),* })
    } else {
        let optional = optional.map(|(name, value)| quote!(#name: #value));
        quote!(#zkml::nn::#options { #(#optional,)* ..#new })
    }
}

/// `BlockOptions { planes: 64 }`, reached through the trait because only the name `Block` is in scope for sure.
fn nested_options(layer: &LayerField, model: &Model, ty: &TokenStream) -> TokenStream {
    let fields = layer.values.iter().map(|(name, value)| quote!(#name: #value));
    // An item inside a function cannot use the generics of its surroundings: repeat those that are needed.
    let mut mentioned = Vec::new();
    collect_idents(layer.ty.to_token_stream(), &mut mentioned);
    let used: Vec<_> = model
        .item
        .generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Const(constant) if mentioned.contains(&constant.ident) => Some(constant),
            _ => None,
        })
        .collect();
    let names = used.iter().map(|constant| &constant.ident);
    let (declared, given) = if used.is_empty() {
        (TokenStream::new(), TokenStream::new())
    } else {
        let declared = used.iter().map(|constant| {
            let (name, ty) = (&constant.ident, &constant.ty);
            quote!(const #name: #ty)
        });
        (quote!(<#(#declared),*>), quote!(::<#(#names),*>))
    };
    let at = first_span(&layer.ty).unwrap_or_else(|| layer.name.span());
    let alias = Ident::new("LayerOptions", at);
    quote! {
        type #alias #declared = #ty;
        #alias #given { #(#fields),* }
    }
}
