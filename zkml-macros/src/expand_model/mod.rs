//! The code for the struct.

mod checks;
mod inference;
mod names;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, ItemStruct};

use self::checks::checks;
use self::inference::{inference, stub_inference};
use self::names::locals;
pub(crate) use self::names::{collect_idents, mentioned};
use crate::diagnostics::{Errors, respan};
use crate::field_attributes::own_key;
use crate::model::{LayerField, Model, PATH_FIELD, Tied, Times, empty_fields, first_span, phantom};
use crate::source_file::SourceFile;

pub(crate) fn expand(arguments: TokenStream, item: ItemStruct) -> TokenStream {
    let mut errors = Errors::default();
    let model = Model::read(arguments, item, &mut errors);
    let item = &model.item;
    let stand_in = unmarked_impl(&model, &mut errors);
    let options = options_struct(&model);
    let module = module_impl(&model, errors.is_empty());
    let new = constructor(&model, errors.is_empty());
    if !errors.is_empty() {
        // The item itself stays, so that uses of it are no errors.
        let inference = stub_inference(&model);
        let errors = errors.into_compile_error();
        return quote!(#errors #item #options #inference #module #new #stand_in);
    }
    let inference = inference(&model);
    let checks = checks(&model);
    quote!(#item #options #inference #module #new #checks)
}

/// Reports an `impl` with a `forward` that has no attribute. What the attribute would have made, so that its absence is
/// no further error: the traits, and methods in place of the layers that `forward` calls.
fn unmarked_impl(model: &Model, errors: &mut Errors) -> Option<TokenStream> {
    let name = &model.item.ident;
    if !SourceFile::of(name.span())?.has_unmarked_forward(name) {
        return None;
    }
    let message = format!(
        "the `impl` of `{name}` with its `forward` needs `#[zk_model]`, too: write it above the `impl`"
    );
    errors.push(name, message);
    let zkml = &model.arguments.zkml;
    let (generics, arguments_of, where_clause) = model.item.generics.split_for_impl();
    let layers = model.layers.iter().map(|layer| &layer.name);
    let calls: Vec<TokenStream> = layers
        .map(|layer| quote!(fn #layer<X>(&self, _: X) -> #zkml::nn::Tensor))
        .collect();
    let trait_name = format_ident!("{name}Layers");
    Some(quote! {
        #[allow(dead_code, non_camel_case_types)]
        trait #trait_name { #(#calls;)* }
        impl #generics #trait_name for #name #arguments_of #where_clause { #(#calls { loop {} })* }
        impl #generics #zkml::nn::Called for #name #arguments_of #where_clause {
            const USED_FIELDS: &'static [&'static str] = &["*"];
        }
        impl #generics #zkml::nn::Forward for #name #arguments_of #where_clause {
            fn run(&self, _: &[#zkml::nn::Tensor]) -> ::std::vec::Vec<#zkml::nn::Tensor> { loop {} }
        }
        impl #generics #zkml::nn::Layer for #name #arguments_of #where_clause {
            fn forward(&self, _: #zkml::nn::Tensor) -> #zkml::nn::Tensor { loop {} }
        }
    })
}

/// A model without anything, in place of an item that cannot be one.
pub(crate) fn empty(name: &Ident) -> TokenStream {
    let mut item: ItemStruct = syn::parse_quote!(struct #name {});
    item.vis = syn::parse_quote!(pub);
    let zkml: syn::Path = syn::parse_quote!(::zkml);
    item.fields = empty_fields(&zkml);
    let arguments = crate::attribute::ModelArguments {
        zkml,
        inputs: Vec::new(),
    };
    let model = Model {
        arguments,
        item,
        inputs: Vec::new(),
        layers: Vec::new(),
        parameters: Vec::new(),
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
    let input = (complete && !arguments.inputs.is_empty()).then(|| input_shapes(model));
    let arguments_named = model.inputs.iter().map(|input| own_key(&input.name));
    let no_arguments = (model.inputs.is_empty() && complete).then(|| {
        quote! {
            const OPTIONS: ::core::option::Option<#options #arguments_of> =
                ::core::option::Option::Some(#options {});
        }
    });
    let path_field = Ident::new(PATH_FIELD, item.ident.span());
    let (parameters, body) = if complete {
        let layers = model.layers.iter().map(|layer| build(layer, model, zkml));
        let fields = model.parameters.iter().map(|parameter| {
            let (name, key, shape) = (&parameter.name, &parameter.key, &parameter.shape);
            let locals = locals(model, shape, &quote!(options));
            quote!(#name: { #locals #zkml::nn::Parameter::new(&path.join(#key), &[#(#shape),*]) })
        });
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
            quote!(#name { #(#layers,)* #(#fields,)* #(#inputs,)* #path_field: path }),
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
            const ARGUMENTS: ::core::option::Option<&'static [&'static str]> =
                ::core::option::Option::Some(&[#(#arguments_named),*]);
            #no_arguments
            #input
            fn build(#parameters) -> Self { #body }
            fn enter(&self) -> ::core::option::Option<#zkml::nn::ModuleScope> {
                ::core::option::Option::Some(self.#path_field.enter())
            }
        }
    }
}

/// The declared shapes of the inputs: a constant, or a function of the model's arguments where they mention some.
fn input_shapes(model: &Model) -> TokenStream {
    let shapes = &model.arguments.inputs;
    let locals = locals(model, shapes.iter().flatten(), &quote!(self));
    if locals.is_empty() {
        let shapes = shapes.iter().map(|shape| quote!(&[#(#shape),*]));
        return quote!(const INPUTS: &'static [&'static [usize]] = &[#(#shapes),*];);
    }
    let shapes = shapes.iter().map(|shape| quote!(::std::vec![#(#shape),*]));
    quote! {
        fn input_shapes(&self) -> ::std::vec::Vec<::std::vec::Vec<usize>> {
            #locals
            ::std::vec![#(#shapes),*]
        }
    }
}

/// `conv1: Conv2d::build(path.join("conv1"), options.conv1())`.
fn build(layer: &LayerField, model: &Model, zkml: &syn::Path) -> TokenStream {
    let (name, key, ty) = (&layer.name, &layer.key, &layer.ty);
    let span = first_span(ty).unwrap_or_else(|| name.span());
    // The whole call has the span of the type, so that a type that is no layer is one error.
    let build = |arguments: TokenStream| respan(quote!(<#ty as #zkml::nn::Module>::build(#arguments)), span);
    match &layer.times {
        Times::Once => {
            let path = match &layer.tied {
                Some(tied) => tied_path(layer, tied, model),
                None => quote!(path.join(#key)),
            };
            let build = build(quote!(#path, options.#name()));
            quote!(#name: #build)
        }
        Times::Repeat(count) => {
            let locals = locals(model, [count], &quote!(options));
            let build = build(quote!(block.join(index), options.#name(index)));
            quote! {
                #name: {
                    #locals
                    let block = path.join(#key);
                    (0..#count).map(|index| #build).collect()
                }
            }
        }
        Times::When(condition) => {
            let locals = locals(model, [condition], &quote!(options));
            let build = build(quote!(path.join(#key), options.#name()));
            quote! {
                #name: {
                    #locals
                    (#condition).then(|| #build)
                }
            }
        }
    }
}

/// The path of a layer that uses another layer's parameter.
fn tied_path(layer: &LayerField, tied: &Tied, model: &Model) -> TokenStream {
    let (key, to) = (&layer.key, &tied.key);
    let Some(when) = &tied.when else {
        return quote!(path.join(#key).tied(&path.join(#to)));
    };
    let locals = locals(model, [when], &quote!(options));
    quote! {{
        #locals
        let layer = path.join(#key);
        if #when { layer.tied(&path.join(#to)) } else { layer }
    }}
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
