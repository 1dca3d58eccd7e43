//! The options of every layer, and the shape rules made of them.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{ConstParam, Ident};

use super::names::{collect_idents, lets, locals};
use super::options_name;
use crate::catalogue::Layer;
use crate::diagnostics::{respan, source};
use crate::field_attributes::own_key;
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
    let whole = infer_whole(model);
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

            #whole

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

/// The shape of `forward`, whose operations the `impl` has. Where that `impl` is missing, the type in front of
/// `infer_forward` is none, and the compiler says nothing but that.
fn infer_whole(model: &Model) -> TokenStream {
    let (zkml, vis, name) = (&model.arguments.zkml, &model.item.vis, &model.item.ident);
    let (_, arguments_of, _) = model.item.generics.split_for_impl();
    let mut called = quote!(#name #arguments_of);
    // A constant in a type cannot depend on generics.
    if model.item.generics.params.is_empty() {
        let fields = quote!(<#name as #zkml::nn::Called>::USED_FIELDS);
        let check = respan(quote!(#zkml::nn::infer::has_fields(#fields)), name.span());
        called = quote!(<(#zkml::nn::infer::Checked<{ #check }>,) as #zkml::nn::infer::Given<#called>>::Type);
    }
    quote! {
        /// The shape `forward` makes of `x`, for the compiler.
        #vis const fn infer(&self, x: #zkml::nn::Inferred) -> #zkml::nn::Inferred {
            let (steps, result) = <#called>::infer_forward(*self, &[x]);
            #zkml::nn::Inferred::first_failure(&steps, result)
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
            #vis const fn infer(&self, _: #zkml::nn::Inferred) -> #zkml::nn::Inferred {
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
    let returned = match generics_in(layer, model).is_empty() {
        true => checked_layer(layer, zkml),
        false => ty.clone(),
    };
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
        None => nested_options(layer, model, zkml, &ty),
    };
    let doc = format!("Hyper-parameters of `{name}`.");
    quote! {
        #[doc = #doc]
        #constness fn #name(&self #index) -> #returned {
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
fn nested_options(layer: &LayerField, model: &Model, zkml: &syn::Path, ty: &TokenStream) -> TokenStream {
    let fields = layer.values.iter().map(|(name, value)| quote!(#name: #value));
    // An item inside a function cannot use the generics of its surroundings: repeat those that are needed.
    let used = generics_in(layer, model);
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
    // A constant in a type cannot depend on generics. There the compiler checks the names, in its own words.
    let ty = match used.is_empty() {
        true => checked_names(layer, zkml),
        false => ty.clone(),
    };
    quote! {
        type #alias #declared = #ty;
        #alias #given { #(#fields),* }
    }
}

/// The generics of the model that the type of a layer mentions.
fn generics_in<'a>(layer: &LayerField, model: &'a Model) -> Vec<&'a ConstParam> {
    let mut mentioned = Vec::new();
    collect_idents(layer.ty.to_token_stream(), &mut mentioned);
    let constants = model.item.generics.const_params();
    constants
        .filter(|constant| mentioned.contains(&constant.ident))
        .collect()
}

/// The type of a layer's options; none where the field holds no layer, and then the compiler says that alone.
fn checked_layer(layer: &LayerField, zkml: &syn::Path) -> TokenStream {
    let ty = &layer.ty;
    let check = is_module(layer, zkml);
    let checked =
        quote!(<(#zkml::nn::infer::Checked<{ #check }>,) as #zkml::nn::infer::OptionsOf<#ty>>::Options);
    respan(checked, first_span(ty).unwrap_or_else(|| layer.name.span()))
}

/// A constant that is there for a layer or a model alone.
pub(super) fn is_module(layer: &LayerField, zkml: &syn::Path) -> TokenStream {
    let ty = &layer.ty;
    let check = quote!(#zkml::nn::infer::is_module(<#ty as #zkml::nn::Module>::ARGUMENTS));
    respan(check, first_span(ty).unwrap_or_else(|| layer.name.span()))
}

/// The type of a model's options, with constants in it that fail for a name that the model does not take, and for one
/// that is left out. Where one fails there is no type, and the compiler says nothing more.
fn checked_names(layer: &LayerField, zkml: &syn::Path) -> TokenStream {
    let ty = &layer.ty;
    let model = source(ty);
    let arguments = quote!(<#ty as #zkml::nn::Module>::ARGUMENTS);
    let names: Vec<String> = layer.values.iter().map(|(name, _)| own_key(name)).collect();
    let known = layer.values.iter().zip(&names).map(|((name, _), text)| {
        let check = quote!(#zkml::nn::infer::takes(#model, #arguments, #text));
        (name.span(), check)
    });
    let at = first_span(ty).unwrap_or_else(|| layer.name.span());
    let complete = quote!(#zkml::nn::infer::is_complete(#model, #arguments, &[#(#names),*]));
    // All tokens of a check get one span, so that an error about it underlines just that.
    let checks = known.chain([(at, complete)]).map(|(span, check)| {
        let check = respan(check, span);
        quote!(#zkml::nn::infer::Checked<{ #check }>)
    });
    quote!(<(#(#checks,)*) as #zkml::nn::infer::OptionsOf<#ty>>::Options)
}
