//! The code for the `impl`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{Ident, ImplItem, ImplItemFn, ItemImpl, Type, TypePath};

use crate::attribute::ModelArguments;
use crate::diagnostics::{Errors, respan, source};
use crate::forward::{self, CallLayers, UsedFields};
use crate::missing::MissingFunctions;
use crate::model::first_span;
use crate::shapes::{self, Steps};

/// `is_mended`: bodies of methods may be missing.
pub(crate) fn expand(arguments: TokenStream, mut item: ItemImpl, is_mended: bool) -> TokenStream {
    let mut errors = Errors::default();
    let zkml = ModelArguments::parse(arguments, false, &mut errors).zkml;
    if let Some((path, _)) = &item.trait_ {
        let message = format!(
            "`#[zk_model]` expects an `impl` of the model itself, found one of `{}`",
            source(path)
        );
        errors.push(path, message);
        let errors = errors.into_compile_error();
        return quote!(#errors #item);
    }
    let Type::Path(self_ty) = (*item.self_ty).clone() else {
        errors.push(
            &item.self_ty,
            format!("expected the name of a model, found `{}`", source(&item.self_ty)),
        );
        let errors = errors.into_compile_error();
        return quote!(#errors #item);
    };
    let methods: Vec<String> = forward::methods(&item)
        .map(|method| method.sig.ident.to_string())
        .collect();
    for method in forward::methods(&item) {
        MissingFunctions(&mut errors).visit_block(&method.block);
    }
    let function = match forward::find(&item, &mut errors) {
        Some(function) if errors.is_empty() => function.clone(),
        _ => return stub(&zkml, item, &self_ty, methods, errors),
    };
    if let Some(line) = forward::earlier(&item) {
        let message = format!(
            "`{}` has a `forward` already, in line {line}: a model has one, expected another name",
            source(&self_ty)
        );
        errors.push(&function.sig.ident, message);
        return second(&zkml, item, &methods, errors);
    }
    let mut used = UsedFields {
        all: is_mended,
        methods: methods.clone(),
        ..UsedFields::default()
    };
    for method in forward::methods(&item) {
        used.visit_block(&method.block);
    }
    let inputs = Inputs::of(&function);
    let steps = shapes::follow(&function.block, &inputs.names, &methods, &zkml);
    rewrite(&zkml, &mut item, &self_ty, &methods);
    let forward = forward_impl(&zkml, &item, &self_ty, &used, &inputs);
    let inference = inference(&zkml, &item, &self_ty, &steps, inputs.names.len());
    let checks = if item.generics.params.is_empty() {
        checks(&zkml, &self_ty, &steps, &inputs)
    } else {
        TokenStream::new()
    };
    quote!(#item #forward #inference #checks)
}

/// Rewrites layer calls in all methods. `forward` enters its module first, so that functions are named under it.
fn rewrite(zkml: &syn::Path, item: &mut ItemImpl, self_ty: &TypePath, methods: &[String]) {
    CallLayers { methods, zkml }.visit_item_impl_mut(item);
    let enter = of_module(zkml, self_ty, "enter");
    for member in &mut item.items {
        if let ImplItem::Fn(function) = member
            && function.sig.ident == "forward"
        {
            function
                .block
                .stmts
                .insert(0, syn::parse_quote!(let _module = #enter(self);));
        }
    }
}

/// `<Net as Module>::name`, with the span of `Net`.
fn of_module(zkml: &syn::Path, self_ty: &TypePath, name: &str) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    at_name(self_ty, quote!(<#self_ty as #zkml::nn::Module>::#name))
}

/// Tokens with the span of `Net`: if the struct has no `#[zk_model]`, every use is the same error, and the compiler shows
/// one.
fn at_name(self_ty: &TypePath, tokens: TokenStream) -> TokenStream {
    respan(tokens, first_span(self_ty).unwrap_or_else(Span::call_site))
}

/// The inputs of `forward`.
struct Inputs {
    names: Vec<Option<Ident>>,
    /// Which inputs are tokens; `None` if `forward` takes or returns what a graph does not have.
    tokens: Option<Vec<bool>>,
    /// Does `forward` make one tensor of one?
    is_layer: bool,
    /// Where `forward` is named.
    span: Span,
}

impl Inputs {
    fn of(function: &ImplItemFn) -> Inputs {
        Inputs {
            names: forward::input_names(function),
            tokens: forward::token_inputs(function),
            is_layer: forward::is_layer(function),
            span: function.sig.ident.span(),
        }
    }
}

/// `input_0`, `input_1`, ...
fn numbered(count: usize) -> Vec<Ident> {
    (0..count).map(shapes::input).collect()
}

fn forward_impl(
    zkml: &syn::Path,
    item: &ItemImpl,
    self_ty: &TypePath,
    used: &UsedFields,
    inputs: &Inputs,
) -> TokenStream {
    let (generics, _, where_clause) = item.generics.split_for_impl();
    let names: Vec<&str> = if used.all {
        vec!["*"]
    } else {
        used.names.iter().map(String::as_str).collect()
    };
    let methods = &used.methods;
    let traced = inputs.tokens.as_ref();
    let traced = traced.map(|tokens| traced_impl(zkml, item, self_ty, inputs, tokens));
    let layer = inputs.is_layer.then(|| {
        quote! {
            impl #generics #zkml::nn::Layer for #self_ty #where_clause {
                fn forward(&self, x: #zkml::nn::Tensor) -> #zkml::nn::Tensor {
                    <#self_ty>::forward(self, x)
                }
            }
        }
    });
    quote! {
        impl #generics #zkml::nn::Called for #self_ty #where_clause {
            const USED_FIELDS: &'static [&'static str] = &[#(#names),*];
            const METHODS: &'static [&'static str] = &[#(#methods),*];
        }
        #traced
        #layer
    }
}

/// `impl Forward`, of a model that takes and returns tensors alone.
fn traced_impl(
    zkml: &syn::Path,
    item: &ItemImpl,
    self_ty: &TypePath,
    inputs: &Inputs,
    tokens: &[bool],
) -> TokenStream {
    let (generics, _, where_clause) = item.generics.split_for_impl();
    let arguments = numbered(inputs.names.len());
    let called = inputs.names.iter().zip(&arguments);
    let called = called.map(|(name, number)| {
        let name = name.as_ref().unwrap_or(number).to_string();
        name.trim_start_matches("r#").to_owned()
    });
    let kinds = tokens.iter().map(|&tokens| match tokens {
        true => quote!(#zkml::nn::InputKind::Tokens),
        false => quote!(#zkml::nn::InputKind::Tensor),
    });
    let given = tokens
        .iter()
        .zip(&arguments)
        .map(|(&tokens, argument)| match tokens {
            true => quote!(#zkml::nn::Tokens::of(#argument)),
            false => quote!(#argument),
        });
    quote! {
        impl #generics #zkml::nn::Forward for #self_ty #where_clause {
            const INPUT_NAMES: &'static [&'static str] = &[#(#called),*];
            const INPUT_KINDS: &'static [#zkml::nn::InputKind] = &[#(#kinds),*];
            fn run(&self, inputs: &[#zkml::nn::Tensor]) -> ::std::vec::Vec<#zkml::nn::Tensor> {
                let &[#(#arguments),*] = inputs else {
                    return ::std::vec::Vec::new();
                };
                #zkml::nn::Outputs::tensors(<#self_ty>::forward(self, #(#given),*))
            }
        }
    }
}

fn inference(
    zkml: &syn::Path,
    item: &ItemImpl,
    self_ty: &TypePath,
    steps: &Steps,
    arity: usize,
) -> TokenStream {
    let (generics, _, where_clause) = item.generics.split_for_impl();
    let options = of_module(zkml, self_ty, "Options");
    let count = steps.steps.len();
    let names: Vec<&Ident> = steps.steps.iter().map(|step| &step.name).collect();
    let rules = steps.steps.iter().map(|step| &step.rule);
    let result = match &steps.result {
        Some(result) => quote!(#result),
        None => quote!(#zkml::nn::Inferred::Unknown),
    };
    let inputs = numbered(arity);
    quote! {
        impl #generics #self_ty #where_clause {
            /// The shapes of `forward`, operation by operation, and of its result, for the compiler. All are unknown
            /// where another number of inputs is given.
            #[doc(hidden)]
            #[allow(dead_code)]
            pub const fn infer_forward(
                options: #options,
                inputs: &[#zkml::nn::Inferred],
            ) -> ([#zkml::nn::Inferred; #count], #zkml::nn::Inferred) {
                let &[#(#inputs),*] = inputs else {
                    return ([#zkml::nn::Inferred::Unknown; #count], #zkml::nn::Inferred::Unknown);
                };
                let _ = options;
                #(let _ = #inputs;)*
                #(let #names = #rules;)*
                ([#(#names),*], #result)
            }
        }
    }
}

/// Makes the shape of every operation a constant. If it is wrong, the compiler fails to evaluate the constant and says
/// so where the operation is written.
fn checks(zkml: &syn::Path, self_ty: &TypePath, steps: &Steps, inputs: &Inputs) -> TokenStream {
    let arity = inputs.names.len();
    let message = match inputs.tokens {
        Some(_) => format!("`forward` takes {arity} input(s), `#[zk_model(...)]` declares another number of shapes"),
        None => "`forward` takes or returns something that is no tensor, `#[zk_model(...)]` declares shapes of inputs: \
                 expected none, for only another model can call it"
            .to_owned(),
    };
    let traced = inputs.tokens.is_some();
    let (inputs_of, options_of) = ["INPUTS", "OPTIONS"]
        .map(|name| of_module(zkml, self_ty, name))
        .into();
    let declared = quote_spanned! {inputs.span=>
        const _: () = {
            const DECLARED: usize = #inputs_of.len();
            ::core::assert!(DECLARED == 0 || (#traced && DECLARED == #arity), #message);
        };
    };
    if steps.steps.is_empty() {
        return declared;
    }
    let positions = 0..arity;
    let count = steps.steps.len();
    let reports = steps
        .steps
        .iter()
        .enumerate()
        .map(|(i, step)| quote_spanned!(step.span=> const _: () = STEPS[#i].report();));
    let shapes = quote!(&[#(#zkml::nn::Inferred::input(#inputs_of, #positions)),*]);
    let inferred = quote! {
        match #options_of {
            ::core::option::Option::Some(options) => <#self_ty>::infer_forward(options, #shapes).0,
            ::core::option::Option::None => [#zkml::nn::Inferred::Unknown; #count],
        }
    };
    let inferred = at_name(self_ty, inferred);
    quote! {
        #declared
        const _: () = {
            const STEPS: [#zkml::nn::Inferred; #count] = #inferred;
            #(#reports)*
        };
    }
}

/// What is left of a second `impl` with a `forward`: its other methods.
fn second(zkml: &syn::Path, mut item: ItemImpl, methods: &[String], errors: Errors) -> TokenStream {
    item.items
        .retain(|member| !matches!(member, ImplItem::Fn(function) if function.sig.ident == "forward"));
    CallLayers { methods, zkml }.visit_item_impl_mut(&mut item);
    let errors = errors.into_compile_error();
    quote!(#errors #item)
}

/// What stands in for an `impl` with errors: a `forward` that returns its input, other methods as they are.
fn stub(
    zkml: &syn::Path,
    mut item: ItemImpl,
    self_ty: &TypePath,
    methods: Vec<String>,
    errors: Errors,
) -> TokenStream {
    item.items
        .retain(|member| !matches!(member, ImplItem::Fn(function) if function.sig.ident == "forward"));
    let forward: ImplItemFn = syn::parse_quote! {
        #[doc(hidden)]
        pub fn forward(&self, x: #zkml::nn::Tensor) -> #zkml::nn::Tensor { x }
    };
    item.items.push(ImplItem::Fn(forward));
    CallLayers {
        methods: &methods,
        zkml,
    }
    .visit_item_impl_mut(&mut item);
    let used = UsedFields {
        all: true,
        ..UsedFields::default()
    };
    let inputs = Inputs {
        names: vec![None],
        tokens: Some(vec![false]),
        is_layer: true,
        span: Span::call_site(),
    };
    let forward = forward_impl(zkml, &item, self_ty, &used, &inputs);
    let inference = inference(
        zkml,
        &item,
        self_ty,
        &Steps {
            steps: Vec::new(),
            result: None,
        },
        1,
    );
    let errors = errors.into_compile_error();
    quote!(#errors #item #forward #inference)
}
