//! A parameter that several layers use is one column: nobody can commit to two tensors under one name.

use super::fixture::CONTEXT;
use super::handed;
use super::network::Network;
use crate::argument::Statement;
use crate::circuit::{CircuitError, Function};
use crate::error::{KeyError, WeightsKeyError};
use crate::graph::{NodeId, ParameterId, ParameterRole};
use crate::keys::{CompiledModel, ProveError, VerifyingKey};
use crate::ops::{self, IntOp};
use crate::privacy::Privacy;
use crate::prove::prove;
use crate::setup::{SetupOptions, setup};
use crate::transcript::VerifyError;
use crate::verify::verify;

/// Two linear layers with one weight and one bias, and a third with a weight of its own.
fn tied() -> CompiledModel {
    let mut n = Network::new(11, &[1, 4], (-127, 127));
    let first = n.linear("first", NodeId(0), 4, true);
    let IntOp::Linear(layer) = n.graph.nodes[first.0].op.clone() else {
        panic!("a linear layer");
    };
    let q = n.rescale("q", first, Function::Relu, None);
    let second = n.derived("second", layer.into(), &[q], vec![1, 4]);
    let r = n.rescale("r", second, Function::Identity, None);
    let third = n.linear("third", r, 2, false);
    n.finish(&[third])
}

#[test]
fn a_tied_parameter_is_committed_once() {
    for privacy in [Privacy::PUBLIC, Privacy::default()] {
        let model = tied().with_privacy(privacy);
        let lowered = model.lower().expect("lower");
        let names = lowered
            .circuit
            .parameters()
            .map(|id| lowered.circuit[id].name.clone());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["first.weight", "first.bias", "third.weight"]
        );
        let input = Network::random_input(2, &model);
        let key = setup(model, &SetupOptions::default()).expect("setup");
        let proof = prove(&key, &input, CONTEXT).expect("a proof");
        verify(&key.verifying, &proof, CONTEXT).expect("valid");
        handed::answer(&key.verifying, &proof, CONTEXT);
    }
}

#[test]
fn a_key_with_two_copies_of_a_tied_parameter_is_refused() {
    let key = setup(tied(), &SetupOptions::default()).expect("setup").verifying;
    let mut twice = key.clone();
    twice.weights.columns.insert(2, key.weights.columns[0].clone());
    let mut instead = key.clone();
    instead.weights.columns[2] = key.weights.columns[0].clone();
    let refused = |key: &VerifyingKey| match Statement::new(key) {
        Err(VerifyError::Key(KeyError::Weights(error))) => error,
        other => panic!("{other:?}"),
    };
    let expected = WeightsKeyError::OtherColumnCount {
        expected: 3,
        found: 4,
    };
    assert_eq!(refused(&twice), expected);
    match refused(&instead) {
        WeightsKeyError::OtherColumn {
            column: 2, expected, ..
        } => assert!(expected.starts_with("`third.weight`"), "{expected}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parameter_that_two_layers_read_in_different_orders_is_refused() {
    let mut n = Network::new(12, &[1, 4, 1, 1], (-127, 127));
    let conv = n.convolution("conv", NodeId(0), 4, super::network::window(1, 1, 0), 1);
    let weight = n.parameter("other.weight".into(), ParameterRole::Weight, &[4, 4]);
    let flat = n.derived("flat", ops::Reshape.into(), &[conv], vec![1, 4]);
    let op = ops::Linear { weight, bias: None };
    let layer = n.derived("layer", op.into(), &[flat], vec![1, 4]);
    let mut model = n.finish(&[layer]);
    model.lower().expect("two parameters");
    // Now the convolution's weight, of shape [4, 4, 1, 1], in the place of the layer's.
    let graph = &mut model.network.graph;
    graph.parameters[0].values = graph.parameters[weight.0].values.clone();
    if let IntOp::Linear(layer) = &mut graph.nodes[layer.0].op {
        layer.weight = ParameterId(0);
    }
    match model.lower() {
        Err(ProveError::Unsupported(
            CircuitError::Unsupported { what, .. } | CircuitError::Malformed { found: what, .. },
        )) => {
            assert!(
                what.contains("conv.weight") || what.contains("expected 4 dimensions"),
                "{what}"
            );
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}
