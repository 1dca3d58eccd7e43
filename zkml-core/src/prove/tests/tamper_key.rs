//! Every part of the verifying key altered: the honest proof is rejected, also when it claims the altered key. If the
//! weights key was altered, its own setup proof no longer fits it.

use super::fixture::{CONTEXT, Fixture, fixture, fixtures, hidden, judge, noticed, rotated};
use crate::argument::Statement;
use crate::circuit::{Custom, Function};
use crate::error::{KeyError, SizesError, WeightsKeyError};
use crate::graph::{ChannelScales, NodeId, Preprocessing};
use crate::keys::VerifyingKey;
use crate::ops::IntOp;
use crate::optimize::circuit::layer_stacking::LayerStacking;
use crate::pcs::CodeParameters;
use crate::poly::PaddedShape;
use crate::privacy::Visibility;
use crate::proof::Proof;
use crate::setup::{SetupOptions, setup};
use crate::transcript::VerifyError;
use crate::verify::{TrustedKey, verify, verify_setup};

type Alter = Box<dyn Fn(&mut VerifyingKey)>;

/// The first operation of a kind in the key's network.
macro_rules! first {
    ($key:expr, $kind:ident) => {{
        let mut ops = $key.network.graph.nodes.iter_mut().map(|node| &mut node.op);
        ops.find_map(|op| match op {
            IntOp::$kind(found) => Some(found),
            _ => None,
        })
        .expect(stringify!($kind))
    }};
}

fn entry(name: &'static str, alter: impl Fn(&mut VerifyingKey) + 'static) -> (&'static str, Alter) {
    (name, Box::new(alter))
}

fn turn(visibility: &mut Visibility) {
    *visibility = match visibility {
        Visibility::Public => Visibility::Private,
        Visibility::Private => Visibility::Public,
    };
}

/// Of the weights key.
fn alterations_of_weights() -> Vec<(&'static str, Alter)> {
    vec![
        entry("weights: root", |key| key.weights.commitments.roots[0][31] ^= 1),
        entry("weights: rows", |key| key.weights.commitments.rows += 1),
        entry("code: log_row", |key| key.weights.code.log_row -= 1),
        entry("code: tail", |key| key.weights.code.tail = 1),
        entry("code: a wider stride", |key| key.weights.code.log_stride += 1),
        entry("code: the widest stride", |key| key.weights.code.log_stride = 6),
        entry("code: no stride", |key| key.weights.code.log_stride = u32::MAX),
        entry("code: shorter nodes", |key| key.weights.code.digest_bytes -= 1),
        entry("code: no nodes", |key| key.weights.code.digest_bytes = 0),
        entry("code: log_codeword", |key| key.weights.code.log_codeword += 1),
        entry("code: fewer queries", |key| key.weights.code.queries -= 1),
        entry("code: one query", |key| key.weights.code.queries = 1),
        entry("code: more queries", |key| key.weights.code.queries += 1),
        entry("code: grinding", |key| key.weights.code.grinding_bits -= 1),
        entry("weights: root 0", |key| {
            key.weights.commitments.roots[0] = [0; 32]
        }),
        entry("weights: last root", |key| {
            key.weights.commitments.roots.last_mut().expect("a root")[0] ^= 128;
        }),
        entry("weights: one root less", |key| {
            key.weights.commitments.roots.pop();
        }),
        entry("weights: one root more", |key| {
            key.weights.commitments.roots.push([7; 32])
        }),
        entry("weights: a root twice", |key| {
            key.weights
                .commitments
                .roots
                .push(key.weights.commitments.roots[0])
        }),
        entry("weights: an opening more", |key| {
            key.weights.commitments.openings += 1
        }),
        entry("weights: openings without end", |key| {
            key.weights.commitments.openings = u32::MAX;
        }),
        entry("weights: rows without end", |key| {
            key.weights.commitments.rows = usize::MAX
        }),
        entry("previous: another key", |key| {
            key.weights.previous = Some([9; 32])
        }),
        entry("previous: this key", |key| {
            key.weights.previous = Some(key.weights.commitments.roots[0])
        }),
        entry("weights: visibility", |key| turn(&mut key.weights.visibility)),
        entry("weights: not packed", |key| key.weights.unpacked ^= true),
        entry("column: name", |key| key.weights.columns[1].name.push('x')),
        entry("column: shape", |key| {
            key.weights.columns[0].shape = PaddedShape::new(&[2, 2])
        }),
        entry("column: removed", |key| drop(key.weights.columns.pop())),
        entry("column: twice", |key| {
            key.weights.columns.push(key.weights.columns[0].clone())
        }),
        entry("columns: exchanged", |key| key.weights.columns.swap(0, 1)),
    ]
}

