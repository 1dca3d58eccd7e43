//! Checks of a struct that run in the user's compiler.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::GenericParam;

use super::inference::is_module;
use super::options_name;
use crate::diagnostics::respan;
use crate::model::{Model, Times, first_span};

/// Asserts that every layer and parameter is used, and that hyper-parameters make sense.
pub(super) fn checks(model: &Model) -> TokenStream {
    let Model { item, arguments, .. } = model;
    let zkml = &arguments.zkml;
    // Any value will do for a generic size: the fields that are used do not depend on it.
    let mut sizes = Vec::new();
    for parameter in &item.generics.params {
        match parameter {
            GenericParam::Const(constant) if constant.ty == syn::parse_quote!(usize) => sizes.push(quote!(1)),
            _ => return TokenStream::new(),
        }
    }
    let (name, options) = (&item.ident, options_name(model));
    let self_ty = if sizes.is_empty() {
        quote!(#name)
    } else {
        quote!(#name<#(#sizes),*>)
    };
    let used = quote_spanned! {name.span()=>
        #[allow(dead_code)]
        const USED: &[&str] = <#self_ty as #zkml::nn::Called>::USED_FIELDS;
        #[allow(dead_code)]
        const METHODS: &[&str] = <#self_ty as #zkml::nn::Called>::METHODS;
    };
    let unused = model.layers.iter().map(|layer| {
        let text = layer.name.to_string();
        let message = format!("the layer `{text}` is declared and never used in `forward`");
        let shadowed = format!("{message}: `self.{text}(x)` calls the method `{text}`");
        // For a type that is no layer the compiler has said so, and does not evaluate this.
        let check = is_module(layer, zkml);
        let is_layer = item.generics.params.is_empty().then(|| quote!(let _ = #check;));
        quote_spanned! {layer.name.span()=>
            const _: () = {
                #is_layer
                let is_used = #zkml::nn::uses_field(USED, #text);
                ::core::assert!(is_used || !#zkml::nn::uses_field(METHODS, #text), #shadowed);
                ::core::assert!(is_used, #message);
            };
        }
    });
    let idle = model.parameters.iter().map(|parameter| {
        let text = parameter.name.to_string();
        let message = format!("the parameter `{text}` is declared and never used in `forward`");
        quote_spanned!(parameter.name.span()=> const _: () = ::core::assert!(#zkml::nn::uses_field(USED, #text), #message);)
    });
    let sensible = model
        .layers
        .iter()
        .filter(|layer| {
            let constant = layer.constant && matches!(layer.times, Times::Once);
            constant && model.inputs.is_empty() && item.generics.params.is_empty()
        })
        .map(|layer| {
            let name = &layer.name;
            let span = first_span(&layer.ty).unwrap_or_else(|| name.span());
            let report = respan(
                quote!(#zkml::nn::infer::report_options(#options {}.#name().check())),
                span,
            );
            quote!(const _: () = #report;)
        });
    quote! {
        const _: () = {
            #used
            #(#unused)*
            #(#idle)*
            #(#sensible)*
        };
    }
}
