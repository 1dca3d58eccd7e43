//! Matrices of weights in blocks: the same answers from fewer cells, and one copy of the weights.

use super::conformance::{columns_follow_definitions, small_attention};
use super::handed;
use super::network::Network;
use crate::argument::{Statement, Trace, check};
use crate::circuit::{ColumnId, ColumnKind, Function};
use crate::execute::{execute, execute_reference};
use crate::graph::{IntTensor, NodeId, ParameterRole};
use crate::keys::{CompiledModel, ProvingKey};
use crate::ops;
use crate::optimize::circuit::virtual_values::VirtualValues;
use crate::optimize::circuit::weight_blocks::WeightBlocks;
use crate::optimize::{Pass, Switches};
use crate::privacy::{Privacy, Visibility};
use crate::prove::prove;
use crate::setup::{SetupOptions, rotate, setup};
use crate::verify::verify;

const TOKENS: usize = 3;
const VOCABULARY: usize = 160;
const HEADS: usize = 3;
const HEAD: usize = 64;
const CHANNELS: usize = HEADS * HEAD;

/// The ids of an embedding are public.
const PRIVATE_WEIGHTS: Privacy = Privacy {
    weights: Visibility::Private,
    ..Privacy::PUBLIC
};

/// A layer of a language model of those sizes: tokens, an attention, and a head that is tied to the embedding.
fn language_model() -> CompiledModel {
    let last = VOCABULARY as i64 - 1;
    let mut n = Network::new(41, &[1, TOKENS], (0, last));
    let weight = n.parameter(
        "embedding.weight".into(),
        ParameterRole::Weight,
        &[VOCABULARY, CHANNELS],
    );
    let embedding = ops::IntegerEmbedding {
        weight,
        multipliers: vec![1],
    };
    let (flat, split) = (vec![1, TOKENS, CHANNELS], vec![1, TOKENS, HEADS, HEAD]);
    let x = n.derived("embedding", embedding.into(), &[NodeId(0)], flat.clone());
    let turned = |n: &mut Network, name: &str, x: NodeId| {
        let order = vec![0, 2, 1, 3];
        let shape = n.shape(x);
        let shape = order.iter().map(|&axis| shape[axis]).collect();
        n.derived(name, ops::Permute { order }.into(), &[x], shape)
    };
    let projected = |n: &mut Network, name: &str| {
        let product = n.linear(name, x, CHANNELS, name == "q");
        let small = n.rescale(&format!("{name}.small"), product, Function::Identity, None);
        let heads = n.derived(
            &format!("{name}.heads"),
            ops::Reshape.into(),
            &[small],
            split.clone(),
        );
        turned(n, &format!("{name}.turned"), heads)
    };
    let [q, k, v] = ["q", "k", "v"].map(|name| projected(&mut n, name));
    let shape = n.shape(q);
    let attended = n.node(
        "attended",
        small_attention(true).into(),
        &[q, k, v],
        shape,
        (-127, 127),
    );
    let back = turned(&mut n, "back", attended);
    let joined = n.derived("joined", ops::Reshape.into(), &[back], flat);
    let o = n.linear("o", joined, CHANNELS, false);
    let o = n.rescale("o.small", o, Function::Identity, None);
    let head = ops::Linear { weight, bias: None };
    let head = n.derived("head", head.into(), &[o], vec![1, TOKENS, VOCABULARY]);
    n.finish(&[head])
}

fn without(mut model: CompiledModel, passes: &[&dyn Pass]) -> CompiledModel {
    let switches = passes.iter();
    model.network.lowering = switches.fold(Switches::default(), |switches, pass| switches.with(*pass, false));
    model
}

fn padded_cells_of_weights(model: &CompiledModel) -> usize {
    let circuit = model.lower().expect("lower").circuit;
    circuit
        .parameters()
        .map(|id| circuit[id].shape.padded_len())
        .sum()
}

#[test]
fn the_columns_of_blocks_have_no_padding() {
    let model = language_model();
    // A bias has four digits. Rows are padded to 256 as before; rows of padding are not stored.
    assert_eq!(padded_cells_of_weights(&model), 5 * 256 * CHANNELS + 4 * 256);
    let whole = without(model, &[&WeightBlocks]);
    assert_eq!(padded_cells_of_weights(&whole), 5 * 256 * 256 + 4 * 256);
}

#[test]
fn how_weights_are_split_does_not_depend_on_the_tokens() {
    let columns = |tokens: usize| {
        let mut n = Network::new(3, &[1, tokens, 192], (-127, 127));
        let fc = n.linear("fc", NodeId(0), 260, true);
        let circuit = n.finish(&[fc]).lower().expect("lower").circuit;
        let column = |id: ColumnId| (circuit[id].name.clone(), circuit[id].shape.clone());
        circuit.parameters().map(column).collect::<Vec<_>>()
    };
    let expected = columns(1);
    assert_eq!(expected.len(), 3);
    assert_eq!(expected[1].0, "fc.weight[0:260, 128:192]");
    for tokens in [2, 3, 13, 64] {
        assert_eq!(columns(tokens), expected);
    }
}