/// Of the network and of what is shown of its answers: the key's maker cannot have said less than the whole network.
fn alterations_of_network() -> Vec<(&'static str, Alter)> {
    vec![
        entry("name", |key| key.network.name.push('x')),
        entry("classes", |key| key.network.classes = vec!["zero".into()]),
        entry("preprocessing", |key| {
            key.network.preprocessing = Some(Preprocessing::default())
        }),
        entry("limbs", |key| key.network.limb_bits -= 1),
        entry("passes", |key| {
            key.network.lowering = key.network.lowering.with(&LayerStacking, false);
        }),
        entry("instance: input", |key| turn(&mut key.instance.input)),
        entry("instance: output", |key| turn(&mut key.instance.output)),
        entry("instance: commitment to the input", |key| {
            key.instance.commit_input ^= true
        }),
        entry("node: name", |key| key.network.graph.nodes[1].name.push('x')),
        entry("node: scale", |key| key.network.graph.nodes[1].fact.scale *= 2.0),
        entry("node: scale that is no number", |key| {
            key.network.graph.nodes[1].fact.scale = f64::NAN
        }),
        entry("node: wider range", |key| {
            key.network.graph.nodes[1].fact.range.1 += 1
        }),
        entry("node: narrower range", |key| {
            key.network.graph.nodes[1].fact.range.1 -= 1
        }),
        entry("node: shape", |key| key.network.graph.nodes[1].fact.shape[1] += 1),
        entry("node: operand", |key| {
            let last = key.network.graph.nodes.len() - 1;
            key.network.graph.nodes[last].inputs[0].0 -= 1;
        }),
        entry("input: range", |key| key.network.graph.nodes[0].fact.range.0 -= 1),
        entry("input: range beyond the field", |key| {
            key.network.graph.nodes[0].fact.range = (i64::MIN, i64::MAX)
        }),
        entry("input: scale", |key| {
            key.network.input_scales[0] = ChannelScales::one(f64::INFINITY)
        }),
        entry("input: no scales", |key| key.network.input_scales.clear()),
        entry("output: scale", |key| {
            key.network.output_scales[0] = ChannelScales::one(-1.0)
        }),
        entry("output: axis of a scale", |key| {
            key.network.output_scales[0].axes.push(usize::MAX)
        }),
        entry("output: offset", |key| {
            key.network.output_scales[0].offsets.push(f64::NAN)
        }),
        entry("output: one scale less", |key| {
            key.network.output_scales.truncate(1)
        }),
        entry("output: another", |key| key.network.graph.outputs[0] = NodeId(1)),
        entry("output: removed", |key| {
            key.network.graph.outputs.pop();
        }),
        entry("outputs: exchanged", |key| key.network.graph.outputs.swap(0, 1)),
        entry("parameter: path", |key| {
            key.network.graph.parameters[0].path.push('x')
        }),
        entry("parameter: shape", |key| {
            key.network.graph.parameters[0].shape[0] += 1
        }),
        entry("rescale: multiplier", |key| {
            first!(key, Rescale).multipliers[0] += 1
        }),
        entry("rescale: negative multiplier", |key| {
            first!(key, Rescale).multipliers[0] *= -1
        }),
        entry("rescale: shift", |key| {
            let bits = key.network.limb_bits;
            first!(key, Rescale).shift += bits;
        }),
        entry("rescale: upper clamp", |key| {
            first!(key, Rescale).table.maximum -= 1
        }),
        entry("rescale: lower clamp", |key| {
            first!(key, Rescale).table.minimum -= 1
        }),
        entry("rescale: function", |key| {
            let table = &mut first!(key, Rescale).table;
            table.function = match table.function {
                Function::Relu => Function::Identity,
                _ => Function::Relu,
            };
        }),
        entry("rescale: an entry of the table", |key| {
            let table = &mut first!(key, Rescale).table;
            let cells = table.cells().expect("entries");
            let domain = 1i64 << table.domain_bits;
            let mut entries: Vec<i64> = (-domain..domain)
                .map(|v| cells.at(v).expect("an entry"))
                .collect();
            let last = entries.len() - 1;
            entries[last] -= 1;
            table.function = Function::Custom(Custom::new(entries));
        }),
        entry("rescale: domain", |key| {
            first!(key, Rescale).table.domain_bits -= 1
        }),
        entry("convolution: padding", |key| {
            let window = &mut first!(key, Conv2d).window;
            window.padding[0] ^= 1;
        }),
        entry("convolution: stride", |key| {
            first!(key, Conv2d).window.stride[1] += 1
        }),
        entry("convolution: groups", |key| first!(key, Conv2d).groups += 1),
        entry("convolution: bias", |key| {
            let layer = first!(key, Conv2d);
            layer.bias = match layer.bias {
                Some(_) => None,
                None => Some(layer.weight),
            };
        }),
        entry("argmax: axis", |key| first!(key, Argmax).axis ^= 1),
        entry("layer: dropped", |key| {
            // The users of a rescale read its operand.
            let nodes = &mut key.network.graph.nodes;
            let at = nodes.iter().position(|node| matches!(node.op, IntOp::Rescale(_)));
            let at = NodeId(at.expect("a rescale"));
            let operand = nodes[at.0].inputs[0];
            for node in nodes.iter_mut() {
                node.inputs
                    .iter_mut()
                    .filter(|input| **input == at)
                    .for_each(|input| *input = operand);
            }
        }),
        entry("layers: exchanged", |key| {
            let nodes = &mut key.network.graph.nodes;
            let is_layer = |op: &IntOp| matches!(op, IntOp::Conv2d(_) | IntOp::Linear(_));
            let places: Vec<usize> = (0..nodes.len())
                .filter(|&place| is_layer(&nodes[place].op))
                .collect();
            let op = nodes[places[0]].op.clone();
            nodes[places[0]].op = core::mem::replace(&mut nodes[places[1]].op, op);
        }),
    ]
}

