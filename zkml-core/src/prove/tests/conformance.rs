//! Every operation, on odd shapes: the trace satisfies the circuit, the proof verifies, a wrong trace is found by name.

use super::network::{Network, window};
use crate::circuit::Function;
use crate::prove::{CompiledModel, SetupOptions, Trace, check, prove, setup};
use crate::verify::{Statement, verify};

/// Executes, checks the trace, proves and verifies.
fn round_trip(model: CompiledModel) {
    let input = Network::random_input(1, &model);
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");
    let trace = Trace::generate(&key, &statement, &input).expect("trace");
    check(statement.circuit(), &trace.values).expect("the trace satisfies the circuit");
    let (public, proof) = prove(&key, &input, b"context").expect("prove");
    assert_eq!(public, trace.public);
    verify(&key.verifying, &public, &proof, b"context").expect("verify");
    assert!(verify(&key.verifying, &public, &proof, b"other").is_err(), "another context");
}

#[test]
fn linear_layer_of_odd_size() {
    let mut n = Network::new(1, &[1, 7], (-127, 127));
    let fc = n.linear("fc", crate::graph::NodeId(0), 5, true);
    round_trip(n.finish(&[fc]));
}

#[test]
fn convolution_rescale_pool_linear_argmax() {
    let mut n = Network::new(2, &[1, 3, 9, 9], (-127, 127));
    let conv = n.convolution("conv", crate::graph::NodeId(0), 5, window(3, 1, 1), 1);
    let act = n.rescale("relu", conv, Function::Relu, Some(1));
    let pool = n.max_pool("pool", act, window(2, 2, 0));
    let flat = n.flatten("flatten", pool);
    let fc = n.linear("fc", flat, 10, true);
    let arg = n.argmax("argmax", fc, 1);
    round_trip(n.finish(&[fc, arg]));
}
