//! Every field of the verifying key altered: the honest proof is rejected, also when it claims the altered key.

use super::fixture::{CONTEXT, fixture, judge};
use crate::circuit::{ColumnKind, Contraction, Home, Linear, PaddedShape, Public, Table, View};
use crate::field::M61;
use crate::privacy::Visibility;
use crate::proof::Proof;
use crate::transcript::VerifyError;
use crate::verify::VerifyingKey;

type Alter = Box<dyn Fn(&mut VerifyingKey)>;

fn linear(key: &mut VerifyingKey) -> &mut Linear {
    let mut kinds = key.circuit.columns.iter_mut().map(|column| &mut column.kind);
    kinds
        .find_map(|kind| {
            if let ColumnKind::Linear(linear) = kind {
                Some(linear)
            } else {
                None
            }
        })
        .expect("a linear column")
}

fn view(key: &mut VerifyingKey) -> &mut View {
    let mut kinds = key.circuit.columns.iter_mut().map(|column| &mut column.kind);
    kinds
        .find_map(|kind| {
            if let ColumnKind::View(view) = kind {
                Some(view)
            } else {
                None
            }
        })
        .expect("a view")
}

fn contraction(key: &mut VerifyingKey) -> &mut Contraction {
    let mut kinds = key.circuit.columns.iter_mut().map(|column| &mut column.kind);
    kinds
        .find_map(|kind| {
            if let ColumnKind::Contraction(c) = kind {
                Some(c)
            } else {
                None
            }
        })
        .expect("a contraction")
}

fn public(key: &mut VerifyingKey, wanted: fn(&Public) -> bool) -> &mut Public {
    let mut kinds = key.circuit.columns.iter_mut().map(|column| &mut column.kind);
    kinds
        .find_map(|kind| match kind {
            ColumnKind::Public(public) if wanted(public) => Some(public),
            _ => None,
        })
        .expect("a public column")
}

fn alterations() -> Vec<(&'static str, Alter)> {
    fn entry(name: &'static str, alter: impl Fn(&mut VerifyingKey) + 'static) -> (&'static str, Alter) {
        (name, Box::new(alter))
    }
    vec![
        entry("name", |key| key.name.push('x')),
        entry("weights: root", |key| key.weights.roots[0][31] ^= 1),
        entry("weights: rows", |key| key.weights.rows += 1),
        entry("code: log_row", |key| key.code.log_row -= 1),
        entry("code: tail", |key| key.code.tail = 1),
        entry("code: log_codeword", |key| key.code.log_codeword += 1),
        entry("code: fewer queries", |key| key.code.queries -= 1),
        entry("code: one query", |key| key.code.queries = 1),
        entry("code: more queries", |key| key.code.queries += 1),
        entry("code: grinding", |key| key.code.grinding_bits -= 1),
        entry("hardening", |key| key.hardening += 1),
        entry("hardening without end", |key| key.hardening = u64::MAX),
        entry("no hardening", |key| key.hardening = 0),
        entry("interface: input scale", |key| key.interface.input_scale *= 2.0),
        entry("privacy: input", |key| {
            key.privacy.input = Visibility::Private;
        }),
        entry("privacy: output", |key| {
            key.privacy.output = Visibility::Private;
        }),
        entry("privacy: weights", |key| {
            key.privacy.weights = Visibility::Private;
        }),
        entry("privacy: commitment to the input", |key| {
            key.privacy.commit_input = true;
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
                ColumnKind::Committed { home, .. } => Some(home),
                _ => None,
            });
            *home.expect("a committed column") = Home::Input;
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

#[test]
fn every_altered_field_of_the_verifying_key_is_rejected() {
    let f = fixture();
    for (name, alter) in alterations() {
        let mut key = f.key.verifying.clone();
        alter(&mut key);
        assert_ne!(
            format!("{key:?}"),
            format!("{:?}", f.key.verifying),
            "{name} is altered"
        );
        let error = judge(&key, &f.public, &f.proof, CONTEXT).expect_err(name);
        assert!(
            matches!(error, VerifyError::OtherKey { .. } | VerifyError::Key(_)),
            "{name}: {error}"
        );
        // The digest alone must not be what protects.
        let proof = Proof {
            key: key.digest().expect("digest"),
            commitment: f.proof.commitment,
            messages: f.proof.messages.clone(),
        };
        let error = judge(&key, &f.public, &proof, CONTEXT).expect_err(name);
        assert!(!matches!(error, VerifyError::OtherKey { .. }), "{name}: {error}");
    }
}
