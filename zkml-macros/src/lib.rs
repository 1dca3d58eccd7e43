//! The `#[zk_model]` attribute of zkml.
//!
//! See [`macro@zk_model`]. The pieces, in the order a model passes through them: `attribute` reads `name = value`
//! lists, `model` the struct, `field_attributes` its fields, `hyper` checks hyper-parameters against `catalogue`,
//! `expand_model` writes the code for the struct; `forward` reads and rewrites the `impl`, `shapes` repeats `forward`
//! on shapes, `expand_forward` writes the code for the `impl`. `diagnostics` gathers the errors, `mend` reads items that
//! are no Rust, and `source_file` looks at what stands beside an item.

mod attribute;
mod catalogue;
mod diagnostics;
mod expand_forward;
mod expand_model;
mod field_attributes;
mod forward;
mod hyper;
mod mend;
mod missing;
mod model;
mod shapes;
mod source_file;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Item, spanned::Spanned};

/// Makes a struct of layers a model, and its `forward` the model's graph.
///
/// ```text
/// #[zk_model(input = [1, 1, 28, 28])]
/// pub struct Classifier {
///     #[layer(in_channels = 1, out_channels = 8, kernel_size = 3)]
///     conv: Conv2d,
///     #[layer(in_features = 8 * 13 * 13, out_features = 10)]
///     fc: Linear,
/// }
///
/// #[zk_model]
/// impl Classifier {
///     pub fn forward(&self, x: Tensor) -> Tensor {
///         let x = max_pool2d(relu(self.conv(x)), 2);
///         self.fc(flatten(x, 1))
///     }
/// }
/// ```
///
/// On the struct:
///
/// - `#[zk_model(input = [1, 1, 28, 28])]`: shape of the input, batch first. `trace()` uses it, and shapes are
///   checked while the crate is compiled.
/// - `#[zk_model(inputs = [[1, 3], [1, 4]])]`: the same for a `forward` of several inputs. Sizes may be arguments
///   of the model: `input = [1, n]`.
/// - `#[zk_model(crate = path)]`: where zkml is, if not at `::zkml`.
///
/// On its fields:
///
/// - `#[layer(name = value, ...)]`: hyper-parameters of a layer of `zkml::nn`, with PyTorch's names and defaults,
///   or arguments of another model. Names starting from `Conv2d`, `Linear` and so on belong to the layers of zkml.
/// - `#[layer(repeat = count, ...)]` on a `Vec<Block>`: that many blocks, `blocks.0`, `blocks.1`, ...; the other
///   values may use `index`.
/// - `#[layer(when = condition, ...)]` on an `Option<Block>`.
/// - `#[arg]`: not a layer but an argument of `new`, which the values of `#[layer(...)]` may use. Its type is
///   `Copy`.
/// - `#[param(rename = "features.0")]`: the state-dict key, if it is not the field's name.
/// - `#[param(tied = "model.embed_tokens.weight", when = condition)]`: the layer uses that parameter of another layer
///   in place of its own; `when` may be left out.
/// - `#[param(shape = [64])]` on a `Parameter`: a weight that `forward` uses as a tensor, `x * self.gain`.
///
/// On the `impl`: `self.conv(x)` applies the layer `conv`. Everything else is plain Rust. `forward` takes up to four
/// tensors, or `Tokens`, and returns a tensor, a tuple or an array of them. The `forward` of a model inside another one
/// may take further arguments, such as `rope: Rope` or `cache: &mut KvCache`.
#[proc_macro_attribute]
pub fn zk_model(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand(arguments.into(), item.into()).into()
}

fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<Item>(item.clone()) {
        Ok(item) => expand_item(arguments, item, false),
        Err(error) => match mend::readable(item.clone()) {
            Some(mended) => {
                let mut tokens = mend::unreadable(&error);
                tokens.extend(expand_item(arguments, mended, true));
                tokens
            }
            None => {
                let error = error.into_compile_error();
                quote!(#error #item)
            }
        },
    }
}

/// `is_mended`: the item is what could be read of one with a mistake in its syntax.
fn expand_item(arguments: TokenStream, item: Item, is_mended: bool) -> TokenStream {
    let (span, found, name) = match item.clone() {
        Item::Struct(item) => return expand_model::expand(arguments, item),
        Item::Impl(item) => return expand_forward::expand(arguments, item, is_mended),
        Item::Enum(item) => (item.enum_token.span(), "an enum", Some(item.ident)),
        Item::Union(item) => (item.union_token.span(), "a union", Some(item.ident)),
        Item::Trait(item) => (item.trait_token.span(), "a trait", None),
        Item::Fn(item) => (item.sig.fn_token.span(), "a function", None),
        other => (other.span(), "something else", None),
    };
    let message = format!("`#[zk_model]` expects a struct with named fields or its `impl`, found {found}");
    let error = syn::Error::new(span, message).into_compile_error();
    let item = match name {
        Some(name) => expand_model::empty(&name),
        None => item.into_token_stream(),
    };
    quote!(#error #item)
}
