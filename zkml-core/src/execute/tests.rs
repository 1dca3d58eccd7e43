//! Operations of language models against what PyTorch and Hugging Face's transformers compute.
//!
//! `scripts/reference_llama.py` writes the values.

use ndarray::ArrayD;

use crate::execute::ExecutionError;
use crate::execute::float::{execute_float, execute_float_on};
use crate::graph::{GraphBuilder, GraphError, Parameter, ParameterId};
use crate::nn::{InputKind, Tensor, TraceInput, Weights, matmul, trace_inputs};
use crate::ops::{
    Attention, Embedding, Float, FloatOp, Ids, Llama3Scaling, Narrow, Permute, RmsNorm, Rope,
    ScaledDotProductAttentionOptions, Softmax,
};

fn reference() -> Weights {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/llama/operations.safetensors"
    );
    Weights::open(file).unwrap()
}

fn tensor(reference: &Weights, name: &str) -> ArrayD<f32> {
    let shape = reference
        .shape(name)
        .unwrap_or_else(|| panic!("no tensor {name}"));
    ArrayD::from_shape_vec(shape, reference.values(name).unwrap().unwrap()).unwrap()
}

/// Each value within `tolerance` of the expected one, or of its magnitude if that is above 1.
#[track_caller]
fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, tolerance: f32) {
    assert_eq!(found.shape(), expected.shape());
    for ((index, found), expected) in found.indexed_iter().zip(expected) {
        let error = (found - expected).abs() / expected.abs().max(1.0);
        assert!(
            error <= tolerance,
            "{index:?}: found {found}, expected {expected}"
        );
    }
}

/// The result of an operation on these operands, with these parameters.
fn apply(op: impl Into<FloatOp>, operands: &[&ArrayD<f32>], parameters: &[ArrayD<f32>]) -> ArrayD<f32> {
    let mut builder = GraphBuilder::<Float>::new();
    for (index, values) in parameters.iter().enumerate() {
        builder.parameter(Parameter {
            path: format!("p{index}"),
            values: values.clone(),
        });
    }
    let name = |index: usize| format!("x{index}");
    let inputs: Vec<_> = operands
        .iter()
        .enumerate()
        .map(|(index, x)| builder.input(&name(index), x.shape()).unwrap())
        .collect();
    let y = builder.add("y", op, &inputs).unwrap();
    let graph = builder.finish(vec![y]).unwrap();
    let values: Vec<ArrayD<f32>> = operands.iter().map(|&x| x.clone()).collect();
    execute_float_on(&graph, &values).unwrap().pop().unwrap()
}

fn llama3(factor: f64) -> Rope {
    Rope {
        rope_theta: 500_000.0,
        rope_scaling: Some(Llama3Scaling {
            factor,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192,
        }),
        position: 0,
    }
}

#[test]
fn rotations_have_the_frequencies_of_their_family() {
    let reference = reference();
    for (name, rope) in [
        ("default", Rope::new()),
        ("llama31", llama3(8.0)),
        ("llama32", llama3(32.0)),
    ] {
        let expected = tensor(&reference, &format!("rope.{name}.frequencies"));
        let found = rope.frequencies(2 * expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let ratio = found / f64::from(*expected);
            assert!((ratio - 1.0).abs() < 1e-6, "{name}: {found} {expected}");
        }
        for what in ["query", "key"] {
            let x = tensor(&reference, &format!("rope.{name}.{what}"));
            for position in [0, 300] {
                let expected = tensor(&reference, &format!("rope.{name}.{what}.{position}"));
                assert_close(&apply(rope.at(position), &[&x], &[]), &expected, 1e-4);
            }
        }
    }
}

