//! Parses the arguments of attributes, `name = value, ...`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token};

use crate::diagnostics::{Errors, closest, did_you_mean, list, source};

/// `name = value`.
pub(crate) struct Setting {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

/// An argument of an attribute.
enum Argument {
    Named(Setting),
    /// A value without a name, which is a mistake.
    Nameless(Expr),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Argument> {
        let is_named = input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]);
        if !is_named {
            return Ok(Argument::Nameless(input.parse()?));
        }
        let name = Ident::parse_any(input)?;
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Argument::Named(Setting { name, value }))
    }
}

/// The settings in `tokens`, each name once. `names` are those that values without a name may stand for, in order.
pub(crate) fn settings(tokens: TokenStream, names: &[&str], errors: &mut Errors) -> Option<Vec<Setting>> {
    let parsed = match Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(parsed) => parsed,
        Err(error) => {
            errors.add(error);
            return None;
        }
    };
    let mut settings: Vec<Setting> = Vec::new();
    let mut nameless = Vec::new();
    for (place, argument) in parsed.into_iter().enumerate() {
        match argument {
            Argument::Nameless(value) => nameless.push((place, value)),
            Argument::Named(setting) => match settings.iter().any(|earlier| earlier.name == setting.name) {
                true => errors.push(&setting.name, format!("`{}` is given twice", setting.name)),
                false => settings.push(setting),
            },
        }
    }
    let Some((_, first)) = nameless.first() else {
        return Some(settings);
    };
    errors.push(first, without_names(&nameless, names));
    None
}

/// What is wrong with values that have no names: PyTorch takes `Linear(1352, 10)`, the attribute does not.
fn without_names(values: &[(usize, Expr)], names: &[&str]) -> String {
    if let [(_, Expr::Path(path))] = values
        && let Some(name) = path.path.get_ident()
        && (names.is_empty() || names.iter().any(|known| name == known))
    {
        return format!("expected `{name} = value`, found only `{name}`");
    }
    let found: Vec<String> = values.iter().map(|(_, value)| source(value)).collect();
    let named: Option<Vec<String>> = values
        .iter()
        .zip(&found)
        .map(|((place, _), value)| Some(format!("{} = {value}", names.get(*place)?)))
        .collect();
    let hint = named.map_or(String::new(), |named| format!(", such as `{}`", named.join(", ")));
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    format!(
        "expected `name = value`{hint}, found {} without a name",
        list(&found)
    )
}

/// Arguments of `#[zk_model(...)]` itself.
pub(crate) struct ModelArguments {
    /// Path of the crate zkml: `::zkml` unless `crate = path` is given.
    pub(crate) zkml: syn::Path,
    /// Declared shapes of the inputs; none if none are declared.
    pub(crate) inputs: Vec<Vec<Expr>>,
}

impl ModelArguments {
    /// `on_struct`: the attribute is on the struct, where `input` and `inputs` are allowed.
    pub(crate) fn parse(tokens: TokenStream, on_struct: bool, errors: &mut Errors) -> ModelArguments {
        let mut arguments = ModelArguments {
            zkml: syn::parse_quote!(::zkml),
            inputs: Vec::new(),
        };
        let known: &[&str] = if on_struct {
            &["input", "inputs", "crate"]
        } else {
            &["crate"]
        };
        let settings = settings(tokens, &[], errors).unwrap_or_default();
        let given = |wanted: &str| settings.iter().find(|setting| setting.name == wanted);
        if let (Some(_), Some(several), true) = (given("input"), given("inputs"), on_struct) {
            errors.push(
                &several.name,
                "expected `input` for one input or `inputs` for several, found both",
            );
        }
        for Setting { name, value } in settings {
            match (name.to_string().as_str(), value) {
                ("crate", Expr::Path(path)) => arguments.zkml = path.path,
                ("crate", value) => errors.push(&value, "`crate` expects a path such as `::zkml`"),
                ("input", Expr::Array(array)) if on_struct => {
                    arguments.inputs = vec![shape(array, errors)];
                }
                ("inputs", Expr::Array(array)) if on_struct && !array.elems.is_empty() => {
                    arguments.inputs = shapes(array, errors);
                }
                ("inputs", value) if on_struct => errors.push(&value, SHAPES),
                ("input", value) if on_struct => {
                    errors.push(
                        &value,
                        "`input` expects a shape, batch first, such as `[1, 3, 32, 32]`",
                    );
                }
                ("input" | "inputs", _) => errors.push(
                    &name,
                    format!("`{name}` belongs on the struct, not on its `impl`"),
                ),
                (unknown, _) => {
                    let hint = match closest(unknown, known.iter().copied()) {
                        Some(_) => did_you_mean(unknown, known.iter().copied()),
                        None => format!(": expected {}", list(known)),
                    };
                    errors.push(
                        &name,
                        format!("unknown argument `{unknown}` of `#[zk_model]`{hint}"),
                    );
                }
            }
        }
        arguments
    }
}

const SHAPES: &str = "`inputs` expects a shape for each input, batch first, such as `[[1, 3], [1, 4]]`";

/// The sizes of a shape.
fn shape(array: syn::ExprArray, errors: &mut Errors) -> Vec<Expr> {
    for size in &array.elems {
        check_size(size, errors);
    }
    array.elems.into_iter().collect()
}

fn shapes(array: syn::ExprArray, errors: &mut Errors) -> Vec<Vec<Expr>> {
    let mut shapes = Vec::new();
    for element in array.elems {
        match element {
            Expr::Array(array) => shapes.push(shape(array, errors)),
            other => errors.push(&other, SHAPES),
        }
    }
    shapes
}

fn check_size(size: &Expr, errors: &mut Errors) {
    match size {
        Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Int(integer) if integer.base10_digits() != "0" => {}
            _ => errors.push(size, "a size of the input shape is a positive integer"),
        },
        Expr::Unary(_) => errors.push(size, "a size of the input shape is a positive integer"),
        _ => {}
    }
}
