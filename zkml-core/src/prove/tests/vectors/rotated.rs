//! A network with views that take a sumcheck and a residual sum; its key, made in place of another one, has several
//! commitments to private weights, and a recursion of two levels.

use super::super::network::{Network, window};
use super::whole::fill_parameters;
use crate::circuit::Function;
use crate::graph::NodeId;
use crate::keys::{
    Choice, CompiledModel, ProvingKey, ROTATION_RESERVE, Secret, WeightCommitments, weight_extents,
};
use crate::ops;
use crate::pcs::{CodeParameters, Packing, RecursionParameters, RowCode};
use crate::privacy::Privacy;
use crate::reduce::Cpu;
use crate::setup::build;

/// Two convolutions of stride 2, one of them padded, and the sum of their rescaled results.
pub(super) fn model() -> CompiledModel {
    let input = NodeId(0);
    let mut n = Network::new(1, &[1, 2, 4, 4], (-127, 127));
    let padded = n.convolution("padded", input, 3, window(3, 2, 1), 1);
    let relu = n.rescale("relu", padded, Function::Relu, None);
    if let ops::IntOp::Rescale(rescale) = &mut n.graph.nodes[relu.0].op {
        // The stack of lookups has more cells than a group.
        rescale.table.domain_bits = 13;
        rescale.multipliers = vec![77];
    }
    let strided = n.convolution("strided", input, 3, window(1, 2, 0), 1);
    let sum = ops::Requantize {
        multipliers: vec![5, 60, 11],
        axes: vec![1],
        shift: 7,
        bits: 16,
        residual_shifts: vec![0, 2],
    };
    let shape = n.shape(relu);
    let sum = n.derived("sum", sum.into(), &[strided, relu], shape);
    fill_parameters(&mut n);
    n.finish(&[sum]).with_privacy(Privacy::default())
}

/// The key, and the one in whose place it is.
pub(super) fn keys() -> [ProvingKey; 2] {
    let code = |log_row, tail, log_codeword, queries| CodeParameters {
        log_row,
        tail,
        log_codeword,
        queries,
        log_stride: 0,
        digest_bytes: 26,
        grinding_bits: 16,
    };
    let lowered = model().lower().expect("lower");
    let extents = weight_extents(&lowered.circuit);
    let choice = Choice {
        // 1024 + 256 coordinates are 10 rows of 128, and these 4 rows of 32.
        code: code(10, 256, 13, 115),
        recursion: RecursionParameters {
            levels: vec![code(7, 0, 11, 100), code(5, 0, 9, 100)],
        },
        weights: WeightCommitments {
            roots: vec![[0; 32]; ROTATION_RESERVE as usize + 1],
            rows: Packing::new(&extents, RowCode::uncoded(10))
                .expect("a packing")
                .rows,
            openings: 2,
        },
    };
    let made = |byte: u8, choice: Choice, old: Option<&ProvingKey>| {
        let lowered = model().lower().expect("lower");
        build(Cpu, model(), lowered, choice, Secret::of([byte; 32]), old).expect("a key")
    };
    let old = made(3, choice.clone(), None);
    [made(4, choice, Some(&old)), old]
}