/// Of keys with several commitments to private weights.
fn alterations_of_private_weights() -> Vec<(&'static str, Alter)> {
    vec![
        entry("weights: roots exchanged", |key| {
            key.weights.commitments.roots.swap(0, 1)
        }),
        entry("weights: an opening less", |key| {
            key.weights.commitments.openings -= 1
        }),
        entry("weights: any number of openings", |key| {
            key.weights.commitments.openings = 0
        }),
    ]
}

fn alterations_for(f: &Fixture) -> Vec<(&'static str, Alter)> {
    let mut list = alterations_of_weights();
    if f.key.verifying.weights.visibility.is_private() {
        list.extend(alterations_of_private_weights());
    }
    list.extend(alterations_of_network());
    list
}

#[test]
fn every_altered_part_of_the_verifying_key_is_rejected() {
    for (which, f) in fixtures() {
        for (name, alter) in alterations_for(f) {
            let place = || format!("{which}, {name}");
            let mut key = f.key.verifying.clone();
            alter(&mut key);
            assert_ne!(key.digest(), f.key.verifying.digest(), "{} is altered", place());
            let error = judge(&key, &f.proof, CONTEXT).expect_err(name);
            assert!(
                matches!(error, VerifyError::OtherKey { .. } | VerifyError::Key(_)),
                "{}: {error}",
                place()
            );
            // The digest alone must not be what protects.
            let proof = Proof {
                key: key.digest().expect("digest"),
                ..f.proof.clone()
            };
            let error = judge(&key, &proof, CONTEXT).expect_err(name);
            assert!(
                !matches!(error, VerifyError::OtherKey { .. }),
                "{}: {error}",
                place()
            );
            if key.weights == f.key.verifying.weights {
                // The setup proof speaks of the weights alone.
                verify_setup(&key.weights).expect("the same weights");
                continue;
            }
            let error = verify_setup(&key.weights).expect_err(name);
            let challenges_differ = noticed(&f.key.verifying, &error);
            // With other sizes or another protocol its messages mean something else.
            let unreadable = matches!(
                error,
                VerifyError::Key(_)
                    | VerifyError::NonCanonical { .. }
                    | VerifyError::Check {
                        name: "lookup.denominator_nonzero",
                        ..
                    }
            );
            assert!(challenges_differ || unreadable, "{}: {error}", place());
        }
    }
}

