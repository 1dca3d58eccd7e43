//! The tape of whole proofs: its size is that of the dry run, and has a limit.

use std::borrow::Cow;

use super::fixture::{CONTEXT, fixture, hidden};
use crate::argument::Statement;
use crate::circuit::{Column, ColumnId, ColumnKind, Linear, Term};
use crate::error::SizesError;
use crate::field::M61;
use crate::masking::{MAXIMUM_TAPE, TapeSize};
use crate::transcript::VerifyError;
use crate::verify::check_answer;

/// One more or one less of each, next to what is on the tape.
fn altered(size: TapeSize) -> impl Iterator<Item = TapeSize> {
    let parts: [fn(&mut TapeSize) -> &mut usize; 4] = [
        |size| &mut size.scalars,
        |size| &mut size.sums,
        |size| &mut size.constraints,
        |size| &mut size.products,
    ];
    parts.into_iter().flat_map(move |part| {
        let (mut less, mut more) = (size, size);
        *part(&mut less) -= 1;
        *part(&mut more) += 1;
        [less, more]
    })
}

#[test]
fn a_tape_of_another_size_than_counted_is_no_proof() {
    let f = hidden();
    let mut statement = Statement::new(&f.key.verifying).expect("a statement");
    let verdict = |statement: &Statement<'_>| check_answer(statement, &f.proof, CONTEXT);
    assert_eq!(verdict(&statement), Ok(()));
    for size in altered(statement.tape) {
        statement.tape = size;
        let error = verdict(&statement).expect_err("another size");
        assert!(
            matches!(error, VerifyError::Invariant { .. }),
            "{size:?}: {error}"
        );
    }
}

/// Columns are few and claims are few, but each sum is one of all columns.
#[test]
fn a_circuit_cannot_ask_for_a_tape_without_end() {
    let f = fixture();
    let mut circuit = f.key.lowered.circuit.clone();
    let mut push = |kind: ColumnKind| {
        circuit.columns.push(Column::new("c", &[2], kind));
        ColumnId(circuit.columns.len() as u32 - 1)
    };
    let columns: Vec<ColumnId> = (0..2200).map(|_| push(ColumnKind::trace(true))).collect();
    let coefficient = M61::from(1u64);
    let terms = columns.into_iter().map(|column| Term { coefficient, column });
    let terms: Vec<Term> = terms.collect();
    let sum = |_| {
        push(ColumnKind::Linear(Linear {
            terms: terms.clone(),
            constant: M61::from(0u64),
        }))
    };
    let sums: Vec<ColumnId> = (0..500).map(sum).collect();
    circuit.equalities.extend(sums);
    circuit.validate().expect("a circuit");
    let error = Statement::lowered(
        &f.key.verifying,
        &f.key.verifying.network,
        Cow::Borrowed(&circuit),
    )
    .expect_err("too long");
    let most = MAXIMUM_TAPE;
    assert_eq!(error, VerifyError::from(SizesError::Tape { most }));
}
