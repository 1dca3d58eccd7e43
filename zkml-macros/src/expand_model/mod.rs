//! The code for the struct.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit::Visit;
use syn::{Expr, GenericParam, Ident, ItemStruct};

use crate::diagnostics::{Errors, respan};
use crate::model::{LayerField, Model, PATH_FIELD, Times, empty_fields, first_span, options_type, phantom};

pub(crate) fn expand(arguments: TokenStream, item: ItemStruct) -> TokenStream {
    let mut errors = Errors::default();
    let model = Model::read(arguments, item, &mut errors);
    let item = &model.item;
    let options = options_struct(&model);
    let module = module_impl(&model, errors.is_empty());
    let new = constructor(&model, errors.is_empty());
    if !errors.is_empty() {
        // The item itself stays, so that uses of it are no errors.
        let inference = stub_inference(&model);
        let errors = errors.into_compile_error();
        return quote!(#errors #item #options #inference #module #new);
    }
    let inference = inference(&model);
    let checks = checks(&model);
    quote!(#item #options #inference #module #new #checks)
}

/// A model without anything, in place of an item that cannot be one.
pub(crate) fn empty(name: &Ident) -> TokenStream {
    let mut item: ItemStruct = syn::parse_quote!(struct #name {});
    item.vis = syn::parse_quote!(pub);
    let zkml: syn::Path = syn::parse_quote!(::zkml);
    item.fields = empty_fields(&zkml);
    let arguments = crate::attribute::ModelArguments { zkml, input: None };
    let model = Model {
        arguments,
        item,
        inputs: Vec::new(),
        layers: Vec::new(),
        generics_are_plain: true,
    };
    let (item, options) = (&model.item, options_struct(&model));
    let (inference, module, new) = (
        stub_inference(&model),
        module_impl(&model, false),
        constructor(&model, false),
    );
    quote!(#item #options #inference #module #new)
}

fn options_name(model: &Model) -> Ident {
    format_ident!("{}Options", model.item.ident)
}

/// `struct BlockOptions { pub planes: usize }`.
fn options_struct(model: &Model) -> TokenStream {
    let (name, vis, generics) = (options_name(model), &model.item.vis, &model.item.generics);
    let fields = model.inputs.iter().map(|input| {
        let (name, ty) = (&input.name, &input.ty);
        let doc = format!("The argument `{name}`.");
        quote!(#[doc = #doc] pub #name: #ty)
    });
    let where_clause = &generics.where_clause;
    if !model.generics_are_plain {
        let (bounds, arguments_of, _) = generics.split_for_impl();
        let phantom = phantom(generics);
        return quote! {
            #[allow(dead_code)]
            #vis struct #name #generics #where_clause { generics: #phantom }
            impl #bounds Clone for #name #arguments_of #where_clause { fn clone(&self) -> Self { *self } }
            impl #bounds Copy for #name #arguments_of #where_clause {}
        };
    }
    let doc = format!("Arguments of [`{}`].", model.item.ident);
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy)]
        #vis struct #name #generics #where_clause { #(#fields,)* }
    }
}

/// `impl Module for Block`.
fn module_impl(model: &Model, complete: bool) -> TokenStream {
    let Model { item, arguments, .. } = model;
    let (zkml, name, options) = (&arguments.zkml, &item.ident, options_name(model));
    let (generics, arguments_of, where_clause) = item.generics.split_for_impl();
    let input = arguments.input.as_ref().filter(|_| complete).map(|sizes| {
        quote!(const INPUT: ::core::option::Option<&'static [usize]> = ::core::option::Option::Some(&[#(#sizes),*]);)
    });
    let no_arguments = (model.inputs.is_empty() && complete).then(|| {
        quote! {
            const OPTIONS: ::core::option::Option<#options #arguments_of> =
                ::core::option::Option::Some(#options {});
        }
    });
    let (parameters, body) = if complete {
        let path_field = Ident::new(PATH_FIELD, item.ident.span());
        let layers = model.layers.iter().map(|layer| build(layer, model, zkml));
        let inputs = model.inputs.iter().map(|input| {
            let name = &input.name;
            quote!(#name: options.#name)
        });
        let used = if model.layers.is_empty() && model.inputs.is_empty() {
            quote!(_options)
        } else {
            quote!(options)
        };
        let parameters = quote!(path: #zkml::nn::ParameterPath, #used: #options #arguments_of);
        (
            parameters,
            quote!(#name { #(#layers,)* #(#inputs,)* #path_field: path }),
        )
    } else {
        // Never runs: the crate does not compile.
        (
            quote!(_: #zkml::nn::ParameterPath, _: #options #arguments_of),
            quote!(loop {}),
        )
    };
    quote! {
        impl #generics #zkml::nn::Module for #name #arguments_of #where_clause {
            type Options = #options #arguments_of;
            #no_arguments
            #input
            fn build(#parameters) -> Self { #body }
        }
    }
}

/// `conv1: Conv2d::build(path.join("conv1"), options.conv1())`.
fn build(layer: &LayerField, model: &Model, zkml: &syn::Path) -> TokenStream {
    let (name, key, ty) = (&layer.name, &layer.key, &layer.ty);
    let span = first_span(ty).unwrap_or_else(|| name.span());
    let build = quote_spanned!(span=> <#ty as #zkml::nn::Module>::build);
    match &layer.times {
        Times::Once => quote!(#name: #build(path.join(#key), options.#name())),
        Times::Repeat(count) => {
            let locals = locals(model, [count], &quote!(options));
            quote! {
                #name: {
                    #locals
                    let block = path.join(#key);
                    (0..#count).map(|index| #build(block.join(index), options.#name(index))).collect()
                }
            }
        }
        Times::When(condition) => {
            let locals = locals(model, [condition], &quote!(options));
            quote! {
                #name: {
                    #locals
                    (#condition).then(|| #build(path.join(#key), options.#name()))
                }
            }
        }
    }
}

/// `let planes = self.planes;` for every argument the values mention.
fn locals<'a>(model: &Model, values: impl IntoIterator<Item = &'a Expr>, base: &TokenStream) -> TokenStream {
    let mentioned = Mentions::of(values);
    let lets = model
        .inputs
        .iter()
        .filter(|input| mentioned.contains(&input.name))
        .map(|input| {
            let name = &input.name;
            quote!(let #name = #base.#name;)
        });
    quote!(#(#lets)*)
}

/// Plain names in expressions.
struct Mentions(Vec<Ident>);

impl Mentions {
    fn of<'a>(values: impl IntoIterator<Item = &'a Expr>) -> Vec<Ident> {
        let mut mentions = Mentions(Vec::new());
        for value in values {
            mentions.visit_expr(value);
        }
        mentions.0
    }
}

impl Visit<'_> for Mentions {
    fn visit_expr_path(&mut self, path: &syn::ExprPath) {
        if let Some(name) = path.path.get_ident() {
            self.0.push(name.clone());
        }
    }

    fn visit_macro(&mut self, invocation: &syn::Macro) {
        collect_idents(invocation.tokens.clone(), &mut self.0);
    }
}

/// All names in `tokens`.
pub(crate) fn collect_idents(tokens: TokenStream, idents: &mut Vec<Ident>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Ident(ident) => idents.push(ident),
            proc_macro2::TokenTree::Group(group) => collect_idents(group.stream(), idents),
            _ => {}
        }
    }
}

/// `impl BlockOptions`: the options of every layer, and the shape rules made of them.
fn inference(model: &Model) -> TokenStream {
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

fn stub_inference(model: &Model) -> TokenStream {
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
    let lets = model
        .inputs
        .iter()
        .filter(|input| mentioned.contains(&input.name))
        .map(|input| {
            let name = &input.name;
            quote!(let #name = self.#name;)
        });
    let body = match layer.catalogue {
        Some(catalogue) => {
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
            } else if layer.values.len() == catalogue.names().count() {
                let all = layer.values.iter().map(|(name, value)| quote!(#name: #value));
                quote!(#zkml::nn::#options { #(#all),* })
            } else {
                let optional = optional.map(|(name, value)| quote!(#name: #value));
                quote!(#zkml::nn::#options { #(#optional,)* ..#new })
            }
        }
        None => nested_options(layer, model, &ty),
    };
    let doc = format!("Hyper-parameters of `{name}`.");
    quote! {
        #[doc = #doc]
        #constness fn #name(&self #index) -> #ty {
            #ignore_index
            #(#lets)*
            #body
        }
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

/// `Block::new(planes)`.
fn constructor(model: &Model, complete: bool) -> TokenStream {
    let zkml = &model.arguments.zkml;
    let (name, options, vis) = (&model.item.ident, options_name(model), &model.item.vis);
    let (generics, arguments_of, where_clause) = model.item.generics.split_for_impl();
    let parameters = model.inputs.iter().map(|input| {
        let (name, ty) = (&input.name, &input.ty);
        quote!(#name: #ty)
    });
    let names = model.inputs.iter().map(|input| &input.name);
    let turbofish = arguments_of.as_turbofish();
    if !complete {
        let parameters = model.inputs.iter().map(|input| &input.ty);
        return quote! {
            impl #generics #name #arguments_of #where_clause {
                #[allow(dead_code)]
                #vis fn new(#(_: #parameters),*) -> Self { loop {} }
            }
        };
    }
    quote! {
        impl #generics #name #arguments_of #where_clause {
            /// The model, its parameters named from the root.
            #[allow(clippy::new_without_default, dead_code)]
            #vis fn new(#(#parameters),*) -> Self {
                let options = #options #turbofish { #(#names),* };
                <Self as #zkml::nn::Module>::build(#zkml::nn::ParameterPath::root(), options)
            }
        }
    }
}

/// What the compiler checks: every layer is used, and the hyper-parameters make sense.
fn checks(model: &Model) -> TokenStream {
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
        const USED: &[&str] = <#self_ty as #zkml::nn::Forward>::USED_FIELDS;
    };
    let unused = model.layers.iter().map(|layer| {
        let text = layer.name.to_string();
        let message = format!("the layer `{text}` is declared and never used in `forward`");
        quote_spanned!(layer.name.span()=> const _: () = ::core::assert!(#zkml::nn::uses_field(USED, #text), #message);)
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
            #(#sensible)*
        };
    }
}
