//! The layers of zkml and their hyper-parameters, as PyTorch names them.

/// What values a hyper-parameter takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An integer of at least 1.
    Positive,
    /// An integer of at least 0.
    Count,
    /// An integer of at least 1, or a pair of them.
    PositivePair,
    /// An integer of at least 0, or a pair of them.
    CountPair,
    /// As [`Self::CountPair`], or `"same"`.
    Padding,
    /// An integer of at least 0, or `"same"`.
    Padding1d,
    /// An integer, or `(left, right, top, bottom)`.
    Sides,
    /// An integer, or `(left, right)`.
    Ends,
    /// An integer, negative from the end.
    Axis,
    /// `true` or `false`.
    Flag,
    /// A number of at least 0.
    Real,
    /// Any number.
    Number,
    /// A string.
    Text,
    /// Layers for a container.
    Layers,
}

impl Kind {
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Kind::Positive => "a positive integer",
            Kind::Count => "an integer of at least 0",
            Kind::PositivePair => "a positive integer or a pair `(height, width)` of them",
            Kind::CountPair => "an integer of at least 0 or a pair `(height, width)` of them",
            Kind::Padding => "an integer of at least 0, a pair `(height, width)` of them or \"same\"",
            Kind::Padding1d => "an integer of at least 0 or \"same\"",
            Kind::Ends => "an integer of at least 0 or `(left, right)`",
            Kind::Axis => "an integer",
            Kind::Sides => "an integer of at least 0 or `(left, right, top, bottom)`",
            Kind::Flag => "`true` or `false`",
            Kind::Real => "a number of at least 0",
            Kind::Number => "a number",
            Kind::Text => "a string",
            Kind::Layers => "layers, such as `make_layers(config)` or `[layer::<ReLU>(ReLUOptions::new())]`",
        }
    }
}

/// A layer: required hyper-parameters in the order of `...Options::new`, then optional ones.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) required: &'static [(&'static str, Kind)],
    pub(crate) optional: &'static [(&'static str, Kind)],
}

impl Layer {
    /// The names as PyTorch has them: `same` is written `padding = "same"`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let all = self.required.iter().chain(self.optional);
        all.map(|(name, _)| *name).filter(|name| *name != "same")
    }

    /// How many fields its options have.
    pub(crate) fn fields(&self) -> usize {
        self.required.len() + self.optional.len()
    }

    /// Whether its options can be made in a `const fn`.
    pub(crate) fn is_constant(&self) -> bool {
        !self.required.iter().any(|(_, kind)| *kind == Kind::Layers)
    }

    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        self.required
            .iter()
            .chain(self.optional)
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
    }
}

/// The names of all layers.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().chain(ELEMENTWISE).map(|layer| layer.name)
}

/// The layer of this name.
pub(crate) fn find(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().chain(ELEMENTWISE).find(|layer| layer.name == name)
}

use Kind::{
    Axis, Count, CountPair, Ends, Flag, Layers, Number, Padding, Padding1d, Positive, PositivePair, Real,
    Sides, Text,
};

const CONVOLUTION_1D: &[(&str, Kind)] = &[
    ("in_channels", Positive),
    ("out_channels", Positive),
    ("kernel_size", Positive),
];

const CONVOLUTION_2D: &[(&str, Kind)] = &[
    ("in_channels", Positive),
    ("out_channels", Positive),
    ("kernel_size", PositivePair),
];

const NORM: &[(&str, Kind)] = &[("eps", Real), ("affine", Flag)];

const RECURRENT: &[(&str, Kind)] = &[
    ("num_layers", Positive),
    ("bias", Flag),
    ("batch_first", Flag),
    ("dropout", Real),
    ("bidirectional", Flag),
];