/// Proves an answer of the model, and has it verified; returns its outputs.
fn answer(key: &ProvingKey) -> Vec<Vec<i64>> {
    let input = Network::random_input(5, &key.model);
    let proof = prove(key, &input, b"context").expect("prove");
    verify(&key.verifying, &proof, b"context").expect("verify");
    handed::answer(&key.verifying, &proof, b"context");
    proof.public.outputs.expect("public outputs")
}

#[test]
fn answers_are_the_same_with_the_pass_and_without() {
    let model = language_model();
    let input = Network::random_input(5, &model);
    let reference = execute_reference(&model.network.graph, &input).expect("execute");
    let expected: Vec<i64> = reference
        .outputs(&model.network.graph)
        .flat_map(|output| output.iter().copied())
        .collect();
    for passes in [
        &[][..],
        &[&WeightBlocks as &dyn Pass],
        &[&VirtualValues],
        &[&WeightBlocks, &VirtualValues],
    ] {
        for privacy in [Privacy::PUBLIC, PRIVATE_WEIGHTS] {
            let model = without(model.clone(), passes).with_privacy(privacy);
            let key = setup(model, &SetupOptions::default()).expect("setup");
            assert_eq!(answer(&key), core::slice::from_ref(&expected));
        }
    }
}

#[test]
fn the_trace_satisfies_the_circuit_and_its_definitions() {
    let key = setup(language_model(), &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");
    let input = Network::random_input(6, &key.model);
    let trace = Trace::generate(&key, &statement, &input).expect("trace");
    check(statement.circuit(), &trace.values).expect("the trace satisfies the circuit");
    columns_follow_definitions(statement.circuit(), &trace);
}

#[test]
fn the_blocks_of_a_key_are_views_of_its_rows() {
    let model = language_model();
    let values: Vec<Vec<i32>> = (model.network.graph.parameters.iter())
        .map(|parameter| parameter.values.to_vec())
        .collect();
    let input = Network::random_input(7, &model);
    let expected = execute(&model.network.graph, &input).expect("execute");
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let graph = &key.model.network.graph;
    let mut in_blocks = 0;
    for (parameter, before) in graph.parameters.iter().zip(values) {
        if let IntTensor::Int8Blocks(blocks) = &parameter.values {
            assert!(blocks.is_in(&key.commitments.cells));
            in_blocks += 1;
        }
        assert_eq!(parameter.values.to_vec(), before, "{}", parameter.path);
    }
    assert_eq!(in_blocks, 5);
    // Executed from the blocks, and lowered from them: in the same blocks nothing is copied, in others the cells agree.
    let found = execute(graph, &input).expect("execute");
    assert!(expected.outputs(graph).eq(found.outputs(graph)));
    let again = key.model.lower().expect("lower");
    let is_weight = |id: ColumnId| again.circuit[id].name.contains("weight");
    for (column, own) in again.parameters.iter().zip(&key.lowered.parameters) {
        assert_eq!(column.cells, own.cells);
        if is_weight(column.column) {
            assert!(column.cells.cells().is_same_memory(&key.commitments.cells));
        }
    }
    let whole = without(key.model.clone(), &[&WeightBlocks])
        .lower()
        .expect("lower");
    for (column, parameter) in whole.parameters.iter().zip(&graph.parameters) {
        if parameter.role == ParameterRole::Weight {
            let cells: Vec<i32> = column.cells.to_vec().into_iter().map(i32::from).collect();
            assert_eq!(cells, parameter.values.to_vec());
        }
    }
}

#[test]
fn a_key_in_blocks_is_read_from_its_file_and_rotated() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    let model = language_model().with_privacy(PRIVATE_WEIGHTS);
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let expected = answer(&key);
    key.write_file(&path).expect("write");
    drop(key);
    let key = ProvingKey::read_file(&path).expect("read");
    assert_eq!(answer(&key), expected);
    assert_eq!(answer(&rotate(&key).expect("rotate")), expected);
}

#[test]
fn the_matrix_of_a_layer_is_the_sum_of_its_blocks() {
    let lowered = language_model().lower().expect("lower");
    let circuit = &lowered.circuit;
    let matrices = circuit.ids().filter(|&id| circuit[id].name.ends_with(".weight"));
    let mut count = 0;
    for id in matrices {
        let ColumnKind::Linear(linear) = &circuit[id].kind else {
            panic!("{} is not a sum", circuit[id].name);
        };
        assert_eq!(linear.terms.len(), 2);
        assert!(circuit.zero_padded()[id.index()]);
        count += 1;
    }
    assert_eq!(count, 5);
}
