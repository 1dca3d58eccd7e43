//! Names of PyTorch that zkml has nothing for yet, so that the answer is not "cannot find type in this scope".
//!
//! `docs/dsl.md` has the same list for people. What can be put together from what is there, such as multi-head
//! attention, is left out: a model of the user's may bear that name.

use syn::visit::{self, Visit};
use syn::{Expr, Ident};

use crate::diagnostics::Errors;
use crate::forward::is_self;
use crate::source_file::SourceFile;

/// Layers, and what helps instead.
const LAYERS: &[(&[&str], &str)] = &[
    (
        &[
            "Conv3d",
            "ConvTranspose3d",
            "MaxPool3d",
            "AvgPool3d",
            "AdaptiveAvgPool3d",
            "AdaptiveMaxPool3d",
            "BatchNorm3d",
        ],
        "layers of one and two dimensions are there, such as `Conv1d`, `Conv2d`, `MaxPool2d` and `BatchNorm2d`",
    ),
    (
        &[
            "GroupNorm",
            "InstanceNorm1d",
            "InstanceNorm2d",
            "InstanceNorm3d",
            "LocalResponseNorm",
            "SyncBatchNorm",
        ],
        "`BatchNorm1d`, `BatchNorm2d`, `LayerNorm` and `RMSNorm` are there",
    ),
    (
        &[
            "MaxUnpool1d",
            "MaxUnpool2d",
            "FractionalMaxPool2d",
            "LPPool1d",
            "LPPool2d",
        ],
        "`MaxPool2d`, `AvgPool2d`, `AdaptiveAvgPool2d`, `AdaptiveMaxPool2d` and `Upsample` are there",
    ),
    (
        &["UpsamplingBilinear2d", "UpsamplingNearest2d"],
        "`Upsample` is there, by whole factors and with `align_corners = false`",
    ),
    (
        &[
            "SELU",
            "CELU",
            "Mish",
            "LogSigmoid",
            "Softsign",
            "Softshrink",
            "Hardshrink",
            "Tanhshrink",
            "Threshold",
            "RReLU",
        ],
        "`ReLU`, `ELU`, `GELU`, `SiLU`, `LeakyReLU`, `PReLU`, `Softplus`, `Hardswish`, `Hardtanh` and others are there",
    ),
    (&["Softmin", "Softmax2d"], "`Softmax` is there"),
    (&["GLU"], "write `let [a, b] = chunk(x, -1); a * sigmoid(b)`"),
    (&["EmbeddingBag"], "`Embedding` is there"),
    (&["Bilinear"], "`Linear` and products of tensors are there"),
    (
        &["Unfold", "Fold", "PixelUnshuffle"],
        "`reshape`, `permute`, `narrow` and `PixelShuffle` are there",
    ),
    (
        &["ChannelShuffle"],
        "write it with `reshape`, `permute` and `reshape`",
    ),
    (
        &[
            "ConstantPad1d",
            "ConstantPad2d",
            "ReflectionPad3d",
            "ReplicationPad3d",
            "ZeroPad3d",
        ],
        "`ZeroPad1d`, `ZeroPad2d`, `ReflectionPad2d`, `ReplicationPad2d` and `pad_with` are there",
    ),
    (&["Unflatten"], "`reshape` is there"),
    (
        &[
            "Dropout1d",
            "Dropout2d",
            "Dropout3d",
            "AlphaDropout",
            "FeatureAlphaDropout",
        ],
        "a network is run as in `eval()`, where it does nothing: leave it away, or write `Dropout`",
    ),
    (
        &["ModuleList"],
        "write `Vec<Block>` with `#[layer(repeat = count)]`",
    ),
    (
        &["ModuleDict", "ParameterList", "ParameterDict"],
        "write a field for each",
    ),
    (
        &[
            "CrossEntropyLoss",
            "NLLLoss",
            "MSELoss",
            "L1Loss",
            "BCELoss",
            "BCEWithLogitsLoss",
        ],
        "losses belong to the training: `forward` ends with the logits",
    ),
];

