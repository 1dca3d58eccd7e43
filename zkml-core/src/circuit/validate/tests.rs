//! Circuits that are refused.

use crate::circuit::{
    Circuit, CircuitError, Column, ColumnId, ColumnKind, Curve, CurveKind, Custom, Dyadic, Function,
    FunctionTable, Home, Public, Selector, Table,
};
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
    // What the lowering makes: numbers, lists, windows, squares, and multipliers along three axes.
    for sizes in [
        &[][..],
        &[1],
        &[513],
        &[3, 3],
        &[65, 65],
        &[1, 9, 1, 9],
        &[3, 3, 3],
        &[5, 5, 5],
        &[3, 9, 72],
    ] {
        assert_eq!(constant(sizes).validate(), Ok(()), "{sizes:?}");
    }
    for sizes in [&[5; 5][..], &[9; 4], &[3; 8], &[5; 8]] {
        assert_malformed(&constant(sizes), "cells for each constant");
    }
}

fn tables(functions: Vec<FunctionTable>) -> Circuit {
    Circuit {
        tables: functions.into_iter().map(Table::Function).collect(),
        ..Circuit::default()
    }
}

fn curve(kind: CurveKind, input: Dyadic, domain_bits: u32) -> FunctionTable {
    FunctionTable {
        function: Function::Curve(Curve::new(kind, input, input).unwrap()),
        domain_bits,
        minimum: -128,
        maximum: 127,
    }
}

#[test]
fn tables_that_cannot_be_computed_are_refused() {
    let good = curve(CurveKind::Silu, Dyadic::new(1, -3).unwrap(), 8);
    assert_eq!(tables(vec![good.clone(), good.clone()]).validate(), Ok(()));
    let custom = |entries: Vec<i64>| FunctionTable {
        function: Function::Custom(Custom::new(entries)),
        domain_bits: 1,
        ..good.clone()
    };
    assert_eq!(tables(vec![custom(vec![1, 2, 3, -128])]).validate(), Ok(()));
    // A byte of the step's mantissa, which is 1 in zigzag: to 0.
    let mut bytes = postcard::to_stdvec(&good).unwrap();
    assert_eq!(bytes[..3], [2, 4, 2]);
    bytes[2] = 0;
    let hostile = postcard::from_bytes(&bytes).unwrap();
    for bad in [hostile, custom(vec![1, 2, 3]), custom(vec![1, 2, 3, 128])] {
        let outcome = tables(vec![good.clone(), bad]).validate();
        assert!(
            matches!(&outcome, Err(CircuitError::Table { place, .. }) if place == "table 1"),
            "{outcome:?}"
        );
    }
    let large = FunctionTable {
        domain_bits: 20,
        ..good
    };
    assert!(matches!(
        tables(vec![large]).validate(),
        Err(CircuitError::Malformed { .. })
    ));
}

/// Each table has as many entries next to ties as it may, all together have too many.
#[test]
fn tables_of_near_ties_are_counted_together() {
    let near_ties = FunctionTable {
        function: Function::Curve(
            Curve::new(
                CurveKind::Tanh,
                Dyadic::new(1, -70).unwrap(),
                Dyadic::new(1, -69).unwrap(),
            )
            .unwrap(),
        ),
        domain_bits: 7,
        minimum: -128,
        maximum: 127,
    };
    // 255 each: 0 is exact.
    assert_eq!(tables(vec![near_ties.clone(); 4]).validate(), Ok(()));
    match tables(vec![near_ties; 5]).validate() {
        Err(CircuitError::Malformed { place, found, .. }) => {
            assert_eq!((place.as_str(), found.as_str()), ("table 4", "1275"));
        }
        other => panic!("{other:?}"),
    }
}

/// A selector of a shape, after the column that it reads.
fn selecting(rule: Selector, sizes: &[usize], ids: (&[usize], ColumnKind)) -> Circuit {
    let column = |name: &str, sizes: &[usize], kind| Column {
        name: name.into(),
        shape: PaddedShape::new(sizes),
        kind,
    };
    Circuit {
        columns: vec![
            column("ids", ids.0, ids.1),
            column("column", sizes, ColumnKind::Public(Public::Selector(rule))),
        ],
        ..Circuit::default()
    }
}

#[test]
fn selectors_of_another_rank_are_refused() {
    let rule =
        |rule: Selector, sizes: &[usize]| one_column(sizes, ColumnKind::Public(Public::Selector(rule)));
    let causal = Selector::Causal { offset: 3 };
    for (selector, sizes) in [
        (Selector::Ones, &[][..]),
        (Selector::Ones, &[3, 5, 7]),
        (Selector::Index, &[5]),
        (causal.clone(), &[3, 6]),
    ] {
        assert_eq!(rule(selector.clone(), sizes).validate(), Ok(()), "{selector:?}");
    }
    assert_malformed(&rule(Selector::Index, &[]), "1..=1 dimensions");
    assert_malformed(&rule(Selector::Index, &[3, 5]), "1..=1 dimensions");
    assert_malformed(&rule(causal.clone(), &[5]), "2..=2 dimensions");
    assert_malformed(&rule(causal, &[1, 3, 5]), "2..=2 dimensions");
}

#[test]
fn selectors_of_ids_that_nobody_checks_are_refused() {
    let public = |minimum, maximum| {
        ColumnKind::Public(Public::Input {
            index: 0,
            minimum,
            maximum,
        })
    };
    let ids = ColumnId(0);
    for rule in [Selector::LessThan { ids }, Selector::OneHot { ids }] {
        let with = |sizes: &[usize], ids| selecting(rule.clone(), sizes, ids);
        assert_eq!(with(&[3, 6], (&[3], public(0, 5))).validate(), Ok(()));
        assert_eq!(with(&[6], (&[], public(2, 5))).validate(), Ok(()));
        // Ids of an output are as good as those of an input.
        let output = ColumnKind::Public(Public::Output {
            index: 0,
            minimum: 0,
            maximum: 5,
        });
        assert_eq!(with(&[3, 6], (&[3], output)).validate(), Ok(()));
        // Beyond the size, below 0.
        assert_malformed(&with(&[3, 6], (&[3], public(0, 6))), "ids in [0, 6)");
        assert_malformed(&with(&[3, 6], (&[3], public(-1, 5))), "ids in [0, 6)");
        // Of another shape.
        assert_malformed(&with(&[3, 6], (&[4], public(0, 5))), "ids of shape [3]");
        assert_malformed(&with(&[3, 6], (&[3, 6], public(0, 5))), "ids of shape [3]");
        assert_malformed(&with(&[2, 3, 6], (&[3], public(0, 5))), "ids of shape [2, 3]");
        assert_malformed(&with(&[], (&[], public(0, 0))), "dimensions");
        // Columns whose range the verifier does not check itself.
        for private in [
            ColumnKind::trace(false),
            ColumnKind::Parameter { zero_padded: true },
            ColumnKind::Public(Public::Constant(vec![0, 1, 2])),
        ] {
            assert_malformed(&with(&[3, 6], (&[3], private)), "of a public input or output");
        }
    }
    // The column itself, and one that comes after it.
    for ids in [ColumnId(1), ColumnId(2)] {
        let rule = Selector::OneHot { ids };
        assert_malformed(&selecting(rule, &[3, 6], (&[3], public(0, 5))), "operands before");
    }
}