/// A layer all of whose hyper-parameters are required.
const fn plain(name: &'static str, required: &'static [(&'static str, Kind)]) -> Layer {
    Layer {
        name,
        required,
        optional: &[],
    }
}

static LAYERS: &[Layer] = &[
    Layer {
        name: "Conv2d",
        required: CONVOLUTION_2D,
        optional: &[
            ("stride", PositivePair),
            ("padding", Padding),
            ("same", Flag),
            ("dilation", PositivePair),
            ("groups", Positive),
            ("bias", Flag),
            ("padding_mode", Text),
        ],
    },
    Layer {
        name: "Conv1d",
        required: CONVOLUTION_1D,
        optional: &[
            ("stride", Positive),
            ("padding", Padding1d),
            ("same", Flag),
            ("dilation", Positive),
            ("groups", Positive),
            ("bias", Flag),
            ("padding_mode", Text),
        ],
    },
    Layer {
        name: "ConvTranspose2d",
        required: CONVOLUTION_2D,
        optional: &[
            ("stride", PositivePair),
            ("padding", CountPair),
            ("output_padding", CountPair),
            ("groups", Positive),
            ("bias", Flag),
            ("dilation", PositivePair),
        ],
    },
    Layer {
        name: "ConvTranspose1d",
        required: CONVOLUTION_1D,
        optional: &[
            ("stride", Positive),
            ("padding", Count),
            ("output_padding", Count),
            ("groups", Positive),
            ("bias", Flag),
            ("dilation", Positive),
        ],
    },
    Layer {
        name: "LSTM",
        required: &[("input_size", Positive), ("hidden_size", Positive)],
        optional: RECURRENT,
    },
    Layer {
        name: "GRU",
        required: &[("input_size", Positive), ("hidden_size", Positive)],
        optional: RECURRENT,
    },
    Layer {
        name: "Linear",
        required: &[("in_features", Positive), ("out_features", Positive)],
        optional: &[("bias", Flag)],
    },
    plain("Conv1D", &[("nf", Positive), ("nx", Positive)]),
    Layer {
        name: "Embedding",
        required: &[("num_embeddings", Positive), ("embedding_dim", Positive)],
        optional: &[],
    },
    Layer {
        name: "RMSNorm",
        required: &[("normalized_shape", Positive)],
        optional: &[("eps", Real), ("elementwise_affine", Flag)],
    },
    Layer {
        name: "LayerNorm",
        required: &[("normalized_shape", Positive)],
        optional: &[("eps", Real), ("elementwise_affine", Flag), ("bias", Flag)],
    },
    Layer {
        name: "BatchNorm1d",
        required: &[("num_features", Positive)],
        optional: NORM,
    },
    Layer {
        name: "BatchNorm2d",
        required: &[("num_features", Positive)],
        optional: NORM,
    },
    Layer {
        name: "MaxPool2d",
        required: &[("kernel_size", PositivePair)],
        optional: &[
            ("stride", PositivePair),
            ("padding", CountPair),
            ("dilation", PositivePair),
            ("ceil_mode", Flag),
        ],
    },
    Layer {
        name: "MaxPool1d",
        required: &[("kernel_size", Positive)],
        optional: &[
            ("stride", Positive),
            ("padding", Count),
            ("dilation", Positive),
            ("ceil_mode", Flag),
        ],
    },
    Layer {
        name: "AvgPool2d",
        required: &[("kernel_size", PositivePair)],
        optional: &[
            ("stride", PositivePair),
            ("padding", CountPair),
            ("ceil_mode", Flag),
            ("count_include_pad", Flag),
        ],
    },
    Layer {
        name: "AvgPool1d",
        required: &[("kernel_size", Positive)],
        optional: &[
            ("stride", Positive),
            ("padding", Count),
            ("ceil_mode", Flag),
            ("count_include_pad", Flag),
        ],
    },
    plain("AdaptiveAvgPool2d", &[("output_size", PositivePair)]),
    plain("AdaptiveMaxPool2d", &[("output_size", PositivePair)]),
    plain("AdaptiveAvgPool1d", &[("output_size", Positive)]),
    plain("AdaptiveMaxPool1d", &[("output_size", Positive)]),
    plain("ReflectionPad1d", &[("padding", Ends)]),
    plain("ReplicationPad1d", &[("padding", Ends)]),
    plain("ZeroPad1d", &[("padding", Ends)]),
    plain("ReflectionPad2d", &[("padding", Sides)]),
    plain("ReplicationPad2d", &[("padding", Sides)]),
    plain("PixelShuffle", &[("upscale_factor", Positive)]),
    plain("Softmax", &[("dim", Axis)]),
    plain("LogSoftmax", &[("dim", Axis)]),
    Layer {
        name: "Upsample",
        required: &[("scale_factor", PositivePair)],
        optional: &[("mode", Text), ("align_corners", Flag)],
    },
    Layer {
        name: "Hardtanh",
        required: &[],
        optional: &[("min_val", Number), ("max_val", Number)],
    },
    Layer {
        name: "Flatten",
        required: &[],
        optional: &[("start_dim", Count)],
    },
    Layer {
        name: "Dropout",
        required: &[],
        optional: &[("p", Real)],
    },
    Layer {
        name: "ZeroPad2d",
        required: &[("padding", Sides)],
        optional: &[],
    },
    Layer {
        name: "PReLU",
        required: &[],
        optional: &[("num_parameters", Positive)],
    },
    Layer {
        name: "ReLU",
        required: &[],
        optional: &[],
    },
    Layer {
        name: "ReLU6",
        required: &[],
        optional: &[],
    },
    Layer {
        name: "Identity",
        required: &[],
        optional: &[],
    },
    Layer {
        name: "Sequential",
        required: &[("layers", Layers)],
        optional: &[],
    },
];

/// Declares the elementwise functions, each as a layer and as a function.
macro_rules! elementwise {
    ($($room:ident, $function:ident($($argument:ident),*), $layer:ident, $options:ident { $($field:ident: $kind:ident),* };)*) => {
        static ELEMENTWISE: &[Layer] = &[$(
            Layer {
                name: stringify!($layer),
                required: &[],
                optional: &[$((stringify!($field), Kind::$kind)),*],
            },
        )*];

        /// The names of the elementwise functions.
        pub(crate) static ELEMENTWISE_FUNCTIONS: &[&str] = &[$(stringify!($function)),*];
    };
}

include!("../../zkml-core/src/ops/elementwise_list.rs");
