//! The circuit of the setup proof: what a commitment to weights may hold.

use super::fixture::{fixture, whole_network};
use crate::argument::{Statement, Trace, Violation, check};
use crate::circuit::{Circuit, ColumnId, setup_circuit};
use crate::field::{M61, from_i64};
use crate::keys::{ProveError, WeightsKey};
use crate::poly::PaddedShape;
use crate::reduce::{Cells, Values};

/// The setup circuit of a small network with padded weights, and the cells of its parameters.
fn honest() -> (Circuit, Vec<(ColumnId, Vec<i64>)>) {
    let lowered = whole_network(18).lower().expect("lower");
    let columns = WeightsKey::columns_of(&lowered.circuit);
    let columns = columns.iter().map(|column| (column.name.as_str(), &column.shape));
    let circuit = setup_circuit(columns, false);
    let cells = circuit
        .parameters()
        .zip(&lowered.parameters)
        .map(|(id, parameter)| {
            let cells: Vec<i64> = parameter.cells.to_vec().into_iter().map(i64::from).collect();
            (id, circuit[id].shape.pad(&cells, 0))
        })
        .collect();
    (circuit, cells)
}

fn violation(circuit: &Circuit, cells: &[(ColumnId, Vec<i64>)]) -> Result<(), Violation> {
    let values = Values::new(circuit);
    for (id, cells) in cells {
        let cells: Vec<M61> = cells.iter().map(|&cell| from_i64(cell)).collect();
        values.set(*id, Cells::Base(cells));
    }
    check(circuit, &values)
}

/// The padded cells of a shape that stand outside of it.
fn padding(shape: &PaddedShape) -> Vec<usize> {
    let mut outside = vec![true; shape.padded_len()];
    shape.for_each_cell(|_, padded| outside[padded] = false);
    (0..outside.len()).filter(|&cell| outside[cell]).collect()
}

#[test]
fn weights_of_a_network_satisfy_the_circuit() {
    let (circuit, cells) = honest();
    circuit.validate().expect("valid");
    assert!(cells.iter().any(|(id, _)| !circuit[*id].shape.is_exact()));
    assert_eq!(violation(&circuit, &cells), Ok(()));

    let key = &fixture().key;
    for chunk in [5, 8, 26] {
        let statement = Statement::of_setup_in(&key.verifying.weights, chunk).expect("a statement");
        let parameters = &key.lowered.parameters;
        let trace = Trace::of_weights(&statement, parameters).expect("a trace");
        assert_eq!(check(statement.circuit(), &trace.values), Ok(()));
        for (statement, counts) in statement.chunks.statements.iter().zip(&trace.multiplicities) {
            let looked_up: u64 = statement.lookups.iter().map(|lookup| 1 << lookup.variables).sum();
            let counted: u64 = counts.iter().map(|count| count.value).sum();
            assert_eq!(counted, looked_up);
        }
        assert!(matches!(
            Trace::of_weights(&statement, &parameters[1..]),
            Err(ProveError::Malformed { .. })
        ));
    }
}

#[test]
fn a_padded_cell_that_is_not_zero_is_found() {
    let (circuit, cells) = honest();
    for (index, (id, _)) in cells.iter().enumerate() {
        for cell in padding(&circuit[*id].shape) {
            let mut altered = cells.clone();
            altered[index].1[cell] = 1;
            let expected = Violation::Equality {
                name: format!("{}/padding", circuit[*id].name),
                cell,
                found: 1,
            };
            assert_eq!(violation(&circuit, &altered), Err(expected));
        }
    }
}

#[test]
fn a_cell_out_of_the_range_is_found() {
    let (circuit, cells) = honest();
    for (index, (id, _)) in cells.iter().enumerate() {
        for (value, allowed) in [
            (127, true),
            (128, false),
            (-128, true),
            (-129, false),
            (1 << 59, false),
        ] {
            let mut altered = cells.clone();
            altered[index].1[0] = value;
            match violation(&circuit, &altered) {
                Ok(()) => assert!(allowed, "{value}"),
                Err(Violation::Lookup { name, row: 0, .. }) => {
                    assert!(
                        !allowed && name == format!("{}/range", circuit[*id].name),
                        "{name}: {value}"
                    );
                }
                Err(other) => panic!("{value}: {other}"),
            }
        }
    }
}

#[test]
fn a_crop_shows_zeros_whatever_stands_on_the_padding() {
    let (circuit, cells) = honest();
    let values = Values::new(&circuit);
    for (id, cells) in &cells {
        values.set(*id, Cells::Base(vec![from_i64(7); cells.len()]));
    }
    for &equality in &circuit.equalities {
        let [weight, cropped] = circuit.sides(equality);
        let shape = &circuit[cropped].shape;
        let crop = shape.pad(&vec![from_i64(7); shape.logical_len()], from_i64(0));
        assert_eq!(values.base(cropped), crop);
        assert!(!circuit.zero_padded()[weight.index()]);
    }
}