#[test]
fn a_key_without_a_setup_proof_or_with_that_of_another_key_is_refused() {
    for (which, f) in fixtures() {
        let mut key = f.key.verifying.clone();
        // A proof of the honest key verifies with nothing else changed: only what shows the weights is missing.
        key.weights.setup_proof.clear();
        judge(&key, &f.proof, CONTEXT).expect("the setup proof is not part of the digest");
        let refused = [
            verify(&key, &f.proof, CONTEXT).expect_err(which),
            verify_setup(&key.weights).expect_err(which),
            TrustedKey::new(&key).map(|_| ()).expect_err(which),
        ];
        for error in refused {
            assert!(
                error == VerifyError::from(WeightsKeyError::NoSetupProof),
                "{which}: {error}"
            );
        }
        // Of the same model, with the same settings and sizes, but other commitments.
        let other = setup(f.key.model.clone(), &SetupOptions::default())
            .expect("setup")
            .verifying;
        key.weights.setup_proof.clone_from(&other.weights.setup_proof);
        if other.weights == f.key.verifying.weights {
            // Public weights are always committed alike.
            verify_setup(&key.weights).expect("the same proof");
            continue;
        }
        let error = verify(&key, &f.proof, CONTEXT).expect_err(which);
        assert!(noticed(&key, &error), "{which}: {error}");
    }
}

#[test]
fn a_rotated_key_that_names_another_key_before_it_is_refused() {
    let honest = &rotated().verifying;
    verify_setup(&honest.weights).expect("an honest key");
    let previous = honest.weights.previous.expect("a key before");
    let roots = hidden().key.verifying.weights.commitments.roots.iter().copied();
    let others = roots.filter(|root| *root != previous).take(2).map(Some);
    for other in others.chain([None, Some([0; 32]), Some(honest.weights.commitments.roots[0])]) {
        let mut key = honest.clone();
        key.weights.previous = other;
        let error = verify_setup(&key.weights).expect_err("another key before");
        // Without one there is one matrix less to open: the proof is bound to another statement all the same.
        let unreadable = matches!(error, VerifyError::NonCanonical { .. });
        assert!(noticed(&key, &error) || unreadable, "{other:?}: {error}");
    }
}

#[test]
fn a_recursion_that_asks_too_much_of_proof_or_verifier_is_refused() {
    // Rows of 2^log_row, and one level of 4,096 columns behind them.
    let refused = |log_row: u32, log_level: u32| {
        let mut key = fixture().key.verifying.clone();
        key.weights.code = CodeParameters::for_target(log_row, 0, log_row + 2, 16, 104.0).expect("a code");
        let packing = key.weights.packing().expect("packing");
        key.weights.commitments.rows = packing.rows;
        Statement::new(&key).expect("a combination in the clear");
        let level = |queries| CodeParameters {
            log_row: log_level,
            tail: 0,
            log_codeword: (log_level + 2).max(12),
            queries,
            log_stride: 0,
            digest_bytes: 32,
            grinding_bits: 0,
        };
        key.weights.recursion.levels = vec![level(10)];
        Statement::new(&key).expect("ten columns");
        key.weights.recursion.levels = vec![level(1 << 12)];
        match Statement::new(&key) {
            Err(VerifyError::Key(KeyError::Sizes(error))) => error,
            other => panic!("{other:?}"),
        }
    };
    // Columns of half a million cells; then a last message of two million elements, on which each column is a claim.
    let error = refused(20, 1);
    assert!(matches!(error, SizesError::ProofBytes { .. }), "{error}");
    let error = refused(22, 21);
    assert!(matches!(error, SizesError::Work { .. }), "{error}");
}

#[test]
fn codewords_may_be_longer_where_a_recursion_takes_over() {
    let level = CodeParameters::for_target(12, 0, 15, 16, 104.0).expect("a level");
    let judge = |log_row: u32, log_codeword: u32, levels: &[CodeParameters]| {
        let mut key = fixture().key.verifying.clone();
        key.weights.code = CodeParameters::for_target(log_row, 0, log_codeword, 16, 104.0).expect("a code");
        let packing = key.weights.packing().expect("packing");
        key.weights.commitments.rows = packing.rows;
        key.weights.recursion.levels = levels.to_vec();
        match Statement::new(&key) {
            Ok(_) => Ok(()),
            Err(VerifyError::Key(KeyError::Sizes(error))) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    };
    let levels = core::slice::from_ref(&level);
    let too_long = |most, found| Err(SizesError::LogCodeword { most, found });
    assert_eq!(judge(20, 24, levels), Ok(()));
    let too_long_to_send = SizesError::Combination {
        most: 1 << 22,
        found: 1 << 23,
    };
    assert_eq!(judge(23, 26, &[]), Err(too_long_to_send));
    for levels in [&[], levels] {
        assert_eq!(judge(20, 28, levels), Ok(()));
        assert_eq!(judge(20, 29, levels), too_long(28, 29));
        let long_row = SizesError::NarrowRow {
            most: 1 << 24,
            found: 1 << 25,
        };
        assert_eq!(judge(25, 27, levels), Err(long_row));
    }
}
