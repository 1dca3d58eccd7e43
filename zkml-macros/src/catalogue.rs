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
    /// An integer, or `(left, right, top, bottom)`.
    Sides,
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
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).map(|(name, _)| *name)
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

/// The layer of this name.
pub(crate) fn find(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().chain(ELEMENTWISE).find(|layer| layer.name == name)
}

use Kind::{Count, CountPair, Flag, Layers, Positive, PositivePair, Real, Sides};

const NORM: &[(&str, Kind)] = &[("eps", Real), ("affine", Flag)];

static LAYERS: &[Layer] = &[
    Layer {
        name: "Conv2d",
        required: &[
            ("in_channels", Positive),
            ("out_channels", Positive),
            ("kernel_size", PositivePair),
        ],
        optional: &[
            ("stride", PositivePair),
            ("padding", CountPair),
            ("dilation", PositivePair),
            ("groups", Positive),
            ("bias", Flag),
        ],
    },
    Layer {
        name: "Linear",
        required: &[("in_features", Positive), ("out_features", Positive)],
        optional: &[("bias", Flag)],
    },
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
        ],
    },
    Layer {
        name: "AvgPool2d",
        required: &[("kernel_size", PositivePair)],
        optional: &[("stride", PositivePair), ("padding", CountPair)],
    },
    Layer {
        name: "AdaptiveAvgPool2d",
        required: &[("output_size", PositivePair)],
        optional: &[],
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
