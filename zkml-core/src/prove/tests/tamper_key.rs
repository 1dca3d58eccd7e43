//! Every field of the verifying key altered: the honest proof is rejected, also when it claims the altered key, and the
//! key's own setup proof no longer fits it.

use super::fixture::{CONTEXT, Fixture, fixture, fixtures, hidden, judge, noticed, rotated};
use crate::argument::Statement;
use crate::circuit::{ColumnKind, Contraction, Home, Linear, Public, Table, View};
use crate::field::M61;
use crate::keys::{VerifyingKey, weight_extents};
use crate::pcs::{CodeParameters, Packing};
use crate::poly::PaddedShape;
use crate::privacy::Visibility;
use crate::proof::Proof;
use crate::setup::{SetupOptions, setup};
use crate::transcript::VerifyError;
use crate::verify::{TrustedKey, verify, verify_setup};

type Alter = Box<dyn Fn(&mut VerifyingKey)>;

/// The first column of a kind in the key's circuit.
macro_rules! first {
    ($key:expr, $kind:ident) => {
        first!($key, $kind, |_: &_| true)
    };
    ($key:expr, $kind:ident, $wanted:expr) => {{
        let mut kinds = $key.circuit.columns.iter_mut().map(|column| &mut column.kind);
        let wanted = $wanted;
        kinds
            .find_map(|kind| match kind {
                ColumnKind::$kind(found) if wanted(found) => Some(found),
                _ => None,
            })
            .expect(stringify!($kind))
    }};
}

fn linear(key: &mut VerifyingKey) -> &mut Linear {
    first!(key, Linear)
}

fn view(key: &mut VerifyingKey) -> &mut View {
    first!(key, View)
}

fn contraction(key: &mut VerifyingKey) -> &mut Contraction {
    first!(key, Contraction)
}

