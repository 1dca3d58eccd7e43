//! Columns of the trace in blocks: the same answers from fewer cells and rows.

use super::conformance::{
    altered_cells_are_found, attention, columns_follow_definitions, proof_verifies, small_attention,
    with_trace,
};
use super::gadgets::{norm, normalized};
use super::handed;
use super::network::Network;
use crate::argument::{Statement, Trace, check};
use crate::circuit::{ColumnId, Function};
use crate::execute::execute_reference;
use crate::graph::{Lengths, NodeId, Sizing};
use crate::keys::CompiledModel;
use crate::ops;
use crate::optimize::circuit::trace_blocks::TraceBlocks;
use crate::optimize::circuit::virtual_values::VirtualValues;
use crate::optimize::circuit::weight_blocks::WeightBlocks;
use crate::optimize::{Pass, Switches, sizes};
use crate::privacy::Privacy;
use crate::prove::prove;
use crate::setup::{SetupOptions, setup};
use crate::verify::{TrustedKey, verify};

const TOKENS: usize = 32;
const CHANNELS: usize = 320;

/// A layer with a table behind it, and one with a quotient of 18 bits, of two digits, to which the first one is added.
pub(super) fn model(tokens: usize) -> CompiledModel {
    let mut n = Network::new(47, &[1, tokens, 16], (-127, 127));
    let first = n.linear("first", NodeId(0), CHANNELS, true);
    let relu = n.rescale("relu", first, Function::Relu, None);
    let second = n.linear("second", relu, CHANNELS, false);
    let op = ops::Requantize {
        multipliers: vec![5],
        axes: vec![],
        shift: 12,
        bits: 18,
        residual_shifts: (0..CHANNELS).map(|channel| channel as u32 % 3).collect(),
    };
    let shape = n.shape(second);
    let wide = n.derived("wide", op.into(), &[second, relu], shape);
    n.finish(&[wide])
}

fn without(mut model: CompiledModel, passes: &[&dyn Pass]) -> CompiledModel {
    let switches = passes.iter();
    model.network.lowering = switches.fold(Switches::default(), |switches, pass| switches.with(*pass, false));
    model
}

#[test]
fn no_padding_is_committed_or_looked_up() {
    let model = model(TOKENS);
    let circuit = model.lower().expect("lower").circuit;
    let committed: Vec<ColumnId> = circuit.committed().collect();
    // Two limbs, the result of the table and two digits, each in two blocks.
    assert_eq!(committed.len(), 10);
    for id in committed {
        assert!(circuit[id].shape.is_exact(), "{}", circuit[id].name);
    }
    let of = |model: &CompiledModel| sizes(&model.lower().expect("lower").circuit).map(|size| size.1);
    let [[_, rows, ..], [_, whole, ..]] = [of(&model), of(&without(model.clone(), &[&TraceBlocks]))];
    assert_eq!(rows * 512, whole * CHANNELS as u64);
}

#[test]
fn answers_are_the_same_with_the_pass_and_without() {
    let input = Network::random_input(5, &model(TOKENS));
    let reference = execute_reference(&model(TOKENS).network.graph, &input).expect("execute");
    let expected: Vec<i64> = reference
        .outputs(&model(TOKENS).network.graph)
        .flat_map(|output| output.iter().copied())
        .collect();
    for passes in [
        &[][..],
        &[&TraceBlocks as &dyn Pass],
        &[&WeightBlocks],
        &[&VirtualValues],
    ] {
        for privacy in [Privacy::PUBLIC, Privacy::default()] {
            let key = setup(
                without(model(TOKENS), passes).with_privacy(privacy),
                &SetupOptions::default(),
            );
            let key = key.expect("setup");
            let proof = prove(&key, &input, b"context").expect("prove");
            verify(&key.verifying, &proof, b"context").expect("verify");
            handed::answer(&key.verifying, &proof, b"context");
            assert_eq!(proof.public.outputs, Some(vec![expected.clone()]));
        }
    }
}

#[test]
fn the_trace_satisfies_the_circuit_and_no_other_does() {
    let key = setup(model(TOKENS), &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");
    let input = Network::random_input(6, &key.model);
    let trace = Trace::generate(&key, &statement, &input).expect("trace");
    check(statement.circuit(), &trace.values).expect("the trace satisfies the circuit");
    columns_follow_definitions(statement.circuit(), &trace);
    altered_cells_are_found(statement.circuit(), &trace);
}

/// What gadgets have on padding is not in blocks: of scores, and of advice in digits.
#[test]
fn gadgets_hold_in_blocks() {
    for (model, split) in [
        (
            attention([1, 6, 128, 2], 2, small_attention(true)),
            "attended/score_remainder[",
        ),
        (normalized(&[3, 4096, 2], norm(&[0])), "norm/root/digit.0["),
    ] {
        with_trace(model, |key, circuit, trace, input| {
            let mut names = circuit.ids().map(|id| &circuit[id].name);
            assert!(names.any(|name| name.starts_with(split)), "{split}");
            check(circuit, &trace.values).expect("the trace satisfies the circuit");
            columns_follow_definitions(circuit, trace);
            proof_verifies(key, trace, input);
        });
    }
}

/// At some lengths columns are split, and at others they are not. The weights are committed once.
#[test]
fn one_key_serves_lengths_with_blocks_and_without() {
    let mut general = model(29);
    general.network.sizing = Sizing::AnyLength(Lengths::text(29));
    let options = SetupOptions {
        typical_tokens: 32,
        maximum_tokens: 64,
        ..SetupOptions::default()
    };
    let key = setup(general, &options).expect("setup");
    let trusted = TrustedKey::new(&key.verifying).expect("trusted");
    for (tokens, split) in [(13, false), (32, true), (64, true)] {
        let key = key.at(Lengths::text(tokens)).expect("resize");
        let tokens = tokens as usize;
        assert_eq!(!key.lowered.blocks.is_empty(), split);
        let input = Network::random_input(7, key.model());
        let proof = prove(&key, &input, b"context").expect("prove");
        trusted.verify(&proof, b"context").expect("verify");
        handed::answer(&key.verifying, &proof, b"context");
        let reference = execute_reference(&model(tokens).network.graph, &input).expect("execute");
        let values = reference.values.last().expect("a node");
        let expected: Vec<i64> = values.iter().copied().collect();
        assert_eq!(proof.public.outputs, Some(vec![expected]));
    }
}
