//! Zero-knowledge machine learning: write a PyTorch model as a Rust struct, prove its answers, verify them
//! anywhere.
//!
//! This crate is the front of the workspace: it re-exports `zkml-core` (everything), `zkml-macros`
//! (`#[zk_model]`) and `zkml-models` (well-known networks). A verifier needs none of the prover's code: build
//! with `default-features = false`. The README has an example.

// The example in the README is compiled with the tests.
#[cfg(all(doctest, feature = "prover"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use zkml_core::{Privacy, Visibility};
pub use zkml_core::{
    argument, circuit, field, graph, keys, lookup, lower, masking, ops, optimize, pcs, poly, privacy, proof,
    reduce, sumcheck, transcript, verify,
};

#[cfg(feature = "prover")]
pub mod data;
#[cfg(feature = "prover")]
pub mod memory;
pub mod observe;

#[cfg(feature = "prover")]
pub use zkml_core::{execute, nn, prove, quant, secret, setup};
#[cfg(feature = "prover")]
pub use zkml_macros::zk_model;
#[cfg(feature = "prover")]
pub use zkml_models as models;

/// What a model and its proof need: `use zkml::prelude::*;`.
#[cfg(feature = "prover")]
pub mod prelude {
    pub use zkml_core::graph::Graph;
    pub use zkml_core::keys::VerifyingKey;
    pub use zkml_core::keys::{CompiledModel, ProvingKey};
    pub use zkml_core::nn::{
        AdaptiveAvgPool2d, AdaptiveAvgPool2dOptions, AvgPool2d, AvgPool2dOptions, BatchNorm1d,
        BatchNorm1dOptions, BatchNorm2d, BatchNorm2dOptions, Conv2d, Conv2dOptions, Dropout, DropoutOptions,
        Flatten, FlattenOptions, Forward, Identity, IdentityOptions, Linear, LinearOptions, LoadReport,
        MaxPool2d, MaxPool2dOptions, Module, Parameter, ReLU, ReLU6, ReLU6Options, ReLUOptions, Sequential,
        SequentialLayer, SequentialOptions, Tensor, TraceError, WeightError, Weights, ZeroPad2d,
        ZeroPad2dOptions, adaptive_avg_pool2d, argmax, avg_pool2d, avg_pool2d_with, cat, flatten, layer,
        max_pool2d, max_pool2d_with, pad, permute, relu, relu6, reshape, sequential, subsample2d, view,
    };
    pub use zkml_core::ops::{Float, Int, Symbolic};
    pub use zkml_core::optimize::model::{OptimizeOptions, optimize};
    pub use zkml_core::privacy::{Privacy, Visibility};
    pub use zkml_core::proof::{Proof, PublicValues};
    pub use zkml_core::prove::prove;
    pub use zkml_core::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
    pub use zkml_core::setup::{SetupOptions, setup};
    pub use zkml_core::verify::verify;
    pub use zkml_macros::zk_model;
}