fn public(key: &mut VerifyingKey, wanted: fn(&Public) -> bool) -> &mut Public {
    first!(key, Public, wanted)
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

/// Of every key.
fn alterations() -> Vec<(&'static str, Alter)> {
    vec![
        entry("name", |key| key.name.push('x')),
        entry("weights: root", |key| key.weights.roots[0][31] ^= 1),
        entry("weights: rows", |key| key.weights.rows += 1),
        entry("code: log_row", |key| key.code.log_row -= 1),
        entry("code: tail", |key| key.code.tail = 1),
        entry("code: a wider stride", |key| key.code.log_stride += 1),
        entry("code: the widest stride", |key| key.code.log_stride = 6),
        entry("code: no stride", |key| key.code.log_stride = u32::MAX),
        entry("code: shorter nodes", |key| key.code.digest_bytes -= 1),
        entry("code: no nodes", |key| key.code.digest_bytes = 0),
        entry("code: log_codeword", |key| key.code.log_codeword += 1),
        entry("code: fewer queries", |key| key.code.queries -= 1),
        entry("code: one query", |key| key.code.queries = 1),
        entry("code: more queries", |key| key.code.queries += 1),
        entry("code: grinding", |key| key.code.grinding_bits -= 1),
        entry("hardening", |key| key.hardening += 1),
        entry("hardening without end", |key| key.hardening = u64::MAX),
        entry("no hardening", |key| key.hardening = 0),
        entry("interface: input scale", |key| key.interface.input_scale *= 2.0),
        entry("privacy: input", |key| turn(&mut key.privacy.input)),
        entry("privacy: output", |key| turn(&mut key.privacy.output)),
        entry("privacy: weights", |key| turn(&mut key.privacy.weights)),
        entry("privacy: commitment to the input", |key| {
            key.privacy.commit_input ^= true;
        }),
        entry("weights: root 0", |key| key.weights.roots[0] = [0; 32]),
        entry("weights: last root", |key| {
            key.weights.roots.last_mut().expect("a root")[0] ^= 128;
        }),
        entry("weights: one root less", |key| {
            key.weights.roots.pop();
        }),
        entry("weights: one root more", |key| key.weights.roots.push([7; 32])),
        entry("weights: a root twice", |key| {
            key.weights.roots.push(key.weights.roots[0])
        }),
        entry("weights: an opening more", |key| key.weights.openings += 1),
        entry("weights: openings without end", |key| {
            key.weights.openings = u32::MAX;
        }),
        entry("weights: rows without end", |key| key.weights.rows = usize::MAX),
        entry("previous: another key", |key| key.previous = Some([9; 32])),
        entry("previous: this key", |key| {
            key.previous = Some(key.weights.roots[0])
        }),
        entry("parameter: padding", |key| {
            for column in &mut key.circuit.columns {
                if let ColumnKind::Parameter { zero_padded } = &mut column.kind {
                    *zero_padded = false;
                }
            }
        }),
        entry("committed: home", |key| {
            let mut columns = key.circuit.columns.iter_mut();
            let home = columns.find_map(|column| match &mut column.kind {
                ColumnKind::Committed { home, .. } => Some(home).filter(|home| **home == Home::Trace),
                _ => None,
            });
            *home.expect("a column of the trace") = Home::Input;
        }),
        entry("interface: scale that is no number", |key| {
            key.interface.input_scale = f64::NAN
        }),
        entry("interface: output scale", |key| {
            key.interface.output_scales[0] = -1.0
        }),
        entry("interface: one scale less", |key| {
            key.interface.output_scales.truncate(1)
        }),
        entry("column: name", |key| key.circuit.columns[3].name.push('x')),
        entry("column: shape", |key| {
            key.circuit.columns[0].shape = PaddedShape::new(&[1, 3, 9, 8])
        }),
        entry("column: removed", |key| drop(key.circuit.columns.pop())),
        entry("committed: padding", |key| {
            for column in &mut key.circuit.columns {
                if let ColumnKind::Committed { zero_padded, .. } = &mut column.kind {
                    *zero_padded ^= true;
                }
            }
        }),
        entry("parameter: now committed", |key| {
            let mut columns = key.circuit.columns.iter_mut();
            let column = columns
                .find(|column| matches!(column.kind, ColumnKind::Parameter { .. }))
                .expect("a parameter");
            column.kind = ColumnKind::trace(true);
        }),
        entry("constant", |key| {
            let constant = public(key, |p| matches!(p, Public::Constant(_)));
            if let Public::Constant(cells) = constant {
                cells[0] += 1;
            }
        }),
        entry("linear: coefficient", |key| {
            linear(key).terms[0].coefficient += M61::from(1u64)
        }),
        entry("linear: coefficient 0", |key| {
            linear(key).terms[0].coefficient = M61::from(0u64)
        }),
        entry("linear: constant", |key| linear(key).constant += M61::from(1u64)),
        entry("linear: term", |key| linear(key).terms.truncate(1)),
        entry("linear: later column", |key| {
            linear(key).terms[0].column.0 = u32::MAX
        }),
        entry("view: source", |key| view(key).source.0 += 1),
        entry("view: offset", |key| {
            view(key).factors.last_mut().expect("a factor").offset += 1
        }),
        entry("view: stride", |key| {
            view(key).factors.last_mut().expect("a factor").strides[0] += 1
        }),
        entry("view: factors", |key| view(key).factors.swap(2, 3)),
        entry("contraction: operands", |key| {
            let contraction = contraction(key);
            core::mem::swap(&mut contraction.left, &mut contraction.right);
        }),
        entry("contraction: axes", |key| contraction(key).axes.reverse()),
        entry("table", |key| {
            for table in &mut key.circuit.tables {
                if let Table::Function(function) = table {
                    function.maximum -= 1;
                }
            }
        }),
        entry("table: wider range", |key| {
            for table in &mut key.circuit.tables {
                if let Table::Range { bits } = table {
                    *bits += 1;
                }
            }
        }),
        entry("lookup: removed", |key| drop(key.circuit.lookups.pop())),
        entry("lookup: column", |key| key.circuit.lookups[0].columns[0].0 += 1),
        entry("lookup: table", |key| key.circuit.lookups[0].table += 1),
        entry("lookup: order", |key| key.circuit.lookups.swap(0, 1)),
        entry("equality: removed", |key| drop(key.circuit.equalities.pop())),
        entry("equality: side", |key| {
            let equality = &mut key.circuit.equalities[0];
            core::mem::swap(&mut equality.left, &mut equality.right);
        }),
    ]
}

/// Of keys with a public input.
fn alterations_of_the_input() -> Vec<(&'static str, Alter)> {
    vec![
        entry("input: range", |key| {
            *public(key, |p| matches!(p, Public::Input { .. })) = Public::Input {
                minimum: -128,
                maximum: 127,
            };
        }),
        entry("input: range beyond the field", |key| {
            *public(key, |p| matches!(p, Public::Input { .. })) = Public::Input {
                minimum: i64::MIN,
                maximum: i64::MAX,
            };
        }),
    ]
}

/// Of keys with public outputs.
fn alterations_of_outputs() -> Vec<(&'static str, Alter)> {
    vec![
        entry("output: range", |key| {
            let output = public(key, |p| matches!(p, Public::Output { .. }));
            if let Public::Output { maximum, .. } = output {
                *maximum += 1;
            }
        }),
        entry("output: number", |key| {
            let output = public(key, |p| matches!(p, Public::Output { .. }));
            if let Public::Output { index, .. } = output {
                *index += 1;
            }
        }),
    ]
}

/// Of keys with several commitments to private weights.
fn alterations_of_private_weights() -> Vec<(&'static str, Alter)> {
    vec![
        entry("weights: roots exchanged", |key| key.weights.roots.swap(0, 1)),
        entry("weights: an opening less", |key| key.weights.openings -= 1),
        entry("weights: any number of openings", |key| key.weights.openings = 0),
    ]
}

fn alterations_for(f: &Fixture) -> Vec<(&'static str, Alter)> {
    let mut list = alterations();
    let privacy = f.key.verifying.privacy;
    if !privacy.input.is_private() {
        list.extend(alterations_of_the_input());
    }
    if !privacy.output.is_private() {
        list.extend(alterations_of_outputs());
    }
    if privacy.weights.is_private() {
        list.extend(alterations_of_private_weights());
    }
    list
}

#[test]
fn every_altered_field_of_the_verifying_key_is_rejected() {
    for (which, f) in fixtures() {
        for (name, alter) in alterations_for(f) {
            let place = || format!("{which}, {name}");
            let mut key = f.key.verifying.clone();
            alter(&mut key);
            assert_ne!(key.digest(), f.key.verifying.digest(), "{} is altered", place());
            let error = judge(&key, &f.public, &f.proof, CONTEXT).expect_err(name);
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
            let error = judge(&key, &f.public, &proof, CONTEXT).expect_err(name);
            assert!(
                !matches!(error, VerifyError::OtherKey { .. }),
                "{}: {error}",
                place()
            );
            // The setup proof is bound to all of the key.
            let error = verify_setup(&key).expect_err(name);
            let challenges_differ = noticed(&f.key.verifying, &error);
            // With other sizes or another protocol its messages mean something else.
            let unreadable = matches!(
                error,
                VerifyError::Key(_)
                    | VerifyError::NonCanonical { .. }
                    | VerifyError::Check {
                        name: "lookup.sum",
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
        key.setup_proof.clear();
        judge(&key, &f.public, &f.proof, CONTEXT).expect("the setup proof is not part of the digest");
        let refused = [
            verify(&key, &f.public, &f.proof, CONTEXT).expect_err(which),
            verify_setup(&key).expect_err(which),
            TrustedKey::new(&key).map(|_| ()).expect_err(which),
        ];
        for error in refused {
            assert!(
                matches!(&error, VerifyError::Key(what) if what.starts_with("no setup proof")),
                "{which}: {error}"
            );
        }
        // Of the same model, with the same settings and sizes, but other commitments.
        let other = setup(f.key.model.clone(), &SetupOptions::default())
            .expect("setup")
            .verifying;
        key.setup_proof.clone_from(&other.setup_proof);
        if other.weights == f.key.verifying.weights {
            // Public weights are always committed alike.
            verify_setup(&key).expect("the same proof");
            continue;
        }
        let error = verify(&key, &f.public, &f.proof, CONTEXT).expect_err(which);
        assert!(noticed(&key, &error), "{which}: {error}");
    }
}

#[test]
fn a_rotated_key_that_names_another_key_before_it_is_refused() {
    let honest = &rotated().verifying;
    verify_setup(honest).expect("an honest key");
    let previous = honest.previous.expect("a key before");
    let roots = hidden().key.verifying.weights.roots.iter().copied();
    let others = roots.filter(|root| *root != previous).take(2).map(Some);
    for other in others.chain([None, Some([0; 32]), Some(honest.weights.roots[0])]) {
        let mut key = honest.clone();
        key.previous = other;
        let error = verify_setup(&key).expect_err("another key before");
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
        key.code = CodeParameters::for_target(log_row, 0, log_row + 2, 16, 104.0).expect("a code");
        let packing = Packing::new(&weight_extents(&key.circuit), key.code.wide()).expect("packing");
        key.weights.rows = packing.rows;
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
        key.recursion.levels = vec![level(10)];
        Statement::new(&key).expect("ten columns");
        key.recursion.levels = vec![level(1 << 12)];
        match Statement::new(&key) {
            Err(VerifyError::Key(message)) => message,
            other => panic!("{other:?}"),
        }
    };
    // Columns of half a million cells; then a last message of two million elements, on which each column is a claim.
    let message = refused(20, 1);
    assert!(message.contains("a proof would have about"), "{message}");
    let message = refused(22, 21);
    assert!(message.contains("multiplications"), "{message}");
}

#[test]
fn codewords_may_be_longer_where_a_recursion_takes_over() {
    let level = CodeParameters::for_target(12, 0, 15, 16, 104.0).expect("a level");
    let judge = |log_row: u32, log_codeword: u32, levels: &[CodeParameters]| {
        let mut key = fixture().key.verifying.clone();
        key.code = CodeParameters::for_target(log_row, 0, log_codeword, 16, 104.0).expect("a code");
        let packing = Packing::new(&weight_extents(&key.circuit), key.code.wide()).expect("packing");
        key.weights.rows = packing.rows;
        key.recursion.levels = levels.to_vec();
        match Statement::new(&key) {
            Ok(_) => "accepted".to_owned(),
            Err(VerifyError::Key(message)) => message,
            Err(other) => panic!("{other:?}"),
        }
    };
    let levels = core::slice::from_ref(&level);
    assert_eq!(judge(20, 24, levels), "accepted");
    for log_codeword in [25, 28] {
        let found = judge(20, log_codeword, &[]);
        let expected = format!("codeword length: expected at most 2^24, found 2^{log_codeword}");
        assert_eq!(found, expected);
        assert_eq!(judge(20, log_codeword, levels), "accepted");
    }
    assert_eq!(
        judge(20, 29, levels),
        "codeword length: expected at most 2^28, found 2^29"
    );
    assert_eq!(
        judge(25, 27, levels),
        "rows of the trace: expected at most 16777216 elements, found 33554432"
    );
}