/// The two halves of a head turn together, not neighbours.
#[test]
fn a_head_turns_in_halves() {
    let x = ArrayD::from_shape_vec(vec![1, 1, 1, 4], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let (sin, cos) = 1f32.sin_cos();
    let (slow_sin, slow_cos) = 0.01f32.sin_cos();
    let expected = vec![
        cos - 3.0 * sin,
        2.0 * slow_cos - 4.0 * slow_sin,
        3.0 * cos + sin,
        4.0 * slow_cos + 2.0 * slow_sin,
    ];
    let expected = ArrayD::from_shape_vec(vec![1, 1, 1, 4], expected).unwrap();
    assert_close(&apply(Rope::new().at(1), &[&x], &[]), &expected, 1e-6);
}

#[test]
fn eps_is_added_under_the_root() {
    let reference = reference();
    let (x, weight) = (tensor(&reference, "norm.x"), tensor(&reference, "norm.weight"));
    for (name, epsilon) in [
        ("default", f64::from(f32::EPSILON)),
        ("1e-5", 1e-5),
        ("1e-6", 1e-6),
    ] {
        let op = RmsNorm {
            weight: Some(ParameterId(0)),
            normalized_shape: 7,
            epsilon,
        };
        let found = apply(op, &[&x], core::slice::from_ref(&weight));
        assert_close(&found, &tensor(&reference, &format!("norm.{name}")), 1e-5);
    }
}

#[test]
fn query_heads_share_keys_in_groups() {
    let reference = reference();
    let part = |name: &str| tensor(&reference, &format!("attention.{name}"));
    let (query, key, value) = (part("query"), part("key"), part("value"));
    let plain = ScaledDotProductAttentionOptions::new();
    let causal = ScaledDotProductAttentionOptions {
        is_causal: true,
        ..plain
    };
    let scaled = ScaledDotProductAttentionOptions {
        scale: Some(0.3),
        ..plain
    };
    for (name, options) in [("plain", plain), ("scaled", scaled), ("causal", causal)] {
        let found = apply(Attention { options }, &[&query, &key, &value], &[]);
        assert_close(&found, &part(name), 1e-5);
    }
    // As many keys as queries.
    let first = |x: &ArrayD<f32>| {
        let (axis, start, length) = (2, 0, 5);
        apply(Narrow { axis, start, length }, &[x], &[])
    };
    let found = apply(
        Attention { options: causal },
        &[&query, &first(&key), &first(&value)],
        &[],
    );
    assert_close(&found, &part("square"), 1e-5);
}

#[test]
fn softmax_transpose_and_narrow() {
    let reference = reference();
    let x = tensor(&reference, "softmax.x");
    for axis in 0..3 {
        let found = apply(Softmax { axis }, &[&x], &[]);
        assert_close(&found, &tensor(&reference, &format!("softmax.{axis}")), 1e-6);
    }
    let order = vec![0, 2, 1];
    assert_eq!(
        apply(Permute { order }, &[&x], &[]),
        tensor(&reference, "transpose.1.2")
    );
    let (axis, start, length) = (2, 1, 3);
    assert_eq!(
        apply(Narrow { axis, start, length }, &[&x], &[]),
        tensor(&reference, "narrow.2.1.3")
    );
}

/// A graph of a function of tensors, on inputs of these shapes.
fn traced(shapes: &[&[usize]], forward: impl FnOnce(&[Tensor]) -> Tensor) -> crate::graph::Graph<Float> {
    let inputs: Vec<TraceInput> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| TraceInput {
            name: format!("input.{index}"),
            kind: InputKind::Tensor,
            shape: shape.to_vec(),
        })
        .collect();
    let graph = trace_inputs(&inputs, |tensors| vec![forward(tensors)]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("none.safetensors");
    let none: [(&str, safetensors::tensor::TensorView<'_>); 0] = [];
    safetensors::serialize_to_file(none, None, &file).unwrap();
    graph.load(&Weights::open(&file).unwrap()).unwrap().0
}

#[test]
fn products_of_matrices_broadcast_their_batches() {
    let reference = reference();
    let (left, right) = (
        tensor(&reference, "matmul.left"),
        tensor(&reference, "matmul.right"),
    );
    let graph = traced(&[left.shape(), right.shape()], |inputs| {
        matmul(inputs[0], inputs[1])
    });
    let found = execute_float_on(&graph, &[left, right]).unwrap().pop().unwrap();
    assert_close(&found, &tensor(&reference, "matmul.product"), 1e-5);
}

fn embedding(ids: &[f32]) -> Result<ArrayD<f32>, ExecutionError> {
    let mut builder = GraphBuilder::<Float>::new();
    let weight = builder.parameter(Parameter {
        path: "table".into(),
        values: ArrayD::from_shape_fn(vec![3, 2], |at| (10 * at[0] + at[1]) as f32),
    });
    let ids = ArrayD::from_shape_vec(vec![1, ids.len()], ids.to_vec()).unwrap();
    let input = builder.declare("ids", Ids, &[], ids.shape()).unwrap();
    let y = builder
        .add("embed_tokens", Embedding { weight }, &[input])
        .unwrap();
    let graph = builder.finish(vec![y]).unwrap();
    Ok(execute_float(&graph, &ids)?.pop().unwrap())
}

#[test]
fn ids_are_integers_below_the_vocabulary() {
    let found = embedding(&[2.0, 0.0, 2.0]).unwrap();
    assert_eq!(found.shape(), [1, 3, 2]);
    assert_eq!(
        found.into_raw_vec_and_offset().0,
        [20.0, 21.0, 0.0, 1.0, 20.0, 21.0]
    );
    for wrong in [3.0, -1.0, 0.5, -0.5, 1e20] {
        let error = embedding(&[1.0, wrong]).unwrap_err();
        let expected = format!(
            "`embed_tokens`: expected a token id, an integer in [0, 3), found {wrong} at index [0, 1] of the ids"
        );
        assert_eq!(error.to_string(), expected);
    }
}

/// Shapes that do not fit are refused, with what would.
#[test]
fn operands_that_do_not_fit() {
    let refused = |op: FloatOp, shapes: &[&[usize]]| {
        let mut builder = GraphBuilder::<Float>::new();
        let name = |index: usize| format!("x{index}");
        let inputs: Vec<_> = (0..shapes.len())
            .map(|index| builder.input(&name(index), shapes[index]).unwrap())
            .collect();
        match builder.add("y", op, &inputs).unwrap_err() {
            GraphError::Shape { reason, .. } => reason.to_string(),
            other => panic!("{other}"),
        }
    };
    let options = ScaledDotProductAttentionOptions {
        is_causal: true,
        scale: None,
    };
    let attend = |query: &[usize], key: &[usize], value: &[usize]| {
        refused(Attention { options }.into(), &[query, key, value])
    };
    let name = "scaled_dot_product_attention: expected";
    assert_eq!(
        attend(&[1, 6, 5, 4], &[1, 4, 5, 4], &[1, 4, 5, 4]),
        format!(
            "{name} query heads that are a multiple of the 4 key heads of [1, 4, 5, 4], found 6 in [1, 6, 5, 4]"
        )
    );
    assert_eq!(
        attend(&[1, 6, 5, 4], &[1, 2, 3, 4], &[1, 2, 3, 4]),
        format!("{name} at least as many keys as the queries of [1, 6, 5, 4], found [1, 2, 3, 4]")
    );
    assert_eq!(
        attend(&[1, 6, 5, 4], &[1, 2, 7, 4], &[1, 2, 6, 4]),
        format!("{name} a value with batch, heads and length of the key [1, 2, 7, 4], found [1, 2, 6, 4]")
    );
    assert_eq!(
        refused(Rope::new().into(), &[&[1, 2, 3, 5]]),
        "rope: expected head_dim that is even, found 5"
    );
    let norm = RmsNorm {
        weight: None,
        normalized_shape: 8,
        epsilon: 0.0,
    };
    assert_eq!(
        refused(norm.into(), &[&[2, 7]]),
        "RMSNorm: expected 8 values along the last axis, found 7 in [2, 7]"
    );
    let narrow = Narrow {
        axis: 1,
        start: 3,
        length: 2,
    };
    assert_eq!(
        refused(narrow.into(), &[&[2, 4]]),
        "narrow: expected a range of 1 to 4 indices below 4, found 2 from index 3 on"
    );
    assert_eq!(
        refused(FloatOp::Matmul(crate::ops::Matmul), &[&[2, 3, 4], &[2, 3, 4]]),
        "matmul: expected as many rows as the columns of [2, 3, 4], found [2, 3, 4]"
    );
}