/// Functions, and what helps instead.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (
        &[
            "conv1d",
            "conv2d",
            "conv3d",
            "conv_transpose1d",
            "conv_transpose2d",
            "batch_norm",
        ],
        "layers with weights are fields, such as `#[layer(..)] conv: Conv2d`",
    ),
    (
        &["layer_norm", "group_norm", "instance_norm", "local_response_norm"],
        "the layers `LayerNorm` and `RMSNorm` are there",
    ),
    (
        &["max_pool3d", "avg_pool3d", "lp_pool2d"],
        "`max_pool2d` and `avg_pool2d` are there",
    ),
    (
        &[
            "selu",
            "celu",
            "mish",
            "softsign",
            "softshrink",
            "hardshrink",
            "logsigmoid",
        ],
        "`elu`, `gelu` and `silu` are there",
    ),
    (
        &["grid_sample", "affine_grid"],
        "`interpolate` is there, by whole factors",
    ),
    (&["einsum", "bmm"], "`matmul` with `permute` is there"),
    (&["logsumexp", "softmin"], "`softmax` is there"),
    (
        &[
            "cumsum",
            "topk",
            "argsort",
            "masked_fill",
            "index_select",
            "scatter_add",
        ],
        "`argmax`, `narrow` and `slice` are there",
    ),
    (
        &["cross_entropy", "nll_loss", "mse_loss"],
        "losses belong to the training: `forward` ends with the logits",
    ),
];

/// Functions of single numbers, which have methods of these names, and of two tensors: what helps instead.
const OF_NUMBERS: &[(&[&str], &str)] = &[
    (
        &[
            "exp",
            "log",
            "log2",
            "log10",
            "log1p",
            "expm1",
            "sqrt",
            "rsqrt",
            "square",
            "sin",
            "cos",
            "tan",
            "erf",
            "reciprocal",
            "sign",
            "floor",
            "ceil",
            "round",
        ],
        "`sigmoid`, `tanh`, `gelu`, `silu`, `elu`, `softplus`, `softmax`, `abs` and others are there",
    ),
    (
        &["pow", "maximum", "minimum", "div"],
        "sums and products of tensors are there, such as `x * x`",
    ),
];

/// Has zkml no layer of this name, though PyTorch has one? The message says what helps.
pub(crate) fn layer(name: &str) -> Option<String> {
    missing(LAYERS, name)
}

fn missing(list: &[(&[&str], &str)], name: &str) -> Option<String> {
    let (_, hint) = list.iter().find(|(names, _)| names.contains(&name))?;
    Some(format!("zkml has no `{name}` yet; {hint}"))
}

/// Reports calls of functions and methods that zkml does not have.
pub(crate) struct MissingFunctions<'a>(pub(crate) &'a mut Errors);

impl MissingFunctions<'_> {
    fn check(&mut self, list: &[(&[&str], &str)], name: &Ident) {
        if let Some(message) = missing(list, &name.to_string())
            && !SourceFile::of(name.span()).is_some_and(|file| file.may_have_function(name))
        {
            self.0.push(name, message);
        }
    }
}

impl Visit<'_> for MissingFunctions<'_> {
    fn visit_expr_call(&mut self, call: &syn::ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            self.check(FUNCTIONS, &last.ident);
            // `f64::exp(y)` is there.
            let is_torch = path
                .path
                .segments
                .first()
                .is_some_and(|first| first.ident == "torch");
            if path.path.get_ident().is_some() || is_torch {
                self.check(OF_NUMBERS, &last.ident);
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        // `self.mish(x)` is a layer of that name.
        if !is_self(&call.receiver) {
            self.check(FUNCTIONS, &call.method);
        }
        visit::visit_expr_method_call(self, call);
    }
}
