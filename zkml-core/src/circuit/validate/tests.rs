//! Circuits that are refused.

use crate::circuit::{Circuit, CircuitError, Column, ColumnKind, Home, Public};
use crate::poly::PaddedShape;

fn one_column(sizes: &[usize], kind: ColumnKind) -> Circuit {
    let column = Column {
        name: "column".into(),
        shape: PaddedShape::new(sizes),
        kind,
    };
    Circuit {
        columns: vec![column],
        ..Circuit::default()
    }
}

fn assert_malformed(circuit: &Circuit, part: &str) {
    match circuit.validate() {
        Err(CircuitError::Malformed {
            place,
            expected,
            found,
        }) => {
            assert_eq!(place, "column `column`");
            assert!(expected.contains(part), "{expected}, {found}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn zeros_are_not_taken_for_granted_where_proofs_are_linked() {
    for home in [Home::Trace, Home::Input, Home::Output] {
        for zero_padded in [false, true] {
            let circuit = one_column(&[3, 5], ColumnKind::Committed { zero_padded, home });
            match zero_padded && home != Home::Trace {
                false => assert_eq!(circuit.validate(), Ok(())),
                true => assert_malformed(&circuit, "commitment that proofs share"),
            }
        }
    }
}

#[test]
fn constants_that_are_mostly_padding_are_refused() {
    let constant = |sizes: &[usize]| {
        let cells = vec![1; sizes.iter().product()];
        one_column(sizes, ColumnKind::Public(Public::Constant(cells)))
    };
    // What the lowering makes: numbers, lists, windows and squares.
    for sizes in [
        &[][..],
        &[1],
        &[513],
        &[3, 3],
        &[65, 65],
        &[1, 9, 1, 9],
        &[3, 3, 3],
    ] {
        assert_eq!(constant(sizes).validate(), Ok(()), "{sizes:?}");
    }
    for sizes in [&[5, 5, 5][..], &[3; 6], &[2, 9, 9, 9], &[5; 8]] {
        assert_malformed(&constant(sizes), "cells for each constant");
    }
}
